// Feeds, entries, blocks, forks; and the mailbox item and log leaf that every append makes in the same transaction.
#include <algorithm>

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/feed/fork.h"
#include "sync/relay/store.h"

namespace lysoen::relay {

using session::StoreVerdict;
using wire::VerdictCode;

namespace {

constexpr uint64_t kDayMs = 24ull * 3600 * 1000;
// What an entry costs beside its bytes: its row with two hashes, and its share of block, mailbox and log.
constexpr uint64_t kEntryCost = 256;
constexpr int64_t kForksPerFeedMax = 16;
constexpr size_t kBlocksKept = 1024;

uint64_t cost_of(const SealedEntry& entry) {
  return kEntryCost + entry.ciphertext.size() + entry.warrant.size();
}

StoreVerdict refused(VerdictCode code, std::string reason, FeedHead head = {}) {
  return {{AppendOutcome::refused, head, std::move(reason)}, code};
}

Bytes join_hashes(const std::vector<Hash>& hashes) {
  Writer out;
  for (const auto& hash : hashes) out.id(hash);
  return std::move(out).bytes();
}

std::vector<Hash> split_hashes(ByteView bytes) {
  std::vector<Hash> hashes;
  for (Reader reader(bytes); reader.left() >= Hash::kSize;) hashes.push_back(reader.id<Hash>());
  return hashes;
}

Error rotten() {
  return make_error(ErrorCode::damaged, "cannot read an entry of the relay's store: it is not what was stored");
}

}  // namespace

uint64_t Store::now_ms() const {
  return static_cast<uint64_t>(std::max<int64_t>(clock_.wall().time_since_epoch().count(), 0));
}

// -- Rows -----------------------------------------------------------------------------------------------------------

Result<std::optional<Store::FeedRow>> Store::feed_row(int64_t team, const FeedKey& feed) {
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT id, seq, head, leaf, item FROM feed WHERE team = ? AND feed = ?"));
  query.bind(team, feed::feed_id(feed));
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return std::optional<FeedRow>();
  FeedRow row;
  row.id = query.integer(0), row.key = feed, row.seq = static_cast<uint64_t>(query.integer(1));
  row.head = query.id<Hash>(2), row.leaf = static_cast<uint64_t>(query.integer(3));
  row.item = static_cast<uint64_t>(query.integer(4));
  return std::optional(row);
}

Result<Store::FeedRow> Store::make_feed(int64_t team, const FeedKey& feed, uint64_t at_ms) {
  LYSOEN_ASSIGN(auto highest, db_.integer("SELECT max(id) FROM feed"));
  FeedRow row;
  row.id = highest.value_or(0) + 1, row.key = feed;
  LYSOEN_TRY(db_.run("INSERT INTO feed VALUES(?, ?, ?, ?, ?, ?, 0, x'', 0, ?, ?, 0, 0)", row.id, team,
                     feed::feed_id(feed), feed.device, feed.audience, feed.incarnation, at_ms, at_ms));
  return row;
}

Result<const feed::BlockState*> Store::block_of(const FeedRow& feed, uint64_t first_seq) {
  auto kept = blocks_.find({feed.id, first_seq});
  if (kept == blocks_.end()) {
    LYSOEN_ASSIGN(auto block, load_block(feed, first_seq));
    if (blocks_.size() >= kBlocksKept) blocks_.clear();
    kept = blocks_.emplace(std::pair(feed.id, first_seq), std::move(block)).first;
  }
  return &kept->second;
}

Result<feed::BlockState> Store::load_block(const FeedRow& feed, uint64_t first_seq) {
  feed::BlockState block;
  block.first_seq = first_seq;
  if (first_seq == 1) block.before = feed::hash_before_first(feed::feed_id(feed.key));
  if (first_seq > 1 && first_seq <= feed.seq + 1) {
    LYSOEN_ASSIGN(auto before, db_.prepare("SELECT hash FROM entry WHERE feed = ? AND seq = ?"));
    before.bind(feed.id, first_seq - 1);
    LYSOEN_ASSIGN(bool found, before.step());
    if (!found) return rotten();
    block.before = before.id<Hash>(0);
  }
  LYSOEN_ASSIGN(auto entries,
                db_.prepare("SELECT seq, hash FROM entry WHERE feed = ? AND seq BETWEEN ? AND ? ORDER BY seq"));
  entries.bind(feed.id, first_seq, feed::block_last(first_seq));
  for (uint64_t expected = first_seq;; ++expected) {
    LYSOEN_ASSIGN(bool row, entries.step());
    if (!row) break;
    if (static_cast<uint64_t>(entries.integer(0)) != expected) return rotten();
    block.hashes.push_back(entries.id<Hash>(1));
  }
  LYSOEN_ASSIGN(
      auto signature,
      db_.prepare("SELECT signed_seq, signed_head, signature, beyond FROM block WHERE feed = ? AND first_seq = ?"));
  signature.bind(feed.id, first_seq);
  LYSOEN_ASSIGN(bool is_signed, signature.step());
  if (is_signed) {
    block.signed_seq = static_cast<uint64_t>(signature.integer(0));
    block.signed_head = signature.id<Hash>(1);
    block.signature = signature.array<64>(2);
    block.beyond = split_hashes(signature.blob(3));
  }
  return block;
}

Result<void> Store::save_block(const FeedRow& feed, const feed::BlockState& block) {
  LYSOEN_TRY(db_.run("INSERT OR REPLACE INTO block VALUES(?, ?, ?, ?, ?, ?)", feed.id, block.first_seq,
                     block.signed_seq, block.signed_head, block.signature, join_hashes(block.beyond)));
  if (blocks_.size() >= kBlocksKept) blocks_.clear();
  blocks_.insert_or_assign({feed.id, block.first_seq}, block);
  return {};
}

Result<void> Store::save_entry(const FeedRow& feed, uint64_t seq, const Hash& hash, const SealedEntry& entry) {
  return db_.run("INSERT OR REPLACE INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", feed.id, seq,
                 static_cast<int>(entry.kind), entry.length, hash, entry.ciphertext_hash, entry.ciphertext,
                 static_cast<int>(entry.reason), entry.warrant);
}

Result<feed::SeqRanges> Store::stubs(const FeedRow& feed, uint64_t first, uint64_t last, bool only_gaps) {
  LYSOEN_ASSIGN(
      auto query,
      db_.prepare("SELECT seq, reason FROM entry WHERE feed = ? AND seq BETWEEN ? AND ? AND reason <> 0 ORDER BY seq"));
  query.bind(feed.id, first, last);
  std::vector<uint64_t> seqs;
  for (;;) {
    LYSOEN_ASSIGN(bool row, query.step());
    if (!row) break;
    if (!only_gaps || query.integer(1) == static_cast<int>(StubReason::gap))
      seqs.push_back(static_cast<uint64_t>(query.integer(0)));
  }
  return feed::ranges_of(seqs);
}

// -- Appending ------------------------------------------------------------------------------------------------------

Result<StoreVerdict> Store::append(const TeamId& team, const DeviceId& carrier, const Batch& batch) {
  auto hashes = feed::verify_batch(batch);
  if (!hashes) {
    bool large = hashes.error().code == ErrorCode::limit_exceeded;
    return refused(large ? VerdictCode::too_large : VerdictCode::does_not_verify, hashes.error().message);
  }
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row || row->removed) return refused(VerdictCode::team_unknown, "the team is not admitted");
  if (!row->list || !row->list->find(batch.feed.device))
    return refused(VerdictCode::device_unknown, "its author is not admitted");
  LYSOEN_ASSIGN(auto left, quota_left(*row, carrier));
  uint64_t before = counts_.bytes;
  uint64_t at = now_ms();
  LYSOEN_ASSIGN(auto verdict, append_at(*row, batch, *hashes, at, left.value_or(UINT64_MAX)));
  if (verdict.verdict.outcome != AppendOutcome::stored && verdict.verdict.outcome != AppendOutcome::forked)
    return verdict;
  LYSOEN_TRY(count_quota(*row, carrier, counts_.bytes - before));
  Writer record;
  record.u8(kBatchRecord).id(team).u64(at).field(feed::encode_batch(batch));
  record_.insert(record_.end(), record.bytes().begin(), record.bytes().end());
  return verdict;
}

