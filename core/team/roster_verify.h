// Whether a roster that arrived may follow the one this device holds. Decides, changes nothing: the answer is plain
// data. A refused roster leaves the state as it was; a fork is kept and shown, and work goes on with known keys.
#pragma once
#include "core/team/roster.h"

namespace lysoen::team {

enum class RosterOutcome : uint8_t {
  accepted,       // the next version; keep state_for(candidate)
  same,           // the version held
  older,          // a version this device has passed: rolled back by whoever sent it
  ahead,          // versions between are missing; keep it aside until they come
  fork,           // properly signed, but does not chain from what this device holds: keep and show
  foreign_team,   // another team's
  foreign_root,   // signed by another root
  bad_signature,  // altered, or signed by somebody who may not
  not_allowed,    // the signer may not make this change, or a reader's agreement is missing
};
std::string_view name_of(RosterOutcome outcome);

struct RosterVerdict {
  RosterOutcome outcome = RosterOutcome::bad_signature;
  bool expired = false;      // warns, never blocks writing
  std::string reason, hint;  // sentences for people; empty when accepted and not expired

  bool accepted() const { return outcome == RosterOutcome::accepted; }
  /// The same as an Error: trust_refused, not_found for `ahead`.
  Error error() const;
};

/// `held`: hash of the version this device held at candidate.head.version, if it remembers; tells older from fork.
RosterVerdict verify_successor(const RosterState& current, const Roster& candidate, WallTime now,
                               const std::optional<Hash>& held = {});

/// The first one: what a welcome brings. Signed up to `root` through the admin's certificate; for a reduced state every
/// leaf has its path. Outcomes: accepted, foreign_team, foreign_root, bad_signature, not_allowed.
RosterVerdict verify_start(const RosterState& state, const TeamId& team, const crypto::SignPublic& root, WallTime now);

/// For status: whether a roster held has run out, with the sentence to show.
RosterVerdict check_expiry(const Head& head, WallTime now);

}  // namespace lysoen::team
