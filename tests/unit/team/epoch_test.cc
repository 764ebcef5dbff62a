#include <algorithm>

#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

EpochWraps wraps_of(TestTeam& team, const Epoch& epoch, AudienceKind kind) {
  auto wraps = wrap_epoch(team.root.team, epoch, readers_of(team.roster, kind), team.founder.key, team.random);
  REQUIRE(wraps.ok());
  return *wraps;
}

}  // namespace

TEST_CASE("Epoch: every reader opens its own wrap, and only that", "[team]") {
  TestTeam team;
  std::vector<Device> devices;
  for (int i = 0; i < 7; ++i) {
    devices.push_back(Device::make(team.random));
    team.add(devices.back(), i % 2 ? Role::coordinator : Role::reporter);
  }
  const Epoch &of_team = team.founding->team_epoch, &of_all = team.founding->all_epoch;
  auto team_wraps = wraps_of(team, of_team, AudienceKind::team), all_wraps = wraps_of(team, of_all, AudienceKind::all);
  CHECK(team_wraps.wraps.size() == 4);
  CHECK(all_wraps.wraps.size() == 8);
  for (size_t i = 0; i < devices.size(); ++i) {
    auto state = team.state(devices[i]);
    auto own = own_wrap(all_wraps, devices[i].id);
    REQUIRE(own);
    auto read = decode_own_wrap(encode_own_wrap(*own));
    REQUIRE(read.ok());
    CHECK(*read == *own);
    auto opened = open_wrap(*own, state, devices[i].id, devices[i].inbox);
    REQUIRE(opened.ok());
    CHECK(opened->keys.secret.equals(of_all.keys.secret));
    CHECK(own_wrap(team_wraps, devices[i].id).has_value() == (i % 2 == 1));
    auto others = open_wrap(*own, state, devices[i].id, devices[(i + 1) % 7].inbox);
    CHECK(others.error().message ==
          "cannot open the key of an audience: it is sealed to another inbox key of this device, or was altered");
    auto to_other = open_wrap(*own, state, devices[(i + 1) % 7].id, devices[i].inbox);
    CHECK(to_other.error().message == "cannot open the key of an audience: it is for another device");
  }
  auto bytes = encode_wraps(team_wraps);
  CHECK(*decode_wraps(bytes) == team_wraps);
}

TEST_CASE("Epoch: a key that does not fit the roster is an alarm", "[team]") {
  TestTeam team;
  auto coordinator = Device::make(team.random), reporter = Device::make(team.random);
  team.add(coordinator, Role::coordinator);
  team.add(reporter, Role::reporter);
  auto state = team.state(coordinator);
  auto open = [&](const Epoch& epoch, const Device& signer) {
    auto wraps =
        wrap_epoch(team.root.team, epoch, {{coordinator.id, coordinator.inbox.public_key}}, signer.key, team.random);
    return open_wrap(*own_wrap(*wraps, coordinator.id), state, coordinator.id, coordinator.inbox);
  };
  CHECK(open(team.founding->team_epoch, team.founder).ok());
  auto other = Epoch::generate(team.founding->team_epoch.audience, 1, team.random);
  auto alarm = open(other, team.founder);
  CHECK(alarm.error().code == ErrorCode::trust_refused);
  CHECK(alarm.error().message == "cannot open the key of an audience: it does not fit the key that the roster names");
  CHECK(alarm.error().hint == "nothing is sealed with it; show this to an admin at once");
  // The public key that the roster names, with another private key inside.
  other.keys.public_key = team.founding->team_epoch.keys.public_key;
  CHECK(open(other, team.founder).error().message == alarm.error().message);
  CHECK(open(team.founding->team_epoch, reporter).error().message ==
        "cannot open the key of an audience: it comes from a device that may not give it");
  CHECK(open(team.founding->all_epoch, reporter).error().message ==
        "cannot open the key of an audience: it comes from a device that may not give it");
  CHECK(open(Epoch::generate(AudienceId{}, 1, team.random), team.founder).error().message ==
        "cannot open the key of an audience: it is for another team or audience");
  CHECK_FALSE(wrap_epoch(team.root.team, team.founding->team_epoch, {}, team.founder.key, team.random).ok());
  WrapReader twice{coordinator.id, coordinator.inbox.public_key};
  CHECK(wrap_epoch(team.root.team, team.founding->team_epoch, {twice, twice}, team.founder.key, team.random)
            .error()
            .message == "cannot hand out the key of an audience: no reader, or one named twice");
}

TEST_CASE("Epoch: no bit of a wrap can be changed unnoticed", "[team]") {
  TestTeam team;
  auto coordinator = Device::make(team.random);
  team.add(coordinator, Role::coordinator);
  auto wraps = wraps_of(team, team.founding->team_epoch, AudienceKind::team);
  auto state = team.state(coordinator);
  auto own = own_wrap(wraps, coordinator.id);
  each_mutation(encode_own_wrap(*own), [&](ByteView bytes) {
    auto read = decode_own_wrap(bytes);
    if (read.ok()) REQUIRE_FALSE(open_wrap(*read, state, coordinator.id, coordinator.inbox).ok());
  });
  each_mutation(encode_wraps(wraps), [&](ByteView bytes) {
    auto read = decode_wraps(bytes);
    if (!read.ok()) return;
    auto part = own_wrap(*read, coordinator.id);
    if (part) REQUIRE_FALSE(open_wrap(*part, state, coordinator.id, coordinator.inbox).ok());
  });
}
