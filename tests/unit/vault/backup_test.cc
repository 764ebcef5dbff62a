// A backup restored is another device that holds the same: it reads, writes, carries on, and joins in the old one's
// place.
#include <map>
#include <set>

#include "core/base/bytes.h"
#include "core/crypto/parts.h"
#include "core/storage/container.h"
#include "core/vault/backup_format.h"
#include "core/vault/schema.h"
#include "tests/support/files.h"
#include "tests/unit/vault/relay_key.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

constexpr std::string_view kBackupPassphrase = "another passphrase for the stick";

RestoreOptions restoring() {
  return {kBackupPassphrase, kPassphrase, cheap(), {}};
}

std::filesystem::path back_up(Device& device, const std::filesystem::path& file) {
  must(device->backup(file, kBackupPassphrase, {cheap().cost, {}}));
  return file;
}

std::unique_ptr<Device> restored(const std::filesystem::path& file, const std::filesystem::path& folder) {
  auto device = std::make_unique<Device>(folder.string() + "-unused");
  device->folder = folder;
  device->vault = must(Vault::restore(file, folder, restoring(), device->environment()));
  return device;
}

std::string title(Vault& vault, const ReportId& id) {
  auto report = must(vault.read(id));
  const auto* field = report.field("title");
  return field ? field->values.front().value->text() : std::string();
}

/// Joins by files; answers what the admin saw.
JoinRequest join(Vault& admin, Vault& vault, Role role) {
  auto joining = must(vault.join(must(admin.invite({role, "Ben again"})).file));
  auto request = must(admin.offer_join_request(joining.request));
  must(vault.finish_join(must(admin.admit(request.id))));
  return request;
}

}  // namespace

TEST_CASE("Backup: a reporter's vault goes on elsewhere, and its new device in the old one's place",
          "[vault][backup]") {
  Team team;
  auto& admin = *team.admin();
  auto& ben = team.add(Role::reporter, "Ben");
  auto opened = submitted(*ben, "Opened");
  carry(*ben, admin);
  carry(admin, *ben);
  auto not_sent = submitted(*ben, "Not sent", {{"place", value(ValueType::point, "7.5 9.25")}});
  must(ben->save(opened, std::vector<Change>{{"killed", value(ValueType::integer, "2")}}));
  auto draft = must(ben->begin("police-incident", "en", std::vector<Change>{{"title", text("Draft")}}));
  auto former = must(ben->begin("police-incident", "en", std::vector<Change>{{"title", text("Former")}}));
  auto sent_draft = must(ben->submit(former));
  auto old_device = ben->sync_peer().device();
  auto heads = must(ben->all_heads());
  auto file = back_up(ben, team.folder.path() / "ben.backup");
  must(ben->lock());
  ben.vault.reset();

  auto again = restored(file, team.folder.path() / "again");
  auto& vault = **again;
  CHECK(vault.sync_peer().device().is_none());
  CHECK(title(vault, not_sent) == "Not sent");
  CHECK(title(vault, former) == "Former");
  CHECK(must(vault.read(former)).id == sent_draft);
  CHECK(must(vault.read(opened)).field("killed")->values.front().value->text() == "2");
  CHECK(must(vault.levels(opened)).level == Level::opened);
  CHECK(must(vault.levels(not_sent)).level == Level::saved);
  CHECK(must(vault.list({.text = "draft"})).size() == 1);
  CHECK(must(vault.list({.box = ReportQuery::Box{7, 9, 8, 10}})).size() == 1);
  CHECK(must(vault.list({.only_unsent = true})).size() == 4);
  CHECK(must(vault.check()).findings == std::vector<std::string>{});
  must(vault.save(draft, std::vector<Change>{{"what_happened", text("written while waiting")}}));
  CHECK_FALSE(vault.submit(draft).ok());

  auto request = join(admin, vault, Role::reporter);
  CHECK(request.replaces == old_device);
  CHECK(request.replaces_name == "Ben");
  CHECK(vault.sync_peer().device() != old_device);
  for (const auto& head : heads) CHECK(must(vault.entries().head(head.feed)).seq == head.seq);
  must(vault.submit(draft));
  must(vault.submit(opened));
  carry(vault, admin);
  CHECK(title(admin, not_sent) == "Not sent");  // sealed by the old device, carried by the new one
  auto merged = must(admin.read(opened));
  CHECK(merged.field("killed")->values.front().value->text() == "2");
  CHECK(merged.set_aside.empty());
  carry(admin, vault);
  CHECK(must(vault.levels(not_sent)).level == Level::opened);
  CHECK(must(vault.levels(opened)).level == Level::opened);
  CHECK(must(vault.list({.only_unsent = true})).empty());
  CHECK(must(admin.status()).forks + must(vault.status()).forks == 0);
  again->reopen();
  CHECK(must((*again)->levels(not_sent)).level == Level::opened);
}

