// When to sync, and what: a decision from what a device knows about itself and what its person wants, with the reasons
// in words. Pure: it asks nobody and remembers nothing.
//
//   auto decision = decide_sync(policy, {.metered = true, .time_of_day = 23h + 10min});
//   if (decision.what == SyncScope::nothing) show(decision.reasons);
//   else Client(..., {.scope = decision.what, .bytes_max = decision.bytes_max}).start(done);
#pragma once
#include <lysoen/sync/sync.h>

namespace lysoen {

/// A daily span of local time, in minutes since midnight. From 22:00 to 06:00 is a span, over midnight; `from` equal to
/// `to` is none.
struct QuietHours {
  std::chrono::minutes from{0}, to{0};
  bool operator==(const QuietHours&) const = default;
};

/// What the person, or the app for them, wants. The defaults never hold a report back.
struct SyncPolicy {
  SyncScope on_metered = SyncScope::text;  // what goes over a connection that costs money
  std::optional<QuietHours> quiet;         // a phone that sends at night draws eyes, and a radio wakes
  int battery_min = 5;                     // per cent; below, nothing goes unless the device is charging
  int battery_min_attachments = 20;        // below, text alone
  std::optional<uint64_t> budget;          // bytes in a period that the app chooses, over all connections
};

/// How things stand just now. What the app cannot know it leaves out; nothing is held against it.
struct SyncConditions {
  bool connected = true;
  bool metered = false;
  std::optional<int> battery;  // per cent
  bool charging = false;
  std::optional<std::chrono::minutes> time_of_day;  // local, since midnight
  uint64_t spent = 0;                               // bytes up and down in the budget's period so far
  /// A person asks for it at this moment: quiet hours and the battery do not hold it back. Money does.
  bool asked = false;
};

struct SyncDecision {
  SyncScope what = SyncScope::everything;
  uint64_t bytes_max = 0;            // for SyncOptions, 0 if there is no budget
  std::vector<std::string> reasons;  // why not everything: a sentence each, the one that weighs most first
  /// When the passing of time alone changes the decision: ask again after this long.
  std::optional<std::chrono::minutes> ask_again;
};

SyncDecision decide_sync(const SyncPolicy& policy, const SyncConditions& now);

}  // namespace lysoen
