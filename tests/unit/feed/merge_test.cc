#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

/// A batch with some entries turned into stubs, as a peer may send that does not hold them.
Batch with_stubs(Batch batch, std::mt19937_64& pick) {
  for (auto& entry : batch.entries) {
    if (pick() % 4) continue;
    entry = pick() % 2 ? feed::stub_of(entry, StubReason::gap, {})
                       : feed::stub_of(entry, StubReason::refused, Bytes{1, 2, 3});
  }
  return batch;
}

Batch random_batch(const Author& author, std::mt19937_64& pick) {
  uint64_t first = 1 + pick() % author.size();
  uint64_t last = std::min({feed::block_last(first), author.size(), first + pick() % 50});
  std::vector<uint64_t> signatures;
  for (const auto& [seq, block] : author.signatures())
    if (seq >= last && seq <= feed::block_last(first)) signatures.push_back(seq);
  return author.batch(first, last, signatures[pick() % signatures.size()]);
}

TEST_CASE("Feed: batches of any cut, in any order, resent and overlapping, end in the same feed", "[feed]") {
  for (uint64_t round = 0; round < 12; ++round) {
    SeededRandom random(seed() + round);
    auto pick = generator(100 + round);
    Author author(random);
    while (author.size() < 20 + pick() % 700) author.save(1 + pick() % 60);
    Holder holder(author.feed());
    CAPTURE(round, author.size());
    size_t gaps = 0, stored = 0, known = 0;
    auto deliver = [&](const Batch& batch) {
      auto outcome = holder.append(batch);
      INFO(holder.reason());
      REQUIRE(outcome != AppendOutcome::refused);
      REQUIRE(outcome != AppendOutcome::forked);
      gaps += outcome == AppendOutcome::gap_before;
      stored += outcome == AppendOutcome::stored;
      known += outcome == AppendOutcome::known;
    };
    for (int i = 0; i < 300; ++i) deliver(with_stubs(random_batch(author, pick), pick));
    while (holder.size() < author.size()) {
      uint64_t first = holder.size() + 1;
      deliver(author.batch(first, std::min({author.size(), feed::block_last(first), first + pick() % 30})));
    }
    for (uint64_t seq = 1; seq <= author.size(); ++seq) deliver(author.batch(seq, seq));
    REQUIRE(holder.size() == author.size());
    for (uint64_t seq = 1; seq <= author.size(); ++seq) REQUIRE(holder.entries()[seq - 1] == author.entry(seq));
    CHECK(stored > 0);
    CHECK(known > 0);

    // What is held proves itself to the next one.
    for (int i = 0; i < 40; ++i) {
      uint64_t first = 1 + pick() % holder.size();
      uint64_t last = std::min({feed::block_last(first), holder.size(), first + pick() % 50});
      REQUIRE(feed::verify_batch(holder.read(first, last)).ok());
    }
  }
}

TEST_CASE("Feed: what is held can be passed on at every moment", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(3);
  Author author(random);
  while (author.size() < 400) author.save(1 + pick() % 40);
  Holder holder(author.feed());
  while (holder.size() < author.size()) {
    auto batch = random_batch(author, pick);
    if (batch.first_seq > holder.size() + 1) continue;
    holder.append(batch);
    uint64_t first = 1 + pick() % holder.size();
    uint64_t last = std::min({feed::block_last(first), holder.size(), first + pick() % 50});
    REQUIRE(feed::verify_batch(holder.read(first, last)).ok());
  }
}

TEST_CASE("Feed: a resend with one more entry is no fork", "[feed]") {
  SeededRandom random(7);
  Author author(random);
  author.save(3);
  Holder holder(author.feed());
  CHECK(holder.append(author.batch(1, 3)) == AppendOutcome::stored);
  author.save(1);
  CHECK(holder.append(author.batch(1, 4)) == AppendOutcome::stored);
  CHECK(holder.append(author.batch(2, 4)) == AppendOutcome::known);
  CHECK(holder.append(author.batch(1, 3, 3)) == AppendOutcome::known);
  CHECK(holder.size() == 4);
  CHECK(holder.forks().empty());
}

TEST_CASE("Feed: entries after a hole are not stored, and the verdict is that a gap lies before", "[feed]") {
  SeededRandom random(8);
  Author author(random);
  author.save(600);
  Holder holder(author.feed());
  CHECK(holder.append(author.batch(2, 3)) == AppendOutcome::gap_before);
  CHECK(holder.append(author.batch(300, 301)) == AppendOutcome::gap_before);
  CHECK(holder.append(author.batch(257, 260)) == AppendOutcome::gap_before);
  CHECK(holder.append(author.batch(1, 256)) == AppendOutcome::stored);
  CHECK(holder.append(author.batch(513, 513)) == AppendOutcome::gap_before);
  CHECK(holder.append(author.batch(257, 260)) == AppendOutcome::stored);
  CHECK(holder.size() == 260);
}

