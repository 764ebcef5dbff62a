// What leaves: read back by another program.
#include "tests/unit/exchange/sample.h"

#include "core/exchange/tally.h"
#include "core/exchange/text_formats.h"

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

const char* kHostile =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\xE2\x80\xA8\xE2\x80\xA9{{program}}";

Report two_values(std::string_view path, Value a, Value b) {
  auto report = report_with({{"title", Value::text_of("t")}, {std::string(path), a}});
  report.fields.back().values.push_back({b, EditId(), DeviceId(), report.created});
  return report;
}

}  // namespace

TEST_CASE("CSV export: Python reads back what was reported, formulas excepted", "[exchange]") {
  Folder folder;
  auto report = report_with({{"title", Value::text_of("says \"no\", then\r\nleaves ")},
                             {"what_happened", Value::text_of("=HYPERLINK(\"http://x\")")},
                             {"place", value_of(ValueType::point, "-12.50 -0.10")},
                             {"killed", value_of(ValueType::integer, "-3")},
                             {"victims[a]/name", Value::text_of("@Ana")},
                             {"victims[b]/name", Value::text_of("Bo")}});
  report.retracted = true;
  auto file = folder.write("out.csv", exported(ExportFormat::csv, {report}));
  auto read =
      json::parse(python("import csv, json, sys\n"
                         "print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline=\"\")))))",
                         {file}));
  REQUIRE(read.size() == 1);
  auto& row = read[0];
  CHECK(row["title"] == "says \"no\", then\r\nleaves ");
  CHECK(row["what_happened"] == "'=HYPERLINK(\"http://x\")");
  CHECK(row["place"] == "-12.50 -0.10");
  CHECK(row["latitude"] == "-12.50");
  CHECK(row["longitude"] == "-0.10");
  CHECK(row["killed"] == "-3");
  CHECK(row["victims/name"] == "'@Ana\nBo");
  CHECK(row["retracted"] == "yes");
  CHECK(row["report"] == report.id.hex());
  CHECK(row["created"] == "2026-01-01T00:00:00Z");
}

TEST_CASE("CSV export: our own import reads it back", "[exchange]") {
  Folder folder;
  auto report = report_with({{"title", Value::text_of("a, b\nc")}, {"place", value_of(ValueType::point, "1.50 -2")}});
  auto file = folder.write("out.csv", exported(ExportFormat::csv, {report}));
  auto document = mapping_json({{{"path", "place"}, {"from", {"latitude", "longitude"}}}});
  document["fields"][0]["from"] = "title";
  auto imported = import_all(file, mapping_of(document));
  REQUIRE(imported.ok());
  REQUIRE(imported->rows.size() == 1);
  CHECK(answer(imported->rows[0], "title") == "a, b\nc");
  CHECK(answer(imported->rows[0], "place") == "1.50 -2");
}

TEST_CASE("CSV export: a conflict shows both values and is counted", "[exchange]") {
  auto report = two_values("killed", value_of(ValueType::integer, "2"), value_of(ValueType::integer, "3"));
  auto text = exported(ExportFormat::csv, {report});
  CHECK(text.find(",2 | 3,") != std::string::npos);
  CHECK(text.find(",2026-01-01T00:00:00Z,1,no,") != std::string::npos);
}

TEST_CASE("Text cells: what a spreadsheet would run is defused, numbers stay numbers", "[exchange]") {
  for (auto text : {"=1+1", "  =1+1", "\n=1", "\uFF1D1+1", "\uFF20SUM(A1)", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)",
                    "\tx", "\r=1", "-", "+", "- 1", "-1e", "--1"})
    CHECK(csv_text_cell(text).find('\'') < 2);
  for (auto text : {"-1", "+1.5", "-1.5e-3", "-12.5 -44", ".5", "0", "", "a=1"}) CHECK(csv_text_cell(text) == text);
}

