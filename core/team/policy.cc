#include "core/team/policy.h"

#include <algorithm>
#include <tuple>

#include "core/base/try.h"
#include "core/team/layout.h"

namespace lysoen {

namespace {

constexpr std::string_view kKeepNames[] = {"always", "until-opened", "until-held"};

/// The one that keeps for a shorter time: by level first, then by days.
const RolePolicy& stricter(const RolePolicy& a, const RolePolicy& b) {
  auto order = [](const RolePolicy& policy) { return std::tuple(policy.keep, -int{policy.days}); };
  return order(a) < order(b) ? b : a;
}

}  // namespace

std::string_view name_of(Keep keep) {
  return kKeepNames[static_cast<size_t>(keep)];
}

std::optional<Keep> keep_from(std::string_view name) {
  for (auto keep : {Keep::always, Keep::until_opened, Keep::until_held})
    if (name_of(keep) == name) return keep;
  return std::nullopt;
}

RolePolicy& TeamPolicy::for_role(Role role) {
  switch (role) {
    case Role::coordinator:
      return coordinator;
    case Role::auditor:
      return auditor;
    case Role::admin:
      return admin;
    default:
      return reporter;
  }
}

const RolePolicy& TeamPolicy::for_role(Role role) const {
  return const_cast<TeamPolicy*>(this)->for_role(role);
}

RolePolicy TeamPolicy::of(Role roles) const {
  RolePolicy together;
  for (auto role : {Role::reporter, Role::coordinator, Role::auditor, Role::admin}) {
    if (!has(roles, role)) continue;
    const auto& policy = for_role(role);
    bool may_wipe = together.may_wipe && policy.may_wipe, plain_http = together.plain_http && policy.plain_http;
    together = stricter(together, policy);
    together.may_wipe = may_wipe, together.plain_http = plain_http;
  }
  if (reads_team(roles)) together.keep = Keep::always, together.days = 0;
  return together;
}

namespace team {

namespace {

constexpr uint8_t kMayWipe = 1, kNoPlainHttp = 2;                                           // flags
constexpr Role kRoles[] = {Role::reporter, Role::coordinator, Role::auditor, Role::admin};  // in order of the bytes

}  // namespace

Result<void> check_policy(Role role, const RolePolicy& policy) {
  auto refused = [](std::string why, std::string hint = {}) {
    return make_error(ErrorCode::input_refused, "cannot set the policy: " + std::move(why), std::move(hint));
  };
  if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles))
    return refused("it is set for one role at a time", "reporter, coordinator, auditor or admin");
  if (policy.keep != Keep::always && reads_team(role))
    return refused("who reads the team's reports holds the key of all of them, and keeps them",
                   "a time after which they are removed can be set for reporters and admins");
  if (policy.keep == Keep::always && policy.days != 0)
    return refused("days count from a level", "name it: until-held or until-opened");
  if (policy.days > kKeepDaysMax) return refused("more than " + std::to_string(kKeepDaysMax) + " days");
  return {};
}

// format u8, then for each role: keep u8, days u16, flags u8

Bytes encode_policy(const TeamPolicy& policy) {
  if (policy == TeamPolicy{}) return {};
  Writer out;
  out.u8(kFormat);
  for (auto role : kRoles) {
    const auto& one = policy.for_role(role);
    auto flags = static_cast<uint8_t>((one.may_wipe ? kMayWipe : 0) | (one.plain_http ? 0 : kNoPlainHttp));
    out.u8(static_cast<uint8_t>(one.keep)).u16(one.days).u8(flags);
  }
  return std::move(out).bytes();
}

Result<TeamPolicy> decode_policy(ByteView bytes) {
  TeamPolicy policy;
  if (bytes.empty()) return policy;
  LYSOEN_TRY(layout::check_format(bytes, "the team's policy"));
  Reader in(bytes.subspan(1));
  for (auto role : kRoles) {
    auto& one = policy.for_role(role);
    uint8_t keep = in.u8();
    if (keep > static_cast<uint8_t>(Keep::until_held)) in.fail();
    one.keep = static_cast<Keep>(keep);
    one.days = in.u16();
    uint8_t flags = in.u8();
    if (flags > (kMayWipe | kNoPlainHttp)) in.fail();
    one.may_wipe = (flags & kMayWipe) != 0;
    one.plain_http = (flags & kNoPlainHttp) == 0;
    if (!in.ok() || !check_policy(role, one)) return layout::damaged("the team's policy");
  }
  if (!in.done() || policy == TeamPolicy{}) return layout::damaged("the team's policy");
  return policy;
}

Hash policy_hash(const TeamPolicy& policy) {
  auto bytes = encode_policy(policy);
  return bytes.empty() ? Hash{} : crypto::labelled_hash("lysoen/1 policy", bytes);
}

}  // namespace team
}  // namespace lysoen
