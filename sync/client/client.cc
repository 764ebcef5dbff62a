// Client: a SyncRun over the real exchange.
#include <algorithm>

#include "core/base/try.h"
#include "sync/client/sync_run.h"

namespace lysoen {

namespace {

class DeviceExchanger final : public client::Exchanger {
 public:
  DeviceExchanger(SyncPeer& peer, EntryStore& store, RelayInfo relay, Environment environment)
      : peer_(peer), exchange_(peer, store, std::move(relay), environment) {}
  Result<Bytes> request(const session::RequestOptions& options) override { return exchange_.request(options); }
  void part(ByteView so_far) override { exchange_.part(so_far); }
  Result<session::ExchangeOutcome> response(ByteView answer) override {
    LYSOEN_ASSIGN(auto outcome, exchange_.response(answer));
    for (const auto& refused : outcome.refused)
      LYSOEN_TRY(
          peer_.take_refusal(exchange_.relay().id, refused.feed, refused.first_seq, refused.last_seq, refused.reason));
    return outcome;
  }

 private:
  SyncPeer& peer_;
  session::DeviceExchange exchange_;
};

}  // namespace

class Client::State {
 public:
  SyncPeer& peer;
  EntryStore& store;
  Carrier& carrier;
  Loop& loop;
  Environment environment;
  SyncOptions options;
  std::shared_ptr<client::SyncRun> run;
};

Client::Client(SyncPeer& peer, EntryStore& store, Carrier& carrier, Loop& loop, Environment environment,
               SyncOptions options)
    : state_(new State{peer, store, carrier, loop, environment, std::move(options), nullptr}) {}

Client::~Client() {
  if (state_->run) state_->run->drop();
}

void Client::start(Done done) {
  auto& state = *state_;
  auto relays = state.options.relays.empty() ? state.peer.relays() : Result(state.options.relays);
  auto plain = state.peer.plain_http_allowed();
  if (relays.ok() && !plain.ok()) relays = plain.error();
  if (!relays.ok()) {
    // Asked of the loop, so that `done` never runs inside this call.
    std::weak_ptr<State> self = state_;
    state.loop.post([self, done = std::move(done), error = relays.error()] {
      SyncOutcome outcome;
      outcome.failure = error;
      if (self.lock()) done(std::move(outcome));
    });
    return;
  }
  state.options.plain_http = state.options.plain_http && *plain;
  auto make = [&state](const RelayInfo& relay) -> std::unique_ptr<client::Exchanger> {
    return std::make_unique<DeviceExchanger>(state.peer, state.store, relay, state.environment);
  };
  state.run = std::make_shared<client::SyncRun>(std::move(*relays), make, state.carrier, state.loop, state.environment,
                                                state.options);
  state.run->start(std::move(done));
}

void Client::cancel() {
  if (auto run = state_->run) run->end(make_error(ErrorCode::cancelled, "sync was cancelled; nothing is lost"));
}

}  // namespace lysoen
