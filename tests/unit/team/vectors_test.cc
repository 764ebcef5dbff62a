// Vectors of our own, tests/vectors/team: one scenario a file, for a second implementation (docs/formats/team.md).
// `unit_team "[make-vectors]"` writes them anew after a change of format.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "core/team/admission.h"
#include "core/team/text_key.h"
#include "tests/support/paths.h"
#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

using Fields = std::map<std::string, std::string>;

std::filesystem::path folder() {
  return source_dir() / "tests" / "vectors" / "team";
}

// -- What each kind of object is put through -------------------------------------------------------------------------

Bytes bytes_of(const Fields& fields, const std::string& name) {
  auto bytes = from_hex(fields.at(name));
  REQUIRE(bytes.has_value());
  return *bytes;
}
template <class IdType>
IdType id_of(const Fields& fields, const std::string& name) {
  return *IdType::from(bytes_of(fields, name));
}
WallTime time_of(const Fields& fields) {
  return WallTime(std::chrono::milliseconds(std::stoll(fields.at("now"))));
}
crypto::SignPublic root_of(const Fields& fields) {
  return id_of<Hash>(fields, "root").bytes;
}
crypto::KemKeyPair inbox_of(const Fields& fields) {
  return crypto::KemKeyPair::from_secret(*crypto::Key32::from(bytes_of(fields, "inbox_secret")));
}
std::string outcome(const Error& error) {
  return std::string(name_of(error.code));
}

std::string step(const Fields& fields) {
  auto held = decode_state(bytes_of(fields, "held"));
  REQUIRE(held.ok());
  auto candidate = decode_roster(bytes_of(fields, "candidate"));
  if (!candidate.ok()) return outcome(candidate.error());
  auto verdict = verify_successor(*held, *candidate, time_of(fields));
  return std::string(name_of(verdict.outcome)) + (verdict.expired ? ", expired" : "");
}

std::string sealed_roster(const Fields& fields) {
  SealedRoster sealed{std::stoull(fields.at("version")), id_of<Hash>(fields, "hash"), bytes_of(fields, "sealed")};
  auto key = crypto::Key32::from(bytes_of(fields, "roster_key"));
  auto roster = open_roster(sealed, id_of<TeamId>(fields, "team"), *key);
  if (!roster.ok()) return outcome(roster.error());
  CHECK(encode_roster(*roster) == bytes_of(fields, "roster"));
  return "accepted";
}

std::string name(const Fields& fields) {
  auto leaf = decode_leaf(bytes_of(fields, "leaf"));
  REQUIRE(leaf.ok());
  auto key = names_key(*crypto::Key32::from(bytes_of(fields, "epoch_secret")));
  auto opened = open_name(key, id_of<TeamId>(fields, "team"), *leaf);
  if (!opened.ok()) return outcome(opened.error());
  CHECK(*opened == fields.at("name"));
  return "accepted";
}

std::string wrap(const Fields& fields) {
  auto own = decode_own_wrap(bytes_of(fields, "wrap"));
  if (!own.ok()) return outcome(own.error());
  auto state = decode_state(bytes_of(fields, "held"));
  auto epoch = open_wrap(*own, *state, id_of<DeviceId>(fields, "device"), inbox_of(fields));
  if (!epoch.ok()) return outcome(epoch.error());
  CHECK(to_hex(epoch->keys.secret.view()) == fields.at("epoch_secret"));
  return "accepted";
}

std::string root_file(const Fields& fields) {
  auto root = open_root(bytes_of(fields, "file"), fields.at("passphrase"));
  if (!root.ok()) return outcome(root.error());
  CHECK(to_hex(root->key.seed().view()) == fields.at("seed"));
  CHECK(root->team.hex() == fields.at("team"));
  return "accepted";
}

std::string invite(const Fields& fields) {
  auto read = read_invite(as_bytes(fields.at("link")));
  if (!read.ok()) return outcome(read.error());
  CHECK(to_hex(read->secret.view()) == fields.at("secret"));
  CHECK(invite_id(*read).hex() == fields.at("invite"));
  CHECK(*check_words(*read, id_of<Hash>(fields, "request_id")) == fields.at("words"));
  auto usable = check_invite(*read, time_of(fields), id_of<TeamId>(fields, "team"));
  return usable.ok() ? "accepted" : outcome(usable.error());
}

