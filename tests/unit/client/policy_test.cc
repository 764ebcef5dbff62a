#include <lysoen/sync/policy.h>

#include "tests/support/catch.h"

using namespace lysoen;
using namespace std::chrono_literals;

namespace {
std::vector<std::string> reasons(std::vector<std::string> list) {
  return list;
}
}  // namespace

TEST_CASE("Policy: without a wish and without a fact everything goes", "[client]") {
  auto decision = decide_sync({}, {});
  CHECK(decision.what == SyncScope::everything);
  CHECK(decision.bytes_max == 0);
  CHECK(decision.reasons.empty());
  CHECK_FALSE(decision.ask_again);
}

TEST_CASE("Policy: over a connection that costs money text goes and attachments wait, unless told otherwise",
          "[client]") {
  auto text = decide_sync({}, {.metered = true});
  CHECK(text.what == SyncScope::text);
  CHECK(text.reasons == reasons({"this connection costs money: text goes, attachments wait"}));
  auto none = decide_sync({.on_metered = SyncScope::nothing}, {.metered = true});
  CHECK(none.what == SyncScope::nothing);
  CHECK(none.reasons == reasons({"this connection costs money, and nothing may go over such a one"}));
  auto all = decide_sync({.on_metered = SyncScope::everything}, {.metered = true});
  CHECK(all.what == SyncScope::everything);
  CHECK(all.reasons.empty());
  CHECK(decide_sync({.on_metered = SyncScope::nothing}, {}).what == SyncScope::everything);
}

TEST_CASE("Policy: quiet hours run over midnight, end when they say, and tell when to ask again", "[client]") {
  SyncPolicy night{.quiet = QuietHours{22h, 6h}};
  struct At {
    std::chrono::minutes time;
    std::optional<std::chrono::minutes> rest;
  };
  for (auto [time, rest] :
       {At{21h + 59min, {}}, At{22h, 8h}, At{23h + 10min, 6h + 50min}, At{0h, 6h}, At{5h + 59min, 1min}, At{6h, {}}}) {
    CAPTURE(time.count());
    auto decision = decide_sync(night, {.time_of_day = time});
    CHECK(decision.what == (rest ? SyncScope::nothing : SyncScope::everything));
    CHECK(decision.ask_again == rest);
    if (rest) CHECK(decision.reasons == reasons({"these are quiet hours, until 06:00"}));
  }
  SyncPolicy noon{.quiet = QuietHours{12h, 13h + 30min}};
  CHECK(decide_sync(noon, {.time_of_day = 12h + 30min}).ask_again == 60min);
  CHECK(decide_sync(noon, {.time_of_day = 0h}).what == SyncScope::everything);
  CHECK(decide_sync({.quiet = QuietHours{5h, 5h}}, {.time_of_day = 5h}).what == SyncScope::everything);
  // An hour that the app does not know is held against nobody.
  CHECK(decide_sync(night, {}).what == SyncScope::everything);
}

TEST_CASE("Policy: a low battery keeps attachments, then everything, until the device is charging", "[client]") {
  CHECK(decide_sync({}, {.battery = 20}).what == SyncScope::everything);
  auto low = decide_sync({}, {.battery = 19});
  CHECK(low.what == SyncScope::text);
  CHECK(low.reasons == reasons({"the battery is at 19 %: text goes, attachments wait"}));
  auto empty = decide_sync({}, {.battery = 4});
  CHECK(empty.what == SyncScope::nothing);
  CHECK(empty.reasons == reasons({"the battery is at 4 %: nothing goes below 5 %"}));
  CHECK(decide_sync({}, {.battery = 4, .charging = true}).what == SyncScope::everything);
}

TEST_CASE("Policy: of a budget so much may go as is left of it", "[client]") {
  auto some = decide_sync({.budget = 5'000'000}, {.spent = 4'000'000});
  CHECK(some.what == SyncScope::everything);
  CHECK(some.bytes_max == 1'000'000);
  CHECK(some.reasons.empty());
  for (uint64_t spent : {4'999'000ull, 5'000'000ull, 9'000'000ull}) {
    auto none = decide_sync({.budget = 5'000'000}, {.spent = spent});
    CHECK(none.what == SyncScope::nothing);
    CHECK(none.bytes_max == 0);
    CHECK(none.reasons == reasons({"the data budget is used up"}));
  }
}

TEST_CASE("Policy: a person who asks is held back by money alone", "[client]") {
  SyncPolicy policy{.quiet = QuietHours{22h, 6h}, .budget = 1'000'000};
  SyncConditions night{.battery = 2, .time_of_day = 23h, .asked = true};
  CHECK(decide_sync(policy, night).what == SyncScope::everything);
  night.metered = true;
  CHECK(decide_sync(policy, night).what == SyncScope::text);
  night.spent = 1'000'000;
  CHECK(decide_sync(policy, night).what == SyncScope::nothing);
}

TEST_CASE("Policy: every reason is named, what stops all first, and time heals only what is its own", "[client]") {
  SyncPolicy policy{.quiet = QuietHours{22h, 6h}, .budget = 1'000'000};
  auto both = decide_sync(policy, {.metered = true, .time_of_day = 23h});
  CHECK(both.what == SyncScope::nothing);
  CHECK(both.reasons ==
        reasons({"these are quiet hours, until 06:00", "this connection costs money: text goes, attachments wait"}));
  CHECK(both.ask_again == 7h);
  auto three = decide_sync(policy, {.connected = false, .time_of_day = 23h, .spent = 1'000'000});
  CHECK(three.reasons ==
        reasons({"there is no connection", "the data budget is used up", "these are quiet hours, until 06:00"}));
  CHECK_FALSE(three.ask_again);
}
