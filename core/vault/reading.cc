// Reading: reports, lists, levels, status.
#include "core/base/try.h"
#include "core/team/roster_verify.h"
#include "core/vault/schema.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr size_t kPage = 256;

}  // namespace

Result<Report> VaultImpl::read_row(int64_t row) {
  LYSOEN_ASSIGN(Stage stage, rows().stage_of(row));
  LYSOEN_ASSIGN(auto draft, rows().draft_of(row));
  if (stage == Stage::draft) {
    if (!draft) return make_error(ErrorCode::damaged, "cannot read the report: the draft's content is missing");
    return report_of(*draft, membership_.device());
  }
  LYSOEN_ASSIGN(auto levels, queries().levels(row));
  LYSOEN_ASSIGN(auto purged, rows().purged(row));
  if (purged) {
    purged->level = levels.level;
    return std::move(*purged);
  }
  LYSOEN_ASSIGN(auto folded, rows().fold(row));
  auto report = std::move(folded.report);
  report.level = levels.level;
  if (draft) {
    LYSOEN_ASSIGN(auto unsent, report::decode_edit(draft->unsent_edit));
    report::overlay(report, changes_of(unsent), membership_.device(), draft->changed);
    report.has_unsent_changes = true;
  }
  return report;
}

Result<Report> VaultImpl::read(const ReportId& report) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "read"));
  return read_row(row);
}

Result<std::vector<ReportId>> VaultImpl::find(std::string_view hex_prefix) {
  LYSOEN_TRY(usable());
  return queries().find(hex_prefix);
}

Result<void> VaultImpl::ready_to_look(const ReportQuery& query) {
  LYSOEN_TRY(usable());
  return query.text.empty() ? Result<void>() : index_words(SIZE_MAX);
}

Result<std::vector<ReportSummary>> VaultImpl::list(const ReportQuery& query) {
  LYSOEN_TRY(ready_to_look(query));
  return queries().list(query);
}

Result<size_t> VaultImpl::count(const ReportQuery& query) {
  LYSOEN_TRY(ready_to_look(query));
  return queries().count(query);
}

Result<ReportFacets> VaultImpl::facets(const ReportQuery& query) {
  LYSOEN_TRY(ready_to_look(query));
  return queries().facets(query);
}

Result<void> VaultImpl::each(const ReportQuery& query, const std::function<bool(const Report&)>& visit) {
  LYSOEN_TRY(ready_to_look(query));
  ReportQuery rest = query;
  for (size_t given = 0;;) {
    LYSOEN_ASSIGN(auto places, queries().page(rest, kPage));
    for (const auto& place : places) {
      LYSOEN_ASSIGN(auto row, rows().find(place.report));
      if (!row) continue;
      LYSOEN_ASSIGN(auto report, read_row(*row));
      if (report.purged) continue;
      if (!visit(report)) return {};
      LYSOEN_TRY(usable());
      if (query.limit != 0 && ++given >= query.limit) return {};
    }
    if (places.size() < kPage) return {};
    rest.after = places.back();
  }
}

Result<ReportLevels> VaultImpl::levels(const ReportId& report) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "show the levels"));
  return queries().levels(row);
}

Result<VaultInfo> VaultImpl::info() {
  LYSOEN_TRY(usable());
  VaultInfo info;
  info.vault.bytes = slots_->vault().bytes;
  info.slot_file_version = kSlotFileVersion;
  LYSOEN_ASSIGN(auto store, database().integer("SELECT format FROM storage_state"));
  LYSOEN_ASSIGN(auto schema, database().integer("PRAGMA user_version"));
  info.store_version = static_cast<uint32_t>(store.value_or(0));
  info.schema_version = static_cast<uint32_t>(schema.value_or(0));
  info.cost = {cost_.memory_kib, cost_.passes};
  info.guarded = key_.guarded;
  LYSOEN_ASSIGN(auto checked, fact(database(), kSoundFact));
  Reader reader(checked);
  const WallTime sound_at(std::chrono::milliseconds(static_cast<int64_t>(reader.u64())));
  if (reader.done()) info.sound_at = sound_at;
  return info;
}

