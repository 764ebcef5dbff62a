#include "core/feed/body.h"
#include "core/report/fold.h"
#include "tests/unit/vault/hand_made.h"
#include "tests/unit/vault/relay_key.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

report::Edit creating(const HandMade& author, std::string_view title) {
  report::Edit edit;
  edit.creation = report::Edit::Creation{"police-incident", built_in_form("police-incident")->version(), {}};
  edit.roster_version = author.roster().head.version;
  edit.writes.push_back({"title", text(std::string(title)), {}});
  return edit;
}

report::Edit status_edit(const HandMade& author, const ReportId& report, uint64_t version) {
  report::Edit edit;
  edit.report = report;
  edit.roster_version = version;
  edit.status = report::StatusWrite{Status::rejected, "", {}};
  (void)author;
  return edit;
}

AppendVerdict offer(Device& device, const Batch& batch) {
  return must(device->entries().append(batch));
}

bool has_notice(Vault& vault, const std::string& part) {
  for (const auto& notice : must(vault.status()).notices)
    if (notice.find(part) != std::string::npos) return true;
  return false;
}

/// One report before the folder was copied, more after it, which the admin holds; then the copy is opened in its place.
void put_back(Team& team, Device& ben, int after = 1) {
  submitted(*ben, "Before the copy");
  must(ben->lock());
  auto copy = team.folder.path() / "copy";
  std::filesystem::copy(ben.folder, copy, std::filesystem::copy_options::recursive);
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
  for (int i = 0; i < after; ++i) submitted(*ben, "After the copy");
  carry(*ben, *team.admin());
  must(ben->lock());
  ben.folder = copy;
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
}

}  // namespace

TEST_CASE("Vault: an edit by somebody who is neither author nor coordinator is set aside and shown", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto id = submitted(*admin, "Ours");
  HandMade rogue(*admin, Role::reporter, admin.clock.wall());
  auto feed = rogue.begin_feed(rogue.team_audience());
  rogue.add(feed, rogue.edit_payload(status_edit(rogue, id, rogue.roster().head.version)));
  CHECK(offer(admin, rogue.batch(feed)).outcome == AppendOutcome::stored);
  auto report = must(admin->read(id));
  CHECK(report.status == Status::submitted);
  REQUIRE(report.set_aside.size() == 1);
  CHECK(report.set_aside[0].author == rogue.device());
  CHECK_FALSE(report.set_aside[0].reason.empty());
  CHECK(must(admin->status()).set_aside == 1);
}

TEST_CASE("Vault: an edit that names an older roster than its feed did before is set aside", "[vault]") {
  Team team;
  auto& admin = team.admin();
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto version = author.roster().head.version;
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, author.edit_payload(creating(author, "Mine")));
  ReportId id{author.last_edit.bytes};
  author.add(feed, author.edit_payload(status_edit(author, id, version - 1)));
  offer(admin, author.batch(feed));
  auto report = must(admin->read(id));
  CHECK(report.status == Status::submitted);
  REQUIRE(report.set_aside.size() == 1);
}

TEST_CASE("Vault: an edit that names a roster to come counts once that roster is here", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto& cleo = team.add(Role::coordinator, "Cleo");
  HandMade author(*admin, Role::reporter, admin.clock.wall());  // Cleo does not know him, nor the version
  carry(*admin, *cleo);
  team.add(Role::reporter, "Dag");
  auto ahead = must(admin->team_view()).roster_version;
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, author.edit_payload(creating(author, "Mine")));
  ReportId id{author.last_edit.bytes};
  author.add(feed, author.edit_payload(status_edit(author, id, ahead)));
  offer(cleo, author.batch(feed));
  CHECK(must(cleo->read(id)).status == Status::submitted);
  carry(*admin, *cleo);
  CHECK(must(cleo->read(id)).status == Status::rejected);
}

