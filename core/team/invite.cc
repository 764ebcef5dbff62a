#include "core/team/invite.h"

#include <algorithm>

#include "core/base/base64url.h"
#include "core/base/try.h"
#include "core/base/utc.h"
#include "core/team/invite_keys.h"
#include "core/team/layout.h"

namespace lysoen::team {
namespace {

constexpr size_t kChecksum = 4;

Error not_an_invite() {
  return make_error(ErrorCode::input_refused, "cannot read the invite: it is not one, or was cut short in copying",
                    "copy the whole link again, or ask for the file");
}

}  // namespace

// -- Keys ------------------------------------------------------------------------------------------------------------

namespace invite_keys {

crypto::Key32 derive(const InviteContents& invite, std::string_view purpose) {
  auto base = crypto::hkdf_extract(as_bytes("lysoen/1 invite"), invite.secret.view());
  return crypto::hkdf_expand_key(base, purpose);
}

}  // namespace invite_keys

crypto::SigningKey invite_key(const InviteContents& invite) {
  return crypto::SigningKey::from_seed(invite_keys::derive(invite, invite_keys::kSigning));
}

Hash invite_id(const InviteContents& invite) {
  return Hash{invite_key(invite).public_key()};
}

// -- Making and checking ---------------------------------------------------------------------------------------------

InviteContents InviteContents::copy() const {
  return {root, team, team_name, relays, admin, admin_inbox, role, name, expires, secret.copy()};
}

InviteContents make_invite(const TeamId& team, const crypto::SignPublic& root, std::string team_name,
                           std::span<const RelayInfo> relays, const DeviceId& admin, const PublicKey& admin_inbox,
                           const InviteOptions& options, WallTime now, Random& random) {
  auto first = relays.first(std::min(relays.size(), kInviteRelaysMax));
  return {root,         team,         std::move(team_name), {first.begin(), first.end()},      admin, admin_inbox,
          options.role, options.name, now + kInviteValid,   crypto::Secret<16>::random(random)};
}

Result<void> check_invite(const InviteContents& invite, WallTime now, const std::optional<TeamId>& own) {
  if (own && invite.team != *own)
    return make_error(ErrorCode::trust_refused, "cannot use the invite: it is another team's");
  if (now > invite.expires)
    return make_error(ErrorCode::trust_refused, "cannot use the invite: it ran out on " + utc_day(invite.expires),
                      "ask for a new invite, or check this device's date");
  return {};
}

// -- Bytes -----------------------------------------------------------------------------------------------------------

Result<Bytes> encode_invite(const InviteContents& invite) {
  auto refused = [](const char* why) {
    return make_error(ErrorCode::input_refused, std::string("cannot make the invite: ") + why);
  };
  if (invite.name.empty() || !layout::is_text(invite.name, kNameMax))
    return refused("the name is empty, longer than 63 bytes or holds control characters");
  if (!layout::is_text(invite.team_name, kNameMax)) return refused("the team's name is not well formed");
  if (invite.role == Role::none) return refused("no role is given");
  if (invite.relays.size() > kInviteRelaysMax ||
      !std::all_of(invite.relays.begin(), invite.relays.end(), layout::is_sound))
    return refused("a relay's address is not well formed");
  Writer out;
  out.u8(kFormat).u8(kSuite).id(invite.team).raw(invite.root).field(invite.team_name);
  out.id(invite.admin).raw(invite.admin_inbox).u8(static_cast<uint8_t>(invite.role)).field(invite.name);
  layout::put_time(out, invite.expires);
  out.raw(invite.secret.view()).u8(static_cast<uint8_t>(invite.relays.size()));
  for (const auto& relay : invite.relays) layout::put_relay(out, relay);
  Hash sum = crypto::sha256(out.bytes());
  out.raw(sum.view().first(kChecksum));
  if (out.bytes().size() > kInviteMax) return refused("the relays' addresses are too long");
  return std::move(out).bytes();
}

Result<InviteContents> decode_invite(ByteView bytes) {
  if (bytes.size() > kInviteMax || bytes.size() <= kChecksum) return not_an_invite();
  Hash sum = crypto::sha256(bytes.first(bytes.size() - kChecksum));
  if (!crypto::equal(sum.view().first(kChecksum), bytes.last(kChecksum))) return not_an_invite();
  LYSOEN_TRY(layout::check_format(bytes, "the invite"));
  Reader in(bytes.subspan(1, bytes.size() - 1 - kChecksum));
  InviteContents invite;
  if (in.u8() != kSuite) in.fail();
  invite.team = in.id<TeamId>();
  invite.root = in.array<32>();
  invite.team_name = layout::take_text(in, kNameMax);
  invite.admin = in.id<DeviceId>();
  invite.admin_inbox = in.array<32>();
  uint8_t role = in.u8();
  if (role == 0 || role > 15) in.fail();
  invite.role = static_cast<Role>(role);
  invite.name = layout::take_text(in, kNameMax);
  invite.expires = layout::take_time(in);
  auto secret = in.array<16>();
  invite.secret = crypto::Secret<16>(secret);
  crypto::wipe(secret);
  size_t relays = in.u8();
  if (relays > kInviteRelaysMax || invite.name.empty()) in.fail();
  for (size_t i = 0; i < relays && in.ok(); ++i) invite.relays.push_back(layout::take_relay(in));
  if (!in.done()) return not_an_invite();
  return invite;
}

Result<InviteContents> read_invite(ByteView file_or_link) {
  if (!file_or_link.empty() && file_or_link[0] == kFormat) return decode_invite(file_or_link);
  constexpr std::string_view kSpace = " \t\r\n";
  auto text = as_text(file_or_link);
  auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return not_an_invite();
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  if (!text.starts_with(kInviteLinkPrefix)) return decode_invite(file_or_link);
  auto bytes = from_base64url(text.substr(kInviteLinkPrefix.size()));
  if (!bytes) return not_an_invite();
  auto invite = decode_invite(*bytes);
  crypto::wipe(*bytes);
  return invite;
}

std::string invite_link(ByteView invite) {
  return std::string(kInviteLinkPrefix) + to_base64url(invite);
}

}  // namespace lysoen::team

namespace lysoen {

Result<void> check_invite(ByteView file_or_link, WallTime now) {
  LYSOEN_ASSIGN(auto invite, team::read_invite(file_or_link));
  return team::check_invite(invite, now);
}

}  // namespace lysoen
