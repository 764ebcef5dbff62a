// Making the next roster version. Each call answers a new signed Roster and leaves the current one alone; what it makes
// is accepted by verify_successor on every device that holds the current one, or it answers an error.
#pragma once
#include "core/team/epoch.h"
#include "core/team/root.h"
#include "core/team/roster.h"

namespace lysoen::team {

/// Who signs a head: an admin's device with its certificate, or the root (no certificate). Parameters only: both
/// outlive the call.
struct HeadSigner {
  const crypto::SigningKey& key;
  const AdminCertificate* certificate = nullptr;
};

struct Founder {
  const crypto::SigningKey& device;
  PublicKey inbox{};
};

/// All that a new team consists of. The founder is admin and first coordinator.
struct Founding {
  Roster roster;
  AdminCertificate certificate;
  Epoch team_epoch, all_epoch;
  crypto::Key32 roster_key;
};

/// Version 1, signed by the root. The first relay is marked durable, the others keep their marks. Errors: input_refused
/// (names, relays), limit_exceeded.
Result<Founding> make_founding_roster(const CreateTeamOptions& options, const RootKey& root, const Founder& founder,
                                      WallTime now, Random& random);

struct NewMember {
  DeviceId device;
  PublicKey inbox{};
  Role role = Role::reporter;
  Hash invite;  // consumed by this
  std::vector<DeviceId> replaces;
  std::string name;
};

/// A member more. A new reader needs the agreement of a device that reads now: given here when the signing device is
/// one, else by approve(). `team_epoch` seals the name; null leaves it empty (an admin that cannot read). Errors:
/// already_exists (device), trust_refused (invite used before; a new admin without the root; signer is no admin or its
/// certificate has run out), input_refused, limit_exceeded.
Result<Roster> add_member(const Roster& current, const NewMember& member, const HeadSigner& signer,
                          const Epoch* team_epoch, WallTime now, Random& random);

/// Other relays. Errors: trust_refused (durable relays or their fallback keys change without the root), input_refused.
Result<Roster> set_relays(const Roster& current, std::vector<RelayInfo> relays, const HeadSigner& signer, WallTime now);

/// Another policy for one role. Errors: those of check_policy.
Result<Roster> set_policy(const Roster& current, Role role, const RolePolicy& policy, const HeadSigner& signer,
                          WallTime now);

/// The same, valid for longer.
Result<Roster> renew(const Roster& current, const HeadSigner& signer, WallTime now);

/// True if `next` gives somebody new the team's reports and so needs approve() by a device that reads now.
bool needs_approval(const RosterState& current, const Roster& next);
/// Adds the reading device's agreement. Errors: trust_refused (the device does not read in `current`).
Result<void> approve(const Roster& current, Roster& next, const crypto::SigningKey& reader);

}  // namespace lysoen::team
