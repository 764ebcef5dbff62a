#include <lysoen/result.h>

#include <memory>
#include <set>

#include "core/base/try.h"
#include "tests/support/catch.h"

using namespace lysoen;

namespace {

constexpr uint16_t kLastCode = static_cast<uint16_t>(ErrorCode::too_soon);

Result<std::unique_ptr<int>> make(bool fails) {
  if (fails) return make_error(ErrorCode::damaged, "cannot read 'x': changed", "keep it");
  return std::make_unique<int>(7);
}

Result<void> check(bool fails) {
  if (fails) return make_error(ErrorCode::locked, "cannot check: locked");
  return {};
}

Result<int> both(bool make_fails, bool check_fails) {
  LYSOEN_TRY(check(check_fails));
  LYSOEN_ASSIGN(auto value, make(make_fails));
  return *value;
}

}  // namespace

TEST_CASE("Error table: every code has a name of its own, an advice with a sentence and an exit code", "[base]") {
  std::set<std::string_view> names;
  for (uint16_t number = 1; number <= kLastCode; ++number) {
    auto code = static_cast<ErrorCode>(number);
    INFO("code " << number << " " << name_of(code));
    REQUIRE_FALSE(name_of(code).empty());
    for (char c : name_of(code)) REQUIRE(((c >= 'a' && c <= 'z') || c == '_'));
    REQUIRE(names.insert(name_of(code)).second);  // a code without a row would be called as the first one
    REQUIRE_FALSE(sentence_for(advice_for(code)).empty());
    REQUIRE(exit_code_for(code) >= 1);
    REQUIRE(exit_code_for(code) <= 10);
    REQUIRE((advice_for(code) == Advice::report_bug) == (code == ErrorCode::internal));
  }
  REQUIRE(name_of(static_cast<ErrorCode>(kLastCode + 1)) == "internal");  // so kLastCode is the last one
}

TEST_CASE("Error table: the exit codes are the documented ones", "[base]") {
  const std::pair<ErrorCode, int> documented[] = {{ErrorCode::internal, 1},          {ErrorCode::usage, 2},
                                                  {ErrorCode::input_refused, 3},     {ErrorCode::wrong_passphrase, 4},
                                                  {ErrorCode::no_network, 5},        {ErrorCode::damaged, 6},
                                                  {ErrorCode::partly_done, 7},       {ErrorCode::vault_in_use, 8},
                                                  {ErrorCode::trust_refused, 9},     {ErrorCode::storage_full, 10},
                                                  {ErrorCode::storage_read_only, 10}};
  for (auto [code, exit_code] : documented) {
    INFO(name_of(code));
    REQUIRE(exit_code_for(code) == exit_code);
  }
}

TEST_CASE("Error table: advice sentences are lower case, differ and end without a stop", "[base]") {
  std::set<std::string_view> sentences;
  for (int advice = 0; advice <= static_cast<int>(Advice::report_bug); ++advice) {
    auto sentence = sentence_for(static_cast<Advice>(advice));
    INFO(sentence);
    REQUIRE_FALSE(sentence.empty());
    REQUIRE((sentence[0] >= 'a' && sentence[0] <= 'z'));
    REQUIRE(sentence.back() != '.');
    REQUIRE(sentences.insert(sentence).second);
  }
}

TEST_CASE("Result: an error goes up with its code, message and hint", "[base]") {
  REQUIRE(*both(false, false) == 7);
  auto damaged = both(true, false);
  REQUIRE_FALSE(damaged.ok());
  REQUIRE(damaged.error().code == ErrorCode::damaged);
  REQUIRE(damaged.error().message == "cannot read 'x': changed");
  REQUIRE(damaged.error().hint == "keep it");
  REQUIRE(damaged.error().advice() == Advice::restore);
  REQUIRE(both(true, true).error().message == "cannot check: locked");
}
