// Stories from seeds. LYSOEN_SIM_SEED=n tells one again; LYSOEN_SIM_ALOUD=1 prints what happens in it.
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "run.h"
#include "world.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::sim;

namespace {

std::optional<uint64_t> number_from(const char* name) {
  const char* given = std::getenv(name);
  return given ? std::optional<uint64_t>(std::strtoull(given, nullptr, 10)) : std::nullopt;
}

const Founded& team() {
  static const Founded founded;
  return founded;
}

bool holds(uint64_t seed, Figures& sum) {
  auto outcome = run(team(), {.seed = seed});
  sum += outcome.figures;
  if (!outcome.broken) return true;
  FAIL_CHECK("seed " << seed << ": " << outcome.why << "\n  again: LYSOEN_SIM_SEED=" << seed
                     << " LYSOEN_SIM_ALOUD=1 build/dev/tests/sim/simulation \"[seeds]\"");
  return false;
}

}  // namespace

TEST_CASE("Simulation: whatever happens, every property holds", "[sim][seeds]") {
  Figures sum;
  if (auto one = number_from("LYSOEN_SIM_SEED")) {
    holds(*one, sum);
    return;
  }
  uint64_t stories = number_from("LYSOEN_SIM_SEEDS").value_or(std::getenv("LYSOEN_LONG") ? 2000 : 100);
  auto began = std::chrono::steady_clock::now();
  int broken = 0;
  for (uint64_t i = 0; i < stories && broken < 10; ++i) broken += !holds(test::seed() + i, sum);
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
  std::printf(
      "%llu seeds from %llu in %lld ms: %llu actions, %llu reports of %llu edits, %llu conflicts left, %llu deaths of "
      "devices, %llu of the relay, %llu exchanges, %llu messages (%llu spoiled), %llu bundles\n",
      static_cast<unsigned long long>(stories), static_cast<unsigned long long>(test::seed()),
      static_cast<long long>(ms), static_cast<unsigned long long>(sum.actions),
      static_cast<unsigned long long>(sum.reports), static_cast<unsigned long long>(sum.edits),
      static_cast<unsigned long long>(sum.conflicts), static_cast<unsigned long long>(sum.deaths),
      static_cast<unsigned long long>(sum.relay_deaths), static_cast<unsigned long long>(sum.exchanges),
      static_cast<unsigned long long>(sum.messages), static_cast<unsigned long long>(sum.spoiled),
      static_cast<unsigned long long>(sum.bundles));
}
