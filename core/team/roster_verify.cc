#include "core/team/roster_verify.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/utc.h"
#include "core/team/layout.h"
#include "core/team/policy.h"
#include "core/team/roster_rules.h"

namespace lysoen::team {
namespace {

RosterVerdict refused(RosterOutcome outcome, std::string why, std::string hint = {}) {
  return {outcome, false, "roster refused: " + std::move(why), std::move(hint)};
}

RosterVerdict aside(RosterOutcome outcome, std::string why, std::string hint) {
  return {outcome, false, std::move(why), std::move(hint)};
}

std::string number(uint64_t version) {
  return std::to_string(version);
}

bool is_admin(const Leaf* leaf) {
  return leaf && has(leaf->role, Role::admin);
}

/// The signature up to the root, whoever the admins are now. The certificate bounds what a clock can be wrong by: a
/// head dated outside of its 90 days does not verify.
bool signed_up_to_root(const Head& head, const crypto::SignPublic& root) {
  Bytes body = layout::head_body(head);
  if (!head.certificate) return crypto::verify(root, layout::kHeadLabel, body, head.signature);
  const auto& certificate = *head.certificate;
  return certificate_verifies(certificate, root, head.team) && head.issued >= certificate.issued &&
         head.issued <= certificate.expires &&
         crypto::verify(certificate.admin.bytes, layout::kHeadLabel, body, head.signature);
}

/// The agreement is by `reader`, who reads the team's audience.
bool approval_verifies(const Head& head, const Leaf* reader) {
  return reader && reads_team(reader->role) &&
         crypto::verify(reader->device.bytes, layout::kApprovalLabel, head_hash(head).view(), head.approval->signature);
}

std::optional<RosterVerdict> check_origin(const Head& head, const TeamId& team, const crypto::SignPublic& root) {
  if (head.team != team) return refused(RosterOutcome::foreign_team, "it is another team's");
  if (head.root != root)
    return refused(RosterOutcome::foreign_root, "it is signed by another root",
                   "do not follow it; ask your coordinator by another way whether the team has a new root");
  if (!signed_up_to_root(head, root))
    return refused(RosterOutcome::bad_signature, "its signature does not verify up to the team's root");
  return std::nullopt;
}

/// Where the candidate stands in the chain, if it is not the next version.
std::optional<RosterVerdict> check_place(const RosterState& current, const Head& next,
                                         const std::optional<Hash>& held) {
  const Head& head = current.head;
  auto fork = [&] {
    return aside(RosterOutcome::fork,
                 "two versions of the roster: version " + number(next.version) +
                     " does not follow from the one this device holds",
                 "work goes on with the known roster; show this to an admin, only the root can merge them");
  };
  if (next.version == head.version) {
    if (head_hash(next) != head_hash(head)) return fork();
    return RosterVerdict{RosterOutcome::same, false, {}, {}};
  }
  if (next.version < head.version) {
    if (held && *held != head_hash(next)) return fork();
    return refused(RosterOutcome::older,
                   "version " + number(next.version) + " is older than the one held (" + number(head.version) + ")",
                   "whoever sent it is behind, or was rolled back");
  }
  if (next.version > head.version + 1)
    return aside(RosterOutcome::ahead,
                 "roster version " + number(next.version) + " waits: versions " + number(head.version + 1) + " to " +
                     number(next.version - 1) + " are missing",
                 "sync again, or ask for a bundle with them");
  if (next.previous != head_hash(head)) return fork();
  return std::nullopt;
}

}  // namespace

// -- Rules of one step -----------------------------------------------------------------------------------------------

namespace rules {
namespace {

std::vector<DeviceId> admins_of(std::span<const Leaf> leaves) {
  std::vector<DeviceId> admins;
  for (const auto& leaf : leaves)
    if (is_admin(&leaf)) admins.push_back(leaf.device);
  return admins;
}

/// What only the root may change about relays: which are durable, and their fallback keys.
std::vector<std::pair<RelayId, PublicKey>> durable_of(const Head& head) {
  std::vector<std::pair<RelayId, PublicKey>> relays;
  for (const auto& relay : head.relays)
    if (relay.durable) relays.emplace_back(relay.id, relay.fallback_key);
  std::sort(relays.begin(), relays.end());
  return relays;
}

/// A reader is a device with its inbox key: another inbox key would let somebody else open what is wrapped to it.
bool has_new_reader(const RosterState& current, const Roster& next) {
  return std::any_of(next.leaves.begin(), next.leaves.end(), [&](const Leaf& leaf) {
    if (!reads_team(leaf.role)) return false;
    const Leaf* before = current.find(leaf.device);
    return !before || !reads_team(before->role) || before->inbox != leaf.inbox;
  });
}

bool epochs_change(const Head& current, const Head& next) {
  return current.audiences != next.audiences;
}

/// Every audience stays; its epoch is the same or the next one.
bool epochs_follow(const Head& current, const Head& next) {
  return std::all_of(current.audiences.begin(), current.audiences.end(), [&](const AudienceEpoch& before) {
    return std::any_of(next.audiences.begin(), next.audiences.end(), [&](const AudienceEpoch& after) {
      if (after.kind != before.kind || after.subject != before.subject) return false;
      return after == before ||
             (before.epoch != UINT32_MAX && after.epoch == before.epoch + 1 && after.public_key != before.public_key);
    });
  });
}

/// A leaf keeps what it came with, and `since` tells when its role changed.
bool leaf_follows(const RosterState& current, const Leaf& leaf, uint64_t version) {
  const Leaf* before = current.find(leaf.device);
  const Role staff = Role::coordinator | Role::auditor | Role::admin;
  if (!before) return leaf.since == version || (!current.whole && !has(leaf.role, staff));
  if (leaf.invite != before->invite || leaf.replaces != before->replaces) return false;
  return leaf.since == (leaf.role == before->role ? before->since : version);
}

}  // namespace

bool wants_approval(const RosterState& current, const Roster& next) {
  return has_new_reader(current, next) || epochs_change(current.head, next.head);
}

std::optional<std::string> broken_by(const RosterState& current, const Roster& next) {
  const Head &before = current.head, &head = next.head;
  const bool by_root = !head.certificate;
  if (!by_root && !is_admin(current.find(head.certificate->admin))) return "its signer is no admin of this team";
  if (!by_root && head.issued < before.issued) return "it is dated before the version it follows";
  if (!by_root && admins_of(current.leaves) != admins_of(next.leaves))
    return "it changes who is admin, which only the team's root may do";
  if (!by_root && durable_of(before) != durable_of(head))
    return "it changes durable relays, which only the team's root may do";
  if (!by_root && head.min_protocol < before.min_protocol)
    return "it allows older protocols, which only the team's root may do";
  if (!epochs_follow(before, head)) return "an audience is missing, or its key does not follow from the one before";
  for (const auto& leaf : next.leaves)
    if (!leaf_follows(current, leaf, head.version)) return "a member's record does not follow from the one before";
  if (head.approval && !approval_verifies(head, current.find(head.approval->device)))
    return "the reading device's agreement does not verify";
  return std::nullopt;
}

}  // namespace rules

// -- Verdicts --------------------------------------------------------------------------------------------------------

std::string_view name_of(RosterOutcome outcome) {
  switch (outcome) {
    case RosterOutcome::accepted:
      return "accepted";
    case RosterOutcome::same:
      return "same";
    case RosterOutcome::older:
      return "older";
    case RosterOutcome::ahead:
      return "ahead";
    case RosterOutcome::fork:
      return "fork";
    case RosterOutcome::foreign_team:
      return "foreign team";
    case RosterOutcome::foreign_root:
      return "foreign root";
    case RosterOutcome::bad_signature:
      return "bad signature";
    case RosterOutcome::not_allowed:
      return "not allowed";
  }
  return "unknown";
}

Error RosterVerdict::error() const {
  auto code = outcome == RosterOutcome::ahead ? ErrorCode::not_found : ErrorCode::trust_refused;
  return make_error(code, reason, hint);
}

RosterVerdict check_expiry(const Head& head, WallTime now) {
  RosterVerdict verdict;
  verdict.outcome = RosterOutcome::accepted;
  if (now <= head.expires) return verdict;
  verdict.expired = true;
  verdict.reason = "the roster ran out on " + utc_day(head.expires);
  verdict.hint = "writing goes on; ask an admin to renew it, or check this device's date";
  return verdict;
}

RosterVerdict verify_successor(const RosterState& current, const Roster& candidate, WallTime now,
                               const std::optional<Hash>& held) {
  if (auto verdict = check_origin(candidate.head, current.head.team, current.head.root)) return *verdict;
  if (candidate.leaves.size() != candidate.head.member_count ||
      member_root(candidate.leaves) != candidate.head.member_root)
    return refused(RosterOutcome::bad_signature, "its members are not those that were signed");
  if (policy_hash(candidate.policy) != candidate.head.policy)
    return refused(RosterOutcome::bad_signature, "its policy is not the one that was signed");
  if (auto verdict = check_place(current, candidate.head, held)) return *verdict;
  if (auto why = rules::broken_by(current, candidate)) return refused(RosterOutcome::not_allowed, *why);
  if (!candidate.head.approval && rules::wants_approval(current, candidate))
    return refused(RosterOutcome::not_allowed,
                   "it gives somebody new the team's reports, and no device that reads now agreed to it");
  return check_expiry(candidate.head, now);
}

RosterVerdict verify_start(const RosterState& state, const TeamId& team, const crypto::SignPublic& root, WallTime now) {
  const Head& head = state.head;
  if (auto verdict = check_origin(head, team, root)) return *verdict;
  bool members = state.whole ? state.leaves.size() == head.member_count && member_root(state.leaves) == head.member_root
                             : state.leaves.size() == state.proofs.size();
  for (size_t i = 0; members && i < state.proofs.size(); ++i)
    members = leaf_verifies(head, state.leaves[i], state.proofs[i]);
  if (!members) return refused(RosterOutcome::bad_signature, "its members are not those that were signed");
  if (policy_hash(state.policy) != head.policy)
    return refused(RosterOutcome::bad_signature, "its policy is not the one that was signed");
  if (head.version == 1 && head.certificate)
    return refused(RosterOutcome::not_allowed, "the first version must be signed by the team's root");
  if (head.certificate && !is_admin(state.find(head.certificate->admin)))
    return refused(RosterOutcome::not_allowed, "its signer is no admin of this team");
  if (head.approval && !approval_verifies(head, state.find(head.approval->device)))
    return refused(RosterOutcome::not_allowed, "the reading device's agreement does not verify");
  return check_expiry(head, now);
}

}  // namespace lysoen::team
