#include "core/report/edit_rules.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/form/text.h"
#include "core/report/path.h"

namespace lysoen::report {

namespace {

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "not an edit: " + std::string(why));
}

template <class T>
void sort_once_each(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Order of paths in an edit: by the items they go through (name, then id as a number), then by the rest.
struct PathKey {
  std::vector<std::pair<std::string, uint64_t>> items;
  std::string rest;
  auto operator<=>(const PathKey&) const = default;
};

PathKey key_of(const std::string& path) {
  PathKey key;
  auto steps = split_path(path);
  if (!steps) return {{}, path};
  for (const auto& step : *steps) {
    key.rest += (key.rest.empty() ? "" : "/") + step.name;
    if (step.label.empty()) continue;
    key.items.emplace_back(std::move(key.rest), item_id(step.label).value_or(0));
    key.rest.clear();
  }
  return key;
}

template <class T>
void sort_by_path(std::vector<T>& writes) {
  std::vector<std::pair<PathKey, T>> keyed;
  for (auto& write : writes) keyed.emplace_back(key_of(write.path), std::move(write));
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < writes.size(); ++i) writes[i] = std::move(keyed[i].second);
}

Result<void> check_path(const std::string& path, bool item) {
  auto steps = split_path(path);
  if (!steps) return refused("a path in it is malformed");
  if (is_item_path(path) != item) return refused("a path names an item where a question is meant, or the reverse");
  size_t items = 0;
  for (const auto& step : *steps) {
    if (step.label.empty()) continue;
    ++items;
    if (!item_id(step.label)) return refused("a path in it has a label where an item's id is meant");
  }
  if (items > kItemDepthMax) return refused("its repeats are nested deeper than 4");
  return {};
}

Result<void> check_supersedes(const std::vector<EditId>& ids, bool first, size_t& total) {
  if (first && !ids.empty()) return refused("a report's first edits supersede nothing");
  for (const auto& id : ids)
    if (id.is_none()) return refused("it supersedes an edit without an id");
  for (size_t i = 1; i < ids.size(); ++i)
    if (!(ids[i - 1] < ids[i])) return refused("what it supersedes is out of order");
  total += ids.size();
  if (total > 4 * kSeenMax) return make_error(ErrorCode::limit_exceeded, "not an edit: it supersedes too much");
  return {};
}

Result<void> check_reason(const std::string& reason) {
  if (reason.size() > kReasonSizeMax) return make_error(ErrorCode::limit_exceeded, "reason is longer than 4 KiB");
  if (!form::is_utf8(reason) || form::has_control_characters(reason)) return refused("a reason is no clean text");
  return {};
}

Result<void> check_name(const std::string& text, size_t size_max) {
  if (text.size() > size_max || !form::is_utf8(text) || form::has_control_characters(text))
    return refused("the form's id, its version or the origin is no clean short text");
  return {};
}

Result<void> check_item(const Edit& edit, const ItemWrite& item) {
  LYSOEN_TRY(check_path(item.path, true));
  if (item.order.size() > kOrderSizeMax || item.order.ends_with('\0') || (!item.present && !item.order.empty()))
    return refused("an item's order is malformed");
  if (edit.creation) return item.present ? Result<void>() : refused("a creating edit removes an item");
  auto id = item_id(split_path(item.path)->back().label);
  if (item.present && item.supersedes.empty() && *id < kFirstRandomItem)
    return refused("an item that is added later needs a random id");
  return {};
}

Result<void> check_write(const Edit& edit, const Write& write) {
  LYSOEN_TRY(check_path(write.path, false));
  if (write.secret && (!write.value || write.value->type() != ValueType::attachment))
    return refused("the key of an attachment belongs to something else");
  if (write.secret && write.secret->thumbnail &&
      (write.secret->thumbnail->size == 0 || write.secret->thumbnail->size > kThumbnailSizeMax))
    return refused("a thumbnail has a size that none has");
  if (!write.value) return edit.creation ? refused("a creating edit clears a field") : Result<void>();
  auto checked = Value::parse(write.value->type(), write.value->text());
  if (!checked.ok()) {
    auto error = std::move(checked).error();
    return make_error(error.code, "answer to '" + form_path(write.path) + "': " + error.message, error.hint);
  }
  if (*checked != *write.value) return refused("a value is not in its normal form");
  return {};
}

