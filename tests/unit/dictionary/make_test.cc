#include "tools/dictionary/make.h"

#include <algorithm>
#include <cstdlib>

#include "core/feed/body.h"
#include "core/report/edit.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tools/dictionary/samples.h"

using namespace lysoen;
using namespace lysoen::test;
using dictionary::Phrases;

TEST_CASE("Dictionary tool: each form that ships carries the dictionary that is made for it", "[dictionary]") {
  if (!dictionary::is_zstd_version()) {
    WARN("skipped: another version of zstd may choose otherwise");
    return;
  }
  const auto& forms = built_in_forms();
  for (size_t i = 0; i < forms.size(); ++i) {
    if (!std::getenv("LYSOEN_LONG") && i != seed() % forms.size()) continue;  // some seconds each
    const auto& form = forms[i];
    CAPTURE(form->id());
    auto made = dictionary::make_dictionary(*form);
    REQUIRE(made.ok());
    INFO("`lysoen-dictionary write core/form/packs/*.xml` makes them anew");
    CHECK((form->dictionaries().front() == *made));
  }
}

TEST_CASE("Dictionary tool: invented edits are edits, the same from the same seed", "[dictionary]") {
  for (const auto& form : built_in_forms()) {
    dictionary::SampleOptions options{.seed = seed(), .count = 40};
    auto edits = dictionary::sample_edits(*form, options);
    REQUIRE(edits.ok());
    REQUIRE(edits->size() >= 40);
    for (const auto& edit : *edits) REQUIRE(report::decode_edit(edit).ok());
    CHECK(*edits == *dictionary::sample_edits(*form, options));
    options.seed ^= 1;
    CHECK_FALSE(*edits == *dictionary::sample_edits(*form, options));
  }
}

TEST_CASE("Dictionary tool: edits that no dictionary has seen become much shorter with it", "[dictionary]") {
  for (const auto& form : built_in_forms()) {
    feed::Dictionaries held;
    auto taken = held.add(form->dictionaries().front());
    REQUIRE(taken.ok());
    auto edits = dictionary::sample_edits(*form, {.seed = seed(), .count = 60, .phrases = Phrases::held_back});
    size_t with = 0, without = 0;
    for (const auto& edit : *edits) {
      Bytes payload = feed::encode_payload(feed::EditPayload{{}, edit});
      auto body = *feed::encode_body(payload, *taken);
      REQUIRE(*feed::decode_body(body, &held) == payload);
      with += body.size(), without += feed::encode_body(payload)->size();
    }
    CAPTURE(form->id(), with, without);
    CHECK(with * 10 < without * 8);
  }
}

TEST_CASE("Dictionary tool: a phrase is either kept or held back, and each is one line of text", "[dictionary]") {
  auto kept = dictionary::phrases(Phrases::kept), held_back = dictionary::phrases(Phrases::held_back);
  CHECK(kept.size() > 5 * held_back.size());
  for (const auto& phrase : held_back) {
    CHECK(phrase.size() > 20);
    CHECK(std::find(kept.begin(), kept.end(), phrase) == kept.end());
  }
}

TEST_CASE("Dictionary tool: a form's text takes a dictionary in, and a fresh one in its place", "[dictionary]") {
  const std::string form =
      "<h:html xmlns='http://www.w3.org/2002/xforms' xmlns:h='http://www.w3.org/1999/xhtml' "
      "xmlns:lysoen=\"urn:lysoen:form\">\n<h:head>\n<model><instance><data id='t' version='1'><a/></data></instance>"
      "</model>\n  </h:head>\n<h:body><input ref='/data/a'/></h:body></h:html>";
  auto once = dictionary::with_dictionary(form, Bytes(300, 1));
  REQUIRE(once.ok());
  auto twice = dictionary::with_dictionary(*once, Bytes(200, 2));
  REQUIRE(twice.ok());
  auto parsed = Form::parse(*twice);
  REQUIRE(parsed.ok());
  CHECK((*parsed)->dictionaries() == std::vector<std::vector<uint8_t>>{Bytes(200, 2)});
  CHECK(*dictionary::with_dictionary(*twice, Bytes(300, 1)) == *once);
  CHECK(dictionary::with_dictionary("<html/>", Bytes(9, 1)).error().code == ErrorCode::input_refused);
}