Result<StoreVerdict> Store::append_at(TeamRow& team, const Batch& batch, std::span<const Hash> hashes, uint64_t at_ms,
                                      uint64_t bytes_max) {
  LYSOEN_ASSIGN(auto found, feed_row(team.id, batch.feed));
  FeedRow feed = found.value_or(FeedRow{0, batch.feed, 0, 0, 0, {}});
  uint64_t block_first = feed::block_first(batch.first_seq);
  // Of a feed that is new, or a block that is not reached yet, there is nothing to keep.
  feed::BlockState fresh;
  const feed::BlockState* block = &fresh;
  if (found && block_first <= feed.seq + 1) {
    LYSOEN_ASSIGN(block, block_of(feed, block_first));
  } else {
    LYSOEN_ASSIGN(fresh, load_block(feed, block_first));
  }
  feed::SeqRanges held_stubs, held_gaps;
  if (found) {
    LYSOEN_ASSIGN(held_stubs, stubs(feed, block_first, feed::block_last(block_first), false));
    LYSOEN_ASSIGN(held_gaps, stubs(feed, block_first, feed::block_last(block_first), true));
  }
  auto plan = feed::plan_merge(*block, held_stubs, held_gaps, batch, hashes);
  FeedHead head{batch.feed, feed.seq, feed.head};
  switch (plan.outcome) {
    case AppendOutcome::known:
      return StoreVerdict{{AppendOutcome::known, head, {}}, VerdictCode::stored};
    case AppendOutcome::gap_before:
      return StoreVerdict{{AppendOutcome::gap_before, head, {}}, VerdictCode::gap_before};
    case AppendOutcome::refused:
      return refused(VerdictCode::does_not_verify, plan.reason, head);
    case AppendOutcome::forked:
      LYSOEN_TRY(note_fork(feed, plan, batch, hashes, *block));
      return StoreVerdict{{AppendOutcome::forked, head, plan.reason}, VerdictCode::forked};
    case AppendOutcome::stored:
      break;
  }
  std::vector<size_t> chosen = plan.replace;
  for (size_t i = plan.new_from; i < batch.entries.size(); ++i) chosen.push_back(i);
  uint64_t bytes = 0;
  for (size_t i : chosen) bytes += cost_of(batch.entries[i]);
  if (bytes > bytes_max) return refused(VerdictCode::over_quota, "the quota is used up", head);

  if (!found) {
    LYSOEN_ASSIGN(feed, make_feed(team.id, batch.feed, at_ms));
  }
  for (size_t i : chosen) LYSOEN_TRY(save_entry(feed, batch.first_seq + i, hashes[i], batch.entries[i]));
  LYSOEN_TRY(save_block(feed, *plan.after));
  if (!chosen.empty()) {
    if (plan.new_from < batch.entries.size()) feed.seq = batch.last_seq(), feed.head = hashes.back();
    uint64_t first = batch.first_seq + *std::min_element(chosen.begin(), chosen.end());
    uint64_t last = batch.first_seq + *std::max_element(chosen.begin(), chosen.end());
    LYSOEN_TRY(publish(team, feed, first, last, at_ms, bytes));
    counts_.entries += chosen.size(), counts_.bytes += bytes;
  }
  return StoreVerdict{{AppendOutcome::stored, {batch.feed, feed.seq, feed.head}, {}}, VerdictCode::stored};
}

