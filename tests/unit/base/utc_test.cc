#include "core/base/utc.h"

#include "tests/support/catch.h"

using namespace lysoen;

TEST_CASE("Times: as text in UTC, before 1970 and beyond 2038 too", "[base]") {
  auto at = [](int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); };
  CHECK(utc_text_milliseconds(at(1795646795543)) == "2026-11-25T22:46:35.543Z");
  CHECK(utc_text(at(1795646795999)) == "2026-11-25T22:46:35Z");
  CHECK(utc_text_short(at(1795646795543)) == "2026-11-25 22:46 UTC");
  CHECK(utc_day(at(0)) == "1970-01-01");
  CHECK(utc_text_milliseconds(at(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(utc_text_short(at(4102444800000)) == "2100-01-01 00:00 UTC");
}
