#include <lysoen/form.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "core/base/base64url.h"
#include "core/form/role.h"
#include "core/form/text.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/seed.h"

using namespace lysoen;

namespace {

std::string form_with(const std::string& instance, const std::string& model, const std::string& body) {
  return "<h:html xmlns='http://www.w3.org/2002/xforms' xmlns:h='http://www.w3.org/1999/xhtml' "
         "xmlns:ly='urn:lysoen:form'>"
         "<h:head><h:title>T</h:title><model><instance><data id='t' version='1'>" +
         instance + "</data></instance>" + model + "</model></h:head><h:body>" + body + "</h:body></h:html>";
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool has_both_languages(const Labels& labels) {
  return labels.size() == 2 && labels.contains("en") && labels.contains("fr") && !labels.at("en").empty() &&
         !labels.at("fr").empty();
}

}  // namespace

TEST_CASE("Packs: every label, hint and choice is there in English and in French", "[form]") {
  REQUIRE(built_in_forms().size() == 3);
  for (const auto& form : built_in_forms()) {
    CAPTURE(form->id());
    CHECK(form->languages() == std::vector<std::string>{"en", "fr"});
    CHECK(has_both_languages(form->title()));
    CHECK_FALSE(form->version().empty());
    for (const auto& question : form->questions()) {
      CAPTURE(question.path);
      CHECK(has_both_languages(question.labels));
      CHECK((question.hints.empty() || has_both_languages(question.hints)));
      bool selects = question.type == ValueType::choice || question.type == ValueType::choices;
      CHECK(question.choices.empty() == !selects);
      for (const auto& choice : question.choices) {
        CAPTURE(choice.code);
        CHECK(has_both_languages(choice.labels));
      }
    }
  }
}

TEST_CASE("Packs: a list with 'other' has a text question beside it for what it does not foresee", "[form]") {
  // Lists whose other wording has a fixed place: the shared ones of sources, places and persons.
  for (const auto& form : built_in_forms())
    for (const auto& question : form->questions()) {
      if (!question.choice("other")) continue;
      CAPTURE(form->id(), question.path);
      const Question* sibling = form->question(question.path + "_other");
      REQUIRE(sibling);
      CHECK(sibling->type == ValueType::text);
    }
}

TEST_CASE("Packs: roles name time, place, category, title, story, harm, actors, sources and contacts", "[form]") {
  for (std::string_view id : {"human-rights-violation", "police-incident", "mine-hazard"}) {
    CAPTURE(std::string(id));
    auto form = built_in_form(id);
    REQUIRE(form);
    CHECK(form->with_role(FieldRole::event_time)->type == ValueType::date);
    CHECK(form->with_role(FieldRole::place)->type == ValueType::point);
    CHECK(form->with_role(FieldRole::category)->type == ValueType::choice);
    CHECK(form->with_role(FieldRole::harmed)->type == ValueType::integer);
    for (auto role : {FieldRole::title, FieldRole::narrative, FieldRole::actor, FieldRole::weapon, FieldRole::source,
                      FieldRole::identity, FieldRole::contact, FieldRole::sensitivity, FieldRole::consent,
                      FieldRole::dimensions, FieldRole::place_name})
      CHECK(form->with_role(role));
    CHECK(form->question("what_happened")->role == FieldRole::narrative);
    CHECK(form->is_repeat("sources"));
    CHECK(form->question("sources/url")->repeat == "sources");
    // A public data set has to be able to fill what is required.
    auto required =
        std::count_if(form->questions().begin(), form->questions().end(), [](auto& q) { return q.required; });
    CHECK(required == 1);
    CHECK(form->question("title")->required);
  }
  CHECK(built_in_form("no-such-form") == nullptr);
}

TEST_CASE("Form: a report type may say that its files are handed on as shareable copies", "[form]") {
  auto says = [](const std::string& attribute) {
    auto text = form_with("<a/>", "<bind nodeset='/data/a' type='binary'/>", "<upload ref='/data/a'/>");
    text.insert(text.find("<model>") + 6, attribute);
    auto form = Form::parse(text);
    REQUIRE(form.ok());
    return (*form)->shareable_copies();
  };
  CHECK_FALSE(says(""));
  CHECK(says(" ly:attachments='shareable'"));
  CHECK_FALSE(says(" ly:attachments='original'"));
  CHECK(says(" ly:attachments='a word of a later version'"));
  CHECK_FALSE(says(" attachments='shareable'"));  // not of our namespace
  for (const auto& form : built_in_forms()) CHECK_FALSE(form->shareable_copies());
}

TEST_CASE("Form: types, translations, choices, repeats and roles are read from an XForm", "[form]") {
  auto text = form_with(
      "<a/><g><b/></g><r><c/><rr><d/></rr></r><hidden/><meta><instanceID/></meta>",
      "<itext><translation lang='French (fr)'><text id='a'><value form='image'>jr://x.png</value><value>Ou "
      "?</value></text>"
      "<text id='L-0'><value>Un</value></text></translation>"
      "<translation lang='English (en)' default='true()'><text id='a'><value>Where, <output "
      "value='/data/g/b'/>?</value></text>"
      "<text id='L-0'><value>One</value></text></translation></itext>"
      "<instance "
      "id='list'><root><item><name>one</name><itextId>L-0</itextId></item><item><name>two</name></item></root></"
      "instance>"
      "<bind nodeset='/data/a' type='geopoint' ly:role='place' required='true()'/>"
      "<bind nodeset='/data/g' relevant='/data/a = 1'/><bind nodeset='/data/g/b' type='int' required='true()'/>"
      "<bind nodeset='/data/r/c' type='string'/><bind nodeset='/data/r/rr/d' type='no-such-type'/>"
      "<bind nodeset='/data/hidden' type='date' calculate='today()'/>",
      "<input ref='/data/a' appearance='never-heard-of'><label ref=\"jr:itext('a')\"/><hint>Degrees</hint></input>"
      "<group ref='/data/g'><input ref='b'><label>Number</label></input></group>"
      "<group ref='/data/r'><repeat nodeset='/data/r'><select ref='/data/r/c'><itemset "
      "nodeset=\"instance('list')/root/item[true()]\">"
      "<value ref='name'/><label ref='jr:itext(itextId)'/></itemset></select>"
      "<repeat nodeset='/data/r/rr'><input ref='./d'/></repeat></repeat></group>");
  auto parsed = Form::parse(text);
  REQUIRE(parsed.ok());
  const Form& form = **parsed;
  CHECK(form.id() == "t");
  CHECK(form.languages() == std::vector<std::string>{"en", "fr"});
  CHECK(pick(form.title(), "fr") == "T");
  const Question* a = form.question("a");
  REQUIRE(a);
  CHECK(a->type == ValueType::point);
  CHECK(a->role == FieldRole::place);
  CHECK(a->required);
  CHECK(pick(a->labels, "fr-CA") == "Ou ?");
  CHECK(pick(a->labels, "my") == "Where, …?");
  CHECK(pick(a->hints, "en") == "Degrees");
  CHECK(form.question("g/b")->type == ValueType::integer);
  CHECK_FALSE(form.question("g/b")->required);  // its group is asked only sometimes
  const Question* c = form.question("r/c");
  REQUIRE(c);
  CHECK(c->repeat == "r");
  REQUIRE(c->choices.size() == 2);
  CHECK(pick(c->choice("one")->labels, "fr") == "Un");
  CHECK(c->choice("three") == nullptr);
  CHECK(form.question("r/rr/d")->repeat == "r/rr");
  CHECK(form.question("r/rr/d")->type == ValueType::text);
  CHECK(form.question("hidden")->type == ValueType::date);
  CHECK_FALSE(form.question("meta/instanceID"));
}

namespace {

std::string form_with_head(const std::string& head) {
  auto text = form_with("<a/>", "", "<input ref='/data/a'/>");
  return text.insert(text.find("</h:head>"), head);
}

std::string dictionary_of(size_t size) {
  return "<ly:dictionary>" + to_base64url(std::vector<uint8_t>(size, 7)) + "</ly:dictionary>";
}

}  // namespace

TEST_CASE("Form: dictionaries are those in the namespace of Lysoen's own attributes, in order", "[form]") {
  auto plain = Form::parse(form_with_head(""));
  REQUIRE(plain.ok());
  CHECK((*plain)->dictionaries().empty());
  auto parsed = Form::parse(form_with_head(
      "<ly:dictionary>\n  AQ\n\tID </ly:dictionary><x:dictionary xmlns:x='urn:other'>BA</x:dictionary><dictionary>BA"
      "</dictionary><ly:dictionary>BQ</ly:dictionary>"));
  REQUIRE(parsed.ok());
  CHECK((*parsed)->dictionaries() == std::vector<std::vector<uint8_t>>{{1, 2, 3}, {5}});
  CHECK(Form::parse(form_with_head(dictionary_of(64 * 1024))).ok());
  CHECK(Form::parse(form_with_head(dictionary_of(9) + dictionary_of(9) + dictionary_of(9) + dictionary_of(9))).ok());
}

TEST_CASE("Form: a dictionary that is no base64url text, too large or one too many refuses the form", "[form]") {
  auto message = [](const std::string& head) {
    auto parsed = Form::parse(form_with_head(head));
    REQUIRE_FALSE(parsed.ok());
    return parsed.error().message;
  };
  for (auto text : {"", "A", "AR", "AQ==", "AQI+"})
    CHECK(message("<ly:dictionary>" + std::string(text) + "</ly:dictionary>") ==
          "cannot read form: its dictionary is not base64url text");
  CHECK(message(dictionary_of(64 * 1024 + 1)) == "cannot read form: its dictionary is larger than 64 KiB");
  std::string five;
  for (int i = 0; i < 5; ++i) five += dictionary_of(3);
  CHECK(message(five) == "cannot read form: it has more than 4 dictionaries");
}

TEST_CASE("Form: what is no form, or a trap, is refused with a reason", "[form]") {
  auto message = [](const std::string& text) {
    auto parsed = Form::parse(text);
    REQUIRE_FALSE(parsed.ok());
    return parsed.error().message;
  };
  CHECK(message("") == "cannot read form: not well-formed XML (line 1)");
  CHECK(message("<a>\n<b></a>") == "cannot read form: not well-formed XML (line 2)");
  CHECK(message("<html/>") == "cannot read form: no XForm model and body in it");
  CHECK(message("<?xml version='1.0'?>\n<!DOCTYPE html [<!ENTITY a 'b'>]>\n<html/>") ==
        "cannot read form: document type declarations and entities are not allowed (line 2)");
  CHECK(message("\xFF\xFE<\x01") == "cannot read form: not UTF-8 text");
  CHECK(message(form_with("<a/>", "", "<input ref='/data/b'/>")) ==
        "cannot read form: it asks for 'b', which its instance does not have");
  std::string deep, closing;
  for (int i = 0; i < 65; ++i) deep += "<a>\n", closing += "</a>";
  CHECK(message(deep + closing) == "cannot read form: elements nested deeper than 64 (line 65)");
  CHECK(Form::parse(std::string(9 << 20, ' ')).error().code == ErrorCode::limit_exceeded);
  // A comment or text that only mentions a declaration is no declaration.
  CHECK(Form::parse("<!-- <!DOCTYPE x> -->" +
                    form_with("<a/>", "", "<input ref='/data/a'><label><![CDATA[<!ENTITY]]></label></input>"))
            .ok());
}

TEST_CASE("Form: a form cut or changed at any byte is read or refused, never worse", "[form]") {
  auto text = form_with(
      "<a/><r><c/></r>",
      "<itext><translation lang='en'><text id='x'><value>A</value></text></translation></itext>"
      "<bind nodeset='/data/a' type='int' required='true()'/>",
      "<input ref='/data/a'><label ref=\"jr:itext('x')\"/></input><repeat nodeset='/data/r'><select1 ref='/data/r/c'>"
      "<item><label>L</label><value>v</value></item></select1></repeat>");
  REQUIRE(Form::parse(text).ok());
  for (size_t size = 0; size < text.size(); ++size) (void)Form::parse(text.substr(0, size));
  auto random = test::generator(1);
  for (int i = 0; i < 4000; ++i) {
    auto changed = text;
    for (int n = 0; n < 3; ++n) changed[random() % changed.size()] = "<>/'\"[]()! a"[random() % 12];
    (void)Form::parse(changed);
  }
}

TEST_CASE("Text: only well-formed UTF-8 without control characters passes", "[form]") {
  CHECK(form::is_utf8("añ€😀"));
  for (std::string_view bad :
       {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\x80", "\xC3"})
    CHECK_FALSE(form::is_utf8(bad));
  CHECK_FALSE(form::has_control_characters("a\t\r\né"));
  for (std::string_view bad : {"\x1b[31m", "\x7f", "\xC2\x85"}) CHECK(form::has_control_characters(bad));
  CHECK(form::first_code_points("é€a", 2) == "é€");
}

TEST_CASE("Forms of the sector: each is read, or refused with a reason that names it", "[form][real]") {
  auto shared = test::shared_dir();
  if (!shared) {
    WARN("skipped: the shared material is not there (set LYSOEN_SHARED)");
    return;
  }
  auto folder = *shared / "data" / "forms" / "xforms";
  size_t read = 0, questions = 0, choices = 0, repeats = 0;
  std::map<std::string, std::set<std::string>> refused;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".xml") continue;
    auto parsed = Form::parse(contents(entry.path()));
    if (!parsed.ok()) {
      CHECK(parsed.error().message.starts_with("cannot read form: "));
      refused[parsed.error().message].insert(entry.path().filename().string());
      continue;
    }
    ++read;
    questions += (*parsed)->questions().size();
    for (const auto& question : (*parsed)->questions())
      choices += question.choices.size(), repeats += question.in_repeat;
  }
  size_t refused_count = 0;
  std::string reasons;
  for (const auto& [message, files] : refused) {
    refused_count += files.size();
    reasons += "\n  " + message + ": " + *files.begin() + (files.size() > 1 ? " and others" : "");
  }
  WARN(read << " forms read (" << questions << " questions, " << repeats << " of them in repeats, " << choices
            << " choices), " << refused_count << " refused" << reasons);
  CHECK(read >= 150);
}
