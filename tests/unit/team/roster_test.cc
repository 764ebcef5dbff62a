#include <algorithm>
#include <chrono>

#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

bool reporter_keeps(const RosterState& state, const Device& device) {
  return state.find(device.id) != nullptr;
}

}  // namespace

TEST_CASE("Roster: a new team has one admin and coordinator, both audiences, and its first relay durable", "[team]") {
  TestTeam team;
  const Head& head = team.roster.head;
  CHECK(head.version == 1);
  CHECK(head.previous.is_none());
  CHECK(head.relays.size() == 1);
  CHECK(head.relays[0].durable);
  CHECK(head.audiences.size() == 2);
  CHECK(head.epoch_of(head.audience(AudienceKind::team))->public_key == team.founding->team_epoch.keys.public_key);
  CHECK(head.epoch_of(head.audience(AudienceKind::all))->public_key == team.founding->all_epoch.keys.public_key);
  CHECK(team.founding->team_epoch.audience == head.audience(AudienceKind::team));
  CHECK(team.roster.find(team.founder.id)->role == (Role::admin | Role::coordinator));
  auto state = team.state(team.founder);
  CHECK(state.whole);
  CHECK(state.single_reader());
  CHECK(verify_start(state, team.root.team, team.root.key.public_key(), kNow).accepted());
  team.add(Device::make(team.random), Role::coordinator);
  CHECK_FALSE(team.state(team.founder).single_reader());
}

TEST_CASE("Roster: bytes read back are the same value, and each value has one encoding", "[team]") {
  TestTeam team;
  auto joiner = Device::make(team.random);
  auto member = team.member(joiner, Role::reporter);
  member.replaces = {team.founder.id};
  team.roster = *add_member(team.roster, member, team.admin(), &team.founding->team_epoch, kNow, team.random);
  team.add(Device::make(team.random), Role::auditor);
  auto bytes = encode_roster(team.roster);
  auto read = decode_roster(bytes);
  REQUIRE(read.ok());
  CHECK(*read == team.roster);
  CHECK(encode_roster(*read) == bytes);
  for (const auto* device : {&joiner, &team.founder}) {
    auto state = team.state(*device);
    auto again = decode_state(encode_state(state));
    REQUIRE(again.ok());
    CHECK(*again == state);
  }
  each_mutation(encode_state(team.state(joiner)), [](ByteView changed) {
    auto state = decode_state(changed);  // never crashes; what decodes has one encoding
    if (state.ok()) REQUIRE(std::ranges::equal(encode_state(*state), changed));
  });
}

TEST_CASE("Roster: one change with one relay stays below 1 KiB beside the other members", "[team]") {
  TestTeam team;
  auto joiner = Device::make(team.random);
  auto next = team.with(joiner, Role::coordinator, std::string(63, 'n'));
  CHECK(encode_head(next.head).size() + encode_leaf(*next.find(joiner.id)).size() < 1024);
}

TEST_CASE("Roster: the member root does not depend on the order in which members were added", "[team]") {
  TestTeam team;
  std::vector<Leaf> leaves = team.roster.leaves;
  auto engine = generator(2);
  for (int i = 0; i < 40; ++i) {
    Leaf leaf;
    team.random.fill(leaf.device.bytes);
    leaf.role = Role::reporter;
    leaf.since = 1;
    leaves.push_back(leaf);
  }
  auto by_device = [](const Leaf& a, const Leaf& b) { return a.device < b.device; };
  std::sort(leaves.begin(), leaves.end(), by_device);
  auto root = member_root(leaves);
  for (int round = 0; round < 5; ++round) {
    Roster roster = team.roster;
    auto order = leaves;
    std::shuffle(order.begin(), order.end(), engine);
    for (const auto& leaf : order) {
      if (leaf.device == team.founder.id) continue;
      NewMember member{leaf.device, leaf.inbox, Role::reporter, {}, {}, "x"};
      auto next = add_member(roster, member, team.admin(), nullptr, kNow, team.random);
      REQUIRE(next.ok());
      roster = *next;
    }
    for (auto& leaf : roster.leaves)
      if (leaf.device != team.founder.id) leaf.since = 1;  // the one thing that tells the order
    CHECK(member_root(roster.leaves) == root);
  }
}

