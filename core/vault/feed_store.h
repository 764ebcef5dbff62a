// Feeds as rows: heads, entries, blocks, forks; own and received alike. Knows the layout of entries through core/feed
// only; opens nothing. Every call runs inside the caller's transaction. One strand.
#pragma once
#include <lysoen/entry_store.h>

#include "core/feed/batch.h"
#include "core/storage/database.h"

namespace lysoen::vault {

struct FeedRow {
  int64_t id = 0;
  FeedKey key;
  FeedId feed;
  bool own = false;
  uint64_t head_seq = 0;
  Hash head_hash;  // of head_seq; the feed id if that is 0
  uint64_t opened_seq = 0, roster_seen = 0, acknowledged_seq = 0;

  FeedHead head() const { return {key, head_seq, head_hash}; }
};

/// A block with what is held of it, and where stubs are.
struct HeldBlock {
  feed::BlockState state;
  feed::SeqRanges stubs, gaps;  // gaps: stubs without a warrant
};

class FeedStore {
 public:
  explicit FeedStore(storage::Database& database) : database_(database) {}

  Result<std::optional<FeedRow>> find(const FeedKey& key);
  Result<std::optional<FeedRow>> find(const FeedId& feed);
  Result<FeedRow> require(const FeedKey& key, bool own);
  Result<FeedRow> row(int64_t id);
  /// All of them, or own ones, in order of their rows.
  Result<std::vector<FeedRow>> all(bool only_own);

  /// Another version of one of its entries is known.
  Result<bool> forked(const FeedRow& row);

  /// The block that begins at first_seq: as held, or as the one after a full block, or of an unknown beginning.
  Result<HeldBlock> block(const FeedRow& row, uint64_t first_seq);
  Result<void> put_signature(const FeedRow& row, const feed::BlockState& block);

  Result<Hash> hash_at(const FeedRow& row, uint64_t seq);  // 0: what stands before the first
  Result<std::optional<SealedEntry>> entry(const FeedRow& row, uint64_t seq);
  /// `entry_key`: of what was opened or sealed here; empty otherwise.
  Result<void> put_entry(const FeedRow& row, uint64_t seq, const Hash& hash, const SealedEntry& entry,
                         ByteView entry_key = {});
  Result<void> put_entry_key(const FeedRow& row, uint64_t seq, ByteView key);
  /// Moves the head in the row and in the table.
  Result<void> set_head(FeedRow& row, uint64_t seq, const Hash& hash);

  Result<std::optional<Batch>> read(const FeedRow& row, uint64_t first_seq, size_t size_max);

 private:
  Result<std::optional<FeedRow>> read_row(storage::Statement& query);
  storage::Database& database_;
};

}  // namespace lysoen::vault
