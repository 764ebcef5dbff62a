#include "core/feed/dictionary.h"

#include "tests/support/small_dictionary.h"
#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

/// Words of the small dictionary and others, so that some of it is found there.
Bytes edit_of(std::mt19937_64& pick) {
  constexpr const char* kWords[] = {"the road was closed",
                                    "nobody was hurt",
                                    "the second group",
                                    "évènement",
                                    "мост",
                                    "in the morning",
                                    "7",
                                    "place"};
  std::string text = "t";
  for (uint64_t words = pick() % 60; words > 0; --words) text += std::string(kWords[pick() % 8]) + " ";
  return to_bytes(as_bytes(text));
}

Bytes payload_of(std::mt19937_64& pick, SeededRandom& random) {
  feed::EditPayload edit{{}, edit_of(pick)};
  random.fill(edit.salt);
  return feed::encode_payload(edit);
}

TEST_CASE("Dictionary: what is packed with it is unpacked with it, shorter than without", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(31);
  feed::Dictionaries held;
  auto* dictionary = *held.add(small_dictionary());
  size_t with = 0, without = 0;
  for (int i = 0; i < 300; ++i) {
    Bytes payload = payload_of(pick, random);
    auto body = feed::encode_body(payload, dictionary);
    REQUIRE(body.ok());
    REQUIRE(body->size() <= payload.size() + 1);
    auto decoded = feed::decode_body(*body, &held);
    REQUIRE(decoded.ok());
    REQUIRE(*decoded == payload);
    with += body->size(), without += feed::encode_body(payload)->size();
    // A device without dictionaries reads what was written without one.
    REQUIRE(*feed::decode_body(*feed::encode_body(payload)) == payload);
  }
  CHECK(with < without);
}

TEST_CASE("Dictionary: other payloads than edits are written without it", "[feed]") {
  SeededRandom random(seed());
  feed::Dictionaries held;
  auto* dictionary = *held.add(small_dictionary());
  auto marks = *feed::encode_payload(feed::ReadMarks{{random_id<ReportId>(random)}});
  CHECK(feed::encode_body(marks, dictionary)->front() != 2);
  CHECK(feed::encode_body(Bytes{1, 2, 3}, dictionary)->front() != 2);  // too short for an edit
  CHECK(*feed::decode_body(*feed::encode_body(marks, dictionary)) == marks);
}

TEST_CASE("Dictionary: a body whose dictionary is not here waits, and says for what", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(32);
  feed::Dictionaries held, none;
  auto* dictionary = *held.add(small_dictionary());
  Bytes payload = payload_of(pick, random);
  while (payload.size() < 200) payload = payload_of(pick, random);
  Bytes body = *feed::encode_body(payload, dictionary);
  REQUIRE(body.front() == 2);
  for (const auto* lacking : {&none, static_cast<feed::Dictionaries*>(nullptr)}) {
    auto waits = feed::decode_body(body, lacking);
    REQUIRE_FALSE(waits.ok());
    CHECK(waits.error().code == ErrorCode::newer_version);
    CHECK(waits.error().message == "cannot read body: it belongs to a version of a form that is not here");
    CHECK(waits.error().hint == "it is kept, and read once that form is here: update Lysoen");
  }
  CHECK(none.fingerprint() != held.fingerprint());
  REQUIRE(none.add(small_dictionary()).ok());
  CHECK(none.fingerprint() == held.fingerprint());
  CHECK(*feed::decode_body(body, &none) == payload);
}

TEST_CASE("Dictionary: one that is none, is damaged or too large is refused", "[feed]") {
  feed::Dictionaries held;
  auto code = [&](const Bytes& bytes) {
    auto added = held.add(bytes);
    return added.ok() ? ErrorCode{} : added.error().code;
  };
  CHECK(code({}) == ErrorCode::input_refused);
  CHECK(code(Bytes(1000, 'a')) == ErrorCode::input_refused);  // zstd would take it for content without tables
  Bytes large = small_dictionary();
  large.resize(feed::kDictionarySizeMax + 1, 'a');
  CHECK(code(large) == ErrorCode::limit_exceeded);
  large.pop_back();
  CHECK(held.add(large).ok());
  const Bytes good = small_dictionary();
  for (size_t size = 0; size < 100; ++size)
    CHECK(code({good.begin(), good.begin() + size}) == ErrorCode::input_refused);
}

TEST_CASE("Dictionary: of a changed one, and of changed bodies, nothing above the limit is ever read", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(33);
  const Bytes good = small_dictionary();
  size_t read = 0;
  for (int i = 0; i < 400; ++i) {
    Bytes changed = good;
    for (uint64_t flips = 1 + pick() % 3; flips > 0; --flips)
      changed[4 + pick() % (changed.size() - 4)] ^= static_cast<uint8_t>(1 << pick() % 8);
    feed::Dictionaries held;
    auto taken = held.add(changed);
    if (!taken.ok()) continue;
    Bytes body = *feed::encode_body(payload_of(pick, random), *taken);
    for (int j = 0; j < 20; ++j) {
      Bytes hostile = body;
      hostile[pick() % hostile.size()] ^= static_cast<uint8_t>(1 << pick() % 8);
      auto decoded = feed::decode_body(hostile, &held);
      if (decoded.ok()) REQUIRE(decoded->size() <= feed::kPayloadSizeMax);
      read += decoded.ok();
    }
  }
  CHECK(read > 0);
}

TEST_CASE("Dictionary: an entry sealed with it opens with it, and without it is kept for later", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(34);
  feed::Dictionaries held;
  auto* dictionary = *held.add(small_dictionary());
  auto key = crypto::Key32::random(random);
  feed::EntryHeader header;
  header.seq = 2;
  Bytes payload = payload_of(pick, random);
  while (payload.size() < 200) payload = payload_of(pick, random);
  auto entry = *feed::seal_entry(key, header, payload, dictionary);
  CHECK(*feed::open_entry(key, header, entry, &held) == payload);
  CHECK(feed::open_entry(key, header, entry).error().code == ErrorCode::newer_version);
}

}  // namespace
}  // namespace lysoen::test
