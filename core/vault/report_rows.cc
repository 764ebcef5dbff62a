#include "core/vault/report_rows.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/blob/ranges.h"
#include "core/crypto/hash.h"
#include "core/report/change.h"
#include "core/vault/schema.h"
#include "core/vault/search_words.h"

namespace lysoen::vault {

namespace {

constexpr size_t kSaltSize = 16;

int64_t milliseconds(WallTime at) {
  return at.time_since_epoch().count();
}

/// Decides of every edit whether it counts. Co-authors count as such from the edits of the creator that count.
void apply_author_rule(std::vector<report::FoldEntry>& entries, const std::vector<uint64_t>& named_before,
                       const ReportId& id, const team::RoleHistory& roles) {
  auto creating = std::find_if(entries.begin(), entries.end(),
                               [&](const auto& entry) { return entry.edit.creation && entry.id.bytes == id.bytes; });
  if (creating == entries.end()) return;  // nothing is shown before it is here
  team::EditClaim claim;
  claim.creator = creating->author;
  auto judge = [&](size_t i) {
    claim.author = entries[i].author;
    claim.roster_version = entries[i].edit.roster_version;
    claim.highest_named_before = named_before[i];
    entries[i].set_aside = team::reason_of(team::may_edit(claim, roles));
  };
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].author != claim.creator) continue;
    judge(i);
    const auto& named = entries[i].edit.co_authors;
    if (entries[i].set_aside.empty()) claim.co_authors.insert(claim.co_authors.end(), named.begin(), named.end());
  }
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].author != claim.creator) judge(i);
}

bool waits(const std::vector<report::FoldEntry>& entries) {
  auto reason = team::reason_of(team::AuthorVerdict::wait_for_roster);
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.set_aside == reason; });
}

Result<report::Edit> stored_edit(ByteView payload) {
  auto edit = report::decode_kept_edit(payload.subspan(std::min(kSaltSize, payload.size())));
  if (!edit) return make_error(ErrorCode::damaged, "cannot read a report: one of its edits is not as stored");
  return edit;
}

std::string words_of(const Report& report) {
  std::string words;
  for (const auto& field : report.fields)
    for (const auto& visible : field.values)
      if (visible.value && visible.value->type() == ValueType::text) words.append(visible.value->text()).append("\n");
  return index_text(words);
}

}  // namespace

EditId edit_id(const DeviceId& author, ByteView payload) {
  Writer writer;
  writer.id(author).raw(payload);
  return crypto::labelled_id<EditId>("lysoen/1 edit", writer.bytes());
}

std::vector<Change> changes_of(const report::Edit& edit) {
  std::vector<Change> changes;
  for (const auto& item : edit.items)
    changes.push_back({item.path, item.present ? std::optional(Value::text_of("kept")) : std::nullopt});
  for (const auto& write : edit.writes) changes.push_back({write.path, write.value});
  return changes;
}

Report report_of(const SavedDraft& draft, const DeviceId& device) {
  Report report;
  report.id = draft.draft;
  report.form_id = draft.form_id;
  report.form_version = draft.form_version;
  report.author = device;
  report.created = draft.created;
  report.origin = draft.origin;
  report.has_unsent_changes = true;
  report::overlay(report, draft.answers, device, draft.changed);
  return report;
}

const Form* form_of(std::string_view id) {
  // Forms live as long as the program; the pointer stays good.
  return built_in_form(id).get();
}

Result<std::optional<int64_t>> ReportRows::find(const ReportId& id) {
  return database_.integer("SELECT report FROM names WHERE name = ?", id);
}

Result<ReportId> ReportRows::id_of(int64_t row) {
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT report FROM reports WHERE id = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(row).step());
  if (!found) return make_error(ErrorCode::not_found, "there is no such report in this vault");
  return query.id<ReportId>(0);
}

Result<Stage> ReportRows::stage_of(int64_t row) {
  LYSOEN_ASSIGN(auto stage, database_.integer("SELECT stage FROM reports WHERE id = ?", row));
  return static_cast<Stage>(stage.value_or(static_cast<int64_t>(Stage::hinted)));
}

Result<int64_t> ReportRows::row_for(const ReportId& id, Stage stage) {
  LYSOEN_ASSIGN(auto known, find(id));
  if (known) return *known;
  LYSOEN_TRY(database_.run("INSERT INTO reports (report, stage, event_time) VALUES (?, ?, ?)", id,
                           static_cast<int>(stage), kNoTime));
  const int64_t row = database_.last_insert_id();
  LYSOEN_TRY(database_.run("INSERT INTO names VALUES (?, ?)", id, row));
  return row;
}

