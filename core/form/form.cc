#include <lysoen/form.h>

#include <algorithm>

#include "core/form/role.h"

namespace lysoen {

std::string_view name_of(ValueType type) {
  switch (type) {
    case ValueType::text:
      return "text";
    case ValueType::integer:
      return "integer";
    case ValueType::decimal:
      return "decimal";
    case ValueType::boolean:
      return "boolean";
    case ValueType::date:
      return "date";
    case ValueType::time:
      return "time";
    case ValueType::date_time:
      return "date_time";
    case ValueType::point:
      return "point";
    case ValueType::choice:
      return "choice";
    case ValueType::choices:
      return "choices";
    case ValueType::attachment:
      return "attachment";
  }
  return "unknown";
}

std::string_view pick(const Labels& labels, std::string_view language) {
  for (std::string_view wanted : {language, language.substr(0, language.find('-')), std::string_view("en")})
    if (auto found = labels.find(wanted); found != labels.end()) return found->second;
  return labels.empty() ? std::string_view() : labels.begin()->second;
}

const Choice* Question::choice(std::string_view code) const {
  auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& c) { return c.code == code; });
  return found == choices.end() ? nullptr : &*found;
}

const Question* Form::question(std::string_view path) const {
  auto found = std::find_if(questions_.begin(), questions_.end(), [&](const Question& q) { return q.path == path; });
  return found == questions_.end() ? nullptr : &*found;
}

bool Form::is_repeat(std::string_view path) const {
  return std::find(repeats_.begin(), repeats_.end(), path) != repeats_.end();
}

const Question* Form::with_role(FieldRole role) const {
  auto found = std::find_if(questions_.begin(), questions_.end(), [&](const Question& q) { return q.role == role; });
  return found == questions_.end() ? nullptr : &*found;
}

namespace form {

namespace {
constexpr std::pair<std::string_view, FieldRole> kRoles[] = {
    {"event_time", FieldRole::event_time},   {"place", FieldRole::place},       {"place_name", FieldRole::place_name},
    {"category", FieldRole::category},       {"title", FieldRole::title},       {"narrative", FieldRole::narrative},
    {"harmed", FieldRole::harmed},           {"actor", FieldRole::actor},       {"weapon", FieldRole::weapon},
    {"source", FieldRole::source},           {"identity", FieldRole::identity}, {"contact", FieldRole::contact},
    {"sensitivity", FieldRole::sensitivity}, {"consent", FieldRole::consent},   {"dimensions", FieldRole::dimensions},
};
}  // namespace

FieldRole role_from(std::string_view name) {
  for (const auto& [text, role] : kRoles)
    if (text == name) return role;
  return FieldRole::none;
}

std::string_view name_of(FieldRole role) {
  for (const auto& [text, value] : kRoles)
    if (value == role) return text;
  return "none";
}

}  // namespace form
}  // namespace lysoen
