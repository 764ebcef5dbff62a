#include "core/feed/stream.h"

#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

using feed::StreamReader;
using feed::StreamWriter;

/// A team's audience with one epoch, and a device that writes to it.
struct Scene {
  explicit Scene(uint64_t seed_value) : random(seed_value), epoch(crypto::KemKeyPair::generate(random)) {
    place.team = random_id<TeamId>(random);
    place.feed = {random_id<DeviceId>(random), random_id<AudienceId>(random), 1};
    place.epoch = 3;
    place.epoch_key = epoch.public_key;
    witness.relay = random_id<RelayId>(random);
    witness.log_size = 77;
    witness.log_root = random_id<Hash>(random);
    witness.point = {place.feed.audience, 2, 41, random_id<Hash>(random)};
  }
  StreamWriter::Begun begin(uint64_t first_seq) {
    auto begun = StreamWriter::begin(place, first_seq, witness, random);
    REQUIRE(begun.ok());
    return std::move(*begun);
  }
  feed::EntryHeader header(uint64_t seq, const Hash& prev) const {
    return {place.team, place.feed.audience, place.epoch, feed::feed_id(place.feed), seq, prev};
  }

  SeededRandom random;
  crypto::KemKeyPair epoch;
  feed::StreamPlace place;
  feed::Witness witness;
};

Bytes payload_of(uint64_t number) {
  Bytes payload{1};
  for (int i = 0; i < 40; ++i) payload.push_back(static_cast<uint8_t>(number >> (i % 8)));
  return payload;
}

TEST_CASE("Stream: what is sealed to an epoch opens with its key, entry after entry", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(5);
  CHECK(begun.entry.ciphertext.size() == feed::kStreamEntrySize);
  auto reader = StreamReader::open(scene.place, 5, begun.entry, scene.epoch);
  REQUIRE(reader.ok());
  CHECK(reader->witness() == scene.witness);
  auto& writer = begun.writer;
  auto prev = random_id<Hash>(scene.random);
  for (uint64_t seq = 6; !writer.full(); ++seq) {
    CHECK(writer.next_seq() == seq);
    auto sealed = writer.seal(prev, payload_of(seq));
    REQUIRE(sealed.ok());
    auto opened = reader->open_next(seq, prev, sealed->entry);
    REQUIRE(opened.ok());
    CHECK(opened->payload == payload_of(seq));
    CHECK(opened->entry_key.equals(sealed->entry_key));
    auto disclosed = feed::open_entry(sealed->entry_key, scene.header(seq, prev), sealed->entry);
    CHECK(*disclosed == payload_of(seq));
    prev.bytes[0] ^= static_cast<uint8_t>(seq);
  }
  CHECK(writer.next_seq() == 5 + 1 + feed::kStreamEntriesMax);
  CHECK(writer.seal(prev, payload_of(1)).error().message == "cannot seal: this stream has all the entries it may have");
  CHECK_FALSE(reader->entry_key(writer.next_seq()).ok());
}

TEST_CASE("Stream: a reader passes over stubs, stops, goes on from storage, and never goes back", "[feed]") {
  Scene scene(seed());
  auto pick = generator(4);
  auto begun = scene.begin(1);
  std::vector<SealedEntry> entries;
  Hash prev;
  while (!begun.writer.full()) entries.push_back(begun.writer.seal(prev, payload_of(entries.size()))->entry);
  auto reader = StreamReader::open(scene.place, 1, begun.entry, scene.epoch);
  size_t opened = 0;
  for (size_t i = pick() % 3; i < entries.size(); i += 1 + pick() % 9) {
    auto payload = reader->open_next(i + 2, prev, entries[i]);
    REQUIRE(payload.ok());
    CHECK(payload->payload == payload_of(i));
    CHECK(reader->entry_key(i + 2).error().code == ErrorCode::not_found);
    CHECK(reader->entry_key(1).error().code == ErrorCode::not_found);
    reader = StreamReader::resume(reader->state());
    REQUIRE(reader.ok());
    ++opened;
  }
  CHECK(opened > 20);
}

TEST_CASE("Stream: what the writer keeps after sealing opens nothing that it sealed", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(1);
  Hash prev;
  std::vector<SealedEntry> entries;
  for (int i = 0; i < 20; ++i) entries.push_back(begun.writer.seal(prev, payload_of(7))->entry);
  // A thief has the stored state: everything that the ratchet gives from here on, and the chain keys themselves.
  auto stolen = begun.writer.state();
  CHECK(stolen.next_seq == 22);
  auto thief = StreamReader::resume(stolen.copy());
  std::vector<crypto::Key32> keys;
  keys.push_back(stolen.chain.copy());
  for (uint64_t seq = 22; seq < 60; ++seq) {
    auto key = thief->entry_key(seq);
    keys.push_back(std::move(*key));
    keys.push_back(thief->state().chain.copy());
  }
  for (size_t i = 0; i < entries.size(); ++i)
    for (const auto& key : keys) REQUIRE_FALSE(feed::open_entry(key, scene.header(i + 2, prev), entries[i]).ok());
  CHECK_FALSE(thief->entry_key(21).ok());
}

TEST_CASE("Stream: a state restored twice shows equality of two payloads and nothing else", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(1);
  Hash prev;
  auto before = begun.writer.state();
  auto first = begun.writer.seal(prev, payload_of(1));
  auto again = StreamWriter::resume(before.copy());
  auto same = again->seal(prev, payload_of(1));
  CHECK(same->entry == first->entry);
  auto third = StreamWriter::resume(before.copy());
  auto other = third->seal(prev, payload_of(2));
  const Bytes &a = first->entry.ciphertext, &b = other->entry.ciphertext;
  REQUIRE(a.size() == b.size());
  // With a repeated nonce the two would differ only where the plaintexts do; here nearly every byte does.
  size_t equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  CHECK(equal < 16);
  CHECK(*feed::open_entry(other->entry_key, scene.header(2, prev), other->entry) == payload_of(2));
}