/// Entries with something to read, held since kOpenedWithin and opened by no coordinator. None where this device is the
/// only reader.
Result<size_t> VaultImpl::held_not_opened() {
  if (!membership_.in_team() || (membership_.roster().single_reader() && reads_team(membership_.role())))
    return size_t{0};
  LYSOEN_ASSIGN(
      auto count,
      database().integer("SELECT count(*) FROM unopened u JOIN entries e ON e.place BETWEEN (u.feed << 40) + 1 + "
                         "coalesce((SELECT max(a.seq) FROM acknowledgements a WHERE a.feed = u.feed), 0) AND "
                         "(u.feed << 40) + u.seq WHERE u.since <= ? AND e.edit IS NOT NULL",
                         (now() - kOpenedWithin).time_since_epoch().count()));
  return static_cast<size_t>(count.value_or(0));
}

Result<VaultStatus> VaultImpl::status() {
  LYSOEN_TRY(usable());
  VaultStatus status;
  auto number = [&](std::string_view sql, size_t& into) -> Result<void> {
    LYSOEN_ASSIGN(auto value, database().integer(sql));
    into = static_cast<size_t>(value.value_or(0));
    return {};
  };
  LYSOEN_TRY(number("SELECT count(*) FROM reports WHERE stage < 2", status.reports));
  LYSOEN_TRY(number("SELECT count(*) FROM reports WHERE stage = 0", status.drafts));
  LYSOEN_TRY(number("SELECT count(*) FROM reports WHERE stage = 1", status.submitted));
  LYSOEN_TRY(number("SELECT count(*) FROM reports WHERE conflicts > 0 AND stage = 1", status.conflicts));
  LYSOEN_TRY(
      number("SELECT sum(head_seq - confirmed_seq) FROM feeds f WHERE own = 1 AND NOT (incarnation < (SELECT "
             "max(incarnation) FROM feeds WHERE own = 1 AND device = f.device) AND EXISTS (SELECT 1 FROM forks k WHERE "
             "k.place >> 40 = f.id))",
             status.unsent_entries));
  LYSOEN_TRY(
      number("SELECT (SELECT count(*) FROM set_aside s JOIN entries e ON e.place = s.place WHERE e.stub = 0) + "
             "(SELECT coalesce(sum(aside), 0) FROM reports)",
             status.set_aside));
  LYSOEN_TRY(
      number("SELECT count(*) FROM set_aside s JOIN entries e ON e.place = s.place WHERE e.stub <> 0 AND "
             "coalesce(length(e.warrant), 0) = 0",
             status.gaps));
  LYSOEN_ASSIGN(auto asides,
                database().prepare("SELECT s.reason, count(*) FROM set_aside s JOIN entries e ON e.place = "
                                   "s.place WHERE e.stub = 0 GROUP BY s.reason ORDER BY 2 DESC, 1"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, asides.step());
    if (!more) break;
    status.aside.push_back({std::string(asides.text(0)), static_cast<size_t>(asides.integer(1))});
  }
  LYSOEN_ASSIGN(status.refused, refusals());
  LYSOEN_ASSIGN(status.held_not_opened, held_not_opened());
  LYSOEN_TRY(number("SELECT count(*) FROM forks", status.forks));
  LYSOEN_TRY(count_files(status));
  LYSOEN_TRY(number("SELECT count(*) FROM reports WHERE purged IS NOT NULL", status.purged));
  status.notices = notices_;
  status.refused_roster = refused_roster_;
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT notice FROM notices ORDER BY id"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    status.notices.emplace_back(query.text(0));
  }
  if (membership_.in_team()) {
    auto expiry = team::check_expiry(membership_.roster().head, now());
    if (expiry.expired) status.notices.push_back(expiry.reason + (expiry.hint.empty() ? "" : ": " + expiry.hint));
    if (membership_.roster().single_reader())
      status.notices.push_back("only one member reads the team's reports: if that key is lost, so are they");
  }
  return status;
}

}  // namespace lysoen::vault
