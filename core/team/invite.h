// Invites: what an admin hands to somebody who shall join, as link, file or QR code. All three are the same bytes, and
// whoever holds them can ask to join once: the secret in it makes the one-time key that the relay admits, and the key
// that the join request is sealed with. docs/formats/team.md, "Joining".
#pragma once
#include <lysoen/team.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"

namespace lysoen::team {

inline constexpr std::chrono::milliseconds kInviteValid = std::chrono::hours(24 * 7);
inline constexpr size_t kInviteMax = 2048;
inline constexpr size_t kInviteRelaysMax = 4;
inline constexpr std::string_view kInviteLinkPrefix = "lysoen://join#";

struct InviteContents {
  crypto::SignPublic root{};
  TeamId team;
  std::string team_name;
  std::vector<RelayInfo> relays;
  DeviceId admin;  // who admits
  PublicKey admin_inbox{};
  Role role = Role::reporter;
  std::string name;  // of whom it is for, as coordinators will see it
  WallTime expires;
  crypto::Secret<16> secret;

  InviteContents copy() const;
};

/// A fresh secret, valid 7 days. At most the first 4 relays go in.
InviteContents make_invite(const TeamId& team, const crypto::SignPublic& root, std::string team_name,
                           std::span<const RelayInfo> relays, const DeviceId& admin, const PublicKey& admin_inbox,
                           const InviteOptions& options, WallTime now, Random& random);

/// Requires names and relays within the roster's limits (make_invite's come from a roster). Errors: input_refused.
Result<Bytes> encode_invite(const InviteContents& invite);
/// Errors: input_refused (not an invite, or cut short in copying), newer_version.
Result<InviteContents> decode_invite(ByteView bytes);
/// From a file's bytes or a link's text (white space around it ignored).
Result<InviteContents> read_invite(ByteView file_or_link);
std::string invite_link(ByteView invite);

/// Errors: trust_refused (expired; `own` is given and the invite is another team's).
Result<void> check_invite(const InviteContents& invite, WallTime now, const std::optional<TeamId>& own = {});

/// The one-time Ed25519 key; its public half is the invite's id, which the relay admits and the roster records.
crypto::SigningKey invite_key(const InviteContents& invite);
Hash invite_id(const InviteContents& invite);

}  // namespace lysoen::team
