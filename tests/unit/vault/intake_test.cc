#include "core/feed/body.h"
#include "tests/unit/vault/hand_made.h"

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
  CHECK(must(admin->status()).set_aside == 2);
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
  submitted(*ben, "Before the copy");
  must(ben->lock());
  auto copy = team.folder.path() / "copy";
  std::filesystem::copy(ben.folder, copy, std::filesystem::copy_options::recursive);
  ben.vault = must(Vault::open(ben.folder, kPassphrase, ben.environment()));
  submitted(*ben, "After the copy");
  carry(*ben, *team.admin());
  must(ben->lock());
  // The folder is put back from the copy; a coordinator hands back what was sent.
  ben.vault = must(Vault::open(copy, kPassphrase, ben.environment()));
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
