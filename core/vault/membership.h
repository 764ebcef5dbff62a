// Who this device is and what it knows of its team: keys, roster, epochs. Held in memory while the vault is open and
// written through to the tables; secrets stand nowhere but in them. Every change is part of the caller's transaction
// (a durable one: keys and rosters must not be undone); after an error, load() again.
#pragma once
#include <lysoen/team.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"
#include "core/storage/database.h"
#include "core/team/admission.h"
#include "core/team/author.h"
#include "core/team/epoch.h"
#include "core/team/roster.h"
#include "core/team/roster_change.h"
#include "core/vault/key_wrap.h"

namespace lysoen::vault {

/// One value in the table of facts; empty if it is not there.
Result<Bytes> fact(storage::Database& database, std::string_view name);
Result<void> set_fact(storage::Database& database, std::string_view name, ByteView value);
Result<void> drop_fact(storage::Database& database, std::string_view name);
/// The same for secrets. Empty if it is not there; the caller wipes it.
Result<Bytes> secret_fact(storage::Database& database, std::string_view name, const KeyWrap& wrap);
Result<void> set_secret_fact(storage::Database& database, std::string_view name, ByteView value, const KeyWrap& wrap);

/// What the rosters said of roles, version by version.
Result<team::RoleHistory> role_history(storage::Database& database);

/// The inbox of a device as an audience.
AudienceId inbox_audience(const TeamId& team, const DeviceId& device);

/// What seals to an audience now.
struct AudienceKey {
  uint32_t epoch = 1;
  PublicKey public_key{};
};

class Membership {
 public:
  /// Nobody's: of a vault that is locked.
  Membership() = default;
  /// `wrap` outlives it.
  static Result<Membership> load(storage::Database& database, const KeyWrap& wrap);

  bool enrolled() const { return device_.has_value(); }  // has device keys
  bool in_team() const { return enrolled() && roster_.has_value(); }
  const DeviceId& device() const { return device_id_; }  // none before enrolment
  const crypto::SigningKey& device_key() const { return *device_; }
  const crypto::KemKeyPair& inbox() const { return *inbox_; }
  const TeamId& team() const { return roster_->head.team; }
  const team::RosterState& roster() const { return *roster_; }
  const team::RoleHistory& history() const { return history_; }
  const std::optional<team::AdminCertificate>& certificate() const { return certificate_; }
  std::span<const crypto::Key32> roster_keys() const { return roster_keys_; }
  Role role() const;
  /// What the team wants of this device; the default without a team.
  RolePolicy policy() const;
  uint32_t incarnation() const { return incarnation_; }
  uint64_t roster_version() const { return in_team() ? roster_->head.version : 0; }

  AudienceId team_audience() const { return roster_->head.audience(team::AudienceKind::team); }
  AudienceId all_audience() const { return roster_->head.audience(team::AudienceKind::all); }
  /// Of the device, or of the one that replaces it.
  AudienceId inbox_of(const DeviceId& author) const;
  AudienceId own_inbox() const { return inbox_audience(team(), device_id_); }
  /// Nothing if this roster does not name it (an inbox of a device whose leaf is not kept here).
  std::optional<AudienceKey> sealing_key(const AudienceId& audience) const;
  /// The private key of an epoch that this device reads, or null. Inboxes have epoch 1.
  const crypto::KemKeyPair* reading_key(const AudienceId& audience, uint32_t epoch) const;
  const team::Epoch* newest_epoch(const AudienceId& audience) const;
  bool reads(const AudienceId& audience) const;
  std::vector<AudienceId> mailboxes() const;
  TeamView view(WallTime now) const;

  // -- Changes -----------------------------------------------------------------------------------------------------
  Result<void> enrol(storage::Database& database, crypto::SigningKey device, crypto::KemKeyPair inbox);
  Result<void> begin_incarnation(storage::Database& database, uint32_t incarnation);
  Result<void> take_state(storage::Database& database, team::RosterState state, ByteView sealed);
  Result<void> take_epoch(storage::Database& database, team::Epoch epoch);
  Result<void> take_certificate(storage::Database& database, const team::AdminCertificate& certificate);
  Result<void> take_roster_keys(storage::Database& database, std::vector<crypto::Key32> keys);

 private:
  const KeyWrap* wrap_ = nullptr;
  std::optional<crypto::SigningKey> device_;
  std::optional<crypto::KemKeyPair> inbox_;
  DeviceId device_id_;
  std::optional<team::RosterState> roster_;
  team::RoleHistory history_;
  std::optional<team::AdminCertificate> certificate_;
  std::vector<crypto::Key32> roster_keys_;  // newest first
  std::vector<team::Epoch> epochs_;
  uint32_t incarnation_ = 0;
};

}  // namespace lysoen::vault
