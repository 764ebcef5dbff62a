// Mappings: any JSON is one that fits its form, or refused; applied to a record it gives changes that fit the form.
#include "tests/fuzz/targets/imported.h"

using namespace lysoen;
using fuzz::require;

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for (const char* name : {"missing_migrants", "pb2020", "police_killings", "ucdp_ukraine"})
    seeds.push_back(file_bytes("tests/e2e/mappings/" + std::string(name) + ".json"));
  seeds.push_back(to_bytes(as_bytes(R"({"lysoen_mapping": 1, "form": "police-incident", "format": "json",
    "set": {"country_code": "US"}, "fields": [
      {"path": "title", "from": ["text", "n"], "join": " / "}, {"path": "event_date", "from": "day", "date": "%B %d, %Y"},
      {"path": "killed", "from": "n", "number": true}, {"path": "place", "from": "at", "point": true},
      {"path": "persons/sex", "from": "deep.text", "codes": {"x": "male"}, "otherwise": "unknown"},
      {"repeat": "sources", "from": "list", "fields": [{"path": "url", "from": "text"}]}]})")));
  return seeds;
}

void fuzz::run(ByteView input) {
  auto mapping = exchange::Mapping::parse(as_text(input), built_in_forms());
  if (!mapping) return check_refusal(mapping.error());
  static const auto record = nlohmann::json::parse(R"({"text": "x", "n": 12, "day": "May 3, 2020", "at": "43.1, -1.5",
    "none": null, "truth": true, "deep": {"text": "x", "deep": {"text": [1, "y"]}},
    "list": [{"text": "a"}, {"text": {"deep": 1}}, 3, [], {}], "name": "A name", "links": [{"url": "u", "text": "t"}],
    "lots": "a, b, c, d", "": "without a name"})");
  auto changes = mapping->apply(record);
  if (!changes) return check_refusal(changes.error());
  for (const auto& change : *changes)
    require(report::check_change(mapping->form(), change).ok(), "what is taken from a record fits the form");
}
