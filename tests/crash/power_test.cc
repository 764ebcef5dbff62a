// Power cuts at every point of a story, and at every point of the recovery from them. One run keeps its journal; each
// state is a beginning of it, with what was not synced kept, dropped or torn.
#include <cstdlib>

#include "core/base/fault.h"
#include "tests/crash/branch.h"
#include "tests/crash/oracle.h"

using namespace lysoen;
using namespace lysoen::crash;
using test::DiskImage;
using test::Medium;
using test::MemoryDisk;

namespace {

constexpr size_t kComplaintsMax = 3;  // then the rest is not worth waiting for

/// LYSOEN_CRASH_STATE: the seed of the one state to look at, of a run with this LYSOEN_SEED and in this form.
uint64_t only_state() {
  const char* seed = std::getenv("LYSOEN_CRASH_STATE");
  return seed ? std::strtoull(seed, nullptr, 10) : 0;
}

size_t states_wanted() {
  return std::getenv("LYSOEN_LONG") ? 80000 : 5000;
}

struct Tally {
  size_t states = 0, in_recovery = 0, damaged = 0, reported = 0, at_floor = 0;
  size_t lost = 0, silent = 0, forked = 0, other = 0;
  std::vector<std::string> complaints;

  void add(const std::string& where, const Findings& findings) {
    reported += findings.reported;
    for (const auto& complaint : findings.complaints) {
      ++(complaint.fault == Fault::lost     ? lost
         : complaint.fault == Fault::silent ? silent
         : complaint.fault == Fault::forked ? forked
                                            : other);
      complaints.push_back(where + ": " + complaint.what);
    }
  }
};

void flip(Bytes& content, size_t at, std::mt19937_64& random) {
  content[at] ^= static_cast<uint8_t>(1u << (random() % 8));
}

// One bit of the log; with `ring`, also one in the body of every record.
void damage(DiskImage& image, bool ring, std::mt19937_64& random) {
  if (auto log = image.find("A.db-wal"); log != image.end() && !log->second.empty())
    flip(log->second, random() % log->second.size(), random);
  if (!ring || !image.count("A.ring")) return;
  auto& content = image["A.ring"];
  for (size_t block = storage::kRingBlock; block < content.size(); block += storage::kRingBlock)
    flip(content, block + 100, random);
}

struct State {
  const Record& record;
  size_t at;  // the journal's first operation that was not asked for any more
  Damage damage = Damage::none;
  uint64_t seed;
  std::string where() const {
    return record.story + ", operation " + std::to_string(at) + " of " + std::to_string(record.journal.size()) +
           ", damage " + std::to_string(static_cast<int>(damage)) + ", seed " + std::to_string(seed);
  }
};

/// Opens what the power cut left, may cut the power again while it does so, and examines what opens in the end.
void crash(const State& state, DiskImage image, bool again, Tally& tally) {
  std::mt19937_64 random(state.seed);
  ++tally.states;
  if (state.damage != Damage::none) {
    ++tally.damaged;
    damage(image, state.damage == Damage::log_and_ring, random);
  }
  const auto& steps = state.record.steps;
  const size_t acknowledged = state.record.acknowledged(state.at);
  const bool in_flight = acknowledged + 1 < steps.size() && steps[acknowledged + 1].begun < state.at;
  const Moment moment{steps, acknowledged, acknowledged + in_flight, state.damage};
  for (bool counted = false;;) {
    MemoryDisk disk("x");
    disk.restore(image);
    disk.begin_journal();
    Device device(disk, "x", state.seed ^ tally.states);
    auto opened = device.open();
    if (again && random() % 3 != 0 && !disk.journal().empty()) {
      tally.in_recovery += !counted;
      counted = true;
      Medium medium(image);
      for (size_t i = 0, end = random() % disk.journal().size(); i <= end; ++i) medium.take(disk.journal()[i]);
      image = medium.after_cut(random);
      continue;
    }
    Findings findings;
    if (!opened) {
      const auto code = opened.error().code;
      findings.reported = state.damage != Damage::none && code == ErrorCode::damaged;
      if (!may_be_closed(moment, code) && !findings.reported)
        findings.add(Fault::lost, "it does not open: " + opened.error().message);
    } else {
      findings = examine(device, moment, random() % 8 == 0);
      if (findings.complaints.empty() && !findings.reported && random() % 8 == 0)
        follow(device, state.record, moment, state.seed, findings);
      if (random() % 8 == 0) examine_backup(device, moment, state.seed, findings);
    }
    return tally.add(state.where(), findings);
  }
}

/// About `count` states, spread evenly over the record's journal. `again`: whether recoveries are cut as well.
void crash_all(const Record& record, size_t count, bool again, std::mt19937_64& random, Tally& tally) {
  Medium medium(record.before);
  const size_t end = record.journal.size();
  for (size_t at = 0; at <= end && tally.complaints.size() < kComplaintsMax; ++at) {
    if (at > 0) medium.take(record.journal[at - 1]);
    for (size_t i = at * count / (end + 1); i < (at + 1) * count / (end + 1); ++i) {
      State state{record, at, Damage::none, random()};
      if (again && i % 6 == 0) state.damage = i % 24 == 0 ? Damage::log_and_ring : Damage::log;
      if (only_state() != 0 && only_state() != state.seed) {
        ++tally.states;
        continue;
      }
      std::mt19937_64 cut(state.seed + 1);
      crash(state, medium.after_cut(cut), again && i % 2 == 1, tally);
    }
  }
}

/// All stories, and one state in fifty with keys as costly as those that people get.
Tally cut_everywhere(size_t states, std::mt19937_64& random) {
  Tally tally;
  for (const auto& [story, share] : {std::pair{coordinator_story(), 34}, std::pair{reporter_story(), 26},
                                     std::pair{forced_story(), 28}, std::pair{restored_story(), 10}})
    crash_all(tell(story, random()), states * share / 100, true, random, tally);
  const size_t before = tally.states;
  crash_all(tell(reporter_story(), random(), kFloorCost), states / 50, false, random, tally);
  tally.at_floor = tally.states - before;
  return tally;
}

/// What the suite says when the fault is planted; empty if it notices nothing.
std::string noticed(const char* fault, std::mt19937_64& random) {
  auto child = branch();
  if (child) return child->died ? "the process ends" : child->said;
  if (!fault::plant(fault)) finish();
  try {
    for (int attempt = 0; attempt < 32; ++attempt) {  // the rarest shows in one state of some 2,500
      auto tally = cut_everywhere(500, random);
      if (tally.complaints.empty()) continue;
      tell_parent(tally.complaints.front());
      break;
    }
  } catch (...) {
    tell_parent("the story itself fails");
  }
  finish();
}

}  // namespace