TEST_CASE("Backup: a coordinator's holds what it received, and its new device reads on", "[vault][backup]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto first = submitted(*ben, "First");
  carry(*ben, *cleo);
  auto again = restored(back_up(cleo, team.folder.path() / "cleo.backup"), team.folder.path() / "again");
  CHECK(title(**again, first) == "First");
  join(*team.admin(), **again, Role::coordinator);
  auto second = submitted(*ben, "Second");  // in the same stream
  carry(*ben, **again);
  CHECK(title(**again, second) == "Second");
  CHECK(must((*again)->status()).set_aside == 0);
}

TEST_CASE("Backup: one of a vault without a team holds its drafts; one restored can be backed up again",
          "[vault][backup]") {
  TempFolder folder;
  Device device(folder.path() / "vault");
  auto draft = must(device->begin("police-incident", "en", std::vector<Change>{{"title", text("Alone")}}));
  auto again = restored(back_up(device, folder.path() / "first"), folder.path() / "again");
  auto third = restored(back_up(*again, folder.path() / "second"), folder.path() / "third");
  CHECK(title(**third, draft) == "Alone");

  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto copy = restored(back_up(ben, folder.path() / "ben"), folder.path() / "copy");
  auto copy_of_copy = restored(back_up(*copy, folder.path() / "ben2"), folder.path() / "copy2");
  Team others;
  auto refused = (*copy_of_copy)->join(must(others.admin()->invite({Role::reporter, "Ben"})).file);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "cannot join: this vault was restored from a backup of another team's");
  CHECK(join(*team.admin(), **copy_of_copy, Role::reporter).replaces == ben->sync_peer().device());
}

TEST_CASE("Backup: what policy removed is not in it", "[vault][backup]") {
  Team team;
  must(team.admin()->set_policy(Role::reporter, {Keep::until_opened, 0, true}));
  auto& ben = team.add(Role::reporter, "Ben");
  auto id = submitted(*ben, "Gone");
  carry(*ben, *team.admin());
  carry(*team.admin(), *ben);
  REQUIRE(must(ben->purge_due()).purged == 1);
  auto again = restored(back_up(ben, team.folder.path() / "ben.backup"), team.folder.path() / "again");
  auto report = must((*again)->read(id));
  CHECK(report.purged);
  CHECK(report.level == Level::opened);
  CHECK(must((*again)->list({.text = "gone"})).empty());
}

