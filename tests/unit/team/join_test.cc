#include <algorithm>
#include <set>
#include <sstream>

#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

struct Joining : TestTeam {
  explicit Joining(Role role = Role::reporter, uint64_t seed_value = seed())
      : TestTeam(seed_value), joiner(Device::make(random)) {
    InviteOptions options;
    options.role = role;
    options.name = "Dara";
    invite.emplace(make_invite(root.team, root.key.public_key(), roster.head.name, roster.head.relays, founder.id,
                               founder.inbox.public_key, options, kNow, random));
    auto made = make_join_request(*invite, joiner.key, joiner.inbox.public_key, kNow, random);
    REQUIRE(made.ok());
    request = *made;
  }

  OpenedRequest opened() const {
    auto result = open_join_request(*invite, founder.inbox, request);
    REQUIRE(result.ok());
    return *result;
  }

  /// Admits the joiner and answers what its welcome holds.
  WelcomeContents admit() {
    auto asked = opened();
    NewMember member{asked.device, asked.inbox, invite->role, asked.invite, {}, invite->name};
    auto next = add_member(roster, member, admin(), &founding->team_epoch, kNow, random);
    REQUIRE(next.ok());
    RoleHistory history;
    history.follow(state(founder));
    roster = *next;
    history.follow(state(founder));
    WelcomeContents contents;
    contents.roster = state(joiner);
    contents.roster_keys.push_back(founding->roster_key.copy());
    auto wrap = [&](const Epoch& epoch) {
      auto wraps = wrap_epoch(root.team, epoch, {{asked.device, asked.inbox}}, founder.key, random);
      contents.wraps.push_back(*own_wrap(*wraps, asked.device));
    };
    wrap(founding->all_epoch);
    if (reads_team(invite->role)) wrap(founding->team_epoch);
    contents.history = history;
    return contents;
  }

  Result<WelcomeContents> open(ByteView welcome, WallTime now = kNow) const {
    return open_welcome(*invite, joiner.id, joiner.inbox, join_request_id(request), welcome, now);
  }

  Device joiner;
  std::optional<InviteContents> invite;
  Bytes request;
};

}  // namespace

TEST_CASE("Invite: link and file are the same invite", "[team]") {
  Joining team(Role::coordinator);
  auto file = encode_invite(*team.invite);
  REQUIRE(file.ok());
  CHECK(file->size() < 600);
  auto link = invite_link(*file);
  CHECK(link.starts_with("lysoen://join#"));
  for (const auto& form : {*file, to_bytes(as_bytes(link)), to_bytes(as_bytes(" " + link + "\n"))}) {
    auto read = read_invite(form);
    REQUIRE(read.ok());
    CHECK(*encode_invite(*read) == *file);
    CHECK(read->team == team.root.team);
    CHECK(read->root == team.root.key.public_key());
    CHECK(read->role == Role::coordinator);
    CHECK(read->name == "Dara");
    CHECK(read->relays == team.roster.head.relays);
    CHECK(read->expires == kNow + kDay * 7);
    CHECK(invite_id(*read) == invite_id(*team.invite));
  }
}

TEST_CASE("Invite: one cut or changed in copying is refused as such", "[team]") {
  Joining team;
  auto file = encode_invite(*team.invite);
  each_mutation(*file, [](ByteView bytes) { REQUIRE_FALSE(read_invite(bytes).ok()); });
  auto link = invite_link(*file);
  auto cut = read_invite(as_bytes(link.substr(0, link.size() - 3)));
  CHECK(cut.error().code == ErrorCode::input_refused);
  CHECK(cut.error().message == "cannot read the invite: it is not one, or was cut short in copying");
  CHECK(cut.error().hint == "copy the whole link again, or ask for the file");
  CHECK_FALSE(read_invite(as_bytes("hello")).ok());
  CHECK_FALSE(read_invite({}).ok());
  Bytes newer = to_bytes(ByteView(*file).first(file->size() - 4));
  newer[0] = 1;
  auto sum = crypto::sha256(newer);
  newer.insert(newer.end(), sum.bytes.begin(), sum.bytes.begin() + 4);
  CHECK(read_invite(newer).error().message ==
        "cannot read the invite: made by a newer version (1, this one reads up to 0)");
}

