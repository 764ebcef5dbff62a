#include "network.h"

#include <utility>

namespace lysoen::sim {

using std::chrono::milliseconds;
using test::SimCarrier;

namespace {

constexpr milliseconds kTogether{3};   // requests that arrive within this are one group for the relay
constexpr uint64_t kPartMax = 20'000;  // bytes that come at once
constexpr uint64_t kErrorPage = 150;   // bytes of what a relay says when it cannot open a request

}  // namespace

milliseconds Network::delay() {
  return milliseconds(dice_.below(static_cast<uint64_t>(weather.delay_max.count()) + 1));
}

bool Network::spoil(Bytes& message) {
  bool cut = dice_.percent(weather.cut), flip = dice_.percent(weather.flipped);
  if (cut) message.resize(dice_.below(message.size()));
  if (flip && !message.empty()) message[dice_.below(message.size())] ^= static_cast<uint8_t>(1u << dice_.below(8));
  figures_.spoiled += cut || flip;
  return cut;
}

Carrier::Ticket Network::send(size_t from, CarrierRequest request, Carrier::Done done) {
  auto ticket = ++last_;
  size_t to = 0;
  while (url_of(to) != request.url) ++to;
  trace_.note("request to " + std::to_string(to), request.body);
  watch_.look(request.body, "a request");
  ++figures_.messages;
  auto late = loop_.after(request.deadline, [this, ticket, up = request.body.size()] {
    finish(ticket, SimCarrier::failure("no whole answer in time", up, 0));
  });
  waiting_[ticket] = {std::move(done), std::move(request.part), late, request.body.size()};
  if (down.contains({from, to})) {
    refuse(ticket);
    return ticket;
  }
  if (dice_.percent(weather.lost)) return ticket;
  for (int copies = dice_.percent(weather.doubled) ? 2 : 1; copies > 0; --copies) {
    Arrived arrived{ticket, {from, request.body}};
    spoil(arrived.letter.body);
    loop_.after(delay(), [this, to, arrived = std::move(arrived)]() mutable { arrive(to, std::move(arrived)); });
  }
  return ticket;
}

void Network::cancel(Carrier::Ticket ticket) {
  auto gone = waiting_.extract(ticket);
  if (gone) loop_.cancel(gone.mapped().deadline);
}

void Network::arrive(size_t to, Arrived arrived) {
  auto& together = arrived_[to];
  together.push_back(std::move(arrived));
  if (together.size() == 1) loop_.after(kTogether, [this, to] { flush(to); });
}

void Network::flush(size_t to) {
  auto arrived = std::exchange(arrived_[to], {});
  std::vector<Letter> letters;
  for (auto& one : arrived) letters.push_back(std::move(one.letter));
  auto replies = relay(to, letters);
  for (size_t i = 0; i < arrived.size(); ++i) {
    if (!replies) {
      refuse(arrived[i].ticket);
    } else {
      answer(arrived[i].ticket, std::move((*replies)[i]));
    }
  }
}

void Network::refuse(Carrier::Ticket ticket) {
  loop_.after(delay(), [this, ticket] { finish(ticket, SimCarrier::failure("connection refused", 0, 0)); });
}

void Network::answer(Carrier::Ticket ticket, Reply reply) {
  trace_.note("answer", reply.body);
  watch_.look(reply.body, "an answer");
  ++figures_.messages;
  if (reply.kept_back || dice_.percent(weather.lost)) return;
  CarrierAnswer answer;
  if (reply.body.empty()) {
    answer = SimCarrier::failure("the relay answered 404", 0, kErrorPage);
  } else {
    bool cut = spoil(reply.body);
    answer = SimCarrier::success(std::move(reply.body));
    if (cut) answer.failure = make_error(ErrorCode::no_network, "the answer was cut");
  }
  loop_.after(delay() + reply.late,
              [this, ticket, answer = std::move(answer)]() mutable { finish(ticket, std::move(answer)); });
}

void Network::finish(Carrier::Ticket ticket, CarrierAnswer answer) {
  auto found = waiting_.extract(ticket);
  if (!found) return;  // the second of two copies, too late, or nobody waits any more
  loop_.cancel(found.mapped().deadline);
  answer.bytes_up = found.mapped().up;
  // Half of the carriers hand on what comes while it comes.
  if (found.mapped().part && part_dice_.percent(50))
    for (size_t here = 0; (here += part_dice_.between(1, kPartMax)) < answer.body.size();)
      found.mapped().part(ByteView(answer.body).first(here));
  found.mapped().done(std::move(answer));
}

}  // namespace lysoen::sim
