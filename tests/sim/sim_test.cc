// Stories from seeds. LYSOEN_SIM_SEED=n tells one again; LYSOEN_SIM_ALOUD=1 prints what happens in it.
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "core/base/fault.h"
#include "core/feed/body.h"
#include "run.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/seed.h"
#include "world.h"

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

std::string describe(const Figures& sum) {
  auto count = [](uint64_t number, const char* of_what) { return std::to_string(number) + " " + of_what; };
  return count(sum.actions, "actions, ") + count(sum.reports, "reports with ") + count(sum.writes, "writes, ") +
         count(sum.conflicts, "conflicts left, ") + count(sum.deaths, "deaths of devices (") +
         count(sum.deaths_within, "within a call), ") + count(sum.relay_deaths, "of relays, ") +
         count(sum.exchanges, "exchanges, ") + count(sum.messages, "messages (") + count(sum.spoiled, "spoiled), ") +
         count(sum.bundles, "bundles, ") + count(sum.files, "files of ") + count(sum.file_bytes, "bytes, ") +
         count(sum.stores_lost, "stores lost, ") + count(sum.rounds, "rounds to heal");
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
  uint64_t stories = number_from("LYSOEN_SIM_SEEDS").value_or(std::getenv("LYSOEN_LONG") ? 2000 : 120);
  auto began = std::chrono::steady_clock::now();
  int broken = 0;
  for (uint64_t i = 0; i < stories && broken < 10; ++i) broken += !holds(test::seed() + i, sum);
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu seeds from %llu in %lld ms: %s\n", static_cast<unsigned long long>(stories),
              static_cast<unsigned long long>(test::seed()), static_cast<long long>(ms), describe(sum).c_str());
}

TEST_CASE("Simulation: one seed, one trace", "[sim]") {
  auto seed = test::seed();
  auto one = run(team(), {.seed = seed}), again = run(team(), {.seed = seed}), other = run(team(), {.seed = seed + 1});
  std::printf("seed %llu: trace %s\n", static_cast<unsigned long long>(seed), one.trace.hex().c_str());
  CHECK(one.trace == again.trace);
  CHECK(one.trace != other.trace);
}

TEST_CASE("Simulation: seeds that failed once hold", "[sim]") {
  std::ifstream file(test::source_dir() / "tests/sim/seeds_that_failed.txt");
  REQUIRE(file);
  Figures sum;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') holds(std::stoull(line), sum);
}

TEST_CASE("Simulation: the search for plaintext finds what lies in clear, within a zstd frame, and a key", "[sim]") {
  PlaintextWatch watch;
  const std::string report = "before " + std::string(kMarker) + "-17 after, and once more: " + std::string(kMarker);
  const Bytes key(32, 0x5a);
  Bytes frame(ZSTD_compressBound(report.size()));
  frame.resize(ZSTD_compress(frame.data(), frame.size(), report.data(), report.size(), 9));
  REQUIRE(as_text(frame).find("\x28\xb5\x2f\xfd") == 0);
  auto between = [](ByteView middle) {
    Bytes bytes(500, 0x11);
    bytes.insert(bytes.end(), middle.begin(), middle.end());
    bytes.resize(bytes.size() + 500, 0x22);
    return bytes;
  };
  CHECK(watch.shows(between(as_bytes(report))));
  CHECK(watch.shows(between(frame)));
  feed::Dictionaries dictionaries;
  auto packed = feed::encode_body(feed::encode_payload(feed::EditPayload{{}, to_bytes(as_bytes(report))}),
                                  *dictionaries.add(built_in_forms().front()->dictionaries().front()));
  REQUIRE(packed->front() == 2);
  CHECK(watch.shows(between(*packed)));
  CHECK_FALSE(watch.shows(between(key)));
  watch.guard(key);
  CHECK(watch.shows(between(key)));
  CHECK_FALSE(watch.shows(between(as_bytes("no report"))));
}

#ifdef LYSOEN_TEST_BUILD
namespace {

/// With the fault planted, the property breaks within 40 seeds.
void notices(const char* fault, bool* planted, Options options, Property property) {
  if (planted) *planted = true;
  Outcome outcome;
  int seeds = 0;
  options.seed = 1;
  while (outcome.broken != property && ++seeds <= 40) outcome = run(team(), options), ++options.seed;
  if (planted) *planted = false;
  INFO(fault << " is not noticed by '" << name_of(property) << "'");
  CHECK(outcome.broken == property);
  std::printf("planted fault %s: noticed after %d seed%s: %s\n", fault, seeds, seeds == 1 ? "" : "s",
              outcome.why.c_str());
}

}  // namespace

TEST_CASE("Simulation: planted faults are noticed", "[sim][faults]") {
  notices("entries_not_sealed", &fault::entries_not_sealed, {}, Property::no_plaintext);
  notices("receipts_before_durable", &fault::receipts_before_durable, {}, Property::levels_true);
  notices("receipts_before_durable", &fault::receipts_before_durable, {}, Property::bounded_rounds);
  notices("items_withheld", &fault::items_withheld, {}, Property::nobody_accused);
  notices("last_arrival_wins", &fault::last_arrival_wins, {}, Property::same_bytes);
  notices("chunks_not_synced", &fault::chunks_not_synced, {}, Property::calls_succeed);
  notices("chunk_list_ahead", &fault::chunk_list_ahead, {}, Property::calls_succeed);
  notices("blob_receipt_early", &fault::blob_receipt_early, {}, Property::nothing_lost);
  notices("a disk that forgets the last save", nullptr, {.disk_forgets = true}, Property::nothing_lost);
}
#endif
