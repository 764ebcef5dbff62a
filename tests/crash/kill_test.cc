// kill -9 at a random moment, again and again. The child saves and tells through a pipe what it is about to do and what
// was acknowledged; the parent, in another process, keeps that, opens the vault and compares.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "core/base/bytes.h"
#include "tests/crash/story.h"
#include "tests/support/temp_folder.h"

// Of SQLite, whose header only core/storage includes. Its generator is one for the process, and a fork copies it.
extern "C" void sqlite3_randomness(int size, void* out);

using namespace lysoen;
using namespace lysoen::crash;

namespace {

constexpr int kKillsOfOneVault = 100;

/// On a file system in memory if there is one: a kill loses nothing of what the kernel has, synced or not.
std::filesystem::path quick_place() {
  return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
}

std::vector<Change> killed(int value) {
  return {{"killed", must(Value::parse(ValueType::integer, std::to_string(value)))}};
}

// -- The child ------------------------------------------------------------------------------------------------------

void tell(int pipe, const std::string& line) {
  if (write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
}

/// Lines: "? what" before, "! what" once acknowledged, "h incarnation seq hash" for what may have left from now on.
[[noreturn]] void work_until_killed(Device& device, int pipe, uint64_t first) {
  if (!device.open()) _exit(4);
  for (uint64_t number = first;; ++number) {
    const std::string title = "R" + std::to_string(number);
    auto act = [&](const std::string& what, auto done) {
      tell(pipe, "? " + what + "\n");
      if (!done()) _exit(5);
      tell(pipe, "! " + what + "\n");
    };
    ReportId id;
    act(title + " draft 0", [&] {
      auto made = write_draft(device, title);
      if (made) id = *made;
      return made.ok();
    });
    for (int value = 1; value <= 3; ++value)
      act(title + " draft " + std::to_string(value), [&] { return device->save(id, killed(value)).ok(); });
    if (number % 3 == 0) continue;
    act(title + " sent 3", [&] { return device->submit(id).ok(); });
    auto heads = device.heads();
    if (!heads) _exit(6);
    for (const auto& head : *heads)
      tell(pipe, "h " + std::to_string(head.feed.incarnation) + " " + std::to_string(head.seq) + " " + head.hash.hex() +
                     "\n");
    if (number % 40 == 0 && (!device.lock() || !device.open())) _exit(7);
  }
}

// -- The oracle -----------------------------------------------------------------------------------------------------

struct Oracle {
  std::map<std::string, std::string> reports;  // title: "draft 2"
  std::string in_flight;                       // title and what it would be
  std::map<std::pair<uint32_t, uint64_t>, std::string> left;
  uint64_t acknowledged = 0;

  void hear(const std::string& said) {
    std::istringstream lines(said);
    in_flight.clear();
    for (std::string line; std::getline(lines, line) && !lines.eof();) {  // the last one may be cut
      const std::string what = line.substr(2), title = what.substr(0, what.find(' '));
      if (line[0] == '?') in_flight = what;
      if (line[0] == 'h') {
        std::istringstream parts(what);
        uint32_t incarnation = 0;
        uint64_t seq = 0;
        std::string hash;
        parts >> incarnation >> seq >> hash;
        left[{incarnation, seq}] = hash;
      }
      if (line[0] != '!') continue;
      reports[title] = what.substr(title.size() + 1);
      in_flight.clear();
      ++acknowledged;
    }
  }
};

std::string state_of(const Report& report) {
  const auto* value = report.field("killed");
  return std::string(report.level == Level::draft ? "draft " : "sent ") +
         (value ? value->values.front().value->text() : "0");
}

void compare(Device& device, Oracle& oracle) {
  std::map<std::string, std::string> there;
  size_t count = 0;
  must(device->each({}, [&](const Report& report) {
    ++count;
    there[report.field("title")->values.front().value->text()] = state_of(report);
    return true;
  }));
  REQUIRE(there.size() == count);  // nothing twice
  for (const auto& [title, state] : there) {
    if (oracle.reports.count(title) && oracle.reports[title] == state) continue;
    INFO("report " << title << " is '" << state << "', in flight '" << oracle.in_flight << "'");
    REQUIRE(title + " " + state == oracle.in_flight);
    oracle.reports[title] = state;  // it stands; from now on it must
  }
  REQUIRE(there.size() == oracle.reports.size());
  const auto own = must(device->all_heads());
  for (const auto& [place, hash] : oracle.left) {
    for (const auto& head : own) {
      if (head.feed.incarnation != place.first || head.feed.device != device->sync_peer().device()) continue;
      auto is = must(device.hash_at(head.feed, place.second));
      REQUIRE(is.has_value());
      REQUIRE(is->hex() == hash);
    }
  }
  for (const auto& notice : must(device->status()).notices) FAIL("an untrue notice: " << notice);
}

struct Tally {
  uint64_t kills = 0, acknowledged = 0;
};

void kill_again_and_again(int kills, std::mt19937_64& random, Tally& tally) {
  test::TempFolder folder(quick_place());
  auto& files = storage::system_files();
  Device device(files, folder.path() / "device", random()), follower(files, folder.path() / "follower", random());
  must(device.create());
  must(follower.create());
  must(device->create_team({"Monitors", "Ada", "root words", {}}));
  auto joining = must(follower->join(must(device->invite({Role::coordinator, "Cleo"})).file));
  must(follower->finish_join(must(device->admit(must(device->offer_join_request(joining.request)).id))));
  must(device.lock());
  Oracle oracle;
  uint64_t number = 1;
  for (int round = 0; round < kills; ++round) {
    INFO("kill " << round << " of this vault");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    device.random = test::SeededRandom(random());  // no nonce twice
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(ends[0]);
      sqlite3_randomness(0, nullptr);  // seeded anew: no two logs with the same salts
      work_until_killed(device, ends[1], number);
    }
    close(ends[1]);
    usleep(static_cast<useconds_t>(2000 + random() % 40000));
    kill(child, SIGKILL);
    std::string said;
    char piece[4096];
    for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) said.append(piece, static_cast<size_t>(got));
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const uint64_t before = oracle.acknowledged;
    oracle.hear(said);
    tally.acknowledged += oracle.acknowledged - before;
    ++tally.kills;

    must(device.open());
    compare(device, oracle);
    number = oracle.reports.size() + 1;
    if (round % 10 == 9 || round + 1 == kills) {
      REQUIRE(must(device.check()).empty());
      must(hand_over(device, follower));
      oracle.left.clear();  // the follower holds them
    }
    must(device.lock());
  }
  // A reader that followed all the time sees one history.
  must(device.open());
  auto status = must(follower->status());
  CHECK(status.forks == 0);
  CHECK(status.set_aside == 0);
  CHECK(must(follower->count({})) == must(device->status()).submitted);
}

}  // namespace

TEST_CASE("Kill: a report saved before a kill is there after reopening, once, and no place in a feed is used twice",
          "[crash][kill]") {
  const int kills = std::getenv("LYSOEN_LONG") ? 10000 : 300;
  auto random = test::generator(3);
  Tally tally;
  while (tally.kills < static_cast<uint64_t>(kills) || (kills >= 10000 && tally.acknowledged < 200000))
    kill_again_and_again(kKillsOfOneVault, random, tally);
  std::printf("kill: kills %llu, acknowledged saves %llu, lost 0, doubled 0, forked 0\n",
              static_cast<unsigned long long>(tally.kills), static_cast<unsigned long long>(tally.acknowledged));
}
