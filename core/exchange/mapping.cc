#include "core/exchange/mapping.h"

#include <ctime>
#include <set>

#include "core/base/try.h"

namespace lysoen::exchange {

namespace {

using nlohmann::json;

Error bad_mapping(const std::string& why, const std::string& hint = {}) {
  return make_error(ErrorCode::input_refused, "cannot use the mapping: " + why, hint);
}

Error does_not_fit(const std::string& path, const std::string& why) {
  return make_error(ErrorCode::input_refused, path + ": " + why);
}

Result<void> only_keys(const json& object, const std::set<std::string>& known, const std::string& where) {
  for (auto& [key, value] : object.items())
    if (!known.count(key)) return bad_mapping("unknown key '" + key + "' in " + where);
  return {};
}

Result<std::string> text_member(const json& object, const char* key, const std::string& where,
                                std::string otherwise = {}) {
  if (!object.contains(key)) return otherwise;
  if (!object[key].is_string()) return bad_mapping(std::string("'") + key + "' in " + where + " is not text");
  return object[key].get<std::string>();
}

Result<FieldRule> parse_field(const json& field, const std::string& where) {
  if (!field.is_object()) return bad_mapping(where + " is not an object");
  LYSOEN_TRY(
      only_keys(field, {"path", "from", "join", "split", "date", "number", "point", "codes", "otherwise"}, where));
  FieldRule rule;
  LYSOEN_ASSIGN(rule.path, text_member(field, "path", where));
  LYSOEN_ASSIGN(rule.join, text_member(field, "join", where, " "));
  LYSOEN_ASSIGN(rule.split, text_member(field, "split", where));
  LYSOEN_ASSIGN(rule.date, text_member(field, "date", where));
  rule.number = field.value("number", json(false)) == true;
  rule.point = field.value("point", json(false)) == true;
  auto from = field.value("from", json());
  if (from.is_string()) from = json::array({from});
  if (!from.is_array() || from.empty()) return bad_mapping(where + " names no column in 'from'");
  for (auto& column : from) {
    if (!column.is_string()) return bad_mapping("'from' in " + where + " is not text");
    rule.from.push_back(column);
  }
  for (auto& [text, code] : field.value("codes", json::object()).items()) {
    if (!code.is_string()) return bad_mapping("'codes' in " + where + " maps to something that is not text");
    rule.codes[text] = code;
  }
  if (field.contains("otherwise")) {
    LYSOEN_ASSIGN(std::string code, text_member(field, "otherwise", where));
    rule.otherwise = code;
  }
  return rule;
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

std::string trimmed(std::string text) {
  auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  size_t begin = 0;
  while (begin < text.size() && blank(text[begin])) ++begin;
  return text.substr(begin);
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
  std::erase_if(text, [](char c) { return c == ',' || c == ' ' || c == '\''; });
}

}  // namespace

Result<Mapping> Mapping::parse(std::string_view text, const std::vector<std::shared_ptr<const Form>>& forms) {
  auto document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !document.is_object()) return bad_mapping("it is not a JSON object");
  LYSOEN_TRY(only_keys(
      document, {"lysoen_mapping", "note", "form", "format", "encoding", "records", "skip_rows", "set", "fields"},
      "the mapping"));
  if (document.value("lysoen_mapping", json()) != 1)
    return bad_mapping("\"lysoen_mapping\" is not 1", "this version of Lysoen reads mappings of version 1");
  Mapping mapping;
  LYSOEN_ASSIGN(std::string form_id, text_member(document, "form", "the mapping"));
  for (auto& form : forms)
    if (form->id() == form_id) mapping.form_ = form;
  if (!mapping.form_) return bad_mapping("there is no form '" + form_id + "'", "`lysoen forms` lists them");

  LYSOEN_ASSIGN(std::string format, text_member(document, "format", "the mapping", "csv"));
  if (format != "csv" && format != "json") return bad_mapping("\"format\" is neither csv nor json");
  mapping.source_.json = format == "json";
  LYSOEN_ASSIGN(std::string encoding, text_member(document, "encoding", "the mapping", "utf-8"));
  auto known = encoding_from(encoding);
  if (!known) return bad_mapping("\"encoding\" is neither utf-8 nor windows-1252");
  mapping.source_.encoding = *known;
  LYSOEN_ASSIGN(mapping.source_.records, text_member(document, "records", "the mapping"));
  auto skip = document.value("skip_rows", json(0));
  if (!skip.is_number_unsigned() || skip > 100) return bad_mapping("\"skip_rows\" is not a number from 0 to 100");
  mapping.source_.skip_rows = skip;

