// Reading a mapping: everything that can be known to be wrong without the file is said here, with where it stands.
#include <set>

#include "core/base/try.h"
#include "core/exchange/mapping.h"

namespace lysoen::exchange {

using nlohmann::json;

namespace {

Error bad_mapping(const std::string& why, const std::string& hint = {}) {
  return make_error(ErrorCode::input_refused, "cannot use the mapping: " + why, hint);
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

Result<bool> flag_member(const json& object, const char* key, const std::string& where) {
  if (!object.contains(key)) return false;
  if (!object[key].is_boolean())
    return bad_mapping(std::string("'") + key + "' in " + where + " is neither true nor false");
  return object[key].get<bool>();
}

// An object or array member; empty if it is absent.
Result<json> container_member(const json& object, const char* key, json empty, const std::string& where) {
  if (!object.contains(key)) return empty;
  if (object[key].type() != empty.type())
    return bad_mapping(std::string("'") + key + "' in " + where + " is not " +
                       (empty.is_array() ? "a list" : "an object"));
  return object[key];
}

// Does the format name year, month and day? A date without one of them would get a wrong one silently.
bool names_a_whole_day(const std::string& format) {
  bool year = false, month = false, day = false;
  for (size_t at = format.find('%'); at != std::string::npos && at + 1 < format.size(); at = format.find('%', at + 2)) {
    std::string_view whole = "FDx", years = "Yy", months = "mbBh", days = "de";
    char c = format[at + 1];
    year = year || years.find(c) != years.npos || whole.find(c) != whole.npos;
    month = month || months.find(c) != months.npos || c == 'j' || whole.find(c) != whole.npos;
    day = day || days.find(c) != days.npos || c == 'j' || whole.find(c) != whole.npos;
  }
  return year && month && day;
}

}  // namespace

class MappingParser {
 public:
  explicit MappingParser(const json& document) : document_(document) {}

  Result<Mapping> parse(const std::vector<std::shared_ptr<const Form>>& forms) {
    LYSOEN_TRY(only_keys(
        document_, {"lysoen_mapping", "note", "form", "format", "encoding", "records", "skip_rows", "set", "fields"},
        kWhole));
    if (document_.value("lysoen_mapping", json()) != 1)
      return bad_mapping("\"lysoen_mapping\" is not 1", "this version of Lysoen reads mappings of version 1");
    LYSOEN_TRY(find_form(forms));
    LYSOEN_TRY(parse_source());
    LYSOEN_TRY(parse_fields());
    LYSOEN_TRY(parse_constants());
    if (mapping_.fields_.empty() && mapping_.repeats_.empty()) return bad_mapping("it maps no fields");
    return std::move(mapping_);
  }

 private:
  static constexpr const char* kWhole = "the mapping";

  Result<void> find_form(const std::vector<std::shared_ptr<const Form>>& forms) {
    LYSOEN_ASSIGN(std::string id, text_member(document_, "form", kWhole));
    for (auto& form : forms)
      if (form->id() == id) mapping_.form_ = form;
    if (!mapping_.form_) return bad_mapping("there is no form '" + id + "'", "`lysoen forms` lists them");
    return {};
  }

  Result<void> parse_source() {
    auto& source = mapping_.source_;
    LYSOEN_ASSIGN(std::string format, text_member(document_, "format", kWhole, "csv"));
    if (format != "csv" && format != "json") return bad_mapping("\"format\" is neither csv nor json");
    source.json = format == "json";
    LYSOEN_ASSIGN(std::string encoding, text_member(document_, "encoding", kWhole, "utf-8"));
    auto known = encoding_from(encoding);
    if (!known) return bad_mapping("\"encoding\" is neither utf-8 nor windows-1252");
    source.encoding = *known;
    LYSOEN_ASSIGN(source.records, text_member(document_, "records", kWhole));
    auto skip = document_.value("skip_rows", json(0));
    if (!skip.is_number_integer() || skip < 0 || skip > 100)
      return bad_mapping("\"skip_rows\" is not a number from 0 to 100");
    source.skip_rows = skip;
    return {};
  }

  Result<void> parse_fields() {
    LYSOEN_ASSIGN(json fields, container_member(document_, "fields", json::array(), kWhole));
    size_t number = 0;
    for (auto& field : fields) {
      std::string where = "field " + std::to_string(++number);
      if (!field.is_object()) return bad_mapping(where + " is not an object");
      if (field.contains("repeat")) {
        LYSOEN_TRY(parse_repeat(field, where));
        continue;
      }
      LYSOEN_ASSIGN(FieldRule rule, parse_field(field, {}, where));
      mapping_.fields_.push_back(std::move(rule));
    }
    return {};
  }

  Result<void> parse_repeat(const json& field, const std::string& where) {
    LYSOEN_TRY(only_keys(field, {"repeat", "from", "fields"}, where));
    RepeatRule rule;
    LYSOEN_ASSIGN(rule.repeat, text_member(field, "repeat", where));
    LYSOEN_ASSIGN(rule.from, text_member(field, "from", where));
    if (!mapping_.form_->is_repeat(rule.repeat)) return bad_mapping("the form has no repeat '" + rule.repeat + "'");
    if (!mapping_.source_.json)
      return bad_mapping("'repeat' in " + where + " needs \"format\": \"json\"",
                         "from a table, map the repeat's questions by their whole path, with 'split'");
    if (rule.from.empty()) return bad_mapping(where + " names no member in 'from'");
    LYSOEN_ASSIGN(json fields, container_member(field, "fields", json::array(), where));
    if (fields.empty()) return bad_mapping(where + " maps no fields");
    for (auto& inner : fields) {
      if (!inner.is_object()) return bad_mapping("a field of " + where + " is not an object");
      LYSOEN_ASSIGN(FieldRule parsed, parse_field(inner, rule.repeat, where));
      rule.fields.push_back(std::move(parsed));
    }
    mapping_.repeats_.push_back(std::move(rule));
    return {};
  }

