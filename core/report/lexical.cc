#include "core/report/lexical.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace lysoen::report {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t digits_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// The number of exactly `count` digits at `at`, or -1.
int fixed_number(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

struct TimeOfDay {
  int64_t seconds = 0;
  std::string fraction;
  bool has_offset = false, zulu = false;
  int32_t offset_minutes = 0;
};

std::optional<int32_t> offset_in(std::string_view text) {  // "+02:00"
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  int hours = fixed_number(text, 1, 2), minutes = fixed_number(text, 4, 2);
  if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > 14 * 60) return std::nullopt;
  int total = hours * 60 + minutes;
  if (text[0] == '-' && total == 0) return std::nullopt;  // "-00:00" says that the offset is not known
  return text[0] == '-' ? -total : total;
}

std::optional<TimeOfDay> time_of_day_in(std::string_view text) {
  int hours = fixed_number(text, 0, 2), minutes = fixed_number(text, 3, 2), seconds = fixed_number(text, 6, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) return std::nullopt;
  if (text[2] != ':' || text[5] != ':') return std::nullopt;
  TimeOfDay time;
  time.seconds = hours * 3600 + minutes * 60 + seconds;
  size_t at = 8;
  if (at < text.size() && text[at] == '.') {
    size_t count = digits_at(text, at + 1);
    if (count == 0 || count > 9) return std::nullopt;
    time.fraction = text.substr(at + 1, count);
    at += 1 + count;
  }
  auto rest = text.substr(at);
  if (rest.empty()) return time;
  time.has_offset = true;
  if (rest == "Z") {
    time.zulu = true;
    return time;
  }
  auto offset = offset_in(rest);
  if (!offset) return std::nullopt;
  time.offset_minutes = *offset;
  return time;
}

std::string two(int64_t value) {
  return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
}

}  // namespace

bool is_decimal(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  size_t at = text[0] == '+' || text[0] == '-';
  size_t whole = digits_at(text, at), part = 0;
  at += whole;
  if (at < text.size() && text[at] == '.') part = digits_at(text, at + 1), at += 1 + part;
  if (whole + part == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    at += at < text.size() && (text[at] == '+' || text[at] == '-');
    size_t exponent = digits_at(text, at);
    if (exponent == 0 || exponent > 2) return false;
    at += exponent;
  }
  return at == text.size();
}

std::optional<double> number_in(std::string_view text) {
  if (!is_decimal(text)) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Compact> compact(std::string_view decimal) {
  std::string digits;
  Compact out;
  size_t point = decimal.find('.');
  if (point != std::string_view::npos) {
    if (decimal.size() - point - 1 > kScaleMax) return std::nullopt;
    out.scale = static_cast<uint32_t>(decimal.size() - point - 1);
  }
  for (char c : decimal)
    if (c != '.') digits += c;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.mantissa);
  if (error != std::errc() || end != digits.data() + digits.size() || text_of(out) != decimal) return std::nullopt;
  return out;
}

std::string text_of(const Compact& decimal) {
  auto digits = std::to_string(decimal.mantissa);
  std::string sign;
  if (digits[0] == '-') sign = "-", digits.erase(0, 1);
  if (decimal.scale == 0) return sign + digits;
  if (digits.size() <= decimal.scale) digits.insert(0, decimal.scale + 1 - digits.size(), '0');
  digits.insert(digits.size() - decimal.scale, 1, '.');
  return sign + digits;
}

std::optional<int32_t> days_in(std::string_view date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  int year = fixed_number(date, 0, 4), month = fixed_number(date, 5, 2), day = fixed_number(date, 8, 2);
  if (year < 1 || month < 1 || day < 1) return std::nullopt;
  std::chrono::year_month_day calendar(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                       std::chrono::day(static_cast<unsigned>(day)));
  if (!calendar.ok()) return std::nullopt;
  return static_cast<int32_t>(std::chrono::sys_days(calendar).time_since_epoch().count());
}

std::string date_text(int32_t days) {
  std::chrono::year_month_day calendar{std::chrono::sys_days(std::chrono::days(days))};
  int year = static_cast<int>(calendar.year());
  return two(year / 100) + two(year % 100) + "-" + two(static_cast<unsigned>(calendar.month())) + "-" +
         two(static_cast<unsigned>(calendar.day()));
}

std::optional<DateTime> date_time_in(std::string_view text) {
  if (text.size() < 20 || text[10] != 'T') return std::nullopt;
  auto days = days_in(text.substr(0, 10));
  auto time = time_of_day_in(text.substr(11));
  if (!days || !time || !time->has_offset) return std::nullopt;
  return DateTime{int64_t{*days} * 86400 + time->seconds, time->fraction, time->offset_minutes, time->zulu};
}

std::string text_of(const DateTime& at) {
  int64_t days = (at.seconds >= 0 ? at.seconds : at.seconds - 86399) / 86400, rest = at.seconds - days * 86400;
  std::string text =
      date_text(static_cast<int32_t>(days)) + "T" + two(rest / 3600) + ":" + two(rest / 60 % 60) + ":" + two(rest % 60);
  if (!at.fraction.empty()) text += "." + at.fraction;
  if (at.zulu) return text + "Z";
  int32_t minutes = at.offset_minutes < 0 ? -at.offset_minutes : at.offset_minutes;
  return text + (at.offset_minutes < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60);
}

bool is_time(std::string_view text) {
  return text.size() >= 8 && time_of_day_in(text).has_value();
}

}  // namespace lysoen::report
