// One report's answers for people who read files: labels, roles, several values side by side.
#pragma once
#include <lysoen/form.h>
#include <lysoen/report.h>

#include <memory>
#include <string>
#include <vector>

namespace lysoen::exchange {

/// Looks up forms and reads reports with them. `forms` are shared; a report of an unknown form has answers without
/// labels.
class Answers {
 public:
  explicit Answers(std::vector<std::shared_ptr<const Form>> forms) : forms_(std::move(forms)) {}

  const std::vector<std::shared_ptr<const Form>>& forms() const { return forms_; }
  const Form* form_of(const Report& report) const;
  /// The visible values of the field with this role, as text; empty if there is none.
  std::vector<std::string> by_role(const Report& report, FieldRole role) const;
  /// First point of the report: by role `place`, else the first point answered.
  const Value* place(const Report& report) const;
  /// "2020-01-05": by role `event_time`, else the first date; empty if unknown.
  std::string day(const Report& report) const;

 private:
  std::vector<std::shared_ptr<const Form>> forms_;
};

/// "victims[3f9c]/name" -> "victims/name".
std::string without_items(std::string_view path);
/// The visible values as texts; a cleared one is empty.
std::vector<std::string> texts(const Field& field);
/// "2020-01-05" from a date or dateTime as written.
std::string day_of(const Value& value);

}  // namespace lysoen::exchange
