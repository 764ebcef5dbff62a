// The roster: which devices are members with which roles, which audiences and relays there are. One version is a head,
// signed by the root or by an admin whom the root certified, over the root of a tree of member leaves. Versions form a
// chain: each head names the hash of the one before.
//
// Plain values without I/O or storage; every decoder is strict and bounded. docs/formats/team.md, byte by byte.
#pragma once
#include <lysoen/team.h>

#include <map>
#include <span>

#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/feed/entry.h"

namespace lysoen::team {

// On disk and in signed objects. Never renumber.
inline constexpr uint8_t kFormat = 0;
inline constexpr uint8_t kSuite = 1;

inline constexpr size_t kSealedRosterMax = 4 * 1024 * 1024;
inline constexpr size_t kMembersMax = 16384;  // 256 bytes a leaf fill a sealed roster
inline constexpr size_t kNameMax = 63;        // bytes of UTF-8: names are padded to 64 with their length
inline constexpr size_t kReplacesMax = 16;
inline constexpr size_t kAudiencesMax = 64;
inline constexpr size_t kRelaysMax = 16;
inline constexpr size_t kRelayUrlsMax = 8;
inline constexpr size_t kRelayUrlMax = 255;
inline constexpr size_t kProofMax = 63;
inline constexpr std::chrono::milliseconds kRosterValid = std::chrono::hours(24 * 180);
inline constexpr std::chrono::milliseconds kCertificateValid = std::chrono::hours(24 * 90);

// -- One member ----------------------------------------------------------------------------------------------------

struct Leaf {
  DeviceId device;
  PublicKey inbox{};  // X25519; the device replaces it
  Role role = Role::none;
  uint64_t since = 0;              // the version that gave the device this role
  Hash invite;                     // public key of the invite it joined by; none for the founder
  std::vector<DeviceId> replaces;  // devices whose reports this one may go on editing; sorted
  uint32_t name_epoch = 0;         // the team epoch whose key opens the name
  Bytes name;                      // sealed, 104 bytes; empty if whoever added the member could not seal it

  bool operator==(const Leaf&) const = default;
};

Bytes encode_leaf(const Leaf& leaf);
/// Errors: damaged, newer_version.
Result<Leaf> decode_leaf(ByteView bytes);

/// The path from one leaf to the head's member root.
struct LeafProof {
  uint32_t index = 0;
  std::vector<Hash> left, right;  // as in crypto::RangeProof
  bool operator==(const LeafProof&) const = default;
};

// -- The head ------------------------------------------------------------------------------------------------------

using feed::AudienceKind;  // `team` and `all` stand in the head, an inbox in its member's leaf

/// An audience and the public half of its current epoch.
struct AudienceEpoch {
  AudienceKind kind = AudienceKind::team;
  Hash subject;  // none for the first of a kind
  uint32_t epoch = 1;
  PublicKey public_key{};
  bool operator==(const AudienceEpoch&) const = default;
};

/// The root's word that a device may sign heads for 90 days.
struct AdminCertificate {
  DeviceId admin;
  WallTime issued, expires;
  Signature signature{};
  bool operator==(const AdminCertificate&) const = default;
};
inline constexpr size_t kCertificateSize = 112;
Bytes encode_certificate(const AdminCertificate& certificate);
Result<AdminCertificate> decode_certificate(ByteView bytes);
AdminCertificate certify_admin(const crypto::SigningKey& root, const TeamId& team, const DeviceId& admin, WallTime now);
bool certificate_verifies(const AdminCertificate& certificate, const crypto::SignPublic& root, const TeamId& team);

struct Head {
  TeamId team;
  crypto::SignPublic root{};  // the team's root key at this version
  uint64_t version = 0;       // from 1
  Hash previous;              // hash of the head before; none for version 1
  WallTime issued, expires;
  uint8_t min_protocol = 1;  // members never speak an older one
  uint32_t member_count = 0;
  Hash member_root;                      // RFC 6962 over the leaves, sorted by device id
  Hash policy;                           // hash of the policy in force; none: the default
  std::string name;                      // of the team
  std::vector<AudienceEpoch> audiences;  // sorted by kind, subject; `team` and `all` are always there
  std::vector<RelayInfo> relays;         // in the order to try

