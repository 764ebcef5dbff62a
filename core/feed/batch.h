// Batches: making, verifying and merging runs of entries. docs/formats/feed.md, "Batches".
//
// A store's append is: verify_batch, load the BlockState of the batch's block, plan_merge, apply the plan in one
// transaction. The plan is plain data; nothing here touches a store.
#pragma once
#include "core/feed/block.h"

namespace lysoen::feed {

/// A batch of held entries with its proof. Requires: `entries` not empty, all of them held in `block`, the first at
/// first_seq; block.signed_seq >= their last.
Batch make_batch(const FeedKey& feed, const BlockState& block, uint64_t first_seq, std::vector<SealedEntry> entries);

/// Everything that a batch can prove by itself: form and limits, chain, root, signature of the feed's device. Answers
/// the entry hashes, one for each entry. Does not look at warrants (warrant.h).
/// Errors: input_refused and limit_exceeded (form), trust_refused (chain, proof or signature).
Result<std::vector<Hash>> verify_batch(const Batch& batch);

/// The entry hashes alone, without any check. For batches that were verified before or by somebody else.
std::vector<Hash> hashes_of(const Batch& batch);

// -- Merging --------------------------------------------------------------------------------------------------------
struct MergePlan {
  AppendOutcome outcome = AppendOutcome::known;
  std::string reason;               // for refused and forked
  size_t new_from = 0;              // entries[new_from ..] are to be appended; entries.size(): none
  std::vector<size_t> replace;      // indices: each takes the place of the stub held at its seq
  std::optional<BlockState> after;  // if stored: the block as it is then (hashes, signature, beyond)
  uint64_t fork_seq = 0;            // if forked: the first seq seen at which held and offered differ
};

/// What a verified batch changes. `held` is the store's state of the batch's block, block_first(batch.first_seq); of a
/// block that is not begun it is next_block of the full one before, first_block, or, if the store's head is further
/// back, just BlockState{.first_seq = ...}: that gives gap_before. `held_stubs`: places in the block where a stub is
/// held; `held_gaps`: those of them without a warrant.
///
/// stored: there are new entries, stubs to be replaced, or a newer signature. A ciphertext replaces a stub, a stub with
/// a warrant replaces a gap; nothing ever replaces a ciphertext. forked: see fork.h; nothing is to be stored in the
/// feed. refused: the author signed a block that does not fit what is held of it although the chain does.
MergePlan plan_merge(const BlockState& held, const SeqRanges& held_stubs, const SeqRanges& held_gaps,
                     const Batch& batch, std::span<const Hash> hashes);

// -- Proof of one entry ---------------------------------------------------------------------------------------------
// An entry proof is a batch of one gap stub: the hashed fields, at most 8 hashes, one signature. It is verified, and
// encoded, as a batch. It shows the entry's hash and, in `prev`, that of the entry before.

/// Requires: block holds seq and its signature covers it; `entry` (whole or stub) is the one at seq.
Batch prove_entry(const FeedKey& feed, const BlockState& block, uint64_t seq, const SealedEntry& entry);
/// The proof of entries[index] from a verified batch and its hashes.
Batch prove_entry(const Batch& batch, std::span<const Hash> hashes, size_t index);
/// The entry's hash. Errors: as verify_batch; input_refused if it is not a proof of one entry.
Result<Hash> verify_proof(const Batch& proof);

// -- Fixed layout ---------------------------------------------------------------------------------------------------
/// For stores, bundles, disclosures and vectors; the wire has its own (sync/wire).
Bytes encode_batch(const Batch& batch);
/// Exactly what encode_batch makes, within kBatchSizeMax; ciphertext hashes are computed. Proves nothing.
/// Errors: input_refused, limit_exceeded, newer_version.
Result<Batch> decode_batch(ByteView bytes);

}  // namespace lysoen::feed
