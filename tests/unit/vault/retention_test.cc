// What policy removes from a device is gone from every decrypted byte of its container, and nothing else is.
#include <cstdlib>
#include <fstream>

#include "core/base/bytes.h"
#include "core/vault/vault_impl.h"
#include "tests/support/decrypted.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/relay_key.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

constexpr auto kDay = std::chrono::hours(24);
constexpr std::string_view kWords[] = {"zqtitle", "zqnarrative", "zqsource"};
constexpr double kLatitude = 7.3456789;

/// A team whose reporters follow a policy, with a durable relay, and one reporter.
struct Policed {
  explicit Policed(RolePolicy policy) : relay(Relay::make(77)) {
    relay.info.durable = true;
    must(team.admin()->add_relay(relay.info, team.root_file, "root words"));
    must(team.admin()->set_policy(Role::reporter, policy));
    ben = &team.add(Role::reporter, "Ben");
  }
  Vault& vault() { return **ben; }
  void exchange() {
    carry(**ben, *team.admin());
    carry(*team.admin(), **ben);
  }
  void hold() {
    auto team_id = must(vault().team_view()).team;
    for (const auto& head : must(vault().sync_peer().outgoing_heads()))
      must(vault().sync_peer().take_receipt(relay.info.id, relay.receipt(team_id, head)));
  }
  size_t purge() { return must(vault().purge_due()).purged; }
  size_t purge_after(std::chrono::milliseconds time) {
    ben->clock.advance(time);
    return purge();
  }

  Team team;
  Relay relay;
  Device* ben;
};

ReportId with_canaries(Vault& vault) {
  return submitted(vault, "zqtitle one",
                   {{"what_happened", text("it was zqnarrative there")},
                    {"reported_by", text("zqsource who saw it")},
                    {"place", value(ValueType::point, "7.3456789 9.25")}});
}

/// Words and place, in whatever way they are written in tables, indexes and records.
size_t canaries(const Decrypted& decrypted) {
  auto found = decrypted.hits(kLatitude);
  for (auto word : kWords) found = found + decrypted.hits(word);
  return found.all();
}

/// The keys that open the report's entries.
std::vector<Bytes> entry_keys(Vault& vault, const ReportId& id) {
  std::vector<Bytes> keys;
  constexpr std::string_view kName = "\"entry_key\":";
  auto document = must(vault.disclose(id));
  for (size_t at = document.find(kName); at != std::string::npos; at = document.find(kName, at + 1))
    keys.push_back(*from_hex(document.substr(document.find('"', at + kName.size()) + 1, 64)));
  return keys;
}

Decrypted unlock(Device& device) {
  return Decrypted::unlock(storage::system_files(), device.folder, kPassphrase, device.clock.wall(), *device.random);
}

}  // namespace

