// A call of the disk that fails: full, broken, read-only, a sync that did not reach the medium; once or from then on,
// at every call of a story. A child process takes each turn; the one process that tells the story forks at every call.
#include <cstdlib>

#include "tests/crash/branch.h"
#include "tests/crash/oracle.h"

using namespace lysoen;
using namespace lysoen::crash;
using test::MemoryDisk;

namespace {

constexpr size_t kComplaintsMax = 3;

struct Failure {
  ErrorCode code;
  bool forever;
  const char* name;
};
constexpr Failure kFailures[] = {
    {ErrorCode::io_failed, false, "I/O error once"},        {ErrorCode::io_failed, true, "I/O error for ever"},
    {ErrorCode::storage_full, false, "disk full once"},     {ErrorCode::storage_full, true, "disk full for ever"},
    {ErrorCode::storage_read_only, true, "disk read-only"},
};

struct Tally {
  size_t calls = 0, reads = 0, turns = 0;
  std::vector<std::string> complaints;
};

/// The process tells the story on, here and in its children.
struct Telling {
  World& world;
  MemoryDisk& disk;
  const std::vector<Step>& expected;  // of the same story told before
  std::vector<Step> steps = {};       // acknowledged in this telling
};

/// How it ends for the vault that met the failure.
enum class End : uint8_t { locked, killed, power_cut };

const char* name_of(End end) {
  return end == End::locked ? "locked" : end == End::killed ? "killed" : "a power cut";
}

std::string complaint_of(const Findings& findings) {
  return findings.complaints.empty() ? "" : findings.complaints.front().what;
}

/// In the child, after the act in which the failure fell: what it was told, and what is there once the disk works
/// again.
std::string judge(Telling& telling, const Result<void>& acted, bool forever, End end, std::mt19937_64& random) {
  if (!acted) {
    if (auto badly = reads_badly(acted.error()); !badly.empty())
      return "its message is " + badly + ": " + acted.error().message;
    if (acted.error().code == ErrorCode::damaged)
      return "a call that failed is called damage: " + acted.error().message;
  }
  auto steps = telling.steps;
  size_t acknowledged = steps.size() - 1;
  const bool done = acted || acted.error().code == ErrorCode::partly_done;  // what is left is done when it is opened
  steps.push_back(telling.expected[steps.size()]);
  steps.back().left.clear();  // what an act seals a second time, after a failure, is another entry
  if (done) {                 // nothing was wrong with the act itself
    ++acknowledged;
    steps.back().counter = telling.world.counter;
  }
  if (done && telling.world.device.vault) {
    auto view = telling.world.device.view();
    if (view && *view != steps.back().after) return "it was told that all is well, but that is not so";
    if (auto heads = telling.world.device.heads()) steps.back().left = *heads;
  }
  // Whoever goes on without opening anew is told the truth as well.
  if (!forever && telling.world.device.vault && write_draft(telling.world.device, "Meanwhile")) {
    auto view = telling.world.device.view();
    if (!view) return "after a save it cannot be read: " + view.error().message;
    for (const char* name : {"report Meanwhile", "~level of Meanwhile"})
      for (size_t at = 0; at < steps.size(); ++at) steps[at].after[name] = (*view)[name];
  }
  auto& device = telling.world.device;
  if (end == End::locked) {
    steps[acknowledged].clean = true;  // the mark may have been made though the rest failed: nothing was saved after it
    if (device.vault) (void)device.lock();
  } else {
    // As a kill leaves it: nothing is written by whoever goes.
    MemoryDisk::Fault dead;
    dead.at = 1, dead.forever = true;
    if (end == End::power_cut) telling.disk.lose_power(random);
    auto image = telling.disk.image();
    telling.disk.set_fault(dead);
    device.vault.reset();
    telling.disk.restore(image);
  }
  telling.disk.set_watch({});
  telling.disk.set_fault({});
  device.random = test::SeededRandom(random());
  auto opened = device.open();
  const Moment moment{steps, acknowledged, steps.size() - 1};
  if (!opened)
    return may_be_closed(moment, opened.error().code) ? "" : "it does not open again: " + opened.error().message;
  auto findings = examine(device, moment, false);
  examine_backup(device, {telling.expected, acknowledged, moment.in_flight}, random(), findings);
  if (auto what = complaint_of(findings); !what.empty() || end == End::power_cut) return what;
  // Opened anew, it does not rest on what the kernel only believes to have written.
  auto shown = device.view();
  telling.disk.lose_power(random);
  if (auto again = device.open(); !again) return "it does not open after a power cut: " + again.error().message;
  auto still = device.view();
  if (!shown || !still) return "it cannot be read after a power cut";
  for (const auto& [name, text] : *shown)
    if (name.starts_with("report ") && (!still->count(name) || still->at(name) != text))
      return "'" + name + "' does not outlive a power cut after it was opened anew";
  return "";
}

void fail_at_every_call(const Story& story, uint64_t seed, Tally& tally) {
  const auto record = tell(story, seed);
  MemoryDisk disk("x");
  World world(disk, "x", seed, kCheapCost);
  story.before(world);
  disk.begin_journal();
  Telling telling{world, disk, record.steps};
  telling.steps.push_back(record.steps.front());
  const bool all = std::getenv("LYSOEN_LONG") != nullptr;
  std::mt19937_64 random(seed);
  bool acting = false, is_child = false;
  bool forever = false;
  End end = End::killed;

  disk.set_watch([&](MemoryDisk::Call call) {
    if (!acting || is_child || tally.complaints.size() >= kComplaintsMax) return;
    const bool reads = call == MemoryDisk::Call::read;
    ++(reads ? tally.reads : tally.calls);
    const bool full = !reads && random() % 2 == 0;  // the one failure that no call is spared in the short form
    for (const auto& failure : kFailures) {
      const uint64_t chance = random();
      if (reads && failure.code != ErrorCode::io_failed) continue;
      const bool spared = failure.forever ? chance % 8 != 0 : full != (failure.code == ErrorCode::storage_full);
      if (spared && !all) continue;
      ++tally.turns;
      end = static_cast<End>(chance / 16 % 3);
      auto child = branch();
      if (!child) {
        is_child = true;
        forever = failure.forever;
        MemoryDisk::Fault fault;
        fault.at = 1, fault.forever = failure.forever, fault.code = failure.code;
        fault.applies = [=](MemoryDisk::Call other, const std::string&) {
          return (other == MemoryDisk::Call::read) == reads;
        };
        return disk.set_fault(fault);  // this very call
      }
      if (child->died) child->said += "the process ends";
      if (!child->said.empty())
        tally.complaints.push_back(story.name + ", seed " + std::to_string(seed) + ", '" +
                                   telling.expected[telling.steps.size()].name + "', call " +
                                   std::to_string(tally.calls + tally.reads) + ", " + failure.name + ", then " +
                                   name_of(end) + ": " + child->said);
    }
  });
  for (const auto& act : story.acts) {
    acting = true;
    auto acted = act.run(world);
    acting = false;
    if (is_child) {
      tell_parent(judge(telling, acted, forever, end, random));
      finish();
    }
    must(std::move(acted));
    auto step = record.steps[telling.steps.size()];
    step.counter = world.counter;
    if (world.device.vault) step.left = must(world.device.heads());
    telling.steps.push_back(std::move(step));
  }
  disk.set_watch({});
}

}  // namespace

TEST_CASE("I/O: what was acknowledged stands when any call fails, and the failure is said", "[crash][io]") {
  auto random = test::generator(2);
  Tally tally;
  for (const auto& story : {coordinator_story(), reporter_story(), forced_story(), restored_story()})
    fail_at_every_call(story, random(), tally);
  std::printf("io: calls that write or sync %zu, that read %zu, failures %zu, wrong %zu\n", tally.calls, tally.reads,
              tally.turns, tally.complaints.size());
  for (const auto& complaint : tally.complaints) FAIL_CHECK(complaint);
}