TEST_CASE("Roster: a reporter keeps its own leaf and the staff's with paths, and can open no name", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random), other = Device::make(team.random);
  auto coordinator = Device::make(team.random), auditor = Device::make(team.random);
  team.add(reporter, Role::reporter);
  team.add(other, Role::reporter);
  team.add(coordinator, Role::coordinator, "Chi");
  team.add(auditor, Role::auditor);
  auto state = team.state(reporter);
  CHECK_FALSE(state.whole);
  CHECK(reporter_keeps(state, reporter));
  CHECK(reporter_keeps(state, coordinator));
  CHECK(reporter_keeps(state, auditor));
  CHECK(reporter_keeps(state, team.founder));
  CHECK_FALSE(reporter_keeps(state, other));
  CHECK_FALSE(whole_roster(state));
  CHECK(verify_start(state, team.root.team, team.root.key.public_key(), kNow).accepted());
  for (size_t i = 0; i < state.leaves.size(); ++i) CHECK(leaf_verifies(state.head, state.leaves[i], state.proofs[i]));

  // Everything a reporter holds, but no private key of the team's epoch.
  for (const auto* key : {&team.founding->roster_key, &team.founding->all_epoch.keys.secret, &reporter.inbox.secret}) {
    auto name = open_name(names_key(*key), team.root.team, *state.find(coordinator.id));
    REQUIRE_FALSE(name.ok());
    CHECK(name.error().message == "cannot read a member's name: sealed with another key, or altered");
  }
  auto key = names_key(team.founding->team_epoch.keys.secret);
  CHECK(*open_name(key, team.root.team, *state.find(coordinator.id)) == "Chi");
  auto moved = *state.find(coordinator.id);
  moved.device = auditor.id;
  CHECK_FALSE(open_name(key, team.root.team, moved).ok());
}

TEST_CASE("Roster: a reporter's state with another leaf, role or path in it is refused", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random), coordinator = Device::make(team.random);
  team.add(reporter, Role::reporter);
  team.add(coordinator, Role::coordinator);
  auto root = team.root.key.public_key();
  auto state = team.state(reporter);
  auto check_refused = [&](const RosterState& changed) {
    CHECK_FALSE(decode_state(encode_state(changed)).ok());
    auto verdict = verify_start(changed, team.root.team, root, kNow);
    CHECK(verdict.outcome == RosterOutcome::bad_signature);
    CHECK(verdict.reason == "roster refused: its members are not those that were signed");
  };
  for (size_t i = 0; i < state.leaves.size(); ++i) {
    auto changed = state;
    changed.leaves[i].role = changed.leaves[i].role == Role::reporter ? Role::coordinator : Role::reporter;
    check_refused(changed);
    changed = state;
    changed.leaves[i].inbox[0] ^= 1;
    check_refused(changed);
    changed = state;
    changed.proofs[i].index ^= 1;
    check_refused(changed);
  }
}

