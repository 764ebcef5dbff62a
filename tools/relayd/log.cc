#include "tools/relayd/log.h"

#include <cstdio>

namespace lysoen::relayd {

namespace {

std::string iso(WallTime at) {
  auto days = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day date(days);
  std::chrono::hh_mm_ss time(at - days);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                int(time.seconds().count()), int(time.subseconds().count()));
  return text;
}

}  // namespace

void Log::event(std::string_view name, nlohmann::ordered_json facts) {
  nlohmann::ordered_json line = {{"time", iso(clock_.wall())}, {"event", name}};
  line.update(facts);
  auto text = line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

int complain(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.message.c_str());
  auto hint = error.hint.empty() ? std::string(sentence_for(error.advice())) : error.hint;
  std::fprintf(stderr, "hint: %s\n", hint.c_str());
  return exit_code_for(error.code);
}

}  // namespace lysoen::relayd
