// Devices against the real relay store: what arrives, what is refused, what a bad link does.
#include "core/base/fault.h"
#include "sync/session/frames.h"
#include "sync/session/hello.h"
#include "tests/unit/relay/field.h"

using namespace lysoen;
using namespace lysoen::test;
using session::RequestOptions;

TEST_CASE("Exchange: what one device wrote is held, receipted and read by another", "[relay]") {
  Field field(1);
  for (int i = 0; i < 5; ++i) field.reporter.write(field.team_audience);
  auto sent = field.sync(field.reporter);
  REQUIRE(sent.ok());
  CHECK(sent->entries_sent == 5);
  CHECK(sent->entries_left == 0);
  REQUIRE(!field.reporter.receipts.empty());
  const auto& receipt = field.reporter.receipts.back();
  CHECK(receipt.seq == 5);
  CHECK(receipt.head == field.reporter.store.head(field.reporter.feed_for(field.team_audience))->hash);
  CHECK(receipt.missing.empty());
  CHECK(receipt.leaf_index < receipt.log_size);

  auto read = field.sync(field.reader);
  REQUIRE(read.ok());
  CHECK(read->entries_received == 5);
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  CHECK(field.reader.cursor[field.team_audience].running == receipt.point.running);
  CHECK(field.reader.cursor[field.team_audience].counter == receipt.point.counter);
  CHECK(field.sync(field.reader)->entries_received == 0);
}

TEST_CASE("Exchange: many entries in windows of a phone arrive in order and once", "[relay]") {
  Field field(2);
  for (int i = 0; i < 700; ++i) field.reporter.write(field.team_audience, 200 + static_cast<size_t>(i % 7) * 300);
  auto sent = field.sync(field.reporter, {.window = 16 * 1024});
  REQUIRE(sent.ok());
  CHECK(sent->entries_sent == 700);
  auto read = field.sync(field.reader, {.answer_max = 64 * 1024});
  REQUIRE(read.ok());
  CHECK(read->entries_received == 700);
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  auto checked = field.relay->check();
  REQUIRE(checked.ok());
  for (const auto& fault : checked->faults) FAIL_CHECK(fault);
  CHECK(checked->entries == 700);
}

TEST_CASE("Exchange: what many small answers bring is brought once, however the list goes to and fro", "[relay]") {
  Field field(4711);
  constexpr int kEach = 150;
  for (int i = 0; i < kEach; ++i)
    for (auto* writer : {&field.reporter, &field.admin}) {
      writer->write(field.team_audience, 700);
      REQUIRE(field.sync(*writer).ok());
    }
  auto session = field.exchange(field.reader);
  size_t bytes = 0, received = 0, answers = 0;
  for (bool more = true; more; ++answers) {
    auto request = session.request({.answer_max = 24 * 1024});
    REQUIRE(request.ok());
    auto answer = field.answer(*request);
    bytes += answer.size();
    CHECK(answer.size() <= 28 * 1024);  // with padding
    auto outcome = session.response(answer);
    REQUIRE(outcome.ok());
    received += outcome->entries_received;
    more = outcome->more();
    REQUIRE(answers < 100);
  }
  CHECK(received == 2 * kEach);
  CHECK(answers > 5);
  // Proofs, lists and padding beside the entries; what is sent twice would show.
  size_t written = 2 * kEach * 700;
  CAPTURE(bytes, written);
  CHECK(bytes < written + written / 5);
}

