#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// Signs a roster changed by hand, as an attacker with an admin's (or the root's) key would.
Roster signed_by_hand(Roster roster, const Roster& after, const HeadSigner& signer, bool approved_by_signer = false) {
  Head& head = roster.head;
  head.version = after.head.version + 1;
  head.previous = head_hash(after.head);
  head.member_count = static_cast<uint32_t>(roster.leaves.size());
  head.member_root = member_root(roster.leaves);
  head.certificate.reset();
  head.approval.reset();
  if (signer.certificate) head.certificate = *signer.certificate;
  // The bytes under a signature are the head without its last 65 bytes: signature and "no approval".
  Bytes body = encode_head(head);
  body.resize(body.size() - 65);
  head.signature = signer.key.sign("lysoen/1 roster head", body);
  if (approved_by_signer)
    head.approval = Head::Approval{DeviceId{signer.key.public_key()},
                                   signer.key.sign("lysoen/1 reader approval", head_hash(head).view())};
  return roster;
}

void check_not_allowed(const RosterVerdict& verdict, const std::string& why) {
  CHECK(verdict.outcome == RosterOutcome::not_allowed);
  CHECK(verdict.reason == "roster refused: " + why);
  CHECK(verdict.error().code == ErrorCode::trust_refused);
}

}  // namespace

TEST_CASE("Roster: a device that was away takes all versions one after another", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random);
  team.add(reporter, Role::reporter);
  auto held = team.state(reporter);
  std::vector<Roster> missed;
  for (int i = 0; i < 5; ++i) {
    team.add(Device::make(team.random), i % 2 ? Role::coordinator : Role::reporter);
    missed.push_back(team.roster);
  }
  auto early = verify_successor(held, missed[2], kNow);
  CHECK(early.outcome == RosterOutcome::ahead);
  CHECK(early.reason == "roster version 5 waits: versions 3 to 4 are missing");
  CHECK(early.hint == "sync again, or ask for a bundle with them");
  CHECK(early.error().code == ErrorCode::not_found);
  for (const auto& next : missed) {
    REQUIRE(verify_successor(held, next, kNow).accepted());
    held = state_for(next, reporter.id);
    CHECK(verify_successor(held, next, kNow).outcome == RosterOutcome::same);
  }
  CHECK(held == team.state(reporter));
}

TEST_CASE("Roster: one that was rolled back is refused and says so", "[team]") {
  TestTeam team;
  Roster first = team.roster;
  team.add(Device::make(team.random), Role::reporter);
  auto state = team.state(team.founder);
  for (const auto& held : {std::optional<Hash>(), std::optional<Hash>(head_hash(first.head))}) {
    auto verdict = verify_successor(state, first, kNow, held);
    CHECK(verdict.outcome == RosterOutcome::older);
    CHECK(verdict.reason == "roster refused: version 1 is older than the one held (2)");
    CHECK(verdict.hint == "whoever sent it is behind, or was rolled back");
  }
}

TEST_CASE("Roster: a fork is told from a refusal, whatever its number", "[team]") {
  TestTeam team;
  Roster base = team.roster;
  auto mine = team.with(Device::make(team.random), Role::reporter);
  auto theirs = team.with(Device::make(team.random), Role::reporter);
  auto state = state_for(mine, team.founder.id);
  auto verdict = verify_successor(state, theirs, kNow);
  CHECK(verdict.outcome == RosterOutcome::fork);
  CHECK(verdict.reason == "two versions of the roster: version 2 does not follow from the one this device holds");
  CHECK(verdict.hint == "work goes on with the known roster; show this to an admin, only the root can merge them");
  team.roster = theirs;
  auto later = team.with(Device::make(team.random), Role::reporter);
  CHECK(verify_successor(state, later, kNow).outcome == RosterOutcome::fork);
  team.roster = mine;
  team.add(Device::make(team.random), Role::reporter);
  CHECK(verify_successor(team.state(team.founder), theirs, kNow, head_hash(mine.head)).outcome == RosterOutcome::fork);
  theirs.head.signature[0] ^= 1;
  CHECK(verify_successor(state, theirs, kNow).outcome == RosterOutcome::bad_signature);
}

