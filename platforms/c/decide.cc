// When to sync, and what: decide_sync for C.
#include <lysoen/sync/policy.h>

#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct lysoen_decision {
  lysoen_decided decided;
  std::vector<std::string> reasons;
};

namespace {

constexpr int32_t kDayMinutes = 24 * 60;

bool is_minute(int32_t value) {
  return value >= 0 && value < kDayMinutes;
}

Result<SyncPolicy> policy_of(const lysoen_sync_policy* given) {
  LYSOEN_ASSIGN(auto policy, read_struct(given, lysoen_sync_policy(LYSOEN_SYNC_POLICY_INIT)));
  if (policy.on_metered < LYSOEN_SEND_NOTHING || policy.on_metered > LYSOEN_SEND_EVERYTHING)
    return make_error(ErrorCode::usage, "what goes over a metered connection is none of LYSOEN_SEND_...");
  if (!is_minute(policy.quiet_from) || !is_minute(policy.quiet_to))
    return make_error(ErrorCode::usage, "quiet hours are minutes since midnight, 0 to 1439");
  SyncPolicy made{.on_metered = static_cast<SyncScope>(policy.on_metered),
                  .battery_min = policy.battery_min,
                  .battery_min_attachments = policy.battery_min_attachments};
  if (policy.quiet_from != policy.quiet_to)
    made.quiet = QuietHours{minutes(policy.quiet_from), minutes(policy.quiet_to)};
  if (policy.budget > 0) made.budget = policy.budget;
  return made;
}

Result<SyncConditions> conditions_of(const lysoen_sync_conditions* given) {
  LYSOEN_ASSIGN(auto now, read_struct(given, lysoen_sync_conditions(LYSOEN_SYNC_CONDITIONS_INIT)));
  if (now.time_of_day != -1 && !is_minute(now.time_of_day))
    return make_error(ErrorCode::usage, "the time of day is minutes since midnight, 0 to 1439, or -1");
  if (now.battery < -1 || now.battery > 100)
    return make_error(ErrorCode::usage, "the battery is at 0 to 100 per cent, or -1");
  SyncConditions made{.connected = now.connected != 0,
                      .metered = now.metered != 0,
                      .charging = now.charging != 0,
                      .spent = now.spent,
                      .asked = now.asked != 0};
  if (now.battery >= 0) made.battery = now.battery;
  if (now.time_of_day >= 0) made.time_of_day = minutes(now.time_of_day);
  return made;
}

}  // namespace

extern "C" {

lysoen_code lysoen_decide_sync(const lysoen_sync_policy* policy, const lysoen_sync_conditions* now,
                               lysoen_decision** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(auto wanted, policy_of(policy));
    LYSOEN_ASSIGN(auto conditions, conditions_of(now));
    auto made = decide_sync(wanted, conditions);
    auto decision = std::make_unique<lysoen_decision>();
    decision->decided = {static_cast<int32_t>(made.what), made.bytes_max,
                         made.ask_again ? milliseconds(*made.ask_again).count() : -1};
    decision->reasons = std::move(made.reasons);
    *out = decision.release();
    return {};
  });
}

const lysoen_decided* lysoen_decision_get(const lysoen_decision* decision) {
  return decision ? &decision->decided : nullptr;
}

const char* lysoen_decision_reason(const lysoen_decision* decision, size_t number) {
  return decision && number < decision->reasons.size() ? decision->reasons[number].c_str() : nullptr;
}

void lysoen_decision_free(lysoen_decision* decision) {
  delete decision;
}

}  // extern "C"
