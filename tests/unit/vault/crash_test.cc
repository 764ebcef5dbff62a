// A child saves and tells through a pipe what was acknowledged; the parent kills it at a random moment, opens the vault
// and compares. What the oracle knows lies outside of the process that dies.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

struct Told {
  ReportId report;
  uint32_t number = 0;
};

[[noreturn]] void write_until_killed(const std::filesystem::path& folder, int pipe, uint64_t salt) {
  ManualClock clock;
  SeededRandom random(seed() + salt);
  auto vault = Vault::open(folder, kPassphrase, {clock, random});
  if (!vault.ok()) _exit(4);
  for (uint32_t number = 0; number < 100000; ++number) {
    auto draft = (*vault)->begin("police-incident", "en");
    if (!draft.ok()) _exit(5);
    std::vector<Change> changes{{"title", Value::text_of("number " + std::to_string(number))}};
    if (!(*vault)->save(*draft, changes).ok()) _exit(6);
    Told told{*draft, number};
    if (number % 3 != 0) {
      auto sent = (*vault)->submit(*draft);
      if (!sent.ok()) _exit(7);
      told.report = *sent;
    }
    if (write(pipe, &told, sizeof told) != sizeof told) _exit(8);
  }
  _exit(9);
}

}  // namespace

TEST_CASE("Vault: a report saved before a kill is there after reopening, once, and no place in a feed is used twice",
          "[vault]") {
  const int kills = std::getenv("LYSOEN_LONG") ? 200 : 20;
  Team team;
  auto& device = team.admin();
  auto& reader = team.add(Role::coordinator, "Cleo");
  must(device->lock());
  device.vault.reset();
  auto random = generator(7);
  std::set<ReportId> saved;
  for (int round = 0; round < kills; ++round) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      write_until_killed(device.folder, ends[1], 5000 + static_cast<uint64_t>(round));
    }
    close(ends[1]);
    usleep(static_cast<useconds_t>(20000 + random() % 120000));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    Told told;
    while (read(ends[0], &told, sizeof told) == sizeof told) saved.insert(told.report);
    close(ends[0]);

    device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
    for (const auto& id : saved) {
      INFO("round " << round << ", report " << id.hex());
      REQUIRE(device->read(id).ok());
    }
    // A reader that followed all the time sees one history.
    carry(*device, *reader);
    must(device->lock());
    device.vault.reset();
  }
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
  CHECK_FALSE(saved.empty());
  CHECK(must(reader->status()).forks == 0);
  CHECK(must(reader->status()).set_aside == 0);
  CHECK(must(reader->count({})) == must(device->status()).submitted);
}

TEST_CASE("Vault: what could not be confirmed as saved does not leave the device", "[vault]") {
  Team team;
  auto& device = team.admin();
  // The ring's next record lies far behind the end of a fresh log: a limit between the two lets only the record fail.
  for (int i = 0; i < 120; ++i) must(device->begin("police-incident", "en"));
  auto draft = must(device->begin("police-incident", "en"));
  must(device->save(draft, std::vector<Change>{{"title", text("Not confirmed")}}));
  device.reopen();
  auto before = must(device->all_heads());
  signal(SIGXFSZ, SIG_IGN);
  rlimit usual{}, tight{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &usual) == 0);
  tight = usual;
  tight.rlim_cur = 400 * 1024;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  auto sent = device->submit(draft);
  setrlimit(RLIMIT_FSIZE, &usual);
  REQUIRE(!sent.ok());
  CHECK(sent.error().message.find("cannot confirm the save") == 0);
  auto heads = device->sync_peer().outgoing_heads();
  CHECK(!heads.ok());
  CHECK(!device->all_heads().ok());
  FeedKey feed{device->sync_peer().device(), before.empty() ? AudienceId{} : before.front().feed.audience, 1};
  CHECK(!device->entries().read(feed, 1, 64 * 1024).ok());
  // Opened anew it is there, confirmed, and goes out.
  device.vault.reset();
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
  CHECK(must(device->sync_peer().outgoing_heads()).size() == 1);
  CHECK(must(device->status()).submitted == 1);
}