TEST_CASE("Retention: what was opened long enough ago is gone from pages, log and ring, and that it was sent stays",
          "[vault][retention]") {
  Policed world({Keep::until_opened, 7, true});
  auto& vault = world.vault();
  auto id = with_canaries(vault);
  auto changed = submitted(vault, "zqchanged");
  CHECK(must(vault.list({.text = "zqnarrative"})).size() == 1);  // in the text index
  auto decrypted = unlock(*world.ben);
  decrypted.look();
  for (auto word : kWords) {
    INFO(word);
    auto hits = decrypted.hits(word);
    CHECK(hits.pages + hits.log > 0);
    CHECK(hits.ring > 0);
  }
  auto keys = entry_keys(vault, id);
  REQUIRE(keys.size() == 2);
  for (const auto& key : keys) CHECK(decrypted.hits(key).all() > 0);
  world.exchange();
  must(vault.save(changed, std::vector<Change>{{"what_happened", text("zqunsent")}}));
  auto not_sent = submitted(vault, "zqwaiting");
  auto draft = must(vault.begin("police-incident", "en", std::vector<Change>{{"title", text("zqdraft")}}));
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(6 * kDay) == 0);
  decrypted.look();
  REQUIRE(canaries(decrypted) > 0);

  REQUIRE(world.purge_after(kDay) == 1);
  decrypted.look();
  CHECK(canaries(decrypted) == 0);
  CHECK(decrypted.records() == 1);
  for (const auto& key : keys) CHECK(decrypted.hits(key).all() == 0);
  for (auto word : {"zqchanged", "zqunsent", "zqwaiting", "zqdraft"}) {
    INFO(word);
    CHECK(decrypted.hits(word).all() > 0);
  }

  auto look_again = [&] {
    auto report = must(vault.read(id));
    CHECK(report.purged == world.ben->clock.wall());
    CHECK(report.form_id == "police-incident");
    CHECK(report.level == Level::opened);
    CHECK(report.edits == 2);
    CHECK(report.author == vault.sync_peer().device());
    CHECK(report.fields.empty());
    CHECK(must(vault.levels(id)).opened == 2);
    CHECK(must(vault.list({})).size() == 4);
    CHECK(must(vault.list({.only_unsent = true})).size() == 3);
    CHECK(must(vault.facets({})).forms == std::vector<ReportFacets::Count>{{"police-incident", 4}});
    CHECK(must(vault.facets({})).days.empty());
    CHECK(must(vault.list({.text = "zqnarrative"})).empty());
    CHECK(must(vault.count({.box = ReportQuery::Box{7, 9, 8, 10}})) == 0);
    CHECK(must(vault.status()).purged == 1);
    CHECK(must(vault.read(changed)).field("what_happened")->values.front().value->text() == "zqunsent");
    CHECK(must(vault.read(not_sent)).field("title")->values.front().value->text() == "zqwaiting");
    CHECK(must(vault.read(draft)).field("title")->values.front().value->text() == "zqdraft");
    size_t visited = 0;
    must(vault.each({}, [&](const Report&) { return ++visited, true; }));
    CHECK(visited == 3);
    CHECK(must(vault.check()).sound());
  };
  look_again();
  auto refused = vault.save(id, std::vector<Change>{{"killed", value(ValueType::integer, "1")}});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::input_refused);
  CHECK(refused.error().message == "cannot save: the team's policy has removed what this report says from here");
  CHECK_FALSE(vault.retract(id, "a reason").ok());
  CHECK_FALSE(vault.disclose(id).ok());

  // The feed goes on, and a reader who has nothing of it yet reads all of it from this device.
  auto next = submitted(vault, "zqnext");
  auto& cleo = world.team.add(Role::coordinator, "Cleo");
  carry(*world.team.admin(), vault);
  carry(vault, *cleo);
  CHECK(must(cleo->read(id)).field("what_happened")->values.front().value->text() == "it was zqnarrative there");
  CHECK(must(cleo->read(next)).field("title")->values.front().value->text() == "zqnext");
  CHECK(must(cleo->status()).forks + must(cleo->status()).set_aside == 0);
  must(vault.discard(must(vault.begin("police-incident", "en"))));
  must(vault.submit(changed));
  world.exchange();
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(7 * kDay) == 3);
  CHECK(must(vault.read(draft)).field("title")->values.front().value->text() == "zqdraft");
}

TEST_CASE("Retention: a clock that was set counts nothing; a later edit begins the days anew", "[vault][retention]") {
  Policed world({Keep::until_opened, 7, true});
  auto& vault = world.vault();
  auto id = with_canaries(vault);
  world.exchange();
  CHECK(world.purge() == 0);
  world.ben->clock.set_wall(world.ben->clock.wall() + 365 * 20 * kDay);
  CHECK(world.purge() == 0);
  world.ben->clock.set_wall(world.ben->clock.wall() - 365 * 30 * kDay);
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(6 * kDay) == 0);
  must(vault.save(id, std::vector<Change>{{"killed", value(ValueType::integer, "1")}}));
  must(vault.submit(id));
  CHECK(world.purge_after(2 * kDay) == 0);  // not opened yet
  world.exchange();
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(6 * kDay) == 0);
  CHECK(world.purge_after(kDay) == 1);
}

TEST_CASE("Retention: under until-held the sealed entries stay, are handed on and get opened", "[vault][retention]") {
  Policed world({Keep::until_held, 0, true});
  auto& vault = world.vault();
  auto id = with_canaries(vault);
  CHECK(world.purge() == 0);
  world.hold();
  REQUIRE(world.purge() == 1);
  auto decrypted = unlock(*world.ben);
  decrypted.look();
  CHECK(canaries(decrypted) == 0);
  CHECK(must(vault.read(id)).level == Level::held);
  world.ben->reopen();
  world.exchange();
  CHECK(must(world.team.admin()->read(id)).field("title")->values.front().value->text() == "zqtitle one");
  CHECK(must((*world.ben)->read(id)).level == Level::opened);
}

TEST_CASE("Retention: what went out again from an older state leaves no key, and what was purged does not go out",
          "[vault][retention]") {
  Policed world({Keep::until_held, 1, true});
  auto& device = *world.ben;
  submitted(*device, "Before the copy");
  world.exchange();
  must(device->lock());
  auto older = world.team.folder.path() / "older";
  std::filesystem::copy(device.folder, older, std::filesystem::copy_options::recursive);
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));
  for (int i = 0; i < 3; ++i) submitted(*device, "After the copy");
  carry(*device, *world.team.admin());
  must(device->lock());
  device.folder = older;
  device.vault = must(Vault::open(device.folder, kPassphrase, device.environment()));

  auto gone = submitted(*device, "zqtitle gone");  // under a number that the admin holds otherwise
  world.hold();
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(kDay) >= 1);
  REQUIRE(must(device->read(gone)).purged);
  auto id = with_canaries(*device);
  auto keys = entry_keys(*device, id);
  for (const auto& batch : batches_of(*world.team.admin(), 64 * 1024))
    if (batch.feed.device == device->sync_peer().device()) must(device->entries().append(batch));
  for (const auto& key : entry_keys(*device, id)) keys.push_back(key);
  carry(*device, *world.team.admin());
  CHECK(must(world.team.admin()->read(id)).field("title")->values.front().value->text() == "zqtitle one");
  CHECK_FALSE(world.team.admin()->read(gone).ok());
  CHECK(must(device->read(gone)).edits == 1);
  world.hold();
  CHECK(world.purge() == 0);
  CHECK(world.purge_after(kDay) >= 1);
  REQUIRE(must(device->read(id)).purged);
  auto decrypted = unlock(device);
  decrypted.look();
  CHECK(canaries(decrypted) == 0);
  REQUIRE(keys.size() >= 3);
  for (const auto& key : keys) CHECK(decrypted.hits(key).all() == 0);
  CHECK(must(device->check()).findings == std::vector<std::string>{});
}

