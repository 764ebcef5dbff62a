#include "core/base/utc.h"

#include <cstdio>

namespace lysoen {

std::string utc_text_milliseconds(WallTime at) {
  auto days = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day date(days);
  std::chrono::hh_mm_ss time(at - days);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

std::string utc_text(WallTime at) {
  auto text = utc_text_milliseconds(at);
  return text.substr(0, text.size() - 5) + "Z";
}

std::string utc_text_short(WallTime at) {
  auto text = utc_text_milliseconds(at);
  return utc_day(at) + " " + text.substr(text.size() - 13, 5) + " UTC";
}

std::string utc_day(WallTime at) {
  auto text = utc_text_milliseconds(at);
  return text.substr(0, text.find('T'));
}

}  // namespace lysoen