/// The mailbox's next item and the log's next leaf, in the transaction that stored: commit order is number order.
Result<void> Store::publish(TeamRow& team, FeedRow& feed, uint64_t first, uint64_t last, uint64_t at_ms,
                            uint64_t bytes) {
  LYSOEN_ASSIGN(auto mailbox, mailbox_row(team.id, feed.key.audience));
  if (!mailbox) {
    LYSOEN_ASSIGN(auto highest, db_.integer("SELECT max(id) FROM mailbox"));
    mailbox = MailboxRow{highest.value_or(0) + 1, 0, {}};
    LYSOEN_TRY(db_.run("INSERT INTO mailbox VALUES(?, ?, ?, 0, ?)", mailbox->id, team.id, feed.key.audience, Hash{}));
  }
  LYSOEN_ASSIGN(auto at_last, db_.prepare("SELECT hash FROM entry WHERE feed = ? AND seq = ?"));
  at_last.bind(feed.id, last);
  LYSOEN_ASSIGN(bool found, at_last.step());
  if (!found) return rotten();
  feed::MailboxItem item{mailbox->counter + 1, feed::feed_id(feed.key), first, last, at_last.id<Hash>(0), {}};
  at_last.reset();
  LYSOEN_ASSIGN(item.missing, stubs(feed, first, last, true));
  Hash running = feed::running_hash(mailbox->running, item);
  Writer missing;
  if (!item.missing.empty()) feed::write_ranges(missing, item.missing);
  LYSOEN_TRY(db_.run("INSERT INTO item VALUES(?, ?, ?, ?, ?, ?, ?, ?)", mailbox->id, item.n, feed.id, first, last,
                     item.head, missing.bytes(), running));
  LYSOEN_TRY(db_.run("UPDATE mailbox SET counter = ?, running = ? WHERE id = ?", item.n, running, mailbox->id));

  news_.mailboxes.push_back(feed.key.audience);
  feed.leaf = team.log.size(), feed.item = item.n;
  Hash leaf = feed::log_leaf(item.feed, feed.seq, feed.head);
  LYSOEN_TRY(db_.run("INSERT INTO log_leaf VALUES(?, ?, ?)", team.id, feed.leaf, leaf));
  team.log.append(leaf);
  team.bytes += bytes;
  LYSOEN_TRY(save_log(team));
  return db_.run("UPDATE feed SET seq = ?, head = ?, bytes = bytes + ?, last_ms = ?, leaf = ?, item = ? WHERE id = ?",
                 feed.seq, feed.head, bytes, at_ms, feed.leaf, feed.item, feed.id);
}

