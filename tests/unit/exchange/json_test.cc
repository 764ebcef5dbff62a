// Reading JSON: within limits, with the digits numbers came with.
#include "tests/unit/exchange/sample.h"

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

const SourceOptions kJson{.json = true};

Error error_of(std::string_view text, SourceOptions options = kJson) {
  auto records = records_of(text, options);
  REQUIRE_FALSE(records.ok());
  return records.error();
}

}  // namespace

TEST_CASE("JSON: the array may be the document or a member", "[exchange]") {
  CHECK(records_of(R"([{"a":1},{"b":"x"}])", kJson)->size() == 2);
  SourceOptions member{.json = true, .records = "data"};
  CHECK(records_of(R"({"data":[{"a":1}],"more":0})", member)->size() == 1);
  CHECK(records_of(R"([{"a":1}])", member)->size() == 1);  // as a file of refused rows is
  CHECK(error_of(R"({"rows":[]})", member).message == "cannot read the file: it has no member 'data'");
  CHECK(error_of(R"({"rows":[]})").message == "cannot read the file: the records are not a JSON array");
  CHECK(error_of(R"({"data":{}})", member).hint == "name the member that holds them as \"records\" in the mapping");
}

TEST_CASE("JSON: numbers keep their digits", "[exchange]") {
  auto records = records_of(R"([{"a":43.4670,"b":1.50e3,"c":-12,"d":18446744073709551615,"e":true,"f":0.1}])", kJson);
  REQUIRE(records.ok());
  auto& fields = (*records)[0].fields;
  CHECK(fields["a"] == "43.4670");
  CHECK(fields["b"] == "1.50e3");
  CHECK(fields["c"].dump() == "-12");
  CHECK(fields["d"].dump() == "18446744073709551615");
  CHECK(fields["f"] == "0.1");
}

TEST_CASE("JSON: what is not whole, too deep or no record is refused", "[exchange]") {
  CHECK(error_of(R"([{"a":1})").message == "cannot read the file: it is not JSON");
  CHECK(error_of("[{\"a\":\"\xFF\"}]").message == "cannot read the file: line 1 is not UTF-8");
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(records_of(nested(32), kJson).ok());
  auto error = error_of(nested(33));
  CHECK(error.code == ErrorCode::limit_exceeded);
  CHECK(error.message == "cannot read the file: JSON nested deeper than 32 levels");
  CHECK(error_of(std::string(1'000'000, '[')).code == ErrorCode::limit_exceeded);
  auto records = records_of("[1,{\"a\":2}]", kJson);
  CHECK((*records)[0].refused == "is not an object");
  CHECK((*records)[1].refused.empty());
}

TEST_CASE("JSON: files beyond 64 MiB are refused before they are read", "[exchange]") {
  Folder folder;
  auto file = folder.write("large.json", "[]");
  std::filesystem::resize_file(file, kJsonBytesMax + 1);
  auto source = open_records(file, kJson);
  REQUIRE_FALSE(source.ok());
  CHECK(source.error().code == ErrorCode::limit_exceeded);
  CHECK(source.error().message == "cannot read the file: JSON larger than 64 MiB");
  CHECK(source.error().hint == "split it, or convert it to CSV");
}

TEST_CASE("JSON: Windows-1252 is decoded, its undefined bytes named by line", "[exchange]") {
  SourceOptions options{.json = true, .encoding = Encoding::windows1252};
  CHECK((*records_of("[{\"a\":\"\x80\"}]", options))[0].fields["a"] == "€");
  CHECK(error_of("[\n{\"a\":\"\x81\"}]", options).message ==
        "cannot read the file: line 2 has a byte that Windows-1252 does not define");
}
