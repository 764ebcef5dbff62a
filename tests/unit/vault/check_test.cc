// Deep verification: sound after ordinary work; each kind of change that authenticates and is still wrong is found.
#include <fstream>

#include "core/storage/container.h"
#include "core/vault/container_key.h"
#include "core/vault/schema.h"
#include "core/vault/slots.h"
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