TEST_CASE("JSON numbers: written forms become valid JSON with the same digits", "[exchange]") {
  CHECK(json_number("+7") == "7");
  CHECK(json_number("007.50") == "7.50");
  CHECK(json_number("-.5") == "-0.5");
  CHECK(json_number("5.") == "5");
  CHECK(json_number("0e5") == "0e5");
  CHECK(json_number("1.e+3") == "1e+3");
  CHECK(json_number("-000") == "-0");
  CHECK(json_number("43.4670") == "43.4670");
}

TEST_CASE("JSON strings: nothing in them ends a script or a line", "[exchange]") {
  auto text = json_string(kHostile);
  CHECK(text.find('<') == std::string::npos);
  CHECK(text.find('>') == std::string::npos);
  CHECK(text.find('&') == std::string::npos);
  CHECK(text.find("\xE2\x80\xA8") == std::string::npos);
  CHECK(text.find("\xE2\x80\xA9") == std::string::npos);
  CHECK(json::parse(text).get<std::string>() == kHostile);
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
  CHECK(json::parse(json_string(all)).get<std::string>() == all);
}

TEST_CASE("GeoJSON: Python reads it, coordinates keep their digits, conflicts are arrays", "[exchange]") {
  Folder folder;
  auto placed =
      report_with({{"title", Value::text_of(kHostile)}, {"place", value_of(ValueType::point, "+43.4670 .880 12 3")}});
  auto odd = report_with({{"title", Value::text_of("x")}, {"place", value_of(ValueType::point, "-1.50e1 007")}});
  auto nowhere = two_values("killed", value_of(ValueType::integer, "2"), value_of(ValueType::integer, "3"));
  auto file = folder.write("out.geojson", exported(ExportFormat::geojson, {placed, odd, nowhere}));
  auto checked =
      json::parse(python("import json, sys\n"
                         "data = json.load(open(sys.argv[1]), parse_float=str, parse_int=str)\n"
                         "print(json.dumps(data))",
                         {file}));
  CHECK(checked["type"] == "FeatureCollection");
  auto& features = checked["features"];
  REQUIRE(features.size() == 3);
  CHECK(features[0]["geometry"]["coordinates"] == json{"0.880", "43.4670"});
  CHECK(features[0]["properties"]["answers"]["title"] == kHostile);
  CHECK(features[1]["geometry"]["coordinates"] == json{"7", "-1.50e1"});
  CHECK(features[2]["geometry"].is_null());
  CHECK(features[2]["properties"]["answers"]["killed"] == json{"2", "3"});
  CHECK(features[2]["properties"]["conflicts"] == "1");
}

TEST_CASE("GeoJSON: a report whose form asks for a place in words has no geometry", "[exchange]") {
  Folder folder;
  auto report = report_with({{"place", Value::text_of("]}, behind the mill")}});
  auto data = json::parse(exported(ExportFormat::geojson, {report}));
  CHECK(data["features"][0]["geometry"].is_null());
}

TEST_CASE("Export: reports of a form that is not known here are exported without labels", "[exchange]") {
  auto report = report_with({{"odd/path", value_of(ValueType::point, "1 2")}});
  report.form_id = "=unknown";
  for (auto format : {ExportFormat::csv, ExportFormat::geojson, ExportFormat::html}) {
    auto text = exported(format, {report});
    CHECK(text.find("=unknown") != std::string::npos);
  }
  CHECK(exported(ExportFormat::csv, {report}).find(",'=unknown,") != std::string::npos);
  CHECK(json::parse(exported(ExportFormat::geojson, {report}))["features"][0]["geometry"]["coordinates"] == json{2, 1});
}