TEST_CASE("Exchange: a request that comes slowly is stored as it comes, and answered as one", "[relay]") {
  const bool spoiled = GENERATE(false, true);
  Field field(4712);
  constexpr uint64_t kEntries = 200;
  for (uint64_t i = 0; i < kEntries; ++i) field.reporter.write(field.team_audience, 700);
  auto session = field.exchange(field.reporter);
  auto made = session.request({.window = 1 << 20});
  REQUIRE(made.ok());
  auto request = *made;
  if (spoiled) request[request.size() / 2] ^= 1;
  auto coming = field.relay->begin();
  uint64_t portions = 0, held = 0;
  relay::RelayRequest* one[] = {coming.get()};
  auto sift = relay::Sift::unknown;
  for (size_t at = 0; at < request.size() && sift != relay::Sift::refused; at += 5000) {
    sift = coming->take(ByteView(request).subspan(at, std::min<size_t>(5000, request.size() - at)));
    if (sift != relay::Sift::admitted || !coming->portion()) continue;
    auto handled = field.relay->handle(one);
    REQUIRE(handled.size() == 1);
    CHECK(handled[0].answer.empty());
    CHECK(field.entries_held() > held);
    held = field.entries_held();
    ++portions;
  }
  CHECK(portions > 2);
  if (spoiled) {
    // What came before stands; of what follows nothing does, and nobody is answered.
    CHECK(held > 0);
    CHECK(held < kEntries / 2 + 30);
    CHECK(coming->end() == relay::Sift::refused);
    CHECK(field.relay->handle(one)[0].answer.empty());
    CHECK(field.entries_held() == held);
    return;
  }
  CHECK(held > kEntries - 30);  // all but the batch it would fall into
  CHECK(coming->end() == relay::Sift::admitted);
  auto outcome = session.response(field.relay->handle(one)[0].answer);
  REQUIRE(outcome.ok());
  CHECK(outcome->entries_sent == kEntries);
  CHECK(outcome->refused.empty());
  CHECK(outcome->notes.empty());
  CHECK(!outcome->counter_stale);
  CHECK(!outcome->more());
}

TEST_CASE("Exchange: what is left is told in bytes, from the size of what was sent", "[relay]") {
  Field field(24);
  for (int i = 0; i < 200; ++i) field.reporter.write(field.team_audience, 600);
  auto session = field.exchange(field.reporter);
  auto before = session.request({.probe = true});
  REQUIRE(before.ok());
  auto probed = session.response(field.answer(*before));
  REQUIRE(probed.ok());
  CHECK(probed->entries_left == 200);
  CHECK(probed->bytes_left == 0);  // nothing was sent yet that tells how large an entry is
  uint64_t told = 0, carried = 0;
  for (bool more = true; more;) {
    auto request = session.request({.window = 16 * 1024});
    REQUIRE(request.ok());
    if (told > 0) carried += request->size();
    auto outcome = session.response(field.answer(*request));
    REQUIRE(outcome.ok());
    if (told == 0) told = outcome->bytes_left;
    CHECK((outcome->bytes_left == 0) == (outcome->entries_left == 0));
    more = outcome->more();
  }
  CHECK(told > 170 * 600);
  CHECK(told < carried);
  CHECK(told > carried * 8 / 10);
}

TEST_CASE("Exchange: entries stand where padding would, so that each costs at most 20 bytes more than it has",
          "[relay]") {
  Field field(24);
  constexpr size_t kEntries = 3000, kSize = 352;
  for (size_t i = 0; i < kEntries; ++i) field.reporter.write(field.team_audience, kSize);
  auto session = field.exchange(field.reporter);
  size_t full_requests = 0, bytes = 0, sent = 0;
  for (bool more = true; more;) {
    auto request = session.request({.window = 160 * 1024});
    REQUIRE(request.ok());
    auto outcome = session.response(field.answer(*request));
    REQUIRE(outcome.ok());
    more = outcome->more();
    if (!more) break;  // the last one has no more to fill it with
    ++full_requests, bytes += request->size(), sent += outcome->entries_sent;
  }
  CAPTURE(full_requests, bytes, sent);
  CHECK(full_requests >= 4);
  CHECK(bytes <= sent * (kSize + 20));  // 7 of them are batches of 16 KiB
}

TEST_CASE("Exchange: a feed that its own device cannot read any more keeps no other from being sent", "[relay]") {
  Field field(23);
  AudienceId other{{1}};  // before the team's, in order
  field.reporter.write(other);
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience);
  field.reporter.store.unreadable.insert(field.reporter.feed_for(other));
  auto sent = field.sync(field.reporter);
  REQUIRE(sent.ok());
  CHECK(sent->entries_sent == 3);
  CHECK(sent->entries_left == 0);  // that could go
  CHECK(field.sync(field.reader)->entries_received == 3);
}

