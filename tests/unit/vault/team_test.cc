#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/report/fold.h"
#include "core/team/layout.h"
#include "tests/unit/vault/hand_made.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

std::map<ReportId, Bytes> bytes_of(Vault& vault) {
  std::map<ReportId, Bytes> all;
  ReportQuery query;
  query.with_retracted = true;
  must(vault.each(query, [&](const Report& report) {
    all[report.id] = report::canonical_bytes(report);
    return true;
  }));
  return all;
}

const Field& field_of(const Report& report, std::string_view path) {
  const auto* field = report.field(path);
  INFO(path);
  REQUIRE(field);
  return *field;
}

}  // namespace

TEST_CASE("Vault: three devices joined by files see every report once and settle one conflict alike", "[vault]") {
  Team team;
  auto& reporter = team.add(Role::reporter, "Ben");
  auto& second = team.add(Role::coordinator, "Cleo");
  auto& admin = team.admin();

  auto first = submitted(*reporter, "Shots near the bridge", {{"killed", value(ValueType::integer, "1")}});
  submitted(*reporter, "A stolen cart");
  submitted(*admin, "Own observation");
  carry(*reporter, *admin);
  carry(*reporter, *second);
  carry(*admin, *second);
  carry(*second, *admin);
  CHECK(must(admin->count({})) == 3);
  CHECK(must(second->count({})) == 3);
  CHECK(ids_of(*admin) == ids_of(*second));

  // Author and coordinator change the same field without hearing of each other.
  must(reporter->save(first, std::vector<Change>{{"killed", value(ValueType::integer, "2")}}));
  must(reporter->submit(first));
  must(admin->save(first, std::vector<Change>{{"killed", value(ValueType::integer, "3")}}));
  must(admin->submit(first));
  carry(*reporter, *admin);
  carry(*reporter, *second);
  carry(*admin, *second);
  auto conflict = must(second->read(first));
  const auto& killed = field_of(conflict, "killed");
  REQUIRE(killed.values.size() == 2);
  CHECK(killed.values[0].author != killed.values[1].author);
  CHECK(must(second->status()).conflicts == 1);
  CHECK(bytes_of(*admin) == bytes_of(*second));
  ReportQuery conflicts;
  conflicts.only_conflicts = true;
  CHECK(must(second->count(conflicts)) == 1);

  must(second->resolve(first, "killed", value(ValueType::integer, "3")));
  carry(*second, *admin);
  CHECK(must(admin->status()).conflicts == 0);
  auto settled = must(admin->read(first));
  REQUIRE(field_of(settled, "killed").values.size() == 1);
  CHECK(field_of(settled, "killed").values[0].value->text() == "3");
  CHECK(bytes_of(*admin) == bytes_of(*second));
}

TEST_CASE("Vault: batches in any order and any number of times give the same bytes", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto& dag = team.add(Role::coordinator, "Dag");
  auto& eva = team.add(Role::coordinator, "Eva");
  auto shared = submitted(*ben, "Detention at the checkpoint", {{"injured", value(ValueType::integer, "4")}});
  carry(*ben, *cleo);
  carry(*team.admin(), *cleo);
  for (int i = 0; i < 5; ++i) {
    submitted(*ben, "Report " + std::to_string(i), {{"reported_by", text("a neighbour")}});
    must(ben->save(shared, std::vector<Change>{{"injured", value(ValueType::integer, std::to_string(i))}}));
    must(ben->submit(shared));
    must(cleo->save(shared, std::vector<Change>{{"injured", value(ValueType::integer, std::to_string(10 + i))}}));
    must(cleo->submit(shared));
  }
  must(cleo->set_status(shared, Status::under_review, "two sources"));
  must(cleo->retract(must(cleo->find(shared.hex())).front(), "written twice"));

  auto batches = batches_of(*ben, 600);
  for (auto& batch : batches_of(*cleo, 600)) batches.push_back(std::move(batch));
  for (const auto& roster : must(team.admin()->sealed_rosters())) {
    must(dag->sync_peer().take_roster(roster));
    must(eva->sync_peer().take_roster(roster));
  }
  auto random = generator(1);
  auto deliver = [&](Vault& vault) {
    for (int round = 0; round < 200; ++round) {
      std::shuffle(batches.begin(), batches.end(), random);
      bool gap = false;
      for (const auto& batch : batches) {
        auto verdict = must(vault.entries().append(batch));
        gap |= verdict.outcome == AppendOutcome::gap_before;
        REQUIRE(verdict.outcome != AppendOutcome::refused);
        REQUIRE(verdict.outcome != AppendOutcome::forked);
      }
      if (!gap) return;
    }
    FAIL("the batches never fitted together");
  };
  deliver(*dag);
  deliver(*eva);
  CHECK(bytes_of(*dag).size() == 6);
  CHECK(bytes_of(*dag) == bytes_of(*eva));
  CHECK(ids_of(*dag) == ids_of(*eva));
  CHECK(must(dag->status()).set_aside == 0);
}