TEST_CASE("Vault: a record of an unknown kind is kept aside and what follows it is read", "[vault]") {
  Team team;
  auto& admin = team.admin();
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, Bytes{200, 1, 2, 3});
  Bytes broken = author.edit_payload(creating(author, "Broken"));
  broken.back() ^= 0x55;
  broken.push_back(7);
  author.add(feed, broken);
  author.add(feed, author.edit_payload(creating(author, "Behind them")));
  CHECK(offer(admin, author.batch(feed)).outcome == AppendOutcome::stored);
  auto lines = must(admin->list({}));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].title == "Behind them");
  auto status = must(admin->status());
  CHECK(status.set_aside == 2);
  REQUIRE(status.aside.size() == 2);  // each with its reason
  for (const auto& one : status.aside) {
    CHECK(one.records == 1);
    CHECK_FALSE(one.reason.empty());
  }
}

TEST_CASE("Vault: a gap is counted, does not block the feed, and closes when the entry arrives", "[vault]") {
  Team team;
  auto& admin = team.admin();
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, author.edit_payload(creating(author, "One")));
  author.add(feed, author.edit_payload(creating(author, "Two")));
  auto whole = author.batch(feed);
  auto holed = whole;
  SECTION("of an entry") {
    holed.entries[1] = feed::stub_of(whole.entries[1], StubReason::gap, {});
  }
  SECTION("of the stream's own entry") {
    holed.entries[0] = feed::stub_of(whole.entries[0], StubReason::gap, {});
  }
  SECTION("claimed to be refused, without a warrant that holds") {
    holed.entries[1] = feed::stub_of(whole.entries[1], StubReason::refused, Bytes(80, 7));
  }
  CHECK(offer(admin, holed).outcome == AppendOutcome::stored);
  CHECK(must(admin->count({})) < 2);
  CHECK(must(admin->status()).gaps == 1);
  CHECK(offer(admin, whole).outcome == AppendOutcome::stored);
  CHECK(must(admin->count({})) == 2);
  CHECK(must(admin->status()).gaps == 0);
  CHECK(offer(admin, holed).outcome == AppendOutcome::known);
  CHECK(must(admin->count({})) == 2);
}

TEST_CASE("Vault: two versions of one feed are both kept and reported", "[vault]") {
  Team team;
  auto& admin = team.admin();
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, author.edit_payload(creating(author, "Common")));
  auto other = feed.copy();
  author.add(feed, author.edit_payload(creating(author, "Held")));
  author.add(other, author.edit_payload(creating(author, "Other")));
  CHECK(offer(admin, author.batch(feed)).outcome == AppendOutcome::stored);
  auto verdict = offer(admin, author.batch(other, 3));
  CHECK(verdict.outcome == AppendOutcome::forked);
  CHECK_FALSE(verdict.reason.empty());
  CHECK(offer(admin, author.batch(other, 3)).outcome == AppendOutcome::forked);
  admin.reopen();
  CHECK(must(admin->status()).forks == 1);
  CHECK(has_notice(*admin, "two versions of one feed"));
  CHECK(must(admin->count({})) == 2);
  // The feed goes on.
  author.add(feed, author.edit_payload(creating(author, "Later")));
  CHECK(offer(admin, author.batch(feed)).outcome == AppendOutcome::stored);
  CHECK(must(admin->count({})) == 3);
}

TEST_CASE("Vault: a device whose past comes back from others goes on under a new incarnation", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  put_back(team, ben);
  // A coordinator hands back what was sent.
  auto before = must(ben->sync_peer().outgoing_heads());
  REQUIRE(before.size() == 1);
  for (const auto& batch : batches_of(*team.admin(), 64 * 1024))
    if (batch.feed.device == ben->sync_peer().device()) must(ben->entries().append(batch));
  CHECK(has_notice(*ben, "older state of this vault was restored"));
  submitted(*ben, "After the loss");
  auto heads = must(ben->sync_peer().outgoing_heads());
  REQUIRE(heads.size() == 2);
  CHECK(heads[1].feed.incarnation == heads[0].feed.incarnation + 1);
  CHECK(heads[0].seq > before[0].seq);
  carry(*ben, *team.admin());
  CHECK(must(team.admin()->count({})) == 3);
  CHECK(must(team.admin()->status()).forks == 0);
}

