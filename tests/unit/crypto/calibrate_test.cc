// What the costs and the words say, with a stopwatch that the test holds.
#include <lysoen/passphrase.h>

#include "core/crypto/passphrase.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::crypto;
using Holds = PassphraseStrength::Level;

namespace {

constexpr uint64_t kGib = 1024 * 1024 * 1024;

/// A machine that needs so long for each MiB and pass, and up to a tenth more the more memory it is.
struct Machine {
  double seconds_per_mib_and_pass;
  int measured = 0;
  Stopwatch watch() {
    return [this](const Argon2Cost& cost) -> Result<std::chrono::nanoseconds> {
      ++measured;
      return std::chrono::nanoseconds(static_cast<int64_t>(seconds_of(cost) * 1e9));
    };
  }
  double seconds_of(const Argon2Cost& cost) const {
    double mib = cost.memory_kib / 1024.0;
    return mib * cost.passes * seconds_per_mib_and_pass * (1 + mib / 10240);
  }
};

}  // namespace

TEST_CASE("Passphrase: the cost is measured to about a second, at most a quarter of memory, memory before passes",
          "[passphrase]") {
  for (double speed : {1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 4e-3, 5e-2})
    for (uint64_t memory : {kGib / 16, kGib / 2, kGib, 2 * kGib, 4 * kGib, 64 * kGib}) {
      INFO("speed " << speed << ", memory " << memory / 1024 / 1024 << " MiB");
      Machine machine{speed};
      auto cost = calibrate(memory, machine.watch());
      REQUIRE(cost.ok());
      CHECK(machine.measured <= 2);
      CHECK(cost->memory_kib >= kMemoryKibFloor);
      CHECK(cost->passes >= kPassesFloor);
      CHECK(cost->allowed());
      CHECK((cost->memory_kib == kMemoryKibFloor || uint64_t{cost->memory_kib} * 1024 <= memory / 4));
      double seconds = machine.seconds_of(*cost);
      bool at_floor = cost->memory_kib == kMemoryKibFloor && cost->passes == kPassesFloor;
      bool at_ceiling = cost->passes == kPassesCeiling;
      if (!at_floor) CHECK(seconds < 1.3);
      if (!at_ceiling) CHECK(seconds > 0.6);
      if (cost->passes > kPassesFloor)
        CHECK((cost->memory_kib + 1024) * uint64_t{1024} > std::min(std::max(memory / 4, kGib / 16), kGib));
    }
}

TEST_CASE("Passphrase: a real derivation is measured by the monotonic clock", "[passphrase]") {
  test::ManualClock clock;
  auto took = stopwatch(clock)(Argon2Cost{});
  REQUIRE(took.ok());
  CHECK(took->count() == 0);  // the test's clock stands still
  CHECK_FALSE(stopwatch(clock)(Argon2Cost{UINT32_MAX, 3}).ok());
}

TEST_CASE("Passphrase: strength is said in words, and never with the words themselves", "[passphrase]") {
  const KeyCost floor;
  auto level = [&](std::string_view words, std::span<const std::string> known = {}) {
    auto strength = passphrase_strength(words, floor, known);
    if (words.size() > 4) CHECK((strength.sentence + strength.hint).find(words) == std::string::npos);
    CHECK(strength.hint.empty() == (strength.level >= Holds::years));
    return strength.level;
  };
  for (std::string_view bad : {"", "a", "password", "qwertyuiop", "12345678", "aaaaaaaaaaaa", "P@ssw0rd"})
    CHECK(level(bad) == Holds::at_once);
  CHECK(level("correct horse battery staple") >= Holds::years);
  CHECK(level("gannet ledger oblique thimble fresco") == Holds::lifetimes);
  CHECK(level(std::string(5000, 'x') + "k2") <= Holds::lifetimes);
  const std::vector<std::string> team{"Elverumsgruppen"};
  CHECK(level("Elverumsgruppen") > Holds::at_once);
  CHECK(level("Elverumsgruppen", team) == Holds::at_once);
  CHECK(passphrase_strength("password", floor).sentence == "would be guessed at once by somebody who has this device");
  CHECK(passphrase_strength("gannet ledger oblique thimble fresco", floor).sentence ==
        "would not be guessed in a lifetime by somebody who has this device");
  // The dearer the derivation, the longer it holds.
  CHECK(passphrase_strength("brisk fjord", {1024 * 1024, 16}).level > passphrase_strength("brisk fjord", floor).level);
}
