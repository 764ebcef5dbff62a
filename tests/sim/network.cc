#include "network.h"

#include <utility>

namespace lysoen::sim {

using std::chrono::milliseconds;
using test::SimCarrier;

namespace {

constexpr milliseconds kTogether{3};  // requests that arrive within this are one group for the relay
constexpr uint64_t kErrorPage = 150;  // bytes of what a relay says when it cannot open a request

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

Carrier::Ticket Network::send(CarrierRequest request, Carrier::Done done) {
  auto ticket = ++last_;
  trace_.note("request", request.body);
  watch_.look(request.body, "a request");
  ++figures_.messages;
  auto late = loop_.after(request.deadline, [this, ticket, up = request.body.size()] {
    finish(ticket, SimCarrier::failure("no whole answer in time", up, 0));
  });
  waiting_[ticket] = {std::move(done), late, request.body.size()};
  if (dice_.percent(weather.lost)) return ticket;
  for (int copies = dice_.percent(weather.doubled) ? 2 : 1; copies > 0; --copies) {
    auto body = request.body;
    spoil(body);
    loop_.after(delay(), [this, ticket, body = std::move(body)]() mutable { arrive(ticket, std::move(body)); });
  }
  return ticket;
}

void Network::cancel(Carrier::Ticket ticket) {
  auto gone = waiting_.extract(ticket);
  if (gone) loop_.cancel(gone.mapped().deadline);
}

void Network::arrive(Carrier::Ticket ticket, Bytes request) {
  arrived_.emplace_back(ticket, std::move(request));
  if (arrived_.size() == 1) loop_.after(kTogether, [this] { flush(); });
}

void Network::flush() {
  auto arrived = std::exchange(arrived_, {});
  std::vector<Bytes> requests;
  for (auto& [ticket, request] : arrived) requests.push_back(std::move(request));
  auto answers = relay(requests);
  for (size_t i = 0; i < arrived.size(); ++i) {
    auto ticket = arrived[i].first;
    if (!answers) {
      loop_.after(delay(), [this, ticket] { finish(ticket, SimCarrier::failure("connection refused", 0, 0)); });
    } else {
      answer(ticket, std::move((*answers)[i]));
    }
  }
}

void Network::answer(Carrier::Ticket ticket, Bytes body) {
  trace_.note("answer", body);
  watch_.look(body, "an answer");
  ++figures_.messages;
  if (dice_.percent(weather.lost)) return;
  CarrierAnswer answer;
  if (body.empty()) {
    answer = SimCarrier::failure("the relay answered 404", 0, kErrorPage);
  } else {
    bool cut = spoil(body);
    answer = SimCarrier::success(std::move(body));
    if (cut) answer.failure = make_error(ErrorCode::no_network, "the answer was cut");
  }
  loop_.after(delay(), [this, ticket, answer = std::move(answer)]() mutable { finish(ticket, std::move(answer)); });
}

void Network::finish(Carrier::Ticket ticket, CarrierAnswer answer) {
  auto found = waiting_.extract(ticket);
  if (!found) return;  // the second of two copies, too late, or nobody waits any more
  loop_.cancel(found.mapped().deadline);
  answer.bytes_up = found.mapped().up;
  found.mapped().done(std::move(answer));
}

}  // namespace lysoen::sim