TEST_CASE("Vault: edits are judged alike whether their feed came whole or with a gap that closed later", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto& cleo = team.add(Role::coordinator, "Cleo");
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto early = author.roster().head.version;
  team.add(Role::reporter, "Dag");
  auto late = must(admin->team_view()).roster_version;
  carry(*admin, *cleo);
  uint64_t second = early, third = late;
  SECTION("the entry that came late is not backdated by those behind it") {}
  SECTION("the entry that came late backdates those behind it") {
    std::swap(second, third);
  }
  auto feed = author.begin_feed(author.team_audience());
  author.add(feed, author.edit_payload(creating(author, "Mine")));
  ReportId id{author.last_edit.bytes};
  author.add(feed, author.edit_payload(status_edit(author, id, second)));
  author.add(feed, author.edit_payload(status_edit(author, id, third)));
  auto whole = author.batch(feed);
  auto holed = whole;
  holed.entries[2] = feed::stub_of(whole.entries[2], StubReason::gap, {});
  offer(admin, whole);
  offer(cleo, holed);
  CHECK(report::canonical_bytes(must(cleo->read(id))) != report::canonical_bytes(must(admin->read(id))));
  offer(cleo, whole);
  CHECK(report::canonical_bytes(must(cleo->read(id))) == report::canonical_bytes(must(admin->read(id))));
  // What comes next is judged by all of it.
  author.add(feed, author.edit_payload(status_edit(author, id, early)));
  offer(admin, author.batch(feed));
  offer(cleo, author.batch(feed));
  CHECK(report::canonical_bytes(must(cleo->read(id))) == report::canonical_bytes(must(admin->read(id))));
}

TEST_CASE("Vault: stubs with large warrants are handed on in batches that fit a frame", "[vault]") {
  Team team;
  auto& admin = team.admin();
  HandMade author(*admin, Role::reporter, admin.clock.wall());
  auto feed = author.begin_feed(author.team_audience());
  for (int i = 0; i < 240; ++i) author.add(feed, Bytes{200});
  for (size_t first : {0, 120}) {
    std::vector<SealedEntry> run;
    for (size_t i = first; i < first + 120; ++i)
      run.push_back(feed::stub_of(feed.entries[i], StubReason::purged, Bytes(1024, 7)));
    CHECK(offer(admin, feed::make_batch(feed.key, feed.block, first + 1, std::move(run))).outcome ==
          AppendOutcome::stored);
  }
  auto batch = must(admin->entries().read(feed.key, 1, 64 * 1024));
  REQUIRE(batch);
  CHECK(batch->entries.size() <= 64);
}

TEST_CASE("Vault: an author is told of what was opened late", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*admin, *ben);
  auto id = submitted(*ben, "One");
  auto whole = batches_of(*ben, 64 * 1024).front();
  auto holed = whole;
  holed.entries[1] = feed::stub_of(whole.entries[1], StubReason::gap, {});
  auto give = [&](const Batch& batch) {
    must(admin->sync_peer().begin_intake());
    offer(admin, batch);
    must(admin->sync_peer().end_intake());
    carry(*admin, *ben);
  };
  give(holed);
  CHECK(must(ben->levels(id)).opened == 0);
  give(whole);
  CHECK(must(ben->read(id)).level == Level::opened);
}

TEST_CASE("Vault: what came of an answer stands before its end, and is acknowledged after it", "[vault]") {
  Team team;
  auto& admin = team.admin();
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*admin, *ben);
  auto id = submitted(*ben, "One");
  auto heads = [&] {
    uint64_t sum = 0;
    for (const auto& head : must(admin->sync_peer().outgoing_heads()))
      sum += head.feed.device == admin->sync_peer().device() ? head.seq : 0;
    return sum;
  };
  const auto before = heads();
  must(admin->sync_peer().begin_intake());
  for (const auto& batch : batches_of(*ben, 64 * 1024)) must(admin->entries().append(batch));
  must(admin->sync_peer().settle_intake());
  CHECK(heads() == before);
  // As after a kill: another copy of the folder has it.
  auto copy = team.folder.path() / "killed";
  std::filesystem::copy(admin.folder, copy, std::filesystem::copy_options::recursive);
  {
    auto killed = must(Vault::open(copy, kPassphrase, admin.environment()));
    CHECK(killed->read(id).ok());
  }
  must(admin->sync_peer().begin_intake());
  must(admin->sync_peer().end_intake());
  const auto after = heads();
  CHECK(after > before);
  must(admin->sync_peer().begin_intake());
  must(admin->sync_peer().end_intake());
  CHECK(heads() == after);
}

