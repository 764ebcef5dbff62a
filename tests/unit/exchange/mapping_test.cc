// Mappings: what they say, and every way in which they can be wrong.
#include "tests/unit/exchange/sample.h"

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

std::string refusal(const json& document) {
  auto mapping = Mapping::parse(document.dump(), built_in_forms());
  REQUIRE_FALSE(mapping.ok());
  CHECK(mapping.error().code == ErrorCode::input_refused);
  CHECK(mapping.error().message.rfind("cannot use the mapping: ", 0) == 0);
  return mapping.error().message.substr(24);
}

/// The mapping with one more field.
std::string refusal_of_field(const json& field) {
  return refusal(mapping_json(json::array({field})));
}

json with(json document, const char* key, json value) {
  document[key] = std::move(value);
  return document;
}

/// Applies one field to one record.
Result<std::vector<Change>> apply(const json& field, json record) {
  record["what"] = "A title";
  return mapping_of(mapping_json(json::array({field}))).apply(record);
}

std::string applied(const json& field, const json& record) {
  auto changes = apply(field, record);
  INFO((changes.ok() ? std::string() : changes.error().message));
  REQUIRE(changes.ok());
  std::string out;
  for (size_t i = 1; i < changes->size(); ++i)
    out += (i > 1 ? "; " : "") + (*changes)[i].path + "=" + (*changes)[i].value->text();
  return out;
}

/// The reason why a record with this secret value does not fit; it never holds the value.
std::string reason(const json& field, const json& record) {
  auto changes = apply(field, record);
  REQUIRE_FALSE(changes.ok());
  for (auto& [key, value] : record.items())
    CHECK(changes.error().message.find(value.is_string() ? value.get<std::string>() : value.dump()) ==
          std::string::npos);
  return changes.error().message;
}

}  // namespace

TEST_CASE("Mapping: what is wrong in it is said before a file is read", "[exchange]") {
  CHECK(Mapping::parse("{", built_in_forms()).error().message == "cannot use the mapping: it is not a JSON object");
  CHECK(refusal(json::array()) == "it is not a JSON object");
  CHECK(refusal(with(mapping_json(), "lysoen_mapping", 2)) == "\"lysoen_mapping\" is not 1");
  CHECK(refusal(with(mapping_json(), "colums", 1)) == "unknown key 'colums' in the mapping");
  CHECK(refusal(with(mapping_json(), "form", "nothing")) == "there is no form 'nothing'");
  CHECK(refusal(with(mapping_json(), "form", 5)) == "'form' in the mapping is not text");
  CHECK(refusal(with(mapping_json(), "format", "xls")) == "\"format\" is neither csv nor json");
  CHECK(refusal(with(mapping_json(), "encoding", "latin9")) == "\"encoding\" is neither utf-8 nor windows-1252");
  CHECK(refusal(with(mapping_json(), "skip_rows", -1)) == "\"skip_rows\" is not a number from 0 to 100");
  CHECK(refusal(with(mapping_json(), "skip_rows", "1")) == "\"skip_rows\" is not a number from 0 to 100");
  CHECK(refusal(with(mapping_json(), "fields", json::array())) == "it maps no fields");
  CHECK(refusal(with(mapping_json(), "fields", "title")) == "'fields' in the mapping is not a list");
  CHECK(refusal(with(mapping_json(), "set", json::array())) == "'set' in the mapping is not an object");
  CHECK(refusal(with(mapping_json(), "set", {{"nope", "x"}})) == "the form has no question 'nope' outside a repeat");
  CHECK(refusal(with(mapping_json(), "set", {{"country", 5}})) == "'country' in \"set\" is not text");
  CHECK(refusal(with(mapping_json(), "set", {{"title", "x"}})) == "'title' is mapped twice");
  CHECK(refusal(with(mapping_json(), "set", {{"category", "nothing"}})) ==
        "in \"set\": category: is not one of the form's choices");
}

