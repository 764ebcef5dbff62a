// The admission list: what a relay is told instead of the roster, so that its operator need not learn whom to arrest.
// Device keys without names or roles, the mailboxes each may read, and the invites that may each post one join request.
// Chained and signed; the first is signed by the team's root, whose key the operator entered. docs/formats/team.md.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include <vector>

#include "core/crypto/sign.h"

namespace lysoen::team {

inline constexpr size_t kAdmissionListMax = 4 * 1024 * 1024;
inline constexpr size_t kAdmittedMax = 16384;
inline constexpr size_t kAdmissionAdminsMax = 64;
inline constexpr size_t kOpenInvitesMax = 1024;
inline constexpr size_t kMailboxesMax = 64;  // of one device

// On the wire. Never renumber.
enum class QuotaClass : uint8_t { member = 1, staff = 2 };

struct Admitted {
  DeviceId device;
  QuotaClass quota = QuotaClass::member;
  std::vector<AudienceId> mailboxes;  // that it may read; sorted
  bool operator==(const Admitted&) const = default;
};

struct OpenInvite {
  Hash invite;  // the invite's Ed25519 public key
  WallTime expires;
  bool operator==(const OpenInvite&) const = default;
};

struct AdmissionList {
  crypto::SignPublic root{};
  uint64_t version = 0;  // from 1
  Hash previous;         // hash of the list before; none for version 1
  WallTime issued;
  std::vector<DeviceId> admins;     // may sign the next list and fetch join requests; sorted
  std::vector<Admitted> devices;    // sorted by device
  std::vector<OpenInvite> invites;  // sorted
  crypto::SignPublic signer{};      // the root, or an admin of the list before
  Signature signature{};

  const Admitted* find(const DeviceId& device) const;
  const OpenInvite* find_invite(const Hash& invite) const;
  bool is_admin(const DeviceId& device) const;
  bool operator==(const AdmissionList&) const = default;
};

Bytes encode_admission(const AdmissionList& list);
/// Errors: damaged, newer_version, limit_exceeded.
Result<AdmissionList> decode_admission(ByteView bytes);
/// Covers all but the signature.
Hash admission_hash(const AdmissionList& list);

/// What the next list shall say; sorted and freed of invites that ran out here.
struct AdmissionContents {
  std::vector<DeviceId> admins;
  std::vector<Admitted> devices;
  std::vector<OpenInvite> invites;
};

/// The list after `current` (null: the first), signed. Errors: trust_refused (the first, or other admins, without the
/// root; signer is no admin of the list before), limit_exceeded, input_refused (somebody twice).
Result<AdmissionList> next_admission(const AdmissionList* current, const crypto::SignPublic& root,
                                     AdmissionContents contents, const crypto::SigningKey& signer, WallTime now);

enum class AdmissionOutcome : uint8_t {
  accepted,      // the next one
  same,          // held already
  older,         // a version passed: rolled back, refused
  ahead,         // versions between are missing: send them first
  fork,          // another list with a number held, or one that does not chain: refused
  foreign_root,  // another team's
  not_allowed,   // bad signature, or a signer who may not
};
std::string_view name_of(AdmissionOutcome outcome);

struct AdmissionVerdict {
  AdmissionOutcome outcome = AdmissionOutcome::not_allowed;
  std::string reason;  // a sentence; empty when accepted or same
  bool accepted() const { return outcome == AdmissionOutcome::accepted; }
  Error error() const;
};

/// `current` null: this relay holds none of this team yet; then any version that the root signed is a beginning.
AdmissionVerdict verify_admission(const AdmissionList* current, const AdmissionList& candidate,
                                  const crypto::SignPublic& root);

}  // namespace lysoen::team
