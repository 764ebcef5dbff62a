// Forms: questions and choices in one language.
#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

struct lysoen_form {
  std::shared_ptr<const Form> form;
  std::string title;
  struct Texts {
    std::string label, hint;
    std::vector<std::string> choices;
  };
  std::vector<Texts> texts;  // what the questions point into; complete before the first is made
  std::vector<lysoen_question> questions;
};

namespace {

lysoen_form::Texts texts_of(const Question& question, std::string_view language) {
  lysoen_form::Texts texts{
      std::string(pick(question.labels, language)), std::string(pick(question.hints, language)), {}};
  for (auto& choice : question.choices) {
    auto label = pick(choice.labels, language);
    texts.choices.emplace_back(label.empty() ? std::string_view(choice.code) : label);
  }
  return texts;
}

const Question* question_of(const lysoen_form* form, size_t number) {
  return form && number < form->questions.size() ? &form->form->questions()[number] : nullptr;
}

}  // namespace

extern "C" {

const char* lysoen_form_id(size_t number) {
  auto& forms = built_in_forms();
  return number < forms.size() ? forms[number]->id().c_str() : nullptr;
}

lysoen_code lysoen_form_open(const char* id, const char* language, lysoen_form** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(id);
    LYSOEN_C_REQUIRE(out);
    std::string_view tongue = language ? language : "en";
    auto form = std::make_unique<lysoen_form>();
    form->form = built_in_form(id);
    if (!form->form) return make_error(ErrorCode::not_found, "there is no form of that name");
    form->title = pick(form->form->title(), tongue);
    for (auto& question : form->form->questions()) form->texts.push_back(texts_of(question, tongue));
    for (size_t i = 0; i < form->texts.size(); ++i) {
      auto& question = form->form->questions()[i];
      form->questions.push_back({question.path.c_str(), static_cast<int32_t>(question.type), question.required,
                                 question.repeat.c_str(), form->texts[i].label.c_str(), form->texts[i].hint.c_str(),
                                 question.choices.size()});
    }
    *out = form.release();
    return {};
  });
}

const char* lysoen_form_title(const lysoen_form* form) {
  return form ? form->title.c_str() : "";
}

const lysoen_question* lysoen_form_question(const lysoen_form* form, size_t number) {
  return form && number < form->questions.size() ? &form->questions[number] : nullptr;
}

const char* lysoen_form_choice_code(const lysoen_form* form, size_t question, size_t choice) {
  auto* found = question_of(form, question);
  return found && choice < found->choices.size() ? found->choices[choice].code.c_str() : nullptr;
}

const char* lysoen_form_choice_label(const lysoen_form* form, size_t question, size_t choice) {
  auto* found = question_of(form, question);
  return found && choice < found->choices.size() ? form->texts[question].choices[choice].c_str() : nullptr;
}

void lysoen_form_free(lysoen_form* form) {
  delete form;
}

}  // extern "C"
