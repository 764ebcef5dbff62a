// Form::parse: walks the body of an XForm and makes a question of each control, then of each node without one.
#include <lysoen/form.h>

#include <algorithm>
#include <unordered_set>

#include "core/base/try.h"
#include "core/form/role.h"
#include "core/form/xform.h"
#include "core/form/xml.h"

namespace lysoen {
namespace form {
namespace {

constexpr std::string_view kControls[] = {"input", "select", "select1", "upload", "range", "rank", "trigger", "secret"};

// By the bind's type; whatever is not known is answered as text.
ValueType type_named(std::string_view name) {
  if (name == "int" || name == "integer" || name == "long" || name == "short") return ValueType::integer;
  if (name == "decimal" || name == "double" || name == "float") return ValueType::decimal;
  if (name == "boolean") return ValueType::boolean;
  if (name == "date") return ValueType::date;
  if (name == "time") return ValueType::time;
  if (name == "dateTime" || name == "datetime") return ValueType::date_time;
  if (name == "geopoint") return ValueType::point;
  if (name == "binary") return ValueType::attachment;
  return ValueType::text;
}

ValueType type_of(std::string_view control, std::string_view bind_type) {
  if (control == "select1") return ValueType::choice;
  if (control == "select") return ValueType::choices;
  if (control == "upload") return ValueType::attachment;
  if (control == "rank" || control == "trigger") return ValueType::text;  // a rank is an order, which a set would lose
  auto type = type_named(bind_type);
  if (control == "range" && type != ValueType::integer) return ValueType::decimal;
  return type;
}

class Walk {
 public:
  explicit Walk(const XForm& form) : form_(form) {}

  Result<void> controls(pugi::xml_node parent, const std::string& context, size_t depth) {
    if (depth > kXmlDepthMax) return {};
    for (auto node : parent.children()) {
      if (node.type() != pugi::node_element) continue;
      auto name = local_name(node.name());
      if (name == "group" || name == "repeat") {
        auto path = form_.path_of(context, node);
        if (name == "repeat" && path && !path->empty()) {
          if (repeats.size() >= kRepeatsMax)
            return make_error(ErrorCode::limit_exceeded, "cannot read form: more than 1,000 repeats");
          repeats.push_back(*path);
        }
        LYSOEN_TRY(controls(node, path.value_or(context), depth + 1));
      } else if (std::find(std::begin(kControls), std::end(kControls), name) != std::end(kControls)) {
        LYSOEN_TRY(control(node, name, context));
      }
    }
    return {};
  }

  // What no control asks for, but submissions carry: calculated and hidden answers.
  Result<void> rest() {
    for (const auto& path : form_.leaves) {
      if (asked_.contains(path) || !form_.binds.contains(path)) continue;
      LYSOEN_TRY(add(path, type_named(form_.binds.at(path).type), {}));
    }
    return {};
  }

  std::vector<Question> questions;
  std::vector<std::string> repeats;

 private:
  Result<void> control(pugi::xml_node node, std::string_view name, const std::string& context) {
    auto path = form_.path_of(context, node);
    if (!path || path->empty()) return {};
    if (!form_.nodes.contains(*path))
      return make_error(ErrorCode::input_refused,
                        "cannot read form: it asks for '" + *path + "', which its instance does not have",
                        "export the form again as an ODK XForm");
    if (asked_.contains(*path)) return {};  // asked twice, in two appearances
    auto bind = form_.binds.find(*path);
    return add(*path, type_of(name, bind == form_.binds.end() ? std::string_view() : bind->second.type), node);
  }

  Result<void> add(const std::string& path, ValueType type, pugi::xml_node control) {
    Question question;
    question.path = path;
    question.type = type;
    if (auto bind = form_.binds.find(path); bind != form_.binds.end()) {
      question.role = bind->second.role;
      question.required = control && bind->second.required && !bind->second.computed && !conditional(path);
    }
    if (control) {
      question.labels = form_.labels_of(child(control, "label"));
      question.hints = form_.labels_of(child(control, "hint"));
      if (type == ValueType::choice || type == ValueType::choices) question.choices = form_.choices_of(control);
      if (auto role = role_from(attribute_in(control, kNamespace, "role")); role != FieldRole::none)
        question.role = role;
    }
    choices_ += question.choices.size();
    if (questions.size() >= kQuestionsMax || choices_ > kChoicesMax)
      return make_error(ErrorCode::limit_exceeded, "cannot read form: more than 20,000 questions or 200,000 choices");
    asked_.insert(path);
    questions.push_back(std::move(question));
    return {};
  }

  // Asked only if another answer says so: then it cannot be required of everyone.
  bool conditional(const std::string& path) const {
    for (size_t end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
      auto bind = form_.binds.find(path.substr(0, end));
      if (bind != form_.binds.end() && bind->second.conditional) return true;
    }
    return false;
  }

  const XForm& form_;
  std::unordered_set<std::string> asked_;
  size_t choices_ = 0;
};

// The innermost repeat around each question.
void place_in_repeats(std::vector<Question>& questions, const std::vector<std::string>& repeats) {
  for (auto& question : questions)
    for (const auto& repeat : repeats)
      if (question.path.size() > repeat.size() && question.path.starts_with(repeat) &&
          question.path[repeat.size()] == '/' && repeat.size() > question.repeat.size())
        question.in_repeat = true, question.repeat = repeat;
}

}  // namespace
}  // namespace form

Result<std::shared_ptr<const Form>> Form::parse(std::string_view xform) {
  pugi::xml_document document;
  LYSOEN_TRY(form::load_xml(document, xform));
  LYSOEN_ASSIGN(auto read, form::XForm::read(document));
  form::Walk walk(read);
  LYSOEN_TRY(walk.controls(read.body, "", 0));
  LYSOEN_TRY(walk.rest());
  form::place_in_repeats(walk.questions, walk.repeats);
  auto parsed = std::make_shared<Form>();
  parsed->id_ = std::move(read.id);
  parsed->version_ = std::move(read.version);
  parsed->title_ = std::move(read.title);
  parsed->languages_ = std::move(read.languages);
  parsed->shareable_copies_ = read.shareable_copies;
  parsed->repeats_ = std::move(walk.repeats);
  parsed->questions_ = std::move(walk.questions);
  parsed->dictionaries_ = std::move(read.dictionaries);
  return std::shared_ptr<const Form>(std::move(parsed));
}

}  // namespace lysoen
