// Blocking calls for command lines: a stack, a client, run until done.
#include <lysoen/sync/http.h>

#include "core/base/try.h"

namespace lysoen {

namespace {

// Runs `client` on `stack` until it calls back.
template <class Outcome, class Client>
Outcome run_to_end(HttpStack& stack, Client& client) {
  std::optional<Outcome> outcome;
  client.start([&](Outcome done) {
    outcome = std::move(done);
    stack.stop();
  });
  stack.run();
  return std::move(*outcome);
}

}  // namespace

Result<SyncOutcome> sync_now(SyncPeer& peer, EntryStore& store, Environment environment, const SyncOptions& options,
                             const HttpOptions& http) {
  LYSOEN_ASSIGN(auto stack, HttpStack::make(http));
  Client client(peer, store, stack->carrier(), stack->loop(), environment, options);
  auto outcome = run_to_end<SyncOutcome>(*stack, client);
  if (outcome.failure && !outcome.any_progress()) return *outcome.failure;
  return outcome;
}

Result<JoinOutcome> join_now(JoinErrand errand, Environment environment, const JoinOptions& options,
                             const HttpOptions& http) {
  LYSOEN_ASSIGN(auto stack, HttpStack::make(http));
  JoinClient client(std::move(errand), stack->carrier(), stack->loop(), environment, options);
  auto outcome = run_to_end<JoinOutcome>(*stack, client);
  if (outcome.failure && !outcome.posted) return *outcome.failure;
  return outcome;
}

}  // namespace lysoen
