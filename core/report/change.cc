#include "core/report/change.h"

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/form/text.h"
#include "core/report/order.h"
#include "core/report/path.h"
#include "core/report/register.h"

namespace lysoen::report {

namespace {

Error refused(std::string why, std::string hint = {}) {
  return make_error(ErrorCode::input_refused, std::move(why), std::move(hint));
}

// Item ids where something repeats, and nowhere else.
Result<void> check_labels(const Form& form, const std::vector<PathStep>& steps) {
  std::string bare;
  for (size_t i = 0; i < steps.size(); ++i) {
    bare += (bare.empty() ? "" : "/") + steps[i].name;
    bool repeats = form.is_repeat(bare);
    if (repeats && steps[i].label.empty())
      return refused("'" + bare + "' repeats in form '" + form.id() + "': the path names no item",
                     "write " + bare + "[new1] for a new item, or an item's id in the brackets");
    if (!repeats && !steps[i].label.empty())
      return refused("'" + bare + "' does not repeat in form '" + form.id() + "'");
    bool is_new = steps[i].label.find('-') == std::string::npos;
    if (!steps[i].label.empty() && !is_new && !item_id(steps[i].label))
      return refused("'" + bare + "' has no such item", "a label without a hyphen, as in [new1], makes a new item");
  }
  return {};
}

Result<void> check_code(const Question& question, std::string_view code) {
  if (question.choices.empty() || question.choice(code)) return {};  // an external list cannot be checked here
  std::string codes;
  for (size_t i = 0; i < question.choices.size() && i < 8; ++i) codes += (i ? ", " : "") + question.choices[i].code;
  if (question.choices.size() > 8) codes += " and " + std::to_string(question.choices.size() - 8) + " more";
  return refused("question '" + question.path + "' has no such choice", "choices: " + codes);
}

// A map of what is to be written, later changes winning; items that go with all that is in them.
struct Collapsed {
  std::map<std::string, std::optional<Value>> writes;
  std::map<std::string, bool> items;  // present or removed

  explicit Collapsed(std::span<const Change> changes) {
    for (const auto& change : changes) {
      if (!is_item_path(change.path)) {
        writes[change.path] = change.value;
        for (const auto& item : items_of(change.path))
          std::erase_if(items, [&](const auto& i) { return i.first == item && !i.second; });
        continue;
      }
      items[change.path] = change.value.has_value();
      if (change.value) continue;
      std::erase_if(writes, [&](const auto& write) { return is_within(write.first, change.path); });
      std::erase_if(items,
                    [&](const auto& item) { return item.first != change.path && is_within(item.first, change.path); });
    }
  }
};

Edit edit_of(const Folded& known, const EditContext& context) {
  Edit edit;
  edit.report = known.report.id;
  edit.claimed = context.claimed;
  edit.monotonic_ms = context.monotonic_ms;
  edit.roster_version = context.roster_version;
  return edit;
}

std::vector<EditId> visible_at(const Folded& known, const std::string& path) {
  auto found = known.visible.find(path);
  return found == known.visible.end() ? std::vector<EditId>{} : found->second;
}

// Keys for items that come after all their siblings, in the order in which they are asked for.
class Appending {
 public:
  explicit Appending(const Orders& orders) {
    for (const auto& [item, order] : orders) last_[repeat_of(item)] = std::max(last_[repeat_of(item)], order);
  }
  std::string next(const std::string& item) {
    auto& last = last_[repeat_of(item)];
    auto key = order_between(last, {});
    if (!key) return {};  // no room: the default order
    return last = *key;
  }

