#include "core/team/author.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/team/layout.h"

namespace lysoen::team {
namespace {

constexpr size_t kDeviceSizeMin = 32 + 2 + 9 + 1;
constexpr size_t kReplacedDepth = 64;  // a chain of replaced devices longer than this is nobody's

}  // namespace

void RoleHistory::follow(const RosterState& state) {
  if (state.head.version <= newest_) return;
  for (const auto& leaf : state.leaves) {
    Device& device = devices_[leaf.device];
    device.replaces = leaf.replaces;
    if (device.changes.empty() || device.changes.back().role != leaf.role)
      device.changes.push_back({std::max(leaf.since, newest_ + 1), leaf.role});
  }
  for (auto& [id, device] : devices_)
    if (!state.find(id) && device.changes.back().role != Role::none)
      device.changes.push_back({state.head.version, Role::none});
  newest_ = state.head.version;
}

Role RoleHistory::role_at(const DeviceId& device, uint64_t version) const {
  auto found = devices_.find(device);
  Role role = Role::none;
  if (found == devices_.end()) return role;
  for (const auto& change : found->second.changes)
    if (change.version <= version) role = change.role;
  return role;
}

bool RoleHistory::replaces(const DeviceId& device, const DeviceId& earlier, uint64_t version) const {
  std::vector<DeviceId> reached = {device};
  for (size_t i = 0; i < reached.size() && i < kReplacedDepth; ++i) {
    auto found = devices_.find(reached[i]);
    if (found == devices_.end() || found->second.changes.front().version > version) continue;
    for (const auto& replaced : found->second.replaces) {
      if (replaced == earlier) return true;
      if (std::find(reached.begin(), reached.end(), replaced) == reached.end()) reached.push_back(replaced);
    }
  }
  return false;
}

// format u8, newest u64, devices u32, each: device 32, changes u16 ‖ (version u64, role u8), replaced u8 ‖ each 32

Bytes RoleHistory::encode() const {
  Writer out;
  out.u8(kFormat).u64(newest_).u32(static_cast<uint32_t>(devices_.size()));
  for (const auto& [id, device] : devices_) {
    out.id(id).u16(static_cast<uint16_t>(device.changes.size()));
    for (const auto& change : device.changes) out.u64(change.version).u8(static_cast<uint8_t>(change.role));
    out.u8(static_cast<uint8_t>(device.replaces.size()));
    for (const auto& replaced : device.replaces) out.id(replaced);
  }
  return std::move(out).bytes();
}

Result<RoleHistory> RoleHistory::decode(ByteView bytes) {
  LYSOEN_TRY(layout::check_format(bytes, "the history of roles"));
  Reader in(bytes.subspan(1));
  RoleHistory history;
  history.newest_ = in.u64();
  uint32_t devices = in.u32();
  if (devices > in.left() / kDeviceSizeMin) in.fail();
  DeviceId before;
  for (uint32_t i = 0; i < devices && in.ok(); ++i) {
    auto id = in.id<DeviceId>();
    if (!(before < id)) in.fail();
    before = id;
    Device& device = history.devices_[id];
    size_t changes = in.u16();
    if (changes == 0) in.fail();
    for (size_t k = 0; k < changes && in.ok(); ++k) {
      Change change{in.u64(), static_cast<Role>(in.u8())};
      bool later = device.changes.empty() || device.changes.back().version < change.version;
      if (!later || change.version == 0 || change.version > history.newest_ || static_cast<uint8_t>(change.role) > 15)
        in.fail();
      device.changes.push_back(change);
    }
    size_t replaced = in.u8();
    device.replaces = layout::take_sorted_ids<DeviceId>(in, replaced, kReplacesMax);
  }
  if (!in.done()) return layout::damaged("the history of roles");
  return history;
}

// -- The rule --------------------------------------------------------------------------------------------------------

std::string_view reason_of(AuthorVerdict verdict) {
  switch (verdict) {
    case AuthorVerdict::counts:
      return "";
    case AuthorVerdict::wait_for_roster:
      return "waits for a roster version that has not arrived";
    case AuthorVerdict::backdated:
      return "names an older roster version than an earlier entry of its author";
    case AuthorVerdict::beyond_cut:
      return "written after its author's device was removed";
    case AuthorVerdict::not_author:
      return "its author is neither the report's author, a co-author nor a coordinator";
  }
  return "";
}

AuthorVerdict may_edit(const EditClaim& edit, const RoleHistory& roster) {
  if (edit.beyond_cut) return AuthorVerdict::beyond_cut;
  if (edit.roster_version < edit.highest_named_before) return AuthorVerdict::backdated;
  if (edit.roster_version > roster.newest()) return AuthorVerdict::wait_for_roster;
  if (edit.author == edit.creator) return AuthorVerdict::counts;
  if (has(roster.role_at(edit.author, edit.roster_version), Role::coordinator)) return AuthorVerdict::counts;
  auto entitled = [&](const DeviceId& device) {
    return edit.author == device || roster.replaces(edit.author, device, edit.roster_version);
  };
  bool counts = entitled(edit.creator) || std::any_of(edit.co_authors.begin(), edit.co_authors.end(), entitled);
  return counts ? AuthorVerdict::counts : AuthorVerdict::not_author;
}

}  // namespace lysoen::team
