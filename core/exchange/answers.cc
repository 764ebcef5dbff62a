#include "core/exchange/answers.h"

namespace lysoen::exchange {

namespace {

const Value* first_of_type(const Report& report, std::initializer_list<ValueType> types) {
  for (auto& field : report.fields)
    for (auto& visible : field.values)
      for (auto type : types)
        if (visible.value && visible.value->type() == type) return &*visible.value;
  return nullptr;
}

const Value* first_value(const Field* field) {
  if (!field) return nullptr;
  for (auto& visible : field->values)
    if (visible.value) return &*visible.value;
  return nullptr;
}

}  // namespace

const Form* Answers::form_of(const Report& report) const {
  for (auto& form : forms_)
    if (form->id() == report.form_id) return form.get();
  return nullptr;
}

std::vector<std::string> Answers::by_role(const Report& report, FieldRole role) const {
  auto* form = form_of(report);
  auto* question = form ? form->with_role(role) : nullptr;
  auto* field = question ? report.field(question->path) : nullptr;
  return field ? texts(*field) : std::vector<std::string>();
}

const Value* Answers::place(const Report& report) const {
  auto* form = form_of(report);
  auto* question = form ? form->with_role(FieldRole::place) : nullptr;
  auto* value = first_value(question ? report.field(question->path) : nullptr);
  if (value && value->type() == ValueType::point) return value;
  return first_of_type(report, {ValueType::point});
}

std::string Answers::day(const Report& report) const {
  auto* form = form_of(report);
  auto* question = form ? form->with_role(FieldRole::event_time) : nullptr;
  auto* value = first_value(question ? report.field(question->path) : nullptr);
  if (!value || day_of(*value).empty()) value = first_of_type(report, {ValueType::date, ValueType::date_time});
  return value ? day_of(*value) : std::string();
}

std::string without_items(std::string_view path) {
  std::string plain;
  bool inside = false;
  for (char c : path) {
    if (c == '[') inside = true;
    if (!inside) plain += c;
    if (c == ']') inside = false;
  }
  return plain;
}

std::vector<std::string> texts(const Field& field) {
  std::vector<std::string> out;
  for (auto& visible : field.values) out.push_back(visible.value ? visible.value->text() : std::string());
  return out;
}

std::string day_of(const Value& value) {
  return value.type() == ValueType::date || value.type() == ValueType::date_time ? value.text().substr(0, 10)
                                                                                 : std::string();
}

}  // namespace lysoen::exchange
