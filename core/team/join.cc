#include "core/team/join.h"

#include "core/base/try.h"
#include "core/crypto/cipher.h"
#include "core/team/invite_keys.h"
#include "core/team/layout.h"
#include "core/team/roster_verify.h"

// Both messages: format u8 ‖ invite id 32 ‖ HPKE, PSK mode (encapsulation 32 ‖ ciphertext ‖ tag 16), psk_id = invite
// id, AAD = the 33 bytes in front.
namespace lysoen::team {
namespace {

constexpr std::string_view kRequestLabel = "lysoen/1 join request";
constexpr std::string_view kRequestIdLabel = "lysoen/1 join request id";
constexpr std::string_view kWelcomeLabel = "lysoen/1 welcome";
constexpr size_t kFront = 33, kSealing = 32 + 16;
constexpr size_t kStateMax = 2 * kSealedRosterMax, kWrapMax = 8192, kWrapsMax = 64;

Error refused(std::string_view what, std::string_view why, std::string hint = {}) {
  return make_error(ErrorCode::trust_refused, std::string(what) + " refused: " + std::string(why), std::move(hint));
}

Result<Hash> invite_in_front(ByteView message, const std::string& what, size_t size_max) {
  if (message.size() > size_max)
    return make_error(ErrorCode::limit_exceeded,
                      "cannot read " + what + ": larger than " + std::to_string(size_max) + " bytes");
  if (message.size() < kFront + kSealing)
    return make_error(ErrorCode::input_refused, "cannot read " + what + ": it is not one, or was cut short");
  LYSOEN_TRY(layout::check_format(message, what));
  return Reader(message.subspan(1)).id<Hash>();
}

Bytes front_of(const Hash& invite) {
  Writer out;
  out.u8(kFormat).id(invite);
  return std::move(out).bytes();
}

/// HPKE with the invite's key; `info` binds who it is for.
struct Sealing {
  crypto::Key32 psk;
  Hash invite;
  Bytes info, front;

