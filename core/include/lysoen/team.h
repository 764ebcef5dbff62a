// A team: one root key, one roster of devices with roles, audiences and relays. See docs/formats/team.md.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lysoen {

// Roles of a device; a set of bits. On disk. Never renumber.
enum class Role : uint8_t { none = 0, reporter = 1, coordinator = 2, auditor = 4, admin = 8 };
constexpr Role operator|(Role a, Role b) {
  return static_cast<Role>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr bool has(Role set, Role role) {
  return (static_cast<uint8_t>(set) & static_cast<uint8_t>(role)) != 0;
}
/// May read what is sealed to the team's audience.
constexpr bool reads_team(Role role) {
  return has(role, Role::coordinator) || has(role, Role::auditor);
}
/// "admin, coordinator"
std::string describe(Role role);
std::optional<Role> role_from(std::string_view name);

/// Until when a device can read what it has sent itself. On disk. Never renumber.
enum class Keep : uint8_t { always = 0, until_opened = 1, until_held = 2 };
/// "always", "until-opened", "until-held"
std::string_view name_of(Keep keep);
std::optional<Keep> keep_from(std::string_view name);

inline constexpr uint16_t kKeepDaysMax = 3650;

/// What the team wants of the devices of one role.
struct RolePolicy {
  Keep keep = Keep::always;
  uint16_t days = 0;     // after that level was reached
  bool may_wipe = true;  // false where wiping would be destruction of evidence
  /// Relays may be reached by HTTP without TLS. It is sealed all the same, but shows that this is no ordinary traffic.
  bool plain_http = true;
  bool operator==(const RolePolicy&) const = default;
};

struct TeamPolicy {
  RolePolicy reporter, coordinator, auditor, admin;
  RolePolicy& for_role(Role role);  // of one role
  const RolePolicy& for_role(Role role) const;
  /// What holds for a device with these roles: the strictest of each (the earlier level, then fewer days; wiping and
  /// plain HTTP only if all allow it). But who reads the team's reports keeps its own too: its keys open them as long
  /// as it has them.
  RolePolicy of(Role roles) const;
  bool operator==(const TeamPolicy&) const = default;
};

/// A member as this device may see it. Reporters see coordinators without names.
struct Member {
  DeviceId device;
  Role role = Role::none;
  std::string name;    // empty if this device may not read it
  uint64_t since = 0;  // roster version
  bool self = false;
};

/// What the roster says now.
struct TeamView {
  TeamId team;
  std::string name;
  uint64_t roster_version = 0;
  Hash roster_hash;
  WallTime issued, expires;
  bool expired = false;        // warns, never blocks writing
  bool single_reader = false;  // one member reads the team's audience: at risk
  std::vector<Member> members;
  std::vector<RelayInfo> relays;
  TeamPolicy policy;
  RolePolicy own_policy;  // of this device's roles
};

/// An invite as made: the same content as link, file and QR code.
struct Invite {
  std::string link;  // "lysoen://join#..." : the secret is in the fragment
  Bytes file;        // what goes into a .lysoen-invite file; equals the fragment's bytes
  WallTime expires;
  Role role = Role::reporter;
};

/// Whether an invite (link or file) can be used at that time: asked before a vault is made for it. Errors:
/// input_refused (it is none, or was cut), newer_version, trust_refused (it ran out).
Result<void> check_invite(ByteView file_or_link, WallTime now);

/// A join request as opened by an admin, waiting to be admitted.
struct JoinRequest {
  Hash id;  // of the request's bytes
  DeviceId device;
  Role role = Role::reporter;
  std::string name;         // as the invite said
  std::string check_words;  // four words that the joiner must speak
  /// The member whose backup this device was restored from, as it says; none for a device that begins anew. Admitting
  /// it gives it the right to go on editing that device's reports.
  DeviceId replaces;
  std::string replaces_name;
};

struct CreateTeamOptions {
  std::string name;                  // of the team
  std::string member_name;           // of the founder
  std::string_view root_passphrase;  // seals the root key file; outlives the call
  std::vector<RelayInfo> relays;     // the first is marked durable
};

struct InviteOptions {
  Role role = Role::reporter;
  std::string name;  // of the invited member, as coordinators will see it
};

}  // namespace lysoen