  size_t number = 0;
  for (auto& field : document.value("fields", json::array())) {
    std::string where = "field " + std::to_string(++number);
    if (field.is_object() && field.contains("repeat")) {
      LYSOEN_TRY(only_keys(field, {"repeat", "from", "fields"}, where));
      RepeatRule repeat;
      LYSOEN_ASSIGN(repeat.repeat, text_member(field, "repeat", where));
      LYSOEN_ASSIGN(repeat.from, text_member(field, "from", where));
      if (!mapping.form_->is_repeat(repeat.repeat))
        return bad_mapping("the form has no repeat '" + repeat.repeat + "'");
      for (auto& inner : field.value("fields", json::array())) {
        LYSOEN_ASSIGN(FieldRule rule, parse_field(inner, where));
        if (!mapping.form_->question(repeat.repeat + "/" + rule.path))
          return bad_mapping("the form has no question '" + repeat.repeat + "/" + rule.path + "'");
        repeat.fields.push_back(std::move(rule));
      }
      mapping.repeats_.push_back(std::move(repeat));
      continue;
    }
    LYSOEN_ASSIGN(FieldRule rule, parse_field(field, where));
    auto* question = mapping.form_->question(rule.path);
    if (!question)
      return bad_mapping("the form has no question '" + rule.path + "'", "`lysoen forms --form ID` lists them");
    mapping.fields_.push_back(std::move(rule));
  }
  for (auto& [path, value] : document.value("set", json::object()).items()) {
    if (!mapping.form_->question(path)) return bad_mapping("the form has no question '" + path + "'");
    if (!value.is_string()) return bad_mapping("'" + path + "' in \"set\" is not text");
    LYSOEN_TRY(mapping.add(path, path, value, FieldRule(), mapping.constants_));
  }
  if (mapping.fields_.empty() && mapping.repeats_.empty()) return bad_mapping("it maps no fields");
  return mapping;
}

Result<void> Mapping::check_columns(const std::vector<std::string>& columns) const {
  std::set<std::string> present(columns.begin(), columns.end());
  std::string missing;
  size_t count = 0;
  for (auto& rule : fields_)
    for (auto& column : rule.from)
      if (!present.count(column)) missing += (count++ ? ", '" : "'") + column + "'";
  if (count == 0) return {};
  return make_error(ErrorCode::input_refused,
                    "cannot import the file: it has no column " + missing +
                        (count > 1 ? " (the mapping needs them)" : " (the mapping needs it)"),
                    "check that the mapping belongs to this file");
}

Result<std::vector<Change>> Mapping::apply(const json& record) const {
  std::vector<Change> changes = constants_;
  for (auto& rule : fields_) LYSOEN_TRY(apply_field(rule, {}, record, changes));
  for (auto& repeat : repeats_) {
    auto* array = reach(record, repeat.from);
    if (!array || array->is_null()) continue;
    if (!array->is_array()) return does_not_fit(repeat.repeat, "'" + repeat.from + "' is not a list");
    size_t number = 0;
    for (auto& item : *array) {
      std::string label = repeat.repeat + "[" + std::to_string(++number) + "]/";
      for (auto& rule : repeat.fields) {
        FieldRule inside = rule;
        inside.path = repeat.repeat + "/" + rule.path;
        LYSOEN_TRY(apply_field(inside, label + rule.path, item, changes));
      }
    }
  }
  for (auto& question : form_->questions()) {
    if (!question.required || question.in_repeat) continue;
    bool answered = false;
    for (auto& change : changes) answered = answered || change.path == question.path;
    if (!answered) return does_not_fit(question.path, "a required answer is missing");
  }
  return changes;
}

Result<void> Mapping::apply_field(const FieldRule& rule, const std::string& report_path, const json& record,
                                  std::vector<Change>& out) const {
  std::string text;
  for (auto& column : rule.from) {
    auto* cell = reach(record, column);
    std::string part = cell ? trimmed(cell_text(*cell)) : "";
    if (!part.empty()) text += (text.empty() ? "" : rule.join) + part;
  }
  if (text.empty()) return {};
  auto* question = form_->question(rule.path);
  if (!rule.split.empty() || (question->in_repeat && report_path.empty())) {
    size_t number = 0;
    for (size_t begin = 0; begin <= text.size();) {
      size_t end = rule.split.empty() ? text.size() : std::min(text.find(rule.split, begin), text.size());
      std::string part = trimmed(text.substr(begin, end - begin));
      begin = end + std::max<size_t>(rule.split.size(), 1);
      if (part.empty()) continue;
      std::string item =
          question->repeat + "[" + std::to_string(++number) + "]" + rule.path.substr(question->repeat.size());
      LYSOEN_TRY(add(rule.path, item, part, rule, out));
    }
    return {};
  }
  return add(rule.path, report_path.empty() ? rule.path : report_path, std::move(text), rule, out);
}

Result<void> Mapping::add(const std::string& question_path, const std::string& report_path, std::string text,
                          const FieldRule& rule, std::vector<Change>& out) const {
  auto* question = form_->question(question_path);
  if (!rule.date.empty()) {
    auto date = iso_date(text, rule.date);
    if (!date) return does_not_fit(question_path, "the date is not of the form '" + rule.date + "'");
    text = *date;
  }
  if (rule.number) drop_thousands_separators(text);
  if (rule.point)
    for (char& c : text) c = c == ',' || c == ';' ? ' ' : c;
  if (!rule.codes.empty()) {
    auto code = rule.codes.find(text);
    if (code != rule.codes.end())
      text = code->second;
    else if (rule.otherwise)
      text = *rule.otherwise;
  }
  auto value = Value::parse(question->type, text);
  if (!value.ok()) return does_not_fit(question_path, value.error().message);
  for (auto& code : value->type() == ValueType::choice ? std::vector<std::string>{value->text()} : value->items())
    if (!question->choice(code)) return does_not_fit(question_path, "is not one of the form's choices");
  out.push_back(Change{report_path, std::move(*value)});
  return {};
}

}  // namespace lysoen::exchange