TEST_CASE("Exchange: nothing new costs less than 1,100 bytes both ways with HTTP headers", "[relay]") {
  Field field(3);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  auto headers = [](size_t body) {
    auto size = std::to_string(body);
    return std::string(
               "POST /x HTTP/1.1\r\nHost: relay.example.org:8443\r\nContent-Type: application/octet-stream\r\n"
               "Cache-Control: no-store, no-transform\r\nContent-Length: " +
               size + "\r\n\r\n")
        .size();
  };
  for (auto* device : {&field.reporter, &field.reader}) {
    REQUIRE(field.sync(*device).ok());
    auto session = field.exchange(*device);
    auto request = session.request({});
    auto answer = field.answer(*request);
    REQUIRE(session.response(answer).ok());
    size_t total = request->size() + answer.size() + headers(request->size()) + headers(answer.size());
    CAPTURE(request->size(), answer.size(), total);
    CHECK(total <= 1100);
    CHECK(request->size() == 512);
    CHECK(answer.size() == 256);
  }
}

TEST_CASE("Exchange: a relay is closed to teams that its operator did not admit", "[relay]") {
  Field field(4, false);
  field.reporter.write(field.team_audience);
  auto outcome = field.once(field.reporter);
  REQUIRE(!outcome.ok());
  CHECK(outcome.error().code == ErrorCode::trust_refused);
  CHECK(outcome.error().message == "the relay does not serve this team");
  CHECK(!outcome.error().hint.empty());
  CHECK(field.entries_held() == 0);
  CHECK(field.reporter.receipts.empty());
}

TEST_CASE("Exchange: a device that no list names is told so, and removed teams are turned away", "[relay]") {
  Field field(5);
  FieldDevice stranger(field.team, field.random);
  stranger.write(field.team_audience);
  auto outcome = field.once(stranger);
  REQUIRE(!outcome.ok());
  CHECK(outcome.error().message == "the relay does not know this device");
  REQUIRE(field.relay->remove_team(field.team).ok());
  CHECK(field.once(field.reporter).error().message == "the relay does not serve this team");
  REQUIRE(field.relay->admit_team(team::team_key_text(field.root.public_key())).ok());
  CHECK(field.once(field.reporter).ok());
}

TEST_CASE("Exchange: a request cut at any byte commits what came whole, and nothing is lost afterwards", "[relay]") {
  Field field(6);
  for (int i = 0; i < 6; ++i) field.reporter.write(field.team_audience, 900);
  auto feed = field.reporter.feed_for(field.team_audience);
  auto random = generator(6);
  uint64_t held_before = 0;
  for (int round = 0; round < 150; ++round) {
    auto session = field.exchange(field.reporter);
    auto request = session.request({.window = 700});
    REQUIRE(request.ok());
    size_t cut = random() % request->size();
    (void)field.answer(Bytes(request->begin(), request->begin() + static_cast<ptrdiff_t>(cut)));
    uint64_t held = field.entries_held();
    CHECK(held >= held_before);
    CHECK(held <= 6);
    held_before = held;
    if (round % 10 == 9) (void)field.once(field.reporter, {.window = 700});
  }
  REQUIRE(field.sync(field.reporter).ok());
  CHECK(field.entries_held() == 6);
  CHECK(field.reporter.confirmed_seq[feed] == 6);
  CHECK(field.relay->check()->faults.empty());
}

TEST_CASE("Exchange: an answer cut at any byte counts as far as it is whole", "[relay]") {
  Field field(7);
  for (int i = 0; i < 8; ++i) field.reporter.write(field.team_audience, 700);
  REQUIRE(field.sync(field.reporter).ok());
  auto session = field.exchange(field.reader);
  auto request = session.request({});
  auto answer = field.answer(*request);
  for (size_t cut = 0; cut < answer.size(); cut += 37) {
    FieldDevice reader(field.reader);
    auto again = field.exchange(reader);
    auto asked = again.request({});
    auto whole = field.answer(*asked);
    auto outcome = again.response(ByteView(whole).first(std::min(cut, whole.size() - 1)));
    if (!outcome) {
      CHECK(outcome.error().code == ErrorCode::no_network);
      CHECK(reader.store.feeds.empty());
      CHECK(reader.cursor.empty());
    } else {
      CHECK(outcome->cut);
    }
    REQUIRE(field.sync(reader).ok());
    CHECK(reader.store.feeds == field.reporter.store.feeds);
  }
}

