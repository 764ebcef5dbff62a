// The bytes of a team's policy, which the roster carries and its head names by hash. docs/formats/team.md, "Policy".
#pragma once
#include <lysoen/team.h>

#include "core/crypto/hash.h"

namespace lysoen::team {

/// What may be set for one role. Errors: input_refused (a role that reads the team's reports keeps them; days without
/// a level; more than kKeepDaysMax), naming the rule.
Result<void> check_policy(Role role, const RolePolicy& policy);

/// Empty for the default policy, which has no other encoding.
Bytes encode_policy(const TeamPolicy& policy);
/// Errors: damaged, newer_version.
Result<TeamPolicy> decode_policy(ByteView bytes);
/// As the head names it; none for the default policy.
Hash policy_hash(const TeamPolicy& policy);

}  // namespace lysoen::team