Result<ReportRows::Added> ReportRows::add_edit(ByteView payload, const EditSource& source) {
  if (payload.size() < kSaltSize) return make_error(ErrorCode::input_refused, "an edit is too short");
  LYSOEN_ASSIGN(auto edit, report::decode_edit(payload.subspan(kSaltSize)));
  auto id = edit_id(source.author, payload);
  ReportId report = edit.creation ? ReportId{id.bytes} : edit.report;
  LYSOEN_ASSIGN(int64_t row, row_for(report, Stage::hinted));
  LYSOEN_TRY(put_edit(row, id, payload, source));
  LYSOEN_TRY(name_blobs(row, edit, source.place));
  return Added{row, edit.roster_version};
}

/// The attachments that an edit names: to be sent if they are here, else wanted.
Result<void> ReportRows::name_blobs(int64_t row, const report::Edit& edit, int64_t place) {
  for (const auto& write : edit.writes) {
    auto file = write.value ? write.value->file() : std::nullopt;
    if (!file || !write.secret || file->size > kAttachmentSizeMax) continue;
    LYSOEN_TRY(name_blob(row, {{}, {}, {file->blob, write.secret->key, file->size, write.secret->content}}, place));
    if (const auto& small = write.secret->thumbnail)
      LYSOEN_TRY(name_blob(row, {{}, {}, {small->blob, small->key, small->size, small->content}, file->blob}, place));
  }
  return {};
}

Result<void> ReportRows::name_blob(int64_t row, const SavedBlob& blob, int64_t place) {
  return database_.run(
      "INSERT INTO blobs (report, blob, file, key, size, content, place, held, thumbnail_of) VALUES (?, ?, x'', ?, ?, "
      "?, "
      "?, ?, ?) ON CONFLICT (report, blob) DO UPDATE SET place = coalesce(place, excluded.place)",
      row, blob.info.blob, blob.info.key, static_cast<int64_t>(blob.info.size), blob.info.content, place,
      blob::encode({}), blob.thumbnail_of);
}

Result<void> ReportRows::name_sent_blobs() {
  std::vector<int64_t> rows;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT DISTINCT b.report FROM blobs b JOIN reports r ON r.id = "
                                                "b.report WHERE b.place IS NULL AND r.stage > 0 AND r.purged IS NULL"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      rows.push_back(query.integer(0));
    }
  }
  for (int64_t row : rows) {
    std::vector<std::pair<int64_t, report::Edit>> edits;
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT place, payload FROM edits WHERE id BETWEEN ? AND ?"));
    query.bind(first_edit_of(row), last_edit_of(row));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      LYSOEN_ASSIGN(auto edit, stored_edit(query.blob(1)));
      edits.emplace_back(query.integer(0), std::move(edit));
    }
    for (const auto& [place, edit] : edits) LYSOEN_TRY(name_blobs(row, edit, place));
  }
  return {};
}

/// An own edit stands where it was issued last, a received one where it came first.
Result<void> ReportRows::put_edit(int64_t row, const EditId& id, ByteView payload, const EditSource& source) {
  LYSOEN_ASSIGN(auto known,
                database_.integer("SELECT id FROM edits WHERE id = ?1 AND edit = ?2 UNION ALL SELECT id FROM "
                                  "edits WHERE edit = ?2 AND (id & 16777215) > 0 LIMIT 1",
                                  first_edit_of(row), id));
  int64_t edit = known.value_or(0);
  if (known && source.own) {
    // Where it stood before it was issued again, its key is of no use to anybody.
    LYSOEN_TRY(
        database_.run("UPDATE entries SET entry_key = NULL WHERE place = (SELECT place FROM edits WHERE id = ?1) AND "
                      "place <> ?2",
                      edit, source.place));
    LYSOEN_TRY(database_.run("UPDATE edits SET place = ?2, named_before = ?3 WHERE id = ?1", edit, source.place,
                             source.named_before));
  } else if (!known) {
    LYSOEN_TRY(database_.run(
        "INSERT INTO edits (id, edit, place, author, named_before, payload) VALUES ((SELECT "
        "coalesce(max(id), ?1 - 1) + 1 FROM edits WHERE id BETWEEN ?1 AND ?2), ?3, ?4, ?5, ?6, ?7)",
        first_edit_of(row), last_edit_of(row), id, source.place, source.author, source.named_before, payload));
    edit = database_.last_insert_id();
  }
  LYSOEN_TRY(database_.run("UPDATE entries SET edit = ?2 WHERE place = ?1", source.place, edit));
  if (database_.changes() > 0) return {};
  return database_.run("INSERT OR REPLACE INTO edits_astray VALUES (?, ?)", source.place, edit);
}

