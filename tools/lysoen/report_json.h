// Reports as JSON documents, the same in every command; and answers from the command line or a JSON file as changes.
#pragma once
#include <lysoen/vault.h>

#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"

namespace lysoen::cli {

json summary_json(const ReportSummary& summary, const Names& names);
json report_json(const Report& report, const Names& names);

/// "path=value" each. Errors: usage (no '='), input_refused (no such question; not of its type).
Result<std::vector<Change>> changes_from_arguments(const Form& form, const std::vector<std::string>& sets);
/// An object: groups nest or join with '/', lists of objects are items of a repeat, lists of texts are choices, null
/// clears. Errors: input_refused.
Result<std::vector<Change>> changes_from_json(const Form& form, std::string_view text);
/// The form with this id. Errors: input_refused.
Result<std::shared_ptr<const Form>> form_named(const Vault& vault, const std::string& id);

}  // namespace lysoen::cli