TEST_CASE("Vault: a batch after a gap is not stored and says from where to send", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  submitted(*ben, "One");
  submitted(*ben, "Two");
  auto batches = batches_of(*ben, 1);
  REQUIRE(batches.size() >= 3);
  auto verdict = must(team.admin()->entries().append(batches.back()));
  CHECK(verdict.outcome == AppendOutcome::gap_before);
  CHECK(verdict.head.seq == 0);
  for (const auto& batch : batches) CHECK(must(team.admin()->entries().append(batch)).outcome == AppendOutcome::stored);
  CHECK(must(team.admin()->entries().append(batches.front())).outcome == AppendOutcome::known);
  CHECK(must(team.admin()->count({})) == 2);
}

TEST_CASE("Vault: an altered batch is refused and changes nothing", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  submitted(*ben, "One");
  auto batch = batches_of(*ben, 64 * 1024).front();
  batch.entries.back().ciphertext[40] ^= 1;
  auto verdict = must(team.admin()->entries().append(batch));
  CHECK(verdict.outcome == AppendOutcome::refused);
  CHECK_FALSE(verdict.reason.empty());
  CHECK(must(team.admin()->all_heads()).empty());
}

TEST_CASE("Vault: reports of a device that the roster does not name yet wait for the roster", "[vault]") {
  Team team;
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto& ben = team.add(Role::reporter, "Ben");  // Cleo has not heard of him
  submitted(*ben, "Early");
  for (const auto& batch : batches_of(*ben, 64 * 1024)) must(cleo->entries().append(batch));
  CHECK(must(cleo->count({})) == 0);
  CHECK(must(cleo->all_heads()).size() == 1);
  cleo.reopen();
  carry(*team.admin(), *cleo);
  CHECK(must(cleo->count({})) == 1);
}

TEST_CASE("Vault: rosters that come in the wrong order are taken all the same", "[vault]") {
  Team team;
  auto& cleo = team.add(Role::coordinator, "Cleo");
  team.add(Role::reporter, "Ben");
  team.add(Role::reporter, "Dag");
  team.add(Role::reporter, "Eva");
  auto rosters = must(team.admin()->sealed_rosters());
  std::reverse(rosters.begin(), rosters.end());
  for (const auto& roster : rosters) must(cleo->sync_peer().take_roster(roster));
  CHECK(must(cleo->team_view()).roster_version == must(team.admin()->team_view()).roster_version);
  CHECK(must(cleo->team_view()).members.size() == 5);
}

TEST_CASE("Vault: coordinators see names, reporters do not", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto names = [](Vault& vault) {
    std::vector<std::string> all;
    for (const auto& member : must(vault.team_view()).members) all.push_back(member.name);
    std::sort(all.begin(), all.end());
    return all;
  };
  CHECK(names(*team.admin()) == std::vector<std::string>{"Ada", "Ben"});
  CHECK(names(*ben) == std::vector<std::string>{"", ""});
}

TEST_CASE("Vault: a roster of another team is set aside and reported", "[vault]") {
  Team team, other;
  auto before = must(team.admin()->team_view()).roster_version;
  must(team.admin()->sync_peer().take_roster(must(other.admin()->sealed_rosters()).front()));
  CHECK(must(team.admin()->team_view()).roster_version == before);
  auto status = must(team.admin()->status());
  CHECK_THAT(status.notices.front(), Catch::Contains("does not open with this device's keys"));
  REQUIRE(status.refused_roster);
  CHECK(status.refused_roster->code == ErrorCode::trust_refused);
}

TEST_CASE("Vault: a roster signed by another root is refused by name, and the known one stands", "[vault]") {
  Team team;
  auto& ben = team.add(Role::coordinator, "Ben");
  // An insider: it holds the roster key, and signs with a root of its own.
  HandMade insider(*team.admin(), Role::coordinator, team.admin().clock.wall());
  carry(*team.admin(), *ben);
  auto stranger = crypto::SigningKey::generate(insider.random);
  auto forged = *team::whole_roster(insider.roster());
  forged.head.previous = team::head_hash(forged.head);
  forged.head.version += 1;
  forged.head.root = stranger.public_key();
  forged.head.certificate.reset();
  forged.head.approval.reset();
  forged.head.signature = stranger.sign(team::layout::kHeadLabel, team::layout::head_body(forged.head));
  auto sealed = must(team::seal_roster(forged, insider.welcome->roster_keys.front(), insider.random));

  auto before = must(ben->team_view()).roster_hash;
  must(ben->sync_peer().take_roster(sealed));
  CHECK(must(ben->team_view()).roster_hash == before);
  auto status = must(ben->status());
  REQUIRE(status.refused_roster);
  CHECK(status.refused_roster->code == ErrorCode::trust_refused);
  CHECK(status.refused_roster->message == "roster refused: it is signed by another root");
  CHECK_THAT(status.refused_roster->hint, Catch::Contains("ask your coordinator by another way"));
  CHECK_THAT(status.notices.front(), Catch::Contains(status.refused_roster->message));
  submitted(*ben, "Work goes on");
}