TEST_CASE("Roster: another team's or another root's is refused by name", "[team]") {
  TestTeam team, stranger(seed() + 1);
  auto state = team.state(team.founder);
  auto verdict = verify_successor(state, stranger.roster, kNow);
  CHECK(verdict.outcome == RosterOutcome::foreign_team);
  CHECK(verdict.reason == "roster refused: it is another team's");

  Roster forged = team.roster;
  forged.head.root = stranger.root.key.public_key();
  forged = signed_by_hand(forged, team.roster, stranger.by_root());
  verdict = verify_successor(state, forged, kNow);
  CHECK(verdict.outcome == RosterOutcome::foreign_root);
  CHECK(verdict.reason == "roster refused: it is signed by another root");
  CHECK_FALSE(verdict.hint.empty());
  CHECK(verify_start(state_for(forged, team.founder.id), team.root.team, team.root.key.public_key(), kNow).outcome ==
        RosterOutcome::foreign_root);

  forged.head.root = team.root.key.public_key();
  forged = signed_by_hand(forged, team.roster, stranger.by_root());
  verdict = verify_successor(state, forged, kNow);
  CHECK(verdict.outcome == RosterOutcome::bad_signature);
  CHECK(verdict.reason == "roster refused: its signature does not verify up to the team's root");
}

TEST_CASE("Roster: one that ran out warns with its day and is accepted", "[team]") {
  TestTeam team;
  auto next = team.with(Device::make(team.random), Role::reporter);
  auto late = kNow + kRosterValid + kDay;
  auto verdict = verify_successor(team.state(team.founder), next, late);
  CHECK(verdict.accepted());
  CHECK(verdict.expired);
  CHECK(verdict.reason == "the roster ran out on 2026-06-30");
  CHECK(verdict.hint == "writing goes on; ask an admin to renew it, or check this device's date");
  CHECK_FALSE(check_expiry(next.head, next.head.expires).expired);
  CHECK(check_expiry(next.head, late).expired);
  auto fresh = renew(next, team.by_root(), late);
  REQUIRE(fresh.ok());
  CHECK_FALSE(verify_successor(state_for(next, team.founder.id), *fresh, late).expired);
}

TEST_CASE("Roster: an admin signs for 90 days, wrong clocks within them do no harm", "[team]") {
  TestTeam team;
  auto member = [&] { return team.member(Device::make(team.random), Role::reporter); };
  auto* epoch = &team.founding->team_epoch;
  auto behind = add_member(team.roster, member(), team.admin(), epoch, WallTime{}, team.random);
  REQUIRE(behind.ok());
  CHECK(behind->head.issued == kNow);
  auto late = add_member(team.roster, member(), team.admin(), epoch, kNow + kCertificateValid + kDay, team.random);
  CHECK(late.error().code == ErrorCode::trust_refused);
  CHECK(late.error().message == "cannot change the roster: the admin certificate ran out on 2026-04-01");
  CHECK(late.error().hint == "`lysoen team renew --root FILE` makes a new one; or check this device's date");
  auto renewed = certify_admin(team.root.key, team.root.team, team.founder.id, kNow + kCertificateValid + kDay);
  CHECK(add_member(team.roster, member(), {team.founder.key, &renewed}, epoch, kNow + kCertificateValid + kDay,
                   team.random)
            .ok());

  auto outside = team.roster;
  outside.head.issued = kNow + kCertificateValid + kDay;
  outside = signed_by_hand(outside, team.roster, team.admin());
  CHECK(verify_successor(team.state(team.founder), outside, kNow).outcome == RosterOutcome::bad_signature);
  auto dated_back = team.roster;
  auto early = certify_admin(team.root.key, team.root.team, team.founder.id, kNow - kDay);
  dated_back.head.issued = kNow - kDay;
  dated_back = signed_by_hand(dated_back, team.roster, {team.founder.key, &early});
  check_not_allowed(verify_successor(team.state(team.founder), dated_back, kNow),
                    "it is dated before the version it follows");
}

TEST_CASE("Roster: who is no admin signs nothing, even with a certificate of a former time", "[team]") {
  TestTeam team;
  auto coordinator = Device::make(team.random);
  team.add(coordinator, Role::coordinator);
  auto certificate = certify_admin(team.root.key, team.root.team, coordinator.id, kNow);
  auto next = renew(team.roster, {coordinator.key, &certificate}, kNow);
  CHECK(next.error().message == "cannot change the roster: its signer is no admin of this team");
  auto forged = signed_by_hand(team.roster, team.roster, {coordinator.key, &certificate});
  check_not_allowed(verify_successor(team.state(team.founder), forged, kNow), "its signer is no admin of this team");
  check_not_allowed(verify_start(state_for(forged, team.founder.id), team.root.team, team.root.key.public_key(), kNow),
                    "its signer is no admin of this team");
  certificate.signature[3] ^= 1;
  forged = signed_by_hand(team.roster, team.roster, {coordinator.key, &certificate});
  CHECK(verify_successor(team.state(team.founder), forged, kNow).outcome == RosterOutcome::bad_signature);
}