TEST_CASE("Invite: one that ran out or is another team's is refused", "[team]") {
  Joining team;
  CHECK(check_invite(*team.invite, kNow + kDay * 7, team.root.team).ok());
  auto late = check_invite(*team.invite, kNow + kDay * 7 + std::chrono::milliseconds(1));
  CHECK(late.error().code == ErrorCode::trust_refused);
  CHECK(late.error().message == "cannot use the invite: it ran out on 2026-01-08");
  CHECK(late.error().hint == "ask for a new invite, or check this device's date");
  TeamId other;
  other.bytes[0] = 1;
  CHECK(check_invite(*team.invite, kNow, other).error().message == "cannot use the invite: it is another team's");
  team.invite->name = std::string(64, 'x');
  CHECK(encode_invite(*team.invite).error().message ==
        "cannot make the invite: the name is empty, longer than 63 bytes or holds control characters");
}

TEST_CASE("Join: a request is at most 1 KiB, opens for the inviting admin, and names who asks", "[team]") {
  Joining team;
  CHECK(team.request.size() <= 1024);
  CHECK(team.request.size() == 219);
  CHECK(*invite_of_request(team.request) == invite_id(*team.invite));
  auto opened = team.opened();
  CHECK(opened.device == team.joiner.id);
  CHECK(opened.inbox == team.joiner.inbox.public_key);
  CHECK(opened.invite == invite_id(*team.invite));
  CHECK(opened.id == join_request_id(team.request));
  CHECK(opened.made == kNow);
}

TEST_CASE("Join: a request that is not the joiner's own is refused", "[team]") {
  Joining team, other(Role::reporter, seed() + 1);
  auto another = open_join_request(*other.invite, team.founder.inbox, team.request);
  CHECK(another.error().code == ErrorCode::trust_refused);
  CHECK(another.error().message == "join request refused: it was made with another invite");
  CHECK(open_join_request(*team.invite, team.joiner.inbox, team.request).error().message ==
        "join request refused: it was altered, or is for another admin's device");
  each_mutation(team.request, [&](ByteView bytes) {
    REQUIRE_FALSE(open_join_request(*team.invite, team.founder.inbox, bytes).ok());
  });
  CHECK(open_join_request(*team.invite, team.founder.inbox, Bytes(1025)).error().message ==
        "cannot read the join request: larger than 1024 bytes");
  CHECK(open_join_request(*team.invite, team.founder.inbox, as_bytes("hello")).error().message ==
        "cannot read the join request: it is not one, or was cut short");
  // Same invite, but only half of it: the secret of another invite.
  auto guessed = team.invite->copy();
  guessed.secret = crypto::Secret<16>::random(team.random);
  auto forged = make_join_request(guessed, team.joiner.key, team.joiner.inbox.public_key, kNow, team.random);
  auto id = invite_id(*team.invite);
  std::copy(id.bytes.begin(), id.bytes.end(), forged->begin() + 1);
  CHECK_FALSE(open_join_request(*team.invite, team.founder.inbox, *forged).ok());
}

TEST_CASE("Join: check words are the same on both sides and differ for another request or secret", "[team]") {
  Joining team;
  auto words = check_words(*team.invite, join_request_id(team.request));
  REQUIRE(words.ok());
  auto read = read_invite(*encode_invite(*team.invite));
  CHECK(*check_words(*read, team.opened().id) == *words);
  std::istringstream stream(*words);
  size_t count = 0;
  for (std::string word; stream >> word; ++count) CHECK((word.size() >= 3 && word.size() <= 8));
  CHECK(count == 4);
  auto again = make_join_request(*team.invite, team.joiner.key, team.joiner.inbox.public_key, kNow, team.random);
  CHECK(*check_words(*team.invite, join_request_id(*again)) != *words);
  auto guessed = team.invite->copy();
  guessed.secret = crypto::Secret<16>::random(team.random);
  CHECK(*check_words(guessed, join_request_id(team.request)) != *words);
}

TEST_CASE("Join: a reporter's welcome brings its part of the roster and the key of `all`", "[team]") {
  Joining team;
  auto coordinator = Device::make(team.random);
  team.add(coordinator, Role::coordinator);
  auto contents = team.admit();
  auto welcome = make_welcome(*team.invite, team.opened(), contents, team.founder.key, team.random);
  REQUIRE(welcome.ok());
  CHECK(*invite_of_welcome(*welcome) == invite_id(*team.invite));
  auto opened = team.open(*welcome);
  REQUIRE(opened.ok());
  CHECK_FALSE(opened->roster.whole);
  CHECK(opened->roster == team.state(team.joiner));
  CHECK(opened->roster_keys.at(0).equals(team.founding->roster_key));
  REQUIRE(opened->wraps.size() == 1);
  auto all = open_wrap(opened->wraps[0], opened->roster, team.joiner.id, team.joiner.inbox);
  REQUIRE(all.ok());
  CHECK(all->keys.secret.equals(team.founding->all_epoch.keys.secret));
  CHECK(opened->history.newest() == team.roster.head.version);
  CHECK(opened->history.role_at(coordinator.id, 2) == Role::coordinator);

  // What follows verifies from there.
  team.add(Device::make(team.random), Role::coordinator);
  CHECK(verify_successor(opened->roster, team.roster, kNow).accepted());
}

