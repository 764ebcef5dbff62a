// The written forms of numbers and times: what Value::parse accepts, and the compact forms that give the same digits
// back.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lysoen::report {

/// [+-] digits [. digits] [e [+-] digits], with a digit somewhere in front of e; at most 64 characters.
bool is_decimal(std::string_view text);
std::optional<double> number_in(std::string_view text);

/// A decimal as mantissa / 10^scale.
struct Compact {
  int64_t mantissa = 0;
  uint32_t scale = 0;
};
constexpr uint32_t kScaleMax = 18;
/// Only if text_of gives exactly the same text back.
std::optional<Compact> compact(std::string_view decimal);
std::string text_of(const Compact& decimal);

/// Days since 1970-01-01 of "2020-01-05", years 0001 to 9999; nothing if the calendar has no such day.
std::optional<int32_t> days_in(std::string_view date);
/// Requires what days_in can give.
std::string date_text(int32_t days);

/// "2020-01-05T14:05:00.25+02:00" taken apart.
struct DateTime {
  int64_t seconds = 0;   // of the wall clock, as if it were UTC
  std::string fraction;  // digits after the point
  int32_t offset_minutes = 0;
  bool zulu = false;  // written "Z"
};
/// Requires seconds and an offset of at most 14 hours.
std::optional<DateTime> date_time_in(std::string_view text);
std::string text_of(const DateTime& at);

/// "14:05:00[.25][+02:00|Z]"
bool is_time(std::string_view text);

}  // namespace lysoen::report
