#include "core/team/roster_change.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/base/utc.h"
#include "core/team/layout.h"
#include "core/team/policy.h"
#include "core/team/roster_rules.h"
#include "core/team/roster_verify.h"

namespace lysoen::team {
namespace {

Error refused(ErrorCode code, std::string why, std::string hint = {}) {
  return make_error(code, "cannot change the roster: " + std::move(why), std::move(hint));
}

RosterState whole_state(const Roster& roster) {
  return RosterState{roster.head, true, roster.leaves, {}, roster.policy};
}

Result<void> check_relays(std::span<const RelayInfo> relays) {
  if (relays.size() > kRelaysMax)
    return refused(ErrorCode::limit_exceeded, "more than " + std::to_string(kRelaysMax) + " relays");
  for (size_t i = 0; i < relays.size(); ++i) {
    if (!layout::is_sound(relays[i]))
      return refused(ErrorCode::input_refused,
                     "a relay has no key, more than 8 addresses, or an address that is not one",
                     "an address looks like https://relay.example.org or http://10.0.0.7:8080");
    for (size_t k = 0; k < i; ++k)
      if (relays[k].id == relays[i].id) return refused(ErrorCode::input_refused, "a relay is named twice");
  }
  return {};
}

void sign_head(Head& head, const crypto::SigningKey& key) {
  head.signature = key.sign(layout::kHeadLabel, layout::head_body(head));
}

void sign_approval(Head& head, const crypto::SigningKey& reader) {
  head.approval =
      Head::Approval{DeviceId{reader.public_key()}, reader.sign(layout::kApprovalLabel, head_hash(head).view())};
}

/// A date that fits the chain although clocks may be wrong: an admin's head is never dated before the one it follows or
/// before its certificate. Only the root may go back.
Result<WallTime> date_for(const Head& before, const HeadSigner& signer, WallTime now) {
  if (!signer.certificate) return now;
  WallTime date = std::max({now, before.issued, signer.certificate->issued});
  if (date <= signer.certificate->expires) return date;
  return refused(ErrorCode::trust_refused, "the admin certificate ran out on " + utc_day(signer.certificate->expires),
                 "`lysoen team renew --root FILE` makes a new one; or check this device's date");
}

/// Signs what `next` holds as the version after `current` and checks it as every other device will.
Result<Roster> finish(const Roster& current, Roster next, const HeadSigner& signer, WallTime now) {
  Head& head = next.head;
  if (next.leaves.size() > kMembersMax)
    return refused(ErrorCode::limit_exceeded, "more than " + std::to_string(kMembersMax) + " members");
  head.version = current.head.version + 1;
  head.previous = head_hash(current.head);
  LYSOEN_ASSIGN(head.issued, date_for(current.head, signer, now));
  head.expires = head.issued + kRosterValid;
  head.member_count = static_cast<uint32_t>(next.leaves.size());
  head.member_root = member_root(next.leaves);
  head.policy = policy_hash(next.policy);
  head.certificate.reset();
  if (signer.certificate) head.certificate = *signer.certificate;
  head.approval.reset();
  sign_head(head, signer.key);

  auto state = whole_state(current);
  const Leaf* own = current.find(DeviceId{signer.key.public_key()});
  bool to_approve = rules::wants_approval(state, next);
  if (to_approve && own && reads_team(own->role)) sign_approval(head, signer.key), to_approve = false;
  if (auto why = rules::broken_by(state, next))
    return refused(ErrorCode::trust_refused, *why, "what only the root may do needs the root key file");
  auto verdict = verify_successor(state, next, head.issued);
  if (verdict.accepted() || (to_approve && verdict.outcome == RosterOutcome::not_allowed)) return next;
  return refused(ErrorCode::trust_refused, verdict.reason, verdict.hint);
}

Result<void> check_new(const Roster& current, const NewMember& member, const HeadSigner& signer) {
  if (member.device.is_none() || member.role == Role::none)
    return refused(ErrorCode::input_refused, "the new member has no key or no role");
  if (current.find(member.device)) return refused(ErrorCode::already_exists, "this device is a member already");
  for (const auto& leaf : current.leaves)
    if (!member.invite.is_none() && leaf.invite == member.invite)
      return refused(ErrorCode::trust_refused, "this invite was used already", "make a new invite");
  if (member.replaces.size() > kReplacesMax)
    return refused(ErrorCode::limit_exceeded, "the device replaces more than 16 others");
  if (has(member.role, Role::admin) && signer.certificate)
    return refused(ErrorCode::trust_refused, "a new admin needs the team's root", "give the root key file");
  return {};
}

void add_leaf(std::vector<Leaf>& leaves, Leaf leaf) {
  auto at = std::lower_bound(leaves.begin(), leaves.end(), leaf.device,
                             [](const Leaf& other, const DeviceId& device) { return other.device < device; });
  leaves.insert(at, std::move(leaf));
}

AudienceEpoch announced(AudienceKind kind, const Epoch& epoch) {
  return {kind, Hash{}, epoch.number, epoch.keys.public_key};
}

}  // namespace

Result<Founding> make_founding_roster(const CreateTeamOptions& options, const RootKey& root, const Founder& founder,
                                      WallTime now, Random& random) {
  if (options.name.empty() || !layout::is_text(options.name, kNameMax))
    return make_error(ErrorCode::input_refused,
                      "cannot create the team: its name is empty, longer than 63 bytes or holds control characters");
  LYSOEN_TRY(check_relays(options.relays));
  DeviceId device{founder.device.public_key()};
  auto id = [&](AudienceKind kind) { return feed::audience_id(root.team, kind); };
  Founding founding{{},
                    certify_admin(root.key, root.team, device, now),
                    Epoch::generate(id(AudienceKind::team), 1, random),
                    Epoch::generate(id(AudienceKind::all), 1, random),
                    crypto::Key32::random(random)};
  Leaf leaf{device, founder.inbox, Role::admin | Role::coordinator, 1, {}, {}, 1, {}};
  LYSOEN_ASSIGN(leaf.name, seal_name(names_key(founding.team_epoch.keys.secret), root.team, device, 1,
                                     options.member_name, random));
  Roster& roster = founding.roster;
  roster.leaves.push_back(std::move(leaf));
  Head& head = roster.head;
  head.team = root.team;
  head.root = root.key.public_key();
  head.version = 1;
  head.issued = now;
  head.expires = now + kRosterValid;
  head.member_count = 1;
  head.member_root = member_root(roster.leaves);
  head.name = options.name;
  head.audiences = {announced(AudienceKind::team, founding.team_epoch),
                    announced(AudienceKind::all, founding.all_epoch)};
  head.relays = options.relays;
  if (!head.relays.empty()) head.relays[0].durable = true;
  sign_head(head, root.key);
  sign_approval(head, founder.device);
  return founding;
}

Result<Roster> add_member(const Roster& current, const NewMember& member, const HeadSigner& signer,
                          const Epoch* team_epoch, WallTime now, Random& random) {
  LYSOEN_TRY(check_new(current, member, signer));
  Leaf leaf{member.device, member.inbox, member.role, current.head.version + 1, member.invite, member.replaces, 0, {}};
  std::sort(leaf.replaces.begin(), leaf.replaces.end());
  leaf.replaces.erase(std::unique(leaf.replaces.begin(), leaf.replaces.end()), leaf.replaces.end());
  if (team_epoch) {
    leaf.name_epoch = team_epoch->number;
    LYSOEN_ASSIGN(leaf.name, seal_name(names_key(team_epoch->keys.secret), current.head.team, member.device,
                                       team_epoch->number, member.name, random));
  }
  Roster next = current;
  add_leaf(next.leaves, std::move(leaf));
  return finish(current, std::move(next), signer, now);
}

Result<Roster> set_relays(const Roster& current, std::vector<RelayInfo> relays, const HeadSigner& signer,
                          WallTime now) {
  LYSOEN_TRY(check_relays(relays));
  Roster next = current;
  next.head.relays = std::move(relays);
  return finish(current, std::move(next), signer, now);
}

Result<Roster> set_policy(const Roster& current, Role role, const RolePolicy& policy, const HeadSigner& signer,
                          WallTime now) {
  LYSOEN_TRY(check_policy(role, policy));
  Roster next = current;
  next.policy.for_role(role) = policy;
  return finish(current, std::move(next), signer, now);
}

Result<Roster> renew(const Roster& current, const HeadSigner& signer, WallTime now) {
  return finish(current, current, signer, now);
}

bool needs_approval(const RosterState& current, const Roster& next) {
  return !next.head.approval && rules::wants_approval(current, next);
}

Result<void> approve(const Roster& current, Roster& next, const crypto::SigningKey& reader) {
  const Leaf* own = current.find(DeviceId{reader.public_key()});
  if (!own || !reads_team(own->role))
    return refused(ErrorCode::trust_refused, "this device does not read the team's reports, so it cannot agree");
  Roster agreed = next;
  sign_approval(agreed.head, reader);
  if (auto verdict = verify_successor(whole_state(current), agreed, agreed.head.issued); !verdict.accepted())
    return refused(ErrorCode::trust_refused, verdict.reason, verdict.hint);
  next = std::move(agreed);
  return {};
}

}  // namespace lysoen::team
