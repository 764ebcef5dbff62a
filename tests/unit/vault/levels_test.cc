#include "core/feed/body.h"
#include "tests/unit/vault/hand_made.h"
#include "tests/unit/vault/relay_key.h"

using namespace lysoen;
using namespace lysoen::test;

TEST_CASE("Vault: a report is saved, carried, held, opened and read, in that order and each with its cause",
          "[vault]") {
  Team team;
  auto relay = Relay::make(77), pocket = Relay::make(78);
  relay.info.durable = true;
  must(team.admin()->add_relay(relay.info, team.root_file, "root words"));
  must(team.admin()->add_relay(pocket.info, team.root_file, "root words"));
  auto& ben = team.add(Role::reporter, "Ben");
  auto draft = must(ben->begin("police-incident", "en"));
  CHECK(must(ben->levels(draft)).level == Level::draft);
  must(ben->discard(draft));  // lists show the report alone
  auto id = submitted(*ben, "One");
  CHECK(must(ben->read(id)).level == Level::saved);
  CHECK(must(ben->status()).unsent_entries == 2);

  auto team_id = must(ben->team_view()).team;
  auto heads = must(ben->sync_peer().outgoing_heads());
  REQUIRE(heads.size() == 1);
  must(ben->sync_peer().take_receipt(pocket.info.id, pocket.receipt(team_id, heads[0])));
  CHECK(must(ben->read(id)).level == Level::carried);
  must(ben->sync_peer().take_receipt(relay.info.id, relay.receipt(team_id, heads[0])));
  CHECK(must(ben->read(id)).level == Level::held);
  CHECK(must(ben->sync_peer().confirmed(relay.info.id, heads[0].feed)) == heads[0].seq);
  CHECK(must(ben->status()).unsent_entries == 0);

  carry(*ben, *team.admin());
  CHECK(must(ben->levels(id)).opened == 0);
  carry(*team.admin(), *ben);
  CHECK(must(ben->read(id)).level == Level::opened);
  must(team.admin()->mark_read(id));
  CHECK(must(team.admin()->read(id)).level == Level::read);
  carry(*team.admin(), *ben);
  CHECK(must(ben->read(id)).level == Level::read);
  CHECK(must(ben->list({})).front().level == Level::read);

  // A later edit has its own way to go.
  must(ben->save(id, std::vector<Change>{{"killed", value(ValueType::integer, "1")}}));
  CHECK(must(ben->read(id)).has_unsent_changes);
  must(ben->submit(id));
  CHECK(must(ben->read(id)).level == Level::saved);
  auto levels = must(ben->levels(id));
  CHECK(levels.entries == 2);
  CHECK(levels.held == 1);
  ben.reopen();
  CHECK(must(ben->read(id)).level == Level::saved);
}

TEST_CASE("Vault: what a relay has held for days and nobody has opened is said, and no more once it was opened",
          "[vault]") {
  Team team;
  auto relay = Relay::make(77), pocket = Relay::make(78);
  relay.info.durable = true;
  for (const auto& one : {relay.info, pocket.info}) must(team.admin()->add_relay(one, team.root_file, "root words"));
  auto& ben = team.add(Role::reporter, "Ben");
  const auto team_id = must(ben->team_view()).team;
  auto receipt = [&](const Relay& from) {
    must(
        ben->sync_peer().take_receipt(from.info.id, from.receipt(team_id, must(ben->sync_peer().outgoing_heads())[0])));
  };
  auto unopened = [&] { return must(ben->status()).held_not_opened; };
  const auto days = [](int count) { return std::chrono::hours(24 * count); };
  submitted(*ben, "One");
  receipt(pocket);
  ben.clock.advance(days(9));
  CHECK(unopened() == 0);  // carried, not held
  receipt(relay);
  ben.clock.advance(days(2));
  CHECK(unopened() == 0);
  submitted(*ben, "Two");
  receipt(relay);  // of both: the first has been held for two days all the same
  ben.clock.advance(days(1));
  CHECK(unopened() == 1);
  ben.reopen();
  CHECK(unopened() == 1);
  carry(*ben, *team.admin());
  carry(*team.admin(), *ben);
  CHECK(unopened() == 0);
  submitted(*ben, "Three");
  receipt(relay);
  CHECK(unopened() == 0);
  ben.clock.advance(days(3));
  CHECK(unopened() == 1);
  CHECK(must(team.admin()->status()).held_not_opened == 0);
}

TEST_CASE("Vault: receipts that prove nothing are refused with a clear message", "[vault]") {
  Team team;
  auto relay = Relay::make(77), stranger = Relay::make(79);
  relay.info.durable = true;
  must(team.admin()->add_relay(relay.info, team.root_file, "root words"));
  auto id = submitted(*team.admin(), "One");
  auto team_id = must(team.admin()->team_view()).team;
  auto head = must(team.admin()->sync_peer().outgoing_heads()).front();
  auto good = relay.receipt(team_id, head);
  auto refuse = [&](const RelayId& from, ByteView bytes, const std::string& words) {
    auto refused = team.admin()->sync_peer().take_receipt(from, bytes);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::trust_refused);
    CHECK_THAT(refused.error().message, Catch::Contains(words));
  };
  refuse(stranger.info.id, stranger.receipt(team_id, head), "does not name this relay");
  refuse(relay.info.id, relay.receipt({}, head), "another team");
  auto ahead = head;
  ahead.seq += 1;
  refuse(relay.info.id, relay.receipt(team_id, ahead), "not here");
  auto other = head;
  other.hash.bytes[0] ^= 1;
  refuse(relay.info.id, relay.receipt(team_id, other), "another version");
  for (size_t i = 0; i < good.size(); ++i) {
    auto altered = good;
    altered[i] ^= 1;
    CHECK_FALSE(team.admin()->sync_peer().take_receipt(relay.info.id, altered).ok());
  }
  CHECK(must(team.admin()->read(id)).level == Level::saved);
}

