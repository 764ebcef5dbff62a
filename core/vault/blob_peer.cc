// The vault as a BlobPeer: attachments that go to relays, and those that come from them.
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/blob/file.h"
#include "core/feed/receipt.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr int64_t kSmall = media::kChunkContent;  // one chunk: pictures to look at before their originals

BlobName name_of(const BlobId& id, int64_t size) {
  return {id, media::blob_size(static_cast<uint64_t>(size))};
}

constexpr std::string_view kSent =
    " FROM blobs b JOIN feeds f ON f.id = b.place >> 40 WHERE b.held IS NULL AND b.place IS NOT NULL AND f.own = 1 ";
// Own ones, and of others those that no durable relay is known to hold. durable: 1 signed so, 2 served it.
const std::string kOutgoing =
    " FROM blobs b JOIN feeds f ON f.id = b.place >> 40 WHERE b.held IS NULL AND b.place IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM blob_receipts r WHERE r.relay = ?1 AND r.blob = b.blob) AND (f.own = 1 OR NOT EXISTS (SELECT 1 "
    "FROM relays k CROSS JOIN blob_receipts r ON r.relay = k.relay AND r.blob = b.blob WHERE r.durable <> 0)) ";

}  // namespace

// -- Going ----------------------------------------------------------------------------------------------------------

Result<std::vector<BlobName>> VaultImpl::outgoing_blobs(const RelayId& relay, size_t count_max) {
  LYSOEN_TRY(may_send());
  std::vector<BlobName> names;
  LYSOEN_ASSIGN(auto query,
                database().prepare("SELECT b.blob, b.size" + kOutgoing + "ORDER BY b.size > ?2, b.place LIMIT ?3"));
  query.bind(relay, kSmall, count_max);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return names;
    names.push_back(name_of(query.id<BlobId>(0), query.integer(1)));
  }
}

/// Opened, with its tree; stays open for the next call.
Result<blob::ChunkFile*> VaultImpl::whole_blob(const BlobName& name) {
  LYSOEN_TRY(usable());
  if (sending_ && sending_->name() == name) return sending_.get();
  sending_.reset();
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT file, size FROM blobs WHERE blob = ? AND held IS NULL"));
  query.bind(name.blob);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return make_error(ErrorCode::damaged, "cannot send an attachment: it is not here any more");
    if (name_of(name.blob, query.integer(1)) != name) continue;
    LYSOEN_ASSIGN(auto file, blob_files().open(query.array<16>(0), storage::OpenMode::read_write));
    sending_ = std::make_unique<blob::ChunkFile>(std::move(file), name);
    return sending_.get();
  }
}

Result<ChunkRun> VaultImpl::read_run(const BlobName& name, uint32_t first, uint32_t count) {
  LYSOEN_ASSIGN(auto* file, whole_blob(name));
  auto run = file->run(first, count);
  if (run || run.error().code != ErrorCode::damaged) return run;
  // No tree yet, or one that a power cut tore: the chunks tell whether it is the blob.
  LYSOEN_TRY(file->grow_tree());
  LYSOEN_TRY(file->sync());
  return file->run(first, count);
}

Result<Bytes> VaultImpl::read_chunk(const BlobName& name, uint32_t index) {
  LYSOEN_ASSIGN(auto* file, whole_blob(name));
  return file->chunk(index);
}

Result<void> VaultImpl::take_blob_receipt(const RelayId& relay, ByteView bytes) {
  LYSOEN_TRY(require_team("take a receipt"));
  auto refuse = [](std::string_view why) {
    return make_error(ErrorCode::trust_refused, "the relay's receipt is refused: " + std::string(why),
                      "tell an admin: a relay should never send such a receipt");
  };
  LYSOEN_ASSIGN(auto receipt, feed::read_blob_receipt(relay, bytes));
  const RelayInfo* info = nullptr;
  for (const auto& known : membership_.roster().head.relays)
    if (known.id == relay) info = &known;
  if (!info) return refuse("the roster does not name this relay");
  if (receipt.team != membership_.team()) return refuse("it is for another team");
  bool here = false;
  {
    LYSOEN_ASSIGN(auto query, database().prepare("SELECT size FROM blobs WHERE blob = ?"));
    query.bind(receipt.name.blob);
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      here = here || name_of(receipt.name.blob, query.integer(0)) == receipt.name;
    }
  }
  if (!here) return refuse("it speaks of an attachment that is not here");
  return plain([&](storage::Database& database) {
    return database.run("INSERT OR REPLACE INTO blob_receipts VALUES (?, ?, ?, ?)", relay, receipt.name.blob, bytes,
                        info->durable);
  });
}

