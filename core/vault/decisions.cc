// What is decided about reports that were sent: retraction, status, conflicts, read marks.
#include "core/base/try.h"
#include "core/feed/body.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr size_t kReasonMax = report::kReasonSizeMax;

Result<void> check_reason(std::string_view reason, std::string_view doing, bool needed) {
  if (needed && reason.empty())
    return make_error(ErrorCode::input_refused, "cannot " + std::string(doing) + ": it needs a reason",
                      "say in a few words why; it is kept on record");
  if (reason.size() > kReasonMax)
    return make_error(ErrorCode::limit_exceeded, "cannot " + std::string(doing) + ": the reason is longer than " +
                                                     std::to_string(kReasonMax) + " bytes");
  return {};
}

}  // namespace

// Whoever may not decide is told before anything is sealed: others would set the edit aside.
Result<void> VaultImpl::decide(const ReportId& report, std::string_view doing,
                               const std::function<Result<report::Edit>(const report::Folded&)>& make) {
  LYSOEN_TRY(require_team(doing));
  LYSOEN_ASSIGN(int64_t row, require_row(report, doing));
  LYSOEN_TRY(settle());
  LYSOEN_ASSIGN(Stage stage, rows().stage_of(row));
  if (stage != Stage::sent)
    return make_error(ErrorCode::input_refused, "cannot " + std::string(doing) + ": this report was not sent yet",
                      "submit it first");
  LYSOEN_TRY(require_content(row, doing));
  LYSOEN_ASSIGN(auto folded, rows().fold(row));
  team::EditClaim claim{membership_.device(), folded.report.author, folded.co_authors, membership_.roster_version()};
  if (team::may_edit(claim, membership_.history()) != team::AuthorVerdict::counts)
    return make_error(ErrorCode::trust_refused,
                      "cannot " + std::string(doing) + ": only its author and coordinators may", "ask a coordinator");
  LYSOEN_ASSIGN(auto edit, make(folded));
  if (edit.changes_nothing())
    return make_error(ErrorCode::input_refused, "cannot " + std::string(doing) + ": it is so already");
  return commit([&](SaveRecord& record) -> Result<void> {
    auto sealed = seal_edit(edit, folded.report.form_id, record);
    if (!sealed) return std::move(sealed).error();
    return {};
  });
}

Result<void> VaultImpl::retract(const ReportId& report, std::string_view reason) {
  LYSOEN_TRY(check_reason(reason, "retract", true));
  return decide(report, "retract", [&](const report::Folded& folded) -> Result<report::Edit> {
    return report::make_retraction(folded, reason, edit_context());
  });
}

Result<void> VaultImpl::set_status(const ReportId& report, Status status, std::string_view reason) {
  LYSOEN_TRY(check_reason(reason, "set the status", false));
  if (status == Status::draft)
    return make_error(ErrorCode::input_refused, "cannot set the status: what was sent is no draft again");
  return decide(report, "set the status", [&](const report::Folded& folded) -> Result<report::Edit> {
    return report::make_status_edit(folded, status, reason, edit_context());
  });
}

Result<void> VaultImpl::resolve(const ReportId& report, std::string_view path, const std::optional<Value>& value) {
  return decide(report, "settle the conflict", [&](const report::Folded& folded) -> Result<report::Edit> {
    const auto* field = folded.report.field(path);
    if (!field || !field->conflict())
      return make_error(ErrorCode::input_refused, "cannot settle the conflict: this field has none",
                        "`lysoen report conflicts` lists those there are");
    const Form* form = form_of(folded.report.form_id);
    if (form) LYSOEN_TRY(report::check_change(*form, {std::string(path), value}));
    return report::make_settlement(folded, path, value, edit_context());
  });
}

Result<void> VaultImpl::mark_read(const ReportId& report) {
  LYSOEN_TRY(require_team("mark as read"));
  LYSOEN_ASSIGN(int64_t row, require_row(report, "mark as read"));
  if (!reads_team(membership_.role()))
    return make_error(ErrorCode::trust_refused,
                      "cannot mark as read: only coordinators and auditors read for the team");
  LYSOEN_TRY(settle());
  LYSOEN_ASSIGN(ReportId id, rows().id_of(row));
  LYSOEN_ASSIGN(auto known, database().integer("SELECT is_read FROM reports WHERE id = ?", row));
  if (known.value_or(0) != 0) return {};
  LYSOEN_TRY(require_content(row, "mark as read"));
  LYSOEN_ASSIGN(auto folded, rows().fold(row));
  auto author = folded.report.author;
  LYSOEN_ASSIGN(auto marks, feed::encode_payload(feed::ReadMarks{{id}}));
  return commit([&](SaveRecord& record) -> Result<void> {
    record.read.push_back(id);
    auto inbox = membership_.inbox_of(author);
    if (author == membership_.device() || !membership_.sealing_key(inbox)) return {};
    auto placed = outbox_->seal(inbox, marks, record);
    if (!placed) return std::move(placed).error();
    return {};
  });
}

}  // namespace lysoen::vault
