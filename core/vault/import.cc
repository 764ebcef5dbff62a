// Rows of a foreign file as reports: each once, many in one save.
#include <unordered_set>

#include "core/base/try.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

// What one save's record may hold with room to spare: an entry costs its text about twice (as edit and sealed) and some
// hundred bytes beside.
constexpr size_t kRecordBudget = 600 * 1024, kRowOverhead = 700;

size_t cost_of(const ImportRow& row) {
  size_t bytes = kRowOverhead;
  for (const auto& change : row.values)
    bytes += 2 * (change.path.size() + (change.value ? change.value->text().size() : 0) + 16);
  return bytes;
}

Result<SavedDraft> draft_from(const ImportRow& row, Random& random, WallTime now) {
  const Form* form = form_of(row.form_id);
  if (!form) return make_error(ErrorCode::input_refused, "there is no form '" + row.form_id.substr(0, 64) + "' here");
  if (row.origin.empty() || row.origin.size() > report::kOriginSizeMax)
    return make_error(ErrorCode::input_refused, "a row needs an origin of at most 256 bytes");
  SavedDraft draft;
  random.fill(draft.draft.bytes);
  draft.form_id = form->id();
  draft.form_version = form->version();
  draft.origin = row.origin;
  draft.created = draft.changed = now;
  LYSOEN_ASSIGN(auto named, report::name_new_items(row.values, {}, {true, nullptr}));
  for (const auto& change : named) LYSOEN_TRY(report::check_change(*form, change));
  draft.answers = std::move(named);
  return draft;
}

}  // namespace

Result<ImportOutcome> VaultImpl::import_rows(std::span<const ImportRow> rows) {
  LYSOEN_TRY(usable());
  if (rows.size() > kImportRowsMax)
    return make_error(ErrorCode::limit_exceeded, "cannot import: more than 256 rows at once");
  LYSOEN_TRY(settle());
  ImportOutcome outcome;
  std::vector<std::pair<SavedDraft, size_t>> drafts;
  std::unordered_set<std::string_view> origins;
  for (size_t i = 0; i < rows.size(); ++i) {
    LYSOEN_ASSIGN(auto known,
                  database().integer("SELECT 1 FROM reports WHERE origin = ? AND origin <> ''", rows[i].origin));
    if (known || !origins.insert(rows[i].origin).second) {
      ++outcome.known;
      continue;
    }
    auto draft = draft_from(rows[i], environment_.random, now());
    if (!draft) {
      auto error = std::move(draft).error();
      error.message = "cannot import row " + std::to_string(i + 1) + " of these: " + error.message;
      return error;
    }
    drafts.emplace_back(std::move(*draft), cost_of(rows[i]));
  }
  // One save as a rule; rows of unusual length take several, each of which stands by itself.
  for (size_t first = 0; first < drafts.size();) {
    size_t last = first, budget = 0;
    for (; last < drafts.size() && (last == first || budget + drafts[last].second <= kRecordBudget); ++last)
      budget += drafts[last].second;
    LYSOEN_TRY(commit([&](SaveRecord& record) -> Result<void> {
      for (size_t i = first; i < last; ++i) {
        if (!membership_.in_team()) {
          record.drafts.push_back(drafts[i].first);
          continue;
        }
        auto sealed = seal_report(drafts[i].first, record);
        if (!sealed) return std::move(sealed).error();
      }
      return {};
    }));
    outcome.added += last - first;
    first = last;
  }
  return outcome;
}

}  // namespace lysoen::vault