Result<ReportRows::Renamed> ReportRows::name_again(int64_t feed) {
  struct Change {
    int64_t edit;
    uint64_t named_before;
  };
  std::vector<Change> changes;
  Renamed renamed;
  {
    LYSOEN_ASSIGN(
        auto query,
        database_.prepare(
            "SELECT e.id, e.named_before, e.payload FROM placed_edits p CROSS JOIN edits e ON e.id = p.edit AND "
            "e.place = p.place WHERE p.place BETWEEN ? AND ? ORDER BY p.place"));
    query.bind(place_of(feed, 0), place_of(feed, kSeqMax));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      if (query.blob(2).empty()) {  // purged; what it was judged by is at least known
        renamed.roster_seen = std::max(renamed.roster_seen, static_cast<uint64_t>(query.integer(1)));
        continue;
      }
      LYSOEN_ASSIGN(auto edit, stored_edit(query.blob(2)));
      if (static_cast<uint64_t>(query.integer(1)) != renamed.roster_seen)
        changes.push_back({query.integer(0), renamed.roster_seen});
      renamed.roster_seen = std::max(renamed.roster_seen, edit.roster_version);
    }
  }
  for (const auto& change : changes) {
    LYSOEN_TRY(database_.run("UPDATE edits SET named_before = ?2 WHERE id = ?1", change.edit, change.named_before));
    renamed.rows.push_back(report_of_edit(change.edit));
  }
  return renamed;
}

Result<std::optional<Report>> ReportRows::purged(int64_t row) {
  LYSOEN_ASSIGN(auto query,
                database_.prepare("SELECT report, form, author, created, status, retracted, origin, purged, "
                                  "(SELECT count(*) FROM edits WHERE id BETWEEN ?2 AND ?3) FROM reports "
                                  "WHERE id = ?1 AND purged IS NOT NULL"));
  LYSOEN_ASSIGN(bool found, query.bind(row, first_edit_of(row), last_edit_of(row)).step());
  if (!found) return std::optional<Report>();
  auto time = [&](int column) { return WallTime(std::chrono::milliseconds(query.integer(column))); };
  Report report;
  report.id = query.id<ReportId>(0);
  report.form_id = query.text(1);
  report.author = query.id<DeviceId>(2);
  report.created = time(3);
  report.status = static_cast<Status>(query.integer(4));
  report.retracted = query.integer(5) != 0;
  report.origin = query.text(6);
  report.purged = time(7);
  report.edits = static_cast<size_t>(query.integer(8));
  return std::optional(std::move(report));
}

Result<std::vector<report::FoldEntry>> ReportRows::edits_of(int64_t row) {
  LYSOEN_ASSIGN(ReportId id, id_of(row));
  std::vector<report::FoldEntry> entries;
  std::vector<uint64_t> named_before;
  LYSOEN_ASSIGN(
      auto query,
      database_.prepare("SELECT edit, author, named_before, payload FROM edits WHERE id BETWEEN ? AND ? ORDER BY id"));
  query.bind(first_edit_of(row), last_edit_of(row));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    LYSOEN_ASSIGN(auto edit, stored_edit(query.blob(3)));
    entries.push_back({query.id<EditId>(0), query.id<DeviceId>(1), std::move(edit), {}});
    named_before.push_back(static_cast<uint64_t>(query.integer(2)));
  }
  apply_author_rule(entries, named_before, id, roles_);
  return entries;
}

Result<report::Folded> ReportRows::fold(int64_t row) {
  LYSOEN_ASSIGN(ReportId id, id_of(row));
  LYSOEN_ASSIGN(auto entries, edits_of(row));
  return report::fold(id, entries);
}