Result<void> Store::note_fork(const FeedRow& feed, const feed::MergePlan& plan, const Batch& batch,
                              std::span<const Hash> hashes, const feed::BlockState& held) {
  if (feed.id == 0) return {};
  LYSOEN_CHECK(plan.fork_seq > 0);
  auto other = feed::other_side(plan, batch, hashes);
  Hash hash = crypto::sha256(feed::encode_batch(other));
  LYSOEN_ASSIGN(auto known, db_.integer("SELECT 1 FROM fork WHERE feed = ? AND seq = ? AND hash = ?", feed.id,
                                        plan.fork_seq, hash));
  LYSOEN_ASSIGN(auto noted, db_.integer("SELECT count(*) FROM fork WHERE feed = ?", feed.id));
  if (known || noted.value_or(0) >= kForksPerFeedMax) return {};
  // The held side is in the tables; its proof can be made whenever somebody asks.
  (void)held;
  ++counts_.forks;
  return db_.run("INSERT INTO fork VALUES(?, ?, ?, ?)", feed.id, plan.fork_seq, hash, feed::encode_batch(other));
}

Result<std::optional<uint64_t>> Store::quota_left(const TeamRow& team, const DeviceId& carrier) {
  uint64_t left = quotas_.team_bytes > team.bytes ? quotas_.team_bytes - team.bytes : 0;
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT day, day_bytes FROM device WHERE team = ? AND device = ?"));
  query.bind(team.id, carrier);
  LYSOEN_ASSIGN(bool found, query.step());
  uint64_t used = found && static_cast<uint64_t>(query.integer(0)) == now_ms() / kDayMs
                      ? static_cast<uint64_t>(query.integer(1))
                      : 0;
  uint64_t today = quotas_.device_bytes_per_day > used ? quotas_.device_bytes_per_day - used : 0;
  return std::optional(std::min(left, today));
}

Result<void> Store::count_quota(const TeamRow& team, const DeviceId& carrier, uint64_t bytes) {
  uint64_t day = now_ms() / kDayMs;
  // A device that has never met this relay, and whose bundle is taken in, has a quota too: highest 0 and no counter
  // used is what a first exchange finds otherwise.
  return db_.run(
      "INSERT INTO device VALUES(?, ?, 0, 0, x'', ?, ?) ON CONFLICT(team, device) DO UPDATE SET "
      "day_bytes = CASE WHEN day = excluded.day THEN day_bytes ELSE 0 END + excluded.day_bytes, day = excluded.day",
      team.id, carrier, day, bytes);
}

Bytes Store::take_record() {
  return std::exchange(record_, {});
}

Result<void> Store::replay(ByteView record) {
  Reader reader(record);
  while (reader.ok() && reader.left() > 0) {
    const uint8_t kind = reader.u8();
    if (kind == kChunksRecord) {
      LYSOEN_TRY(replay_chunks(reader));
      continue;
    }
    if (kind != kBatchRecord) return rotten();
    auto team = reader.id<TeamId>();
    uint64_t at = reader.u64();
    auto bytes = reader.field(feed::kBatchSizeMax);
    if (!reader.ok()) break;
    auto batch = feed::decode_batch(bytes);
    if (!batch) return rotten();
    LYSOEN_ASSIGN(auto* row, team_row(team));
    if (!row) continue;  // purged since
    auto hashes = feed::verify_batch(*batch);
    if (!hashes) return rotten();
    LYSOEN_ASSIGN(auto verdict, append_at(*row, *batch, *hashes, at, UINT64_MAX));
    (void)verdict;
  }
  if (!reader.done()) return rotten();
  return {};
}

