// Going on with a vault that its storage damaged. Nothing here brings back what is gone. It sees to it that what is
// written from now on stands, and that what is here, still goes out (docs/formats/vault.md, "Mending").
#include "core/base/try.h"
#include "core/vault/residue.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

/// Rows of reports under which edits or a draft stand, but no line: of a later time than the table of lines.
constexpr const char* kWithoutLine =
    "SELECT id FROM (SELECT DISTINCT id >> 24 AS id FROM edits UNION SELECT id FROM drafts) WHERE id NOT IN (SELECT id "
    "FROM reports)";

Result<std::vector<int64_t>> rows_of(storage::Database& database, std::string_view sql) {
  std::vector<int64_t> rows;
  LYSOEN_ASSIGN(auto query, database.prepare(sql));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return rows;
    rows.push_back(query.integer(0));
  }
}

/// The report that this row's edits belong to, else the draft that it holds; none if neither can be read.
ReportId report_at(ReportRows& rows, int64_t row) {
  if (auto edits = rows.edits_of(row); edits && !edits->empty()) {
    const auto& first = edits->front();
    return first.edit.creation ? ReportId{first.id.bytes} : first.edit.report;
  }
  auto draft = rows.draft_of(row);
  return draft && *draft ? (*draft)->draft : ReportId{};
}

/// A line for each row that something stands under, so that no new report gets its number; a name for each line.
Result<void> mend_lines(storage::Database& database, ReportRows& rows) {
  LYSOEN_ASSIGN(auto without, rows_of(database, kWithoutLine));
  for (int64_t row : without) {
    LYSOEN_TRY(database.run("INSERT INTO reports (id, report, stage, event_time) VALUES (?, ?, ?, ?)", row, ReportId{},
                            static_cast<int>(Stage::hinted), kNoTime));
    LYSOEN_TRY(database.run("UPDATE reports SET report = ?2 WHERE id = ?1", row, report_at(rows, row)));
  }
  LYSOEN_TRY(place_again(database));
  LYSOEN_TRY(make_anew(database, "report_words"));
  LYSOEN_TRY(database.run("INSERT OR IGNORE INTO words_due SELECT id FROM reports WHERE stage < 2 AND purged IS NULL"));
  LYSOEN_TRY(database.run("DELETE FROM names WHERE report NOT IN (SELECT id FROM reports)"));
  LYSOEN_TRY(database.run("INSERT OR IGNORE INTO names SELECT report, id FROM reports"));
  // Under another number the same report is there already.
  LYSOEN_ASSIGN(auto named, rows_of(database,
                                    "SELECT r.id FROM reports r JOIN names n ON n.name = r.report AND n.report = r.id "
                                    "WHERE r.purged IS NULL"));
  for (int64_t row : named)
    if (auto made = rows.project(row); !made && made.error().code != ErrorCode::damaged) return made;
  return {};
}

}  // namespace

Result<void> VaultImpl::mend_mixed_pages() {
  LYSOEN_TRY(plain([&](storage::Database& database) {
    auto lines = rows();
    return mend_lines(database, lines);
  }));
  if (!membership_.enrolled()) return {};
  LYSOEN_ASSIGN(auto own, feeds().all(true));
  for (const auto& row : own) {
    LYSOEN_ASSIGN(bool forked, feeds().forked(row));
    if (forked || row.key.device != membership_.device()) continue;
    for (uint64_t next = 1; next <= row.head_seq;) {
      auto batch = feeds().read(row, next, SIZE_MAX);
      const bool sound = batch && *batch && feed::verify_batch(**batch);
      if (!sound) {
        LYSOEN_TRY(set_apart(row));
        break;
      }
      next = (*batch)->last_seq() + 1;
    }
  }
  return {};
}

Result<void> VaultImpl::set_apart(const FeedRow& row) {
  return durable([&](storage::Database& database) -> Result<void> {
    LYSOEN_TRY(database.run("INSERT OR IGNORE INTO forks VALUES (?, ?, x'', x'')", place_of(row.id, 1), row.head_hash));
    LYSOEN_TRY(
        database.run("INSERT OR IGNORE INTO edits_astray SELECT place, id FROM edits e WHERE place BETWEEN ? AND ? "
                     "AND NOT EXISTS (SELECT 1 FROM entries n WHERE n.place = e.place AND n.edit = e.id)",
                     place_of(row.id, 0), place_of(row.id, kSeqMax)));
    LYSOEN_TRY(add_notice(database, now(),
                          "what this device had written could not be read back as it was: it is sent once more; hand "
                          "on what is here and replace the device"));
    if (row.key.audience != membership_.team_audience())  // acknowledgements: they are all given once more
      LYSOEN_TRY(database.run("UPDATE feeds SET acknowledged_seq = 0 WHERE own = 0"));
    if (row.key.incarnation < membership_.incarnation()) return {};
    return membership_.begin_incarnation(database, row.key.incarnation + 1);
  });
}

}  // namespace lysoen::vault
