// Imports: what does not fit is set aside in a file that can be imported again.
#include "tests/unit/exchange/sample.h"

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

json dated() {
  return mapping_json({{{"path", "event_date"}, {"from", "day"}}});
}

}  // namespace

TEST_CASE("Import: a row is known by its file's hash and its number", "[exchange]") {
  Folder folder;
  auto file = folder.write("a.csv", "what,day\nx,2020-01-05\ny,2020-13-01\nz,2020-01-07\n");
  auto first = import_all(file, mapping_of(dated()));
  REQUIRE(first.ok());
  REQUIRE(first->rows.size() == 2);
  CHECK(first->rows[0].origin == *file_hash_hex(file) + ":1");
  CHECK(first->rows[1].origin == *file_hash_hex(file) + ":3");
  CHECK(first->rows[0].form_id == "human-rights-violation");
  REQUIRE(first->refused.size() == 1);
  CHECK(first->refused[0].number == 2);
  CHECK(first->refused[0].refused == "event_date: not a date: the calendar has no such day");
}

TEST_CASE("Import: a file that lacks a column is refused before anything is taken", "[exchange]") {
  Folder folder;
  auto import = Import::open(folder.write("a.csv", "what,date\nx,2020-01-05\n"), mapping_of(dated()));
  REQUIRE_FALSE(import.ok());
  CHECK(import.error().message == "cannot import the file: it has no column 'day' (the mapping needs it)");
}

TEST_CASE("Import: a file with a fault far down is refused before its first row is taken", "[exchange]") {
  Folder folder;
  std::string rows = "what,day\n";
  for (int i = 0; i < 10000; ++i) rows += "row,2020-01-05\n";  // beyond the first block that is read
  auto import = Import::open(folder.write("a.csv", rows + "\"open,2020-01-05\n"), mapping_of(dated()));
  REQUIRE_FALSE(import.ok());
  CHECK(import.error().message == "cannot read the file: a quote opened on line 10002 is never closed");
}

TEST_CASE("Import: refused rows of a CSV file can be corrected and imported again, twice", "[exchange]") {
  Folder folder;
  // The mapping's own peculiarities, a row of tags and another encoding, do not apply to the file of refused rows.
  auto document = dated();
  document["encoding"] = "windows-1252";
  document["skip_rows"] = 1;
  auto file = folder.write("a.csv",
                           "what,day,more\n#t,#d,#m\nJos\xE9,2020-02-30,\"a, "
                           "\"\"b\"\"\nc\"\nok,2020-01-05,\nAnna,never,\nshort\nlong,2020-01-05,,,\n");
  auto first = import_all(file, mapping_of(document), folder.path("one"));
  REQUIRE(first.ok());
  CHECK(first->rows.size() == 1);
  REQUIRE(first->refused.size() == 4);

  auto corrected = folder.write("two", replaced(text_of_file(folder.path("one")), "2020-02-30", "2020-02-28"));
  auto second = import_all(corrected, mapping_of(document), folder.path("three"));
  REQUIRE(second.ok());
  REQUIRE(second->rows.size() == 1);
  CHECK(answer(second->rows[0], "title") == "José");
  CHECK(answer(second->rows[0], "event_date") == "2020-02-28");
  CHECK(second->refused.size() == 3);  // what was not corrected, also rows of too few or too many cells

  auto third = import_all(folder.write("four", replaced(text_of_file(folder.path("three")), "never", "2020-03-01")),
                          mapping_of(document));
  REQUIRE(third.ok());
  REQUIRE(third->rows.size() == 1);
  CHECK(answer(third->rows[0], "title") == "Anna");
}

TEST_CASE("Import: refused rows of a JSON file can be corrected and imported again", "[exchange]") {
  Folder folder;
  auto document = dated();
  document["format"] = "json";
  document["records"] = "data";
  auto file = folder.write("a.json", R"({"data":[{"what":"å","day":"2020-02-30"},{"what":"b","day":"2020-01-05"},7]})");
  auto first = import_all(file, mapping_of(document), folder.path("one"));
  REQUIRE(first.ok());
  CHECK(first->rows.size() == 1);
  CHECK(first->refused.size() == 2);
  auto second = import_all(folder.write("two", replaced(text_of_file(folder.path("one")), "2020-02-30", "2020-02-28")),
                           mapping_of(document));
  REQUIRE(second.ok());
  REQUIRE(second->rows.size() == 1);
  CHECK(answer(second->rows[0], "title") == "å");
}

TEST_CASE("Import: no file of refused rows is made when every row fits, and only its owner may read one",
          "[exchange]") {
  Folder folder;
  auto good = import_all(folder.write("a.csv", "what,day\nx,2020-01-05\n"), mapping_of(dated()), folder.path("none"));
  REQUIRE(good.ok());
  CHECK_FALSE(std::filesystem::exists(folder.path("none")));
  REQUIRE(import_all(folder.write("b.csv", "what,day\nx,-\n"), mapping_of(dated()), folder.path("some")).ok());
  CHECK(std::filesystem::status(folder.path("some")).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("Import: a file of refused rows takes the place of no other, whose rows may be corrected meanwhile",
          "[exchange]") {
  Folder folder;
  auto file = folder.write("a.csv", "what,day\r\nfirst,2020-02-30\r\n");
  auto aside = folder.write("aside", "corrected by hand");
  folder.write("aside.1", "corrected before");
  REQUIRE(import_all(file, mapping_of(dated()), aside).ok());
  CHECK(text_of_file(aside).find("first") != std::string::npos);
  CHECK(text_of_file(folder.path("aside.1")) == "corrected before");
  CHECK(text_of_file(folder.path("aside.2")) == "corrected by hand");
}

TEST_CASE("Import: reasons of rows that do not fit never hold what stood in them", "[exchange]") {
  Folder folder;
  auto document = mapping_json({{{"path", "event_date"}, {"from", "day"}},
                                {{"path", "place"}, {"from", "p"}, {"point", true}},
                                {{"path", "killed"}, {"from", "n"}},
                                {{"path", "category"}, {"from", "c"}}});
  std::string text = "what,day,p,n,c\n";
  for (auto row : {"x,zebra,,,", "x,,zebra,,", "x,,\"zebra,1\",,", "x,,,zebra,", "x,,,,zebra", "zebra,,,",
                   "x,,,,ze\x01"
                   "bra",
                   ",zebra,,,"})
    text += row + std::string("\n");
  auto imported = import_all(folder.write("a.csv", text), mapping_of(document));
  REQUIRE(imported.ok());
  CHECK(imported->rows.empty());
  REQUIRE(imported->refused.size() == 8);
  for (auto& row : imported->refused) {
    CHECK_FALSE(row.refused.empty());
    CHECK(row.refused.find("ze") == std::string::npos);
  }
}