 private:
  static std::string repeat_of(const std::string& item) { return item.substr(0, item.rfind('[')); }
  std::map<std::string, std::string> last_;
};

bool is_shown(const Folded& known, const std::string& path, const std::optional<Value>& value) {
  const Field* field = known.report.field(path);
  if (!field) return !value;
  return !field->conflict() && field->values.front().value == value;
}

}  // namespace

Result<void> check_change(const Form& form, const Change& change) {
  auto steps = split_path(change.path);
  if (!steps) {
    bool printable =
        change.path.size() <= 80 && form::is_utf8(change.path) && !form::has_control_characters(change.path);
    return refused(
        printable ? "'" + change.path + "' is no path of a question" : "what is given is no path of a question",
        "write names of groups and question with / between, as in sources[new1]/url");
  }
  auto bare = form_path(change.path);
  if (is_item_path(change.path)) {
    if (!form.is_repeat(bare))
      return refused("nothing that repeats is called '" + bare + "' in form '" + form.id() + "'");
    return check_labels(form, *steps);
  }
  const Question* question = form.question(bare);
  if (!question) return refused("no question '" + bare + "' in form '" + form.id() + "'");
  LYSOEN_TRY(check_labels(form, *steps));
  if (!change.value) return {};
  if (change.value->type() != question->type)
    return refused("question '" + bare + "' takes " + std::string(name_of(question->type)) + ", not " +
                   std::string(name_of(change.value->type())));
  auto parsed = Value::parse(question->type, change.value->text());
  if (!parsed.ok())
    return make_error(parsed.error().code, "question '" + bare + "': " + parsed.error().message, parsed.error().hint);
  if (*parsed != *change.value) return refused("question '" + bare + "': the answer is not in its normal form");
  if (question->type == ValueType::choice) return check_code(*question, change.value->text());
  for (const auto& code : change.value->items()) LYSOEN_TRY(check_code(*question, code));
  return {};
}

Result<std::vector<Change>> name_new_items(std::span<const Change> changes, std::span<const Field> taken,
                                           NewItems how) {
  std::set<uint64_t> used;
  auto use = [&](std::string_view path) {
    if (auto steps = split_path(path))
      for (const auto& step : *steps)
        if (auto id = item_id(step.label)) used.insert(*id);
  };
  for (const auto& field : taken) use(field.path);
  for (const auto& change : changes) use(change.path);
  uint64_t next = 1;
  for (uint64_t id : used)
    if (id < kFirstRandomItem) next = std::max(next, id + 1);
  auto fresh = [&] {
    if (how.draft) return next++;
    LYSOEN_CHECK(how.random);
    uint64_t id = 0;
    while (id < kFirstRandomItem || !used.insert(id).second) {
      std::array<uint8_t, 7> bytes{};
      how.random->fill(bytes);
      id = 0;
      for (uint8_t byte : bytes) id = id << 8 | byte;
    }
    return id;
  };
  std::map<std::string, std::string> named;  // "victims[new1]" -> "i-5"
  std::vector<Change> out;
  for (const auto& change : changes) {
    auto steps = split_path(change.path);
    if (!steps) return refused("what is given is no path of a question");
    std::string label_path;
    for (auto& step : *steps) {
      label_path += "/" + step.name + "[" + step.label + "]";
      if (step.label.empty() || step.label.find('-') != std::string::npos) continue;
      auto [found, added] = named.emplace(label_path, "");
      if (added) found->second = item_label(fresh());
      step.label = found->second;
    }
    auto& put = out.emplace_back(Change{join_path(*steps), change.value});
    if (put.value && is_item_path(put.path)) put.value = Value::text_of(std::string(kKept));
  }
  return out;
}

void overlay(Report& report, std::span<const Change> changes, const DeviceId& device, WallTime at) {
  Orders orders;
  for (const auto& field : report.fields)
    for (const auto& item : items_of(field.path)) orders.emplace(item, default_order(orders.size() + 1));
  bool sealed = report.edits > 0;
  for (const auto& change : changes) {
    if (is_item_path(change.path)) {
      std::erase_if(report.fields, [&](const Field& f) {
        return change.value ? f.path == change.path : is_within(f.path, change.path);
      });
      continue;
    }
    auto found =
        std::find_if(report.fields.begin(), report.fields.end(), [&](const Field& f) { return f.path == change.path; });
    if (!sealed && !change.value) {
      if (found != report.fields.end()) report.fields.erase(found);
      continue;
    }
    if (found == report.fields.end()) found = report.fields.insert(found, Field{change.path, {}});
    found->values = {Visible{change.value, EditId{}, device, at}};
  }
  sort_fields(report.fields, orders);
}

Edit make_creating_edit(const Form& form, std::span<const Change> changes, std::string origin,
                        const EditContext& context) {
  Edit edit;
  edit.creation = Edit::Creation{form.id(), form.version(), std::move(origin)};
  edit.claimed = context.claimed;
  edit.monotonic_ms = context.monotonic_ms;
  edit.roster_version = context.roster_version;
  Collapsed collapsed(changes);
  std::set<std::string> items;
  for (auto& [path, value] : collapsed.writes) {
    if (!value) continue;
    for (auto& item : items_of(path)) items.insert(std::move(item));
    edit.writes.push_back({path, std::move(value), {}});
  }
  for (const auto& [path, present] : collapsed.items)
    if (present)
      for (auto& item : items_of(path)) items.insert(std::move(item));
  for (const auto& item : items) edit.items.push_back({item, true, {}, {}});
  return edit;
}

Edit make_edit(const Folded& known, std::span<const Change> changes, const EditContext& context) {
  Edit edit = edit_of(known, context);
  Collapsed collapsed(changes);
  Appending appending(known.orders);
  std::set<std::string> added;
  auto add = [&](const std::string& path) {
    for (const auto& item : items_of(path)) {
      if (known.orders.contains(item) || !added.insert(item).second) continue;
      edit.items.push_back({item, true, appending.next(item), visible_at(known, item)});
    }
  };
  for (const auto& [path, present] : collapsed.items) {
    auto shown = known.orders.find(path);
    if (!present) {
      if (shown != known.orders.end()) edit.items.push_back({path, false, {}, known.frontier(path)});
    } else if (shown == known.orders.end()) {
      add(path);
    } else if (known.report.field(path)) {  // contested: keep it
      edit.items.push_back({path, true, shown->second, visible_at(known, path)});
    }
  }
  for (auto& [path, value] : collapsed.writes) {
    if (is_shown(known, path, value)) continue;
    add(path);
    edit.writes.push_back({path, std::move(value), visible_at(known, path)});
  }
  // A default order may end in a zero byte, which an edit does not write out.
  for (auto& item : edit.items)
    if (item.order.ends_with('\0')) item.order.clear();
  return edit;
}

Edit make_settlement(const Folded& known, std::string_view path, const std::optional<Value>& value,
                     const EditContext& context) {
  if (is_item_path(path)) {
    Change change{std::string(path), value};
    return make_edit(known, {&change, 1}, context);
  }
  Edit edit = edit_of(known, context);
  edit.writes.push_back({std::string(path), value, known.frontier(path)});
  return edit;
}

Edit make_status_edit(const Folded& known, Status status, std::string_view reason, const EditContext& context) {
  Edit edit = edit_of(known, context);
  edit.status = StatusWrite{status, std::string(reason), known.frontier(kStatusField)};
  return edit;
}

Edit make_retraction(const Folded& known, std::string_view reason, const EditContext& context) {
  Edit edit = edit_of(known, context);
  edit.retraction = RetractionWrite{true, std::string(reason), known.frontier(kRetractionField)};
  return edit;
}

}  // namespace lysoen::report
