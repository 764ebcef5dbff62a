// From a caller's changes to an edit: checks against the form, ids for new items, what a write supersedes.
#pragma once
#include <lysoen/form.h>
#include <lysoen/report.h>

#include <span>

#include "core/report/fold.h"

namespace lysoen::report {

/// Whether a form has this question, with this type and these choices. A path that ends in an item adds or keeps it
/// (any value) or removes it (no value). Errors: input_refused naming the field, never its value.
Result<void> check_change(const Form& form, const Change& change);

/// Replaces labels of new items ("victims[new1]") by ids, the same label by the same id within one call. `taken` holds
/// the paths that exist already. A draft's items get the next small ids, those of a submitted report random ones. An
/// item that is added or kept has the value "kept", whatever was given: a draft has to be read again.
struct NewItems {
  bool draft = true;
  Random* random = nullptr;  // needed unless draft
};
Result<std::vector<Change>> name_new_items(std::span<const Change> changes, std::span<const Field> taken, NewItems how);

/// Puts changes on a report as it is shown to its own author: values of this device that no edit holds yet (their edit
/// id is none). Fields stay in order. For drafts, `report` begins empty.
void overlay(Report& report, std::span<const Change> changes, const DeviceId& device, WallTime at);

/// When and under which roster an edit is made.
struct EditContext {
  WallTime claimed;
  uint64_t monotonic_ms = 0;
  uint64_t roster_version = 0;
};
/// The creating edit of a draft with these changes (later ones win). Requires item ids, not labels.
Edit make_creating_edit(const Form& form, std::span<const Change> changes, std::string origin,
                        const EditContext& context);
/// An edit of a report: each change supersedes what is visible in its field. Changes that would alter nothing are left
/// out, so the edit may change nothing at all. Requires item ids, not labels.
Edit make_edit(const Folded& known, std::span<const Change> changes, const EditContext& context);
/// The value that shall stand in a field with several: superseding all of them, even if it is one of them.
Edit make_settlement(const Folded& known, std::string_view path, const std::optional<Value>& value,
                     const EditContext& context);
Edit make_status_edit(const Folded& known, Status status, std::string_view reason, const EditContext& context);
Edit make_retraction(const Folded& known, std::string_view reason, const EditContext& context);

/// Paths of required questions without an answer; in repeats for each item that is there.
std::vector<std::string> missing_required(const Form& form, std::span<const Field> fields);

/// Answers with these roles travel in an entry of their own, so that they can be left out of what is disclosed.
bool travels_apart(FieldRole role);

/// The line of a list. `form` may be null (a form not held here): then the first point and the first date serve.
ReportSummary summary(const Report& report, const Form* form);

}  // namespace lysoen::report