TEST_CASE("Roster: admins and durable relays change by the root only", "[team]") {
  TestTeam team;
  auto second = Device::make(team.random);
  auto as_admin = team.member(second, Role::admin | Role::coordinator);
  auto* epoch = &team.founding->team_epoch;
  auto refused = add_member(team.roster, as_admin, team.admin(), epoch, kNow, team.random);
  CHECK(refused.error().message == "cannot change the roster: a new admin needs the team's root");
  CHECK(refused.error().hint == "give the root key file");
  auto next = add_member(team.roster, as_admin, team.by_root(), epoch, kNow, team.random);
  REQUIRE(next.ok());
  CHECK(needs_approval(team.state(team.founder), *next));
  REQUIRE(approve(team.roster, *next, team.founder.key).ok());
  CHECK(verify_successor(team.state(team.founder), *next, kNow).accepted());

  auto forged = team.roster;
  forged.leaves[0].role = forged.leaves[0].role | Role::auditor;
  forged.leaves.push_back(*next->find(second.id));
  std::sort(forged.leaves.begin(), forged.leaves.end(), [](auto& a, auto& b) { return a.device < b.device; });
  forged = signed_by_hand(forged, team.roster, team.admin(), true);
  check_not_allowed(verify_successor(team.state(team.founder), forged, kNow),
                    "it changes who is admin, which only the team's root may do");

  auto another = relay_with(team.random, "https://relay.example.org");
  auto both = [&](bool durable) {
    auto relays = team.roster.head.relays;
    relays.push_back(another);
    relays.back().durable = durable;
    return relays;
  };
  CHECK(set_relays(team.roster, both(false), team.admin(), kNow).ok());
  auto durable = set_relays(team.roster, both(true), team.admin(), kNow);
  CHECK(durable.error().message ==
        "cannot change the roster: it changes durable relays, which only the team's root may do");
  CHECK(durable.error().hint == "what only the root may do needs the root key file");
  CHECK(set_relays(team.roster, both(true), team.by_root(), kNow).ok());
  CHECK_FALSE(set_relays(team.roster, {}, team.admin(), kNow).ok());
  auto moved = team.roster.head.relays;
  moved[0].urls = {"https://new.example.org"};
  CHECK(set_relays(team.roster, moved, team.admin(), kNow).ok());
  moved[0].fallback_key[0] ^= 1;
  CHECK_FALSE(set_relays(team.roster, moved, team.admin(), kNow).ok());
  auto twice = both(false);
  twice.push_back(another);
  CHECK(set_relays(team.roster, twice, team.admin(), kNow).error().message ==
        "cannot change the roster: a relay is named twice");
}