TEST_CASE("Page: hostile words in reports, names and titles stay words", "[exchange]") {
  auto report = report_with({{"title", Value::text_of(kHostile)}, {"what_happened", Value::text_of(kHostile)}});
  auto plain = exported(ExportFormat::html, {report_with({{"title", Value::text_of("x")}})});
  auto hostile = exported(ExportFormat::html, {report}, kHostile);
  auto count = [](const std::string& text, std::string_view what) {
    size_t found = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  for (auto mark : {"<script", "</script", "<img", "<title"}) {
    INFO(mark);
    CHECK(count(hostile, mark) == count(plain, mark));
  }
  // A mark of the template in a report does not pull the program in twice.
  CHECK(count(hostile, "\"use strict\"") == count(plain, "\"use strict\""));
}

TEST_CASE("Page: it loads nothing and says so to the browser", "[exchange]") {
  auto page = exported(ExportFormat::html, {report_with({{"title", Value::text_of("x")}})});
  CHECK(page.find("Content-Security-Policy\" content=\"default-src 'none'") != std::string::npos);
  for (auto mark : {"http://", "https://", " src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval(",
                    "document.write", "{{title}}", "{{style}}", "{{data}}", "{{outlines}}", "{{program}}"}) {
    INFO(mark);
    CHECK(page.find(mark) == std::string::npos);
  }
}

TEST_CASE("Page: its data is one JSON document with labels, choices by label and every value of a conflict",
          "[exchange]") {
  auto report = two_values("killed", value_of(ValueType::integer, "2"), value_of(ValueType::integer, "3"));
  report.fields.push_back(
      {"category", {{value_of(ValueType::choice, "killing"), EditId(), DeviceId(), report.created}}});
  report.status_values = {{Value::text_of("verified"), EditId(), DeviceId(), report.created},
                          {Value::text_of("rejected"), EditId(), DeviceId(), report.created}};
  auto page = exported(ExportFormat::html, {report});
  std::string open = "<script type=\"application/json\" id=\"data\">";
  auto begin = page.find(open) + open.size();
  auto data = json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  auto& labels = data["forms"]["human-rights-violation"]["labels"];
  std::map<std::string, json> shown;
  for (auto& field : data["reports"][0]["fields"]) shown[labels[field[0].get<size_t>()].get<std::string>()] = field;
  auto form = built_in_form("human-rights-violation");
  auto killed = shown.at(std::string(pick(form->question("killed")->labels, "en")));
  CHECK(killed[1] == json{"2", "07070707"});
  CHECK(killed[2] == json{"3", "00000000"});
  auto category = shown.at(std::string(pick(form->question("category")->labels, "en")));
  CHECK(category[1] == pick(form->question("category")->choice("killing")->labels, "en"));
  CHECK(data["reports"][0]["conflicts"] == 2);
  CHECK(data["reports"][0]["statuses"] == json{"verified by 00000000", "rejected by 00000000"});
}

TEST_CASE("Export: a full disk is said", "[exchange]") {
  std::ofstream full("/dev/full", std::ios::binary);
  if (!full) return;
  for (auto format : {ExportFormat::csv, ExportFormat::geojson, ExportFormat::html}) {
    std::ofstream out("/dev/full", std::ios::binary);
    auto sink = start_export(out, {.format = format}, built_in_forms());
    sink->add(report_with({{"title", Value::text_of("x")}}));
    auto finished = sink->finish();
    REQUIRE_FALSE(finished.ok());
    CHECK(finished.error().code == ErrorCode::storage_full);
    CHECK(finished.error().hint == "free some space or choose another place");
  }
}

TEST_CASE("Tally: reports are counted by type, place and day", "[exchange]") {
  Tally tally(built_in_forms());
  auto at = [](std::string_view day, std::string_view where) {
    auto report = report_with({{"event_date", value_of(ValueType::date, day)}});
    if (!where.empty()) report.fields.push_back({"place_name", {{Value::text_of(std::string(where)), {}, {}, {}}}});
    return report;
  };
  for (auto& report : {at("2020-01-05", "B"), at("2020-01-06", "A"), at("2020-01-06", "")}) tally.add(report);
  CHECK(tally.count() == 3);
  CHECK(tally.by_type()[0].count == 3);
  CHECK(tally.by_day()[0].name == "2020-01-06");
  CHECK(tally.by_day()[0].count == 2);
  CHECK(tally.by_place().size() == 3);
  CHECK(tally.by_place(1)[0].name == "(unknown)");
}