// -- Reading --------------------------------------------------------------------------------------------------------

Result<std::vector<FeedHead>> Store::heads_of(const TeamId& team, const DeviceId& device) {
  std::vector<FeedHead> heads;
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return heads;
  LYSOEN_ASSIGN(
      auto query,
      db_.prepare("SELECT audience, incarnation, seq, head FROM feed WHERE team = ? AND device = ? AND seq > 0"));
  query.bind(row->id, device);
  for (;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) return heads;
    FeedKey key{device, query.id<AudienceId>(0), static_cast<uint32_t>(query.integer(1))};
    heads.push_back({key, static_cast<uint64_t>(query.integer(2)), query.id<Hash>(3)});
  }
}

Result<std::optional<Bytes>> Store::receipt(const TeamId& team, const FeedKey& key) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return std::optional<Bytes>();
  LYSOEN_ASSIGN(auto feed, feed_row(row->id, key));
  if (!feed || feed->seq == 0) return std::optional<Bytes>();
  feed::Receipt receipt;
  receipt.team = team, receipt.feed = key, receipt.seq = feed->seq, receipt.head = feed->head;
  receipt.time = WallTime(std::chrono::milliseconds(static_cast<int64_t>(now_ms())));
  LYSOEN_ASSIGN(receipt.missing, stubs(*feed, 1, feed->seq, false));
  if (receipt.missing.size() > feed::kRangesMax) return std::optional<Bytes>();
  LYSOEN_ASSIGN(auto running, running_at(team, key.audience, feed->item));
  if (!running) return rotten();
  LYSOEN_ASSIGN(uint32_t store_epoch, epoch());
  receipt.point = {key.audience, store_epoch, feed->item, *running};
  receipt.leaf_index = feed->leaf, receipt.log_size = row->log.size(), receipt.log_root = row->log.root();
  ++counts_.receipts;
  return std::optional(feed::sign_receipt(receipt, identity_));
}

Result<std::optional<Batch>> Store::read(const TeamId& team, const FeedKey& key, uint64_t first_seq, uint64_t last_seq,
                                         size_t size_max) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row || first_seq == 0) return std::optional<Batch>();
  LYSOEN_ASSIGN(auto feed, feed_row(row->id, key));
  if (!feed || feed->seq < first_seq) return std::optional<Batch>();
  LYSOEN_ASSIGN(const auto* block, block_of(*feed, feed::block_first(first_seq)));
  LYSOEN_ASSIGN(auto query,
                db_.prepare("SELECT kind, length, hash, ciphertext_hash, ciphertext, reason, warrant FROM entry "
                            "WHERE feed = ? AND seq BETWEEN ? AND ? ORDER BY seq"));
  query.bind(feed->id, first_seq, std::min({last_seq, feed->seq, feed::block_last(first_seq)}));
  std::vector<SealedEntry> entries;
  FeedId id = feed::feed_id(key);
  Hash prev = first_seq == block->first_seq ? block->before : block->hash_at(first_seq - 1);
  for (size_t size = 0;;) {
    LYSOEN_ASSIGN(bool next, query.step());
    if (!next) break;
    SealedEntry entry;
    entry.kind = static_cast<EntryKind>(query.integer(0));
    entry.length = static_cast<uint32_t>(query.integer(1));
    entry.ciphertext_hash = query.id<Hash>(3);
    entry.ciphertext = to_bytes(query.blob(4));
    entry.reason = static_cast<StubReason>(query.integer(5));
    entry.warrant = to_bytes(query.blob(6));
    // What rotted on the disk goes out as a gap: the reader's feed goes on, and the entry stays wanted.
    if (!entry.is_stub() && crypto::sha256(entry.ciphertext) != entry.ciphertext_hash)
      entry = feed::stub_of(entry, StubReason::gap, {});
    if (feed::entry_hash(id, first_seq + entries.size(), prev, entry) != query.id<Hash>(2))
      return std::optional<Batch>();
    prev = query.id<Hash>(2);
    size += entry.ciphertext.size() + entry.warrant.size();
    if (!entries.empty() && size > size_max) break;
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) return std::optional<Batch>();
  return std::optional(feed::make_batch(key, *block, first_seq, std::move(entries)));
}

}  // namespace lysoen::relay
