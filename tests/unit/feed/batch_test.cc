#include "core/feed/batch.h"

#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

using feed::verify_batch;

TEST_CASE("Feed: the ids and the entry hash are the labelled hashes that the document gives", "[feed]") {
  SeededRandom random(1);
  auto team = random_id<TeamId>(random);
  auto reader = random_id<DeviceId>(random);
  CHECK(feed::audience_id(team, feed::AudienceKind::team) != feed::audience_id(team, feed::AudienceKind::all));
  CHECK(feed::inbox_of(team, reader) == feed::audience_id(team, feed::AudienceKind::inbox, Hash{reader.bytes}));
  Author author(random);
  author.save(2);
  auto stub = feed::stub_of(author.entry(2), StubReason::gap, {});
  CHECK(feed::entry_hash(author.id(), 2, author.hash(1), stub) == author.hash(2));
  CHECK(feed::entry_hash(author.id(), 1, feed::hash_before_first(author.id()), author.entry(1)) == author.hash(1));
}

TEST_CASE("Feed: a run of any place and size under any later signature of its block verifies in 8 and 8 hashes",
          "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(1);
  Author author(random);
  while (author.size() < 600) author.save(1 + pick() % 40);
  size_t hashes_most = 0;
  for (int i = 0; i < 400; ++i) {
    uint64_t first = 1 + pick() % author.size();
    uint64_t last = std::min({feed::block_last(first), author.size(), first + pick() % 60});
    auto signature = author.signatures().lower_bound(last);
    if (pick() % 2 && std::next(signature) != author.signatures().end() &&
        std::next(signature)->first <= feed::block_last(first))
      ++signature;
    auto batch = author.batch(first, last, signature->first);
    CAPTURE(first, last, signature->first);
    auto verified = verify_batch(batch);
    REQUIRE(verified.ok());
    CHECK(verified->back() == author.hash(last));
    CHECK(batch.left.size() <= feed::kProofSideMax);
    CHECK(batch.right.size() <= feed::kProofSideMax);
    hashes_most = std::max(hashes_most, batch.left.size() + batch.right.size());

    auto index = pick() % batch.entries.size();
    auto proof = feed::prove_entry(batch, *verified, index);
    CHECK(proof.left.size() + proof.right.size() <= 8);
    CHECK(proof == feed::prove_entry(author.feed(), author.signatures().at(signature->first), first + index,
                                     author.entry(first + index)));
    auto proved = feed::verify_proof(proof);
    REQUIRE(proved.ok());
    CHECK(*proved == author.hash(first + index));
  }
  CHECK(hashes_most > 8);  // the sample met the wide case
}

TEST_CASE("Feed: the longest right side of a proof, leaf 1 of 255, has 8 hashes", "[feed]") {
  SeededRandom random(2);
  Author author(random);
  author.save(255);
  auto batch = author.batch(1, 1);
  CHECK(batch.right.size() == 8);
  CHECK(verify_batch(batch).ok());
}

TEST_CASE("Feed: a batch with any bit flipped or cut at any byte is not accepted", "[feed]") {
  SeededRandom random(3);
  Author author(random);
  author.save(7);
  auto batch = author.batch(3, 5);
  batch.entries[1] = feed::stub_of(batch.entries[1], StubReason::gap, {});
  REQUIRE(verify_batch(batch).ok());
  Bytes bytes = feed::encode_batch(batch);
  auto decoded = feed::decode_batch(bytes);
  REQUIRE(decoded.ok());
  CHECK(*decoded == batch);

  auto accepted = [](ByteView mutated) {
    auto read = feed::decode_batch(mutated);
    return read.ok() && verify_batch(*read).ok();
  };
  size_t taken = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    taken += accepted(bytes);
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t size = 0; size < bytes.size(); ++size) taken += feed::decode_batch(ByteView(bytes).first(size)).ok();
  CHECK(taken == 0);
  bytes.push_back(0);
  CHECK_FALSE(feed::decode_batch(bytes).ok());
}

