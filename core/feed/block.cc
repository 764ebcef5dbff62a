#include "core/feed/block.h"

#include <bit>

#include "core/base/check.h"

namespace lysoen::feed {

namespace {

/// The leaves under one node of an RFC 6962 tree: [start, start + size).
struct Node {
  uint64_t start, size;
  uint64_t end() const { return start + size; }
  Node left() const { return {start, std::bit_floor(size - 1)}; }
  Node right() const { return {start + left().size, size - left().size}; }
};

/// Walks a tree left to right; what lies outside the run is taken from the proof, in order, each hash once.
class Walk {
 public:
  Walk(std::span<const Hash> run, uint64_t first, const RunProof& proof) : run_(run), first_(first), proof_(proof) {}

  Hash value(Node node) {
    if (node.end() <= first_) return take(proof_.left, left_taken_);
    if (node.start >= first_ + run_.size()) return take(proof_.right, right_taken_);
    if (node.size == 1) return crypto::merkle_leaf(run_[node.start - first_].view());
    Hash left = value(node.left());  // in this order: both take from the proof
    Hash right = value(node.right());
    return crypto::merkle_node(left, right);
  }

  /// Adds to `out` what proves the leaves [from, to), which lie in the run.
  void prove(Node node, uint64_t from, uint64_t to, RunProof& out) {
    if (node.end() <= from) return out.left.push_back(value(node));
    if (node.start >= to) return out.right.push_back(value(node));
    if (from <= node.start && node.end() <= to) return;
    prove(node.left(), from, to, out);
    prove(node.right(), from, to, out);
  }

  /// Every hash of the proof was taken, and no other was missing.
  bool exact() const { return !missing_ && left_taken_ == proof_.left.size() && right_taken_ == proof_.right.size(); }

 private:
  Hash take(const std::vector<Hash>& from, size_t& taken) {
    if (taken < from.size()) return from[taken++];
    missing_ = true;
    return {};
  }

  std::span<const Hash> run_;
  uint64_t first_;
  const RunProof& proof_;
  size_t left_taken_ = 0, right_taken_ = 0;
  bool missing_ = false;
};

}  // namespace

std::optional<Hash> root_from_run(std::span<const Hash> run, uint64_t first, uint64_t size, const RunProof& proof) {
  if (size > kBlockSize || run.empty() || first >= size || run.size() > size - first) return std::nullopt;
  Walk walk(run, first, proof);
  Hash root = walk.value({0, size});
  if (!walk.exact()) return std::nullopt;
  return root;
}

RunProof narrow_proof(std::span<const Hash> run, uint64_t first, uint64_t size, const RunProof& proof,
                      uint64_t part_first, uint64_t part_count) {
  LYSOEN_CHECK(part_count > 0 && part_first >= first && part_first + part_count <= first + run.size());
  LYSOEN_CHECK(size <= kBlockSize && first + run.size() <= size);
  RunProof out;
  Walk walk(run, first, proof);
  walk.prove({0, size}, part_first, part_first + part_count, out);
  LYSOEN_CHECK(walk.exact());
  return out;
}

const Hash& BlockState::hash_at(uint64_t seq) const {
  LYSOEN_CHECK(seq >= first_seq && seq - first_seq < hashes.size());
  return hashes[seq - first_seq];
}

BlockState first_block(const FeedId& feed) {
  BlockState block;
  block.before = hash_before_first(feed);
  return block;
}

BlockState next_block(const BlockState& block) {
  LYSOEN_CHECK(block.full());
  BlockState next;
  next.first_seq = block.first_seq + kBlockSize;
  next.before = block.last_hash();
  return next;
}

Hash append_own(BlockState& block, const FeedId& feed, const SealedEntry& entry) {
  LYSOEN_CHECK(!block.full() && block.beyond.empty() && !block.before.is_none());
  Hash hash = entry_hash(feed, block.last_seq() + 1, block.last_hash(), entry);
  block.hashes.push_back(hash);
  return hash;
}

void sign_block(BlockState& block, const FeedId& feed, const crypto::SigningKey& key) {
  LYSOEN_CHECK(block.beyond.empty());
  auto root = root_from_run(block.hashes, 0, block.hashes.size(), {});
  LYSOEN_CHECK(root.has_value());
  block.signed_seq = block.last_seq();
  block.signed_head = block.last_hash();
  block.signature = key.sign(kEntriesLabel, signed_message(feed, block.signed_seq, *root, block.signed_head));
}

Bytes signed_message(const FeedId& feed, uint64_t seq, const Hash& root, const Hash& head) {
  Writer message;
  message.id(feed).u64(block_first(seq)).u64(seq).id(root).id(head);
  return std::move(message).bytes();
}

bool verify_block(const FeedKey& feed, uint64_t seq, const Hash& root, const Hash& head, const Signature& signature) {
  return crypto::verify(feed.device.bytes, kEntriesLabel, signed_message(feed_id(feed), seq, root, head), signature);
}

}  // namespace lysoen::feed