Result<void> ReportRows::project(int64_t row, Words words) {
  LYSOEN_ASSIGN(auto purged, database_.integer("SELECT purged FROM reports WHERE id = ?", row));
  if (purged) return {};
  LYSOEN_ASSIGN(ReportId id, id_of(row));
  LYSOEN_ASSIGN(auto entries, edits_of(row));
  bool created = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.edit.creation && entry.id.bytes == id.bytes && entry.set_aside.empty();
  });
  Stage stage = Stage::hinted;
  Report report;
  if (created) {
    stage = Stage::sent;
    report = report::fold(id, entries).report;
  } else {
    LYSOEN_ASSIGN(auto draft, draft_of(row));
    if (draft && entries.empty()) {
      stage = Stage::draft;
      report = report_of(*draft, {});
    } else {
      report.id = id;
      for (const auto& entry : entries)
        if (!entry.set_aside.empty()) report.set_aside.push_back({entry.id, entry.author, entry.set_aside});
    }
  }
  LYSOEN_TRY(write_line(row, stage, report, waits(entries)));
  if (words == Words::now) return write_words(row, report);
  return database_.run("INSERT OR IGNORE INTO words_due VALUES (?)", row);
}

/// A sent report is found by its unsent changes too.
Result<void> ReportRows::write_words(int64_t row, const Report& report) {
  auto words = words_of(report);
  LYSOEN_ASSIGN(auto draft, draft_of(row));
  if (draft && !draft->unsent_edit.empty()) {
    LYSOEN_ASSIGN(auto unsent, report::decode_edit(draft->unsent_edit));
    for (const auto& write : unsent.writes)
      if (write.value && write.value->type() == ValueType::text) words += index_text(write.value->text()) + "\n";
  }
  LYSOEN_TRY(database_.run("DELETE FROM report_words WHERE rowid = ?", row));
  LYSOEN_TRY(database_.run("INSERT INTO report_words (rowid, words) VALUES (?, ?)", row, words));
  return database_.run("DELETE FROM words_due WHERE report = ?", row);
}

Result<void> ReportRows::project_waiting() {
  std::vector<int64_t> rows;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT id FROM reports WHERE waiting = 1"));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      rows.push_back(query.integer(0));
    }
  }
  for (int64_t row : rows) LYSOEN_TRY(project(row));
  return {};
}

Result<void> ReportRows::write_line(int64_t row, Stage stage, const Report& report, bool waiting) {
  auto line = report::summary(report, form_of(report.form_id));
  std::optional<double> latitude, longitude;
  if (line.place) latitude = line.place->latitude, longitude = line.place->longitude;
  LYSOEN_TRY(database_.run(
      "UPDATE reports SET stage = ?2, form = ?3, author = ?4, created = ?5, status = ?6, retracted = ?7, "
      "conflicts = ?8, aside = ?9, waiting = ?10, event_time = ?11, event_day = ?12, latitude = ?13, longitude = ?14, "
      "title = ?15, category = ?16, origin = ?17 WHERE id = ?1",
      row, static_cast<int>(stage), report.form_id, report.author, milliseconds(report.created),
      static_cast<int>(report.status), report.retracted, report.conflicts(), report.set_aside.size(), waiting,
      line.event_time ? milliseconds(*line.event_time) : kNoTime, line.event_day, latitude, longitude, line.title,
      line.category, report.origin));
  return write_place(row, latitude, longitude);
}

/// The R*Tree is written only if the place is another: each of its rows costs several pages.
Result<void> ReportRows::write_place(int64_t row, std::optional<double> latitude, std::optional<double> longitude) {
  if (!latitude) return database_.run("DELETE FROM report_places WHERE id = ?", row);
  LYSOEN_ASSIGN(auto same, database_.integer("SELECT 1 FROM report_places WHERE id = ?1 AND ?2 BETWEEN south AND north "
                                             "AND ?3 BETWEEN west AND east AND north - south < 1e-4 AND east - west < "
                                             "1e-4",
                                             row, *latitude, *longitude));
  if (same) return {};
  return database_.run("INSERT OR REPLACE INTO report_places VALUES (?1, ?2, ?2, ?3, ?3)", row, *latitude, *longitude);
}

Result<void> ReportRows::remove_row(int64_t row, const ReportId& name) {
  LYSOEN_TRY(database_.run("DELETE FROM names WHERE name = ?", name));
  LYSOEN_TRY(database_.run("DELETE FROM report_places WHERE id = ?", row));
  LYSOEN_TRY(database_.run("DELETE FROM report_words WHERE rowid = ?", row));
  LYSOEN_TRY(database_.run("DELETE FROM words_due WHERE report = ?", row));
  LYSOEN_TRY(database_.run("DELETE FROM blobs WHERE report = ?", row));
  return database_.run("DELETE FROM reports WHERE id = ?", row);
}