TEST_CASE("Feed: every field of a batch is covered, and the message names what does not fit", "[feed]") {
  SeededRandom random(4);
  Author author(random);
  author.save(300);
  auto message_of = [&](auto change) {
    auto batch = author.batch(260, 264);
    change(batch);
    auto verified = verify_batch(batch);
    return verified.ok() ? std::string("accepted") : verified.error().message;
  };
  const std::string by_author = "cannot take batch: the signature of its author does not fit";
  CHECK(message_of([](Batch&) {}) == "accepted");
  CHECK(message_of([](Batch& batch) { batch.prev.bytes[0] ^= 1; }) == by_author);
  CHECK(message_of([](Batch& batch) { std::swap(batch.entries[0], batch.entries[1]); }) == by_author);
  CHECK(message_of([](Batch& batch) { std::swap(batch.left[0], batch.right[0]); }) == by_author);
  CHECK(message_of([](Batch& batch) { ++batch.feed.incarnation; }) == by_author);
  CHECK(message_of([](Batch& batch) { batch.entries[2].kind = EntryKind::stream; }) == by_author);
  CHECK(message_of([](Batch& batch) { ++batch.signed_seq; }) == by_author);
  CHECK(message_of([](Batch& batch) { batch.signed_seq = 512; }).find("shape") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.left.pop_back(); }).find("shape") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.right.push_back({}); }).find("shape") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.first_seq = 254; }).find("one block") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.signed_seq = 263; }).find("its signature is not over") !=
        std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.signed_seq = 513; }).find("its signature is not over") !=
        std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.entries.clear(); }).find("no entries") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.first_seq = 0; }).find("out of range") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.first_seq = UINT64_MAX - 2; }).find("out of range") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.left.resize(9); }).find("more hashes") != std::string::npos);
  CHECK(message_of([](Batch& batch) { ++batch.entries[0].length; }).find("its length") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.entries[0].ciphertext[0] ^= 1; }).find("its hash") != std::string::npos);
  CHECK(message_of([](Batch& batch) { batch.entries[0].warrant = {1}; }).find("whole and has a warrant") !=
        std::string::npos);
}

TEST_CASE("Feed: what is larger than a documented limit is refused as such", "[feed]") {
  SeededRandom random(5);
  Author author(random);
  for (int i = 0; i < 5; ++i)
    author.write(feed::whole_entry(EntryKind::sealed, random_bytes(random, feed::kEntrySizeMax)));
  author.sign();
  CHECK(verify_batch(author.batch(1, 4)).ok());
  CHECK(feed::decode_batch(feed::encode_batch(author.batch(1, 4))).ok());
  CHECK(verify_batch(author.batch(1, 5)).error().code == ErrorCode::limit_exceeded);
  CHECK(feed::decode_batch(feed::encode_batch(author.batch(1, 5))).error().code == ErrorCode::limit_exceeded);
  auto large = feed::whole_entry(EntryKind::sealed, random_bytes(random, feed::kEntrySizeMax + 1));
  CHECK(feed::check_entry(large).error().code == ErrorCode::limit_exceeded);
  auto stub = feed::stub_of(author.entry(1), StubReason::refused, Bytes(feed::kWarrantSizeMax + 1));
  CHECK(feed::check_entry(stub).error().code == ErrorCode::limit_exceeded);
}

TEST_CASE("Feed: a batch of a later version is not called damaged", "[feed]") {
  SeededRandom random(6);
  Author author(random);
  author.save(1);
  Bytes bytes = feed::encode_batch(author.batch(1, 1));
  bytes[0] = 1;
  auto decoded = feed::decode_batch(bytes);
  CHECK(decoded.error().code == ErrorCode::newer_version);
  CHECK(decoded.error().message == "cannot read batch: made by a newer version (1, this one reads up to 0)");
}

TEST_CASE("Feed: random bytes never decode to a batch that verifies", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(2);
  for (int i = 0; i < 3000; ++i) {
    auto bytes = random_bytes(random, pick() % 600);
    if (bytes.size() > 2) bytes[0] = 0, bytes[1] = 1;
    auto batch = feed::decode_batch(bytes);
    if (batch.ok()) CHECK_FALSE(verify_batch(*batch).ok());
  }
}

}  // namespace
}  // namespace lysoen::test
