// Tables from outside. The first byte chooses the encoding and the rows to skip.
#include "core/exchange/text_formats.h"
#include "tests/fuzz/targets/imported.h"

using namespace lysoen;
using namespace lysoen::exchange;
using fuzz::require;

namespace {

const Mapping& mapping(bool latin, bool skips) {
  static const auto make = [](const char* encoding, const char* skip) {
    return fuzz::mapping_of(
        std::string(R"({"lysoen_mapping": 1, "form": "police-incident", "format": "csv", "encoding": ")") + encoding +
        R"(", "skip_rows": )" + skip + R"(, "fields": [
          {"path": "title", "from": ["what", "where"], "join": ", "},
          {"path": "event_date", "from": "day", "date": "%B %d, %Y"},
          {"path": "killed", "from": "dead", "number": true},
          {"path": "place", "from": "at", "point": true},
          {"path": "persons/sex", "from": "sex", "codes": {"M": "male"}, "otherwise": "unknown"},
          {"path": "sources/url", "from": "links", "split": ", "}]})");
  };
  static const Mapping mappings[] = {make("utf-8", "0"), make("utf-8", "2"), make("windows-1252", "0"),
                                     make("windows-1252", "2")};
  return mappings[(latin ? 2 : 0) + (skips ? 1 : 0)];
}

/// The table in our own hand, read again.
void write_and_read(const std::filesystem::path& file, const SourceOptions& options) {
  auto source = open_records(file, options);
  if (!source) return fuzz::check_refusal(source.error());
  const auto columns = (*source)->columns();
  auto line_of = [](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) line += (i > 0 ? "," : "") + csv_cell(cells[i]);
    return line + "\r\n";
  };
  if (std::find(columns.begin(), columns.end(), "") != columns.end()) return;  // columns that are not read
  std::string table = line_of(columns);
  std::vector<nlohmann::json> rows;
  for (;;) {
    auto record = (*source)->next();
    if (!record) return fuzz::check_refusal(record.error());
    if (!*record) break;
    if (!(*record)->refused.empty()) continue;
    std::vector<std::string> cells;
    for (const auto& column : columns) cells.push_back((*record)->fields.at(column).get<std::string>());
    if (cells.size() == 1 && cells[0].empty()) continue;  // an empty line is no row
    table += line_of(cells);
    rows.push_back(std::move((*record)->fields));
  }
  auto again = open_records(fuzz::file_of("again", as_bytes(table)), SourceOptions{});
  require(again.ok() && (*again)->columns() == columns, "a header that was written is read");
  for (const auto& row : rows) {
    auto record = (*again)->next();
    require(record.ok() && *record && (*record)->fields == row, "a row that was written is read");
  }
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::string table =
      "what,where,day,dead,at,sex,links\r\n"
      "A fire,\"Market, north\",\"May 3, 2020\",\"1,200\",\"43.1, -1.5\",M,\"http://a, http://b\"\r\n"
      "\"He said \"\"no\"\"\",,\"June 1, 2020\",2,\"1, 2\",F,\r\n"
      "x,y,not a day,many,here,,\r\n"
      "too,few\r\n";
  std::vector<Bytes> seeds;
  for (size_t choice = 0; choice < 4; ++choice) seeds.push_back(chosen(choice, as_bytes(table)));
  seeds.push_back(chosen(0, as_bytes("\xEF\xBB\xBF" + table)));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  auto choice = choices.below(4);
  const auto& map = mapping(choice & 2, choice & 1);
  auto file = file_of("rows", choices.rest());
  import_all(file, map);
  write_and_read(file, map.source());
}