std::string request(const Fields& fields) {
  auto read = read_invite(as_bytes(fields.at("link")));
  auto opened = open_join_request(*read, inbox_of(fields), bytes_of(fields, "request"));
  if (!opened.ok()) return outcome(opened.error());
  CHECK(opened->id.hex() == fields.at("request_id"));
  CHECK(opened->device.hex() == fields.at("device"));
  CHECK(to_hex(opened->inbox) == fields.at("inbox"));
  CHECK((opened->replaces.is_none() ? "none" : opened->replaces.hex()) == fields.at("replaces"));
  return "accepted";
}

std::string welcome(const Fields& fields) {
  auto read = read_invite(as_bytes(fields.at("link")));
  auto opened = open_welcome(*read, id_of<DeviceId>(fields, "device"), inbox_of(fields),
                             id_of<Hash>(fields, "request_id"), bytes_of(fields, "welcome"), time_of(fields));
  if (!opened.ok()) return outcome(opened.error());
  CHECK(encode_state(opened->roster) == bytes_of(fields, "state"));
  CHECK(to_hex(opened->roster_keys.at(0).view()) == fields.at("roster_key"));
  return "accepted";
}

std::string admission(const Fields& fields) {
  std::optional<AdmissionList> held;
  if (fields.contains("held")) held = *decode_admission(bytes_of(fields, "held"));
  auto candidate = decode_admission(bytes_of(fields, "candidate"));
  if (!candidate.ok()) return outcome(candidate.error());
  return std::string(name_of(verify_admission(held ? &*held : nullptr, *candidate, root_of(fields)).outcome));
}

std::string text_keys(const Fields& fields) {
  auto relay = parse_relay_key(fields.at("relay_key"));
  if (!relay.ok()) return outcome(relay.error());
  auto team = parse_team_key(fields.at("team_key"));
  if (!team.ok()) return outcome(team.error());
  CHECK(relay->id.hex() == fields.at("identity"));
  CHECK(to_hex(relay->fallback_key) == fields.at("fallback"));
  CHECK(to_hex(relay->gate_key) == fields.at("gate"));
  CHECK(to_hex(*team) == fields.at("root"));
  CHECK(team_id(*team).hex() == fields.at("team"));
  return "accepted";
}

const std::map<std::string, std::function<std::string(const Fields&)>> kKinds = {{"step", step},
                                                                                 {"sealed roster", sealed_roster},
                                                                                 {"name", name},
                                                                                 {"wrap", wrap},
                                                                                 {"root file", root_file},
                                                                                 {"invite", invite},
                                                                                 {"join request", request},
                                                                                 {"welcome", welcome},
                                                                                 {"admission", admission},
                                                                                 {"text keys", text_keys}};

// -- Making ----------------------------------------------------------------------------------------------------------

void write(const std::string& file, const std::string& expect, const std::string& about, const std::string& object,
           const Fields& fields) {
  std::ofstream out(folder() / (file + ".txt"), std::ios::binary);
  out << "expect: " << expect << "\nabout: " << about << "\nobject: " << object << "\n\n";
  for (const auto& [name, value] : fields) out << name << ": " << value << "\n";
}

