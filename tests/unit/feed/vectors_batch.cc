#include "tests/unit/feed/vectors.h"

#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

class BatchVectors : public VectorMaker {
 public:
  void make() {
    batches();
    stubs();
    layouts();
  }

 private:
  // -- Batches ------------------------------------------------------------------------------------------------------
  void batch(const std::string& name, const std::string& expect, const std::string& about, const Batch& value) {
    Lines lines{{"batch", hex(feed::encode_batch(value))}};
    if (expect == "ok") lines.emplace_back("head", hex(feed::hashes_of(value).back()));
    add("batch_" + name, expect, about, lines);
  }
  template <class Change>
  void changed_batch(const std::string& name, const std::string& expect, const std::string& about, Batch value,
                     Change change) {
    change(value);
    batch(name, expect, about, value);
  }

  void batches() {
    SeededRandom random(20260101);
    Author author(random);
    author.save(300);
    Author other(random);
    auto good = author.batch(259, 262);
    batch("good", "ok", "four entries in the middle of the second block", good);
    batch("first_entries", "ok", "the first entries of a feed, signed by a later entry of the block",
          author.batch(1, 3));
    batch("last_of_block", "ok", "the end of a full block", author.batch(255, 256));
    batch("first_of_block", "ok", "prev ties the second block to the first", author.batch(257, 257));
    changed_batch("wrong_prev", "signature", "prev is that of another entry", good,
                  [&](Batch& value) { value.prev = author.hash(3); });
    changed_batch("wrong_block_root", "signature", "one hash of the range proof differs", good,
                  [](Batch& value) { value.right[0].bytes[7] ^= 1; });
    changed_batch("swapped_entries", "signature", "two entries changed places", good,
                  [](Batch& value) { std::swap(value.entries[1], value.entries[2]); });
    changed_batch("entry_left_out", "shape", "the second of four entries is missing", good,
                  [](Batch& value) { value.entries.erase(value.entries.begin() + 1); });
    changed_batch("ciphertext_changed", "signature", "one bit of a ciphertext differs", good, [](Batch& value) {
      value.entries[0].ciphertext[0] ^= 1;
      value.entries[0] = feed::whole_entry(EntryKind::sealed, value.entries[0].ciphertext);
    });
    changed_batch("kind_changed", "signature", "an entry says that it is a stream entry", good,
                  [](Batch& value) { value.entries[3].kind = EntryKind::stream; });
    changed_batch("signature_bit_flipped", "signature", "one bit of the signature differs", good,
                  [](Batch& value) { value.signature[40] ^= 1; });
    changed_batch("of_another_device", "signature", "the feed's device is another than the signer", good,
                  [&](Batch& value) { value.feed.device = other.feed().device; });
    changed_batch("of_another_incarnation", "signature", "the incarnation is another", good,
                  [](Batch& value) { ++value.feed.incarnation; });
    changed_batch("moved_in_the_feed", "shape", "the run claims to begin one place later", author.batch(259, 260),
                  [](Batch& value) { ++value.first_seq; });
    changed_batch("begins_without_feed_id", "chain", "prev of entry 1 is not the feed id", author.batch(1, 2),
                  [](Batch& value) { value.prev.bytes[0] ^= 1; });
    changed_batch("head_not_last_entry", "chain", "the signed head is not the entry at the signed seq",
                  author.batch(299, 300), [](Batch& value) { value.signed_head.bytes[0] ^= 1; });
    changed_batch("proof_hash_missing", "shape", "a hash of the range proof is missing", good,
                  [](Batch& value) { value.left.pop_back(); });
    changed_batch("proof_hash_too_many", "shape", "the range proof has a hash that is not used", good,
                  [](Batch& value) { value.right.push_back(value.right[0]); });
    Author wide(random);
    wide.save(255);
    batch("widest_proof", "ok", "leaf 1 of 255: eight hashes on the right", wide.batch(1, 1));
  }

