#include "core/team/policy.h"

#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

TEST_CASE("Policy: what an admin sets for a role reaches whoever follows the roster, whole or in part", "[team]") {
  TestTeam team;
  auto reporter = Device::make(team.random);
  team.add(reporter, Role::reporter);
  auto held = team.state(reporter);
  CHECK(held.policy.of(Role::reporter) == RolePolicy{});

  RolePolicy strict{Keep::until_opened, 7, false};
  auto next = set_policy(team.roster, Role::reporter, strict, team.admin(), kNow);
  REQUIRE(next.ok());
  CHECK(verify_successor(held, *next, kNow).accepted());
  auto sealed = seal_roster(*next, team.founding->roster_key, team.random);
  auto opened = open_roster(*sealed, team.root.team, team.founding->roster_key);
  REQUIRE(opened.ok());
  auto state = decode_state(encode_state(state_for(*opened, reporter.id)));
  REQUIRE(state.ok());
  CHECK(state->policy.of(Role::reporter) == strict);
  CHECK(verify_start(*state, team.root.team, team.root.key.public_key(), kNow).accepted());

  auto back = set_policy(*next, Role::reporter, {}, team.admin(), kNow);
  REQUIRE(back.ok());
  CHECK(back->head.policy.is_none());
}

TEST_CASE("Policy: another one than the signed head names is refused", "[team]") {
  TestTeam team;
  auto held = team.state(team.founder);
  auto next = set_policy(team.roster, Role::reporter, {Keep::until_opened, 7, true}, team.admin(), kNow);
  REQUIRE(next.ok());
  auto altered = *next;
  altered.policy.reporter.days = 0;
  auto verdict = verify_successor(held, altered, kNow);
  CHECK(verdict.outcome == RosterOutcome::bad_signature);
  CHECK(verdict.reason == "roster refused: its policy is not the one that was signed");
  CHECK_FALSE(
      verify_start(state_for(altered, team.founder.id), team.root.team, team.root.key.public_key(), kNow).accepted());
  CHECK_FALSE(decode_roster(encode_roster(altered)).ok());
  CHECK_FALSE(decode_state(encode_state(state_for(altered, team.founder.id))).ok());
}

TEST_CASE("Policy: a device of several roles follows the strictest, and who reads for the team keeps", "[team]") {
  TeamPolicy policy;
  policy.reporter = {Keep::until_opened, 7, true};
  policy.admin = {Keep::until_held, 30, false};
  CHECK(policy.of(Role::reporter) == policy.reporter);
  CHECK(policy.of(Role::reporter | Role::admin) == RolePolicy{Keep::until_held, 30, false});
  policy.admin = {Keep::until_opened, 3, true};
  CHECK(policy.of(Role::reporter | Role::admin) == RolePolicy{Keep::until_opened, 3, true});
  policy.coordinator.may_wipe = false;
  CHECK(policy.of(Role::reporter | Role::coordinator) == RolePolicy{Keep::always, 0, false});
  CHECK(policy.of(Role::none) == RolePolicy{});
  policy.admin.plain_http = false;
  CHECK_FALSE(policy.of(Role::reporter | Role::admin).plain_http);
  CHECK(policy.of(Role::reporter).plain_http);
}

TEST_CASE("Policy: what makes no sense is refused with the rule that it breaks", "[team]") {
  TestTeam team;
  auto refuse = [&](Role role, RolePolicy policy, const std::string& why) {
    auto refused = set_policy(team.roster, role, policy, team.admin(), kNow);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::input_refused);
    CHECK(refused.error().message == "cannot set the policy: " + why);
  };
  refuse(Role::coordinator, {Keep::until_held, 0, true},
         "who reads the team's reports holds the key of all of them, and keeps them");
  refuse(Role::reporter, {Keep::always, 7, true}, "days count from a level");
  refuse(Role::reporter, {Keep::until_held, 3651, true}, "more than 3650 days");
  refuse(Role::reporter | Role::admin, {}, "it is set for one role at a time");

  for (bool may_wipe : {false, true})
    for (bool plain_http : {false, true}) {
      TeamPolicy policy;
      policy.reporter = {Keep::until_held, 5, may_wipe, plain_http};
      CHECK(decode_policy(encode_policy(policy))->reporter == policy.reporter);
    }
  auto bytes = encode_policy({{Keep::until_opened, 7, false}, {}, {}, {Keep::until_held, 0, true, false}});
  CHECK(bytes.size() == 17);
  each_mutation(bytes, [&](ByteView changed) {
    auto read = decode_policy(changed);
    if (read.ok()) CHECK(encode_policy(*read) == to_bytes(changed));
  });
}
