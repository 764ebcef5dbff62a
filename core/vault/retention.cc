#include "core/vault/retention.h"

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/vault/membership.h"
#include "core/vault/residue.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kAgeFact = "retention.age";
constexpr size_t kPurgedAtOnce = 256;  // reports in one transaction

/// How long this vault has been in use, as far as its clock can be believed; and when that was last looked at.
struct Age {
  int64_t passed = 0, seen = 0;  // milliseconds; since 1970
};

Result<std::optional<Age>> stored_age(storage::Database& database) {
  LYSOEN_ASSIGN(auto bytes, fact(database, kAgeFact));
  Reader reader(bytes);
  Age age{static_cast<int64_t>(reader.u64()), static_cast<int64_t>(reader.u64())};
  if (!reader.done()) return std::optional<Age>();
  return std::optional(age);
}

// Reports that this device (or one that it replaces) wrote alone, sent, and still knows the words of.
constexpr std::string_view kOwnReports =
    " FROM edits e JOIN reports r ON r.id = e.id >> 24 JOIN feeds f ON f.id = e.place >> 40 "
    "WHERE r.stage = 1 AND r.purged IS NULL GROUP BY r.id HAVING min(f.own) = 1 ";
constexpr std::string_view kOpened =
    "EXISTS (SELECT 1 FROM acknowledgements a WHERE a.feed = f.id AND a.seq >= (e.place & 1099511627775) AND NOT "
    "EXISTS "
    "(SELECT 1 FROM not_opened n WHERE n.place = e.place AND n.device = a.device))";
// Files that no durable relay has signed for keep all of the report, whatever the policy says.
constexpr std::string_view kFilesHeld =
    "NOT EXISTS (SELECT 1 FROM blobs b WHERE b.report = r.id AND b.held IS NULL AND NOT EXISTS (SELECT 1 FROM "
    "blob_receipts c WHERE c.blob = b.blob AND c.durable = 1))";

}  // namespace

Result<void> Retention::look(WallTime now) {
  const int64_t wall = now.time_since_epoch().count();
  LYSOEN_ASSIGN(auto known, stored_age(database_));
  Age age = known.value_or(Age{0, wall});
  const int64_t step = wall > age.seen ? wall - age.seen : 0;  // both are times that a clock has shown
  if (step <= kClockStepMax.count()) age.passed += step;
  age.seen = wall;
  Writer writer;
  writer.u64(static_cast<uint64_t>(age.passed)).u64(static_cast<uint64_t>(age.seen));
  LYSOEN_TRY(set_fact(database_, kAgeFact, writer.bytes()));
  const std::string opened(kOpened), files(kFilesHeld);
  return database_.run(
      "INSERT INTO ages (report, edits, held, opened) SELECT r.id, count(*), "
      "CASE WHEN min((e.place & 1099511627775) <= f.held_seq OR " +
          opened + ") AND " + files + " THEN ?1 END, CASE WHEN min(" + opened + ") AND " + files + " THEN ?1 END" +
          std::string(kOwnReports) +
          "ON CONFLICT (report) DO UPDATE SET "
          "held = CASE WHEN edits = excluded.edits THEN coalesce(held, excluded.held) ELSE excluded.held END, "
          "opened = CASE WHEN edits = excluded.edits THEN coalesce(opened, excluded.opened) ELSE excluded.opened END, "
          "edits = excluded.edits",
      age.passed);
}

Result<std::vector<int64_t>> Retention::due(const RolePolicy& policy, size_t count_max) {
  std::vector<int64_t> reports;
  LYSOEN_ASSIGN(auto age, stored_age(database_));
  if (policy.keep == Keep::always || !age) return reports;
  const int64_t kept = std::chrono::milliseconds(std::chrono::hours(24 * policy.days)).count();
  LYSOEN_ASSIGN(auto query,
                database_.prepare("SELECT report FROM ages WHERE " +
                                  std::string(policy.keep == Keep::until_held ? "held" : "opened") +
                                  " <= ?1 AND NOT EXISTS (SELECT 1 FROM drafts d WHERE d.id = report) LIMIT ?2"));
  query.bind(age->passed - kept, count_max);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return reports;
    reports.push_back(query.integer(0));
  }
}

Result<void> Retention::purge(std::span<const int64_t> reports, WallTime now) {
  for (int64_t report : reports) {
    const int64_t first = first_edit_of(report), last = last_edit_of(report);
    LYSOEN_TRY(database_.run(
        "UPDATE entries SET entry_key = NULL WHERE place IN (SELECT place FROM edits WHERE id BETWEEN ? AND ?)", first,
        last));
    LYSOEN_TRY(database_.run("UPDATE edits SET payload = x'' WHERE id BETWEEN ? AND ?", first, last));
    LYSOEN_TRY(database_.run("DELETE FROM report_words WHERE rowid = ?", report));
    LYSOEN_TRY(database_.run("DELETE FROM words_due WHERE report = ?", report));
    LYSOEN_TRY(database_.run("DELETE FROM blobs WHERE report = ?", report));
    LYSOEN_TRY(database_.run("DELETE FROM ages WHERE report = ?", report));
    LYSOEN_TRY(database_.run(
        "UPDATE reports SET title = '', category = '', event_time = ?2, event_day = '', latitude = NULL, longitude = "
        "NULL, conflicts = 0, aside = 0, waiting = 0, purged = ?3 WHERE id = ?1",
        report, kNoTime, now.time_since_epoch().count()));
  }
  return sweep_indexes(database_);
}

// -- The vault ------------------------------------------------------------------------------------------------------

Result<PurgeOutcome> VaultImpl::purge_due(size_t reports_max) {
  LYSOEN_TRY(usable());
  LYSOEN_TRY(settle());
  return purge_now(reports_max);
}

Result<PurgeOutcome> VaultImpl::purge_now(size_t reports_max) {
  PurgeOutcome outcome;
  // Whoever holds a key of the team's audience can open the entries again.
  if (!membership_.in_team() || membership_.reads(membership_.team_audience())) return outcome;
  const auto policy = membership_.policy();
  if (policy.keep == Keep::always) return outcome;
  Retention retention(database());
  LYSOEN_TRY(container_->plain([&](storage::Database&) { return retention.look(now()); }));
  while (outcome.purged < reports_max) {
    LYSOEN_ASSIGN(auto due, retention.due(policy, std::min(kPurgedAtOnce, reports_max - outcome.purged)));
    if (due.empty()) break;
    LYSOEN_TRY(container_->durable([&](storage::Database&) { return retention.purge(due, now()); }));
    outcome.purged += due.size();
  }
  LYSOEN_TRY(clean_residue());
  LYSOEN_ASSIGN(auto left, retention.due(policy, 1));
  outcome.more = !left.empty();
  return outcome;
}

Result<void> VaultImpl::require_content(int64_t row, std::string_view doing) {
  LYSOEN_ASSIGN(auto purged, database().integer("SELECT purged FROM reports WHERE id = ?", row));
  if (!purged) return {};
  return make_error(ErrorCode::input_refused,
                    "cannot " + std::string(doing) + ": the team's policy has removed what this report says from here",
                    "a coordinator has it; write a new report if there is more to say");
}

}  // namespace lysoen::vault