TEST_CASE("Vault: an own feed that is longer elsewhere, of whatever incarnation, is never gone on with", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  submitted(*ben, "Before the copy");
  must(ben->lock());
  auto first = team.folder.path() / "first", second = team.folder.path() / "second";
  std::filesystem::copy(ben.folder, first, std::filesystem::copy_options::recursive);
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
  submitted(*ben, "After the copy");
  carry(*ben, *team.admin());
  must(ben->lock());
  auto hand_back = [&] {
    for (const auto& batch : batches_of(*team.admin(), 64 * 1024))
      if (batch.feed.device == ben->sync_peer().device()) must(ben->entries().append(batch));
  };
  // Restored once, and what came after it again.
  std::filesystem::copy(first, second, std::filesystem::copy_options::recursive);
  ben.vault = must(Vault::open(first, kPassphrase, ben.environment()));
  hand_back();
  submitted(*ben, "Under the second incarnation");
  carry(*ben, *team.admin());
  must(ben->lock());
  ben.vault = must(Vault::open(second, kPassphrase, ben.environment()));
  hand_back();
  submitted(*ben, "Under the third");
  uint32_t highest = 0;
  for (const auto& head : must(ben->sync_peer().outgoing_heads())) highest = std::max(highest, head.feed.incarnation);
  CHECK(highest == 3);
  carry(*ben, *team.admin());
  CHECK(must(team.admin()->count({})) == 4);
  CHECK(must(team.admin()->status()).forks == 0);
}

TEST_CASE("Vault: a coordinator whose past comes back reads its own decisions again", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& cleo = team.add(Role::coordinator, "Cleo");
  for (auto* device : {&ben, &cleo}) carry(*team.admin(), **device);
  auto id = submitted(*ben, "One");
  carry(*ben, *cleo);
  must(cleo->set_status(id, Status::under_review, "first"));
  must(cleo->lock());
  auto copy = team.folder.path() / "copy";
  std::filesystem::copy(cleo.folder, copy, std::filesystem::copy_options::recursive);
  cleo.vault = must(Vault::open(cleo.folder, kPassphrase, cleo.environment()));
  must(cleo->set_status(id, Status::verified, "second"));
  must(cleo->retract(id, "third"));
  carry(*cleo, *team.admin());
  must(cleo->lock());
  cleo.vault = must(Vault::open(copy, kPassphrase, cleo.environment()));
  for (const auto& batch : batches_of(*team.admin(), 64 * 1024))
    if (batch.feed.device == cleo->sync_peer().device()) must(cleo->entries().append(batch));
  CHECK(must(cleo->read(id)).status == Status::verified);
  CHECK(report::canonical_bytes(must(cleo->read(id))) == report::canonical_bytes(must(team.admin()->read(id))));
  CHECK(must(cleo->status()).set_aside == 0);
}

TEST_CASE("Vault: what was written on a restored copy before anybody said so reaches the team all the same",
          "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  put_back(team, ben);
  auto written = submitted(*ben, "On the copy");
  for (const auto& batch : batches_of(*team.admin(), 64 * 1024))
    if (batch.feed.device == ben->sync_peer().device()) must(ben->entries().append(batch));
  CHECK(has_notice(*ben, "older state of this vault was restored"));
  auto heads = must(ben->sync_peer().outgoing_heads());
  REQUIRE(heads.size() == 1);
  CHECK(heads[0].feed.incarnation == 2);
  auto send = [&] {
    for (const auto& head : must(ben->sync_peer().outgoing_heads()))
      for (uint64_t next = 1; next <= head.seq;) {
        auto batch = must(ben->entries().read(head.feed, next, 64 * 1024));
        REQUIRE(batch);
        CHECK(offer(team.admin(), *batch).outcome != AppendOutcome::forked);
        next = batch->last_seq() + 1;
      }
  };
  send();
  CHECK(must(team.admin()->count({})) == 3);
  CHECK(must(team.admin()->read(written)).level >= Level::saved);
  // The report's level follows the entry that is on its way.
  CHECK(must(ben->read(written)).level == Level::saved);
  carry(*team.admin(), *ben);
  // Once is enough, and it holds after a restart.
  auto before = must(ben->sync_peer().outgoing_heads());
  ben.reopen();
  CHECK(must(ben->sync_peer().outgoing_heads()) == before);
  CHECK(must(ben->count({})) == 2);
}

