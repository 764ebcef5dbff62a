#include <lysoen/report.h>

#include "core/report/lexical.h"
#include "tests/support/catch.h"

using namespace lysoen;

namespace {

std::string parsed(ValueType type, std::string_view text) {
  auto value = Value::parse(type, text);
  return value.ok() ? value->text() : "! " + value.error().message;
}

}  // namespace

TEST_CASE("Value: written forms are checked, normalised and otherwise left as they came", "[report]") {
  using enum ValueType;
  CHECK(parsed(text, "  two\nlines ") == "  two\nlines ");
  CHECK(parsed(integer, " -12 ") == "-12");
  CHECK(parsed(integer, "+5") == "5");
  CHECK(parsed(decimal, "1.50") == "1.50");
  CHECK(parsed(boolean, "1") == "true");
  CHECK(parsed(date, "2020-02-29") == "2020-02-29");
  CHECK(parsed(time, "14:05") == "14:05:00");
  CHECK(parsed(time, "14:05:00.000+02:00") == "14:05:00.000+02:00");
  CHECK(parsed(date_time, "2020-01-05 14:05+02:00") == "2020-01-05T14:05:00+02:00");
  CHECK(parsed(date_time, "2020-01-05T14:05:00Z") == "2020-01-05T14:05:00Z");
  CHECK(parsed(point, "43.4670   11.8850") == "43.4670 11.8850");
  CHECK(parsed(choices, "b  a b") == "a b");
  CHECK(Value::parse(choices, "b a")->items() == std::vector<std::string>{"a", "b"});
  CHECK(Value::choices_of({"b", "a", "b"}) == *Value::parse(choices, "a b"));
  CHECK(Value::parse(point, "-43.5 11")->lat_lon()->latitude == -43.5);
  CHECK(Value::parse(date, "1970-01-02")->instant() == WallTime(std::chrono::hours(24)));
  CHECK(Value::parse(date_time, "1970-01-01T01:00:00.5+02:00")->instant() ==
        WallTime(std::chrono::milliseconds(-3'599'500)));
}

TEST_CASE("Value: what cannot be is refused with a reason that does not repeat it", "[report]") {
  using enum ValueType;
  CHECK(parsed(integer, "1,022") == "! not an integer: digits are expected, with a minus sign in front at most");
  CHECK(parsed(integer, "99999999999999999999") == "! not an integer: too large");
  CHECK(parsed(decimal, "1,5") == "! not a number: digits are expected, with a point before the decimals");
  CHECK(parsed(decimal, "nan").starts_with("! not a number"));
  CHECK(parsed(date, "2019-02-29") == "! not a date: the calendar has no such day");
  CHECK(parsed(date, "January 05, 2020") == "! not a date: year-month-day is expected, as in 2020-01-05");
  CHECK(parsed(time, "25:00:00").starts_with("! not a time of day"));
  CHECK(parsed(date_time, "2020-01-05T14:05:00") ==
        "! not a date and time with offset: expected as in 2020-01-05T14:05:00+02:00");
  CHECK(parsed(date_time, "2020-01-05T14:05:00+14:01").starts_with("! not a date and time with offset"));
  CHECK(parsed(date_time, "2020-13-05T14:05:00Z") == "! not a date and time: the calendar has no such day");
  CHECK(parsed(point, "90.001 0") == "! not a point: latitude is beyond 90 degrees");
  CHECK(parsed(point, "0 180.1") == "! not a point: longitude is beyond 180 degrees");
  CHECK(parsed(point, "12.5, 43.1").starts_with("! not a point"));
  CHECK(parsed(point, "1").starts_with("! not a point: latitude and longitude are expected"));
  CHECK(parsed(text, "\xFF") == "! text is not UTF-8");
  CHECK(parsed(text, "a\x07") == "! text holds control characters");
  CHECK(parsed(text, " \n") == "! answer is empty");
  CHECK(parsed(text, std::string(10 << 20, 'x')) == "! answer is longer than 64 KiB");
  CHECK(parsed(attachment, std::string(64, 'a') + " 5 image/png ../x").starts_with("! not an attachment"));
}

TEST_CASE("Dates: every day of the calendar goes to a number and back, and no other string does", "[report]") {
  for (int32_t days = -719162; days <= 2932896; days += 13) {
    auto text = report::date_text(days);
    if (report::days_in(text) != days) FAIL(text);
  }
  for (auto text : {"0000-01-01", "2020-00-10", "2020-04-31", "1900-02-29", "2020-1-5", "2020-01-05x", "2020/01/05"})
    CHECK_FALSE(report::days_in(text));
}
