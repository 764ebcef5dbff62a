// Joining: the request of a new device, the words both sides compare, and the welcome. Both messages are sealed with
// the invite's secret (HPKE, PSK mode), so neither the relay nor a finder of the file learns who joins.
// docs/formats/team.md, "Joining".
#pragma once
#include "core/team/author.h"
#include "core/team/epoch.h"
#include "core/team/invite.h"
#include "core/team/roster.h"

namespace lysoen::team {

inline constexpr size_t kJoinRequestMax = 1024;
inline constexpr size_t kWelcomeMax = kSealedRosterMax + 64 * 1024;
inline constexpr size_t kRosterKeysMax = 4;

// -- Request -------------------------------------------------------------------------------------------------------

/// Joiner: format ‖ invite id ‖ sealed (device key, inbox key, the device's signature over both). At most 1 KiB.
/// `replaces`: the device whose backup this one was restored from, or none.
Result<Bytes> make_join_request(const InviteContents& invite, const crypto::SigningKey& device, const PublicKey& inbox,
                                WallTime now, Random& random, const DeviceId& replaces = {});

/// The invite a request or a welcome belongs to, readable without any key. Errors: input_refused, newer_version.
Result<Hash> invite_of_request(ByteView request);
Result<Hash> invite_of_welcome(ByteView welcome);
/// What JoinRequest::id is.
Hash join_request_id(ByteView request);

struct OpenedRequest {
  Hash id;
  Hash invite;
  DeviceId device;
  PublicKey inbox{};
  WallTime made;      // as the joiner's clock says
  DeviceId replaces;  // as the joiner says; none for a device that begins anew
};

/// Admin: opens a request with the invite it was made from and the inbox key named there. The caller checks
/// check_invite first. Errors: trust_refused (made with another invite, altered, or not signed by the device it names),
/// input_refused, newer_version, limit_exceeded.
Result<OpenedRequest> open_join_request(const InviteContents& invite, const crypto::KemKeyPair& admin_inbox,
                                        ByteView request);

/// Errors: trust_refused if the roster names this invite already.
Result<void> check_unused(const Roster& roster, const Hash& invite);

/// Four words that the joiner speaks and the admin compares: bound to the request and to the secret. Takes an Argon2id
/// of 64 MiB (about 0.2 s), so that whoever intercepted the invite cannot search for a request with the same words:
/// keep the answer. Errors: storage_full (no memory).
Result<std::string> check_words(const InviteContents& invite, const Hash& request_id);

// -- Welcome -------------------------------------------------------------------------------------------------------

/// What an admitted device needs to begin.
struct WelcomeContents {
  RosterState roster;                           // as this device keeps it
  std::vector<crypto::Key32> roster_keys;       // newest first, 1 to 4
  std::vector<OwnWrap> wraps;                   // `all`, and `team` for readers
  std::optional<AdminCertificate> certificate;  // for admins
  Bytes admission_list;                         // for admins: the newest one; else empty
  RoleHistory history;                          // up to this version; travels only with a whole roster
};

/// Admin: for the device of `request`. The roster must name it with this invite.
Result<Bytes> make_welcome(const InviteContents& invite, const OpenedRequest& request, const WelcomeContents& contents,
                           const crypto::SigningKey& admin, Random& random);

/// Joiner: opens, checks that the invite's admin signed it, that the roster is signed up to the invite's root and names
/// this device, and that a certificate verifies. `history` has followed the roster,
/// even if none came. Wraps are opened with open_wrap.
/// Errors: trust_refused with the reason, input_refused, newer_version, limit_exceeded.
Result<WelcomeContents> open_welcome(const InviteContents& invite, const DeviceId& device,
                                     const crypto::KemKeyPair& inbox, const Hash& request_id, ByteView welcome,
                                     WallTime now);

}  // namespace lysoen::team
