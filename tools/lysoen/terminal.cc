#include "tools/lysoen/terminal.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace lysoen::cli {

namespace {

constexpr int kEndSignals[] = {SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t interrupted = 0;
int interruptibles = 0;

bool coloured(int descriptor) {
  static const bool wanted = std::getenv("NO_COLOR") == nullptr;
  return wanted && isatty(descriptor);
}

std::string painted(const char* code, std::string_view text, int descriptor) {
  if (!coloured(descriptor)) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

// Bytes of the character that begins here; 1 for a byte that begins none.
size_t character_size(std::string_view text, size_t at) {
  auto byte = static_cast<unsigned char>(text[at]);
  size_t size = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
  if (size > text.size() - at) return 1;
  for (size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 1;
  return size;
}

}  // namespace

void say(std::string_view line) {
  std::cerr << line << "\n";
}

void say_error(const Error& error) {
  std::cerr << painted("31", "error:", STDERR_FILENO) << " " << safe(error.message) << "\n";
  std::string hint = error.hint.empty() ? std::string(sentence_for(error.advice())) : error.hint;
  if (!hint.empty()) std::cerr << "hint: " << safe(hint) << "\n";
}

void say_warning(std::string_view line) {
  std::cerr << painted("33", "warning:", STDERR_FILENO) << " " << line << "\n";
}

std::string strong(std::string_view text) {
  return painted("1", text, STDOUT_FILENO);
}
std::string faint(std::string_view text) {
  return painted("2", text, STDOUT_FILENO);
}
std::string alarm(std::string_view text) {
  return painted("31", text, STDOUT_FILENO);
}

Result<SecretText> read_secret_line(int descriptor) {
  SecretText line;
  bool any = false;
  for (char byte = 0;; any = true) {
    auto got = read(descriptor, &byte, 1);
    if (got < 0 || (got == 0 && !any)) return make_error(ErrorCode::not_found, "there is nothing to read");
    if (got == 0 || byte == '\n') break;
    if (!line.append(byte))
      return make_error(ErrorCode::input_refused, "cannot take the passphrase: it is longer than 1,024 bytes",
                        "choose a shorter one");
  }
  if (line.view().ends_with('\r')) line.drop_last();
  return line;
}

Result<SecretText> ask_secret(std::string_view question) {
  if (!isatty(STDIN_FILENO))
    return make_error(ErrorCode::usage, "no passphrase was given and there is no terminal to ask on",
                      "use --passphrase-file FILE or set LYSOEN_PASSPHRASE");
  std::cerr << question << ": " << std::flush;
  termios before{};
  tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  Interruptible ctrl_c;  // so that the echo comes back
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  auto answer = read_secret_line(STDIN_FILENO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << "\n";
  if (!answer && answer.error().code == ErrorCode::input_refused) return answer;
  if (!answer || ctrl_c.asked()) return make_error(ErrorCode::cancelled, "no passphrase was entered");
  return answer;
}

bool can_ask() {
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool wait_to_read(int descriptor, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kLook{200};  // so often it looks whether it is asked to end
  for (auto waited = std::chrono::milliseconds(0); !interrupted; waited += kLook) {
    if (patience.count() > 0 && waited >= patience) return false;
    pollfd input{descriptor, POLLIN, 0};
    if (poll(&input, 1, static_cast<int>(kLook.count())) > 0) return true;
  }
  return false;
}

std::optional<std::string> ask_line(std::string_view question, std::chrono::seconds patience,
                                    const std::function<void()>& meanwhile) {
  std::cerr << question << std::flush;
  meanwhile();
  std::string answer;
  if (wait_to_read(STDIN_FILENO, std::min(patience, std::chrono::seconds(24 * 3600))))
    return std::getline(std::cin, answer) ? std::optional(answer) : std::nullopt;
  std::cerr << "\n";
  return std::nullopt;
}

std::string count_text(uint64_t count) {
  std::string digits = std::to_string(count), out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string entries_text(uint64_t count, std::string_view kind) {
  return count_text(count) + " " + std::string(kind) + (kind.empty() ? "" : " ") + (count == 1 ? "entry" : "entries");
}

std::string files_text(uint64_t count) {
  return count_text(count) + (count == 1 ? " file" : " files");
}

std::string bytes_text(uint64_t bytes) {
  char text[32];
  if (bytes < 1024)
    std::snprintf(text, sizeof text, "%llu bytes", static_cast<unsigned long long>(bytes));
  else if (bytes < 1024 * 1024)
    std::snprintf(text, sizeof text, "%.1f KiB", static_cast<double>(bytes) / 1024);
  else
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / 1024 / 1024);
  return text;
}

std::string fitted(std::string_view text, size_t width) {
  std::string out;
  size_t used = 0;
  for (size_t at = 0; at < text.size() && used < width; ++used) {
    size_t size = character_size(text, at);
    out += text.substr(at, size);
    at += size;
  }
  return out + std::string(width - used, ' ');
}

std::string safe(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t size = character_size(text, at);
    auto character = text.substr(at, size);
    at += size;
    auto byte = static_cast<unsigned char>(character[0]);
    bool control = size == 1 && (byte >= 0x80 || (byte < 0x20 && byte != '\n' && byte != '\t'));
    bool second_control =
        character.size() == 2 && character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
    bool override_ = character.size() == 3 && character[0] == '\xE2' &&
                     ((character[1] == '\x80' && character[2] >= '\xAA' && character[2] <= '\xAE') ||
                      (character[1] == '\x81' && character[2] >= '\xA6' && character[2] <= '\xA9'));
    out += control || character == "\x7F" || second_control || override_ ? std::string_view("?") : character;
  }
  return out;
}

std::string safe_line(std::string_view text) {
  auto line = safe(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string safe_block(std::string_view text, std::string_view indent) {
  std::string block;
  for (char c : safe(text)) {
    block += c;
    if (c == '\n') block += indent;
  }
  return block;
}

Interruptible::Interruptible() {
  if (interruptibles++ > 0) return;
  interrupted = 0;
  struct sigaction once {};
  once.sa_handler = [](int) { interrupted = 1; };
  once.sa_flags = SA_RESETHAND;  // and no SA_RESTART: a question on the terminal ends too
  for (int signal : kEndSignals) sigaction(signal, &once, nullptr);
}

Interruptible::~Interruptible() {
  if (--interruptibles > 0) return;
  for (int signal : kEndSignals) std::signal(signal, SIG_DFL);
}

bool Interruptible::asked() const {
  return interrupted != 0;
}

Bar::Bar(std::string what) : what_(std::move(what)), on_terminal_(isatty(STDERR_FILENO)) {}

Bar::~Bar() {
  if (shown_) std::cerr << "\r\033[K" << std::flush;
}

void Bar::show(uint64_t done, uint64_t total, std::string_view note) {
  if (!on_terminal_) return;
  int percent = total == 0 ? 0 : static_cast<int>(done * 100 / total);
  if (percent == last_ && note.empty()) return;
  last_ = percent;
  shown_ = true;
  std::string filled(static_cast<size_t>(percent) * 30 / 100, '#');
  std::cerr << "\r" << what_ << " [" << filled << std::string(30 - filled.size(), ' ') << "] " << percent << " % "
            << note << "\033[K" << std::flush;
}

}  // namespace lysoen::cli
