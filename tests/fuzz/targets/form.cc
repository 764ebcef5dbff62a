// Forms: any XML gives a form whose questions can be found, or a refusal; entities, depth and counts are bounded.
#include <lysoen/form.h>

#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using fuzz::require;

namespace {

/// A form with groups inside groups, in its title, its instance and its body.
Bytes nested(size_t depth) {
  std::string open, close;
  for (size_t i = 0; i < depth; ++i) open += "<group>", close += "</group>";
  std::string text =
      R"(<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title>)" +
      open + close + R"(</h:title><model><instance><data id="d">)" + open + close +
      "</data></instance></model></h:head><h:body>" + open + close + "</h:body></h:html>";
  return to_bytes(as_bytes(text));
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for (const char* pack : {"human-rights-violation", "mine-hazard", "police-incident"})
    seeds.push_back(file_bytes("core/form/packs/" + std::string(pack) + ".xml"));
  seeds.push_back(nested(5'000));  // too large for the corpus
  return seeds;
}

void fuzz::run(ByteView input) {
  auto form = Form::parse(as_text(input));
  if (!form) {
    auto code = form.error().code;
    require(code == ErrorCode::input_refused || code == ErrorCode::limit_exceeded, "a refusal says which kind");
    return;
  }
  require(!(*form)->id().empty(), "a form has an id");
  for (const auto& question : (*form)->questions()) {
    auto* found = (*form)->question(question.path);
    require(found && found->path == question.path, "each question is found by its path");
    if (question.in_repeat) require((*form)->is_repeat(question.repeat), "a question's repeat is one");
    for (const auto& choice : question.choices)
      require(question.choice(choice.code) != nullptr, "each choice is found by its code");
    pick(question.labels, "fr-CA");
  }
}
