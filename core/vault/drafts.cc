// Drafts, unsent changes, and sealing them for the team.
#include <algorithm>

#include "core/base/try.h"
#include "core/feed/body.h"
#include "core/report/path.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

/// Later answers win; an item that goes takes its answers with it. In a draft nothing needs to be remembered of what
/// was cleared.
void put_answer(std::vector<Change>& answers, const Change& change) {
  bool removes_item = !change.value && report::is_item_path(change.path);
  std::erase_if(answers, [&](const Change& answer) {
    return answer.path == change.path || (removes_item && report::is_within(answer.path, change.path));
  });
  if (change.value) answers.push_back(change);
}

std::vector<EditId> joined(std::vector<EditId> a, const std::vector<EditId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  a.erase(std::unique(a.begin(), a.end()), a.end());
  return a;
}

/// Takes what was there for `path` out of `writes`; answers which edits it superseded.
template <class Write>
std::vector<EditId> take_out(std::vector<Write>& writes, std::string_view path) {
  std::vector<EditId> superseded;
  for (const auto& write : writes)
    if (write.path == path) superseded = joined(std::move(superseded), write.supersedes);
  std::erase_if(writes, [&](const Write& write) { return write.path == path; });
  return superseded;
}

/// Puts an edit made from newer changes over one that waits to be sent. What was superseded stays superseded: it was
/// on the screen when the value was typed.
void put_over(report::Edit& unsent, report::Edit newer, std::span<const Change> changes) {
  for (const auto& change : changes) {
    auto superseded = take_out(unsent.writes, change.path);
    auto items_superseded = take_out(unsent.items, change.path);
    bool removes_item = !change.value && report::is_item_path(change.path);
    if (removes_item) {
      std::erase_if(unsent.writes, [&](const auto& write) { return report::is_within(write.path, change.path); });
      std::erase_if(unsent.items, [&](const auto& item) { return report::is_within(item.path, change.path); });
    }
    for (auto& write : newer.writes)
      if (write.path == change.path) write.supersedes = joined(write.supersedes, superseded);
    for (auto& item : newer.items)
      if (item.path == change.path && !item.present) item.supersedes = joined(item.supersedes, items_superseded);
  }
  for (auto& item : newer.items) {
    take_out(unsent.items, item.path);
    unsent.items.push_back(std::move(item));
  }
  for (auto& write : newer.writes) {
    take_out(unsent.writes, write.path);
    unsent.writes.push_back(std::move(write));
  }
}

/// Moves the answers that name a source or a person into an edit of their own.
std::optional<report::Edit> split_off(report::Edit& edit, const Form& form) {
  report::Edit apart;
  for (const auto& write : edit.writes) {
    const auto* question = form.question(report::form_path(write.path));
    if (question && report::travels_apart(question->role)) apart.writes.push_back(write);
  }
  if (apart.writes.empty()) return std::nullopt;
  std::erase_if(edit.writes, [&](const report::Write& write) {
    const auto* question = form.question(report::form_path(write.path));
    return question && report::travels_apart(question->role);
  });
  apart.claimed = edit.claimed;
  apart.monotonic_ms = edit.monotonic_ms;
  apart.roster_version = edit.roster_version;
  apart.report = edit.report;
  apart.first_submission = edit.creation.has_value();
  return apart;
}

}  // namespace

Result<const Form*> require_form(std::string_view id) {
  const Form* form = form_of(id);
  if (form) return form;
  return make_error(ErrorCode::input_refused, "there is no form '" + std::string(id.substr(0, 64)) + "' on this device",
                    "`lysoen forms` lists those that are there");
}

report::EditContext VaultImpl::edit_context() {
  auto monotonic = std::chrono::duration_cast<std::chrono::milliseconds>(environment_.clock.monotonic());
  return {now(), static_cast<uint64_t>(monotonic.count()), membership_.roster_version()};
}

Result<int64_t> VaultImpl::require_row(const ReportId& report, std::string_view doing) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto row, rows().find(report));
  if (row) {
    LYSOEN_ASSIGN(Stage stage, rows().stage_of(*row));
    if (stage != Stage::hinted) return *row;
  }
  return make_error(ErrorCode::not_found, "cannot " + std::string(doing) + ": there is no such report in this vault",
                    "`lysoen report list` shows those that are there");
}