TEST_CASE("Stream: a payload that cannot be sealed moves nothing", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(1);
  auto before = begun.writer.state();
  auto too_large = begun.writer.seal({}, random_bytes(scene.random, feed::kEntrySizeMax));
  CHECK(too_large.error().code == ErrorCode::limit_exceeded);
  CHECK(too_large.error().message == "cannot seal payload: larger than 64 KiB once compressed and padded");
  CHECK(begun.writer.seal({}, Bytes(feed::kPayloadSizeMax + 1)).error().code == ErrorCode::limit_exceeded);
  CHECK(begun.writer.seal({}, {}).error().code == ErrorCode::input_refused);
  CHECK(begun.writer.next_seq() == 2);
  CHECK(begun.writer.state().chain.equals(before.chain));
  CHECK(begun.writer.seal({}, Bytes(feed::kPayloadSizeMax, 'a')).ok());  // long but compressible
}

TEST_CASE("Stream: a stream opens only where it was sealed to", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(9);
  auto code_for = [&](auto change, uint64_t first_seq = 9) {
    auto place = scene.place;
    auto entry = begun.entry;
    change(place, entry);
    auto reader = StreamReader::open(place, first_seq, entry, scene.epoch);
    return reader.ok() ? ErrorCode::internal : reader.error().code;
  };
  using Place = feed::StreamPlace;
  CHECK(code_for([](Place&, SealedEntry&) {}) == ErrorCode::internal);
  CHECK(code_for([](Place& place, SealedEntry&) { place.team.bytes[0] ^= 1; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place& place, SealedEntry&) { place.feed.audience.bytes[9] ^= 1; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place& place, SealedEntry&) { place.feed.device.bytes[9] ^= 1; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place& place, SealedEntry&) { ++place.feed.incarnation; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place& place, SealedEntry&) { ++place.epoch; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place& place, SealedEntry&) { place.epoch_key[0] ^= 1; }) == ErrorCode::trust_refused);
  CHECK(code_for([](Place&, SealedEntry&) {}, 10) == ErrorCode::trust_refused);
  for (size_t at = 0; at < begun.entry.ciphertext.size(); ++at)
    REQUIRE(code_for([&](Place&, SealedEntry& entry) { entry.ciphertext[at] ^= 4; }) == ErrorCode::trust_refused);
  for (size_t size = 0; size < begun.entry.ciphertext.size(); ++size)
    REQUIRE(code_for([&](Place&, SealedEntry& entry) { entry.ciphertext.resize(size); }) == ErrorCode::input_refused);
  CHECK(code_for([](Place&, SealedEntry& entry) { entry = feed::stub_of(entry, StubReason::gap, {}); }) ==
        ErrorCode::not_found);
  CHECK(code_for([](Place&, SealedEntry& entry) { entry.kind = EntryKind::sealed; }) == ErrorCode::input_refused);
}

TEST_CASE("Stream: an entry opens only in its place, and with no bit of it changed", "[feed]") {
  Scene scene(seed());
  auto begun = scene.begin(1);
  auto prev = random_id<Hash>(scene.random);
  auto sealed = begun.writer.seal(prev, payload_of(3));
  auto opens = [&](auto change) {
    auto header = scene.header(2, prev);
    change(header);
    return feed::open_entry(sealed->entry_key, header, sealed->entry).ok();
  };
  using Header = feed::EntryHeader;
  CHECK(opens([](Header&) {}));
  CHECK_FALSE(opens([](Header& header) { header.team.bytes[0] ^= 1; }));
  CHECK_FALSE(opens([](Header& header) { header.audience.bytes[0] ^= 1; }));
  CHECK_FALSE(opens([](Header& header) { ++header.epoch; }));
  CHECK_FALSE(opens([](Header& header) { header.feed.bytes[31] ^= 1; }));
  CHECK_FALSE(opens([](Header& header) { ++header.seq; }));
  CHECK_FALSE(opens([](Header& header) { header.prev.bytes[0] ^= 1; }));
  CHECK_FALSE(opens([](Header& header) { header.kind = EntryKind::stream; }));

  auto header = scene.header(2, prev);
  auto entry = sealed->entry;
  size_t opened = 0;
  for (size_t bit = 0; bit < entry.ciphertext.size() * 8; ++bit) {
    entry.ciphertext[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    opened += feed::open_entry(sealed->entry_key, header, entry).ok();
    entry.ciphertext[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t size = 0; size < sealed->entry.ciphertext.size(); ++size) {
    entry.ciphertext.resize(size);
    opened += feed::open_entry(sealed->entry_key, header, entry).ok();
    entry = sealed->entry;
  }
  CHECK(opened == 0);
  CHECK(feed::open_entry(sealed->entry_key, header, feed::stub_of(entry, StubReason::gap, {})).error().message ==
        "cannot open entry: only its stub is here");
}

TEST_CASE("Stream: a stored state that makes no sense is damage, not a key", "[feed]") {
  Scene scene(seed());
  auto state = scene.begin(10).writer.state();
  for (uint64_t next : {0u, 10u, 10u + 258u}) {
    state.next_seq = next;
    CHECK(StreamWriter::resume(state.copy()).error().code == ErrorCode::damaged);
    CHECK(StreamReader::resume(state.copy()).error().code == ErrorCode::damaged);
  }
}

}  // namespace
}  // namespace lysoen::test
