// Every message there and back, and what a stranger may send instead.
#include "sync/wire/codec.h"
#include "core/base/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::wire;

namespace {

class Maker {
 public:
  explicit Maker(uint64_t salt) : random_(test::seed() ^ salt), engine_(test::generator(salt)) {}
  template <class IdType>
  IdType id() {
    IdType id;
    random_.fill(id.bytes);
    return id;
  }
  Bytes bytes(size_t size) {
    Bytes out(size);
    random_.fill(out);
    return out;
  }
  Signature signature() {
    Signature out;
    random_.fill(out);
    return out;
  }
  uint64_t number(uint64_t max) { return engine_() % (max + 1); }
  FeedKey feed() { return {id<DeviceId>(), id<AudienceId>(), static_cast<uint32_t>(number(9))}; }

  Batch batch() {
    Batch batch;
    batch.feed = feed();
    batch.first_seq = 1 + number(1000);
    batch.prev = id<Hash>();
    for (uint64_t left = 1 + number(5); left > 0; --left) {
      SealedEntry entry;
      entry.ciphertext_hash = id<Hash>();
      if (number(3) == 0) {
        entry.reason = StubReason::purged;
        entry.length = 77;
        entry.warrant = bytes(number(40));
      } else {
        entry.kind = number(1) ? EntryKind::stream : EntryKind::sealed;
        entry.ciphertext = bytes(1 + number(300));
        entry.length = static_cast<uint32_t>(entry.ciphertext.size());
      }
      batch.entries.push_back(entry);
    }
    batch.signed_seq = batch.last_seq() + number(3);
    batch.signed_head = id<Hash>();
    batch.signature = signature();
    for (uint64_t left = number(8); left > 0; --left) batch.left.push_back(id<Hash>());
    return batch;
  }
  Hello hello() {
    Hello hello;
    hello.team = id<TeamId>(), hello.device = id<DeviceId>(), hello.counter = 1 + number(1u << 30);
    hello.roster_version = number(9), hello.roster_hash8 = number(UINT64_MAX - 1), hello.heads_hash8 = 5;
    hello.heads_count = 3, hello.log_size = number(100), hello.log_root8 = 8, hello.signature = signature();
    for (uint64_t left = number(16); left > 0; --left) hello.heads.push_back({number(1u << 30), 1 + number(99), 4});
    return hello;
  }
  Want want() {
    Want want;
    for (int i = 0; i < 3; ++i) want.mailboxes.push_back({number(99), 1, number(99), number(99)});
    want.feeds.push_back({feed(), 5});
    want.wait_ms = 1000, want.answer_max = 70000, want.join_requests = true;
    return want;
  }
  MailboxItems items() {
    MailboxItems items;
    items.mailbox = id<AudienceId>(), items.store_epoch = 2, items.first = 7;
    items.feeds = {feed(), feed()};
    items.feeds[0].audience = items.mailbox;
    items.items = {{0, 1, 1, {}, {}}, {1, 3, 9, id<Hash>(), bytes(18)}};
    return items;
  }
  Verdict verdict() {
    return {VerdictObject::batch, VerdictCode::gap_before, feed(), 3, 5, number(UINT64_MAX - 1), 12};
  }

 private:
  test::SeededRandom random_;
  std::mt19937_64 engine_;
};

/// Every cut and flip decodes to something within limits, or is refused: encode(decode(x)) never grows past the limit
/// and never crashes. Authenticity is the frame's, not this layer's.
template <class Message>
void mutate(const Bytes& encoded) {
  for (size_t cut = 0; cut < encoded.size(); ++cut) {
    auto read = decode<Message>(ByteView(encoded).first(cut));
    if (read.ok()) (void)encode(*read);
  }
  for (size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    Bytes changed = encoded;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    auto read = decode<Message>(changed);
    if (read.ok()) (void)encode(*read);
    if (!read.ok()) {
      auto code = read.error().code;
      if (code != ErrorCode::input_refused && code != ErrorCode::limit_exceeded) FAIL_CHECK(read.error().message);
    }
  }
}

template <class Message>
void there_and_back(const Message& message) {
  auto encoded = encode(message);
  auto read = decode<Message>(encoded);
  INFO((read.ok() ? "" : read.error().message));
  REQUIRE(read.ok());
  CHECK(*read == message);
  mutate<Message>(encoded);
}

}  // namespace