TEST_CASE("Feed: a changed entry is a fork, with two proofs that stand by themselves", "[feed]") {
  for (uint64_t common : {1u, 9u, 255u, 256u, 300u}) {
    SeededRandom random(seed() + common);
    Author first(random);
    first.save(common);
    Author second = first.clone();
    first.save(30);
    second.save(20);
    // The offered run may begin before, at or after the place where the histories part.
    for (uint64_t from : {common, common + 1, common + 2, common + 5}) {
      uint64_t to = std::min(feed::block_last(from), from + 9);
      CAPTURE(common, from, to);
      Holder holder(first.feed());
      for (uint64_t at = 1; at <= first.size(); at = feed::block_last(at) + 1)
        REQUIRE(holder.append(first.batch(at, std::min(first.size(), feed::block_last(at)))) == AppendOutcome::stored);
      auto before = holder.entries();
      auto outcome = holder.append(second.batch(from, to));
      if (to == common) continue;  // nothing but the common history
      REQUIRE(outcome == AppendOutcome::forked);
      CHECK(holder.reason().find("another entry is held at sequence number ") == 0);
      CHECK(holder.entries() == before);
      REQUIRE(holder.forks().size() == 1);
      const auto& fork = holder.forks()[0];
      auto pair = feed::verify_fork(fork);
      REQUIRE(pair.ok());
      CHECK(pair->first == first.hash(fork.seq));
      CHECK(pair->second == second.hash(fork.seq));
      auto decoded = feed::decode_fork(feed::encode_fork(fork));
      REQUIRE(decoded.ok());
      CHECK(*decoded == fork);
    }
  }
}

TEST_CASE("Feed: nobody can be accused of a fork with a changed proof or one entry twice", "[feed]") {
  SeededRandom random(9);
  Author first(random);
  first.save(5);
  Author second = first.clone();
  first.save(3), second.save(4);
  auto proof = [](const Author& author, uint64_t seq) {
    return feed::prove_entry(author.feed(), author.block_of(seq), seq, author.entry(seq));
  };
  feed::Fork fork{6, proof(first, 6), proof(second, 6)};
  REQUIRE(feed::verify_fork(fork).ok());
  CHECK(feed::verify_fork({6, proof(first, 6), proof(first, 6)}).error().code == ErrorCode::input_refused);
  CHECK(feed::verify_fork({5, proof(first, 5), proof(second, 5)}).error().code == ErrorCode::input_refused);
  CHECK(feed::verify_fork({6, proof(first, 6), proof(second, 8)}).error().code == ErrorCode::input_refused);
  CHECK(feed::verify_fork({6, proof(first, 7), proof(second, 7)}).ok());  // by what each says came before
  Author other(random);
  other.save(6);
  CHECK_FALSE(feed::verify_fork({6, proof(first, 6), proof(other, 6)}).ok());

  Bytes bytes = feed::encode_fork(fork);
  size_t taken = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    auto decoded = feed::decode_fork(bytes);
    taken += decoded.ok() && feed::verify_fork(*decoded).ok();
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t size = 0; size < bytes.size(); ++size) taken += feed::decode_fork(ByteView(bytes).first(size)).ok();
  CHECK(taken == 0);
}

TEST_CASE("Feed: ciphertext takes a stub's place, a warrant fills a gap, and never the other way round", "[feed]") {
  SeededRandom random(10);
  Author author(random);
  author.save(3);
  auto with = [&](SealedEntry entry) {
    auto batch = author.batch(1, 3);
    batch.entries[1] = std::move(entry);
    return batch;
  };
  const auto whole = author.entry(2);
  const auto gap = feed::stub_of(whole, StubReason::gap, {});
  const auto refused = feed::stub_of(whole, StubReason::refused, Bytes{7});
  const auto purged = feed::stub_of(whole, StubReason::purged, Bytes{8});
  Holder holder(author.feed());
  auto held = [&] { return holder.entries().at(1); };
  CHECK(holder.append(with(gap)) == AppendOutcome::stored);
  CHECK(holder.append(with(refused)) == AppendOutcome::stored);
  CHECK(held() == refused);
  CHECK(holder.append(with(gap)) == AppendOutcome::known);
  CHECK(holder.append(with(purged)) == AppendOutcome::known);
  CHECK(held() == refused);
  CHECK(holder.append(with(whole)) == AppendOutcome::stored);
  CHECK(held() == whole);
  for (const auto& stub : {gap, refused, purged}) CHECK(holder.append(with(stub)) == AppendOutcome::known);
  CHECK(held() == whole);
  CHECK(holder.forks().empty());
}

TEST_CASE("Feed: a block signed over other entries than the chain shows is refused", "[feed]") {
  SeededRandom random(11);
  Author author(random);
  author.save(4);
  auto block = author.block_of(4);
  Holder holder(author.feed());
  REQUIRE(holder.append(author.batch(1, 3)) == AppendOutcome::stored);
  // The author's own key signs a tree in which the second leaf is another: the run from 4 on still chains.
  block.hashes[1] = random_id<Hash>(random);
  feed::sign_block(block, author.id(), author.key());
  auto lie = feed::make_batch(author.feed(), block, 4, {author.entry(4)});
  REQUIRE(feed::verify_batch(lie).ok());
  CHECK(holder.append(lie) == AppendOutcome::refused);
  CHECK(holder.reason() == "its author signed a block that does not fit its own chain");
  CHECK(holder.append(author.batch(4, 4)) == AppendOutcome::stored);
}

}  // namespace
}  // namespace lysoen::test
