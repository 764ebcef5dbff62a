// What a save that the medium did not confirm means for the rest of the session. Kills and power cuts: tests/crash.
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

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
