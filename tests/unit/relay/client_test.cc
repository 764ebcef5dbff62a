// The client over the real exchange and the real relay, in virtual time: what a person reads when a relay is not as it
// should be.
#include "core/base/bytes.h"
#include "sync/session/compact.h"
#include "sync/session/frames.h"
#include "sync/session/keys.h"
#include "tests/support/sim_link.h"
#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace std::chrono_literals;

namespace {

using Answer = std::function<Bytes(const Bytes& request)>;

/// One sync of a device whose clock is its own.
SyncOutcome sync(Field& field, FieldDevice& device, ManualClock& clock, const Answer& answer,
                 SyncOptions options = {}) {
  SimLoop loop(clock);
  SimCarrier carrier(loop, clock);
  carrier.respond = [&](const CarrierRequest& request) {
    return SimCarrier::Reply{SimCarrier::success(answer(request.body), request.body.size())};
  };
  options.relays = {field.info};
  options.relays[0].urls = {"http://relay"};
  Client client(device, device.store, carrier, loop, Environment{clock, field.random}, options);
  std::optional<SyncOutcome> outcome;
  client.start([&](SyncOutcome done) { outcome = std::move(done); });
  REQUIRE(loop.run());
  REQUIRE(outcome);
  return std::move(*outcome);
}

SyncOutcome sync(Field& field, FieldDevice& device, SyncOptions options = {}) {
  return sync(
      field, device, field.clock, [&](const Bytes& request) { return field.answer(request); }, options);
}

/// What a relay says to a request that is sealed to this key, whatever it likes.
Bytes made_up(Field& field, const crypto::KemKeyPair& key, const Bytes& request,
              const std::function<void(session::FrameSealer&)>& frames, bool more) {
  auto encapsulation = Reader(ByteView(request).subspan(session::kGateSize)).array<session::kEncapsulationSize>();
  auto context = crypto::hpke_receive(key, encapsulation, session::request_info(field.info.id, key.public_key));
  REQUIRE(context.ok());
  Bytes nonce(session::kNonceSize);
  field.random.fill(nonce);
  session::FrameSealer out(session::FrameKey::of_answer(session::export_answer_key(*context), encapsulation, nonce),
                           nonce);
  frames(out);
  return out.finish({more});
}

}  // namespace

TEST_CASE("Client: over its quota a device keeps the rest, is told why, and sends it when there is room", "[relay]") {
  Field field(25);
  field.quotas.device_bytes_per_day = 15'000;
  field.reopen();
  for (int i = 0; i < 40; ++i) field.reporter.write(field.team_audience, 600);
  auto full = sync(field, field.reporter, {.window_max = 8 * 1024});
  REQUIRE(full.refused.size() == 1);
  CHECK(full.refused[0].reason == "the quota at the relay is used up");
  REQUIRE(field.reporter.refusals.size() == 1);  // and the vault is told, which keeps it
  CHECK(field.reporter.refusals[0].feed == full.refused[0].feed);
  CHECK(field.reporter.refusals[0].first_seq == full.refused[0].first_seq);
  CHECK(field.reporter.refusals[0].last_seq == full.refused[0].last_seq);
  CHECK(field.reporter.refusals[0].reason == full.refused[0].reason);
  CHECK(full.entries_sent < 40);
  CHECK(full.entries_sent == field.reporter.confirmed_seq[field.reporter.feed_for(field.team_audience)]);
  // Reading goes on all the same.
  field.admin.write(field.all_audience);
  CHECK(sync(field, field.admin).entries_sent == 1);
  CHECK(sync(field, field.reporter).entries_received == 1);
  uint64_t sent = full.entries_sent;
  for (int day = 0; day < 30 && sent < 40; ++day) {
    field.clock.advance(24h);
    sent += sync(field, field.reporter, {.window_max = 8 * 1024}).entries_sent;
  }
  CHECK(sent == 40);
}

