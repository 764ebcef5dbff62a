// The keys that an invite's secret stands for. Internal.
#pragma once
#include "core/team/invite.h"

namespace lysoen::team::invite_keys {

inline constexpr std::string_view kSigning = "lysoen/1 invite key";  // Ed25519 seed
inline constexpr std::string_view kPsk = "lysoen/1 invite psk";      // of HPKE, both messages
inline constexpr std::string_view kWords = "lysoen/1 invite words";  // into Argon2id

/// HKDF-Expand(HKDF-Extract("lysoen/1 invite", secret), purpose, 32).
crypto::Key32 derive(const InviteContents& invite, std::string_view purpose);

}  // namespace lysoen::team::invite_keys