Result<void> ReportRows::put_blob(const SavedBlob& blob) {
  LYSOEN_ASSIGN(int64_t row, row_for(blob.report, Stage::draft));
  return database_.run(
      "INSERT INTO blobs (report, blob, file, key, size, content, thumbnail_of) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (report, blob) DO UPDATE SET file = excluded.file, held = NULL WHERE held IS NOT NULL",
      row, blob.info.blob, blob.file, blob.info.key, static_cast<int64_t>(blob.info.size), blob.info.content,
      blob.thumbnail_of);
}

Result<int64_t> ReportRows::put_draft(const SavedDraft& draft) {
  LYSOEN_ASSIGN(int64_t row, row_for(draft.draft, Stage::draft));
  LYSOEN_TRY(database_.run("INSERT OR REPLACE INTO drafts (id, content) VALUES (?, ?)", row, draft.encode()));
  if (draft.unsent_edit.empty()) LYSOEN_TRY(drop_blobs_besides(row, draft.answers));
  return row;
}

/// A file that a draft's answers do not name any more was never sent and goes.
Result<void> ReportRows::drop_blobs_besides(int64_t row, std::span<const Change> answers) {
  std::vector<BlobId> held;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT blob FROM blobs WHERE report = ? AND thumbnail_of IS NULL"));
    query.bind(row);
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      held.push_back(query.id<BlobId>(0));
    }
  }
  for (const auto& blob : held) {
    const bool named = std::any_of(answers.begin(), answers.end(), [&](const Change& answer) {
      auto file = answer.value ? answer.value->file() : std::nullopt;
      return file && file->blob == blob;
    });
    if (!named)
      LYSOEN_TRY(database_.run("DELETE FROM blobs WHERE report = ?1 AND ?2 IN (blob, thumbnail_of)", row, blob));
  }
  return {};
}

Result<std::optional<SavedDraft>> ReportRows::draft_of(int64_t row) {
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT content FROM drafts WHERE id = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(row).step());
  if (!found) return std::optional<SavedDraft>();
  LYSOEN_ASSIGN(auto draft, SavedDraft::decode(query.blob(0)));
  return std::optional<SavedDraft>(std::move(draft));
}

// A draft that is sent keeps its row and gets a second name. Its edits may have a row already: a repair does saves
// again whose entries had come back.
Result<void> ReportRows::end_draft(const EndedDraft& ended) {
  LYSOEN_ASSIGN(auto row, find(ended.draft));
  if (row) {
    LYSOEN_TRY(database_.run("DELETE FROM drafts WHERE id = ?", *row));
    LYSOEN_ASSIGN(Stage stage, stage_of(*row));
    if (stage != Stage::draft)  // they were a report's unsent changes
      return database_.run("INSERT OR IGNORE INTO words_due VALUES (?)", *row);
    if (ended.report.is_none()) return remove_row(*row, ended.draft);
    LYSOEN_ASSIGN(auto there, find(ended.report));
    if (!there) {
      LYSOEN_TRY(database_.run("INSERT INTO names VALUES (?, ?)", ended.report, *row));
      return database_.run("UPDATE reports SET report = ?2, stage = ?3 WHERE id = ?1", *row, ended.report,
                           static_cast<int>(Stage::hinted));
    }
    LYSOEN_ASSIGN(int64_t sent, row_for(ended.report, Stage::hinted));
    LYSOEN_TRY(database_.run("UPDATE OR REPLACE blobs SET report = ?2 WHERE report = ?1", *row, sent));
    LYSOEN_TRY(remove_row(*row, ended.draft));
  }
  if (ended.report.is_none() || ended.report == ended.draft) return {};
  LYSOEN_ASSIGN(int64_t sent, row_for(ended.report, Stage::hinted));
  return database_.run("INSERT OR IGNORE INTO names VALUES (?, ?)", ended.draft, sent);
}

Result<size_t> ReportRows::index_words(size_t count_max) {
  std::vector<int64_t> rows;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT report FROM words_due LIMIT ?"));
    query.bind(count_max);
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      rows.push_back(query.integer(0));
    }
  }
  for (int64_t row : rows) {
    LYSOEN_ASSIGN(Stage stage, stage_of(row));
    Report report;
    if (stage == Stage::sent) {
      LYSOEN_ASSIGN(auto folded, fold(row));
      report = std::move(folded.report);
    } else if (stage == Stage::draft) {
      LYSOEN_ASSIGN(auto draft, draft_of(row));
      if (draft) report = report_of(*draft, {});
    }
    LYSOEN_TRY(write_words(row, report));
  }
  return rows.size();
}

}  // namespace lysoen::vault
