// An author with one feed and a store that takes batches as the header of core/feed/batch.h says: the two ends of every
// test here.
#pragma once
#include <map>

#include "core/feed/fork.h"
#include "core/feed/stream.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace lysoen::test {

inline Bytes random_bytes(Random& random, size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

template <class IdType>
IdType random_id(Random& random) {
  IdType id;
  random.fill(id.bytes);
  return id;
}

/// Writes entries whose content does not matter; remembers every state that it signed.
class Author {
 public:
  Author(Random& random, uint32_t incarnation = 1)
      : Author(random, crypto::SigningKey::generate(random), incarnation) {}
  Author(Random& random, crypto::SigningKey key, uint32_t incarnation = 1) : random_(random), key_(std::move(key)) {
    feed_ = {DeviceId{key_.public_key()}, random_id<AudienceId>(random), incarnation};
    id_ = feed::feed_id(feed_);
    blocks_[1] = feed::first_block(id_);
  }
  /// The same device with the same feed, from here on another history.
  Author clone() const { return *this; }
  Author(const Author& other)
      : random_(other.random_),
        key_(other.key_.copy()),
        feed_(other.feed_),
        id_(other.id_),
        entries_(other.entries_),
        blocks_(other.blocks_),
        signed_(other.signed_) {}

  void write(SealedEntry entry) {
    if (block().full()) {
      sign();
      auto next = feed::next_block(block());
      blocks_[next.first_seq] = next;
    }
    feed::append_own(block(), id_, entry);
    entries_.push_back(std::move(entry));
  }
  /// `count` entries of random bytes, then one signature (and one at each block's end).
  void save(size_t count) {
    for (size_t i = 0; i < count; ++i) write(feed::whole_entry(EntryKind::sealed, random_bytes(random_, 1 + draw(80))));
    sign();
  }
  void sign() {
    feed::sign_block(block(), id_, key_);
    signed_[block().signed_seq] = block();
  }

  /// Entries first..last (one block) under the signature at `signed_seq`, which must be one that was made.
  Batch batch(uint64_t first, uint64_t last, uint64_t signed_seq) const {
    return feed::make_batch(feed_, signed_.at(signed_seq), first, {at(first), at(last) + 1});
  }
  /// Under the newest signature of their block.
  Batch batch(uint64_t first, uint64_t last) const { return batch(first, last, newest_of(first)); }

  uint64_t size() const { return entries_.size(); }
  const SealedEntry& entry(uint64_t seq) const { return entries_[seq - 1]; }
  Hash hash(uint64_t seq) const { return blocks_.at(feed::block_first(seq)).hash_at(seq); }
  const feed::BlockState& block_of(uint64_t seq) const { return blocks_.at(feed::block_first(seq)); }
  const std::map<uint64_t, feed::BlockState>& signatures() const { return signed_; }
  const FeedKey& feed() const { return feed_; }
  const FeedId& id() const { return id_; }
  const crypto::SigningKey& key() const { return key_; }
  Hash head() const { return block().last_hash(); }

 private:
  feed::BlockState& block() { return blocks_.rbegin()->second; }
  const feed::BlockState& block() const { return blocks_.rbegin()->second; }
  std::vector<SealedEntry>::const_iterator at(uint64_t seq) const {
    return entries_.begin() + static_cast<std::ptrdiff_t>(seq - 1);
  }
  uint64_t newest_of(uint64_t seq) const { return std::prev(signed_.upper_bound(feed::block_last(seq)))->first; }
  uint8_t draw(uint8_t below) {
    uint8_t byte = 0;
    random_.fill({&byte, 1});
    return static_cast<uint8_t>(byte % below);
  }

  Random& random_;
  crypto::SigningKey key_;
  FeedKey feed_;
  FeedId id_;
  std::vector<SealedEntry> entries_;
  std::map<uint64_t, feed::BlockState> blocks_;  // by first seq
  std::map<uint64_t, feed::BlockState> signed_;  // by signed seq
};

/// Holds one feed in memory and takes batches as the contract in core/feed/batch.h says.
class Holder {
 public:
  explicit Holder(const FeedKey& feed) : feed_(feed) { blocks_[1] = feed::first_block(feed::feed_id(feed)); }

  AppendOutcome append(const Batch& batch) {
    auto hashes = feed::verify_batch(batch);
    if (!hashes.ok()) return reason_ = hashes.error().message, AppendOutcome::refused;
    auto plan = feed::plan_merge(state_for(batch), held(true), held(false), batch, *hashes);
    reason_ = plan.reason;
    if (plan.outcome == AppendOutcome::forked) note_fork(plan, batch, *hashes);
    if (plan.outcome != AppendOutcome::stored) return plan.outcome;
    for (size_t i : plan.replace) entries_[batch.first_seq + i - 1] = batch.entries[i];
    for (size_t i = plan.new_from; i < batch.entries.size(); ++i) entries_.push_back(batch.entries[i]);
    REQUIRE(plan.after);
    blocks_[plan.after->first_seq] = *plan.after;
    return plan.outcome;
  }

  Batch read(uint64_t first, uint64_t last) const {
    auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first - 1);
    return feed::make_batch(feed_, blocks_.at(feed::block_first(first)), first,
                            {begin, begin + static_cast<std::ptrdiff_t>(last - first + 1)});
  }
  const std::vector<SealedEntry>& entries() const { return entries_; }
  uint64_t size() const { return entries_.size(); }
  const std::vector<feed::Fork>& forks() const { return forks_; }
  const std::string& reason() const { return reason_; }

 private:
  feed::BlockState state_for(const Batch& batch) const {
    uint64_t first = feed::block_first(batch.first_seq);
    if (auto known = blocks_.find(first); known != blocks_.end()) return known->second;
    const auto& newest = blocks_.rbegin()->second;
    if (newest.full() && newest.first_seq + feed::kBlockSize == first) return feed::next_block(newest);
    feed::BlockState unknown;
    unknown.first_seq = first;
    return unknown;
  }
  feed::SeqRanges held(bool any_stub) const {
    std::vector<uint64_t> seqs;
    for (size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].is_stub() && (any_stub || entries_[i].warrant.empty())) seqs.push_back(i + 1);
    return feed::ranges_of(seqs);
  }
  void note_fork(const feed::MergePlan& plan, const Batch& batch, std::span<const Hash> hashes) {
    const auto& block = blocks_.at(feed::block_first(plan.fork_seq));
    forks_.push_back({plan.fork_seq, feed::prove_entry(feed_, block, plan.fork_seq, entries_[plan.fork_seq - 1]),
                      feed::other_side(plan, batch, hashes)});
  }

  FeedKey feed_;
  std::vector<SealedEntry> entries_;
  std::map<uint64_t, feed::BlockState> blocks_;
  std::vector<feed::Fork> forks_;
  std::string reason_;
};

}  // namespace lysoen::test
