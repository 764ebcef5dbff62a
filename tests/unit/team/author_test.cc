#include "core/team/author.h"
#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// A state with the given members, as far as roles go.
RosterState at(uint64_t version, std::vector<std::tuple<DeviceId, Role, uint64_t>> members) {
  RosterState state;
  state.whole = true;
  state.head.version = version;
  for (auto& [device, role, since] : members) {
    Leaf leaf;
    leaf.device = device;
    leaf.role = role;
    leaf.since = since;
    state.leaves.push_back(leaf);
  }
  std::sort(state.leaves.begin(), state.leaves.end(), [](auto& a, auto& b) { return a.device < b.device; });
  return state;
}

DeviceId device(uint8_t n) {
  DeviceId id;
  id.bytes[0] = n;
  return id;
}

const DeviceId kAuthor = device(1), kFriend = device(2), kBoss = device(3), kStranger = device(4),
               kNewPhone = device(5), kNewestPhone = device(6);

EditClaim by(const DeviceId& author, uint64_t version) {
  EditClaim edit;
  edit.author = author;
  edit.creator = kAuthor;
  edit.co_authors = {kFriend};
  edit.roster_version = version;
  return edit;
}

/// kBoss coordinates from 3 to 4; from 5 on as auditor.
RoleHistory history() {
  RoleHistory roles;
  roles.follow(at(2, {{kAuthor, Role::reporter, 1},
                      {kFriend, Role::reporter, 2},
                      {kStranger, Role::reporter, 1},
                      {kBoss, Role::reporter, 1}}));
  roles.follow(at(3, {{kAuthor, Role::reporter, 1},
                      {kFriend, Role::reporter, 2},
                      {kStranger, Role::reporter, 1},
                      {kBoss, Role::coordinator, 3}}));
  auto state = at(5, {{kAuthor, Role::reporter, 1},
                      {kFriend, Role::reporter, 2},
                      {kBoss, Role::auditor, 5},
                      {kNewPhone, Role::reporter, 4},
                      {kNewestPhone, Role::reporter, 5}});
  for (auto& leaf : state.leaves) {
    if (leaf.device == kNewPhone) leaf.replaces = {kAuthor};
    if (leaf.device == kNewestPhone) leaf.replaces = {kNewPhone};
  }
  roles.follow(state);
  return roles;
}

}  // namespace

TEST_CASE("Author rule: creator and co-authors count, strangers are set aside", "[team]") {
  auto roles = history();
  CHECK(may_edit(by(kAuthor, 2), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kFriend, 2), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kStranger, 2), roles) == AuthorVerdict::not_author);
  CHECK(reason_of(AuthorVerdict::not_author) ==
        "its author is neither the report's author, a co-author nor a coordinator");
  CHECK(reason_of(AuthorVerdict::counts).empty());
}

TEST_CASE("Author rule: a coordinator counts by the version that the edit names", "[team]") {
  auto roles = history();
  CHECK(may_edit(by(kBoss, 2), roles) == AuthorVerdict::not_author);
  CHECK(may_edit(by(kBoss, 3), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kBoss, 4), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kBoss, 5), roles) == AuthorVerdict::not_author);
  CHECK(roles.role_at(kStranger, 3) == Role::reporter);
  CHECK(roles.role_at(kStranger, 5) == Role::none);
}

TEST_CASE("Author rule: a device that replaces the author's counts, through others too, once the roster says so",
          "[team]") {
  auto roles = history();
  CHECK(may_edit(by(kNewPhone, 4), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kNewPhone, 3), roles) == AuthorVerdict::not_author);
  CHECK(may_edit(by(kNewestPhone, 5), roles) == AuthorVerdict::counts);
  CHECK(may_edit(by(kNewestPhone, 4), roles) == AuthorVerdict::not_author);
  CHECK_FALSE(roles.replaces(kAuthor, kNewPhone, 5));
}

TEST_CASE("Author rule: backdated edits and those beyond a cut are set aside, unknown versions wait", "[team]") {
  auto roles = history();
  auto edit = by(kBoss, 3);
  edit.highest_named_before = 5;
  CHECK(may_edit(edit, roles) == AuthorVerdict::backdated);
  CHECK(reason_of(AuthorVerdict::backdated) == "names an older roster version than an earlier entry of its author");
  edit = by(kAuthor, 2);
  edit.highest_named_before = 3;
  CHECK(may_edit(edit, roles) == AuthorVerdict::backdated);
  edit.highest_named_before = 2;
  CHECK(may_edit(edit, roles) == AuthorVerdict::counts);
  edit.beyond_cut = true;
  CHECK(may_edit(edit, roles) == AuthorVerdict::beyond_cut);
  CHECK(reason_of(AuthorVerdict::beyond_cut) == "written after its author's device was removed");
  CHECK(may_edit(by(kAuthor, 6), roles) == AuthorVerdict::wait_for_roster);
  CHECK(reason_of(AuthorVerdict::wait_for_roster) == "waits for a roster version that has not arrived");
}

TEST_CASE("Author rule: the history survives as bytes and never goes back", "[team]") {
  auto roles = history();
  auto bytes = roles.encode();
  auto read = RoleHistory::decode(bytes);
  REQUIRE(read.ok());
  CHECK(*read == roles);
  read->follow(at(4, {}));
  CHECK(*read == roles);
  each_mutation(bytes, [](ByteView changed) {
    auto history = RoleHistory::decode(changed);  // never crashes; what decodes has one encoding
    if (history.ok()) REQUIRE(std::ranges::equal(history->encode(), changed));
  });
  CHECK(RoleHistory::decode(Bytes{9}).error().code == ErrorCode::newer_version);
}
