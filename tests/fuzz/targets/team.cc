// Layouts of a team: what decodes has this one encoding; a relay's and a joiner's inputs are read past their seals.
#include "core/crypto/cipher.h"
#include "core/team/admission.h"
#include "core/team/author.h"
#include "core/team/epoch.h"
#include "core/team/invite.h"
#include "core/team/invite_keys.h"
#include "core/team/join.h"
#include "core/team/layout.h"
#include "core/team/policy.h"
#include "core/team/root.h"
#include "core/team/roster_verify.h"
#include "core/team/text_key.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::team;
using fuzz::require;

namespace {

constexpr const char* kOneEncoding = "what decodes is exactly what its encoder writes";
constexpr WallTime kNow{std::chrono::milliseconds(1767225600000)};

bool same(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

template <auto decode, auto encode>
void there_and_back(ByteView bytes) {
  auto read = decode(bytes);
  if (read.ok()) require(same(encode(*read), bytes), kOneEncoding);
}

void invite(ByteView bytes) {
  auto read = read_invite(bytes);
  if (!read) return;
  auto written = encode_invite(*read);
  require(written.ok(), "an invite that was read can be written");
  require(bytes[0] != kFormat || same(*written, bytes), kOneEncoding);
  auto link = read_invite(as_bytes(invite_link(*written)));
  require(link.ok() && invite_id(*link) == invite_id(*read), "an invite is the same as link and as file");
}

void head(ByteView bytes) {
  auto read = decode_head(bytes);
  if (!read) return;
  require(same(encode_head(*read), bytes), kOneEncoding);
  check_expiry(*read, kNow);
}

/// A whole roster, and what a device makes of it.
void roster(ByteView bytes) {
  auto read = decode_roster(bytes);
  if (!read) return;
  require(same(encode_roster(*read), bytes), kOneEncoding);
  auto reduced = state_for(*read, {});
  auto state = decode_state(encode_state(reduced));
  require(state.ok() && *state == reduced, "what a device keeps of a roster can be read again");
  verify_start(*state, read->head.team, read->head.root, kNow);
  verify_successor(*state, *read, kNow);
}

void admission(ByteView bytes) {
  auto read = decode_admission(bytes);
  if (!read) return;
  require(same(encode_admission(*read), bytes), kOneEncoding);
  verify_admission(nullptr, *read, read->root);
  verify_admission(&*read, *read, read->root);
}

void history(ByteView bytes) {
  auto read = RoleHistory::decode(bytes);
  if (!read) return;
  require(same(read->encode(), bytes), kOneEncoding);
  Reader in(bytes.last(std::min<size_t>(bytes.size(), 64)));
  EditClaim claim{in.id<DeviceId>(), in.id<DeviceId>(), {}, 1, 0, false};
  may_edit(claim, *read);
}

void text_keys(ByteView bytes) {
  auto text = as_text(bytes);
  if (auto root = parse_team_key(text); root.ok())
    require(parse_team_key(team_key_text(*root)).ok(), "a team key that was read can be written");
  if (auto relay = parse_relay_key(text); relay.ok())
    require(parse_relay_key(relay_key_text(*relay)).ok(), "a relay key that was read can be written");
}

/// With its checksum made good, and only if the derivation would be refused or cheap.
void root_file(ByteView bytes) {
  Bytes file = to_bytes(bytes);
  if (file.size() == kRootFileSize) {
    auto sum = crypto::sha256(ByteView(file).first(kRootFileSize - 8));
    std::copy_n(sum.bytes.begin(), 8, file.end() - 8);
    Reader in(ByteView(file).subspan(1));
    crypto::Argon2Cost cost{in.u32(), in.u32()};
    if (cost.allowed() && (cost.memory_kib > 64 || cost.passes > 1)) return;
  }
  (void)open_root(file, "correct horse");
}

struct Joining {
  test::SeededRandom random{1};
  crypto::SigningKey root = crypto::SigningKey::generate(random), admin = crypto::SigningKey::generate(random),
                     joiner = crypto::SigningKey::generate(random);
  crypto::KemKeyPair inbox = crypto::KemKeyPair::generate(random);
  InviteContents invite =
      make_invite(team_id(root.public_key()), root.public_key(), "Field team", {}, DeviceId{admin.public_key()},
                  inbox.public_key, {Role::reporter, "Bo"}, kNow, random);
  Hash id = invite_id(invite);
  Bytes front = Writer().u8(kFormat).id(id).bytes();

  /// Sealed as docs/formats/team.md says, around a plaintext of ours.
  Bytes seal(std::string_view label, ByteView bound, ByteView plaintext) {
    auto info = layout::context(label).u8(kSuite).id(invite.team).id(id).raw(bound).bytes();
    auto psk = invite_keys::derive(invite, invite_keys::kPsk);
    auto sealed = crypto::hpke_seal(inbox.public_key, info, front, plaintext, random,
                                    crypto::HpkeContext::Psk{psk.view(), id.view()});
    require(sealed.ok(), "the keys of this target seal");
    return Writer().raw(front).raw(*sealed).bytes();
  }
};

void join_request(ByteView plaintext) {
  Joining who;
  auto message = who.seal("lysoen/1 join request", who.invite.admin.view(), plaintext);
  auto opened = open_join_request(who.invite, who.inbox, message);
  if (!opened) require(opened.error().message.find("altered") == std::string::npos, "this target's requests open");
}

/// A welcome that the admin signed, whatever it says.
void welcome(ByteView body) {
  Joining who;
  DeviceId device{who.joiner.public_key()};
  Hash request = crypto::sha256(as_bytes("request"));
  constexpr std::string_view kLabel = "lysoen/1 welcome";
  auto message = Writer().id(who.id).id(request).id(device).id(crypto::sha256(body)).bytes();
  auto plaintext = crypto::pad(Writer().raw(who.admin.sign(kLabel, message)).raw(body).bytes());
  auto bound = Writer().id(who.invite.admin).id(request).id(device).bytes();
  auto opened = open_welcome(who.invite, device, who.inbox, request, who.seal(kLabel, bound, plaintext), kNow);
  require(!opened.ok(), "a welcome without the root's signature is refused");
  require(opened.error().message.find("altered") == std::string::npos, "this target's welcomes open");
}

constexpr void (*kReaders[])(ByteView) = {
    invite,
    there_and_back<decode_leaf, encode_leaf>,
    head,
    roster,
    there_and_back<decode_certificate, encode_certificate>,
    admission,
    there_and_back<decode_wraps, encode_wraps>,
    there_and_back<decode_own_wrap, encode_own_wrap>,
    there_and_back<decode_state, encode_state>,
    history,
    text_keys,
    root_file,
    join_request,
    welcome,
    there_and_back<decode_policy, encode_policy>,
};

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  auto add = [&](size_t reader, std::string_view prefix, std::string_view key) {
    for (const auto& value : vector_values("team", prefix, key)) seeds.push_back(chosen(reader, value));
  };
  add(0, "invite_", "invite");
  add(1, "name_", "leaf");
  add(3, "step_", "candidate");
  add(3, "sealed_", "roster");
  add(5, "admission_", "candidate");
  add(7, "wrap_", "wrap");
  add(8, "wrap_", "held");
  add(8, "welcome_", "state");
  add(11, "root_", "file");
  for (const auto& bytes : vector_values("team", "step_", "candidate")) {
    auto read = decode_roster(bytes);
    if (!read) continue;
    seeds.push_back(chosen(2, encode_head(read->head)));
    if (read->head.certificate) seeds.push_back(chosen(4, encode_certificate(*read->head.certificate)));
    RoleHistory history;
    history.follow(state_for(*read, read->leaves.front().device));
    seeds.push_back(chosen(9, history.encode()));
  }
  Joining who;
  auto link = invite_link(*encode_invite(who.invite));
  seeds.push_back(chosen(0, as_bytes(link)));
  seeds.push_back(chosen(10, as_bytes(team_key_text(who.root.public_key()))));
  seeds.push_back(chosen(10, as_bytes(relay_key_text(RelayInfo{}))));
  test::SeededRandom random(3);
  auto epoch = Epoch::generate({}, 1, random);
  auto wraps = wrap_epoch(who.invite.team, epoch, {{DeviceId{who.joiner.public_key()}, who.inbox.public_key}},
                          who.admin, random);
  if (wraps.ok()) seeds.push_back(chosen(6, encode_wraps(*wraps)));
  seeds.push_back(chosen(12, Bytes(1 + 32 + 32 + 8 + 1 + 64, 1)));
  TeamPolicy policy{{Keep::until_opened, 7, false}, {}, {}, {Keep::until_held, 0, true}};
  seeds.push_back(chosen(14, encode_policy(policy)));
  for (const auto& state : vector_values("team", "welcome_", "state"))
    seeds.push_back(
        chosen(13, Writer().u8(kSuite).field(state).u8(1).raw(Bytes(32, 1)).u8(0).u8(0).u8(0).u8(0).bytes()));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  kReaders[choices.below(std::size(kReaders))](choices.rest());
}
