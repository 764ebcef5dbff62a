// Between the devices and the relays: requests and answers that are lost, delayed, doubled, overtaken, cut and flipped,
// as the weather and the dice say; links that are down. Every message is traced and searched for plaintext.
#pragma once
#include <lysoen/sync/sync.h>

#include <map>
#include <set>

#include "dice.h"
#include "plaintext.h"
#include "tests/support/sim_link.h"

namespace lysoen::sim {

/// In percent of messages, each way.
struct Weather {
  uint64_t lost = 0, doubled = 0, cut = 0, flipped = 0;
  std::chrono::milliseconds delay_max{50};
};

/// A request as a relay gets it, and what the relay gives back: nothing to read is "hung up".
struct Letter {
  size_t from = 0;  // number of the device
  Bytes body;
};
struct Reply {
  Bytes body;
  std::chrono::milliseconds late{0};
  bool kept_back = false;
};

class Network {
 public:
  Network(test::SimLoop& loop, Dice& dice, Trace& trace, const PlaintextWatch& watch, Figures& figures)
      : loop_(loop), dice_(dice), part_dice_(dice), trace_(trace), watch_(watch), figures_(figures) {}

  static std::string url_of(size_t relay) { return "http://127.0.0.1:" + std::to_string(relay + 1); }

  /// A relay: letters that came together in, replies out in the same order. Nothing: no relay is there.
  std::function<std::optional<std::vector<Reply>>(size_t relay, const std::vector<Letter>& letters)> relay;
  Weather weather;
  std::set<std::pair<size_t, size_t>> down;  // links, by device and relay

  Carrier::Ticket send(size_t from, CarrierRequest request, Carrier::Done done);
  void cancel(Carrier::Ticket ticket);

 private:
  struct Waiting {
    Carrier::Done done;
    std::function<void(ByteView)> part;
    Loop::Timer deadline = 0;
    uint64_t up = 0;
  };
  struct Arrived {
    Carrier::Ticket ticket;
    Letter letter;
  };
  void arrive(size_t to, Arrived arrived);
  void flush(size_t to);
  void answer(Carrier::Ticket ticket, Reply reply);
  void finish(Carrier::Ticket ticket, CarrierAnswer answer);
  void refuse(Carrier::Ticket ticket);
  std::chrono::milliseconds delay();
  /// The message as it comes out; true if it was cut.
  bool spoil(Bytes& message);

  test::SimLoop& loop_;
  Dice& dice_;
  Dice part_dice_;  // its own, so that the story is the same with other parts
  Trace& trace_;
  const PlaintextWatch& watch_;
  Figures& figures_;
  Carrier::Ticket last_ = 0;
  std::map<Carrier::Ticket, Waiting> waiting_;
  std::map<size_t, std::vector<Arrived>> arrived_;  // by relay
};

/// One device's way into the network. A process that died sends nothing more.
class Line final : public Carrier {
 public:
  Line(Network& network, size_t device, const bool& dead) : network_(network), device_(device), dead_(dead) {}
  Ticket send(CarrierRequest request, Done done) override {
    return dead_ ? 0 : network_.send(device_, std::move(request), std::move(done));
  }
  void cancel(Ticket ticket) override { network_.cancel(ticket); }

 private:
  Network& network_;
  const size_t device_;
  const bool& dead_;
};

}  // namespace lysoen::sim