TEST_CASE("Roster: sealed, it opens under its key as the version it says, and no bit may differ", "[team]") {
  TestTeam team;
  team.add(Device::make(team.random), Role::reporter);
  auto sealed = seal_roster(team.roster, team.founding->roster_key, team.random);
  REQUIRE(sealed.ok());
  CHECK(sealed->version == 2);
  CHECK(sealed->hash == head_hash(team.roster.head));
  CHECK(*open_roster(*sealed, team.root.team, team.founding->roster_key) == team.roster);

  auto other_key = crypto::Key32::random(team.random);
  auto refused = open_roster(*sealed, team.root.team, other_key);
  CHECK(refused.error().code == ErrorCode::trust_refused);
  CHECK(refused.error().message == "cannot open the roster: it is sealed with another key, or was altered");
  auto renumbered = *sealed;
  ++renumbered.version;
  CHECK_FALSE(open_roster(renumbered, team.root.team, team.founding->roster_key).ok());
  renumbered = *sealed;
  renumbered.hash.bytes[0] ^= 1;
  CHECK_FALSE(open_roster(renumbered, team.root.team, team.founding->roster_key).ok());
  CHECK_FALSE(open_roster(*sealed, TeamId{}, team.founding->roster_key).ok());
  each_mutation(sealed->sealed, [&](ByteView bytes) {
    auto opened =
        open_roster({sealed->version, sealed->hash, to_bytes(bytes)}, team.root.team, team.founding->roster_key);
    REQUIRE_FALSE(opened.ok());
  });
  auto newer = *sealed;
  newer.sealed[0] = 7;
  auto kept = open_roster(newer, team.root.team, team.founding->roster_key);
  CHECK(kept.error().code == ErrorCode::newer_version);
  CHECK(kept.error().message == "cannot read the roster: made by a newer version (7, this one reads up to 0)");
  newer.sealed.resize(kSealedRosterMax + 1);
  CHECK(open_roster(newer, team.root.team, team.founding->roster_key).error().message ==
        "cannot open the roster: larger than 4 MiB");
}

TEST_CASE("Roster: no bit of a roster and no byte of its length can be changed unnoticed", "[team]") {
  TestTeam team;
  auto coordinator = Device::make(team.random);
  auto before = team.state(team.founder);
  auto next = team.with(coordinator, Role::coordinator);
  REQUIRE(verify_successor(before, next, kNow).accepted());
  const auto untouched = before;
  each_mutation(encode_roster(next), [&](ByteView bytes) {
    auto changed = decode_roster(bytes);
    if (!changed.ok()) return;
    auto verdict = verify_successor(before, *changed, kNow);
    REQUIRE_FALSE(verdict.accepted());
    REQUIRE(verdict.outcome != RosterOutcome::same);
    REQUIRE_FALSE(verdict.reason.empty());
  });
  CHECK(before == untouched);
}

TEST_CASE("Roster: 1,000 members verify in far less than a second and fit a sealed object", "[team]") {
  TestTeam team;
  Roster roster = team.roster;
  auto reporter = Device::make(team.random);
  team.add(reporter, Role::reporter);
  roster = team.roster;
  // The leaves are made at once and signed once: adding them one by one is the same work a thousand times.
  for (int i = 0; i < 1000; ++i) {
    Leaf leaf;
    team.random.fill(leaf.device.bytes);
    team.random.fill(leaf.inbox);
    leaf.role = i % 100 == 0 ? Role::auditor : Role::reporter;
    leaf.since = roster.head.version;
    leaf.name_epoch = 1;
    leaf.name.resize(104);
    roster.leaves.push_back(leaf);
  }
  std::sort(roster.leaves.begin(), roster.leaves.end(), [](auto& a, auto& b) { return a.device < b.device; });
  roster.head.member_count = static_cast<uint32_t>(roster.leaves.size());
  roster.head.member_root = member_root(roster.leaves);
  auto next = renew(roster, team.admin(), kNow);
  REQUIRE(next.ok());

  auto sealed = seal_roster(*next, team.founding->roster_key, team.random);
  REQUIRE(sealed.ok());
  CHECK(sealed->sealed.size() < 260 * 1024);
  auto opened = open_roster(*sealed, team.root.team, team.founding->roster_key);
  REQUIRE(opened.ok());
  CHECK(verify_successor(state_for(roster, reporter.id), *opened, kNow).accepted());
  auto state = state_for(*opened, reporter.id);
  CHECK(verify_start(state, team.root.team, team.root.key.public_key(), kNow).accepted());
  CHECK(encode_state(state).size() < 16 * 1024);
}