TEST_CASE("Mapping: what is wrong in a field is said with the field's number", "[exchange]") {
  CHECK(refusal_of_field("title") == "field 2 is not an object");
  CHECK(refusal_of_field({{"from", "x"}}) == "field 2 names no question in 'path'");
  CHECK(refusal_of_field({{"path", "place_name"}}) == "field 2 names no column in 'from'");
  CHECK(refusal_of_field({{"path", "place_name"}, {"from", json::array()}}) == "field 2 names no column in 'from'");
  CHECK(refusal_of_field({{"path", "place_name"}, {"from", json::array({1})}}) == "'from' in field 2 is not text");
  CHECK(refusal_of_field({{"path", "place_name"}, {"from", "x"}, {"spilt", ","}}) == "unknown key 'spilt' in field 2");
  CHECK(refusal_of_field({{"path", "place_name"}, {"from", "x"}, {"number", "yes"}}) ==
        "'number' in field 2 is neither true nor false");
  CHECK(refusal_of_field({{"path", "plase"}, {"from", "x"}}) == "the form has no question 'plase'");
  CHECK(refusal_of_field({{"path", "title"}, {"from", "x"}}) == "'title' is mapped twice");
  CHECK(refusal_of_field({{"path", "event_date"}, {"from", "x"}, {"date", "%d %B"}}) ==
        "'date' in field 2 does not name year, month and day");
  CHECK(refusal_of_field({{"path", "place_name"}, {"from", "x"}, {"split", ","}}) ==
        "'split' in field 2 needs a question that repeats or takes several choices");
  CHECK(refusal_of_field({{"path", "category"}, {"from", "x"}, {"codes", {{"Killed", "kiling"}}}}) ==
        "'codes' in field 2 has a code that 'category' does not offer");
  CHECK(refusal_of_field({{"path", "category"}, {"from", "x"}, {"codes", "k"}}) ==
        "'codes' in field 2 is not an object");
  CHECK(refusal_of_field({{"path", "category"}, {"from", "x"}, {"codes", {{"K", 1}}}}) ==
        "'codes' in field 2 maps to something that is not text");
  CHECK(refusal_of_field({{"path", "category"}, {"from", "x"}, {"otherwise", "other"}}) ==
        "'otherwise' in field 2 needs 'codes'");
  CHECK(refusal_of_field({{"repeat", "victims"}, {"from", "v"}, {"fields", json::array()}}) ==
        "'repeat' in field 2 needs \"format\": \"json\"");
  auto of_json = [](const json& field) { return refusal(with(mapping_json(json::array({field})), "format", "json")); };
  CHECK(of_json({{"repeat", "vicitms"}, {"from", "v"}}) == "the form has no repeat 'vicitms'");
  CHECK(of_json({{"repeat", "victims"}, {"from", "v"}}) == "field 2 maps no fields");
  CHECK(of_json({{"repeat", "victims"}, {"fields", json::array({1})}}) == "field 2 names no member in 'from'");
  CHECK(of_json({{"repeat", "victims"}, {"from", "v"}, {"fields", json::array({1})}}) ==
        "a field of field 2 is not an object");
  CHECK(of_json({{"repeat", "victims"}, {"from", "v"}, {"fields", json::array({{{"path", "nmae"}, {"from", "n"}}})}}) ==
        "the form has no question 'victims/nmae'");
}

TEST_CASE("Mapping: columns that the file lacks are named together", "[exchange]") {
  auto mapping = mapping_of(mapping_json({{{"path", "place"}, {"from", {"lat", "lon"}}}}));
  CHECK(mapping.check_columns({"what", "lat", "lon", "more"}).ok());
  auto one = mapping.check_columns({"what", "lat"});
  CHECK(one.error().message == "cannot import the file: it has no column 'lon' (the mapping needs it)");
  CHECK(one.error().hint == "check that the mapping belongs to this file");
  CHECK(mapping.check_columns({"lat"}).error().message ==
        "cannot import the file: it has no column 'what', 'lon' (the mapping needs them)");
}

TEST_CASE("Mapping: several columns are joined, empty ones left out", "[exchange]") {
  json field = {{"path", "place_name"}, {"from", {"a", "b", "c"}}, {"join", ", "}};
  CHECK(applied(field, {{"a", " x "}, {"b", ""}, {"c", "y"}}) == "place_name=x, y");
  CHECK(applied(field, {{"a", "\t\n"}, {"b", ""}}) == "");
}

TEST_CASE("Mapping: dates, numbers and points are understood and keep their digits", "[exchange]") {
  json date = {{"path", "event_date"}, {"from", "d"}, {"date", "%B %d, %Y"}};
  CHECK(applied(date, {{"d", "January 05, 2020"}}) == "event_date=2020-01-05");
  json number = {{"path", "killed"}, {"from", "n"}, {"number", true}};
  for (auto text : {"1,022", "1 022", "1'022", "1\u00A0022", "1\u202F022"})
    CHECK(applied(number, {{"n", text}}) == "killed=1022");
  json point = {{"path", "place"}, {"from", "p"}, {"point", true}};
  CHECK(applied(point, {{"p", "43.4670, -11.880"}}) == "place=43.4670 -11.880");
  json two = {{"path", "place"}, {"from", {"lat", "lon"}}};
  CHECK(applied(two, {{"lat", "50.450100"}, {"lon", "30.5234"}}) == "place=50.450100 30.5234");
}

