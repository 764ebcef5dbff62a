#include "core/report/register.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace lysoen::report {

std::map<EditId, const FoldEntry*> entries_of(const ReportId& id, std::span<const FoldEntry> entries) {
  std::map<EditId, const FoldEntry*> chosen;
  for (const auto& entry : entries) {
    bool belongs = entry.edit.creation ? entry.id.bytes == id.bytes : entry.edit.report == id;
    if (!belongs) continue;
    auto [found, fresh] = chosen.emplace(entry.id, &entry);
    if (!fresh && entry.set_aside < found->second->set_aside) found->second = &entry;
  }
  return chosen;
}

Puts puts_of(const std::map<EditId, const FoldEntry*>& entries) {
  Puts puts;
  for (const auto& [id, entry] : entries) {
    const Edit& edit = entry->edit;
    for (const auto& write : edit.writes) puts[write.path].push_back({entry, write.value, {}, {}, &write.supersedes});
    for (const auto& item : edit.items) {
      auto value = item.present ? std::optional(Value::text_of(std::string(kKept))) : std::nullopt;
      puts[item.path].push_back({entry, std::move(value), {}, item.order, &item.supersedes});
    }
    if (edit.status)
      puts[std::string(kStatusField)].push_back({entry,
                                                 Value::text_of(std::string(name_of(edit.status->status))),
                                                 edit.status->reason,
                                                 {},
                                                 &edit.status->supersedes});
    if (edit.retraction)
      puts[std::string(kRetractionField)].push_back(
          {entry,
           Value::text_of(edit.retraction->retracted ? "retracted" : "standing"),
           edit.retraction->reason,
           {},
           &edit.retraction->supersedes});
  }
  return puts;
}

std::vector<const Put*> visible_of(const std::vector<Put>& puts) {
  std::vector<const Put*> visible;
  if (puts.size() == 1) {  // the common case
    if (puts[0].counts()) visible.push_back(&puts[0]);
    return visible;
  }
  std::set<EditId> superseded;
  for (const auto& put : puts)
    if (put.counts()) superseded.insert(put.supersedes->begin(), put.supersedes->end());
  for (const auto& put : puts)
    if (put.counts() && !superseded.contains(put.entry->id)) visible.push_back(&put);
  return visible;
}

bool shown_before(const Put* a, const Put* b) {
  return std::tie(a->entry->edit.claimed, a->entry->id) < std::tie(b->entry->edit.claimed, b->entry->id);
}

namespace {

// For each code: the edits that brought it in. A write that keeps a code passes on where it came from; one that adds it
// is a new origin. `known` has every origin that the write's author had seen, also of codes taken out since.
using Origins = std::map<std::string, std::set<EditId>>;
struct Known {
  Origins held, known;
};

Known know(const Put& put, const std::vector<const Known*>& before) {
  Known result;
  for (const auto* earlier : before)
    for (const auto& [code, origins] : earlier->known) result.known[code].insert(origins.begin(), origins.end());
  if (!put.value) return result;
  for (const auto& code : put.value->items()) {
    auto& held = result.held[code];
    for (const auto* earlier : before)
      if (auto found = earlier->held.find(code); found != earlier->held.end())
        held.insert(found->second.begin(), found->second.end());
    if (held.empty()) held.insert(put.entry->id);
    result.known[code].insert(held.begin(), held.end());
  }
  return result;
}

// Walks from each visible write to what it supersedes, and fills in from the oldest on. Without recursion: a history
// may be long. An edit cannot supersede itself through others, since it would have to hold its own hash; if entries say
// so all the same, the circle is cut where it closes.
std::map<EditId, Known> walk_back(const std::map<EditId, const Put*>& by_id, const std::vector<const Put*>& visible) {
  std::map<EditId, Known> done;
  std::set<EditId> begun;
  std::vector<const Put*> stack(visible.begin(), visible.end());
  while (!stack.empty()) {
    const Put* put = stack.back();
    EditId id = put->entry->id;
    if (done.contains(id)) {
      stack.pop_back();
      continue;
    }
    if (begun.insert(id).second) {
      for (const auto& earlier : *put->supersedes)
        if (auto found = by_id.find(earlier); found != by_id.end() && !begun.contains(earlier))
          stack.push_back(found->second);
      if (stack.back() != put) continue;
    }
    std::vector<const Known*> before;
    for (const auto& earlier : *put->supersedes)
      if (auto found = done.find(earlier); found != done.end()) before.push_back(&found->second);
    done.emplace(id, know(*put, before));
    stack.pop_back();
  }
  return done;
}

}  // namespace

std::optional<std::optional<Value>> merged_choices(const std::vector<Put>& puts,
                                                   const std::vector<const Put*>& visible) {
  bool any = false;
  for (const auto* put : visible) {
    if (put->value && put->value->type() != ValueType::choices) return std::nullopt;
    any = any || put->value;
  }
  if (!any) return std::nullopt;
  std::map<EditId, const Put*> by_id;
  for (const auto& put : puts) by_id.emplace(put.entry->id, &put);
  auto known = walk_back(by_id, visible);
  std::vector<std::string> codes;
  for (const auto* put : visible)
    for (const auto& held : known.at(put->entry->id).held) {
      const auto& code = held.first;  // clang 14 does not capture structured bindings
      bool stays = std::any_of(held.second.begin(), held.second.end(), [&](const EditId& origin) {
        return std::all_of(visible.begin(), visible.end(), [&](const Put* other) {
          const auto& its = known.at(other->entry->id);
          auto seen = its.known.find(code), has = its.held.find(code);
          bool knew = seen != its.known.end() && seen->second.contains(origin);
          return !knew || (has != its.held.end() && has->second.contains(origin));
        });
      });
      if (stays) codes.push_back(code);
    }
  if (codes.empty()) return std::optional<Value>();
  return std::optional<Value>(Value::choices_of(std::move(codes)));
}

}  // namespace lysoen::report
