#include "platforms/c/pull_stack.h"

#include <algorithm>

namespace lysoen::c {

namespace {

// Beyond a request's deadline, until which the app should have said that there is no answer.
constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(5);

Error no_answer(std::string why) {
  return make_error(ErrorCode::no_network, std::move(why), "try again when there is a connection; nothing is lost");
}

}  // namespace

void PullStack::run(const bool& stop) {
  while (!stop) {
    Task task;
    if (!posted_.empty()) {
      task = std::move(posted_.front());
      posted_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first.first <= clock_.monotonic()) {
      task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else {
      return;
    }
    task();
  }
}

std::chrono::milliseconds PullStack::next_timer(std::chrono::milliseconds none) const {
  if (!posted_.empty()) return std::chrono::milliseconds(0);
  if (timers_.empty()) return none;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - clock_.monotonic());
  return std::max(left, std::chrono::milliseconds(0));
}

std::optional<PullStack::Out> PullStack::take() {
  for (auto& [ticket, request] : requests_) {
    if (std::exchange(request.taken, true)) continue;
    return Out{ticket, &request.request};
  }
  return std::nullopt;
}

void PullStack::answer(Ticket ticket, ByteView body) {
  auto out = requests_.find(ticket);
  if (out == requests_.end()) return;
  if (body.size() > out->second.request.answer_max)
    return fail(ticket, body.first(out->second.request.answer_max), "the answer is longer than it may be");
  finish(ticket, {std::nullopt, Bytes(body.begin(), body.end()), out->second.request.body.size(), body.size()});
}

void PullStack::fail(Ticket ticket, ByteView before, std::string why) {
  auto out = requests_.find(ticket);
  if (out == requests_.end()) return;
  // How much of the request left is not known; that it may all have left is the careful guess.
  finish(ticket, {no_answer(std::move(why)), Bytes(before.begin(), before.end()), out->second.request.body.size(),
                  before.size()});
}

void PullStack::part(Ticket ticket, ByteView so_far) {
  auto out = requests_.find(ticket);
  if (out == requests_.end() || !out->second.request.part) return;
  auto part = out->second.request.part;  // what it does may end the request
  part(so_far);
}

void PullStack::finish(Ticket ticket, CarrierAnswer answer) {
  auto out = requests_.extract(ticket);
  cancel(out.mapped().deadline);
  post([done = std::move(out.mapped().done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

Loop::Timer PullStack::after(std::chrono::milliseconds delay, Task task) {
  auto timer = ++last_;
  timers_.emplace(std::pair(clock_.monotonic() + delay, timer), std::move(task));
  return timer;
}

void PullStack::cancel(uint64_t number) {
  requests_.erase(number);
  auto timer = std::find_if(timers_.begin(), timers_.end(), [&](auto& entry) { return entry.first.second == number; });
  if (timer != timers_.end()) timers_.erase(timer);
}

Carrier::Ticket PullStack::send(CarrierRequest request, Done done) {
  auto ticket = ++last_;
  auto deadline =
      after(request.deadline + kGrace, [this, ticket] { fail(ticket, {}, "no answer within the deadline"); });
  requests_.emplace(ticket, Request{std::move(request), std::move(done), deadline});
  return ticket;
}

}  // namespace lysoen::c