TEST_CASE("Client: a clock that is wrong by ten years, on either side, changes nothing", "[relay]") {
  for (auto years : {-10, 10}) {
    CAPTURE(years);
    Field field(26);
    ManualClock wrong;
    wrong.set_wall(field.clock.wall() + std::chrono::hours(years * 8766));
    auto ask = [&](const Bytes& request) { return field.answer(request); };
    for (int i = 0; i < 3; ++i) {
      field.reporter.write(field.team_audience);
      auto sent = sync(field, field.reporter, wrong, ask);
      CHECK_FALSE(sent.failure);
      CHECK(sent.entries_sent == 1);
      auto read = sync(field, field.reader, wrong, ask);
      CHECK_FALSE(read.failure);
      CHECK(read.entries_received == 1);
      field.clock.advance(std::chrono::hours(24 * 20));  // the relay's exchange keys change meanwhile
    }
  }
}

TEST_CASE("Client: a relay that speaks another version of the protocol says which, and nothing is lost", "[relay]") {
  Field field(27);
  auto fallback = crypto::KemKeyPair::generate(field.random);
  field.info.fallback_key = fallback.public_key;
  field.reporter.exchange_keys.clear();
  field.reporter.write(field.team_audience);
  auto other_version = [&](const Bytes& request) {
    wire::Verdict verdict;
    verdict.object = wire::VerdictObject::exchange, verdict.code = wire::VerdictCode::versions, verdict.number = 7;
    return made_up(
        field, fallback, request, [&](auto& out) { out.add(wire::FrameType::verdict, verdict); }, false);
  };
  auto outcome = sync(field, field.reporter, field.clock, other_version);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::newer_version);
  CHECK(outcome.failure->message == "the relay speaks version 7 of the protocol, this device up to 0");
  CHECK(exit_code_for(outcome.failure->code) == 3);
  CHECK(outcome.entries_sent == 0);
  CHECK(outcome.relays[0].exchanges == 0);
}

TEST_CASE("Client: one feed that cannot be read any more, and one that a relay refuses, keep no other back",
          "[relay]") {
  Field field(28);
  AudienceId first{{1}};  // before the team's, in order
  field.reporter.write(first);
  for (int i = 0; i < 30; ++i) field.reporter.write(field.team_audience);
  field.reporter.store.unreadable.insert(field.reporter.feed_for(first));
  auto outcome = sync(field, field.reporter);
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.entries_sent == 30);
  CHECK(sync(field, field.reader).entries_received == 30);
}

