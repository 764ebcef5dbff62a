#include "core/report/fold.h"

#include <algorithm>
#include <set>

#include "core/base/fault.h"
#include "core/report/order.h"
#include "core/report/path.h"
#include "core/report/register.h"

namespace lysoen::report {

namespace {

Visible shown(const Put& put, std::optional<Value> value) {
  return {std::move(value), put.entry->id, put.entry->author, put.entry->edit.claimed};
}

// Sorted for display, equal values once.
std::vector<Visible> shown_values(std::vector<const Put*> visible) {
  std::sort(visible.begin(), visible.end(), shown_before);
  std::vector<Visible> values;
  for (const auto* put : visible)
    if (std::none_of(values.begin(), values.end(), [&](const Visible& v) { return v.value == put->value; }))
      values.push_back(shown(*put, put->value));
  return values;
}

class Folding {
 public:
  Folding(const ReportId& id, std::span<const FoldEntry> entries)
      : id_(id), entries_(entries_of(id, entries)), puts_(puts_of(entries_)) {
    for (const auto& [path, puts] : puts_)
      if (auto visible = visible_of(puts); !visible.empty()) visible_.emplace(path, std::move(visible));
#ifdef LYSOEN_TEST_BUILD
    auto arrived_before = [&](const Put* a, const Put* b) { return a->entry < b->entry; };
    for (auto& [path, visible] : visible_)
      if (fault::last_arrival_wins) visible = {*std::max_element(visible.begin(), visible.end(), arrived_before)};
    for (auto& [path, visible] : visible_)
      if (fault::one_value_wins) visible = {*std::max_element(visible.begin(), visible.end(), shown_before)};
#endif
  }

  Folded fold() {
    fold_head();
    fold_items();
    for (const auto& [path, visible] : visible_) {
      out_.visible[path] = ids_of(visible);
      if (path[0] != '@' && !is_item_path(path) && !is_hidden(path)) fold_field(path, visible);
    }
    sort_fields(out_.report.fields, out_.orders);
    fold_status();
    fold_retraction();
    return std::move(out_);
  }

 private:
  static std::vector<EditId> ids_of(const std::vector<const Put*>& puts) {
    std::vector<EditId> ids;
    for (const auto* put : puts) ids.push_back(put->entry->id);  // by id already
    return ids;
  }

  void fold_head() {
    Report& report = out_.report;
    report.id = id_;
    report.status = Status::submitted;
    report.edits = entries_.size();
    EditId creating;
    creating.bytes = id_.bytes;
    std::set<EditId> named = {creating};
    std::set<DeviceId> co_authors;
    auto creation = entries_.find(creating);
    if (creation != entries_.end()) {
      const Edit& edit = creation->second->edit;
      report.form_id = edit.creation->form_id;
      report.form_version = edit.creation->form_version;
      report.origin = edit.creation->origin;
      report.author = creation->second->author;
      report.created = edit.claimed;
    }
    for (const auto& [id, entry] : entries_) {
      if (!entry->set_aside.empty()) {
        report.set_aside.push_back({id, entry->author, entry->set_aside});
        continue;
      }
      if (creation != entries_.end() && entry->author == report.author)
        co_authors.insert(entry->edit.co_authors.begin(), entry->edit.co_authors.end());
    }
    for (const auto& [path, puts] : puts_)
      for (const auto& put : puts)
        if (put.counts()) named.insert(put.supersedes->begin(), put.supersedes->end());
    for (const auto& id : named)
      if (!entries_.contains(id)) out_.pending.push_back(id);
    report.pending = out_.pending.size();
    out_.co_authors.assign(co_authors.begin(), co_authors.end());
  }

  // Every item that a visible write names or goes through, outer ones first (a prefix sorts before what it begins).
  void fold_items() {
    std::set<std::string> items;
    for (const auto& [path, visible] : visible_)
      for (auto& item : items_of(path)) items.insert(std::move(item));
    for (const auto& item : items) {
      if (is_hidden(item)) continue;
      if (stands(item))
        out_.orders[item] = order_of(item);
      else
        hidden_.insert(item);
    }
  }

  bool is_hidden(std::string_view path) const {
    if (hidden_.empty()) return false;
    auto items = items_of(path);
    return std::any_of(items.begin(), items.end(), [&](const std::string& item) { return hidden_.contains(item); });
  }

  // An item stands unless it was removed by someone who saw all that is in it. What a removal did not name keeps the
  // item, as a conflict.
  bool stands(const std::string& item) {
    std::vector<const Put*> removals, keeps;
    std::set<EditId> covered;
    if (auto found = visible_.find(item); found != visible_.end())
      for (const auto* put : found->second) (put->value ? keeps : removals).push_back(put);
    if (removals.empty()) return true;
    for (const auto* removal : removals) {
      covered.insert(removal->entry->id);
      covered.insert(removal->supersedes->begin(), removal->supersedes->end());
    }
    for (auto inner = visible_.lower_bound(item + "/"); inner != visible_.end() && is_within(inner->first, item);
         ++inner)
      for (const auto* put : inner->second) {
        bool inner_removal = is_item_path(inner->first) && !put->value;
        if (!inner_removal && !covered.contains(put->entry->id)) keeps.push_back(put);
      }
    if (keeps.empty()) return false;
    const auto* removal = *std::min_element(removals.begin(), removals.end(), shown_before);
    const auto* keep = *std::min_element(keeps.begin(), keeps.end(), shown_before);
    Field field{item, {shown(*removal, std::nullopt), shown(*keep, Value::text_of(std::string(kKept)))}};
    if (shown_before(keep, removal)) std::swap(field.values[0], field.values[1]);
    out_.report.fields.push_back(std::move(field));
    return true;
  }

