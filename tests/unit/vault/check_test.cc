// Deep verification: sound after ordinary work; each kind of change that authenticates and is still wrong is found.
#include <algorithm>
#include <fstream>

#include "core/storage/container.h"
#include "core/vault/container_key.h"
#include "core/vault/schema.h"
#include "core/vault/slots.h"
#include "core/vault/vault_impl.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// Changes the tables of a locked vault as somebody with its passphrase and another program could.
void alter(Device& device, const std::string& sql) {
  must(device->lock());
  device.vault.reset();
  {
    auto slots = must(vault::SlotFile::open(storage::system_files(), device.folder / "slots"));
    auto opened = must(slots->attempt(kPassphrase, device.clock.wall(), *device.random));
    auto key = must(vault::container_key(opened.content, slots->vault(), nullptr));
    storage::Container::Options options;
    options.folder = device.folder;
    options.migrations = vault::kSchema;
    auto container = must(storage::Container::open(options, key, slots->vault(), *device.random)).container;
    must(container->durable([&](storage::Database& database) { return database.execute(sql); }));
    must(container->lock());
  }
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
}

std::string findings(Device& device) {
  std::string all;
  for (const auto& finding : must(device->check()).findings) all += finding + "\n";
  return all;
}

struct Written : Team {
  Written() {
    auto& ben = add(Role::reporter, "Ben");
    for (int i = 0; i < 20; ++i)
      submitted(*ben, "Report " + std::to_string(i),
                {{"place", value(ValueType::point, std::to_string(10 + i) + " 20")}});
    carry(*ben, *admin());
    must(admin()->begin("police-incident", "en"));
  }
};

}  // namespace

TEST_CASE("Vault: a check after ordinary work finds nothing and changes nothing", "[vault]") {
  Written field;
  auto& device = field.admin();
  auto before = must(device->list({}));
  auto check = must(device->check());
  INFO(findings(device));
  CHECK(check.sound());
  CHECK(check.reports == 21);
  CHECK(check.entries >= 20);
  CHECK(check.feeds >= 1);
  CHECK(check.pages > 10);
  CHECK(must(device->list({})).size() == before.size());
  uint64_t last = 0;
  must(device->check([&](uint64_t done, uint64_t all) { return last = done, done <= all; }));
  CHECK(last > 0);
  auto ended = device->check([](uint64_t, uint64_t) { return false; });
  REQUIRE(!ended.ok());
  CHECK(ended.error().code == ErrorCode::cancelled);
  CHECK(must(device->count({})) == 21);
}

TEST_CASE("Vault: a check finds what opens and is still not what was written", "[vault]") {
  Written field;
  auto& device = field.admin();
  auto [sql, words] = GENERATE(table<std::string, std::string>({
      {"UPDATE reports SET title = 'Another title' WHERE id = 3", "line of report 3 does not follow from its edits"},
      {"UPDATE report_places SET south = 0 WHERE id = 4", "line of report 4 does not follow"},
      {"UPDATE edits SET payload = payload || x'00' WHERE id = 3 << 24",
       "edit 50331648 is not the one that it is kept as"},
      {"UPDATE entries SET length = length + 1 WHERE place = (SELECT min(place) FROM entries)", "does not verify"},
      {"UPDATE entries SET hash = randomblob(32) WHERE place = (SELECT max(place) FROM entries)",
       "keeps another hash of number"},
      {"DELETE FROM blocks", "has nothing signed from number 1 on"},
      {"UPDATE feeds SET head_hash = randomblob(32)", "another head than its entries"},
      {"UPDATE drafts SET content = x'ff'", "cannot be read"},
      {"DELETE FROM report_words WHERE rowid = 3", "reports missing in the text index: 1"},
  }));
  INFO(sql);
  must(device->list({.text = "Report"}));  // the words are in the index
  alter(device, sql);
  auto found = findings(device);
  INFO(found);
  CHECK(found.find(words) != std::string::npos);
}

TEST_CASE("Vault: a check finds a flipped bit in a page that nothing reads", "[vault]") {
  Written field;
  auto& device = field.admin();
  alter(device, "CREATE TABLE ballast (b); INSERT INTO ballast VALUES (randomblob(400000)); DROP TABLE ballast");
  must(device->lock());
  std::fstream file(device.folder / "A.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4096 + 100, std::ios::end);  // pages of a dropped table: free, and at the end
  file.put('\x55');
  file.close();
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
  CHECK(findings(device).find("pages of the database do not open: number ") != std::string::npos);
}

TEST_CASE("Vault: an own feed that cannot be read back blocks nothing, and what it says is sent once more", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  for (int i = 0; i < 3; ++i) submitted(*ben, "Report " + std::to_string(i));
  alter(ben, "DELETE FROM entries WHERE place = (SELECT max(place) FROM entries)");
  auto& store = ben->entries();
  auto first = must(ben->sync_peer().outgoing_heads());
  REQUIRE(first.size() == 1);
  auto unreadable = store.read(first[0].feed, 1, 64 * 1024);
  REQUIRE_FALSE(unreadable.ok());
  CHECK(unreadable.error().code == ErrorCode::damaged);

  auto again = must(ben->sync_peer().outgoing_heads());
  REQUIRE(again.size() == 1);
  CHECK(again[0].feed.incarnation == 2);
  auto batch = must(store.read(again[0].feed, 1, 64 * 1024));
  REQUIRE(batch);
  CHECK(must(team.admin()->entries().append(*batch)).outcome == AppendOutcome::stored);
  CHECK(must(team.admin()->list({})).size() == 3);
  CHECK(must(ben->list({})).size() == 3);
  auto notices = must(ben->status()).notices;
  CHECK(std::any_of(notices.begin(), notices.end(),
                    [](const auto& notice) { return notice.find("it is sent once more") != std::string::npos; }));
  CHECK_FALSE(store.read(first[0].feed, 1, 64 * 1024).ok());
  CHECK(must(ben->sync_peer().outgoing_heads()).size() == 1);  // once is enough
}

TEST_CASE("Vault: where pages of two times met, no new report is written over what stands without a line", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  for (int i = 0; i < 3; ++i) submitted(*ben, "Report " + std::to_string(i));
  auto draft = must(ben->begin("police-incident", "en", std::vector<Change>{{"title", text("Draft")}}));
  // Edits and drafts of now; lines and names of before, and a name of later.
  alter(ben,
        "DELETE FROM names WHERE report >= 3; DELETE FROM reports WHERE id >= 3;"
        "INSERT INTO names VALUES (x'" +
            std::string(64, '1') + "', 9)");
  CHECK(must(ben->list({})).size() == 2);
  must(static_cast<vault::VaultImpl&>(*ben).mend_mixed_pages());
  CHECK(must(ben->list({})).size() == 4);
  CHECK(must(ben->read(draft)).field("title")->values.front().value->text() == "Draft");
  auto id = submitted(*ben, "Afterwards");
  CHECK(must(ben->read(id)).field("title")->values.front().value->text() == "Afterwards");
  CHECK(must(ben->list({.text = "report"})).size() == 3);
  CHECK(findings(ben) == "");
}
