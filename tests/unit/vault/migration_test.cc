// A newer program opens yesterday's vault: its schema has one step more, of the kinds that will come (a column, a table
// filled from others, an index made anew). Whatever happens on the way, nothing of the vault is lost, and it is either
// the old program's or the new one's.
#include "core/vault/vault_impl.h"
#include "tests/support/memory_disk.h"
#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr const char* kNextStep = R"sql(
ALTER TABLE reports ADD COLUMN letters INTEGER NOT NULL DEFAULT 0;
UPDATE reports SET letters = length(title);
CREATE TABLE copies (id INTEGER PRIMARY KEY, title TEXT NOT NULL, padding BLOB NOT NULL);
INSERT INTO copies SELECT id, title, zeroblob(3000) FROM reports;
DROP INDEX reports_in_order;
CREATE INDEX reports_in_order ON reports (created, event_time, report);
)sql";

struct Update {
  Update() : random(seed()), next(kSchema.begin(), kSchema.end()) {
    next.push_back({kNextStep});
    auto vault = must(VaultImpl::create(old_program(), kPassphrase, cheap(), environment()));
    must(vault->create_team({"Monitors of the river", "Ada", "root words", {}}));
    for (int i = 0; i < 12; ++i) submitted(*vault, "Report " + std::to_string(i));
    must(vault->lock());
    in_order = disk.image();
    vault = must(open(old_program()));
    for (int i = 12; i < 20; ++i) submitted(*vault, "Report " + std::to_string(i));
    must(vault->begin("police-incident", "en", std::vector<Change>{{"title", text("Draft")}}));
    after_a_kill = disk.image();
    log_destroyed = after_a_kill;
    log_destroyed["A.db-wal"][40] ^= 1;
  }
  Environment environment() { return {clock, random}; }
  Place old_program() { return {"x", disk, 64 * 1024, 64 * 1024}; }
  Place new_program() { return {"x", disk, 64 * 1024, 64 * 1024, next}; }
  Result<std::unique_ptr<Vault>> open(const Place& place) { return VaultImpl::open(place, kPassphrase, environment()); }

  /// That it shows what it did before, is sound, and goes on.
  void examine(Vault& vault, size_t reports) {
    auto lines = must(vault.list({}));
    REQUIRE(lines.size() == reports);
    for (const auto& line : lines)
      REQUIRE(must(vault.read(line.id)).field("title")->values.front().value->text() == line.title);
    auto checked = must(vault.check());
    for (const auto& finding : checked.findings) FAIL_CHECK(finding);
    submitted(vault, "Afterwards");
    must(vault.lock());
  }

  ManualClock clock;
  SeededRandom random;
  std::vector<storage::Migration> next;
  MemoryDisk disk;
  DiskImage in_order, after_a_kill, log_destroyed;  // the last: its saves stand in the ring alone
};

}  // namespace

TEST_CASE("Migration: a newer program takes a vault over, and the older one says that it cannot read it any more",
          "[vault][migration]") {
  Update update;
  for (const auto* image : {&update.in_order, &update.after_a_kill, &update.log_destroyed}) {
    update.disk.restore(*image);
    const size_t reports = image == &update.in_order ? 12 : 21;
    update.examine(*must(update.open(update.new_program())), reports);
    auto refused = update.open(update.old_program());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::newer_version);
    const auto steps = kSchema.size();
    CHECK(refused.error().message == "cannot open vault: made by a newer version (" + std::to_string(steps + 1) +
                                         ", this one reads up to " + std::to_string(steps) + ")");
    update.examine(*must(update.open(update.new_program())), reports + 1);
  }
}

TEST_CASE("Migration: a power cut at any of its calls leaves the old vault or the new one, whole",
          "[vault][migration]") {
  Update update;
  auto random = generator(21);
  size_t old_ones = 0, new_ones = 0;
  for (const auto* image : {&update.in_order, &update.after_a_kill, &update.log_destroyed}) {
    update.disk.restore(*image);
    const size_t reports = image == &update.in_order ? 12 : 21;
    update.disk.set_fault({});
    must(update.open(update.new_program()));
    const uint64_t calls = update.disk.counted(), step = std::getenv("LYSOEN_LONG") ? 1 : calls / 40 + 1;
    for (uint64_t at = 1 + random() % step; at <= calls; at += step) {
      INFO("power cut at call " << at << " of " << calls);
      update.disk.restore(*image);
      MemoryDisk::Fault fault;
      fault.at = at;
      fault.forever = true;
      update.disk.set_fault(fault);
      (void)update.open(update.new_program());
      update.disk.lose_power(random);
      const auto left = update.disk.image();
      if (auto old = update.open(update.old_program())) {
        ++old_ones;
        update.examine(**old, reports);
        update.disk.restore(left);
      } else {
        ++new_ones;
        REQUIRE(old.error().code == ErrorCode::newer_version);
      }
      update.examine(*must(update.open(update.new_program())), reports);
    }
  }
  CHECK(old_ones > 0);
  CHECK(new_ones > 0);
}

TEST_CASE("Migration: a call that fails is said, and nothing is lost", "[vault][migration]") {
  Update update;
  auto random = generator(22);
  for (auto code : {ErrorCode::storage_full, ErrorCode::io_failed}) {
    update.disk.restore(update.after_a_kill);
    update.disk.set_fault({});
    must(update.open(update.new_program()));
    const uint64_t calls = update.disk.counted(), step = std::getenv("LYSOEN_LONG") ? 1 : calls / 40 + 1;
    for (uint64_t at = 1 + random() % step; at <= calls; at += step) {
      INFO("call " << at << " of " << calls << " fails");
      update.disk.restore(update.after_a_kill);
      MemoryDisk::Fault fault;
      fault.at = at;
      fault.code = code;
      update.disk.set_fault(fault);
      if (auto opened = update.open(update.new_program()); !opened) {
        INFO(opened.error().message);
        CHECK((opened.error().code == code || opened.error().code == ErrorCode::io_failed));  // as a sync's failure is
        CHECK(opened.error().message.starts_with("cannot "));
      }
      update.disk.set_fault({});
      update.examine(*must(update.open(update.new_program())), 21);
    }
  }
}
