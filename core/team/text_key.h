// Keys as text that people copy: the team key an operator admits, and (in <lysoen/exchange.h>) the relay key an admin
// gives to a new team. docs/formats/team.md, "Text keys".
#pragma once
#include <lysoen/result.h>

#include "core/crypto/sign.h"

namespace lysoen::team {

/// The id of the team that was founded with this root key.
TeamId team_id(const crypto::SignPublic& founding_root);

/// "lysoen-team:1:" ‖ base64url(root public key 32 ‖ first 4 bytes of its SHA-256).
std::string team_key_text(const crypto::SignPublic& root);
/// White space around the text is ignored. Errors: input_refused (not a team key, mistyped), newer_version.
Result<crypto::SignPublic> parse_team_key(std::string_view text);

}  // namespace lysoen::team
