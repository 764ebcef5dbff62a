// What the disk does to a vault between two sessions, and what opening says of it.
#include "core/base/bytes.h"
#include "tests/support/files.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// The folder as a power cut would leave it: copied while the vault is open, log and ring as they are.
std::filesystem::path as_cut(const Device& device, const std::filesystem::path& to) {
  std::filesystem::copy(device.folder, to, std::filesystem::copy_options::recursive);
  return to;
}

bool has_notice(Vault& vault, const std::string& part) {
  for (const auto& notice : must(vault.status()).notices)
    if (notice.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("Vault: a flipped bit in the log loses nothing that was saved, and it is said", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto early = submitted(*ben, "Early");
  ben.reopen();  // under a checkpoint
  auto sent = submitted(*ben, "Sent after the checkpoint", {{"reported_by", text("a neighbour")}});
  auto draft = must(ben->begin("mine-hazard", "en"));
  must(ben->save(early, std::vector<Change>{{"killed", value(ValueType::integer, "4")}}));
  must(ben->submit(early));
  must(ben->save(early, std::vector<Change>{{"injured", value(ValueType::integer, "5")}}));
  auto heads = must(ben->sync_peer().outgoing_heads());
  auto folder = as_cut(ben, team.folder.path() / "cut");
  auto log = content_of(folder / "A.db-wal");
  REQUIRE(log.size() > 8192);
  log[200] ^= 4;
  write_content(folder / "A.db-wal", log);

  auto vault = must(Vault::open(folder, kPassphrase, ben.environment()));
  CHECK(has_notice(*vault, "written again from the ring, nothing is lost"));
  CHECK(must(vault->sync_peer().outgoing_heads()) == heads);
  CHECK(must(vault->read(sent)).edits == 2);
  CHECK(must(vault->read(draft)).form_id == "mine-hazard");
  auto changed = must(vault->read(early));
  CHECK(changed.field("killed")->values.front().value->text() == "4");
  CHECK(changed.field("injured")->values.front().value->text() == "5");
  CHECK(changed.has_unsent_changes);
  // It goes on where it was: no place in a feed is used twice.
  must(vault->submit(early));
  submitted(*vault, "Later");
  carry(*ben, *team.admin());
  carry(*vault, *team.admin());
  CHECK(must(team.admin()->status()).forks == 0);
  CHECK(must(team.admin()->count({})) == 3);
  CHECK(must(team.admin()->status()).set_aside == 0);
}

TEST_CASE("Vault: if a save may be lost, it is said and the device goes on with new feeds", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  submitted(*ben, "Early");
  ben.reopen();
  submitted(*ben, "In log and ring only");
  auto before = must(ben->sync_peer().outgoing_heads());
  auto folder = as_cut(ben, team.folder.path() / "cut");
  auto log = content_of(folder / "A.db-wal");
  log[200] ^= 4;
  write_content(folder / "A.db-wal", log);
  auto ring = content_of(folder / "A.ring");
  for (size_t block = 4096; block < ring.size(); block += 4096) ring[block + 100] ^= 1;  // bodies only
  write_content(folder / "A.ring", ring);

  auto opened = Vault::open(folder, kPassphrase, ben.environment());
  REQUIRE(opened.ok());
  auto& vault = **opened;
  CHECK(has_notice(vault, "a save may be lost"));
  CHECK(must(vault.count({})) == 1);
  submitted(vault, "Later");
  auto heads = must(vault.sync_peer().outgoing_heads());
  REQUIRE(heads.size() == 2);
  CHECK(heads[1].feed.incarnation > before[0].feed.incarnation);
  // The lost entries were sent before, perhaps: coordinators see no fork.
  carry(*ben, *team.admin());
  carry(vault, *team.admin());
  CHECK(must(team.admin()->status()).forks == 0);
  CHECK(must(team.admin()->count({})) == 3);
}

TEST_CASE("Vault: one unreadable record behind a damaged log costs at most its own save", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  submitted(*ben, "Early");
  ben.reopen();
  auto fresh = content_of(ben.folder / "A.ring");
  for (auto* title : {"One", "Two", "Three"}) submitted(*ben, title);
  auto folder = as_cut(ben, team.folder.path() / "cut");
  auto log = content_of(folder / "A.db-wal");
  log[200] ^= 4;
  write_content(folder / "A.db-wal", log);
  auto ring = content_of(folder / "A.ring");
  size_t fewest = 4;
  for (size_t block = 4096; block < ring.size(); block += 4096) {
    auto at = static_cast<ptrdiff_t>(block);
    if (std::equal(ring.begin() + at, ring.begin() + at + 4096, fresh.begin() + at)) continue;
    INFO("block " << block / 4096);
    auto copy = team.folder.path() / ("block" + std::to_string(block));
    std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
    auto torn = ring;
    torn[block + 100] ^= 1;
    write_content(copy / "A.ring", torn);
    auto opened = must(Vault::open(copy, kPassphrase, ben.environment()));
    auto& vault = *opened;
    size_t sent = 0;
    for (const auto& line : must(vault.list({}))) sent += line.level != Level::draft;
    CHECK(sent >= 3);
    fewest = std::min(fewest, sent);
    // What is left goes out under the new incarnation, unless it still stands where it was.
    must(vault.sync_peer().begin_intake());
    must(vault.sync_peer().end_intake());
    for (const auto& line : must(vault.list({})))
      if (line.level != Level::draft) CHECK(!must(vault.disclose(line.id)).empty());
  }
  CHECK(fewest == 3);
}

TEST_CASE("Vault: a coordinator that loses what it received has not acknowledged it", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto id = submitted(*ben, "One");
  carry(*ben, *team.admin());
  carry(*team.admin(), *ben);
  REQUIRE(must(ben->read(id)).level == Level::opened);
  // Whatever the log loses now, the report is in the database's file.
  auto folder = as_cut(team.admin(), team.folder.path() / "cut");
  std::filesystem::remove(folder / "A.db-wal");
  auto vault = must(Vault::open(folder, kPassphrase, team.admin().environment()));
  CHECK(must(vault->read(id)).edits == 1);
}
