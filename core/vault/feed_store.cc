#include "core/vault/feed_store.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/vault/schema.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kColumns =
    "SELECT id, device, audience, incarnation, feed, own, head_seq, head_hash, opened_seq, roster_seen, "
    "acknowledged_seq FROM feeds ";

FeedRow row_from(const storage::Statement& query) {
  FeedRow row;
  row.id = query.integer(0);
  row.key.device = query.id<DeviceId>(1);
  row.key.audience = query.id<AudienceId>(2);
  row.key.incarnation = static_cast<uint32_t>(query.integer(3));
  row.feed = query.id<FeedId>(4);
  row.own = query.integer(5) != 0;
  row.head_seq = static_cast<uint64_t>(query.integer(6));
  row.head_hash = query.id<Hash>(7);
  row.opened_seq = static_cast<uint64_t>(query.integer(8));
  row.roster_seen = static_cast<uint64_t>(query.integer(9));
  row.acknowledged_seq = static_cast<uint64_t>(query.integer(10));
  return row;
}

SealedEntry entry_from(const storage::Statement& query, int column) {
  SealedEntry entry;
  entry.kind = static_cast<EntryKind>(query.integer(column));
  entry.length = static_cast<uint32_t>(query.integer(column + 1));
  entry.ciphertext_hash = query.id<Hash>(column + 2);
  entry.reason = static_cast<StubReason>(query.integer(column + 3));
  entry.warrant = to_bytes(query.blob(column + 4));
  entry.ciphertext = to_bytes(query.blob(column + 5));
  return entry;
}
constexpr std::string_view kEntryColumns = "kind, length, ciphertext_hash, stub, warrant, ciphertext";

}  // namespace

Result<std::optional<FeedRow>> FeedStore::read_row(storage::Statement& query) {
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return std::optional<FeedRow>();
  return std::optional(row_from(query));
}

Result<std::optional<FeedRow>> FeedStore::find(const FeedKey& key) {
  return find(feed::feed_id(key));
}

Result<std::optional<FeedRow>> FeedStore::find(const FeedId& feed) {
  LYSOEN_ASSIGN(auto query, database_.prepare(std::string(kColumns) + "WHERE feed = ?"));
  query.bind(feed);
  return read_row(query);
}

Result<FeedRow> FeedStore::row(int64_t id) {
  LYSOEN_ASSIGN(auto query, database_.prepare(std::string(kColumns) + "WHERE id = ?"));
  query.bind(id);
  LYSOEN_ASSIGN(auto row, read_row(query));
  if (!row) return make_error(ErrorCode::damaged, "cannot read a feed: its row is missing");
  return std::move(*row);
}

Result<FeedRow> FeedStore::require(const FeedKey& key, bool own) {
  LYSOEN_ASSIGN(auto known, find(key));
  if (known) return std::move(*known);
  auto feed = feed::feed_id(key);
  LYSOEN_TRY(
      database_.run("INSERT INTO feeds (feed, device, audience, incarnation, own, head_hash) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    feed, key.device, key.audience, key.incarnation, own, feed::hash_before_first(feed)));
  return row(database_.last_insert_id());
}

Result<std::vector<FeedRow>> FeedStore::all(bool only_own) {
  LYSOEN_ASSIGN(auto query, database_.prepare(std::string(kColumns) + "WHERE own >= ? ORDER BY id"));
  query.bind(only_own ? 1 : 0);
  std::vector<FeedRow> rows;
  for (;;) {
    LYSOEN_ASSIGN(auto row, read_row(query));
    if (!row) return rows;
    rows.push_back(std::move(*row));
  }
}

Result<bool> FeedStore::forked(const FeedRow& row) {
  LYSOEN_ASSIGN(auto found, database_.integer("SELECT 1 FROM forks WHERE place BETWEEN ? AND ? LIMIT 1",
                                              place_of(row.id, 0), place_of(row.id, kSeqMax)));
  return found.has_value();
}

Result<Hash> FeedStore::hash_at(const FeedRow& row, uint64_t seq) {
  if (seq == 0) return feed::hash_before_first(row.feed);
  if (seq == row.head_seq) return row.head_hash;
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT hash FROM entries WHERE place = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(place_of(row.id, seq)).step());
  return found ? query.id<Hash>(0) : Hash{};
}

Result<HeldBlock> FeedStore::block(const FeedRow& row, uint64_t first_seq) {
  HeldBlock held;
  held.state.first_seq = first_seq;
  if (first_seq > row.head_seq + 1) return held;  // what is before it is not here
  LYSOEN_ASSIGN(held.state.before, hash_at(row, first_seq - 1));
  std::vector<uint64_t> stubs, gaps;
  {
    LYSOEN_ASSIGN(auto query, database_.prepare("SELECT place, hash, stub, length(warrant) FROM entries "
                                                "WHERE place BETWEEN ? AND ? ORDER BY place"));
    query.bind(place_of(row.id, first_seq), place_of(row.id, first_seq + feed::kBlockSize - 1));
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      uint64_t seq = seq_of(query.integer(0));
      if (seq != first_seq + held.state.hashes.size()) break;
      held.state.hashes.push_back(query.id<Hash>(1));
      if (query.integer(2) == 0) continue;
      stubs.push_back(seq);
      if (query.integer(3) == 0) gaps.push_back(seq);
    }
  }
  held.stubs = feed::ranges_of(stubs);
  held.gaps = feed::ranges_of(gaps);
  LYSOEN_ASSIGN(auto query, database_.prepare(
                                "SELECT signed_seq, signed_head, signature, beyond FROM blocks WHERE place = ?1 UNION "
                                "ALL SELECT signed_seq, signed_head, signature, x'' FROM feeds WHERE id = ?2 AND "
                                "signed_seq BETWEEN ?3 AND ?4 ORDER BY signed_seq DESC LIMIT 1"));
  query.bind(place_of(row.id, first_seq), row.id, first_seq, first_seq + feed::kBlockSize - 1);
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return held;
  held.state.signed_seq = static_cast<uint64_t>(query.integer(0));
  held.state.signed_head = query.id<Hash>(1);
  held.state.signature = query.array<64>(2);
  Reader beyond(query.blob(3));
  while (beyond.left() > 0 && beyond.ok()) held.state.beyond.push_back(beyond.id<Hash>());
  return held;
}