// -- Coming ---------------------------------------------------------------------------------------------------------

Result<std::vector<WantedBlob>> VaultImpl::wanted_blobs(size_t count_max) {
  LYSOEN_TRY(usable());
  std::vector<WantedBlob> wanted;
  // Small ones first, then those that were begun, then the oldest.
  LYSOEN_ASSIGN(auto query,
                database().prepare("SELECT blob, size, held FROM blobs WHERE held IS NOT NULL ORDER BY size "
                                   "> ?1, length(file) = 0, place LIMIT ?2"));
  query.bind(kSmall, count_max);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return wanted;
    WantedBlob one{name_of(query.id<BlobId>(0), query.integer(1)), {}};
    one.held = blob::decode(query.blob(2), one.name.chunks()).value_or(ChunkRanges());
    wanted.push_back(std::move(one));
  }
}

Result<void> VaultImpl::take_chunks(const ProvenChunks& chunks) {
  LYSOEN_TRY(usable());
  LYSOEN_TRY(settle());
  struct Row {
    int64_t report;
    BlobFile file;
    bool begun;
    ChunkRanges held;
  };
  std::vector<Row> rows;  // more than one only if several reports name it
  {
    LYSOEN_ASSIGN(auto query,
                  database().prepare("SELECT report, size, file, held FROM blobs WHERE blob = ? AND held IS "
                                     "NOT NULL"));
    query.bind(chunks.name.blob);
    for (;;) {
      LYSOEN_ASSIGN(bool more, query.step());
      if (!more) break;
      if (name_of(chunks.name.blob, query.integer(1)) != chunks.name) continue;
      Row row{query.integer(0), {}, !query.blob(2).empty(), {}};
      if (row.begun) row.file = query.array<16>(2);
      row.held = blob::decode(query.blob(3), chunks.name.chunks()).value_or(ChunkRanges());
      rows.push_back(std::move(row));
    }
  }
  for (auto& row : rows)
    LYSOEN_TRY(
        take_chunks_for(row.report, row.begun ? std::optional(row.file) : std::nullopt, std::move(row.held), chunks));
  return {};
}

/// The file is on the medium before the row says what it holds.
Result<void> VaultImpl::take_chunks_for(int64_t report, const std::optional<BlobFile>& known, ChunkRanges held,
                                        const ProvenChunks& chunks) {
  const ChunkRange brought{chunks.first, chunks.first + static_cast<uint32_t>(chunks.chunks.size())};
  if (blob::covers(held, brought)) return {};
  blob::add(held, brought);
  if (LYSOEN_FAULT(chunk_list_ahead)) blob::add(held, {brought.end, std::min(brought.end + 1, chunks.name.chunks())});
  if (held.size() > kBlobRangesMax) return {};  // what was asked for comes in order
  auto name = known.value_or(BlobFile{});
  std::unique_ptr<storage::File> opened;
  if (known) {
    LYSOEN_ASSIGN(opened, blob_files().open(name, storage::OpenMode::read_write));
  } else {
    LYSOEN_ASSIGN(auto made, blob_files().make(environment_.random));
    name = made.first, opened = std::move(made.second);
  }
  blob::ChunkFile file(std::move(opened), chunks.name);
  LYSOEN_TRY(file.write(chunks));
  const bool whole = blob::whole(chunks.name, held);
  if (whole) LYSOEN_TRY(file.finish());
  LYSOEN_TRY(file.sync());
  return plain([&](storage::Database& database) {
    if (whole)
      return database.run("UPDATE blobs SET file = ?, held = NULL WHERE report = ? AND blob = ?", name, report,
                          chunks.name.blob);
    return database.run("UPDATE blobs SET file = ?, held = ? WHERE report = ? AND blob = ?", name, blob::encode(held),
                        report, chunks.name.blob);
  });
}

