#include "tools/relayd/log.h"

#include <cstdio>

#include "core/base/utc.h"

namespace lysoen::relayd {

void Log::event(std::string_view name, nlohmann::ordered_json facts) {
  nlohmann::ordered_json line = {{"time", utc_text_milliseconds(clock_.wall())}, {"event", name}};
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