  // The smallest key of those visible; else of any that counts, so that a removed item keeps its place while contested.
  std::string order_of(const std::string& item) const {
    std::optional<std::string> least;
    auto id = item_id(split_path(item)->back().label).value_or(0);
    auto consider = [&](const Put& put) {
      if (!put.counts() || !put.value) return;
      auto order = put.order.empty() ? default_order(id) : put.order;
      if (!least || order < *least) least = std::move(order);
    };
    if (auto found = visible_.find(item); found != visible_.end())
      for (const auto* put : found->second) consider(*put);
    if (auto found = puts_.find(item); !least && found != puts_.end())
      for (const auto& put : found->second) consider(put);
    return least.value_or(default_order(id));
  }

  void fold_field(const std::string& path, const std::vector<const Put*>& visible) {
    Field field{path, {}};
    auto merged = visible.size() > 1 ? merged_choices(puts_.at(path), visible) : std::nullopt;
    if (merged) {
      const auto* last = *std::max_element(visible.begin(), visible.end(), shown_before);
      field.values.push_back(shown(*last, std::move(*merged)));
    } else {
      field.values = shown_values(visible);
    }
    out_.report.fields.push_back(std::move(field));
  }

  void fold_status() {
    auto found = visible_.find(kStatusField);
    if (found == visible_.end()) return;
    out_.report.status_values = shown_values(found->second);
    out_.report.status = Status::closed;
    for (const auto& value : out_.report.status_values)
      out_.report.status = std::min(out_.report.status, *status_from(value.value->text()));
  }

  void fold_retraction() {
    auto found = visible_.find(kRetractionField);
    if (found == visible_.end()) return;
    auto puts = found->second;
    std::sort(puts.begin(), puts.end(), shown_before);
    out_.report.retracted =
        std::all_of(puts.begin(), puts.end(), [](const Put* p) { return p->value->text() == "retracted"; });
    if (out_.report.retracted) out_.report.retraction_reason = puts.front()->reason;
  }

  const ReportId id_;
  const std::map<EditId, const FoldEntry*> entries_;
  const Puts puts_;
  std::map<std::string, std::vector<const Put*>, std::less<>> visible_;
  std::set<std::string, std::less<>> hidden_;
  Folded out_;
};

}  // namespace

Folded fold(const ReportId& id, std::span<const FoldEntry> entries) {
  return Folding(id, entries).fold();
}

std::vector<EditId> Folded::frontier(std::string_view path) const {
  std::set<EditId> ids;
  if (auto found = visible.find(path); found != visible.end()) ids.insert(found->second.begin(), found->second.end());
  if (is_item_path(path))
    for (auto inner = visible.lower_bound(std::string(path) + "/");
         inner != visible.end() && is_within(inner->first, path); ++inner)
      ids.insert(inner->second.begin(), inner->second.end());
  return {ids.begin(), ids.end()};
}

Report as_first_submitted(const ReportId& id, std::span<const FoldEntry> entries) {
  auto all = entries_of(id, entries);
  EditId creating;
  creating.bytes = id.bytes;
  auto creation = all.find(creating);
  std::vector<FoldEntry> first;
  if (creation != all.end())
    for (const auto& [edit_id, entry] : all)
      if (edit_id == creating || (entry->edit.first_submission && entry->author == creation->second->author))
        first.push_back({edit_id, entry->author, entry->edit, {}});
  return fold(id, first).report;
}

std::vector<FieldHistory> history(const ReportId& id, std::span<const FoldEntry> entries) {
  auto all = entries_of(id, entries);
  std::vector<FieldHistory> histories;
  for (const auto& [path, puts] : puts_of(all)) {
    FieldHistory field{path, {}};
    std::vector<const Put*> sorted;
    for (const auto& put : puts) sorted.push_back(&put);
    std::sort(sorted.begin(), sorted.end(), shown_before);
    for (const auto* put : sorted) {
      PastValue past{put->value, put->reason,          put->entry->id, put->entry->author, put->entry->edit.claimed,
                     {},         put->entry->set_aside};
      for (const auto& other : puts)
        if (other.counts() && std::binary_search(other.supersedes->begin(), other.supersedes->end(), past.edit))
          past.superseded_by.push_back(other.entry->id);
      field.values.push_back(std::move(past));
    }
    histories.push_back(std::move(field));
  }
  return histories;
}

}  // namespace lysoen::report
