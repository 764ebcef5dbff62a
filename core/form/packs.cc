#include "core/form/packs.h"

#include <lysoen/form.h>

#include "core/base/check.h"

namespace lysoen {

const std::vector<std::shared_ptr<const Form>>& built_in_forms() {
  static const std::vector<std::shared_ptr<const Form>> forms = [] {
    std::vector<std::shared_ptr<const Form>> parsed;
    for (auto text : form::pack_texts()) {
      auto pack = Form::parse(text);
      LYSOEN_CHECK(pack.ok());  // what we ship, not input
      parsed.push_back(std::move(*pack));
    }
    return parsed;
  }();
  return forms;
}

std::shared_ptr<const Form> built_in_form(std::string_view id) {
  for (const auto& form : built_in_forms())
    if (form->id() == id) return form;
  return nullptr;
}

}  // namespace lysoen
