// The mappings that the end-to-end tests use, on the registers that they are for.
#include "tests/support/paths.h"
#include "tests/unit/exchange/sample.h"

#include <set>

using namespace lysoen;
using namespace lysoen::exchange;
using namespace lysoen::exchange::test;

namespace {

struct Register {
  std::string mapping, file;
  size_t rows, placed;
};
const std::vector<Register> kRegisters = {
    {"missing_migrants", "missing_migrants/MissingMigrants-Global-2020-01-08.csv", 6249, 6249},
    {"pb2020", "pb2020/all-locations-v2.json", 1340, 1336},
    {"ucdp_ukraine", "ucdp_ukraine_hxl/conflict_data_ukr.csv", 2989, 2989},
    {"police_killings", "police_killings_538/police_killings.csv", 467, 467},
};

Mapping mapping_named(const std::string& name) {
  auto text = text_of_file(lysoen::test::source_dir() / "tests/e2e/mappings" / (name + ".json"));
  auto mapping = Mapping::parse(text, built_in_forms());
  INFO(name << ": " << (mapping.ok() ? "" : mapping.error().message));
  REQUIRE(mapping.ok());
  return std::move(*mapping);
}

}  // namespace

TEST_CASE("Mappings of the public registers fit the built-in forms and map at least 12 columns", "[exchange]") {
  for (auto& entry : kRegisters) {
    auto mapping = mapping_named(entry.mapping);
    std::set<std::string> columns;
    for (auto& rule : mapping.fields()) columns.insert(rule.from.begin(), rule.from.end());
    for (auto& repeat : mapping.repeats()) {
      columns.insert(repeat.from);
      for (auto& rule : repeat.fields) columns.insert(repeat.from + "." + rule.from.front());
    }
    INFO(entry.mapping);
    CHECK(columns.size() >= 12);
  }
}

TEST_CASE("Every row of the public registers fits its mapping", "[exchange][data]") {
  auto shared = lysoen::test::shared_dir();
  if (!shared) {
    WARN("skipped: the shared data is not here");
    return;
  }
  size_t points = 0;
  for (auto& entry : kRegisters) {
    INFO(entry.mapping);
    auto imported = import_all(*shared / "data/incidents" / entry.file, mapping_named(entry.mapping));
    INFO((imported.ok() ? std::string() : imported.error().message));
    REQUIRE(imported.ok());
    for (auto& row : imported->refused) UNSCOPED_INFO("row " << row.number << ": " << row.refused);
    CHECK(imported->refused.empty());
    CHECK(imported->rows.size() == entry.rows);
    size_t placed = 0;
    for (auto& row : imported->rows) placed += !answer(row, "place").empty();
    CHECK(placed == entry.placed);
    points += placed;
  }
  CHECK(points == 11'041);
}