TEST_CASE("Exchange: who is killed while an answer comes asks only for what had not come", "[relay]") {
  Field field(4713);
  constexpr size_t kEntries = 400, kEntry = 900, kBatch = 17 * 1024;
  for (size_t i = 0; i < kEntries; ++i) {
    field.reporter.write(field.team_audience, kEntry);
    if (i % 40 == 39) REQUIRE(field.sync(field.reporter).ok());
  }
  auto random = generator(4713);
  size_t came = 0, kills = 0;
  for (; kills < 6; ++kills) {
    auto session = field.exchange(field.reader);  // a device that was killed remembers nothing of its exchanges
    auto request = session.request({});
    REQUIRE(request.ok());
    auto answer = field.answer(*request);
    const size_t until = answer.size() / 8 + random() % (answer.size() / 8);
    for (size_t at = 700; at < until; at += 1400) session.part(ByteView(answer).first(at));
    came += until;
  }
  const size_t there = field.reader.store.head(field.reporter.feed_for(field.team_audience))->seq;
  CAPTURE(came, there);
  CHECK(there * kEntry + kills * kBatch > came * 9 / 10);  // the rest is proofs, lists and padding
  size_t rest = 0;
  auto session = field.exchange(field.reader);
  for (bool more = true; more;) {
    auto request = session.request({});
    REQUIRE(request.ok());
    auto answer = field.answer(*request);
    rest += answer.size();
    for (size_t at = 700; at < answer.size(); at += 1400) session.part(ByteView(answer).first(at));
    auto outcome = session.response(answer);
    REQUIRE(outcome.ok());
    CHECK(outcome->items_missing == 0);
    CHECK(outcome->notes.empty());
    more = outcome->more();
  }
  CHECK(rest < (kEntries - there) * kEntry * 5 / 4 + 2 * kBatch);
  CHECK(field.reader.store.feeds == field.reporter.store.feeds);
}

TEST_CASE("Exchange: an answer that comes in parts is counted as one that came whole", "[relay]") {
  Field field(4714);
  for (int i = 0; i < 150; ++i) field.reporter.write(field.team_audience, 700);
  REQUIRE(field.sync(field.reporter).ok());
  const auto name = field.reporter.media.make(field.random, 200'000);
  REQUIRE(field.sync(field.reporter).ok());
  FieldDevice whole(field.reader), parts(field.reader);
  for (auto* reader : {&whole, &parts}) reader->media.want(name);
  auto one = field.once(whole);
  auto session = field.exchange(parts);
  auto request = session.request({});
  auto answer = field.answer(*request);
  for (size_t at = 0; at < answer.size(); at += 3000) session.part(ByteView(answer).first(at));
  CHECK(parts.store.head(field.reporter.feed_for(field.team_audience))->seq == 150);
  CHECK(parts.cursor[field.team_audience].counter == whole.cursor[field.team_audience].counter);
  auto other = session.response(answer);
  REQUIRE((one.ok() && other.ok()));
  CHECK(other->entries_received == one->entries_received);
  CHECK(other->chunks_received == one->chunks_received);
  CHECK(other->useful == one->useful);
  CHECK(other->items_missing == 0);
  CHECK(other->more() == one->more());
  CHECK(parts.store.feeds == whole.store.feeds);
  CHECK(parts.media.same(whole.media, name));
}

TEST_CASE("Exchange: of an answer that is spoiled on its way what came before stands, and nothing after", "[relay]") {
  Field field(4715);
  for (int i = 0; i < 150; ++i) field.reporter.write(field.team_audience, 700);
  REQUIRE(field.sync(field.reporter).ok());
  auto session = field.exchange(field.reader);
  auto request = session.request({});
  auto answer = field.answer(*request);
  answer[answer.size() / 2] ^= 1;
  for (size_t at = 0; at < answer.size(); at += 3000) session.part(ByteView(answer).first(at));
  const auto feed = field.reporter.feed_for(field.team_audience);
  const auto held = field.reader.store.head(feed)->seq;
  CHECK(held > 20);
  CHECK(held < 90);
  auto outcome = session.response(answer);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == ErrorCode::no_network);
  CHECK(field.reader.store.head(feed)->seq == held);
  CHECK(field.sync(field.reader)->entries_received == 150 - held);
}

