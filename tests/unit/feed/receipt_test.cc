#include "core/feed/receipt.h"

#include "core/feed/warrant.h"
#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

struct Scene {
  explicit Scene(uint64_t seed_value)
      : random(seed_value), relay(crypto::SigningKey::generate(random)), author(random) {
    team = random_id<TeamId>(random);
    author.save(12);
    receipt.team = team;
    receipt.feed = author.feed();
    receipt.seq = 12;
    receipt.head = author.head();
    receipt.time = WallTime(std::chrono::milliseconds(1767225600123));
    receipt.point = {author.feed().audience, 1, 5, random_id<Hash>(random)};
    receipt.missing = {{2, 3}, {7, 7}};
    receipt.leaf_index = 4;
    receipt.log_size = 9;
    receipt.log_root = random_id<Hash>(random);
  }
  RelayId id() const { return RelayId{relay.public_key()}; }

  SeededRandom random;
  crypto::SigningKey relay;
  Author author;
  TeamId team;
  feed::Receipt receipt;
};

TEST_CASE("Receipt: what a relay signed is read back, and nothing changed or cut is", "[feed]") {
  Scene scene(seed());
  Bytes bytes = feed::sign_receipt(scene.receipt, scene.relay);
  auto read = feed::read_receipt(scene.id(), bytes);
  REQUIRE(read.ok());
  CHECK(*read == scene.receipt);
  CHECK(bytes.size() < 400);

  RelayId other = scene.id();
  other.bytes[0] ^= 1;
  CHECK(feed::read_receipt(other, bytes).error().code == ErrorCode::trust_refused);
  CHECK(feed::read_receipt(other, bytes).error().message == "cannot take receipt: the relay's signature does not fit");
  size_t taken = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    taken += feed::read_receipt(scene.id(), bytes).ok();
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t size = 0; size < bytes.size(); ++size)
    taken += feed::read_receipt(scene.id(), ByteView(bytes).first(size)).ok();
  CHECK(taken == 0);
}

TEST_CASE("Receipt: a signed receipt that makes no sense is refused all the same", "[feed]") {
  Scene scene(seed());
  auto refused = [&](auto change) {
    auto receipt = scene.receipt;
    change(receipt);
    return !feed::read_receipt(scene.id(), feed::sign_receipt(receipt, scene.relay)).ok();
  };
  using feed::Receipt;
  CHECK_FALSE(refused([](Receipt&) {}));
  CHECK_FALSE(refused([](Receipt& receipt) { receipt.missing.clear(); }));
  CHECK(refused([](Receipt& receipt) { receipt.seq = 0; }));
  CHECK(refused([](Receipt& receipt) { receipt.missing = {{7, 7}, {2, 3}}; }));
  CHECK(refused([](Receipt& receipt) { receipt.missing = {{2, 3}, {4, 4}}; }));
  CHECK(refused([](Receipt& receipt) { receipt.missing = {{0, 3}}; }));
  CHECK(refused([](Receipt& receipt) { receipt.missing = {{3, 2}}; }));
  CHECK(refused([](Receipt& receipt) { receipt.missing = {{12, 13}}; }));
  CHECK(refused([](Receipt& receipt) { receipt.leaf_index = receipt.log_size; }));
  CHECK(refused([](Receipt& receipt) { receipt.point.counter = 0; }));
}

TEST_CASE("Mailbox: the running hash tells any two histories apart", "[feed]") {
  Scene scene(seed());
  feed::MailboxItem item{1, scene.author.id(), 1, 12, scene.author.head(), {}};
  Hash first = feed::running_hash({}, item);
  auto differs = [&](auto change) {
    auto other = item;
    change(other);
    return feed::running_hash({}, other) != first;
  };
  using feed::MailboxItem;
  CHECK_FALSE(differs([](MailboxItem&) {}));
  CHECK(differs([](MailboxItem& other) { other.n = 2; }));
  CHECK(differs([](MailboxItem& other) { other.feed.bytes[0] ^= 1; }));
  CHECK(differs([](MailboxItem& other) { other.first_seq = 2; }));
  CHECK(differs([](MailboxItem& other) { other.last_seq = 13; }));
  CHECK(differs([](MailboxItem& other) { other.head.bytes[0] ^= 1; }));
  CHECK(differs([](MailboxItem& other) { other.missing = {{3, 3}}; }));
  CHECK(feed::running_hash(first, item) != first);
}