  // `repeat`: the repeat whose items the rule's records are, or empty.
  Result<FieldRule> parse_field(const json& field, const std::string& repeat, const std::string& where) {
    LYSOEN_TRY(
        only_keys(field, {"path", "from", "join", "split", "date", "number", "point", "codes", "otherwise"}, where));
    FieldRule rule;
    LYSOEN_ASSIGN(rule.path, text_member(field, "path", where));
    if (rule.path.empty()) return bad_mapping(where + " names no question in 'path'");
    if (!repeat.empty()) rule.path = repeat + "/" + rule.path;
    LYSOEN_ASSIGN(rule.join, text_member(field, "join", where, " "));
    LYSOEN_ASSIGN(rule.split, text_member(field, "split", where));
    LYSOEN_ASSIGN(rule.date, text_member(field, "date", where));
    LYSOEN_ASSIGN(rule.number, flag_member(field, "number", where));
    LYSOEN_ASSIGN(rule.point, flag_member(field, "point", where));
    LYSOEN_TRY(parse_from(field, where, rule));
    LYSOEN_TRY(parse_codes(field, where, rule));
    LYSOEN_TRY(check(rule, !repeat.empty(), where));
    return rule;
  }

  Result<void> parse_from(const json& field, const std::string& where, FieldRule& rule) {
    auto from = field.value("from", json());
    if (from.is_string()) from = json::array({from});
    if (!from.is_array() || from.empty()) return bad_mapping(where + " names no column in 'from'");
    for (auto& column : from) {
      if (!column.is_string()) return bad_mapping("'from' in " + where + " is not text");
      rule.from.push_back(column);
    }
    return {};
  }

  Result<void> parse_codes(const json& field, const std::string& where, FieldRule& rule) {
    LYSOEN_ASSIGN(json codes, container_member(field, "codes", json::object(), where));
    for (auto& [text, code] : codes.items()) {
      if (!code.is_string()) return bad_mapping("'codes' in " + where + " maps to something that is not text");
      rule.codes[text] = code;
    }
    if (!field.contains("otherwise")) return {};
    if (rule.codes.empty()) return bad_mapping("'otherwise' in " + where + " needs 'codes'");
    LYSOEN_ASSIGN(rule.otherwise, text_member(field, "otherwise", where));
    return {};
  }

  Result<void> check(const FieldRule& rule, bool in_repeat_rule, const std::string& where) {
    auto* question = mapping_.form_->question(rule.path);
    if (!question)
      return bad_mapping("the form has no question '" + rule.path + "'", "`lysoen forms --form ID` lists them");
    if (!paths_.insert(rule.path).second) return bad_mapping("'" + rule.path + "' is mapped twice");
    if (!rule.date.empty() && !names_a_whole_day(rule.date))
      return bad_mapping("'date' in " + where + " does not name year, month and day", "for example \"%d/%m/%Y\"");
    bool many = question->type == ValueType::choices || (question->in_repeat && !in_repeat_rule);
    if (!rule.split.empty() && !many)
      return bad_mapping("'split' in " + where + " needs a question that repeats or takes several choices");
    auto known = [&](const std::string& code) { return !question->choices.empty() && question->choice(code); };
    bool codes_known = !rule.otherwise || known(*rule.otherwise);
    for (auto& [text, code] : rule.codes) codes_known = codes_known && known(code);
    if (!codes_known) return bad_mapping("'codes' in " + where + " has a code that '" + rule.path + "' does not offer");
    return {};
  }

  Result<void> parse_constants() {
    LYSOEN_ASSIGN(json constants, container_member(document_, "set", json::object(), kWhole));
    for (auto& [path, text] : constants.items()) {
      auto* question = mapping_.form_->question(path);
      if (!question || question->in_repeat)
        return bad_mapping("the form has no question '" + path + "' outside a repeat", "see \"set\"");
      if (!text.is_string()) return bad_mapping("'" + path + "' in \"set\" is not text");
      if (!paths_.insert(path).second) return bad_mapping("'" + path + "' is mapped twice");
      FieldRule rule;
      rule.path = path;
      auto value = mapped_value(*mapping_.form_, rule, text.get<std::string>());
      if (!value.ok()) return bad_mapping("in \"set\": " + value.error().message);
      mapping_.constants_.push_back({path, std::move(*value)});
    }
    return {};
  }

  const json& document_;
  Mapping mapping_;
  std::set<std::string> paths_;
};

Result<Mapping> Mapping::parse(std::string_view text, const std::vector<std::shared_ptr<const Form>>& forms) {
  auto document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !document.is_object()) return bad_mapping("it is not a JSON object");
  return MappingParser(document).parse(forms);
}

}  // namespace lysoen::exchange