TEST_CASE("Wire: every message survives the way there and back, and no cut or flip breaks the reader", "[wire]") {
  Maker make(1);
  for (int i = 0; i < 5; ++i) {
    there_and_back(make.batch());
    there_and_back(make.hello());
  }
  there_and_back(make.want());
  there_and_back(make.items());
  there_and_back(make.verdict());
  BlobName blob{make.id<BlobId>(), 20 * kChunkSize + 5};
  there_and_back(BlobOffer{{blob, {make.id<BlobId>(), 1}}});
  there_and_back(BlobStates{{{blob, {{0, 3}, {5, 21}}, {}}, {{make.id<BlobId>(), 256}, {{0, 1}}, make.bytes(149)}}});
  there_and_back(BlobAsk{{{blob, {{0, 1}, {2, 20}}}, {{make.id<BlobId>(), 700}, {}}}});
  there_and_back(ChunkRun{blob, 3, {make.id<Hash>(), make.id<Hash>()}, {make.id<Hash>()}, {make.id<Hash>()}});
  there_and_back(Chunk{make.bytes(100)});
  there_and_back(Receipt{make.bytes(300)});
  there_and_back(Frontier{9, {{make.feed(), 4, make.id<Hash>()}, {make.feed(), 0, {}}}});
  there_and_back(RosterUpdate{3, make.id<Hash>(), 500, 100, make.bytes(400)});
  there_and_back(AdmissionList{100, 0, make.bytes(100)});
  there_and_back(Welcome{100, 50, make.bytes(50)});
  there_and_back(JoinPost{make.id<TeamId>(), PublicKey{3}, 0, 1, make.bytes(1000), make.signature()});
  there_and_back(JoinRequests{{make.bytes(10), make.bytes(1024)}});
  there_and_back(ExchangeKey{make.bytes(121)});
  there_and_back(MailboxPoints{{{1, 2, 3, make.id<Hash>()}}, make.signature()});
  there_and_back(End{true});
  there_and_back(End{false});
}

TEST_CASE("Wire: a Hello with all its heads fits the first frame", "[wire]") {
  Maker make(2);
  auto hello = make.hello();
  hello.heads.assign(kHelloHeadsMax, {UINT64_MAX, kSeqMax, UINT64_MAX});
  hello.counter = hello.roster_version = hello.log_size = uint64_t{1} << 62;
  CHECK(encode(hello).size() <= kFirstFrameMax);
  CHECK(encode(JoinPost{make.id<TeamId>(), PublicKey{3}, 0, 1, make.bytes(kJoinRequestMax), make.signature()}).size() <=
        kJoinFrameMax);
}

TEST_CASE("Wire: what exceeds a limit is refused with its limit named", "[wire]") {
  Maker make(3);
  auto refused = [](const auto& message, std::string_view why) {
    using Message = std::decay_t<decltype(message)>;
    auto read = decode<Message>(encode(message));
    REQUIRE(!read.ok());
    CHECK(read.error().message.find(why) != std::string::npos);
  };
  auto hello = make.hello();
  hello.heads.assign(17, {});
  refused(hello, "more than 16 heads");
  hello = make.hello(), hello.counter = 0;
  refused(hello, "counter is zero");
  hello = make.hello(), hello.version_min = 3, hello.version_max = 2;
  refused(hello, "wrong way round");
  auto batch = make.batch();
  batch.entries.assign(257, batch.entries[0]);
  refused(batch, "more than 256 entries");
  batch = make.batch(), batch.left.assign(9, make.id<Hash>());
  refused(batch, "more than 8 hashes");
  batch = make.batch(), batch.first_seq = 0;
  refused(batch, "out of range");
  batch = make.batch(), batch.entries = {SealedEntry{}}, batch.entries[0].ciphertext = make.bytes(kEntryMax + 1);
  refused(batch, "larger than 64 KiB");
  batch = make.batch(), batch.entries = {SealedEntry{}};
  refused(batch, "an entry is empty");
  auto want = make.want();
  want.wait_ms = kWaitMaxMs + 1;
  refused(want, "10 minutes");
  want = make.want(), want.mailboxes.assign(257, {});
  refused(want, "more than 256 mailboxes");
  auto items = make.items();
  items.items[0].feed = 9;
  refused(items, "names no feed");
  items = make.items(), items.items[0].first_seq = 0;
  refused(items, "out of range");
  refused(RosterUpdate{1, {}, 100, 90, make.bytes(20)}, "outside the whole");
  refused(RosterUpdate{1, {}, 0xFFFFFFFF, 0, make.bytes(20)}, "larger than its limit");
  refused(Receipt{make.bytes(kReceiptMax + 1)}, "8 KiB");
  refused(JoinPost{{}, {}, 0, 1, make.bytes(1025), make.signature()}, "1 KiB");
  CHECK(!decode<End>(Bytes(kFrameMax + 1)).ok());
}
