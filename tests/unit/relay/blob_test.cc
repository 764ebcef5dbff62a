// Attachments between devices and the real relay store: whole at the end, resumed at the chunk, behind the text.
#include "sync/session/frames.h"
#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;
using session::RequestOptions;

namespace {

/// One exchange whose request, or answer, is cut somewhere.
void cut_exchange(Field& field, session::DeviceExchange& session, std::mt19937_64& random, const RequestOptions& how) {
  auto request = session.request(how);
  REQUIRE(request.ok());
  const bool up = random() % 2 == 0;
  if (up) {
    const size_t cut = random() % request->size();
    auto answer = field.answer(Bytes(request->begin(), request->begin() + static_cast<ptrdiff_t>(cut)));
    // Whoever cut the request hears nothing of the answer, or all of it.
    if (random() % 2 == 0 && !answer.empty()) (void)session.response(answer);
    return;
  }
  auto answer = field.answer(*request);
  answer.resize(random() % answer.size());
  (void)session.response(answer);
}

void lose_power(Field& field, std::mt19937_64& random) {
  field.disk.lose_power(random);
  const auto image = field.disk.image();  // what the relay writes on its way out was never
  field.relay.reset();
  field.disk.restore(image);
  field.open();
}

}  // namespace

TEST_CASE("Attachments: what one device sends is receipted, and comes to another byte for byte", "[relay][blob]") {
  Field field(40);
  std::vector<BlobName> names;
  for (uint64_t size : {1ull, 256ull, 16384ull, 16385ull, 700'000ull})
    names.push_back(field.reporter.media.make(field.random, size));
  field.reporter.write(field.team_audience);
  auto sent = field.sync(field.reporter);
  REQUIRE(sent.ok());
  CHECK(sent->entries_sent == 1);
  CHECK(sent->blobs_held == names.size());
  CHECK(sent->chunks_sent == 1 + 1 + 1 + 2 + 43);
  CHECK(sent->blobs_left.to_send == 0);
  CHECK(field.reporter.media.chunks_read == 48);  // each went once
  for (const auto& name : names) {
    CHECK(field.reporter.media.receipts.at(name).team == field.team);
    field.reader.media.want(name);
  }
  auto read = field.sync(field.reader);
  REQUIRE(read.ok());
  CHECK(read->chunks_received == 48);
  CHECK(read->blobs_left.to_fetch == 0);
  for (const auto& name : names) CHECK(field.reader.media.same(field.reporter.media, name));
  auto checked = field.relay->check();
  REQUIRE(checked.ok());
  for (const auto& fault : checked->faults) FAIL_CHECK(fault);
  CHECK(checked->blobs == names.size());
}

TEST_CASE("Attachments: with cuts anywhere, both ways, at most one chunk a cut goes twice", "[relay][blob]") {
  for (uint64_t round = 0; round < 6; ++round) {
    Field field(41 + round);
    auto random = generator(41 + round);
    auto name = field.reporter.media.make(field.random, 1'000'000 + random() % 500'000);
    uint64_t cuts = 0;
    {
      auto session = field.exchange(field.reporter);
      const RequestOptions how{.window = 100'000};
      for (int i = 0; i < 400 && !field.reporter.media.receipts.count(name); ++i) {
        if (i % 3 == 2) {
          // A device that was killed remembers nothing of its exchanges.
          if (random() % 4 == 0) session = field.exchange(field.reporter);
          cut_exchange(field, session, random, how);
          ++cuts;
        } else {
          auto request = session.request(how);
          REQUIRE(request.ok());
          REQUIRE(session.response(field.answer(*request)).ok());
        }
      }
      REQUIRE(field.reporter.media.receipts.count(name) == 1);
    }
    // Of a request that was cut, what did not come whole goes again; the rest does not.
    field.reader.media.want(name);
    auto session = field.exchange(field.reader);
    const RequestOptions how{.answer_max = 100'000};
    for (int i = 0; i < 400 && !field.reader.media.has(name); ++i) {
      if (i % 3 == 2) {
        cut_exchange(field, session, random, how);
      } else {
        auto request = session.request(how);
        REQUIRE(request.ok());
        REQUIRE(session.response(field.answer(*request)).ok());
      }
    }
    CHECK(field.reader.media.same(field.reporter.media, name));
    CHECK(field.reader.media.came_twice == 0);
    CAPTURE(cuts);
  }
}

TEST_CASE("Attachments: every whole chunk of a request that was cut is kept, and only the rest goes again",
          "[relay][blob]") {
  Field field(47);
  auto random = generator(47);
  auto name = field.reporter.media.make(field.random, 30 * kChunkSize);
  auto session = field.exchange(field.reporter);
  auto first = session.request({.window = 1 << 20});  // asks what the relay has
  REQUIRE(session.response(field.answer(*first)).ok());
  CHECK(field.reporter.media.chunks_read == 0);
  auto whole = session.request({.window = 1 << 20});
  CHECK(field.reporter.media.chunks_read == 30);
  const size_t cut = 200 + random() % (whole->size() - 200);
  (void)field.answer(Bytes(whole->begin(), whole->begin() + static_cast<ptrdiff_t>(cut)));
  auto probe = session.request({.window = 1 << 20, .probe = true});
  auto told = session.response(field.answer(*probe));
  REQUIRE(told.ok());
  field.reporter.media.chunks_read = 0;
  auto rest = session.request({.window = 1 << 20});
  REQUIRE(session.response(field.answer(*rest)).ok());
  CHECK(field.reporter.media.receipts.count(name) == 1);
  // What lay before the cut went once, but for the chunk that was cut.
  const uint64_t arrived = 30 - field.reporter.media.chunks_read;
  CAPTURE(cut, arrived);
  CHECK((arrived + 1) * (kChunkSize + 64) + 3000 > cut);
}

TEST_CASE("Attachments: text goes before media in both directions, and is there while they are on the way",
          "[relay][blob]") {
  Field field(48);
  auto name = field.reporter.media.make(field.random, 400'000);
  field.reporter.write(field.team_audience);
  auto session = field.exchange(field.reporter);
  auto step = [&] {
    auto request = session.request({.window = 40'000});
    REQUIRE(request.ok());
    auto outcome = session.response(field.answer(*request));
    REQUIRE(outcome.ok());
    return *outcome;
  };
  CHECK(step().entries_sent == 1);
  CHECK(step().chunks_sent == 2);
  field.reporter.write(field.team_audience);  // urgent: written while the picture is on its way
  CHECK(step().entries_sent == 1);
  CHECK(field.sync(field.reader)->entries_received == 2);
  field.reader.media.want(name);
  CHECK(field.sync(field.reader)->chunks_received == 0);  // not whole at the relay
  while (step().more()) {
  }
  field.reporter.write(field.team_audience);
  REQUIRE(field.once(field.reporter).ok());
  auto came = field.once(field.reader, {.answer_max = 20'000});
  REQUIRE(came.ok());
  CHECK(came->entries_received == 1);
  CHECK(came->chunks_received == 1);  // what room there was
  CHECK(came->more_to_fetch);
  REQUIRE(field.sync(field.reader).ok());
  CHECK(field.reader.media.same(field.reporter.media, name));
}

TEST_CASE("Attachments: a relay that is over its quota, full, or purged of a team says so and keeps the text",
          "[relay][blob]") {
  Field field(49);
  field.quotas.device_bytes_per_day = 200'000;
  field.reopen();
  auto small = field.reporter.media.make(field.random, 5'000);
  auto name = field.reporter.media.make(field.random, 400'000);
  field.reporter.write(field.team_audience);
  auto sent = field.sync(field.reporter);
  REQUIRE(sent.ok());
  CHECK(sent->entries_sent == 1);
  CHECK(field.reporter.media.receipts.count(small) == 1);
  CHECK(field.reporter.media.receipts.count(name) == 0);
  REQUIRE(!sent->notes.empty());
  CHECK(sent->notes.front() == "the relay did not take an attachment: the quota at the relay is used up");
  CHECK(sent->blobs_left.to_send == 400'000);
  field.clock.advance(std::chrono::hours(48));
  field.reopen();
  REQUIRE(field.sync(field.reporter).ok());
  field.clock.advance(std::chrono::hours(24));
  REQUIRE(field.sync(field.reporter).ok());
  field.clock.advance(std::chrono::hours(24));
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.reporter.media.receipts.count(name) == 1);
  CHECK(field.relay->inspect()->blobs == 2);
  REQUIRE(field.relay->purge_team(field.team).ok());
  CHECK(field.relay->inspect()->blobs == 0);
}

TEST_CASE("Attachments: a disk that fills up at the reader keeps what came and loses no text", "[relay][blob]") {
  Field field(50);
  auto name = field.reporter.media.make(field.random, 100'000);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  field.reader.media.want(name);
  field.reader.media.full = true;
  auto read = field.once(field.reader);
  REQUIRE(!read.ok());
  CHECK(read.error().code == ErrorCode::storage_full);
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  field.reader.media.full = false;
  REQUIRE(field.sync(field.reader).ok());
  CHECK(field.reader.media.has(name));
}

TEST_CASE("Attachments: the relay keeps every chunk that it answered for through a kill at any moment",
          "[relay][blob]") {
  for (uint64_t round = 0; round < 10; ++round) {
    Field field(60 + round);
    auto random = generator(60 + round);
    auto name = field.reporter.media.make(field.random, 600'000);
    ChunkRanges told;
    auto session = field.exchange(field.reporter);
    for (int i = 0; i < 100 && !field.reporter.media.receipts.count(name); ++i) {
      auto request = session.request({.window = 60'000});
      REQUIRE(request.ok());
      auto outcome = session.response(field.answer(*request));
      REQUIRE(outcome.ok());
      if (random() % 3 != 0) continue;
      lose_power(field, random);
      session = field.exchange(field.reporter);
    }
    CHECK(field.reporter.media.receipts.count(name) == 1);
    lose_power(field, random);
    CHECK(field.relay->check()->faults.empty());
    field.reader.media.want(name);
    REQUIRE(field.sync(field.reader).ok());
    CHECK(field.reader.media.same(field.reporter.media, name));
  }
}

TEST_CASE("Attachments: chunks that are not what the id says change nothing", "[relay][blob]") {
  Field field(51);
  auto name = field.reporter.media.make(field.random, 50'000);
  field.reporter.media.all[name].chunks[1][7] ^= 1;
  auto sent = field.sync(field.reporter);
  REQUIRE(sent.ok());
  CHECK(field.reporter.media.receipts.empty());
  field.reporter.media.all[name].chunks[1][7] ^= 1;
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.reporter.media.receipts.count(name) == 1);
}
