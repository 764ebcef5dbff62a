// JSON from outside. The first byte chooses whether the rows are the document or a member of it.
#include "tests/fuzz/targets/imported.h"

using namespace lysoen;

namespace {

const exchange::Mapping& mapping(bool member) {
  static const auto make = [](const char* records) {
    return fuzz::mapping_of(std::string(R"({"lysoen_mapping": 1, "form": "police-incident", "format": "json", )") +
                            records +
                            R"("fields": [
        {"path": "title", "from": "name"},
        {"path": "event_date", "from": "date"},
        {"path": "killed", "from": "place.dead", "number": true},
        {"path": "place", "from": ["place.lat", "place.lon"], "join": " "},
        {"path": "tags", "from": "tags"},
        {"repeat": "sources", "from": "links", "fields": [{"path": "url", "from": "url"}, {"path": "headline", "from": "text"}]}]})");
  };
  static const exchange::Mapping mappings[] = {make(""), make(R"("records": "data", )")};
  return mappings[member];
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::string rows =
      R"([{"name": "A fire", "date": "2020-05-03", "place": {"lat": 43.4670, "lon": -1.5, "dead": "1,200"},
    "tags": ["a", "b"], "links": [{"url": "http://a", "text": "x\u00e9\n"}, {"url": null}]},
    {"name": true, "date": 12, "place": [1e400], "links": {}}, 7, {}])";
  return {chosen(0, as_bytes(rows)), chosen(1, as_bytes("{\"data\": " + rows + "}"))};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  bool member = choices.flag();
  import_all(file_of("rows", choices.rest()), mapping(member));
}
