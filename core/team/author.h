// The author rule: whose edits of a report count. Decided when an edit is merged, by the roster version that the edit
// names. What does not count is set aside: kept and shown, never dropped.
#pragma once
#include "core/team/roster.h"

namespace lysoen::team {

/// Who had which role since which version, as far as this device has followed the roster. Plain data; grows by one
/// call a version, survives in the vault as bytes.
class RoleHistory {
 public:
  /// Takes a version into account: the first one this device holds, then every accepted successor.
  void follow(const RosterState& state);

  /// The role by that version; none if the device was no member then, or joined before this device's first version and
  /// its role at that time is not known.
  Role role_at(const DeviceId& device, uint64_t version) const;
  /// True if `device` replaces `earlier`, itself or through others, by that version.
  bool replaces(const DeviceId& device, const DeviceId& earlier, uint64_t version) const;
  uint64_t newest() const { return newest_; }

  Bytes encode() const;
  static Result<RoleHistory> decode(ByteView bytes);  // damaged, newer_version
  bool operator==(const RoleHistory&) const = default;

 private:
  struct Change {
    uint64_t version = 0;
    Role role = Role::none;
    bool operator==(const Change&) const = default;
  };
  struct Device {
    std::vector<Change> changes;  // by version
    std::vector<DeviceId> replaces;
    bool operator==(const Device&) const = default;
  };
  std::map<DeviceId, Device> devices_;
  uint64_t newest_ = 0;
};

/// What the merge knows about an edit and its report.
struct EditClaim {
  DeviceId author;
  DeviceId creator;                   // of the report; equal to author for the creating edit
  std::vector<DeviceId> co_authors;   // named by the creator
  uint64_t roster_version = 0;        // that the edit names
  uint64_t highest_named_before = 0;  // by an earlier entry of the same feed
  bool beyond_cut = false;            // after the explicit cut of a revoked device's feed
};

enum class AuthorVerdict : uint8_t {
  counts,
  wait_for_roster,  // names a version that is not here yet: decide again when it is
  backdated,        // names an older version than an earlier entry of its feed: set aside
  beyond_cut,       // set aside
  not_author,       // neither creator, co-author, replacement nor coordinator then: set aside
};
/// The sentence that goes with what is set aside; empty for `counts`.
std::string_view reason_of(AuthorVerdict verdict);

AuthorVerdict may_edit(const EditClaim& edit, const RoleHistory& roster);

}  // namespace lysoen::team