TEST_CASE("Join: a coordinator's welcome brings the whole roster, its history and the key of `team`", "[team]") {
  Joining team(Role::coordinator);
  auto contents = team.admit();
  auto welcome = make_welcome(*team.invite, team.opened(), contents, team.founder.key, team.random);
  auto opened = team.open(*welcome);
  REQUIRE(opened.ok());
  CHECK(opened->roster.whole);
  CHECK(opened->history == contents.history);
  REQUIRE(opened->wraps.size() == 2);
  auto epoch = open_wrap(opened->wraps[1], opened->roster, team.joiner.id, team.joiner.inbox);
  REQUIRE(epoch.ok());
  auto names = names_key(epoch->keys.secret);
  CHECK(*open_name(names, team.root.team, *opened->roster.find(team.founder.id)) == "Ana");
  CHECK(*open_name(names, team.root.team, *opened->roster.find(team.joiner.id)) == "Dara");
}

TEST_CASE("Join: no bit of a welcome can be changed, and it opens for its request only", "[team]") {
  Joining team(Role::coordinator);
  auto welcome = make_welcome(*team.invite, team.opened(), team.admit(), team.founder.key, team.random);
  REQUIRE(welcome.ok());
  each_mutation(*welcome, [&](ByteView bytes) { REQUIRE_FALSE(team.open(bytes).ok()); });
  auto other = Device::make(team.random);
  auto refused = open_welcome(*team.invite, other.id, team.joiner.inbox, join_request_id(team.request), *welcome, kNow);
  CHECK(refused.error().message == "welcome refused: it is for another join request, or was altered");
  CHECK_FALSE(
      open_welcome(*team.invite, team.joiner.id, other.inbox, join_request_id(team.request), *welcome, kNow).ok());
  CHECK_FALSE(open_welcome(*team.invite, team.joiner.id, team.joiner.inbox, Hash{}, *welcome, kNow).ok());
  Joining stranger(Role::reporter, seed() + 2);
  CHECK(open_welcome(*stranger.invite, team.joiner.id, team.joiner.inbox, join_request_id(team.request), *welcome, kNow)
            .error()
            .message == "welcome refused: it belongs to another invite");
}

TEST_CASE("Join: a welcome by somebody else, or with another team's roster, is refused", "[team]") {
  Joining team;
  auto contents = team.admit();
  auto asked = team.opened();
  auto by_other = make_welcome(*team.invite, asked, contents, Device::make(team.random).key, team.random);
  CHECK(team.open(*by_other).error().message == "welcome refused: the admin who invited did not sign it");

  TestTeam other(seed() + 7);
  NewMember member{asked.device, asked.inbox, Role::reporter, asked.invite, {}, "x"};
  auto foreign = add_member(other.roster, member, other.admin(), nullptr, kNow, other.random);
  contents.roster = state_for(*foreign, asked.device);
  auto welcome = make_welcome(*team.invite, asked, contents, team.founder.key, team.random);
  CHECK(team.open(*welcome).error().message == "roster refused: it is another team's");

  contents = WelcomeContents{};
  contents.roster = team.state(team.joiner);
  contents.roster_keys.push_back(team.founding->roster_key.copy());
  contents.certificate = certify_admin(team.founder.key, team.root.team, team.joiner.id, kNow);
  welcome = make_welcome(*team.invite, asked, contents, team.founder.key, team.random);
  CHECK(team.open(*welcome).error().message == "welcome refused: its admin certificate does not verify");
  contents.certificate = certify_admin(team.root.key, team.root.team, team.joiner.id, kNow);
  welcome = make_welcome(*team.invite, asked, contents, team.founder.key, team.random);
  REQUIRE(team.open(*welcome).ok());
  CHECK(team.open(*welcome)->certificate == contents.certificate);
  CHECK(make_welcome(*team.invite, asked, WelcomeContents{}, team.founder.key, team.random).error().code ==
        ErrorCode::usage);
}
