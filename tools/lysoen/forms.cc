// lysoen forms: the report types and their questions.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/report_json.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

json question_json(const Question& question) {
  json choices = json::array();
  for (auto& choice : question.choices) choices.push_back({{"code", choice.code}, {"labels", choice.labels}});
  return {{"path", question.path},           {"type", name_of(question.type)}, {"required", question.required},
          {"in_repeat", question.in_repeat}, {"labels", question.labels},      {"choices", choices}};
}

void print_question(const Question& question, const std::string& language) {
  std::cout << "  " << fitted(question.path, 42) << fitted(name_of(question.type), 12)
            << (question.required ? "required  " : "          ") << faint(pick(question.labels, language)) << "\n";
  if (question.choices.empty()) return;
  std::string codes;
  for (auto& choice : question.choices) codes += (codes.empty() ? "" : ", ") + choice.code;
  std::cout << "      " << faint(codes) << "\n";
}

}  // namespace

void add_forms(App& app) {
  auto form_id = std::make_shared<std::string>();
  auto language = std::make_shared<std::string>("en");
  auto* command = app.commands().add_subcommand("forms", "List the forms, or the questions of one; needs no vault");
  command->add_option("--form", *form_id, "Show this form's questions");
  command->add_option("--language", *language, "Of labels: en, fr")->capture_default_str();
  app.does(command, [&app, form_id, language]() -> Result<void> {
    json list = json::array();
    for (auto& form : built_in_forms()) {
      if (!form_id->empty() && form->id() != *form_id) continue;
      json questions = json::array();
      for (auto& question : form->questions()) questions.push_back(question_json(question));
      list.push_back({{"id", form->id()},
                      {"version", form->version()},
                      {"title", form->title()},
                      {"shareable_copies", form->shareable_copies()},
                      {"questions", questions}});
      if (app.as_json()) continue;
      std::cout << strong(form->id()) << "  " << pick(form->title(), *language) << "  "
                << faint("version " + form->version()) << "\n";
      if (!form_id->empty())
        for (auto& question : form->questions()) print_question(question, *language);
    }
    if (list.empty())
      return make_error(ErrorCode::input_refused, "there is no form '" + safe(*form_id) + "'",
                        "`lysoen forms` lists them");
    app.print_json(list);
    return {};
  });
}

}  // namespace lysoen::cli