TEST_CASE("Backup: nothing is written over, and a damaged or foreign file leaves nothing behind", "[vault][backup]") {
  TempFolder folder;
  Device device(folder.path() / "vault");
  for (int i = 0; i < 40; ++i)
    must(
        device->begin("police-incident", "en",
                      std::vector<Change>{{"title", text("Report")}, {"what_happened", text(std::string(4000, 'x'))}}));
  auto file = back_up(device, folder.path() / "backup");
  const auto good = content_of(file);
  CHECK(good.size() == crypto::transport_size(good.size()));
  REQUIRE(good.size() > 2 * crypto::kSealedPartSize);
  auto over = device->backup(file, kBackupPassphrase, {cheap().cost, {}});
  REQUIRE_FALSE(over.ok());
  CHECK(over.error().code == ErrorCode::already_exists);
  CHECK(over.error().message == "cannot write the backup: a file of this name is there already");
  CHECK(content_of(file) == good);
  CHECK_FALSE(device->backup(folder.path() / "other", "", {cheap().cost, {}}).ok());
  CHECK_FALSE(std::filesystem::exists(folder.path() / "other"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "other.part"));

  const auto target = folder.path() / "new";
  auto refuse = [&](const Bytes& bytes, RestoreOptions options, ErrorCode code, const std::string& words) {
    write_content(folder.path() / "bad", bytes);
    auto refused = Vault::restore(folder.path() / "bad", target, options, device.environment());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == code);
    CHECK_THAT(refused.error().message, Catch::Contains(words));
    CHECK_FALSE(std::filesystem::exists(target));
    CHECK_FALSE(std::filesystem::exists(target.string() + ".restoring"));
  };
  auto wrong = restoring();
  wrong.backup_passphrase = "something else";
  refuse(good, wrong, ErrorCode::wrong_passphrase, "cannot read the backup: wrong passphrase");
  refuse({}, restoring(), ErrorCode::damaged, "it is not one");
  refuse(Bytes(good.begin(), good.begin() + 40), restoring(), ErrorCode::damaged, "it is cut short");
  for (size_t cut : {size_t{68}, size_t{100}, 68 + crypto::kSealedPartSize, good.size() - 1})
    refuse(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(cut)), restoring(), ErrorCode::damaged,
           "damaged or cut short");
  auto flip = [&](size_t at) {
    auto bytes = good;
    bytes[at] ^= 1;
    return bytes;
  };
  refuse(flip(68 + crypto::kSealedPartSize + 5), restoring(), ErrorCode::damaged, "damaged or cut short");
  refuse(flip(good.size() - 1), restoring(), ErrorCode::damaged, "damaged or cut short");
  refuse(flip(40), restoring(), ErrorCode::wrong_passphrase, "wrong passphrase");
  refuse(flip(8), restoring(), ErrorCode::newer_version, "made by a newer version");
  refuse(flip(12), restoring(), ErrorCode::damaged, "a key cost outside the limits");

  auto there = Vault::restore(file, device.folder, restoring(), device.environment());
  REQUIRE_FALSE(there.ok());
  CHECK(there.error().message == "cannot restore: the folder is not empty");
  std::filesystem::create_directories(target.string() + ".restoring/x");
  auto left = Vault::restore(file, target, restoring(), device.environment());
  REQUIRE_FALSE(left.ok());
  CHECK(left.error().message == "cannot restore: an earlier restore into this folder was cut short");
}

TEST_CASE("Backup: rows are read as they were written, and as nothing else", "[vault][backup]") {
  using namespace vault::backup;
  for (const auto& table : tables()) {
    std::vector<Cell> cells(table.columns.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i].null = table.columns[i].nullable && i % 2 == 1;
      cells[i].integer = -3;
      cells[i].real = 7.5;
      cells[i].bytes = Bytes(32, static_cast<uint8_t>(i));
    }
    auto bytes = encode_row(table, cells);
    auto read = decode_row(table, bytes);
    REQUIRE(read.ok());
    CHECK(encode_row(table, *read) == bytes);
    CHECK_FALSE(decode_row(table, ByteView(bytes).first(bytes.size() - 1)).ok());
    bytes.push_back(0);
    CHECK_FALSE(decode_row(table, bytes).ok());
  }
}

TEST_CASE("Backup: of the tables that it holds no column is left out unawares", "[vault][backup]") {
  TempFolder folder;
  Device device(folder.path() / "unused");
  storage::Container::Options options;
  options.folder = folder.path();
  options.migrations = vault::kSchema;
  auto container = must(storage::Container::create(options, {}, {}, *device.random));
  const std::map<std::string_view, std::set<std::string>> left_out{{"feeds", {"writer?", "reader?"}}};  // wrapped keys
  for (const auto& table : vault::backup::tables()) {
    INFO(table.name);
    std::set<std::string> held, there;
    if (left_out.count(table.name)) held = left_out.at(table.name);
    for (const auto& column : table.columns) held.insert(std::string(column.name) + (column.nullable ? "?" : ""));
    auto query =
        must(container->database().prepare("SELECT name || iif(\"notnull\" OR pk, '', '?') FROM pragma_table_info(?)"));
    query.bind(table.name);
    while (must(query.step())) there.emplace(query.text(0));
    CHECK(held == there);
  }
}
