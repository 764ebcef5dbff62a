// Applying a mapping to a record.
#include "core/exchange/mapping.h"

#include <algorithm>
#include <ctime>
#include <set>

#include "core/base/try.h"

namespace lysoen::exchange {

namespace {

using nlohmann::json;

Error does_not_fit(const std::string& path, const std::string& why) {
  return make_error(ErrorCode::input_refused, path + ": " + why);
}

// The member that a dotted name reaches, or null. A name that exists with its dots wins.
const json* reach(const json& record, const std::string& name) {
  if (auto whole = record.find(name); whole != record.end()) return &*whole;
  const json* at = &record;
  for (size_t begin = 0; begin <= name.size();) {
    size_t dot = std::min(name.find('.', begin), name.size());
    if (!at->is_object()) return nullptr;
    auto found = at->find(name.substr(begin, dot - begin));
    if (found == at->end()) return nullptr;
    at = &*found;
    begin = dot + 1;
  }
  return at;
}

// A cell as text: strings as they are, numbers and booleans as JSON writes them, lists joined by "; ".
std::string cell_text(const json& cell) {
  if (cell.is_string()) return cell.get<std::string>();
  if (cell.is_null()) return {};
  if (!cell.is_array()) return cell.dump();
  std::string joined;
  for (auto& item : cell) joined += (joined.empty() ? "" : "; ") + cell_text(item);
  return joined;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  size_t end = text.find_last_not_of(kBlanks) + 1;
  return std::string(text.substr(begin, end > begin ? end - begin : 0));
}

// What the rule's columns say, joined; empty if none says anything.
std::string text_of(const FieldRule& rule, const json& record) {
  std::string text;
  for (auto& column : rule.from) {
    auto* cell = reach(record, column);
    std::string part = cell ? trimmed(cell_text(*cell)) : "";
    if (!part.empty()) text += (text.empty() ? "" : rule.join) + part;
  }
  return text;
}

// Parts between separators that are not empty; the whole text if there is no separator.
std::vector<std::string> parts_of(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = separator.empty() ? text.size() : std::min(text.find(separator, begin), text.size());
    if (auto part = trimmed(std::string_view(text).substr(begin, end - begin)); !part.empty()) parts.push_back(part);
    begin = end + std::max<size_t>(separator.size(), 1);
  }
  return parts;
}

std::optional<std::string> iso_date(const std::string& text, const std::string& format) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), format.c_str(), &parts);
  if (!end || *end != '\0') return std::nullopt;
  char out[16];
  size_t size = std::strftime(out, sizeof out, "%Y-%m-%d", &parts);
  return std::string(out, size);
}

void drop_thousands_separators(std::string& text) {
  for (std::string_view separator : {",", " ", "'", "\u00A0", "\u202F", "\u2019"})
    for (size_t at; (at = text.find(separator)) != std::string::npos;) text.erase(at, separator.size());
}

std::string coded(const FieldRule& rule, std::string text) {
  if (rule.codes.empty()) return text;
  if (auto code = rule.codes.find(text); code != rule.codes.end()) return code->second;
  return rule.otherwise.value_or(std::move(text));
}

// The changes of one rule. `item` is the repeat item that the record stands for ("sources[2]"), or empty.
Result<void> apply_rule(const Form& form, const FieldRule& rule, const std::string& item, const json& record,
                        std::vector<Change>& out) {
  std::string text = text_of(rule, record);
  if (text.empty()) return {};
  auto& question = *form.question(rule.path);
  if (!question.in_repeat || question.type == ValueType::choices || !item.empty()) {
    LYSOEN_ASSIGN(Value value, mapped_value(form, rule, std::move(text)));
    out.push_back({question.in_repeat
                       ? (item.empty() ? question.repeat + "[1]" : item) + rule.path.substr(question.repeat.size())
                       : rule.path,
                   std::move(value)});
    return {};
  }
  size_t number = 0;
  for (auto& part : parts_of(text, rule.split)) {
    LYSOEN_ASSIGN(Value value, mapped_value(form, rule, part));
    out.push_back({question.repeat + "[" + std::to_string(++number) + "]" + rule.path.substr(question.repeat.size()),
                   std::move(value)});
  }
  return {};
}

}  // namespace

Result<Value> mapped_value(const Form& form, const FieldRule& rule, std::string text) {
  auto& question = *form.question(rule.path);
  if (!rule.date.empty()) {
    auto date = iso_date(text, rule.date);
    if (!date) return does_not_fit(rule.path, "the date is not of the form '" + rule.date + "'");
    text = *date;
  }
  if (rule.number) drop_thousands_separators(text);
  if (rule.point) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == ',' || c == ';'; }, ' ');
    if (parts_of(text, " ").size() != 2)
      return does_not_fit(rule.path, "is not a latitude and a longitude with a comma between them");
  }
  if (question.type == ValueType::choices && !rule.split.empty()) {
    std::string codes;
    for (auto& part : parts_of(text, rule.split)) codes += (codes.empty() ? "" : " ") + coded(rule, part);
    text = codes;
  } else {
    text = coded(rule, std::move(text));
  }
  auto value = Value::parse(question.type, text);
  if (!value.ok()) return does_not_fit(rule.path, value.error().message);
  for (auto& code : value->type() == ValueType::choice ? std::vector<std::string>{value->text()} : value->items())
    if (!question.choice(code)) return does_not_fit(rule.path, "is not one of the form's choices");
  return value;
}

Result<void> Mapping::check_columns(const std::vector<std::string>& columns) const {
  std::set<std::string> present(columns.begin(), columns.end());
  std::string missing;
  size_t count = 0;
  for (auto& rule : fields_)
    for (auto& column : rule.from)
      if (present.insert(column).second) missing += (count++ ? ", '" : "'") + column + "'";
  if (count == 0) return {};
  return make_error(ErrorCode::input_refused,
                    "cannot import the file: it has no column " + missing +
                        (count > 1 ? " (the mapping needs them)" : " (the mapping needs it)"),
                    "check that the mapping belongs to this file");
}

Result<std::vector<Change>> Mapping::apply(const json& record) const {
  std::vector<Change> changes = constants_;
  for (auto& rule : fields_) LYSOEN_TRY(apply_rule(*form_, rule, {}, record, changes));
  for (auto& repeat : repeats_) {
    auto* array = reach(record, repeat.from);
    if (!array || array->is_null()) continue;
    if (!array->is_array()) return does_not_fit(repeat.repeat, "'" + repeat.from + "' is not a list");
    size_t number = 0;
    for (auto& element : *array) {
      std::string item = repeat.repeat + "[" + std::to_string(++number) + "]";
      for (auto& rule : repeat.fields) LYSOEN_TRY(apply_rule(*form_, rule, item, element, changes));
    }
  }
  for (auto& question : form_->questions()) {
    if (!question.required || question.in_repeat) continue;
    bool answered =
        std::any_of(changes.begin(), changes.end(), [&](auto& change) { return change.path == question.path; });
    if (!answered) return does_not_fit(question.path, "a required answer is missing");
  }
  return changes;
}

}  // namespace lysoen::exchange