TEST_CASE("Power: what was acknowledged is there after a power cut at any call, and at any call of the recovery",
          "[crash][power]") {
  auto random = test::generator(1);
  auto tally = cut_everywhere(states_wanted(), random);
  std::printf(
      "power: states %zu, during recovery %zu, at the key floor %zu, with damage as well %zu (said %zu), lost %zu, "
      "silent %zu, forked %zu, otherwise wrong %zu\n",
      tally.states, tally.in_recovery, tally.at_floor, tally.damaged, tally.reported, tally.lost, tally.silent,
      tally.forked, tally.other);
  for (const auto& complaint : tally.complaints) FAIL_CHECK(complaint);
}

TEST_CASE("Power: each fault that is planted is noticed", "[crash][planted]") {
  auto random = test::generator(7);
  for (const char* fault :
       {"log_sync_skipped", "database_sync_skipped", "ring_sync_skipped", "record_not_written", "ring_ignored",
        "records_share_a_block", "released_without_checkpoint", "durable_without_checkpoint",
        "checkpoint_not_announced", "tag_in_buffer_of_sqlite", "bad_frame_is_an_error", "folder_sync_skipped",
        "slots_sync_skipped", "stream_reused", "incarnation_kept", "acknowledged_too_early", "counters_not_durable"}) {
    auto what = noticed(fault, random);
    INFO(fault);
    CHECK(!what.empty());
    std::printf("planted fault %s: %s\n", fault, what.c_str());
  }
}