TEST_CASE("Mapping: what is impossible is set aside with a reason that does not hold the value", "[exchange]") {
  json date = {{"path", "event_date"}, {"from", "d"}, {"date", "%d/%m/%Y"}};
  CHECK(reason(date, {{"d", "31/02/2015"}}) == "event_date: not a date: the calendar has no such day");
  CHECK(reason(date, {{"d", "2015-02-03"}}) == "event_date: the date is not of the form '%d/%m/%Y'");
  CHECK(reason(date, {{"d", "01/02/2015 or so"}}) == "event_date: the date is not of the form '%d/%m/%Y'");
  json point = {{"path", "place"}, {"from", "p"}, {"point", true}};
  CHECK(reason(point, {{"p", "91.5, 11.88"}}) == "place: not a point: latitude is beyond 90 degrees");
  CHECK(reason(point, {{"p", "45.5, 181"}}) == "place: not a point: longitude is beyond 180 degrees");
  // Decimal commas would make two places of one.
  CHECK(reason(point, {{"p", "45,5 11,88"}}) == "place: is not a latitude and a longitude with a comma between them");
  json number = {{"path", "killed"}, {"from", "n"}, {"number", true}};
  CHECK(reason(number, {{"n", "about 7000"}}).rfind("killed: not an integer", 0) == 0);
  json choice = {{"path", "category"}, {"from", "c"}, {"codes", {{"Killed", "killing"}}}};
  CHECK(reason(choice, {{"c", "Abducted by men"}}) == "category: is not one of the form's choices");
  CHECK(reason({{"path", "what_happened"}, {"from", "t"}}, {{"t", std::string(70'000, 'x')}}) ==
        "what_happened: answer is longer than 64 KiB");
}

TEST_CASE("Mapping: a required answer that is missing sets the record aside", "[exchange]") {
  auto changes = mapping_of(mapping_json()).apply({{"what", "  "}});
  REQUIRE_FALSE(changes.ok());
  CHECK(changes.error().message == "title: a required answer is missing");
}

TEST_CASE("Mapping: codes turn the file's words into choices", "[exchange]") {
  json one = {{"path", "category"}, {"from", "c"}, {"codes", {{"Killed", "killing"}}}, {"otherwise", "torture"}};
  CHECK(applied(one, {{"c", "Killed"}}) == "category=killing");
  CHECK(applied(one, {{"c", "something else"}}) == "category=torture");
  CHECK(applied({{"path", "category"}, {"from", "c"}}, {{"c", "killing"}}) == "category=killing");
  json many = {
      {"path", "acts"}, {"from", "a"}, {"split", ";"}, {"codes", {{"Shot at", "shooting"}, {"Beaten", "beating"}}}};
  CHECK(applied(many, {{"a", "Shot at; Beaten;"}}) == "acts=beating shooting");
  CHECK(reason(many, {{"a", "Beaten;Shouted at"}}).rfind("acts: ", 0) == 0);
}

TEST_CASE("Mapping: a cell becomes items of a repeat", "[exchange]") {
  CHECK(applied({{"path", "victims/name"}, {"from", "v"}, {"split", ","}}, {{"v", "Ana, Bo,,Cy"}}) ==
        "victims[1]/name=Ana; victims[2]/name=Bo; victims[3]/name=Cy");
  CHECK(applied({{"path", "victims/name"}, {"from", "v"}}, {{"v", "Ana, Bo"}}) == "victims[1]/name=Ana, Bo");
}

TEST_CASE("Mapping: a list of JSON objects becomes items of a repeat, with nested members", "[exchange]") {
  auto document = mapping_json({{{"repeat", "victims"},
                                 {"from", "people.list"},
                                 {"fields",
                                  {{{"path", "name"}, {"from", "id.name"}},
                                   {{"path", "age"}, {"from", "age"}},
                                   {{"path", "acts"}, {"from", "acts"}, {"split", ";"}}}}}});
  document["format"] = "json";
  auto mapping = mapping_of(document);
  auto changes = mapping.apply(json::parse(R"({"what":"t","people":{"list":[
      {"id":{"name":"Ana"},"age":4,"acts":["beating","shooting"]},{"age":7},"odd"]}})"));
  REQUIRE(changes.ok());
  std::vector<std::string> got;
  for (auto& change : *changes) got.push_back(change.path + "=" + change.value->text());
  CHECK(got == std::vector<std::string>{"title=t", "victims[1]/name=Ana", "victims[1]/age=4",
                                        "victims[1]/acts=beating shooting", "victims[2]/age=7"});
  CHECK(mapping.apply({{"what", "t"}, {"people", {{"list", "secret"}}}}).error().message ==
        "victims: 'people.list' is not a list");
  CHECK(mapping.apply({{"what", "t"}, {"people", nullptr}}).ok());
  CHECK(mapping.apply({{"what", "t"}, {"people.list", json::array()}}).ok());  // a name with its dots
}

TEST_CASE("Mapping: constants go into every report", "[exchange]") {
  auto document = mapping_json();
  document["set"] = {{"country_code", "USA"}, {"category", "killing"}};
  auto changes = mapping_of(document).apply({{"what", "t"}});
  REQUIRE(changes.ok());
  REQUIRE(changes->size() == 3);
  CHECK((*changes)[0].value->type() == ValueType::choice);
  CHECK((*changes)[1].path == "country_code");
}