TEST_CASE("Exchange: no flipped bit of a request is ever taken", "[relay]") {
  Field field(8);
  field.reporter.write(field.team_audience, 120);
  auto session = field.exchange(field.reporter);
  auto request = *session.request({});
  for (size_t bit = 0; bit < request.size() * 8; ++bit) {
    request[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    auto answer = field.answer(request);
    request[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (!answer.empty()) FAIL_CHECK("bit " << bit << " was answered");
  }
  CHECK(field.entries_held() == 0);
  CHECK(session.response(field.answer(request)).ok());
  CHECK(field.entries_held() == 1);
}

TEST_CASE("Exchange: no flipped bit of an answer is ever taken, and the device stays as it was", "[relay]") {
  Field field(9);
  field.reporter.write(field.team_audience, 120);
  auto session = field.exchange(field.reporter);
  auto request = *session.request({});
  auto answer = field.answer(request);
  for (size_t bit = 0; bit < answer.size() * 8; ++bit) {
    answer[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    auto outcome = session.response(answer);
    answer[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (outcome.ok() || outcome.error().code != ErrorCode::no_network) FAIL_CHECK("bit " << bit << " was taken");
  }
  CHECK(field.reporter.receipts.empty());
  CHECK(field.reporter.cursor.empty());
  CHECK(field.reporter.exchange_keys[field.info.id].empty());
  CHECK(session.response(answer).ok());
  CHECK(field.reporter.receipts.size() == 1);
}

TEST_CASE("Exchange: a page of a captive portal, nothing at all and noise each get their own words", "[relay]") {
  Field field(10);
  auto message_for = [&](std::string_view body) {
    auto session = field.exchange(field.reporter);
    (void)session.request({});
    auto outcome = session.response(as_bytes(body));
    REQUIRE(!outcome.ok());
    CHECK(outcome.error().code == ErrorCode::no_network);
    CHECK(!outcome.error().hint.empty());
    return outcome.error().message;
  };
  auto page = message_for("<!DOCTYPE html><html><body>Please sign in to Free WiFi, it is quite safe</body></html>");
  CHECK(page == "something between this device and the relay answered with a page of its own");
  auto sealed = std::string(300, 'x');  // as one answer in a hundred begins
  sealed.replace(0, 3, "<\x01{");
  CHECK(message_for(sealed) ==
        "something between this device and the relay answered, or changed the answer: it does not open");
  CHECK(message_for("") == "something between this device and the relay answered with nothing");
  CHECK(message_for(std::string(300, 'x')) ==
        "something between this device and the relay answered, or changed the answer: it does not open");
}

TEST_CASE("Exchange: a request delivered twice is harmless and both answers open", "[relay]") {
  Field field(11);
  field.reporter.write(field.team_audience);
  auto session = field.exchange(field.reporter);
  auto request = *session.request({});
  auto first = field.answer(request), second = field.answer(request);
  CHECK(!std::equal(first.begin(), first.begin() + 32, second.begin()));
  auto outcome = session.response(second);
  REQUIRE(outcome.ok());
  CHECK(outcome->counter_stale);
  CHECK(!outcome->two_places);
  CHECK(field.reporter.confirmed_seq[field.reporter.feed_for(field.team_audience)] == 1);
  CHECK(field.entries_held() == 1);
}

TEST_CASE("Exchange: a stale counter still stores what proves itself, and the device learns the highest", "[relay]") {
  Field field(12);
  for (int i = 0; i < 80; ++i) REQUIRE(field.once(field.reporter).ok());
  field.reporter.counter = 3;
  field.reporter.write(field.team_audience);
  auto outcome = field.once(field.reporter);
  REQUIRE(outcome.ok());
  CHECK(outcome->counter_stale);
  CHECK(field.entries_held() == 1);
  CHECK(outcome->entries_sent == 1);
  CHECK(field.reporter.counter == 80);
  CHECK(!field.once(field.reporter)->counter_stale);
}

TEST_CASE("Exchange: two copies of one device are noticed by their counters", "[relay]") {
  Field field(13);
  REQUIRE(field.once(field.reporter).ok());
  FieldDevice copy(field.reporter);
  REQUIRE(field.once(field.reporter).ok());
  auto outcome = field.once(copy);
  REQUIRE(outcome.ok());
  CHECK(outcome->two_places);
  CHECK(field.relay->metrics().two_places == 1);
}

TEST_CASE("Exchange: two versions of one entry are both kept and nobody loses the rest", "[relay]") {
  Field field(14);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  FieldDevice copy(field.reporter);
  field.reporter.write(field.team_audience);
  copy.write(field.team_audience);
  copy.write(field.all_audience);
  REQUIRE(field.sync(field.reporter).ok());
  auto outcome = field.sync(copy);
  REQUIRE(outcome.ok());
  REQUIRE(outcome->refused.size() == 1);
  CHECK(outcome->refused[0].reason == "two versions of one entry exist");
  CHECK(field.relay->inspect()->forks == 1);
  CHECK(copy.confirmed_seq[copy.feed_for(field.all_audience)] == 1);
  (void)field.sync(copy);
  CHECK(field.relay->inspect()->forks == 1);
}

TEST_CASE("Exchange: a device that was put back to an older state gets its own entries back", "[relay]") {
  Field field(16);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  FieldDevice copy(field.reporter);
  for (int i = 0; i < 3; ++i) field.reporter.write(field.team_audience);
  field.reporter.write(field.all_audience);  // a feed that the copy does not know
  REQUIRE(field.sync(field.reporter).ok());
  SECTION("before it wrote anything") {
    REQUIRE(field.sync(copy).ok());
    CHECK(copy.store.feeds == field.reporter.store.feeds);
    CHECK(copy.store.forks == 0);
  }
  SECTION("after it wrote under numbers that were used already: its store is told of the other version") {
    SECTION("less") {
      copy.write(field.team_audience);
    }
    SECTION("as much") {
      for (int i = 0; i < 3; ++i) copy.write(field.team_audience);
    }
    SECTION("more") {
      for (int i = 0; i < 5; ++i) copy.write(field.team_audience);
    }
    auto outcome = field.sync(copy);
    REQUIRE(outcome.ok());
    CHECK(copy.store.forks > 0);
    CHECK(field.relay->inspect()->forks == 1);
  }
}

TEST_CASE("Exchange: without a current key the fallback serves, and a new key comes with the answer", "[relay]") {
  Field field(15);
  REQUIRE(field.once(field.reporter).ok());
  auto first_key = field.reporter.exchange_keys[field.info.id];
  REQUIRE(!first_key.empty());
  field.clock.advance(std::chrono::hours(24 * 16));
  REQUIRE(field.relay->tend().ok());
  REQUIRE(field.once(field.reporter).ok());  // the one before still opens
  auto second_key = field.reporter.exchange_keys[field.info.id];
  CHECK(second_key != first_key);

  field.clock.advance(std::chrono::hours(24 * 40));
  REQUIRE(field.relay->tend().ok());
  auto session = field.exchange(field.reporter);
  auto request = session.request({});
  auto answer = field.answer(*request);
  CHECK(answer.empty());  // the key it was sealed to is destroyed
  CHECK(session.response(answer).error().code == ErrorCode::no_network);
  request = session.request({});
  auto outcome = session.response(field.answer(*request));
  REQUIRE(outcome.ok());
  CHECK(field.reporter.exchange_keys[field.info.id] != second_key);
}

TEST_CASE("Exchange: a relay with another key cannot answer", "[relay]") {
  Field field(16), other(17);
  field.reporter.write(field.team_audience);
  auto session = field.exchange(field.reporter);
  auto request = session.request({});
  CHECK(other.answer(*request).empty());
  RelayInfo posing = other.info;  // a roster that names the right keys but for the identity
  posing.id = field.info.id;
  session::DeviceExchange fooled(field.reporter, field.reporter.store, posing, field.environment());
  auto asked = fooled.request({});
  auto outcome = fooled.response(other.answer(*asked));
  REQUIRE(!outcome.ok());
  CHECK(field.reporter.receipts.empty());
}

TEST_CASE("Exchange: two readers see the same running hash, in the order of commits", "[relay]") {
  Field field(18);
  for (int round = 0; round < 12; ++round) {
    field.reporter.write(field.team_audience);
    field.admin.write(field.team_audience);
    REQUIRE(field.sync(round % 2 ? field.reporter : field.admin).ok());
    if (round == 5) REQUIRE(field.sync(field.reader).ok());
  }
  REQUIRE(field.sync(field.reporter).ok());
  REQUIRE(field.sync(field.admin).ok());
  REQUIRE(field.sync(field.admin).ok());
  REQUIRE(field.sync(field.reader).ok());
  auto one = field.reader.cursor[field.team_audience], two = field.admin.cursor[field.team_audience];
  CHECK(one == two);
  CHECK(one.counter > 12);
  for (const auto& receipt : field.reporter.receipts)
    if (receipt.point.counter == one.counter) CHECK(receipt.point.running == one.running);
}

#ifdef LYSOEN_TEST_BUILD
TEST_CASE("Exchange: an item that the relay signed for and lists to nobody is noticed, wherever it stands", "[relay]") {
  for (int items : {5, 7}) {  // the fifth is withheld
    Field field(19);
    for (int i = 0; i < items; ++i) {
      field.reporter.write(field.team_audience);
      REQUIRE(field.sync(field.reporter).ok());
    }
    fault::items_withheld = true;
    auto read = field.sync(field.reader);
    fault::items_withheld = false;
    REQUIRE(read.ok());
    // With more behind it, the list that was read leads to nothing that the relay signed, which is said too.
    REQUIRE(read->notes.size() == (items == 5 ? 1 : 2));
    CHECK(read->notes.back() == "the relay signed for more in a mailbox than it brings: something is held back");
    auto whole = field.sync(field.reader);
    REQUIRE(whole.ok());
    CHECK(whole->notes.size() == (items == 5 ? 0 : 1));
    CHECK(field.sync(field.reader)->notes.empty());
    CHECK(field.reader.store.feeds == field.reporter.store.feeds);
  }
}
#endif

TEST_CASE("Exchange: frames of a later version are passed over", "[relay]") {
  Field field(19);
  auto session = field.exchange(field.reporter);
  CHECK(session.request({}).ok());
  // A request with an unknown frame between Hello and End is made by hand.
  auto sender = crypto::hpke_send(field.info.fallback_key,
                                  session::request_info(field.info.id, field.info.fallback_key), field.random);
  Bytes prefix = to_bytes(session::gate_mac(field.info.gate_key, sender->encapsulation));
  prefix.insert(prefix.end(), sender->encapsulation.begin(), sender->encapsulation.end());
  auto answer_key = session::export_answer_key(sender->context);
  session::FrameSealer out(session::FrameKey::of_request(std::move(sender->context)), prefix);
  wire::Hello hello;
  hello.team = field.team, hello.device = field.reporter.id, hello.counter = 900;
  hello.signature = field.reporter.key.sign(
      session::kHelloLabel,
      session::hello_message({field.info.id, field.info.fallback_key, sender->encapsulation}, hello));
  out.add(wire::FrameType::hello, hello);
  out.add_frame(99, Bytes{1, 2, 3});
  out.add(wire::FrameType::chunk, wire::Chunk{Bytes(100)});
  auto answer = field.answer(out.finish({}));
  CHECK(!answer.empty());
}

TEST_CASE("Exchange: an older copy of a device is told, and still reads", "[relay]") {
  Field field(20);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  FieldDevice old(field.reporter);
  field.reporter.write(field.team_audience);
  REQUIRE(field.sync(field.reporter).ok());
  field.admin.write(field.all_audience);
  REQUIRE(field.sync(field.admin).ok());
  old.counter = 500;
  auto outcome = field.sync(old);
  REQUIRE(outcome.ok());
  CHECK(outcome->entries_received == 2);  // the other's, and its own that it had lost
  REQUIRE(!outcome->notes.empty());
  CHECK(outcome->notes[0].find("older copy") != std::string::npos);
}

TEST_CASE("Exchange: an admin's errands count as done only when request and answer came whole", "[relay]") {
  Field field(21);
  SealedRoster roster{1, {}, Bytes(50, 3)};
  roster.hash.bytes[0] = 1;
  field.admin.todo.rosters.push_back(roster);
  auto session = field.exchange(field.admin);
  for (bool cut_request : {true, false}) {
    auto request = session.request({});
    REQUIRE(request.ok());
    if (cut_request) request->pop_back();
    auto answer = field.answer(*request);
    auto outcome = session.response(ByteView(answer).first(answer.size() - (cut_request ? 0 : 1)));
    REQUIRE(outcome.ok());
    CHECK(outcome->cut);
    CHECK(outcome->more());
    CHECK(field.admin.todo.rosters.size() == 1);
  }
  REQUIRE(field.sync(field.admin).ok());
  CHECK(field.admin.todo.rosters.empty());
  CHECK(field.relay->inspect()->rosters == 1);
}
