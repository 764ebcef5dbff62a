// Reading CSV: strict, with every error on its line.
#include "tests/support/seed.h"
#include "tests/unit/exchange/sample.h"

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

Error error_of(std::string_view text, const SourceOptions& options = {}) {
  auto records = records_of(text, options);
  REQUIRE_FALSE(records.ok());
  return records.error();
}

}  // namespace

TEST_CASE("CSV: cells are read with quotes, doubled quotes, line breaks and any line ending", "[exchange]") {
  for (std::string end : {"\n", "\r\n", "\r"}) {
    auto records = records_of("a,b,c" + end + "1,\"x, \"\"y\"\"\",\"two\nlines\"" + end + end + " 2 ,,\" kept \"");
    REQUIRE(records.ok());
    REQUIRE(records->size() == 2);
    CHECK((*records)[0].fields == json{{"a", "1"}, {"b", "x, \"y\""}, {"c", "two\nlines"}});
    CHECK((*records)[1].fields == json{{"a", "2"}, {"b", ""}, {"c", " kept "}});
    CHECK((*records)[1].number == 2);
  }
}

TEST_CASE("CSV: a byte order mark is no part of the first column's name", "[exchange]") {
  auto records = records_of("\xEF\xBB\xBFname\nÅsa\n");
  REQUIRE(records.ok());
  CHECK((*records)[0].fields == json{{"name", "Åsa"}});
}

TEST_CASE("CSV: a file that marks itself as UTF-8 is UTF-8 whatever was stated", "[exchange]") {
  auto records = records_of("\xEF\xBB\xBFname\nÅsa\n", {.encoding = Encoding::windows1252});
  REQUIRE(records.ok());
  CHECK((*records)[0].fields == json{{"name", "Åsa"}});
}

TEST_CASE("CSV: the line of a quote that is never closed is named", "[exchange]") {
  auto error = error_of("a,b\n1,2\n3,\"4\nmore\"\n5,\"begun here\nnot closed\n6,7\n");
  CHECK(error.code == ErrorCode::input_refused);
  CHECK(error.message == "cannot read the file: a quote opened on line 5 is never closed");
  CHECK(error.hint == "close it, or check that the file is whole");
  // The quote opens in a line in which another quoted cell ended.
  CHECK(error_of("a,b\n\"x\ny\",\"z\nend").message == "cannot read the file: a quote opened on line 3 is never closed");
}

