#include "core/team/epoch.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/team/layout.h"

namespace lysoen::team {
namespace {

constexpr std::string_view kWrapsLabel = "lysoen/1 epoch wraps";
constexpr std::string_view kWrapLabel = "lysoen/1 epoch wrap";

Error refused(std::string_view why, std::string hint = {}) {
  return make_error(ErrorCode::trust_refused, "cannot open the key of an audience: " + std::string(why),
                    std::move(hint));
}

// format u8, suite u8, team 32, audience 32, number u32, epoch public key 32, count u32, root 32, signer 32
Bytes header_body(const WrapHeader& header) {
  Writer out;
  out.u8(kFormat).u8(kSuite).id(header.team).id(header.audience).u32(header.number).raw(header.public_key);
  out.u32(header.count).id(header.root).id(header.signer);
  return std::move(out).bytes();
}

WrapHeader take_header(Reader& in) {
  WrapHeader header;
  if (in.u8() != kFormat || in.u8() != kSuite) in.fail();
  header.team = in.id<TeamId>();
  header.audience = in.id<AudienceId>();
  header.number = in.u32();
  header.public_key = in.array<32>();
  header.count = in.u32();
  header.root = in.id<Hash>();
  header.signer = in.id<DeviceId>();
  header.signature = in.array<64>();
  if (header.number == 0 || header.count == 0 || header.count > kMembersMax) in.fail();
  return header;
}

Hash wrap_hash(const Wrap& wrap) {
  Writer out;
  out.id(wrap.device).raw(wrap.sealed);
  return crypto::merkle_leaf(out.bytes());
}

std::vector<Hash> wrap_hashes(std::span<const Wrap> wraps) {
  std::vector<Hash> hashes;
  hashes.reserve(wraps.size());
  for (const auto& wrap : wraps) hashes.push_back(wrap_hash(wrap));
  return hashes;
}

Wrap take_wrap(Reader& in) {
  return {in.id<DeviceId>(), in.array<kWrapSize>()};
}

/// Binds a wrap to team, audience, epoch and reader: moved elsewhere it does not open.
Bytes wrap_info(const WrapHeader& header, const DeviceId& device, const PublicKey& inbox) {
  auto info = layout::context(kWrapLabel);
  info.u8(kSuite).id(header.team).id(header.audience).u32(header.number).raw(header.public_key);
  return info.id(device).raw(inbox).bytes();
}

bool path_fits(const OwnWrap& own) {
  Hash hash = wrap_hash(own.wrap);
  auto root = crypto::merkle_root_from_range(std::span(&hash, 1), own.proof.index, own.header.count,
                                             {own.proof.left, own.proof.right});
  return root && *root == own.header.root;
}

/// Who may hand out an epoch's key: a device that reads the team's audience; for `all` also an admin, who is a member.
bool may_sign(const Leaf* signer, AudienceKind kind) {
  return signer && (reads_team(signer->role) || (kind == AudienceKind::all && has(signer->role, Role::admin)));
}

}  // namespace

Epoch Epoch::generate(const AudienceId& audience, uint32_t number, Random& random) {
  return {audience, number, crypto::KemKeyPair::generate(random)};
}

std::vector<WrapReader> readers_of(const Roster& roster, AudienceKind kind) {
  std::vector<WrapReader> readers;
  for (const auto& leaf : roster.leaves)
    if (kind == AudienceKind::all || reads_team(leaf.role)) readers.push_back({leaf.device, leaf.inbox});
  return readers;
}

Result<EpochWraps> wrap_epoch(const TeamId& team, const Epoch& epoch, std::vector<WrapReader> readers,
                              const crypto::SigningKey& signer, Random& random) {
  if (readers.size() > kMembersMax)
    return make_error(ErrorCode::limit_exceeded, "cannot hand out the key of an audience: too many readers");
  std::sort(readers.begin(), readers.end(), [](const auto& a, const auto& b) { return a.device < b.device; });
  auto twice = [](const auto& a, const auto& b) { return a.device == b.device; };
  if (readers.empty() || std::adjacent_find(readers.begin(), readers.end(), twice) != readers.end())
    return make_error(ErrorCode::input_refused,
                      "cannot hand out the key of an audience: no reader, or one named twice");
  EpochWraps wraps;
  wraps.header = {team,
                  epoch.audience,
                  epoch.number,
                  epoch.keys.public_key,
                  static_cast<uint32_t>(readers.size()),
                  {},
                  DeviceId{signer.public_key()},
                  {}};
  for (const auto& reader : readers) {
    auto info = wrap_info(wraps.header, reader.device, reader.inbox);
    LYSOEN_ASSIGN(auto sealed, crypto::hpke_seal(reader.inbox, info, {}, epoch.keys.secret.view(), random));
    Wrap wrap{reader.device, {}};
    if (sealed.size() != kWrapSize) return make_error(ErrorCode::internal, "a wrapped key has an unexpected size");
    std::copy(sealed.begin(), sealed.end(), wrap.sealed.begin());
    wraps.wraps.push_back(wrap);
  }
  wraps.header.root = crypto::merkle_root(wrap_hashes(wraps.wraps));
  wraps.header.signature = signer.sign(kWrapsLabel, header_body(wraps.header));
  return wraps;
}

std::optional<OwnWrap> own_wrap(const EpochWraps& wraps, const DeviceId& device) {
  for (size_t i = 0; i < wraps.wraps.size(); ++i) {
    if (wraps.wraps[i].device != device) continue;
    auto proof = crypto::merkle_range_proof(wrap_hashes(wraps.wraps), i, i);
    return OwnWrap{
        wraps.header, wraps.wraps[i], {static_cast<uint32_t>(i), std::move(proof.left), std::move(proof.right)}};
  }
  return std::nullopt;
}

Result<Epoch> open_wrap(const OwnWrap& own, const RosterState& roster, const DeviceId& device,
                        const crypto::KemKeyPair& inbox) {
  const WrapHeader& header = own.header;
  const AudienceEpoch* named = roster.head.epoch_of(header.audience);
  if (header.team != roster.head.team || !named) return refused("it is for another team or audience");
  if (own.wrap.device != device) return refused("it is for another device");
  if (!may_sign(roster.find(header.signer), named->kind)) return refused("it comes from a device that may not give it");
  if (!path_fits(own) || !crypto::verify(header.signer.bytes, kWrapsLabel, header_body(header), header.signature))
    return refused("its signature does not verify");
  if (header.number != named->epoch || header.public_key != named->public_key)
    return refused("it does not fit the key that the roster names",
                   "nothing is sealed with it; show this to an admin at once");
  auto opened = crypto::hpke_open(inbox, wrap_info(header, device, inbox.public_key), {}, own.wrap.sealed);
  if (!opened) return refused("it is sealed to another inbox key of this device, or was altered");
  auto secret = crypto::Key32::from(*opened);
  crypto::wipe(*opened);
  if (!secret) return refused("it is not a key");
  Epoch epoch{header.audience, header.number, crypto::KemKeyPair::from_secret(*secret)};
  if (epoch.keys.public_key != named->public_key)
    return refused("it does not fit the key that the roster names",
                   "nothing is sealed with it; show this to an admin at once");
  return epoch;
}

// -- Bytes: header, signature 64, then all wraps (device 32 ‖ sealed 80), or one wrap and its path
// ----------------------

Bytes encode_wraps(const EpochWraps& wraps) {
  Writer out;
  out.raw(header_body(wraps.header)).raw(wraps.header.signature);
  for (const auto& wrap : wraps.wraps) out.id(wrap.device).raw(wrap.sealed);
  return std::move(out).bytes();
}

Result<EpochWraps> decode_wraps(ByteView bytes) {
  LYSOEN_TRY(layout::check_format(bytes, "the keys of an audience"));
  Reader in(bytes);
  EpochWraps wraps;
  wraps.header = take_header(in);
  if (in.left() != size_t{wraps.header.count} * (32 + kWrapSize)) in.fail();
  for (uint32_t i = 0; i < wraps.header.count && in.ok(); ++i) {
    wraps.wraps.push_back(take_wrap(in));
    if (i > 0 && !(wraps.wraps[i - 1].device < wraps.wraps[i].device)) in.fail();
  }
  if (!in.done() || crypto::merkle_root(wrap_hashes(wraps.wraps)) != wraps.header.root)
    return layout::damaged("the keys of an audience");
  return wraps;
}

Bytes encode_own_wrap(const OwnWrap& own) {
  Writer out;
  out.raw(header_body(own.header)).raw(own.header.signature).id(own.wrap.device).raw(own.wrap.sealed);
  layout::put_proof(out, own.proof);
  return std::move(out).bytes();
}

Result<OwnWrap> decode_own_wrap(ByteView bytes) {
  LYSOEN_TRY(layout::check_format(bytes, "the key of an audience"));
  Reader in(bytes);
  OwnWrap own;
  own.header = take_header(in);
  own.wrap = take_wrap(in);
  own.proof = layout::take_proof(in);
  if (!in.done() || !path_fits(own)) return layout::damaged("the key of an audience");
  return own;
}

}  // namespace lysoen::team