Result<void> FeedStore::put_signature(const FeedRow& row, const feed::BlockState& block) {
  LYSOEN_ASSIGN(auto newest, database_.integer("SELECT signed_seq FROM feeds WHERE id = ?", row.id));
  const auto before = static_cast<uint64_t>(newest.value_or(0));
  if (row.own && block.beyond.empty() && block.first_seq >= feed::block_first(before)) {
    if (before != 0 && before < block.first_seq)
      LYSOEN_TRY(
          database_.run("INSERT OR REPLACE INTO blocks SELECT ?2, signed_seq, signed_head, signature, x'' FROM "
                        "feeds WHERE id = ?1",
                        row.id, place_of(row.id, feed::block_first(before))));
    return database_.run("UPDATE feeds SET signed_seq = ?2, signed_head = ?3, signature = ?4 WHERE id = ?1", row.id,
                         block.signed_seq, block.signed_head, block.signature);
  }
  Writer beyond;
  for (const auto& hash : block.beyond) beyond.id(hash);
  return database_.run("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?)", place_of(row.id, block.first_seq),
                       block.signed_seq, block.signed_head, block.signature, beyond.bytes());
}

Result<std::optional<SealedEntry>> FeedStore::entry(const FeedRow& row, uint64_t seq) {
  LYSOEN_ASSIGN(auto query,
                database_.prepare("SELECT " + std::string(kEntryColumns) + " FROM entries WHERE place = ?"));
  LYSOEN_ASSIGN(bool found, query.bind(place_of(row.id, seq)).step());
  if (!found) return std::optional<SealedEntry>();
  return std::optional(entry_from(query, 0));
}

Result<void> FeedStore::put_entry(const FeedRow& row, uint64_t seq, const Hash& hash, const SealedEntry& entry,
                                  ByteView entry_key) {
  std::optional<ByteView> ciphertext, key;
  if (!entry.is_stub()) ciphertext = entry.ciphertext;
  if (!entry_key.empty()) key = entry_key;
  return database_.run(
      "INSERT OR REPLACE INTO entries (place, hash, kind, length, ciphertext_hash, stub, warrant, entry_key, "
      "ciphertext) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      place_of(row.id, seq), hash, static_cast<int>(entry.kind), entry.length, entry.ciphertext_hash,
      static_cast<int>(entry.reason), entry.warrant, key, ciphertext);
}

Result<void> FeedStore::put_entry_key(const FeedRow& row, uint64_t seq, ByteView key) {
  return database_.run("UPDATE entries SET entry_key = ?2 WHERE place = ?1", place_of(row.id, seq), key);
}

Result<void> FeedStore::set_head(FeedRow& row, uint64_t seq, const Hash& hash) {
  row.head_seq = seq;
  row.head_hash = hash;
  return database_.run("UPDATE feeds SET head_seq = ?2, head_hash = ?3 WHERE id = ?1", row.id, seq, hash);
}

Result<std::optional<Batch>> FeedStore::read(const FeedRow& row, uint64_t first_seq, size_t size_max) {
  if (first_seq == 0 || first_seq > row.head_seq) return std::optional<Batch>();
  LYSOEN_ASSIGN(auto held, block(row, feed::block_first(first_seq)));
  uint64_t last = std::min(held.state.last_seq(), held.state.signed_seq);
  if (first_seq > last) return std::optional<Batch>();  // not signed yet
  // Batches are made from what is proved; what is stored may come from pages of two times.
  const auto& block = held.state;
  if (!feed::root_from_run(block.hashes, 0, block.signed_seq - block.first_seq + 1, {{}, block.beyond}))
    return make_error(ErrorCode::damaged, "cannot read a feed: its entries and its signature do not fit together");
  std::vector<SealedEntry> entries;
  size_t size = 0;
  LYSOEN_ASSIGN(auto query, database_.prepare("SELECT " + std::string(kEntryColumns) +
                                              " FROM entries WHERE place BETWEEN ? AND ? ORDER BY place"));
  query.bind(place_of(row.id, first_seq), place_of(row.id, last));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) break;
    auto entry = entry_from(query, 0);
    size += entry.ciphertext.size() + entry.warrant.size();
    if (!entries.empty() && size > size_max) break;
    entries.push_back(std::move(entry));
  }
  return std::optional(feed::make_batch(row.key, held.state, first_seq, std::move(entries)));
}

}  // namespace lysoen::vault