TEST_CASE("Vault: an admin renews the roster, and with the root key a certificate that ran out", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto& second = team.add(Role::coordinator, "Cleo");
  auto later = [&](int days) {
    for (auto& device : team.devices) device->clock.advance(std::chrono::hours(24 * days));
  };
  later(80);
  auto renewed = must(admin->renew_roster({}, {}));
  later(120);  // 200 days after the founding: the first roster would have run out, and the certificate did
  CHECK_FALSE(must(admin->team_view()).expired);
  CHECK(must(second->team_view()).expired);
  carry(*admin, *second);
  CHECK(must(second->team_view()).roster_version == renewed.roster_version);
  CHECK_FALSE(must(second->team_view()).expired);

  auto refused = admin->renew_roster({}, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::trust_refused);
  CHECK(second->renew_roster(team.root_file, "root words").error().code == ErrorCode::trust_refused);
  CHECK(admin->renew_roster(team.root_file, "not this").error().code == ErrorCode::wrong_passphrase);
  must(admin->renew_roster(team.root_file, "root words"));
  admin.reopen();
  must(admin->renew_roster({}, {}));
  carry(*admin, *second);
  CHECK(must(second->team_view()).roster_version == must(admin->team_view()).roster_version);
}

TEST_CASE("Vault: a reporter's edit of somebody else's report is set aside and shown", "[vault]") {
  // A reporter's own vault refuses; one that was altered would seal it. The coordinators decide by the roster.
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto id = submitted(*ben, "One");
  carry(*ben, *cleo);
  must(cleo->set_status(id, Status::verified, ""));
  auto dag_sees = must(cleo->read(id));
  CHECK(dag_sees.status == Status::verified);

  auto& dag = team.add(Role::reporter, "Dag");
  auto refused = dag->set_status(id, Status::rejected, "");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::not_found);
}

TEST_CASE("Vault: import adds each row once, also when the file comes again", "[vault]") {
  Team team;
  std::vector<ImportRow> rows;
  for (int i = 0; i < 200; ++i)
    rows.push_back(
        {"police-incident",
         "abc:" + std::to_string(i),
         {{"title", text("Row " + std::to_string(i))}, {"event_date", value(ValueType::date, "2020-02-01")}}});
  auto first = must(team.admin()->import_rows(rows));
  CHECK(first.added == 200);
  auto again = must(team.admin()->import_rows(rows));
  CHECK(again.added == 0);
  CHECK(again.known == 200);
  CHECK(must(team.admin()->count({})) == 200);
  rows[3].values[1].path = "no_such_field";
  rows[3].origin = "abc:new";
  auto refused = team.admin()->import_rows(rows);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().message, Catch::Contains("row 4"));
  CHECK_THAT(refused.error().message, Catch::Contains("no_such_field"));
  CHECK(must(team.admin()->count({})) == 200);
}

TEST_CASE("Vault: a reporter's device keeps no roster from which a finder could learn who the others are", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto& dag = team.add(Role::reporter, "Dag");
  for (auto* device : {&ben, &cleo}) carry(*team.admin(), **device);
  CHECK(must(ben->team_view()).roster_version == must(team.admin()->team_view()).roster_version);
  for (const auto& member : must(ben->team_view()).members) CHECK(member.device != dag->sync_peer().device());
  CHECK(must(ben->sealed_rosters()).empty());
  CHECK(must(cleo->sealed_rosters()).size() > 0);
}

TEST_CASE("Vault: a bundle for one member holds what that member reads and nothing else", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& dag = team.add(Role::reporter, "Dag");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  auto& admin = team.admin();
  for (auto* device : {&ben, &dag, &cleo}) carry(*admin, **device);
  for (auto* device : {&ben, &dag}) {
    submitted(**device, "One");
    must(admin->sync_peer().begin_intake());
    carry(**device, *admin);
    must(admin->sync_peer().end_intake());  // acknowledged to its author
  }
  auto audiences = [&](const std::optional<DeviceId>& member) {
    std::set<AudienceId> found;
    for (const auto& head : must(admin->heads_for(member)).heads) found.insert(head.feed.audience);
    return found;
  };
  const auto& peer = admin->sync_peer();
  const auto reports = feed::audience_id(peer.team(), feed::AudienceKind::team);
  const auto bens = feed::inbox_of(peer.team(), ben->sync_peer().device());
  const auto dags = feed::inbox_of(peer.team(), dag->sync_peer().device());
  CHECK(audiences(ben->sync_peer().device()).contains(bens));
  CHECK_FALSE(audiences(ben->sync_peer().device()).contains(dags));
  CHECK_FALSE(audiences(ben->sync_peer().device()).contains(reports));
  CHECK_FALSE(must(admin->heads_for(ben->sync_peer().device())).reports);
  for (const auto& reader : {std::optional(cleo->sync_peer().device()), std::optional<DeviceId>()}) {
    CHECK(audiences(reader).contains(reports));
    CHECK_FALSE(audiences(reader).contains(bens));
    CHECK(must(admin->heads_for(reader)).reports);
  }
  CHECK(admin->heads_for(DeviceId{}).error().code == ErrorCode::not_found);
}