std::string ms(WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

Bytes flipped(Bytes bytes, size_t at) {
  return bytes.at(at) ^= 1, bytes;
}

void make_steps(TestTeam& team) {
  auto held = team.state(team.founder);
  auto put = [&](const std::string& file, const std::string& expect, const std::string& about, const Roster& next,
                 WallTime now = kNow) {
    write("step_" + file, expect, about, "step",
          {{"held", to_hex(encode_state(held))}, {"candidate", to_hex(encode_roster(next))}, {"now", ms(now)}});
  };
  const auto* epoch = &team.founding->team_epoch;
  auto coordinator = Device::make(team.random);
  auto next = team.with(coordinator, Role::coordinator, "Chi");
  put("ordinary", "accepted", "a coordinator more, agreed to by a device that reads", next);
  put("same", "same", "the version held", team.roster);
  put("expired", "accepted, expired", "accepted a day after it ran out", next, next.head.expires + kDay);
  auto unsigned_reader = next;
  unsigned_reader.head.approval.reset();
  put("reader_without_agreement", "not allowed", "a new reader, no agreement by a reading device", unsigned_reader);
  auto forged = next;
  forged.head.signature[0] ^= 1;
  put("signature_flipped", "bad signature", "one bit of the signature differs", forged);
  auto as_admin =
      add_member(team.roster, team.member(coordinator, Role::admin), team.by_root(), epoch, kNow, team.random);
  put("new_admin_by_root", "accepted", "an admin more, signed by the root", *as_admin);
  auto relays = team.roster.head.relays;
  relays[0].durable = false;
  put("durable_relay_by_root", "accepted", "a relay is durable no more, signed by the root",
      *set_relays(team.roster, relays, team.by_root(), kNow));
  auto policy = *set_policy(team.roster, Role::reporter, {Keep::until_opened, 7, false}, team.admin(), kNow);
  put("policy", "accepted", "reporters keep until opened and 7 days, and may not wipe; by an admin", policy);
  put("policy_no_plain_http", "accepted", "admins are to use no plain HTTP; by an admin",
      *set_policy(team.roster, Role::admin, {.plain_http = false}, team.admin(), kNow));
  Bytes other_days = encode_roster(policy);
  size_t at =
      1 + 2 + encode_head(policy.head).size() + 1 + 1 + 2;  // format, field of the head, field, format, keep, days
  other_days[at] ^= 1;
  write("step_policy_changed", "damaged", "6 days instead of 7: not the policy that the head names", "step",
        {{"held", to_hex(encode_state(held))}, {"candidate", to_hex(other_days)}, {"now", ms(kNow)}});
  TestTeam stranger(2);
  put("other_team", "foreign team", "another team's roster", stranger.roster);
  auto foreign = next;
  foreign.head.root = stranger.root.key.public_key();
  put("other_root", "foreign root", "this team's id, another root", foreign);
  Bytes leaf_changed = encode_roster(next);
  leaf_changed[leaf_changed.size() - 1] ^= 1;
  write("step_leaf_flipped", "damaged", "one bit of a sealed name differs: the leaves are not those of the head",
        "step", {{"held", to_hex(encode_state(held))}, {"candidate", to_hex(leaf_changed)}, {"now", ms(kNow)}});

  team.roster = next;
  Roster third = team.with(Device::make(team.random), Role::reporter);
  put("ahead", "ahead", "a version between is missing", third);
  Roster fork = *renew(held.whole ? *whole_roster(held) : next, team.admin(), kNow);
  held = team.state(team.founder);
  put("fork", "fork", "another version 2 than the one held", fork);
  put("rolled_back", "older", "version 1 offered to a device that holds 2", team.founding->roster);
  held = state_for(third, third.leaves.front().role == Role::reporter ? third.leaves.front().device : DeviceId{});
  team.roster = third;
  put("of_a_reporter", "accepted", "held: a reduced state; the leaves of staff with their paths",
      team.with(Device::make(team.random), Role::auditor));
}

void make_sealed(TestTeam& team) {
  auto sealed = *seal_roster(team.roster, team.founding->roster_key, team.random);
  Fields fields = {{"team", team.root.team.hex()},
                   {"roster_key", to_hex(team.founding->roster_key.view())},
                   {"version", std::to_string(sealed.version)},
                   {"hash", sealed.hash.hex()},
                   {"sealed", to_hex(sealed.sealed)},
                   {"roster", to_hex(encode_roster(team.roster))}};
  write("sealed_ordinary", "accepted", "opens to the roster below", "sealed roster", fields);
  fields["version"] = "9";
  write("sealed_renumbered", "trust_refused", "offered as another version", "sealed roster", fields);
  const Leaf& leaf = *team.roster.find(team.founder.id);
  Fields named = {{"team", team.root.team.hex()},
                  {"leaf", to_hex(encode_leaf(leaf))},
                  {"epoch_secret", to_hex(team.founding->team_epoch.keys.secret.view())},
                  {"name", "Ana"}};
  write("name_ordinary", "accepted", "opens with the key of the team's epoch", "name", named);
  named["epoch_secret"] = to_hex(team.founding->all_epoch.keys.secret.view());
  write("name_with_key_of_all", "trust_refused", "a reporter holds the key of `all` only", "name", named);
}

void make_wraps(TestTeam& team) {
  auto wraps = *wrap_epoch(team.root.team, team.founding->team_epoch, readers_of(team.roster, AudienceKind::team),
                           team.founder.key, team.random);
  auto own = encode_own_wrap(*own_wrap(wraps, team.founder.id));
  Fields fields = {{"held", to_hex(encode_state(team.state(team.founder)))},
                   {"device", team.founder.id.hex()},
                   {"inbox_secret", to_hex(team.founder.inbox.secret.view())},
                   {"wrap", to_hex(own)},
                   {"epoch_secret", to_hex(team.founding->team_epoch.keys.secret.view())}};
  write("wrap_ordinary", "accepted", "one reader's wrap with its path", "wrap", fields);
  auto other = Epoch::generate(team.founding->team_epoch.audience, 1, team.random);
  auto alarm =
      *wrap_epoch(team.root.team, other, readers_of(team.roster, AudienceKind::team), team.founder.key, team.random);
  fields["wrap"] = to_hex(encode_own_wrap(*own_wrap(alarm, team.founder.id)));
  write("wrap_of_another_key", "trust_refused", "the key inside is not the one that the roster names", "wrap", fields);
  fields["wrap"] = to_hex(flipped(own, own.size() - 1));
  write("wrap_path_flipped", "damaged", "one bit of the path differs", "wrap", fields);
}

void make_root_files(TestTeam& team) {
  auto file = *seal_root(team.root, "correct horse", {64, 1}, team.random);
  Fields fields = {{"file", to_hex(file)},
                   {"passphrase", "correct horse"},
                   {"seed", to_hex(team.root.key.seed().view())},
                   {"team", team.root.team.hex()}};
  write("root_ordinary", "accepted", "cost of a test build: 64 KiB, 1 pass", "root file", fields);
  fields["passphrase"] = "correct horze";
  write("root_wrong_passphrase", "wrong_passphrase", "the checksum fits, the seal does not open", "root file", fields);
  fields["file"] = to_hex(flipped(file, 70));
  write("root_damaged", "damaged", "the checksum does not fit", "root file", fields);
}

void make_joining(TestTeam& team) {
  auto joiner = Device::make(team.random);
  InviteOptions options;
  options.name = "Dara";
  auto invited = make_invite(team.root.team, team.root.key.public_key(), team.roster.head.name, team.roster.head.relays,
                             team.founder.id, team.founder.inbox.public_key, options, kNow, team.random);
  auto link = invite_link(*encode_invite(invited));
  auto asked = *make_join_request(invited, joiner.key, joiner.inbox.public_key, kNow, team.random);
  auto id = join_request_id(asked);
  Fields fields = {
      {"link", link},           {"secret", to_hex(invited.secret.view())}, {"invite", invite_id(invited).hex()},
      {"request_id", id.hex()}, {"words", *check_words(invited, id)},      {"team", team.root.team.hex()},
      {"now", ms(kNow)}};
  write("invite_ordinary", "accepted", "link, one-time key and check words for a request", "invite", fields);
  fields["now"] = ms(invited.expires + std::chrono::milliseconds(1));
  write("invite_ran_out", "trust_refused", "a millisecond after its 7 days", "invite", fields);
  fields["now"] = ms(kNow);
  fields["team"] = Hash{joiner.id.bytes}.hex();
  write("invite_of_another_team", "trust_refused", "the device is in another team", "invite", fields);
  fields["link"] = link.substr(0, link.size() - 2);
  write("invite_cut", "input_refused", "two characters of the link are missing", "invite", fields);

  Fields of_request = {{"link", link},
                       {"inbox_secret", to_hex(team.founder.inbox.secret.view())},
                       {"request", to_hex(asked)},
                       {"request_id", id.hex()},
                       {"device", joiner.id.hex()},
                       {"inbox", to_hex(joiner.inbox.public_key)},
                       {"replaces", "none"}};
  write("request_ordinary", "accepted", "opened by the admin's inbox key", "join request", of_request);
  auto restored = *make_join_request(invited, joiner.key, joiner.inbox.public_key, kNow, team.random, team.founder.id);
  of_request["request"] = to_hex(restored);
  of_request["request_id"] = join_request_id(restored).hex();
  of_request["replaces"] = team.founder.id.hex();
  write("request_of_a_restored_device", "accepted", "names the device that it replaces", "join request", of_request);
  of_request["request"] = to_hex(flipped(asked, 100));
  write("request_flipped", "trust_refused", "one bit of the ciphertext differs", "join request", of_request);

  auto opened = *open_join_request(invited, team.founder.inbox, asked);
  NewMember member{opened.device, opened.inbox, invited.role, opened.invite, {}, invited.name};
  team.roster = *add_member(team.roster, member, team.admin(), &team.founding->team_epoch, kNow, team.random);
  WelcomeContents contents;
  contents.roster = team.state(joiner);
  contents.roster_keys.push_back(team.founding->roster_key.copy());
  auto wraps = wrap_epoch(team.root.team, team.founding->all_epoch, {{joiner.id, joiner.inbox.public_key}},
                          team.founder.key, team.random);
  contents.wraps.push_back(*own_wrap(*wraps, joiner.id));
  auto answer = *make_welcome(invited, opened, contents, team.founder.key, team.random);
  Fields of_welcome = {{"link", link},
                       {"inbox_secret", to_hex(joiner.inbox.secret.view())},
                       {"device", joiner.id.hex()},
                       {"request_id", id.hex()},
                       {"welcome", to_hex(answer)},
                       {"state", to_hex(encode_state(contents.roster))},
                       {"roster_key", to_hex(team.founding->roster_key.view())},
                       {"now", ms(kNow)}};
  write("welcome_ordinary", "accepted", "a reporter's: part of the roster, the key of `all`", "welcome", of_welcome);
  of_welcome["request_id"] = std::string(64, '1');
  write("welcome_for_another_request", "trust_refused", "bound to the request it answers", "welcome", of_welcome);
  answer = *make_welcome(invited, opened, contents, joiner.key, team.random);
  of_welcome["request_id"] = id.hex();
  of_welcome["welcome"] = to_hex(answer);
  write("welcome_not_by_the_admin", "trust_refused", "signed by another device", "welcome", of_welcome);
}

void make_admission(TestTeam& team) {
  auto root = team.root.key.public_key();
  AdmissionContents contents;
  contents.admins = {team.founder.id};
  contents.devices.push_back({team.founder.id, QuotaClass::staff, {team.roster.head.audience(AudienceKind::team)}});
  auto first = *next_admission(nullptr, root, contents, team.root.key, kNow);
  contents.invites.push_back({random_hash(team.random), kNow + kDay});
  auto second = *next_admission(&first, root, contents, team.founder.key, kNow);
  auto other = *next_admission(&first, root, contents, team.founder.key, kNow + kDay / 2);
  auto put = [&](const std::string& file, const std::string& expect, const std::string& about,
                 const AdmissionList* held, const Bytes& candidate) {
    Fields fields = {{"root", to_hex(root)}, {"candidate", to_hex(candidate)}};
    if (held) fields["held"] = to_hex(encode_admission(*held));
    write("admission_" + file, expect, about, "admission", fields);
  };
  put("first", "accepted", "signed by the root, nothing held", nullptr, encode_admission(first));
  put("next", "accepted", "signed by an admin of the list before", &first, encode_admission(second));
  put("first_not_by_root", "ahead", "nothing held, signed by an admin", nullptr, encode_admission(second));
  put("rolled_back", "older", "version 1 offered to a relay that holds 2", &second, encode_admission(first));
  put("fork", "fork", "another version 2 than the one held", &second, encode_admission(other));
  put("flipped", "not allowed", "one bit of the signature differs", &first,
      flipped(encode_admission(second), encode_admission(second).size() - 20));
  put("cut", "damaged", "the last byte is missing", &first,
      to_bytes(ByteView(encode_admission(second)).first(encode_admission(second).size() - 1)));
}

void make_text_keys(TestTeam& team) {
  Fields fields = {{"relay_key", relay_key_text(team.relay)},
                   {"team_key", team_key_text(team.root.key.public_key())},
                   {"identity", team.relay.id.hex()},
                   {"fallback", to_hex(team.relay.fallback_key)},
                   {"gate", to_hex(team.relay.gate_key)},
                   {"root", to_hex(team.root.key.public_key())},
                   {"team", team.root.team.hex()}};
  write("text_keys_ordinary", "accepted", "keys as text, and the team's id", "text keys", fields);
  fields["relay_key"][40] = fields["relay_key"][40] == 'A' ? 'B' : 'A';
  write("text_keys_mistyped", "input_refused", "one character of the relay key differs", "text keys", fields);
}

}  // namespace

TEST_CASE("Team: the vectors of our own hold", "[team]") {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".txt") continue;
    INFO(entry.path().filename().string());
    std::ifstream in(entry.path(), std::ios::binary);
    Fields fields;
    for (std::string line; std::getline(in, line);)
      if (auto colon = line.find(": "); colon != line.npos) fields[line.substr(0, colon)] = line.substr(colon + 2);
    auto kind = kKinds.find(fields["object"]);
    REQUIRE(kind != kKinds.end());
    CHECK(kind->second(fields) == fields["expect"]);
    ++count;
  }
  CHECK(count >= 35);
}

TEST_CASE("Team: write the vectors anew", "[.make-vectors]") {
  TestTeam team(1);
  make_text_keys(team);
  make_root_files(team);
  make_sealed(team);
  make_wraps(team);
  make_steps(team);
  make_joining(team);
  make_admission(team);
}