TEST_CASE("CSV: the line of a stray quote is named, also far into the file", "[exchange]") {
  std::string text = "a,b\r\n";
  for (int i = 0; i < 20'000; ++i) text += "left,right\r\n";
  auto error = error_of(text + "\"oops\" more,2\r\n");
  CHECK(error.message == "cannot read the file: line 20002 has a stray quote");
  CHECK(error.hint == "quotes inside a quoted cell must be doubled");
}

TEST_CASE("CSV: the line that is not UTF-8 is named and the other encoding hinted at", "[exchange]") {
  auto error = error_of("name,age\nAnna,4\nJos\xE9,5\n");
  CHECK(error.code == ErrorCode::input_refused);
  CHECK(error.message == "cannot read the file: line 3 is not UTF-8");
  CHECK(error.hint == "if a spreadsheet made it, try --encoding windows-1252");
}

TEST_CASE("CSV: UTF-16 is called by its name", "[exchange]") {
  auto error =
      error_of(std::string_view("\xFF\xFE"
                                "a\0\n\0",
                                6));
  CHECK(error.message == "cannot read the file: it is UTF-16");
  CHECK(error.hint == "save the file as UTF-8 and try again");
}

TEST_CASE("CSV: a character cut by the end of a block is whole again in the next", "[exchange]") {
  std::string cell(65'534, 'x');
  for (int shift = 0; shift < 4; ++shift) {
    auto records = records_of("n\n" + cell.substr(static_cast<size_t>(shift)) + "\n" + "\xF0\x9F\x95\x8A\n");
    REQUIRE(records.ok());
    REQUIRE(records->size() == 2);
    CHECK((*records)[1].fields["n"] == "\xF0\x9F\x95\x8A");
  }
  CHECK(error_of("n\n\xF0\x9F\x95").message == "cannot read the file: line 2 is not UTF-8");
}

TEST_CASE("CSV: true Windows-1252 is decoded as Unicode maps it", "[exchange]") {
  // Every byte that Windows-1252 defines and CSV gives no meaning to, and what it is.
  std::string bytes, expected;
  Folder folder;
  auto wanted = folder.path("wanted");
  python(
      "import sys\n"
      "raw = bytes(b for b in range(0x21, 256) if b not in (0x22, 0x2c, 0x81, 0x8d, 0x8f, 0x90, 0x9d))\n"
      "open(sys.argv[1], \"wb\").write(b\"text\\n\" + raw + b\"\\n\")\n"
      "open(sys.argv[2], \"wb\").write(raw.decode(\"cp1252\").encode())",
      {folder.path("given"), wanted});
  auto records = records_of(text_of_file(folder.path("given")), {.encoding = Encoding::windows1252});
  REQUIRE(records.ok());
  REQUIRE(records->size() == 1);
  CHECK((*records)[0].fields["text"] == text_of_file(wanted));
}

TEST_CASE("CSV: a byte that Windows-1252 does not define is refused with its line", "[exchange]") {
  auto error = error_of("a\nx\ny\x81\n", {.encoding = Encoding::windows1252});
  CHECK(error.message == "cannot read the file: line 3 has a byte that Windows-1252 does not define");
  CHECK(error.hint == "save the file as UTF-8 and try again");
}

TEST_CASE("CSV: a cell of 10 MB refuses its row, the rest goes on", "[exchange]") {
  auto records = records_of("a,b\n1,2\n3," + std::string(10'000'000, 'x') + "\n5,6\n");
  REQUIRE(records.ok());
  REQUIRE(records->size() == 3);
  CHECK((*records)[1].refused == "a cell is larger than 64 KiB");
  CHECK((*records)[2].refused.empty());
  CHECK((*records)[2].fields["a"] == "5");
}

TEST_CASE("CSV: a cell beyond 16 MiB refuses the file and says where it begins", "[exchange]") {
  auto error = error_of("a,b\n1,2\n3,\"" + std::string(17 * 1024 * 1024, 'x') + "\"\n");
  CHECK(error.code == ErrorCode::limit_exceeded);
  CHECK(error.message == "cannot read the file: a cell that begins on line 3 is larger than 16 MiB");
  CHECK(error.hint == "a quote may be left open there");
}

TEST_CASE("CSV: rows with too few or too many cells are set aside with the count", "[exchange]") {
  auto records = records_of("a,b\n1\n1,2,3\n1,2\n");
  REQUIRE(records.ok());
  CHECK((*records)[0].refused == "has 1 cells, the header names 2 columns");
  CHECK((*records)[1].refused == "has 3 cells, the header names 2 columns");
  CHECK((*records)[2].refused.empty());
}

TEST_CASE("CSV: two columns of one name are refused by position, without repeating what may be people's words",
          "[exchange]") {
  auto error = error_of("Anna Berg,x,Anna Berg\n1,2,3\n");
  CHECK(error.message == "cannot read the file: columns 1 and 3 have the same name");
  CHECK(error.hint == "rename one of them; the first line must name the columns");
  CHECK(records_of("a,,\n1,,\n").ok());  // what spreadsheets leave behind
}

TEST_CASE("CSV: an empty file has no header", "[exchange]") {
  for (auto text : {"", "\n\n", "\xEF\xBB\xBF"})
    CHECK(error_of(text).message == "cannot read the file: it has no header line");
  std::string many;
  for (size_t i = 0; i <= kColumnsMax; ++i) many += "c" + std::to_string(i) + ",";
  CHECK(error_of(many + "\n").message == "cannot read the file: more than 1000 columns");
  CHECK(error_of(std::string(70'000, 'x') + "\n").message ==
        "cannot read the file: a column's name is larger than 64 KiB");
}

TEST_CASE("CSV: a file that is not there is not found", "[exchange]") {
  auto source = open_records("no/such/file", {});
  REQUIRE_FALSE(source.ok());
  CHECK(source.error().code == ErrorCode::not_found);
  CHECK(source.error().message == "cannot read the file: there is no such file");
}

TEST_CASE("CSV and JSON: cut and changed files never crash the reader and never yield broken text", "[exchange]") {
  auto random = lysoen::test::generator(0xC5);
  const std::string csv =
      "\xEF\xBB\xBFname,\"wh\"\"at\",place\r\n\"A, \xC3\xA5\",\"two\nlines\",1\r\nb,c,\xE2\x82\xAC\r\n";
  const std::string document = R"({"data": [{"a": "\u00e5", "b": [1, 2.50, {"c": null}]}, {"a": true}]})";
  for (bool is_json : {false, true}) {
    auto& whole = is_json ? document : csv;
    SourceOptions options{.json = is_json, .records = "data"};
    auto try_it = [&](std::string_view text) {
      options.encoding = random() % 4 ? Encoding::utf8 : Encoding::windows1252;
      auto records = records_of(text, options);
      if (!records.ok()) {
        CHECK_FALSE(records.error().message.empty());
        return;
      }
      for (auto& record : *records) CHECK_FALSE(first_invalid_utf8(record.fields.dump()));
    };
    for (size_t cut = 0; cut <= whole.size(); ++cut) try_it(std::string_view(whole).substr(0, cut));
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string changed = whole;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      try_it(changed);
    }
    for (int round = 0; round < 300; ++round) {
      static constexpr std::string_view kBytes = "\",\"\n\r{}[]:\\x1.e\x80\xC3\xFF\0";
      std::string noise;
      for (size_t size = random() % 200; noise.size() < size;)
        noise += random() % 5 ? kBytes[random() % kBytes.size()] : static_cast<char>(random());
      try_it(noise);
    }
  }
}