Result<void> VaultImpl::take_served(const RelayId& relay, const BlobName& name) {
  bool durable = false;
  for (const auto& known : membership_.roster().head.relays) durable = durable || (known.id == relay && known.durable);
  LYSOEN_ASSIGN(auto noted,
                database().integer("SELECT 1 FROM blob_receipts WHERE relay = ? AND blob = ?", relay, name.blob));
  if (noted) return {};  // each piece of a large one says it
  return plain([&](storage::Database& database) {
    return database.run("INSERT INTO blob_receipts VALUES (?, ?, x'', ?)", relay, name.blob, durable ? 2 : 0);
  });
}

// -- In bundles -----------------------------------------------------------------------------------------------------

Result<std::vector<BlobName>> VaultImpl::whole_blobs() {
  LYSOEN_TRY(may_send());
  std::vector<BlobName> names;
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT blob, size FROM blobs WHERE held IS NULL AND place IS NOT NULL "
                                               "GROUP BY blob, size ORDER BY size > ?, min(place)"));
  query.bind(kSmall);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return names;
    names.push_back(name_of(query.id<BlobId>(0), query.integer(1)));
  }
}

/// Of several reports that name it the one that has the least.
Result<std::optional<ChunkRanges>> VaultImpl::held_chunks(const BlobName& name) {
  LYSOEN_TRY(usable());
  LYSOEN_TRY(settle());
  std::optional<ChunkRanges> least;
  LYSOEN_ASSIGN(auto query, database().prepare("SELECT size, held, held IS NULL FROM blobs WHERE blob = ?"));
  query.bind(name.blob);
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return least;
    if (name_of(name.blob, query.integer(0)) != name) continue;
    auto held = query.integer(2) != 0 ? ChunkRanges{{0, name.chunks()}}
                                      : blob::decode(query.blob(1), name.chunks()).value_or(ChunkRanges());
    if (!least || blob::count(held) < blob::count(*least)) least = std::move(held);
  }
}

// -- How much of both -----------------------------------------------------------------------------------------------

Result<VaultImpl::FilesLeft> VaultImpl::files_to_fetch() {
  FilesLeft left;
  LYSOEN_ASSIGN(auto query,
                database().prepare("SELECT blob, size, held, thumbnail_of IS NULL FROM blobs WHERE held IS NOT NULL"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, query.step());
    if (!more) return left;
    const auto name = name_of(query.id<BlobId>(0), query.integer(1));
    const auto held = blob::decode(query.blob(2), name.chunks()).value_or(ChunkRanges());
    left.files += query.integer(3) != 0;
    left.bytes += name.size - blob::bytes_of(name, held);
  }
}

Result<BlobsLeft> VaultImpl::blobs_left(const RelayId& relay) {
  LYSOEN_TRY(usable());
  LYSOEN_ASSIGN(auto coming, files_to_fetch());
  BlobsLeft left{0, coming.bytes};
  LYSOEN_ASSIGN(auto going, database().prepare("SELECT b.size" + kOutgoing));
  going.bind(relay);
  for (;;) {
    LYSOEN_ASSIGN(bool more, going.step());
    if (!more) return left;
    left.to_send += media::blob_size(static_cast<uint64_t>(going.integer(0)));
  }
}

Result<void> VaultImpl::count_files(VaultStatus& status) {
  LYSOEN_ASSIGN(auto coming, files_to_fetch());
  status.wanted_files = coming.files, status.wanted_file_bytes = coming.bytes;
  LYSOEN_ASSIGN(auto going, database().prepare("SELECT b.size, b.thumbnail_of IS NULL" + std::string(kSent) +
                                               "AND NOT EXISTS (SELECT 1 FROM blob_receipts r WHERE r.blob = b.blob "
                                               "AND r.durable = 1)"));
  for (;;) {
    LYSOEN_ASSIGN(bool more, going.step());
    if (!more) return {};
    status.unsent_files += going.integer(1) != 0;
    status.unsent_file_bytes += media::blob_size(static_cast<uint64_t>(going.integer(0)));
  }
}

}  // namespace lysoen::vault
