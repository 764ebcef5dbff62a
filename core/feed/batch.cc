#include "core/feed/batch.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"

namespace lysoen::feed {

namespace {

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot take batch: " + std::move(why));
}
Error not_proved(std::string why) {
  return make_error(ErrorCode::trust_refused, "cannot take batch: " + std::move(why));
}

/// Everything about a batch that can be seen without hashing more than the ciphertexts.
Result<void> check_form(const Batch& batch) {
  if (batch.entries.empty()) return refused("it has no entries");
  if (batch.entries.size() > kBatchEntriesMax)
    return make_error(ErrorCode::limit_exceeded, "cannot take batch: it has more than 256 entries");
  if (batch.first_seq == 0 || batch.first_seq > kSeqMax) return refused("its first sequence number is out of range");
  uint64_t block_end = block_last(batch.first_seq);
  if (batch.last_seq() > block_end) return refused("it does not lie in one block");
  if (batch.signed_seq < batch.last_seq() || batch.signed_seq > block_end)
    return refused("its signature is not over its last entry or a later one of the block");
  if (batch.left.size() > kProofSideMax || batch.right.size() > kProofSideMax)
    return refused("its proof has more hashes than a block allows");
  size_t total = 0;
  for (const auto& entry : batch.entries) {
    LYSOEN_TRY(check_entry(entry));
    total += entry.ciphertext.size() + entry.warrant.size();
  }
  if (total > kFrameSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot take batch: it is larger than a frame of 256 KiB");
  return {};
}

std::optional<Hash> root_of(const Batch& batch, std::span<const Hash> hashes) {
  uint64_t block_start = block_first(batch.first_seq);
  return root_from_run(hashes, batch.first_seq - block_start, batch.signed_seq - block_start + 1,
                       {batch.left, batch.right});
}

}  // namespace

std::vector<Hash> hashes_of(const Batch& batch) {
  FeedId feed = feed_id(batch.feed);
  std::vector<Hash> hashes;
  hashes.reserve(batch.entries.size());
  Hash prev = batch.prev;
  for (const auto& entry : batch.entries) {
    prev = entry_hash(feed, batch.first_seq + hashes.size(), prev, entry);
    hashes.push_back(prev);
  }
  return hashes;
}

Batch make_batch(const FeedKey& feed, const BlockState& block, uint64_t first_seq, std::vector<SealedEntry> entries) {
  LYSOEN_CHECK(!entries.empty() && first_seq >= block.first_seq);
  uint64_t last_seq = first_seq + entries.size() - 1;
  LYSOEN_CHECK(last_seq <= block.last_seq() && last_seq <= block.signed_seq);
  auto proof = narrow_proof(block.hashes, 0, block.signed_seq - block.first_seq + 1, {{}, block.beyond},
                            first_seq - block.first_seq, entries.size());
  Batch batch;
  batch.feed = feed;
  batch.first_seq = first_seq;
  batch.prev = first_seq == block.first_seq ? block.before : block.hash_at(first_seq - 1);
  batch.entries = std::move(entries);
  batch.signed_seq = block.signed_seq;
  batch.signed_head = block.signed_head;
  batch.signature = block.signature;
  batch.left = std::move(proof.left);
  batch.right = std::move(proof.right);
  return batch;
}

Result<std::vector<Hash>> verify_batch(const Batch& batch) {
  LYSOEN_TRY(check_form(batch));
  if (batch.first_seq == 1 && batch.prev != hash_before_first(feed_id(batch.feed)))
    return not_proved("its first entry does not begin the feed");
  auto hashes = hashes_of(batch);
  if (batch.signed_seq == batch.last_seq() && batch.signed_head != hashes.back())
    return not_proved("the signed head is not its last entry");
  auto root = root_of(batch, hashes);
  if (!root) return not_proved("its proof does not have the shape that its place in the block needs");
  if (!verify_block(batch.feed, batch.signed_seq, *root, batch.signed_head, batch.signature))
    return not_proved("the signature of its author does not fit");
  return hashes;
}

// -- Merging --------------------------------------------------------------------------------------------------------

namespace {

/// The first place at which the batch differs from what is held; 0 if it does not.
uint64_t find_fork(const BlockState& held, const Batch& batch, std::span<const Hash> hashes, size_t overlap) {
  const Hash& before = batch.first_seq == held.first_seq ? held.before : held.hash_at(batch.first_seq - 1);
  if (batch.prev != before) return batch.first_seq - 1;
  for (size_t i = 0; i < overlap; ++i)
    if (hashes[i] != held.hash_at(batch.first_seq + i)) return batch.first_seq + i;
  return 0;
}

std::vector<size_t> find_replacements(const SeqRanges& held_stubs, const SeqRanges& held_gaps, const Batch& batch,
                                      size_t overlap) {
  std::vector<size_t> replace;
  for (size_t i = 0; i < overlap; ++i) {
    const auto& entry = batch.entries[i];
    bool better = !entry.is_stub() ? contains(held_stubs, batch.first_seq + i)
                                   : !entry.warrant.empty() && contains(held_gaps, batch.first_seq + i);
    if (better) replace.push_back(i);
  }
  return replace;
}

/// The block with the batch's new entries and its signature; nothing if its author signed other hashes before the run
/// than those that are held. (The run's own chain covers them, so this is no second version but a useless signature.)
std::optional<BlockState> extend(const BlockState& held, const Batch& batch, std::span<const Hash> hashes,
                                 size_t overlap) {
  BlockState after = held;
  after.hashes.insert(after.hashes.end(), hashes.begin() + static_cast<std::ptrdiff_t>(overlap), hashes.end());
  after.signed_seq = batch.signed_seq;
  after.signed_head = batch.signed_head;
  after.signature = batch.signature;
  after.beyond = batch.right;
  if (batch.first_seq == held.first_seq) return after;
  auto root = root_from_run(after.hashes, 0, after.signed_seq - after.first_seq + 1, {{}, after.beyond});
  if (!root || root != root_of(batch, hashes)) return std::nullopt;
  return after;
}

}  // namespace

MergePlan plan_merge(const BlockState& held, const SeqRanges& held_stubs, const SeqRanges& held_gaps,
                     const Batch& batch, std::span<const Hash> hashes) {
  LYSOEN_CHECK(held.first_seq == block_first(batch.first_seq) && hashes.size() == batch.entries.size());
  MergePlan plan;
  plan.new_from = batch.entries.size();
  if (held.before.is_none() || batch.first_seq > held.last_seq() + 1) {
    plan.outcome = AppendOutcome::gap_before;
    return plan;
  }
  size_t overlap = std::min<size_t>(batch.entries.size(), held.last_seq() + 1 - batch.first_seq);
  plan.fork_seq = find_fork(held, batch, hashes, overlap);
  if (LYSOEN_FAULT(resend_is_fork) && overlap > 0 && overlap < batch.entries.size()) plan.fork_seq = batch.first_seq;
  if (plan.fork_seq != 0) {
    plan.outcome = AppendOutcome::forked;
    plan.reason = "another entry is held at sequence number " + std::to_string(plan.fork_seq);
    return plan;
  }
  plan.new_from = overlap;
  if (!LYSOEN_FAULT(stub_kept)) plan.replace = find_replacements(held_stubs, held_gaps, batch, overlap);
  bool has_new = overlap < batch.entries.size();
  // Only a batch that ends where the held entries end proves them all: `right` cannot be split further.
  bool newer_signature = batch.last_seq() == held.last_seq() && batch.signed_seq > held.signed_seq;
  if (has_new || newer_signature) {
    plan.after = extend(held, batch, hashes, overlap);
    if (!plan.after && has_new) {
      plan = {};
      plan.outcome = AppendOutcome::refused;
      plan.reason = "its author signed a block that does not fit its own chain";
      plan.new_from = batch.entries.size();
      return plan;
    }
  }
  if (!plan.after && !plan.replace.empty()) plan.after = held;
  plan.outcome = plan.after ? AppendOutcome::stored : AppendOutcome::known;
  return plan;
}

// -- Proof of one entry ---------------------------------------------------------------------------------------------

Batch prove_entry(const FeedKey& feed, const BlockState& block, uint64_t seq, const SealedEntry& entry) {
  return make_batch(feed, block, seq, {stub_of(entry, StubReason::gap, {})});
}

Batch prove_entry(const Batch& batch, std::span<const Hash> hashes, size_t index) {
  LYSOEN_CHECK(index < batch.entries.size() && hashes.size() == batch.entries.size());
  uint64_t block_start = block_first(batch.first_seq), first = batch.first_seq - block_start;
  auto part =
      narrow_proof(hashes, first, batch.signed_seq - block_start + 1, {batch.left, batch.right}, first + index, 1);
  Batch proof;
  proof.feed = batch.feed;
  proof.first_seq = batch.first_seq + index;
  proof.prev = index == 0 ? batch.prev : hashes[index - 1];
  proof.entries = {stub_of(batch.entries[index], StubReason::gap, {})};
  proof.signed_seq = batch.signed_seq;
  proof.signed_head = batch.signed_head;
  proof.signature = batch.signature;
  proof.left = std::move(part.left);
  proof.right = std::move(part.right);
  return proof;
}

Result<Hash> verify_proof(const Batch& proof) {
  if (proof.entries.size() != 1 || proof.entries[0].reason != StubReason::gap)
    return make_error(ErrorCode::input_refused, "cannot take proof of an entry: it is not one entry's hashed fields");
  LYSOEN_ASSIGN(auto hashes, verify_batch(proof));
  return hashes[0];
}

}  // namespace lysoen::feed