TEST_CASE(
    "Vault: where the versions of an own feed part is asked for until it is known, and all behind it issued again",
    "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  put_back(team, ben, 3);
  for (const char* title : {"On the copy", "On the copy too", "And a third"}) submitted(*ben, title);
  auto feed = must(ben->sync_peer().outgoing_heads()).front();
  auto show = [&](uint64_t first) {
    must(ben->sync_peer().begin_intake());
    auto verdict = offer(ben, *must(team.admin()->entries().read(feed.feed, first, 64 * 1024)));
    must(ben->sync_peer().end_intake());
    CHECK(verdict.outcome == AppendOutcome::forked);
    return verdict.compare_from;
  };
  CHECK(show(feed.seq) == 1);  // the newest alone does not say where they part
  CHECK(show(1) == 0);
  CHECK(show(feed.seq) == 0);  // and that stays known
  for (const auto& batch : batches_of(*ben, 64 * 1024))
    if (batch.feed.incarnation == 2) offer(team.admin(), batch);
  CHECK(must(team.admin()->count({})) == 7);
}

TEST_CASE(
    "Vault: what a coordinator holds otherwise, or from after an older state, is learned from its acknowledgement",
    "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  carry(*team.admin(), *ben);
  put_back(team, ben);
  const bool written = GENERATE(true, false);
  if (written) submitted(*ben, "On the copy");
  must(ben->sync_peer().begin_intake());
  for (const auto& batch : batches_of(*team.admin(), 64 * 1024))
    if (batch.feed.device == team.admin()->sync_peer().device()) offer(ben, batch);
  must(ben->sync_peer().end_intake());
  CHECK(has_notice(*ben, "older state of this vault was restored"));
  CHECK(has_notice(*ben, "another version of what this device sent") == written);
  submitted(*ben, "Later");
  for (const auto& batch : batches_of(*ben, 64 * 1024))
    if (batch.feed.incarnation == 2) CHECK(offer(team.admin(), batch).outcome == AppendOutcome::stored);
  CHECK(must(team.admin()->count({})) == (written ? 4 : 3));
  CHECK(must(team.admin()->status()).forks == 0);
}

TEST_CASE("Vault: what others wrote is brought to a durable relay that lost it, once its list was gone through",
          "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto& admin = team.admin();
  auto durable = Relay::make(1), other = Relay::make(2);
  durable.info.durable = true, other.info.durable = false;
  const auto &first = durable.info, &second = other.info;
  must(admin->add_relay(first, team.root_file, "root words"));
  must(admin->add_relay(second, team.root_file, "root words"));
  carry(*admin, *ben);
  submitted(*ben, "One");
  submitted(*ben, "Two");
  carry(*ben, *admin);
  auto written = must(ben->sync_peer().outgoing_heads()).front();
  auto& peer = admin->sync_peer();
  auto brings = [&] {
    for (const auto& head : must(peer.outgoing_heads()))
      if (head.feed == written.feed) return true;
    return false;
  };
  CHECK(brings());
  must(peer.take_listed(first.id, {written}));
  CHECK_FALSE(brings());
  // It begins anew, with less.
  must(peer.begun_anew(first.id, written.feed.audience, false));
  CHECK_FALSE(brings());  // what it has is not known yet
  must(peer.take_listed(first.id, {{written.feed, 1, {}}}));
  must(peer.begun_anew(first.id, written.feed.audience, true));
  CHECK(brings());
  CHECK(must(peer.confirmed(first.id, written.feed)) == 1);
  must(peer.take_listed(first.id, {written}));
  must(peer.begun_anew(second.id, written.feed.audience, true));
  CHECK_FALSE(brings());
}