  std::optional<AdminCertificate> certificate;  // none: the root signed
  Signature signature{};

  /// A device that reads the team's audience agreed to new readers or epoch keys.
  struct Approval {
    DeviceId device;
    Signature signature{};
    bool operator==(const Approval&) const = default;
  };
  std::optional<Approval> approval;

  AudienceId audience(AudienceKind kind) const;  // the first of its kind
  const AudienceEpoch* epoch_of(const AudienceId& audience) const;
  bool operator==(const Head&) const = default;
};

Bytes encode_head(const Head& head);
Result<Head> decode_head(ByteView bytes);
/// What the chain and the relay name a version by: covers all but the two signatures.
Hash head_hash(const Head& head);

// -- A whole version -----------------------------------------------------------------------------------------------

struct Roster {
  Head head;
  std::vector<Leaf> leaves;  // sorted by device id
  TeamPolicy policy;         // that the head names
  const Leaf* find(const DeviceId& device) const;
  bool operator==(const Roster&) const = default;
};

Hash member_root(std::span<const Leaf> leaves);
/// Errors: damaged (not a roster; leaves out of order; leaves or policy not those of the head), newer_version,
/// limit_exceeded.
Bytes encode_roster(const Roster& roster);
Result<Roster> decode_roster(ByteView bytes);

/// As it travels and as the relay stores it, unread: format ‖ XChaCha20-Poly1305 box of the padded roster under the
/// roster key. The version is authenticated with it. Errors of open: trust_refused (other key, or altered), damaged,
/// newer_version, limit_exceeded.
Result<SealedRoster> seal_roster(const Roster& roster, const crypto::Key32& roster_key, Random& random);
Result<Roster> open_roster(const SealedRoster& sealed, const TeamId& team, const crypto::Key32& roster_key);

/// The key that bundles are sealed under.
crypto::Key32 carrier_key(const crypto::Key32& roster_key);

// -- What a device keeps -------------------------------------------------------------------------------------------

/// The current version as a device keeps it. Coordinators, auditors and admins keep the whole; a reporter keeps the
/// head, its own leaf and those of coordinators, auditors and admins, each with its path.
struct RosterState {
  Head head;
  bool whole = false;
  std::vector<Leaf> leaves;       // sorted by device id
  std::vector<LeafProof> proofs;  // one for each leaf; empty if whole
  TeamPolicy policy;

  const Leaf* find(const DeviceId& device) const;
  bool single_reader() const;  // one member reads the team's audience: at risk
  bool operator==(const RosterState&) const = default;
};

/// What `device` keeps of a roster. A device that the roster does not name keeps what a reporter does.
RosterState state_for(const Roster& roster, const DeviceId& device);
/// The whole roster, if this state is one.
std::optional<Roster> whole_roster(const RosterState& state);
bool leaf_verifies(const Head& head, const Leaf& leaf, const LeafProof& proof);

Bytes encode_state(const RosterState& state);
/// Checks paths against the head, not signatures. Errors: damaged, newer_version, limit_exceeded.
Result<RosterState> decode_state(ByteView bytes);

// -- Names ---------------------------------------------------------------------------------------------------------

/// HKDF of the `team` epoch's private key, so that a reporter's phone names nobody.
crypto::Key32 names_key(const crypto::Key32& team_epoch_secret);
/// Errors: input_refused (empty, longer than 63 bytes, control characters).
Result<Bytes> seal_name(const crypto::Key32& names_key, const TeamId& team, const DeviceId& device, uint32_t epoch,
                        std::string_view name, Random& random);
/// Errors: trust_refused. An empty sealed name is an empty name.
Result<std::string> open_name(const crypto::Key32& names_key, const TeamId& team, const Leaf& leaf);

}  // namespace lysoen::team
