// Between the devices and the relay: requests and answers that are lost, delayed, doubled, overtaken, cut and flipped,
// as the weather and the dice say. Every message is traced and searched for plaintext.
#pragma once
#include <lysoen/sync/sync.h>

#include <map>

#include "dice.h"
#include "plaintext.h"
#include "tests/support/sim_link.h"

namespace lysoen::sim {

/// In percent of messages, each way.
struct Weather {
  uint64_t lost = 0, doubled = 0, cut = 0, flipped = 0;
  std::chrono::milliseconds delay_max{50};
};

class Network {
 public:
  Network(test::SimLoop& loop, Dice& dice, Trace& trace, const PlaintextWatch& watch, Figures& figures)
      : loop_(loop), dice_(dice), trace_(trace), watch_(watch), figures_(figures) {}

  /// The relay: requests that came together in, answers out in the same order, an empty one for "hung up". Nothing: no
  /// relay is there.
  std::function<std::optional<std::vector<Bytes>>(const std::vector<Bytes>&)> relay;
  Weather weather;

  Carrier::Ticket send(CarrierRequest request, Carrier::Done done);
  void cancel(Carrier::Ticket ticket);

 private:
  struct Waiting {
    Carrier::Done done;
    Loop::Timer deadline = 0;
    uint64_t up = 0;
  };
  void arrive(Carrier::Ticket ticket, Bytes request);
  void flush();
  void answer(Carrier::Ticket ticket, Bytes answer);
  void finish(Carrier::Ticket ticket, CarrierAnswer answer);
  std::chrono::milliseconds delay();
  /// The message as it comes out; true if it was cut.
  bool spoil(Bytes& message);

  test::SimLoop& loop_;
  Dice& dice_;
  Trace& trace_;
  const PlaintextWatch& watch_;
  Figures& figures_;
  Carrier::Ticket last_ = 0;
  std::map<Carrier::Ticket, Waiting> waiting_;
  std::vector<std::pair<Carrier::Ticket, Bytes>> arrived_;
};

/// One device's way into the network. A process that died sends nothing more.
class Line final : public Carrier {
 public:
  Line(Network& network, const bool& dead) : network_(network), dead_(dead) {}
  Ticket send(CarrierRequest request, Done done) override {
    return dead_ ? 0 : network_.send(std::move(request), std::move(done));
  }
  void cancel(Ticket ticket) override { network_.cancel(ticket); }

 private:
  Network& network_;
  const bool& dead_;
};

}  // namespace lysoen::sim