TEST_CASE("Client: a data budget is kept with the real exchange, and the next sync goes on", "[relay]") {
  Field field(29);
  for (int i = 0; i < 400; ++i) field.reporter.write(field.team_audience, 600);
  uint64_t sent = 0;
  int syncs = 0;
  for (bool done = false; !done && syncs < 40; ++syncs) {
    auto outcome = sync(field, field.reporter, {.bytes_max = 40'000});
    CHECK(outcome.bytes_up + outcome.bytes_down <= 40'000);
    sent += outcome.entries_sent;
    done = !outcome.failure;
    if (!done) CHECK(outcome.failure->code == ErrorCode::partly_done);
  }
  CHECK(sent == 400);
  CHECK(syncs <= 10);
}

TEST_CASE("Client: a relay that brings what is known for ever is left after 2 MiB", "[relay]") {
  Field field(30);
  for (int i = 0; i < 300; ++i) field.reporter.write(field.team_audience, 1000);
  CHECK(sync(field, field.reporter).entries_sent == 300);
  // All of it is of use once, even to one who has it from elsewhere and only learns that it is here, too.
  auto feed = field.reporter.feed_for(field.team_audience);
  std::vector<Batch> batches;
  for (uint64_t next = 1; next <= 300; next = batches.back().last_seq() + 1) {
    auto read = field.reporter.store.read(feed, next, 16 * 1024);
    REQUIRE((read.ok() && read->has_value()));
    batches.push_back(std::move(**read));
  }
  for (const auto& batch : batches) REQUIRE(field.reader.store.append(batch)->outcome == AppendOutcome::stored);
  auto known = field.once(field.reader);
  REQUIRE(known.ok());
  CHECK(known->entries_received == 0);
  CHECK(known->useful >= 300 * 1000);

  auto key = crypto::KemKeyPair::generate(field.random);
  field.info.fallback_key = key.public_key;
  field.reader.exchange_keys.clear();
  uint64_t counter = 1000;
  auto babble = [&](const Bytes& request) {
    auto frames = [&](session::FrameSealer& out) {
      wire::Verdict stale;
      stale.object = wire::VerdictObject::exchange, stale.code = wire::VerdictCode::stale_counter;
      stale.number = counter += 1000;
      out.add(wire::FrameType::verdict, stale);
      for (const auto& batch : batches) out.add(wire::FrameType::batch, session::elide(batch, {}));
    };
    return made_up(field, key, request, frames, true);
  };
  auto outcome = sync(field, field.reader, field.clock, babble);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message ==
        "the relay at http://relay promises more and brings nothing of use; left for this time");
  CHECK(outcome.bytes_down > 1024 * 1024);
  CHECK(outcome.bytes_down < 3 * 1024 * 1024);
}

TEST_CASE("Client: what had arrived before a kill goes again no further than one batch, whatever the window",
          "[relay]") {
  Field field(31);
  for (int i = 0; i < 300; ++i) field.reporter.write(field.team_audience, 700);
  {
    auto session = field.exchange(field.reporter);
    auto request = session.request({.window = 256 * 1024});
    REQUIRE(request.ok());
    REQUIRE(request->size() > 200'000);
    REQUIRE_FALSE(field.answer(*request).empty());  // which nobody hears of
  }
  auto outcome = sync(field, field.reporter, {.window_min = 256 * 1024});
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.entries_sent == 300);
  CAPTURE(outcome.bytes_up);
  CHECK(outcome.bytes_up < 20'000);
}

TEST_CASE("Client: where a relay's list contradicts its signed point, the cursor goes back though it had moved",
          "[relay]") {
  Field field(32);
  for (int i = 0; i < 100; ++i) field.reporter.write(field.team_audience, 700);
  const auto feed = field.reporter.feed_for(field.team_audience);
  std::vector<Batch> batches;
  wire::MailboxItems list;
  list.mailbox = field.team_audience, list.store_epoch = 1, list.first = 1, list.feeds = {feed};
  for (uint64_t next = 1; next <= 100; next = batches.back().last_seq() + 1) {
    auto read = field.reporter.store.read(feed, next, 16 * 1024);
    REQUIRE((read.ok() && read->has_value()));
    batches.push_back(std::move(**read));
    list.items.push_back({0, batches.back().first_seq, batches.back().last_seq(), {}, {}});
  }
  const auto identity = crypto::SigningKey::generate(field.random);
  const auto key = crypto::KemKeyPair::generate(field.random);
  field.info.id = RelayId{identity.public_key()};
  field.info.fallback_key = key.public_key;
  auto session = field.exchange(field.reader);
  auto request = session.request({});
  REQUIRE(request.ok());
  auto points = *field.reader.cursors(field.info.id);
  wire::MailboxPoints signed_points;
  for (auto& point : points) {
    if (point.mailbox != field.team_audience) continue;
    point = {point.mailbox, 1, batches.size(), Hash{{7}}};  // so long, but another list
    signed_points.changed.push_back({wire::hash8(point.mailbox), 1, point.counter, point.running});
  }
  signed_points.signature = feed::sign_points(field.team, points, identity);
  auto frames = [&](session::FrameSealer& out) {
    out.add(wire::FrameType::mailbox_items, list);
    for (const auto& batch : batches) out.add(wire::FrameType::batch, session::elide(batch, {}));
    out.add(wire::FrameType::mailbox_points, signed_points);
  };
  const auto answer = made_up(field, key, *request, frames, false);
  uint64_t moved = 0;
  for (size_t at = 1000; at < answer.size(); at += 1000) {
    session.part(ByteView(answer).first(at));
    moved = std::max(moved, field.reader.cursor[field.team_audience].counter);
  }
  CHECK(moved > 0);
  auto outcome = session.response(answer);
  REQUIRE(outcome.ok());
  CHECK(outcome->entries_received == 100);
  CHECK(field.reader.cursor[field.team_audience].counter == 0);
  REQUIRE_FALSE(outcome->notes.empty());
  CHECK_THAT(outcome->notes[0], Catch::Contains("contradicts what it signed: entries were taken, its place was not"));
}