TEST_CASE("Retention: locking purges too; without a policy, and on a coordinator's device, nothing is",
          "[vault][retention]") {
  Policed world({Keep::until_held, 0, true});
  auto id = with_canaries(world.vault());
  world.hold();
  world.ben->reopen();
  CHECK(must((*world.ben)->read(id)).purged);

  auto& admin = *world.team.admin();
  must(admin.set_policy(Role::admin, {Keep::until_held, 0, true}));
  auto own = with_canaries(admin);
  for (const auto& head : must(admin.sync_peer().outgoing_heads()))
    must(admin.sync_peer().take_receipt(world.relay.info.id, world.relay.receipt(must(admin.team_view()).team, head)));
  CHECK(must(admin.read(own)).level == Level::held);
  CHECK(must(admin.purge_due()).purged == 0);
  CHECK_FALSE(must(admin.read(own)).purged);

  must(admin.set_policy(Role::reporter, {}));
  carry(admin, **world.ben);
  auto kept = with_canaries(**world.ben);
  world.ben->clock.advance(kDay);
  auto team_id = must((*world.ben)->team_view()).team;
  for (const auto& head : must((*world.ben)->sync_peer().outgoing_heads()))
    must((*world.ben)->sync_peer().take_receipt(world.relay.info.id, world.relay.receipt(team_id, head)));
  CHECK(must((*world.ben)->purge_due()).purged == 0);
  CHECK_FALSE(must((*world.ben)->read(kept)).purged);
}

TEST_CASE("Retention: a power cut at any call of a purge leaves it done or not begun, and reopening ends it",
          "[vault][retention]") {
  Policed world({Keep::until_held, 1, true});
  auto id = with_canaries(world.vault());
  auto draft = must(world.vault().begin("police-incident", "en", std::vector<Change>{{"title", text("zqdraft")}}));
  must(world.vault().list({.text = "zqnarrative"}));
  world.hold();
  CHECK(world.purge() == 0);
  auto& device = *world.ben;
  must(device->lock());
  device.vault.reset();
  device.clock.advance(2 * kDay);
  MemoryDisk disk;
  for (const auto& file : std::filesystem::directory_iterator(device.folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    disk.set_content(file.path().filename().string(), Bytes(std::istreambuf_iterator<char>(in), {}));
  }
  const auto before = disk.image();
  auto open = [&] { return must(vault::VaultImpl::open({"", disk}, kPassphrase, device.environment())); };
  auto random = generator(17);

  uint64_t calls = 0;
  {
    auto vault = open();
    disk.set_fault({});
    REQUIRE(must(vault->purge_due()).purged == 1);
    calls = disk.counted();
  }
  REQUIRE(calls > 20);
  const uint64_t step = std::getenv("LYSOEN_LONG") ? 1 : std::max<uint64_t>(1, calls / 60);
  size_t done = 0, undone = 0;
  for (uint64_t at = 1 + random() % step; at <= calls; at += step) {
    INFO("power cut at call " << at << " of " << calls);
    disk.restore(before);
    {
      auto vault = open();
      MemoryDisk::Fault fault;
      fault.at = at;
      fault.forever = true;
      disk.set_fault(fault);
      (void)vault->purge_due();
    }
    disk.lose_power(random);
    auto vault = open();
    auto decrypted = Decrypted::unlock(disk, "", kPassphrase, device.clock.wall(), *device.random);
    decrypted.look();
    auto report = must(vault->read(id));
    if (report.purged) {
      ++done;
      CHECK(canaries(decrypted) == 0);
    } else {
      ++undone;
      CHECK(report.field("title")->values.front().value->text() == "zqtitle one");
      CHECK(canaries(decrypted) > 0);
      CHECK(must(vault->purge_due()).purged == 1);
      decrypted.look();
      CHECK(canaries(decrypted) == 0);
    }
    CHECK(must(vault->read(draft)).field("title")->values.front().value->text() == "zqdraft");
  }
  CHECK((done > 0 && undone > 0));
}