template <class T>
Result<void> check_each_once(const std::vector<T>& writes) {
  for (size_t i = 1; i < writes.size(); ++i)
    if (!(key_of(writes[i - 1].path) < key_of(writes[i].path))) return refused("a field is written twice");
  return {};
}

Result<void> check_head(const Edit& edit) {
  if (edit.creation.has_value() != edit.report.is_none())
    return refused("it names a report and creates one, or neither");
  constexpr int64_t kFirst = -62'135'596'800'000, kEnd = 253'402'300'800'000;  // years 1 to 9999
  int64_t claimed = edit.claimed.time_since_epoch().count();
  if (claimed < kFirst || claimed >= kEnd) return refused("its time is out of range");
  if (edit.first_submission && edit.creation) return refused("a creating edit is always of the first submission");
  if (edit.creation) {
    if (edit.creation->form_id.empty()) return refused("it names no form");
    LYSOEN_TRY(check_name(edit.creation->form_id, 255));
    LYSOEN_TRY(check_name(edit.creation->form_version, 255));
    LYSOEN_TRY(check_name(edit.creation->origin, kOriginSizeMax));
  } else if (edit.changes_nothing()) {
    return refused("it changes nothing");
  }
  if (edit.writes.size() > kWritesMax || edit.items.size() > kItemsMax)
    return make_error(ErrorCode::limit_exceeded, "not an edit: more than 4,096 answers or 1,024 items");
  return {};
}

}  // namespace

void put_in_order(Edit& edit) {
  for (auto& item : edit.items) sort_once_each(item.supersedes);
  for (auto& write : edit.writes) sort_once_each(write.supersedes);
  if (edit.status) sort_once_each(edit.status->supersedes);
  if (edit.retraction) sort_once_each(edit.retraction->supersedes);
  sort_once_each(edit.co_authors);
  sort_by_path(edit.items);
  sort_by_path(edit.writes);
}

Result<void> check_edit(const Edit& edit) {
  LYSOEN_TRY(check_head(edit));
  bool first = edit.creation || edit.first_submission;
  size_t total = 0;
  for (const auto& item : edit.items) {
    LYSOEN_TRY(check_item(edit, item));
    LYSOEN_TRY(check_supersedes(item.supersedes, first, total));
  }
  for (const auto& write : edit.writes) {
    LYSOEN_TRY(check_write(edit, write));
    LYSOEN_TRY(check_supersedes(write.supersedes, first, total));
  }
  LYSOEN_TRY(check_each_once(edit.items));
  LYSOEN_TRY(check_each_once(edit.writes));
  if (edit.status) {
    if (first) return refused("a report's first edits are submitted, and have no other status");
    if (edit.status->status == Status::draft || edit.status->status > Status::closed) return refused("no such status");
    LYSOEN_TRY(check_reason(edit.status->reason));
    LYSOEN_TRY(check_supersedes(edit.status->supersedes, first, total));
  }
  if (edit.retraction) {
    if (first) return refused("a report's first edits do not retract it");
    LYSOEN_TRY(check_reason(edit.retraction->reason));
    LYSOEN_TRY(check_supersedes(edit.retraction->supersedes, first, total));
  }
  if (edit.co_authors.size() > kCoAuthorsMax) return make_error(ErrorCode::limit_exceeded, "more than 16 co-authors");
  for (size_t i = 1; i < edit.co_authors.size(); ++i)
    if (!(edit.co_authors[i - 1] < edit.co_authors[i])) return refused("its co-authors are out of order");
  return {};
}

}  // namespace lysoen::report
