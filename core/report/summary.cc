// What a list, and a person about to submit, needs to know of a report: by the form's roles.
#include <algorithm>
#include <set>

#include "core/form/text.h"
#include "core/report/change.h"
#include "core/report/path.h"

namespace lysoen::report {

namespace {

constexpr size_t kTitleLength = 80;

const Value* shown_value(const Field& field) {
  for (const auto& visible : field.values)
    if (visible.value) return &*visible.value;
  return nullptr;
}

// The first question that `fits` and has an answer, in the form's order.
template <class Fits>
const Value* first_answer(const Report& report, const Form& form, Fits fits) {
  for (const auto& question : form.questions()) {
    if (!fits(question)) continue;
    for (const auto& field : report.fields)
      if (question.in_repeat ? form_path(field.path) == question.path : field.path == question.path)
        if (const auto* value = shown_value(field)) return value;
  }
  return nullptr;
}

const Value* by_role(const Report& report, const Form* form, FieldRole role) {
  return form ? first_answer(report, *form, [&](const Question& q) { return q.role == role; }) : nullptr;
}

template <class Fits>
const Value* by_type(const Report& report, const Form* form, Fits fits) {
  if (form) return first_answer(report, *form, [&](const Question& q) { return fits(q.type); });
  for (const auto& field : report.fields)
    if (const auto* value = shown_value(field); value && fits(value->type())) return value;
  return nullptr;
}

bool is_day(ValueType type) {
  return type == ValueType::date || type == ValueType::date_time;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text) {
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank && (line.empty() || line.back() == ' ')) continue;
    line += blank ? ' ' : c;
  }
  return std::string(form::trimmed(form::first_code_points(line, kTitleLength)));
}

}  // namespace

std::vector<std::string> missing_required(const Form& form, std::span<const Field> fields) {
  std::set<std::string, std::less<>> answered, items;
  for (const auto& field : fields) {
    if (!is_item_path(field.path) && shown_value(field)) answered.insert(field.path);
    for (auto& item : items_of(field.path)) items.insert(std::move(item));
  }
  std::vector<std::string> missing;
  for (const auto& question : form.questions()) {
    if (!question.required) continue;
    if (!question.in_repeat && !answered.contains(question.path)) missing.push_back(question.path);
    if (!question.in_repeat) continue;
    for (const auto& item : items)
      if (form_path(item) == question.repeat)
        if (auto path = item + question.path.substr(question.repeat.size()); !answered.contains(path))
          missing.push_back(path);
  }
  return missing;
}

bool travels_apart(FieldRole role) {
  return role == FieldRole::source || role == FieldRole::identity || role == FieldRole::contact;
}

ReportSummary summary(const Report& report, const Form* form) {
  ReportSummary line;
  line.id = report.id;
  line.form_id = report.form_id;
  line.created = report.created;
  line.author = report.author;
  line.status = report.status;
  line.level = report.level;
  line.retracted = report.retracted;
  line.conflicts = static_cast<uint32_t>(report.conflicts());

  // A form that names a role is taken at its word: without an answer there, there is none. Forms without roles are
  // served by the first answer of the type.
  auto find = [&](FieldRole role, auto fits) {
    return form && form->with_role(role) ? by_role(report, form, role) : by_type(report, form, fits);
  };
  const Value* title = by_role(report, form, FieldRole::title);
  if (!title) title = find(FieldRole::narrative, [](ValueType type) { return type == ValueType::text; });
  if (title) line.title = one_line(title->text());
  if (const Value* category = by_role(report, form, FieldRole::category)) line.category = category->text();
  if (const Value* when = find(FieldRole::event_time, is_day); when && is_day(when->type())) {
    line.event_time = when->instant();
    line.event_day = when->text().substr(0, 10);
  }
  if (const Value* where = find(FieldRole::place, [](ValueType type) { return type == ValueType::point; }))
    line.place = where->lat_lon();
  return line;
}

}  // namespace lysoen::report
