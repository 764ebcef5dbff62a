#include "core/team/roster.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/crypto/cipher.h"
#include "core/team/layout.h"

namespace lysoen::team {
namespace {

constexpr std::string_view kCertificateLabel = "lysoen/1 admin certificate";
constexpr std::string_view kSealedLabel = "lysoen/1 sealed roster";
constexpr std::string_view kNameLabel = "lysoen/1 name";
constexpr size_t kPaddedName = kNameMax + 1;

const Leaf* find_leaf(std::span<const Leaf> leaves, const DeviceId& device) {
  auto at = std::lower_bound(leaves.begin(), leaves.end(), device,
                             [](const Leaf& leaf, const DeviceId& id) { return leaf.device < id; });
  return at != leaves.end() && at->device == device ? &*at : nullptr;
}

std::vector<Hash> leaf_hashes(std::span<const Leaf> leaves) {
  std::vector<Hash> hashes;
  hashes.reserve(leaves.size());
  for (const auto& leaf : leaves) hashes.push_back(crypto::merkle_leaf(encode_leaf(leaf)));
  return hashes;
}

Bytes certificate_message(const AdminCertificate& certificate, const TeamId& team) {
  Writer out;
  out.id(team).id(certificate.admin);
  layout::put_time(out, certificate.issued);
  layout::put_time(out, certificate.expires);
  return std::move(out).bytes();
}

Bytes sealed_context(const TeamId& team, uint64_t version, const Hash& hash) {
  return layout::context(kSealedLabel).u8(kFormat).id(team).u64(version).id(hash).bytes();
}

crypto::Key32 sealing_key(const crypto::Key32& roster_key) {
  return crypto::hkdf_expand_key(roster_key, kSealedLabel);
}

Bytes name_context(const TeamId& team, const DeviceId& device, uint32_t epoch) {
  return layout::context(kNameLabel).id(team).id(device).u32(epoch).bytes();
}

Error not_ours(std::string_view why) {
  return make_error(ErrorCode::trust_refused, "cannot open the roster: " + std::string(why));
}

}  // namespace

// -- Head and certificate --------------------------------------------------------------------------------------------

AudienceId Head::audience(AudienceKind kind) const {
  return feed::audience_id(team, kind);
}

const AudienceEpoch* Head::epoch_of(const AudienceId& audience) const {
  for (const auto& known : audiences)
    if (feed::audience_id(team, known.kind, known.subject) == audience) return &known;
  return nullptr;
}

Hash head_hash(const Head& head) {
  return crypto::labelled_hash(layout::kHeadLabel, layout::head_body(head));
}

AdminCertificate certify_admin(const crypto::SigningKey& root, const TeamId& team, const DeviceId& admin,
                               WallTime now) {
  AdminCertificate certificate{admin, now, now + kCertificateValid, {}};
  certificate.signature = root.sign(kCertificateLabel, certificate_message(certificate, team));
  return certificate;
}

bool certificate_verifies(const AdminCertificate& certificate, const crypto::SignPublic& root, const TeamId& team) {
  return crypto::verify(root, kCertificateLabel, certificate_message(certificate, team), certificate.signature);
}

// -- Leaves ----------------------------------------------------------------------------------------------------------

const Leaf* Roster::find(const DeviceId& device) const {
  return find_leaf(leaves, device);
}
const Leaf* RosterState::find(const DeviceId& device) const {
  return find_leaf(leaves, device);
}

Hash member_root(std::span<const Leaf> leaves) {
  return crypto::merkle_root(leaf_hashes(leaves));
}

bool leaf_verifies(const Head& head, const Leaf& leaf, const LeafProof& proof) {
  Hash hash = crypto::merkle_leaf(encode_leaf(leaf));
  auto root =
      crypto::merkle_root_from_range(std::span(&hash, 1), proof.index, head.member_count, {proof.left, proof.right});
  return root && *root == head.member_root;
}

// -- What a device keeps ---------------------------------------------------------------------------------------------

bool RosterState::single_reader() const {
  return std::count_if(leaves.begin(), leaves.end(), [](const Leaf& leaf) { return reads_team(leaf.role); }) < 2;
}

RosterState state_for(const Roster& roster, const DeviceId& device) {
  const Role staff = Role::coordinator | Role::auditor | Role::admin;
  RosterState state;
  state.head = roster.head;
  state.policy = roster.policy;
  const Leaf* own = roster.find(device);
  if (own && has(own->role, staff)) {
    state.whole = true;
    state.leaves = roster.leaves;
    return state;
  }
  auto hashes = leaf_hashes(roster.leaves);
  for (size_t i = 0; i < roster.leaves.size(); ++i) {
    const Leaf& leaf = roster.leaves[i];
    if (leaf.device != device && !has(leaf.role, staff)) continue;
    auto proof = crypto::merkle_range_proof(hashes, i, i);
    state.leaves.push_back(leaf);
    state.proofs.push_back({static_cast<uint32_t>(i), std::move(proof.left), std::move(proof.right)});
  }
  return state;
}

std::optional<Roster> whole_roster(const RosterState& state) {
  if (!state.whole) return std::nullopt;
  return Roster{state.head, state.leaves, state.policy};
}

// -- Sealed ----------------------------------------------------------------------------------------------------------

Result<SealedRoster> seal_roster(const Roster& roster, const crypto::Key32& roster_key, Random& random) {
  SealedRoster sealed;
  sealed.version = roster.head.version;
  sealed.hash = head_hash(roster.head);
  auto context = sealed_context(roster.head.team, sealed.version, sealed.hash);
  auto box = crypto::aead_seal_box(sealing_key(roster_key), context, crypto::pad(encode_roster(roster)), random);
  sealed.sealed.push_back(kFormat);
  sealed.sealed.insert(sealed.sealed.end(), box.begin(), box.end());
  if (sealed.sealed.size() > kSealedRosterMax)
    return make_error(ErrorCode::limit_exceeded, "cannot seal the roster: larger than 4 MiB");
  return sealed;
}

Result<Roster> open_roster(const SealedRoster& sealed, const TeamId& team, const crypto::Key32& roster_key) {
  if (sealed.sealed.size() > kSealedRosterMax)
    return make_error(ErrorCode::limit_exceeded, "cannot open the roster: larger than 4 MiB");
  LYSOEN_TRY(layout::check_format(sealed.sealed, "the roster"));
  auto context = sealed_context(team, sealed.version, sealed.hash);
  auto padded = crypto::aead_open_box(sealing_key(roster_key), context, ByteView(sealed.sealed).subspan(1));
  if (!padded) return not_ours("it is sealed with another key, or was altered");
  auto size = crypto::unpadded_size(*padded);
  if (!size) return layout::damaged("the roster");
  LYSOEN_ASSIGN(auto roster, decode_roster(ByteView(*padded).first(*size)));
  if (roster.head.team != team || roster.head.version != sealed.version || head_hash(roster.head) != sealed.hash)
    return not_ours("it is not the version that its sender names");
  return roster;
}

crypto::Key32 carrier_key(const crypto::Key32& roster_key) {
  return crypto::hkdf_expand_key(roster_key, "lysoen/1 carrier");
}

// -- Names -----------------------------------------------------------------------------------------------------------

crypto::Key32 names_key(const crypto::Key32& team_epoch_secret) {
  return crypto::hkdf_expand_key(crypto::hkdf_extract({}, team_epoch_secret.view()), "lysoen/1 names");
}

Result<Bytes> seal_name(const crypto::Key32& names_key, const TeamId& team, const DeviceId& device, uint32_t epoch,
                        std::string_view name, Random& random) {
  if (name.empty()) return make_error(ErrorCode::input_refused, "cannot record the member: the name is empty");
  if (!layout::is_text(name, kNameMax))
    return make_error(ErrorCode::input_refused,
                      "cannot record the member: the name is longer than 63 bytes or holds control characters");
  Bytes padded(kPaddedName);
  padded[0] = static_cast<uint8_t>(name.size());
  std::copy(name.begin(), name.end(), padded.begin() + 1);
  auto sealed = crypto::aead_seal_box(names_key, name_context(team, device, epoch), padded, random);
  crypto::wipe(padded);
  return sealed;
}

Result<std::string> open_name(const crypto::Key32& names_key, const TeamId& team, const Leaf& leaf) {
  if (leaf.name.empty()) return std::string();
  auto padded = crypto::aead_open_box(names_key, name_context(team, leaf.device, leaf.name_epoch), leaf.name);
  if (!padded || padded->size() != kPaddedName || (*padded)[0] > kNameMax)
    return make_error(ErrorCode::trust_refused, "cannot read a member's name: sealed with another key, or altered");
  std::string name(as_text(ByteView(*padded).subspan(1, (*padded)[0])));
  bool zeros = std::all_of(padded->begin() + 1 + (*padded)[0], padded->end(), [](uint8_t byte) { return byte == 0; });
  if (!zeros || !layout::is_text(name, kNameMax))
    return make_error(ErrorCode::trust_refused, "cannot read a member's name: it is not well formed");
  return name;
}

}  // namespace lysoen::team
