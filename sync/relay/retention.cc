// What an operator need not keep: teams removed long ago, and joins that are over.
#include "core/base/try.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

namespace {

constexpr uint64_t kDayMs = 24ull * 3600 * 1000;
constexpr auto kNotBefore = std::chrono::hours(1);

}  // namespace

Result<std::vector<TeamId>> Store::removed_until(uint64_t at_ms) {
  std::vector<TeamId> teams;
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT team FROM team WHERE removed > 1 AND removed <= ?"));
  query.bind(at_ms);
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) return teams;
    teams.push_back(query.id<TeamId>(0));
  }
}

Result<uint64_t> Store::joins_until(uint64_t at_ms) {
  LYSOEN_ASSIGN(auto count, db_.integer("SELECT count(*) FROM joining WHERE posted_ms <= ?", at_ms));
  return static_cast<uint64_t>(count.value_or(0));
}

Result<void> Store::drop_joins_until(uint64_t at_ms) {
  admission_changed_ = true;
  return db_.run("DELETE FROM joining WHERE posted_ms <= ?", at_ms);
}

Result<void> RelayImpl::retain() {
  const auto& days = options_.retention;
  if (environment_.clock.monotonic() - opened_ < kNotBefore) return {};
  auto now = static_cast<uint64_t>(std::max<int64_t>(environment_.clock.wall().time_since_epoch().count(), 0));
  auto ends = [&](uint64_t after_days) { return now > after_days * kDayMs ? now - after_days * kDayMs : 0; };
  if (days.joining_days > 0) {
    LYSOEN_ASSIGN(uint64_t over, store_->joins_until(ends(days.joining_days)));
    if (over > 0) {
      LYSOEN_TRY(commit(Kind::durable, [&] { return store_->drop_joins_until(ends(days.joining_days)); }));
      settle_counts();
    }
  }
  if (days.removed_team_days > 0) {
    LYSOEN_ASSIGN(auto teams, store_->removed_until(ends(days.removed_team_days)));
    for (const auto& team : teams) LYSOEN_TRY(purge_team(team));
  }
  return {};
}

}  // namespace lysoen::relay
