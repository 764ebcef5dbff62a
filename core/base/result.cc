#include <lysoen/result.h>

#include <cstdio>

#include "core/base/check.h"

namespace lysoen {

namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  Advice advice;
  int exit_code;
};

// The one error table.
constexpr Row kTable[] = {
    {ErrorCode::internal, "internal", Advice::report_bug, 1},
    {ErrorCode::usage, "usage", Advice::fix_input, 2},
    {ErrorCode::input_refused, "input_refused", Advice::fix_input, 3},
    {ErrorCode::wrong_passphrase, "wrong_passphrase", Advice::unlock, 4},
    {ErrorCode::no_network, "no_network", Advice::wait_for_network, 5},
    {ErrorCode::damaged, "damaged", Advice::restore, 6},
    {ErrorCode::partly_done, "partly_done", Advice::retry_later, 7},
    {ErrorCode::vault_in_use, "vault_in_use", Advice::retry_later, 8},
    {ErrorCode::trust_refused, "trust_refused", Advice::ask_admin, 9},
    {ErrorCode::storage_full, "storage_full", Advice::free_space, 10},
    {ErrorCode::storage_read_only, "storage_read_only", Advice::free_space, 10},
    {ErrorCode::newer_version, "newer_version", Advice::update, 3},
    {ErrorCode::not_found, "not_found", Advice::fix_input, 3},
    {ErrorCode::locked, "locked", Advice::unlock, 4},
    {ErrorCode::limit_exceeded, "limit_exceeded", Advice::fix_input, 3},
    {ErrorCode::cancelled, "cancelled", Advice::retry_later, 7},
    {ErrorCode::already_exists, "already_exists", Advice::fix_input, 3},
    {ErrorCode::io_failed, "io_failed", Advice::retry_later, 1},
    {ErrorCode::too_soon, "too_soon", Advice::retry_later, 4},
};

const Row& row_of(ErrorCode code) {
  for (const auto& row : kTable)
    if (row.code == code) return row;
  return kTable[0];
}

}  // namespace

Advice advice_for(ErrorCode code) {
  return row_of(code).advice;
}
std::string_view name_of(ErrorCode code) {
  return row_of(code).name;
}
int exit_code_for(ErrorCode code) {
  return row_of(code).exit_code;
}

std::string_view sentence_for(Advice advice) {
  switch (advice) {
    case Advice::fix_input:
      return "correct what was given and try again";
    case Advice::retry_later:
      return "try again later; nothing is lost";
    case Advice::wait_for_network:
      return "try again when there is a connection; nothing is lost";
    case Advice::unlock:
      return "unlock the vault with its passphrase";
    case Advice::free_space:
      return "free some space or make the folder writable, then try again";
    case Advice::restore:
      return "keep the files as they are and ask your coordinator; undamaged data stays readable";
    case Advice::ask_admin:
      return "ask the admin of your team";
    case Advice::update:
      return "update Lysoen; the data is kept as it is";
    case Advice::report_bug:
      return "this is a defect in Lysoen; please report it";
  }
  return "";
}

namespace detail {
void result_misused(std::string_view what, const std::string& message) {
  std::fprintf(stderr, "lysoen: check failed: %.*s: %s\n", static_cast<int>(what.size()), what.data(), message.c_str());
  std::abort();
}
}  // namespace detail

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "lysoen: check failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace lysoen