  crypto::HpkeContext::Psk with() const { return {psk.view(), invite.view()}; }
};

Sealing sealing_of(const InviteContents& invite, std::string_view label, ByteView bound) {
  Hash id = invite_id(invite);
  auto info = layout::context(label);
  info.u8(kSuite).id(invite.team).id(id).raw(bound);
  return {invite_keys::derive(invite, invite_keys::kPsk), id, info.bytes(), front_of(id)};
}

Result<Bytes> seal(const Sealing& sealing, const PublicKey& to, ByteView plaintext, Random& random) {
  LYSOEN_ASSIGN(auto sealed, crypto::hpke_seal(to, sealing.info, sealing.front, plaintext, random, sealing.with()));
  Bytes message = sealing.front;
  message.insert(message.end(), sealed.begin(), sealed.end());
  return message;
}

Result<Bytes> open(const Sealing& sealing, const crypto::KemKeyPair& own, ByteView message) {
  return crypto::hpke_open(own, sealing.info, sealing.front, message.subspan(kFront), sealing.with());
}

/// What the new device signs: that it wants to join this team, by this invite, with this inbox key.
Bytes request_message(const TeamId& team, const Hash& invite, const OpenedRequest& request) {
  Writer out;
  out.id(team).id(invite).id(request.device).raw(request.inbox);
  layout::put_time(out, request.made);
  layout::put_optional(out, Hash{request.replaces.bytes});
  return std::move(out).bytes();
}

}  // namespace

// -- Request: suite u8, device 32, inbox 32, made u64, replaced device as an optional hash, signature 64 --------------

Result<Bytes> make_join_request(const InviteContents& invite, const crypto::SigningKey& device, const PublicKey& inbox,
                                WallTime now, Random& random, const DeviceId& replaces) {
  auto sealing = sealing_of(invite, kRequestLabel, invite.admin.view());
  OpenedRequest request{{}, sealing.invite, DeviceId{device.public_key()}, inbox, now, replaces};
  Writer out;
  out.u8(kSuite).id(request.device).raw(inbox);
  layout::put_time(out, now);
  layout::put_optional(out, Hash{replaces.bytes});
  out.raw(device.sign(kRequestLabel, request_message(invite.team, sealing.invite, request)));
  return seal(sealing, invite.admin_inbox, out.bytes(), random);
}

Result<Hash> invite_of_request(ByteView request) {
  return invite_in_front(request, "the join request", kJoinRequestMax);
}

Hash join_request_id(ByteView request) {
  return crypto::labelled_hash(kRequestIdLabel, request);
}

Result<OpenedRequest> open_join_request(const InviteContents& invite, const crypto::KemKeyPair& admin_inbox,
                                        ByteView request) {
  LYSOEN_ASSIGN(Hash named, invite_of_request(request));
  auto sealing = sealing_of(invite, kRequestLabel, invite.admin.view());
  if (named != sealing.invite) return refused("join request", "it was made with another invite");
  auto plaintext = open(sealing, admin_inbox, request);
  if (!plaintext) return refused("join request", "it was altered, or is for another admin's device");
  Reader in(*plaintext);
  OpenedRequest opened;
  opened.id = join_request_id(request);
  opened.invite = named;
  if (in.u8() != kSuite) in.fail();
  opened.device = in.id<DeviceId>();
  opened.inbox = in.array<32>();
  opened.made = layout::take_time(in);
  opened.replaces.bytes = layout::take_optional(in).bytes;
  auto signature = in.array<64>();
  auto message = request_message(invite.team, named, opened);
  if (!in.done() || !crypto::verify(opened.device.bytes, kRequestLabel, message, signature))
    return refused("join request", "the device it names did not sign it");
  return opened;
}

Result<void> check_unused(const Roster& roster, const Hash& invite) {
  for (const auto& leaf : roster.leaves)
    if (leaf.invite == invite) return refused("join request", "this invite was used already", "make a new invite");
  return {};
}

// -- Welcome: padded(signature 64 ‖ body) -----------------------------------------------------------------------------
// body = suite u8, state as a field, keys u8 ‖ each 32, wraps u8 ‖ each as a field, certificate, admission list and
// role history as fields that may be empty

namespace {

Bytes welcome_body(const WelcomeContents& contents) {
  Writer out;
  out.u8(kSuite).field(encode_state(contents.roster));
  out.u8(static_cast<uint8_t>(contents.roster_keys.size()));
  for (const auto& key : contents.roster_keys) out.raw(key.view());
  out.u8(static_cast<uint8_t>(contents.wraps.size()));
  for (const auto& wrap : contents.wraps) out.field(encode_own_wrap(wrap));
  out.field(contents.certificate ? encode_certificate(*contents.certificate) : Bytes{});
  out.field(contents.admission_list);
  bool history = contents.roster.whole && contents.history.newest() > 0;
  out.field(history ? contents.history.encode() : Bytes{});
  return std::move(out).bytes();
}

Result<WelcomeContents> read_body(ByteView body) {
  Reader in(body);
  WelcomeContents contents;
  if (in.u8() != kSuite) in.fail();
  LYSOEN_ASSIGN(contents.roster, decode_state(in.field(kStateMax)));
  size_t keys = in.u8();
  if (keys == 0 || keys > kRosterKeysMax) in.fail();
  for (size_t i = 0; i < keys && in.ok(); ++i)
    if (auto key = crypto::Key32::from(in.raw(32))) contents.roster_keys.push_back(std::move(*key));
  size_t wraps = in.u8();
  if (wraps > kWrapsMax) in.fail();
  for (size_t i = 0; i < wraps && in.ok(); ++i) {
    LYSOEN_ASSIGN(auto wrap, decode_own_wrap(in.field(kWrapMax)));
    contents.wraps.push_back(std::move(wrap));
  }
  if (auto certificate = in.field(kCertificateSize); !certificate.empty()) {
    LYSOEN_ASSIGN(contents.certificate, decode_certificate(certificate));
  }
  contents.admission_list = to_bytes(in.field(kSealedRosterMax));
  if (auto history = in.field(kSealedRosterMax); !history.empty()) {
    LYSOEN_ASSIGN(contents.history, RoleHistory::decode(history));
  }
  if (!in.done()) return layout::damaged("the welcome");
  return contents;
}

/// What the admin signs: this body, for this request by this device.
Bytes welcome_message(const Hash& invite, const Hash& request, const DeviceId& device, ByteView body) {
  Writer out;
  out.id(invite).id(request).id(device).raw(crypto::sha256(body).view());
  return std::move(out).bytes();
}

Bytes welcome_binding(const InviteContents& invite, const Hash& request, const DeviceId& device) {
  Writer out;
  out.id(invite.admin).id(request).id(device);
  return std::move(out).bytes();
}

/// The roster is the invite's team's, names this device as it asked, and the certificate is its own.
Result<void> check_contents(const InviteContents& invite, const DeviceId& device, const PublicKey& inbox,
                            const WelcomeContents& contents, WallTime now) {
  const RosterState& roster = contents.roster;
  if (auto verdict = verify_start(roster, invite.team, invite.root, now); !verdict.accepted()) return verdict.error();
  const Leaf* own = roster.find(device);
  if (!own || own->inbox != inbox || own->invite != invite_id(invite))
    return refused("welcome", "its roster does not name this device");
  const Leaf* admin = roster.find(invite.admin);
  if (!admin || !has(admin->role, Role::admin)) return refused("welcome", "its sender is no admin of the team");
  const auto& certificate = contents.certificate;
  if (certificate && (certificate->admin != device || !certificate_verifies(*certificate, invite.root, invite.team)))
    return refused("welcome", "its admin certificate does not verify");
  if (contents.history.newest() != 0 && (!roster.whole || contents.history.newest() != roster.head.version))
    return refused("welcome", "its history of roles is not that of its roster");
  return {};
}

}  // namespace

Result<Hash> invite_of_welcome(ByteView welcome) {
  return invite_in_front(welcome, "the welcome", kWelcomeMax);
}

Result<Bytes> make_welcome(const InviteContents& invite, const OpenedRequest& request, const WelcomeContents& contents,
                           const crypto::SigningKey& admin, Random& random) {
  const Leaf* leaf = contents.roster.find(request.device);
  if (!leaf || leaf->invite != request.invite || leaf->inbox != request.inbox)
    return make_error(ErrorCode::usage, "cannot make the welcome: the roster does not name the new device");
  if (contents.roster_keys.empty() || contents.roster_keys.size() > kRosterKeysMax || contents.wraps.size() > kWrapsMax)
    return make_error(ErrorCode::usage, "cannot make the welcome: too many keys, or none");
  auto sealing = sealing_of(invite, kWelcomeLabel, welcome_binding(invite, request.id, request.device));
  Bytes body = welcome_body(contents);
  Bytes plaintext =
      to_bytes(admin.sign(kWelcomeLabel, welcome_message(request.invite, request.id, request.device, body)));
  plaintext.insert(plaintext.end(), body.begin(), body.end());
  Bytes padded = crypto::pad(plaintext);
  auto welcome = seal(sealing, request.inbox, padded, random);
  for (auto* secret : {&body, &plaintext, &padded}) crypto::wipe(*secret);
  if (welcome && welcome->size() > kWelcomeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot make the welcome: the roster is too large");
  return welcome;
}

Result<WelcomeContents> open_welcome(const InviteContents& invite, const DeviceId& device,
                                     const crypto::KemKeyPair& inbox, const Hash& request_id, ByteView welcome,
                                     WallTime now) {
  LYSOEN_ASSIGN(Hash named, invite_of_welcome(welcome));
  auto sealing = sealing_of(invite, kWelcomeLabel, welcome_binding(invite, request_id, device));
  if (named != sealing.invite) return refused("welcome", "it belongs to another invite");
  auto padded = open(sealing, inbox, welcome);
  if (!padded) return refused("welcome", "it is for another join request, or was altered");
  auto size = crypto::unpadded_size(*padded);
  if (!size || *size < 64) return layout::damaged("the welcome");
  ByteView plaintext = ByteView(*padded).first(*size);
  auto signature = Reader(plaintext).array<64>();
  ByteView body = plaintext.subspan(64);
  if (!crypto::verify(invite.admin.bytes, kWelcomeLabel, welcome_message(named, request_id, device, body), signature))
    return refused("welcome", "the admin who invited did not sign it");
  auto contents = read_body(body);
  crypto::wipe(*padded);
  if (!contents) return contents;
  LYSOEN_TRY(check_contents(invite, device, inbox.public_key, *contents, now));
  contents->history.follow(contents->roster);
  return contents;
}

}  // namespace lysoen::team
