// The bytes of leaf, certificate, head, roster and state. docs/formats/team.md describes each; every value has exactly
// one encoding, so that bytes may be decoded, kept as a value and encoded again for hashing.
#include <algorithm>

#include "core/base/try.h"
#include "core/team/layout.h"
#include "core/team/policy.h"

namespace lysoen::team {
namespace {

using layout::put_optional;
using layout::put_time;
using layout::take_optional;
using layout::take_time;

constexpr uint8_t kRoleMask = 15;
constexpr uint8_t kSignedByRoot = 1, kSignedByAdmin = 2;
constexpr size_t kSealedName = 104;
constexpr size_t kLeafMax = 1024;
constexpr size_t kHeadMax = 64 * 1024;
constexpr size_t kPolicyMax = 64;

Role take_role(Reader& in) {
  uint8_t bits = in.u8();
  if (bits == 0 || bits > kRoleMask) in.fail();
  return static_cast<Role>(bits);
}

void put_certificate(Writer& out, const AdminCertificate& certificate) {
  out.id(certificate.admin);
  put_time(out, certificate.issued);
  put_time(out, certificate.expires);
  out.raw(certificate.signature);
}

AdminCertificate take_certificate(Reader& in) {
  AdminCertificate certificate;
  certificate.admin = in.id<DeviceId>();
  certificate.issued = take_time(in);
  certificate.expires = take_time(in);
  certificate.signature = in.array<64>();
  return certificate;
}

AudienceEpoch take_audience(Reader& in) {
  AudienceEpoch audience;
  uint8_t kind = in.u8();
  if (kind < 1 || kind > 2) in.fail();
  audience.kind = static_cast<AudienceKind>(kind);
  audience.subject = take_optional(in);
  audience.epoch = in.u32();
  audience.public_key = in.array<32>();
  if (audience.epoch == 0) in.fail();
  return audience;
}

auto order_of(const AudienceEpoch& audience) {
  return std::pair(audience.kind, audience.subject);
}

/// `team` and `all` are there, and the order is strict.
bool is_sound(std::span<const AudienceEpoch> audiences) {
  bool team = false, all = false;
  for (size_t i = 0; i < audiences.size(); ++i) {
    if (i > 0 && !(order_of(audiences[i - 1]) < order_of(audiences[i]))) return false;
    if (!audiences[i].subject.is_none()) continue;
    (audiences[i].kind == AudienceKind::team ? team : all) = true;
  }
  return team && all;
}

void take_relays(Reader& in, Head& head) {
  size_t count = in.u8();
  if (count > kRelaysMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) {
    auto relay = layout::take_relay(in);
    for (const auto& other : head.relays)
      if (other.id == relay.id) in.fail();
    head.relays.push_back(std::move(relay));
  }
}

void take_audiences(Reader& in, Head& head) {
  size_t count = in.u8();
  if (count > kAudiencesMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) head.audiences.push_back(take_audience(in));
  if (!is_sound(head.audiences)) in.fail();
}

void take_signer(Reader& in, Head& head) {
  uint8_t signer = in.u8();
  if (signer == kSignedByAdmin)
    head.certificate = take_certificate(in);
  else if (signer != kSignedByRoot)
    in.fail();
}

void take_approval(Reader& in, Head& head) {
  uint8_t present = in.u8();
  if (present > 1) in.fail();
  if (present != 1) return;
  head.approval = Head::Approval{in.id<DeviceId>(), in.array<64>()};
}

Head take_head_body(Reader& in) {
  Head head;
  if (in.u8() != kFormat || in.u8() != kSuite) in.fail();
  head.team = in.id<TeamId>();
  head.root = in.array<32>();
  head.version = in.u64();
  head.previous = in.id<Hash>();
  head.issued = take_time(in);
  head.expires = take_time(in);
  head.min_protocol = in.u8();
  head.member_count = in.u32();
  head.member_root = in.id<Hash>();
  head.policy = take_optional(in);
  head.name = layout::take_text(in, kNameMax);
  take_audiences(in, head);
  take_relays(in, head);
  take_signer(in, head);
  bool counts = head.version > 0 && head.member_count > 0 && head.member_count <= kMembersMax;
  if (!counts || (head.version == 1) != head.previous.is_none()) in.fail();
  return head;
}

bool sorted_by_device(std::span<const Leaf> leaves) {
  for (size_t i = 1; i < leaves.size(); ++i)
    if (!(leaves[i - 1].device < leaves[i].device)) return false;
  return true;
}

/// An invite admits one device, once.
bool invites_once(std::span<const Leaf> leaves) {
  std::vector<Hash> invites;
  for (const auto& leaf : leaves)
    if (!leaf.invite.is_none()) invites.push_back(leaf.invite);
  std::sort(invites.begin(), invites.end());
  return std::adjacent_find(invites.begin(), invites.end()) == invites.end();
}

bool leaves_sound(const Head& head, std::span<const Leaf> leaves) {
  auto dated = [&](const Leaf& leaf) { return leaf.since <= head.version; };
  return sorted_by_device(leaves) && invites_once(leaves) && std::all_of(leaves.begin(), leaves.end(), dated);
}

Result<TeamPolicy> take_policy(Reader& in, const Head& head) {
  LYSOEN_ASSIGN(auto policy, decode_policy(in.field(kPolicyMax)));
  if (policy_hash(policy) != head.policy) return layout::damaged("the team's policy");
  return policy;
}

Result<std::vector<Leaf>> take_leaves(Reader& in, size_t count) {
  std::vector<Leaf> leaves;
  leaves.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    LYSOEN_ASSIGN(auto leaf, decode_leaf(in.field(kLeafMax)));
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

}  // namespace

// -- Leaf: format, device 32, inbox 32, role u8, since u64, invite, count u8 ‖ replaced devices, name epoch u32, name
// --

Bytes encode_leaf(const Leaf& leaf) {
  Writer out;
  out.u8(kFormat).id(leaf.device).raw(leaf.inbox).u8(static_cast<uint8_t>(leaf.role)).u64(leaf.since);
  put_optional(out, leaf.invite);
  out.u8(static_cast<uint8_t>(leaf.replaces.size()));
  for (const auto& device : leaf.replaces) out.id(device);
  out.u32(leaf.name_epoch).field(leaf.name);
  return std::move(out).bytes();
}

Result<Leaf> decode_leaf(ByteView bytes) {
  LYSOEN_TRY(layout::check_format(bytes, "a roster member"));
  Reader in(bytes.subspan(1));
  Leaf leaf;
  leaf.device = in.id<DeviceId>();
  leaf.inbox = in.array<32>();
  leaf.role = take_role(in);
  leaf.since = in.u64();
  leaf.invite = take_optional(in);
  size_t replaced = in.u8();
  leaf.replaces = layout::take_sorted_ids<DeviceId>(in, replaced, kReplacesMax);
  leaf.name_epoch = in.u32();
  leaf.name = to_bytes(in.field(kSealedName));
  bool name_fits = leaf.name.size() == (leaf.name_epoch == 0 ? 0 : kSealedName);
  if (!in.done() || leaf.device.is_none() || leaf.since == 0 || !name_fits) return layout::damaged("a roster member");
  return leaf;
}

// -- Certificate: admin 32, issued u64, expires u64, signature 64 -----------------------------------------------------

Bytes encode_certificate(const AdminCertificate& certificate) {
  Writer out;
  put_certificate(out, certificate);
  return std::move(out).bytes();
}

Result<AdminCertificate> decode_certificate(ByteView bytes) {
  Reader in(bytes);
  auto certificate = take_certificate(in);
  if (!in.done()) return layout::damaged("an admin certificate");
  return certificate;
}

// -- Head: body, signature 64, approval ------------------------------------------------------------------------------

namespace layout {

Bytes head_body(const Head& head) {
  Writer out;
  out.u8(kFormat).u8(kSuite).id(head.team).raw(head.root).u64(head.version).id(head.previous);
  put_time(out, head.issued);
  put_time(out, head.expires);
  out.u8(head.min_protocol).u32(head.member_count).id(head.member_root);
  put_optional(out, head.policy);
  out.field(head.name);
  out.u8(static_cast<uint8_t>(head.audiences.size()));
  for (const auto& audience : head.audiences) {
    out.u8(static_cast<uint8_t>(audience.kind));
    put_optional(out, audience.subject);
    out.u32(audience.epoch).raw(audience.public_key);
  }
  out.u8(static_cast<uint8_t>(head.relays.size()));
  for (const auto& relay : head.relays) put_relay(out, relay);
  out.u8(head.certificate ? kSignedByAdmin : kSignedByRoot);
  if (head.certificate) put_certificate(out, *head.certificate);
  return std::move(out).bytes();
}

}  // namespace layout

Bytes encode_head(const Head& head) {
  Writer out;
  out.raw(layout::head_body(head)).raw(head.signature).u8(head.approval ? 1 : 0);
  if (head.approval) out.id(head.approval->device).raw(head.approval->signature);
  return std::move(out).bytes();
}

Result<Head> decode_head(ByteView bytes) {
  LYSOEN_TRY(layout::check_format(bytes, "a roster head"));
  Reader in(bytes);
  Head head = take_head_body(in);
  head.signature = in.array<64>();
  take_approval(in, head);
  if (!in.done()) return layout::damaged("a roster head");
  return head;
}

// -- Roster: format, head and policy as fields, each leaf as a field (the head says how many) -------------------------

Bytes encode_roster(const Roster& roster) {
  Writer out;
  out.u8(kFormat).field(encode_head(roster.head)).field(encode_policy(roster.policy));
  for (const auto& leaf : roster.leaves) out.field(encode_leaf(leaf));
  return std::move(out).bytes();
}

Result<Roster> decode_roster(ByteView bytes) {
  if (bytes.size() > kSealedRosterMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read the roster: larger than 4 MiB");
  LYSOEN_TRY(layout::check_format(bytes, "the roster"));
  Reader in(bytes.subspan(1));
  Roster roster;
  LYSOEN_ASSIGN(roster.head, decode_head(in.field(kHeadMax)));
  LYSOEN_ASSIGN(roster.policy, take_policy(in, roster.head));
  LYSOEN_ASSIGN(roster.leaves, take_leaves(in, roster.head.member_count));
  if (!in.done() || !leaves_sound(roster.head, roster.leaves)) return layout::damaged("the roster");
  if (member_root(roster.leaves) != roster.head.member_root) return layout::damaged("the roster");
  return roster;
}

// -- State: format, whole u8, head and policy as fields, count u32, each leaf as a field, followed by its path if not
// whole
// --------

Bytes encode_state(const RosterState& state) {
  Writer out;
  out.u8(kFormat)
      .u8(state.whole ? 1 : 0)
      .field(encode_head(state.head))
      .field(encode_policy(state.policy))
      .u32(static_cast<uint32_t>(state.leaves.size()));
  for (size_t i = 0; i < state.leaves.size(); ++i) {
    out.field(encode_leaf(state.leaves[i]));
    if (!state.whole) layout::put_proof(out, state.proofs[i]);
  }
  return std::move(out).bytes();
}

Result<RosterState> decode_state(ByteView bytes) {
  if (bytes.size() > 2 * kSealedRosterMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read the roster: larger than 8 MiB");
  LYSOEN_TRY(layout::check_format(bytes, "the roster"));
  Reader in(bytes.subspan(1));
  RosterState state;
  uint8_t whole = in.u8();
  state.whole = whole == 1;
  LYSOEN_ASSIGN(state.head, decode_head(in.field(kHeadMax)));
  LYSOEN_ASSIGN(state.policy, take_policy(in, state.head));
  uint32_t count = in.u32();
  if (whole > 1 || count > state.head.member_count || (state.whole && count != state.head.member_count)) in.fail();
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    LYSOEN_ASSIGN(auto leaf, decode_leaf(in.field(kLeafMax)));
    state.leaves.push_back(std::move(leaf));
    if (state.whole) continue;
    state.proofs.push_back(layout::take_proof(in));
    if (!leaf_verifies(state.head, state.leaves.back(), state.proofs.back())) in.fail();
  }
  if (!in.done() || !leaves_sound(state.head, state.leaves)) return layout::damaged("the roster");
  if (state.whole && member_root(state.leaves) != state.head.member_root) return layout::damaged("the roster");
  return state;
}

}  // namespace lysoen::team
