// Virtual time and a scripted link for the client: nothing sleeps, every run is the same.
#pragma once
#include <lysoen/sync/sync.h>

#include <deque>
#include <map>

#include "tests/support/seed.h"

namespace lysoen::test {

class SimLoop final : public Loop {
 public:
  explicit SimLoop(ManualClock& clock) : clock_(clock) {}

  void post(Task task) override { after(std::chrono::milliseconds(0), std::move(task)); }
  Timer after(std::chrono::milliseconds delay, Task task) override {
    auto id = ++last_;
    tasks_.emplace(std::pair(clock_.monotonic() + delay, id), std::move(task));
    return id;
  }
  void cancel(Timer timer) override {
    std::erase_if(tasks_, [&](const auto& item) { return item.first.second == timer; });
  }

  /// Runs the next task, if one is due until then.
  bool step(std::chrono::nanoseconds until = std::chrono::nanoseconds::max()) {
    if (tasks_.empty() || tasks_.begin()->first.first > until) return false;
    auto node = tasks_.extract(tasks_.begin());
    auto wait = node.key().first - clock_.monotonic();
    if (wait.count() > 0) clock_.advance(std::chrono::ceil<std::chrono::milliseconds>(wait));
    node.mapped()();
    return true;
  }
  /// Runs until nothing is left, or so many steps were taken. Answers whether nothing is left.
  bool run(int steps_max = 100000) {
    for (int i = 0; i < steps_max && step(); ++i) {
    }
    return tasks_.empty();
  }

 private:
  ManualClock& clock_;
  Timer last_ = 0;
  std::map<std::pair<std::chrono::nanoseconds, Timer>, Task> tasks_;
};

/// Answers each request as `respond` says, after the time it says.
class SimCarrier final : public Carrier {
 public:
  struct Reply {
    CarrierAnswer answer;
    std::chrono::milliseconds after{100};
  };
  struct Seen {
    std::string url;
    size_t size;
    std::chrono::milliseconds deadline;
    std::chrono::nanoseconds at;
  };

  SimCarrier(SimLoop& loop, ManualClock& clock) : loop_(loop), clock_(clock) {}

  Ticket send(CarrierRequest request, Done done) override {
    seen.push_back({request.url, request.body.size(), request.deadline, clock_.monotonic()});
    auto reply = respond(request);
    if (reply.after > request.deadline) {
      reply.answer = failure("no whole answer in time", request.body.size(), 0);
      reply.after = request.deadline;
    }
    auto ticket = loop_.after(
        reply.after, [done = std::move(done), answer = std::move(reply.answer)]() mutable { done(std::move(answer)); });
    return ticket;
  }
  void cancel(Ticket ticket) override {
    cancelled += ticket != 0;
    loop_.cancel(ticket);
  }

  static CarrierAnswer success(Bytes body, uint64_t up = 0) {
    CarrierAnswer answer;
    answer.bytes_up = up, answer.bytes_down = body.size();
    answer.body = std::move(body);
    return answer;
  }
  static CarrierAnswer failure(std::string why, uint64_t up, uint64_t down) {
    CarrierAnswer answer;
    answer.failure = make_error(ErrorCode::no_network, std::move(why));
    answer.bytes_up = up, answer.bytes_down = down;
    return answer;
  }

  std::function<Reply(const CarrierRequest&)> respond;
  std::vector<Seen> seen;
  int cancelled = 0;

 private:
  SimLoop& loop_;
  ManualClock& clock_;
};

}  // namespace lysoen::test
