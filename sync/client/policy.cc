#include <lysoen/sync/policy.h>

#include <algorithm>
#include <cstdio>

namespace lysoen {

namespace {

using std::chrono::minutes;

constexpr minutes kDay = std::chrono::hours(24);
constexpr uint64_t kWorthwhile = 2 * 1024;  // bytes: less does not carry one exchange

minutes within_day(minutes time) {
  return (time % kDay + kDay) % kDay;
}

// Until the span ends, if it is now.
std::optional<minutes> quiet_for(const QuietHours& quiet, minutes time) {
  auto length = within_day(quiet.to - quiet.from), since = within_day(time - quiet.from);
  if (since >= length) return std::nullopt;
  return length - since;
}

std::string clock_text(minutes time) {
  auto minute = within_day(time).count();
  char text[8];
  std::snprintf(text, sizeof text, "%02d:%02d", static_cast<int>(minute / 60), static_cast<int>(minute % 60));
  return text;
}

std::string battery_text(int percent) {
  return "the battery is at " + std::to_string(percent) + " %";
}

/// Narrows what is allowed, with its reason.
class Verdict {
 public:
  void at_most(SyncScope what, std::string reason) {
    if (what == SyncScope::everything) return;
    auto& reasons = what == SyncScope::nothing ? against_all_ : against_some_;
    reasons.push_back(std::move(reason));
    what_ = std::min(what_, what);
  }
  /// How many reasons there are to do nothing at all.
  size_t against_all() const { return against_all_.size(); }
  SyncDecision decision() && {
    SyncDecision made{.what = what_, .reasons = std::move(against_all_)};
    for (auto& reason : against_some_) made.reasons.push_back(std::move(reason));
    return made;
  }

 private:
  SyncScope what_ = SyncScope::everything;
  std::vector<std::string> against_all_, against_some_;
};

}  // namespace

SyncDecision decide_sync(const SyncPolicy& policy, const SyncConditions& now) {
  Verdict verdict;
  if (!now.connected) verdict.at_most(SyncScope::nothing, "there is no connection");
  uint64_t left = policy.budget ? *policy.budget - std::min(*policy.budget, now.spent) : 0;
  if (policy.budget && left < kWorthwhile) verdict.at_most(SyncScope::nothing, "the data budget is used up");
  if (now.metered && policy.on_metered == SyncScope::nothing)
    verdict.at_most(SyncScope::nothing, "this connection costs money, and nothing may go over such a one");
  if (now.metered && policy.on_metered == SyncScope::text)
    verdict.at_most(SyncScope::text, "this connection costs money: text goes, attachments wait");
  std::optional<minutes> quiet_rest;
  if (policy.quiet && now.time_of_day && !now.asked) quiet_rest = quiet_for(*policy.quiet, *now.time_of_day);
  if (quiet_rest) verdict.at_most(SyncScope::nothing, "these are quiet hours, until " + clock_text(policy.quiet->to));
  if (now.battery && !now.charging && !now.asked) {
    if (*now.battery < policy.battery_min)
      verdict.at_most(SyncScope::nothing,
                      battery_text(*now.battery) + ": nothing goes below " + std::to_string(policy.battery_min) + " %");
    else if (*now.battery < policy.battery_min_attachments)
      verdict.at_most(SyncScope::text, battery_text(*now.battery) + ": text goes, attachments wait");
  }
  // Time heals no other reason.
  bool time_heals = quiet_rest && verdict.against_all() == 1;
  auto decision = std::move(verdict).decision();
  if (time_heals) decision.ask_again = quiet_rest;
  if (decision.what != SyncScope::nothing) decision.bytes_max = left;
  return decision;
}

}  // namespace lysoen