TEST_CASE("Roster: nobody comes to read the team's reports without a device that reads now", "[team]") {
  TestTeam team;
  auto admin = Device::make(team.random), spy = Device::make(team.random);
  auto next = add_member(team.roster, team.member(admin, Role::admin), team.by_root(), nullptr, kNow, team.random);
  REQUIRE(next.ok());
  CHECK_FALSE(needs_approval(team.state(team.founder), *next));
  team.roster = *next;
  auto certificate = certify_admin(team.root.key, team.root.team, admin.id, kNow);
  HeadSigner alone{admin.key, &certificate};
  auto state = team.state(team.founder);
  const std::string kNoAgreement =
      "it gives somebody new the team's reports, and no device that reads now agreed to it";

  auto proposed = add_member(team.roster, team.member(spy, Role::auditor), alone, nullptr, kNow, team.random);
  REQUIRE(proposed.ok());
  CHECK(needs_approval(state, *proposed));
  check_not_allowed(verify_successor(state, *proposed, kNow), kNoAgreement);
  CHECK(approve(team.roster, *proposed, admin.key).error().message ==
        "cannot change the roster: this device does not read the team's reports, so it cannot agree");
  auto self_made = signed_by_hand(*proposed, team.roster, alone, true);
  check_not_allowed(verify_successor(state, self_made, kNow), "the reading device's agreement does not verify");
  auto agreed = *proposed;
  REQUIRE(approve(team.roster, agreed, team.founder.key).ok());
  CHECK(verify_successor(state, agreed, kNow).accepted());

  // The same by the back door: another inbox key for a reader, a reader's role for a member, another epoch key.
  auto forged = team.roster;
  for (auto& leaf : forged.leaves)
    if (leaf.device == team.founder.id) leaf.inbox = spy.inbox.public_key;
  check_not_allowed(verify_successor(state, signed_by_hand(forged, team.roster, alone), kNow), kNoAgreement);
  forged = team.roster;
  for (auto& leaf : forged.leaves)
    if (leaf.device == admin.id) leaf.role = leaf.role | Role::coordinator, leaf.since = 3;
  check_not_allowed(verify_successor(state, signed_by_hand(forged, team.roster, alone), kNow), kNoAgreement);
  forged = team.roster;
  forged.head.audiences[0].epoch = 2;
  forged.head.audiences[0].public_key = spy.inbox.public_key;
  check_not_allowed(verify_successor(state, signed_by_hand(forged, team.roster, alone), kNow), kNoAgreement);
  forged.head.audiences[0].epoch = 1;
  check_not_allowed(verify_successor(state, signed_by_hand(forged, team.roster, alone), kNow),
                    "an audience is missing, or its key does not follow from the one before");
}

TEST_CASE("Roster: a member's record keeps its invite, what it replaces, and the version of its role", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random);
  team.add(reporter, Role::reporter);
  auto state = team.state(team.founder);
  auto change = [&](auto how) {
    auto forged = team.roster;
    for (auto& leaf : forged.leaves)
      if (leaf.device == reporter.id) how(leaf);
    return verify_successor(state, signed_by_hand(forged, team.roster, team.admin()), kNow);
  };
  const std::string kBroken = "a member's record does not follow from the one before";
  check_not_allowed(change([](Leaf& leaf) { leaf.since = 1; }), kBroken);
  check_not_allowed(change([](Leaf& leaf) { leaf.invite = {}; }), kBroken);
  check_not_allowed(change([&](Leaf& leaf) { leaf.replaces = {team.founder.id}; }), kBroken);
  check_not_allowed(change([&](Leaf& leaf) { leaf.role = Role::reporter | Role::auditor; }), kBroken);
  CHECK(change([&](Leaf& leaf) { leaf.inbox[0] ^= 1; }).accepted());
}

TEST_CASE("Roster: an invite is consumed once, a device is a member once", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random), late = Device::make(team.random);
  auto member = team.member(reporter, Role::reporter);
  auto next = add_member(team.roster, member, team.admin(), &team.founding->team_epoch, kNow, team.random);
  REQUIRE(next.ok());
  CHECK(check_unused(team.roster, member.invite).ok());
  auto used = check_unused(*next, member.invite);
  CHECK(used.error().code == ErrorCode::trust_refused);
  CHECK(used.error().message == "join request refused: this invite was used already");
  CHECK(used.error().hint == "make a new invite");
  auto again = add_member(*next, team.member(reporter, Role::reporter), team.admin(), nullptr, kNow, team.random);
  CHECK(again.error().code == ErrorCode::already_exists);
  CHECK(again.error().message == "cannot change the roster: this device is a member already");
  auto second = team.member(late, Role::reporter);
  second.invite = member.invite;
  CHECK(add_member(*next, second, team.admin(), nullptr, kNow, team.random).error().message ==
        "cannot change the roster: this invite was used already");
}

TEST_CASE("Roster: names that cannot be shown are refused when they are given", "[team]") {
  TestTeam team;
  auto device = Device::make(team.random);
  for (const auto& name : {std::string(), std::string(64, 'x'), std::string("a\nb"), std::string("\xC3"),
                           std::string("\xC2\x9B"), std::string("\xED\xA0\x80")}) {
    auto refused = add_member(team.roster, team.member(device, Role::reporter, name), team.admin(),
                              &team.founding->team_epoch, kNow, team.random);
    CHECK(refused.error().code == ErrorCode::input_refused);
  }
  CHECK(team.with(device, Role::reporter, "Łucja Ñandú 王").leaves.size() == 2);
}