TEST_CASE("Mailbox: one signature covers every point, their order and the team", "[feed]") {
  Scene scene(seed());
  std::vector<MailboxCursor> points;
  for (uint32_t i = 0; i < 3; ++i)
    points.push_back({random_id<AudienceId>(scene.random), i, i * 10, random_id<Hash>(scene.random)});
  auto signature = feed::sign_points(scene.team, points, scene.relay);
  CHECK(feed::verify_points(scene.id(), scene.team, points, signature));
  auto changed = [&](auto change) {
    auto other = points;
    change(other);
    return feed::verify_points(scene.id(), scene.team, other, signature);
  };
  using Points = std::vector<MailboxCursor>;
  CHECK_FALSE(changed([](Points& other) { std::swap(other[0], other[1]); }));
  CHECK_FALSE(changed([](Points& other) { other.pop_back(); }));
  CHECK_FALSE(changed([](Points& other) { ++other[2].counter; }));
  CHECK_FALSE(changed([](Points& other) { ++other[1].store_epoch; }));
  CHECK_FALSE(changed([](Points& other) { other[0].running.bytes[0] ^= 1; }));
  CHECK_FALSE(changed([](Points& other) { other[0].mailbox.bytes[0] ^= 1; }));
  CHECK_FALSE(changed([](Points& other) { other.resize(feed::kPointsMax + 1); }));
  TeamId other_team = scene.team;
  other_team.bytes[0] ^= 1;
  CHECK_FALSE(feed::verify_points(scene.id(), other_team, points, signature));
}

TEST_CASE("Warrant: only the relay's own refusal and the author's own statement count, for their entry alone",
          "[feed]") {
  using feed::WarrantState;
  Scene scene(seed());
  feed::EntryPoint entry{scene.author.feed(), 3, scene.author.hash(3)};
  WallTime now(std::chrono::milliseconds(1767225600123));
  std::vector<RelayId> relays{scene.id()};
  auto refusal = feed::sign_refusal(scene.team, entry, 9, now, scene.relay);
  auto rotten = feed::sign_rotten(scene.team, entry, now, scene.author.key());
  auto check = [&](StubReason reason, ByteView warrant) {
    return feed::check_warrant(scene.team, entry, reason, warrant, relays);
  };
  CHECK(refusal.size() <= feed::kWarrantSizeMax);
  CHECK(check(StubReason::refused, refusal) == WarrantState::valid);
  CHECK(check(StubReason::rotten, rotten) == WarrantState::valid);
  CHECK(check(StubReason::gap, {}) == WarrantState::gap);
  CHECK(check(StubReason::rotten, refusal) == WarrantState::invalid);
  CHECK(check(StubReason::refused, rotten) == WarrantState::invalid);
  CHECK(check(StubReason::purged, Bytes{1, 2, 3}) == WarrantState::unread);
  CHECK(check(StubReason::redacted, Bytes{1, 2, 3}) == WarrantState::unread);

  relays.clear();
  CHECK(check(StubReason::refused, refusal) == WarrantState::unread);
  relays.push_back(scene.id());
  auto elsewhere = entry;
  elsewhere.seq = 4;
  CHECK(feed::check_warrant(scene.team, elsewhere, StubReason::refused, refusal, relays) == WarrantState::invalid);
  elsewhere = entry;
  elsewhere.hash.bytes[0] ^= 1;
  CHECK(feed::check_warrant(scene.team, elsewhere, StubReason::rotten, rotten, relays) == WarrantState::invalid);
  CHECK(feed::check_warrant(random_id<TeamId>(scene.random), entry, StubReason::rotten, rotten, relays) ==
        WarrantState::invalid);
  // Another device of the team cannot declare this author's entry rotten.
  Author other(scene.random);
  auto theirs = entry;
  theirs.feed.device = other.feed().device;
  auto forged = feed::sign_rotten(scene.team, theirs, now, other.key());
  CHECK(check(StubReason::rotten, forged) == WarrantState::invalid);

  for (Bytes warrant : {refusal, rotten}) {
    auto reason = static_cast<StubReason>(warrant[0]);
    size_t valid = 0;
    for (size_t bit = 0; bit < warrant.size() * 8; ++bit) {
      warrant[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      valid += check(reason, warrant) != WarrantState::invalid;
      warrant[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
    for (size_t size = 0; size < warrant.size(); ++size)
      valid += check(reason, ByteView(warrant).first(size)) != WarrantState::invalid;
    CHECK(valid == 0);
  }
}

}  // namespace
}  // namespace lysoen::test
