// What an operator asks of a store: `team add`, `check` and the like. One process has the store; if that is a serving
// one, the order reaches it through files in the folder `orders` beside the store (mode 0700), and its answer comes
// back so.
#pragma once
#include <filesystem>
#include <functional>

#include "sync/relay/relay.h"

namespace lysoen::relayd {

/// Where things lie under --store.
struct Places {
  std::filesystem::path folder;    // what --store says
  std::filesystem::path key_file;  // secret; beside the store, so that a backup of one is not one of the other
  std::filesystem::path store() const { return folder / "store"; }
  std::filesystem::path orders() const { return folder / "orders"; }
};

struct Order {
  std::string verb;  // team-add, team-list, team-remove, team-purge, token, check, inspect, backup, import
  std::string argument, token;
  std::vector<std::string> files;  // of import; absolute paths
  bool json = false;
};

struct Outcome {
  std::string out;             // for stdout
  std::optional<Error> error;  // after what was put out, if anything
};

/// Told now and then how far an order is that takes long.
using Tell = std::function<void(const std::string& how_far)>;
/// Runs a piece of work on the writer's strand. False: the relay is about to stop, and it was not run.
using OnWriter = std::function<bool(const std::function<void()>& work)>;

/// Carries an order out on an open relay, on the writer's strand; a backup in small pieces, between the commits of
/// others.
Outcome carry_out(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell);
/// `import`: reads on the caller's thread and stores on the writer's, a mebibyte at a time.
Outcome take_bundles(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell);

/// Opens the store and carries the order out; if a serving process has the store, asks that one. `quotas` bind an
/// import into a store that nobody serves.
Outcome give(const Places& places, const relay::Quotas& quotas, const Order& order, Environment environment);

/// The serving side: answers every order that lies there. `carry_out` runs each.
void answer_orders(const Places& places, const std::function<Outcome(const Order&, const Tell&)>& carry_out);
/// Makes the folder and empties it: orders of an earlier life are nobody's any more.
Result<void> open_orders(const Places& places);

}  // namespace lysoen::relayd
