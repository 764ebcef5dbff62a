#include <algorithm>

#include "core/team/admission.h"
#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

struct Lists : TestTeam {
  Lists() {
    contents.admins = {founder.id};
    contents.devices.push_back({founder.id, QuotaClass::staff, {roster.head.audience(AudienceKind::team)}});
    auto made = next_admission(nullptr, root_key(), contents, root.key, kNow);
    REQUIRE(made.ok());
    first = *made;
    contents.devices.push_back(
        {Device::make(random).id, QuotaClass::member, {roster.head.audience(AudienceKind::all)}});
    contents.invites.push_back({random_hash(random), kNow + kDay * 7});
    auto next = next_admission(&first, root_key(), contents, founder.key, kNow);
    REQUIRE(next.ok());
    second = *next;
  }
  crypto::SignPublic root_key() const { return root.key.public_key(); }

  AdmissionContents contents;
  AdmissionList first, second;
};

void check_refused(const AdmissionVerdict& verdict, AdmissionOutcome outcome, const std::string& why) {
  CHECK(verdict.outcome == outcome);
  CHECK(verdict.reason == "admission list refused: " + why);
}

}  // namespace

TEST_CASE("Admission: a relay follows the chain from the root's list on", "[team]") {
  Lists team;
  for (const auto& list : {team.first, team.second}) {
    auto bytes = encode_admission(list);
    auto read = decode_admission(bytes);
    REQUIRE(read.ok());
    CHECK(*read == list);
    CHECK(encode_admission(*read) == bytes);
  }
  CHECK(verify_admission(nullptr, team.first, team.root_key()).accepted());
  CHECK(verify_admission(&team.first, team.second, team.root_key()).accepted());
  CHECK(verify_admission(&team.second, team.second, team.root_key()).outcome == AdmissionOutcome::same);
  CHECK(team.second.find(team.founder.id)->quota == QuotaClass::staff);
  CHECK(team.second.find(DeviceId{}) == nullptr);
  CHECK(team.second.find_invite(team.second.invites[0].invite)->expires == kNow + kDay * 7);
  CHECK(team.second.is_admin(team.founder.id));
  auto third = next_admission(&team.second, team.root_key(), team.contents, team.founder.key, kNow + kDay * 8);
  REQUIRE(third.ok());
  CHECK(third->invites.empty());
  // A relay added later begins with a list that the root signed, whatever its number.
  auto by_root = next_admission(&team.second, team.root_key(), team.contents, team.root.key, kNow);
  CHECK(verify_admission(nullptr, *by_root, team.root_key()).accepted());
}

TEST_CASE("Admission: rolled back, forked, foreign and unentitled lists are refused with the reason", "[team]") {
  Lists team;
  auto root = team.root_key();
  check_refused(verify_admission(&team.second, team.first, root), AdmissionOutcome::older,
                "version 1 is older than the one held (2)");
  auto third = *next_admission(&team.second, root, team.contents, team.founder.key, kNow);
  check_refused(verify_admission(&team.first, third, root), AdmissionOutcome::ahead, "versions before 3 are missing");
  check_refused(verify_admission(nullptr, third, root), AdmissionOutcome::ahead, "versions before 3 are missing");
  CHECK(verify_admission(nullptr, third, root).error().code == ErrorCode::not_found);
  auto other = *next_admission(&team.first, root, team.contents, team.founder.key, kNow + kDay);
  check_refused(verify_admission(&team.second, other, root), AdmissionOutcome::fork,
                "it does not follow from the one held");
  check_refused(verify_admission(&other, third, root), AdmissionOutcome::fork, "it does not follow from the one held");
  TestTeam stranger(seed() + 3);
  check_refused(verify_admission(&team.first, team.second, stranger.root.key.public_key()),
                AdmissionOutcome::foreign_root, "it is another team's");

  auto member = Device::make(team.random);
  CHECK(next_admission(nullptr, root, team.contents, team.founder.key, kNow).error().message ==
        "cannot make the admission list: the first one must be signed by the team's root");
  CHECK(next_admission(&team.first, root, team.contents, member.key, kNow).error().message ==
        "cannot make the admission list: its signer is no admin of this team");
  auto more = team.contents;
  more.admins.push_back(member.id);
  CHECK(next_admission(&team.first, root, more, team.founder.key, kNow).error().message ==
        "cannot make the admission list: it changes who is admin, which only the team's root may do");
  CHECK(next_admission(&team.first, root, more, team.root.key, kNow).ok());
  more.admins.push_back(member.id);
  CHECK(next_admission(&team.first, root, more, team.root.key, kNow).error().message ==
        "cannot make the admission list: a device, mailbox or invite stands in it twice");
  more = team.contents;
  for (size_t i = 0; i <= kOpenInvitesMax; ++i) more.invites.push_back({random_hash(team.random), kNow});
  CHECK(next_admission(&team.first, root, more, team.founder.key, kNow).error().code == ErrorCode::limit_exceeded);

  // Signed by a member: the chain fits, the signer does not.
  AdmissionList of_member = team.first;
  of_member.admins = {member.id};
  auto forged = *next_admission(&of_member, root, {{member.id}, {}, {}}, member.key, kNow);
  forged.previous = admission_hash(team.first);
  check_refused(verify_admission(&team.first, forged, root), AdmissionOutcome::not_allowed,
                "its signature does not verify");
}

TEST_CASE("Admission: no bit of a list can be changed unnoticed", "[team]") {
  Lists team;
  const auto held = team.first;
  each_mutation(encode_admission(team.second), [&](ByteView bytes) {
    auto read = decode_admission(bytes);
    if (!read.ok()) return;
    auto verdict = verify_admission(&held, *read, team.root_key());
    REQUIRE_FALSE(verdict.accepted());
    REQUIRE(verdict.outcome != AdmissionOutcome::same);
  });
  CHECK(held == team.first);
  auto newer = encode_admission(team.second);
  newer[0] = 2;
  CHECK(decode_admission(newer).error().message ==
        "cannot read the admission list: made by a newer version (2, this one reads up to 0)");
  newer.resize(kAdmissionListMax + 1);
  CHECK(decode_admission(newer).error().message == "cannot read the admission list: larger than 4 MiB");
  CHECK(decode_admission(Bytes{0, 1}).error().message == "cannot read the admission list: it is damaged or incomplete");
}
