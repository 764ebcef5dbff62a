// The simulation: start here. One seed is one story: a team of real vaults, the real sync client and two real relays in
// one process and one thread, on a virtual clock and a network that loses, delays, doubles, reorders, cuts and flips.
//
//   world.h       devices, relays, and how they die and come back
//   station.h     a relay and its disk
//   hostile.h     a relay that is on nobody's side; forger.h: what it says
//   network.h     what happens between them
//   ledger.h      what somebody was told, kept outside of everything that dies
//   story.h       what people do, drawn from the seed
//   properties.h  what must hold, whatever happened
//   plaintext.h   looks for report text where none may be
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <optional>
#include <stdexcept>
#include <string>

namespace lysoen::sim {

/// What must hold. The names are what a failing seed prints.
enum class Property {
  nothing_lost,    // what was acknowledged is at its author, and in the end at every coordinator, once
  same_bytes,      // coordinators that heard the same show the same, byte for byte
  no_plaintext,    // no report text on the wire, in a bundle or in the relay's store
  levels_true,     // held means held, opened means opened
  nobody_accused,  // no fork, no gap, nothing set aside, no notice against anybody
  lies_noticed,    // a relay that contradicts what it signed is spoken of
  forks_noticed,   // two versions of one feed are noticed
  keys_used_once,  // answers and entries never share a key
  bounded_rounds,  // on a good network everything arrives after so many rounds
  calls_succeed,   // what must work works
};
const char* name_of(Property property);

class Broken : public std::runtime_error {
 public:
  Broken(Property which, const std::string& what)
      : std::runtime_error(std::string(name_of(which)) + ": " + what), property(which) {}
  Property property;
};

inline void hold(bool holds, Property property, const std::string& what) {
  if (!holds) throw Broken(property, what);
}

/// The value; an error breaks `calls_succeed`.
template <class R>
auto must(R result, const char* call) {
  if (!result.ok()) throw Broken(Property::calls_succeed, std::string(call) + ": " + result.error().message);
  if constexpr (!std::is_same_v<R, Result<void>>) return std::move(*result);
}

struct Options {
  uint64_t seed = 0;
  int actions = 60;
  /// What kind of story it is, for a fault that shows in one kind only; otherwise the seed says.
  enum class Other { by_seed, hostile, unlucky } other = Other::by_seed;
  uint32_t arts = 0;  // of a hostile relay (hostile.h); 0: by seed
  bool cloned = false;
  /// The device's disk forgets the last save that it acknowledged when the process dies: a fault to be noticed.
  bool disk_forgets = false;
};

struct Founded;  // world.h

/// What a story held, so that a run can show that it was not empty.
struct Figures {
  uint64_t actions = 0, reports = 0, writes = 0, conflicts = 0, deaths = 0, deaths_within = 0, relay_deaths = 0;
  uint64_t exchanges = 0, messages = 0, spoiled = 0, bundles = 0, rounds = 0, files = 0, file_bytes = 0;
  uint64_t stores_lost = 0, clones = 0, forks = 0, hostile = 0;
  Figures& operator+=(const Figures& other);
};

struct Outcome {
  Hash trace;  // of everything that happened: messages with all their bytes, actions, results
  Figures figures;
  std::optional<Property> broken;
  std::string why;
};

/// Never throws. The same options give the same outcome.
Outcome run(const Founded& founded, const Options& options);

}  // namespace lysoen::sim