Result<void> VaultImpl::require_team(std::string_view doing) {
  LYSOEN_TRY(usable());
  if (membership_.in_team()) return {};
  return make_error(ErrorCode::trust_refused, "cannot " + std::string(doing) + ": this vault belongs to no team yet",
                    "join a team with an invite, or create one; what is saved stays here meanwhile");
}

Result<ReportId> VaultImpl::begin(std::string_view form_id, std::string_view language,
                                  std::span<const Change> answers) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(const Form* form, require_form(form_id));
  LYSOEN_TRY(require_attached(0, answers, {}));
  SavedDraft draft;
  environment_.random.fill(draft.draft.bytes);
  draft.form_id = form->id();
  draft.form_version = form->version();
  draft.language = language.substr(0, 35);  // the longest language tags that are in use
  draft.created = draft.changed = now();
  LYSOEN_TRY(save_draft(draft, answers));
  return draft.draft;
}

Result<void> VaultImpl::save(const ReportId& report, std::span<const Change> changes) {
  return save_with(report, changes, {});
}

Result<void> VaultImpl::save_with(const ReportId& report, std::span<const Change> changes,
                                  std::span<const SavedBlob> blobs) {
  LYSOEN_ASSIGN(int64_t row, require_row(report, "save"));
  LYSOEN_TRY(settle());
  LYSOEN_ASSIGN(Stage stage, rows().stage_of(row));
  LYSOEN_TRY(require_content(row, "save"));
  LYSOEN_TRY(require_attached(row, changes, blobs));
  if (stage == Stage::sent) return save_unsent(row, changes, blobs);
  LYSOEN_ASSIGN(auto draft, rows().draft_of(row));
  if (!draft) return make_error(ErrorCode::damaged, "cannot save: the draft's content is missing");
  return save_draft(std::move(*draft), changes, blobs);
}

Result<void> VaultImpl::save_draft(SavedDraft draft, std::span<const Change> changes,
                                   std::span<const SavedBlob> blobs) {
  LYSOEN_ASSIGN(const Form* form, require_form(draft.form_id));
  auto shown = report_of(draft, membership_.device());
  LYSOEN_ASSIGN(auto named, report::name_new_items(changes, shown.fields, {true, nullptr}));
  for (const auto& change : named) {
    LYSOEN_TRY(report::check_change(*form, change));
    put_answer(draft.answers, change);
  }
  draft.changed = now();
  return commit([&](SaveRecord& record) -> Result<void> {
    record.drafts.push_back(draft);
    record.blobs.assign(blobs.begin(), blobs.end());
    return {};
  });
}

Result<SavedDraft> VaultImpl::unsent_of(int64_t row, const report::Folded& folded) {
  LYSOEN_ASSIGN(auto unsent, rows().draft_of(row));
  if (unsent) return std::move(*unsent);
  SavedDraft fresh;
  fresh.draft = folded.report.id;
  fresh.form_id = folded.report.form_id;
  fresh.form_version = folded.report.form_version;
  fresh.created = now();
  return fresh;
}

Result<void> VaultImpl::save_unsent(int64_t row, std::span<const Change> changes, std::span<const SavedBlob> blobs) {
  LYSOEN_TRY(require_team("save changes to a report that was sent"));
  LYSOEN_ASSIGN(auto folded, rows().fold(row));
  LYSOEN_ASSIGN(const Form* form, require_form(folded.report.form_id));
  LYSOEN_ASSIGN(auto draft, unsent_of(row, folded));
  report::Edit unsent;
  auto shown = folded.report;
  if (!draft.unsent_edit.empty()) {
    LYSOEN_ASSIGN(unsent, report::decode_edit(draft.unsent_edit));
    report::overlay(shown, changes_of(unsent), membership_.device(), draft.changed);
  }
  LYSOEN_ASSIGN(auto named, report::name_new_items(changes, shown.fields, {false, &environment_.random}));
  for (const auto& change : named) LYSOEN_TRY(report::check_change(*form, change));
  put_over(unsent, report::make_edit(folded, named, edit_context()), named);
  unsent.report = folded.report.id;
  unsent.claimed = draft.changed = now();
  draft.unsent_edit.clear();
  if (!unsent.changes_nothing()) {
    LYSOEN_ASSIGN(draft.unsent_edit, report::encode_edit(unsent));
  }
  return commit([&](SaveRecord& record) -> Result<void> {
    if (draft.unsent_edit.empty())
      record.ended.push_back({draft.draft, draft.draft});
    else
      record.drafts.push_back(draft);
    record.blobs.assign(blobs.begin(), blobs.end());
    return {};
  });
}

