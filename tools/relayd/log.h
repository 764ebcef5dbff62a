// The relay's log: one JSON object a line on stderr. Events and numbers only: no content, no address, no key.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include <nlohmann/json.hpp>

namespace lysoen::relayd {

/// Threads: any; a line is written in one piece.
class Log {
 public:
  explicit Log(Clock& clock) : clock_(clock) {}
  void event(std::string_view name, nlohmann::ordered_json facts = nlohmann::ordered_json::object());

 private:
  Clock& clock_;
};

/// "error: ..." and "hint: ..." for a person, on stderr. Answers the exit code.
int complain(const Error& error);

}  // namespace lysoen::relayd
