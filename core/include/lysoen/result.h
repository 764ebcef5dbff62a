// Result<T>: a value or an Error. Nothing in Lysoen throws; absence is std::optional, a broken invariant is a check.
//
// An Error answers the next question: what may the caller do about it? (advice). Messages are lower case and say what,
// which and why; they never hold report text, names, places or keys.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace lysoen {

// Part of the C ABI and of scripts. Never renumber.
enum class ErrorCode : uint16_t {
  internal = 1,            // a defect in Lysoen
  usage = 2,               // the call itself makes no sense
  input_refused = 3,       // what was given does not fit; the message says why
  wrong_passphrase = 4,    //
  no_network = 5,          // unreachable, timed out, or something between us and the relay answered
  damaged = 6,             // bytes that were written are not the bytes that were read
  partly_done = 7,         // some of it worked; the message says how much
  vault_in_use = 8,        // another process has the vault open
  trust_refused = 9,       // a signature, roster, key or role does not allow it
  storage_full = 10,       //
  storage_read_only = 11,  //
  newer_version = 12,      // made by a newer Lysoen; kept aside, never dropped
  not_found = 13,          //
  locked = 14,             // the vault is locked
  limit_exceeded = 15,     // larger than a documented limit
  cancelled = 16,          //
  already_exists = 17,     //
  io_failed = 18,          // the system refused a file operation
  too_soon = 19,           // not tried: the wait after wrong passphrases is not over; the hint says how long
};

// What may be done about it.
enum class Advice : uint8_t {
  fix_input,
  retry_later,
  wait_for_network,
  unlock,
  free_space,
  restore,
  ask_admin,
  update,
  report_bug
};

/// The advice that belongs to a code; one table, in core/base/result.cc.
Advice advice_for(ErrorCode code);
/// The stable name of a code, e.g. "wrong_passphrase"; used by --json and the C ABI.
std::string_view name_of(ErrorCode code);
/// The sentence that belongs to an advice, e.g. "free some space and try again".
std::string_view sentence_for(Advice advice);
/// Process exit code of the command line for a code: 1 internal, 2 usage, 3 input refused, 4 wrong passphrase,
/// 5 no network, 6 damaged data, 7 partly done, 8 vault in use, 9 trust refused, 10 storage full or read-only.
int exit_code_for(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // "cannot open vault: made by a newer version (7, this one reads up to 5)"
  std::string hint;     // what to do, if there is something better to say than the advice's sentence; may be empty

  Advice advice() const { return advice_for(code); }
};

inline Error make_error(ErrorCode code, std::string message, std::string hint = {}) {
  return Error{code, std::move(message), std::move(hint)};
}

namespace detail {
[[noreturn]] void result_misused(std::string_view what, const std::string& message);
}

/// A value or an Error. Reading the wrong one ends the program: it is a broken invariant, not an input.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return check(), *std::get_if<0>(&state_); }
  const T& value() const& { return check(), *std::get_if<0>(&state_); }
  T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    if (ok()) detail::result_misused("error() of a value", {});
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    if (ok()) detail::result_misused("error() of a value", {});
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  void check() const {
    if (!ok()) detail::result_misused("value() of an error", std::get_if<1>(&state_)->message);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  void value() const {
    if (!ok_) detail::result_misused("value() of an error", error_.message);
  }
  const Error& error() const& {
    if (ok_) detail::result_misused("error() of a value", {});
    return error_;
  }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace lysoen