TEST_CASE("Vault: only a coordinator's acknowledgement makes a report opened, and exceptions are left out", "[vault]") {
  Team team;
  auto& ben = team.add(Role::reporter, "Ben");
  auto one = submitted(*ben, "One"), two = submitted(*ben, "Two");
  HandMade reporter(*team.admin(), Role::reporter, ben.clock.wall());
  HandMade coordinator(*team.admin(), Role::coordinator, ben.clock.wall());
  for (const auto& roster : must(team.admin()->sealed_rosters())) must(ben->sync_peer().take_roster(roster));
  auto head = must(ben->sync_peer().outgoing_heads()).front();
  auto acknowledge = [&](HandMade& by, feed::SeqRanges not_opened) {
    // Reporters keep no leaves of reporters: the stranger seals with a key taken from a coordinator's roster.
    auto inbox = by.inbox_of(ben->sync_peer().device());
    by.welcome->roster = coordinator.welcome->roster;
    auto feed = by.begin_feed(inbox);
    feed::Acknowledgement all{{{feed::feed_id(head.feed), head.seq, head.hash, std::move(not_opened)}}};
    by.add(feed, must(feed::encode_payload(all)));
    must(ben->entries().append(by.batch(feed)));
  };
  acknowledge(reporter, {});
  CHECK(must(ben->read(one)).level == Level::saved);
  acknowledge(coordinator, {{3, 3}});
  CHECK(must(ben->read(one)).level == Level::opened);
  CHECK(must(ben->read(two)).level == Level::saved);
}

TEST_CASE("Vault: exchange counters only grow, also after a process ends", "[vault]") {
  Team team;
  RelayId relay;
  relay.bytes.fill(9);
  uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      auto next = must(team.admin()->sync_peer().next_counter(relay));
      REQUIRE(next > last);
      last = next;
    }
    team.admin().reopen();
  }
  must(team.admin()->sync_peer().raise_counter(relay, last + 1000));
  CHECK(must(team.admin()->sync_peer().next_counter(relay)) == last + 1001);
  CHECK_FALSE(team.admin()->sync_peer().raise_counter(relay, UINT64_MAX).ok());
}

TEST_CASE("Vault: errands are offered to each relay until it has them", "[vault]") {
  Team team;
  auto relay = Relay::make(77), second = Relay::make(78);
  auto& ben = team.add(Role::reporter, "Ben");
  CHECK_FALSE(must(ben->sync_peer().errands(relay.info.id)).fetch_join_requests);
  auto errands = must(team.admin()->sync_peer().errands(relay.info.id));
  CHECK(errands.fetch_join_requests);
  CHECK(errands.rosters.size() == 2);
  CHECK(errands.admission_lists.size() == 3);  // founding, invite, admission
  CHECK(errands.welcomes.size() == 1);
  must(team.admin()->sync_peer().errands_done(relay.info.id, errands));
  auto left = must(team.admin()->sync_peer().errands(relay.info.id));
  CHECK((left.rosters.empty() && left.admission_lists.empty() && left.welcomes.empty()));
  CHECK(must(team.admin()->sync_peer().errands(second.info.id)).rosters.size() == 2);
  // A relay that lost its store has all of them again.
  must(team.admin()->sync_peer().errands_undone(relay.info.id));
  auto again = must(team.admin()->sync_peer().errands(relay.info.id));
  CHECK(again.rosters.size() == 2);
  CHECK(again.admission_lists == errands.admission_lists);
  CHECK(again.welcomes == errands.welcomes);
}

TEST_CASE("Vault: what a relay would not take is listed until a receipt covers it", "[vault]") {
  Team team;
  auto relay = Relay::make(77), other = Relay::make(78);
  must(team.admin()->add_relay(relay.info, team.root_file, "root words"));
  must(team.admin()->add_relay(other.info, team.root_file, "root words"));
  auto& ben = team.add(Role::reporter, "Ben");
  for (int i = 0; i < 3; ++i) submitted(*ben, "Report " + std::to_string(i));
  auto head = must(ben->sync_peer().outgoing_heads()).at(0);
  REQUIRE(head.seq >= 3);
  CHECK(must(ben->status()).refused.empty());
  for (const char* reason : {"an earlier reason", "the quota at the relay is used up"})  // each sync meets it again
    must(ben->sync_peer().take_refusal(relay.info.id, head.feed, 2, head.seq, reason));
  must(ben->sync_peer().take_refusal(other.info.id, head.feed, 1, 1, "it does not verify"));
  must(ben->sync_peer().take_refusal(Relay::make(79).info.id, head.feed, 1, 1, "of a relay that no roster names"));
  ben.reopen();
  auto refused = must(ben->status()).refused;
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].relay == relay.info.id);
  CHECK(refused[0].author == head.feed.device);
  CHECK(refused[0].first_seq == 2);
  CHECK(refused[0].last_seq == head.seq);
  CHECK(refused[0].reason == "the quota at the relay is used up");
  CHECK(refused[1].reason == "it does not verify");

  auto team_id = must(ben->team_view()).team;
  must(ben->sync_peer().take_receipt(relay.info.id, relay.receipt(team_id, head)));
  refused = must(ben->status()).refused;
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].relay == other.info.id);
  for (uint64_t seq = 10; seq < 400; ++seq)  // of entries that are not here yet, as if
    must(ben->sync_peer().take_refusal(other.info.id, head.feed, seq, seq, std::string(500, 'x')));
  refused = must(ben->status()).refused;
  CHECK(refused.size() == 100);
  CHECK(refused.back().first_seq == 399);
}
