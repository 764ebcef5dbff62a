// Retention: what this device has sent becomes unreadable on it once the team's policy says so. docs/formats/vault.md,
// "Purge"; why so: docs/decisions/0010.
//
// Every call runs inside the caller's transaction: look() and due() in a plain one, purge() in a durable one, after
// which the residue is cleaned. One strand.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/team.h>

#include "core/storage/database.h"

namespace lysoen::vault {

/// Steps of the clock beyond this are those of a clock that was set: they count nothing.
inline constexpr std::chrono::milliseconds kClockStepMax = std::chrono::hours(24 * 30);

class Retention {
 public:
  explicit Retention(storage::Database& database) : database_(database) {}

  /// Takes note of the time that passed, and of the reports whose every entry has come to a level since the last look.
  Result<void> look(WallTime now);
  /// Up to `count_max` reports of which the policy removes the content now, as of the last look.
  Result<std::vector<int64_t>> due(const RolePolicy& policy, size_t count_max);
  /// Destroys what these reports say and the keys of their entries. What is left: that each was sent, when, its form,
  /// status and levels; and the sealed entries, which this device cannot open. The indexes are swept, a scrub is due.
  Result<void> purge(std::span<const int64_t> reports, WallTime now);

 private:
  storage::Database& database_;
};

}  // namespace lysoen::vault
