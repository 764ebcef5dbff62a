// What people see: messages, colours, questions and bars on a terminal; plain lines elsewhere.
#pragma once
#include <lysoen/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tools/lysoen/secret_text.h"

namespace lysoen::cli {

/// A line on standard error.
void say(std::string_view line);
/// "error: ..." and, if there is one, "hint: ...".
void say_error(const Error& error);
/// "warning: ..."
void say_warning(std::string_view line);
/// Emphasis on standard output, only if that is a terminal and NO_COLOR is unset.
std::string strong(std::string_view text);
std::string faint(std::string_view text);
std::string alarm(std::string_view text);

/// Asks on the terminal without echo. Errors: usage, if there is no terminal to ask on; cancelled.
Result<SecretText> ask_secret(std::string_view question);
/// A line without its end, byte by byte: no buffer keeps a copy. Errors: not_found (nothing there or not readable),
/// input_refused (too long).
Result<SecretText> read_secret_line(int descriptor);

/// Whether somebody sits there to be asked.
bool can_ask();
/// Asks on the terminal for a line; `meanwhile` runs once the question stands there. Nothing if nobody answers for so
/// long (0: waits for ever), or the command is asked to end.
std::optional<std::string> ask_line(std::string_view question, std::chrono::seconds patience,
                                    const std::function<void()>& meanwhile);
/// Waits until there is something to read, or its end. False if the command is asked to end, or after so long (0:
/// never).
bool wait_to_read(int descriptor, std::chrono::milliseconds patience);

/// Text in columns for a table; numbers of a count with thousands separators.
std::string count_text(uint64_t count);
/// "1 entry", "12 entries".
std::string entries_text(uint64_t count, std::string_view kind = {});
/// "1 file", "12 files".
std::string files_text(uint64_t count);
std::string bytes_text(uint64_t bytes);
/// Cuts at `width` characters (not bytes) and fills with blanks.
std::string fitted(std::string_view text, size_t width);
/// Control characters and direction overrides become '?': what others wrote must not steer the terminal.
std::string safe(std::string_view text);
/// As safe(), on one line: in a list, what others wrote must not look like further lines of it.
std::string safe_line(std::string_view text);
/// As safe(), with `indent` before each further line: nor like what the program says itself.
std::string safe_block(std::string_view text, std::string_view indent);

/// While one of these lives, Ctrl-C, the end of the terminal and SIGTERM (which `lysoen vault lock` sends) ask the
/// command to end in good order: between two steps, the vault locked. Asked again, the process ends at once.
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  bool asked() const;
};

/// A progress bar on standard error; silent if that is not a terminal.
class Bar {
 public:
  explicit Bar(std::string what);
  ~Bar();
  void show(uint64_t done, uint64_t total, std::string_view note = {});

 private:
  std::string what_;
  bool on_terminal_;
  bool shown_ = false;
  int last_ = -1;
};

}  // namespace lysoen::cli