Result<EditId> VaultImpl::seal_edit(report::Edit edit, std::string_view form_id, SaveRecord& record) {
  LYSOEN_TRY(put_secrets(edit));
  edit.roster_version = membership_.roster_version();
  feed::EditPayload payload;
  environment_.random.fill(payload.salt);
  LYSOEN_ASSIGN(payload.edit, report::encode_edit(std::move(edit)));
  LYSOEN_ASSIGN([[maybe_unused]] auto placed, outbox_->seal(membership_.team_audience(), feed::encode_payload(payload),
                                                            record, dictionary_of(form_id)));
  return feed::edit_id(membership_.device(), payload.salt, payload.edit);
}

Result<ReportId> VaultImpl::seal_report(const SavedDraft& draft, SaveRecord& record) {
  LYSOEN_ASSIGN(const Form* form, require_form(draft.form_id));
  auto creating = report::make_creating_edit(*form, draft.answers, draft.origin, edit_context());
  auto apart = split_off(creating, *form);
  LYSOEN_ASSIGN(EditId created, seal_edit(std::move(creating), form->id(), record));
  ReportId id{created.bytes};
  if (apart) {
    apart->report = id;
    LYSOEN_ASSIGN([[maybe_unused]] EditId other, seal_edit(std::move(*apart), form->id(), record));
  }
  return id;
}

Result<ReportId> VaultImpl::submit(const ReportId& report) {
  LYSOEN_TRY(require_team("submit"));
  LYSOEN_ASSIGN(int64_t row, require_row(report, "submit"));
  LYSOEN_TRY(settle());
  LYSOEN_ASSIGN(auto draft, rows().draft_of(row));
  LYSOEN_ASSIGN(Stage stage, rows().stage_of(row));
  if (!draft)
    return make_error(ErrorCode::input_refused, "cannot submit: nothing was changed since it was last sent",
                      "save an answer first");
  ReportId id = draft->draft;
  LYSOEN_ASSIGN(const Form* form, require_form(draft->form_id));
  if (stage == Stage::draft) {
    auto missing = report::missing_required(*form, report_of(*draft, membership_.device()).fields);
    if (!missing.empty()) {
      std::string names = missing.front();
      for (size_t i = 1; i < missing.size(); ++i) names += ", " + missing[i];
      return make_error(ErrorCode::input_refused, "cannot submit: required questions have no answer: " + names,
                        "answer them, then submit again");
    }
    if (draft->answers.empty())
      return make_error(ErrorCode::input_refused, "cannot submit: the draft holds no answer", "save an answer first");
  }
  LYSOEN_TRY(commit([&](SaveRecord& record) -> Result<void> {
    if (stage == Stage::draft) {
      LYSOEN_ASSIGN(id, seal_report(*draft, record));
    } else {
      LYSOEN_ASSIGN(auto unsent, report::decode_edit(draft->unsent_edit));
      auto apart = split_off(unsent, *form);
      if (!unsent.changes_nothing()) {
        LYSOEN_ASSIGN([[maybe_unused]] EditId edit, seal_edit(std::move(unsent), form->id(), record));
      }
      if (apart) {
        LYSOEN_ASSIGN([[maybe_unused]] EditId edit, seal_edit(std::move(*apart), form->id(), record));
      }
    }
    record.ended.push_back({draft->draft, id});
    return {};
  }));
  return id;
}

Result<void> VaultImpl::discard(const ReportId& draft) {
  LYSOEN_ASSIGN(int64_t row, require_row(draft, "discard"));
  LYSOEN_ASSIGN(Stage stage, rows().stage_of(row));
  if (stage != Stage::draft)
    return make_error(ErrorCode::input_refused, "cannot discard: this report was sent", "retract it with a reason");
  LYSOEN_ASSIGN(ReportId id, rows().id_of(row));
  return commit([&](SaveRecord& record) -> Result<void> { return record.ended.push_back({id, {}}), Result<void>(); });
}

}  // namespace lysoen::vault