  void stubs() {
    SeededRandom random(20260102);
    Author author(random);
    author.save(5);
    auto with_stub = [&](StubReason reason, Bytes warrant) {
      auto value = author.batch(2, 4);
      value.entries[1] = feed::stub_of(value.entries[1], reason, std::move(warrant));
      return value;
    };
    batch("stub", "ok", "a gap between two whole entries", with_stub(StubReason::gap, {}));
    batch("stub_of_reserved_kind", "ok", "a purged entry: its warrant is not read",
          with_stub(StubReason::purged, Bytes{1}));
    changed_batch("stub_wrong_hash", "signature", "the stub's hash is not that of the ciphertext",
                  with_stub(StubReason::gap, {}), [](Batch& value) { value.entries[1].ciphertext_hash.bytes[0] ^= 1; });
    changed_batch("stub_wrong_length", "signature", "the stub's length is not that of the ciphertext",
                  with_stub(StubReason::gap, {}), [](Batch& value) { ++value.entries[1].length; });
    batch("stub_refused_without_warrant", "form", "a refused entry comes without the relay's refusal",
          with_stub_raw(author, StubReason::refused, {}));
    batch("stub_gap_with_warrant", "form", "a gap has no warrant", with_stub_raw(author, StubReason::gap, Bytes{1}));
    batch("stub_warrant_too_large", "form", "a warrant of 1,025 bytes", with_stub(StubReason::refused, Bytes(1025, 7)));
    batch("proof_of_one_entry", "ok", "one stub, its hashed fields and a proof",
          feed::prove_entry(author.feed(), author.block_of(3), 3, author.entry(3)));
  }
  static Batch with_stub_raw(const Author& author, StubReason reason, Bytes warrant) {
    auto value = author.batch(2, 4);
    value.entries[1].ciphertext.clear();
    value.entries[1].reason = reason;
    value.entries[1].warrant = std::move(warrant);
    return value;
  }

  void layouts() {
    SeededRandom random(20260103);
    Author author(random);
    author.save(256);
    author.save(2);
    auto raw = [&](const std::string& name, const std::string& expect, const std::string& about, const Bytes& bytes) {
      add("batch_" + name, expect, about, {{"batch", hex(bytes)}});
    };
    Bytes good = feed::encode_batch(author.batch(257, 258));
    auto changed = [&](size_t at, uint8_t value) {
      Bytes bytes = good;
      bytes[at] = value;
      return bytes;
    };
    Bytes longer = good, shorter = good;
    longer.push_back(0);
    shorter.pop_back();
    raw("bytes_left_over", "form", "a byte behind the last field", longer);
    raw("cut", "form", "the last byte is missing", shorter);
    raw("of_a_later_version", "version", "version 1", changed(0, 1));
    raw("of_another_suite", "version", "suite 2", changed(1, 2));
    raw("unknown_kind", "form", "an entry of kind 3", changed(112, 3));
    raw("unknown_reason", "form", "an entry with reason 6", changed(113, 6));
    raw("no_entries", "form", "count is 0", changed(111, 0));
    auto crossing = author.batch(257, 258);
    crossing.first_seq = 256;
    batch("across_two_blocks", "form", "a run may not cross the end of a block", crossing);
    auto early = author.batch(257, 258);
    early.signed_seq = 257;
    batch("signed_before_its_end", "form", "the signature is over an earlier entry than the last", early);
    auto late = author.batch(257, 258);
    late.signed_seq = 513;
    batch("signed_in_another_block", "form", "the signature is over an entry of the next block", late);
    auto many = author.batch(257, 258);
    many.left.resize(9);
    batch("nine_hashes", "form", "nine hashes on one side of the proof", many);
  }
};

}  // namespace

std::vector<FeedVector> make_batch_vectors() {
  BatchVectors maker;
  maker.make();
  return maker.take();
}

}  // namespace lysoen::test
