// Blocks of 256 entries: RFC 6962 root, range proofs, the author's signature. docs/formats/feed.md, "Blocks".
//
// The signature at seq s covers the root over the entry hashes of s's block up to s. A store keeps, for each block, the
// hashes that it holds and the newest signature; with that it proves any run of entries in at most 8 + 8 hashes.
//
// Range proof of a run inside a tree (RFC 6962, 2.1: a tree of n > 1 leaves splits at the largest power of two below
// n): walk the tree from the root, left child first; a node without a leaf of the run gives its hash and is not
// entered; a node with nothing but leaves of the run gives nothing. Hashes before the run are `left`, those behind it
// `right`.
#pragma once
#include <span>

#include "core/crypto/hash.h"
#include "core/crypto/sign.h"
#include "core/feed/entry.h"

namespace lysoen::feed {

struct RunProof {
  std::vector<Hash> left, right;
  bool operator==(const RunProof&) const = default;
};

/// The root over the block up to `size` leaves that this run (entry hashes, the first of them leaf `first` of the
/// block, 0-based) and proof imply; nothing if the shape does not fit or is out of bounds.
std::optional<Hash> root_from_run(std::span<const Hash> run, uint64_t first, uint64_t size, const RunProof& proof);

/// The proof of part of a proved run: leaves [part_first, part_first + part_count) of the block.
/// Requires: the part is not empty and lies in the run; root_from_run(run, first, size, proof) has a value.
RunProof narrow_proof(std::span<const Hash> run, uint64_t first, uint64_t size, const RunProof& proof,
                      uint64_t part_first, uint64_t part_count);

/// What a store keeps of one block of one feed. Invariants: hashes.size() <= 256; if signed_seq is not 0 then
/// last_seq() <= signed_seq <= block_last, and hashes with `beyond` as right proof give the root that was signed.
struct BlockState {
  uint64_t first_seq = 1;    // of the block
  Hash before;               // entry hash before the block (feed id for the first); none: not known, nothing held
  std::vector<Hash> hashes;  // entry hashes from first_seq on, without a gap
  uint64_t signed_seq = 0;   // of the newest signature; 0: none yet
  Hash signed_head;          // entry hash at signed_seq
  Signature signature{};
  std::vector<Hash> beyond;  // right half of the proof of `hashes` in the tree up to signed_seq

  uint64_t last_seq() const { return first_seq + hashes.size() - 1; }  // first_seq - 1 if nothing is held
  Hash last_hash() const { return hashes.empty() ? before : hashes.back(); }
  bool full() const { return hashes.size() == kBlockSize; }
  /// Requires first_seq <= seq <= last_seq().
  const Hash& hash_at(uint64_t seq) const;
  bool operator==(const BlockState&) const = default;
};

/// The first block of a feed, nothing held.
BlockState first_block(const FeedId& feed);
/// The block after a full one. Requires full().
BlockState next_block(const BlockState& block);

// -- The author's side ----------------------------------------------------------------------------------------------
/// Appends an own entry and answers its hash. sign_block must follow before the block is stored. Requires: not full,
Hash append_own(BlockState& block, const FeedId& feed, const SealedEntry& entry);
/// Signs at last_seq(). Requires at least one hash, and that key is the feed's device.
void sign_block(BlockState& block, const FeedId& feed, const crypto::SigningKey& key);

// -- The signature --------------------------------------------------------------------------------------------------
inline constexpr std::string_view kEntriesLabel = "lysoen/1 entries";
/// feed ‖ block first u64 ‖ seq u64 ‖ root ‖ head.
Bytes signed_message(const FeedId& feed, uint64_t seq, const Hash& root, const Hash& head);
[[nodiscard]] bool verify_block(const FeedKey& feed, uint64_t seq, const Hash& root, const Hash& head,
                                const Signature& signature);

}  // namespace lysoen::feed
