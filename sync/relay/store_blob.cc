// Attachments: which chunks are held, under which quota, and the relay's word that all of them are.
#include "core/base/try.h"
#include "core/feed/receipt.h"
#include "sync/relay/store.h"

namespace lysoen::relay {

using session::Refusal;
using wire::VerdictCode;

namespace {
constexpr uint64_t kBlobCost = 512;  // of a row and a file, so that tiny blobs are not free
}

Result<std::optional<Store::BlobRow>> Store::blob_row(int64_t team, const BlobName& name) {
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT id, held FROM blob WHERE team = ? AND blob = ? AND size = ?"));
  query.bind(team, name.blob, name.size);
  LYSOEN_ASSIGN(bool found, query.step());
  if (!found) return std::optional<BlobRow>();
  auto held = blob::decode(query.blob(1), name.chunks());
  if (!held) return make_error(ErrorCode::damaged, "cannot read the relay's store: a list of chunks is damaged");
  return std::optional(BlobRow{query.integer(0), std::move(*held)});
}

Result<ChunkRanges> Store::blob_held(const TeamId& team, const BlobName& name) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row) return ChunkRanges();
  LYSOEN_ASSIGN(auto known, blob_row(row->id, name));
  return known ? std::move(known->held) : ChunkRanges();
}

Result<Bytes> Store::blob_receipt(const TeamId& team, const BlobName& name) {
  feed::BlobReceipt receipt{team, name, WallTime(std::chrono::milliseconds(static_cast<int64_t>(now_ms()))), 0};
  LYSOEN_ASSIGN(receipt.store_epoch, epoch());
  ++counts_.receipts;
  return feed::sign_blob_receipt(receipt, identity_);
}

Result<Refusal> Store::put_chunks(const TeamId& team, const DeviceId& carrier, const ProvenChunks& chunks) {
  LYSOEN_ASSIGN(auto* row, team_row(team));
  if (!row || row->removed) return Refusal(VerdictCode::team_unknown);
  LYSOEN_ASSIGN(auto known, blob_row(row->id, chunks.name));
  auto held = known ? known->held : ChunkRanges();
  const ChunkRange brought{chunks.first, chunks.first + static_cast<uint32_t>(chunks.chunks.size())};
  if (blob::covers(held, brought)) return Refusal();
  const uint64_t before = blob::bytes_of(chunks.name, held);
  blob::add(held, brought);
  if (held.size() > kBlobRangesMax) return Refusal(VerdictCode::too_large);
  const uint64_t cost = blob::bytes_of(chunks.name, held) - before + (known ? 0 : kBlobCost);
  LYSOEN_ASSIGN(auto left, quota_left(*row, carrier));
  if (left && cost > *left) return Refusal(VerdictCode::over_quota);

  auto written = blobs_.write(team, chunks, blob::whole(chunks.name, held));
  if (!written && written.error().code == ErrorCode::storage_full) return Refusal(VerdictCode::storage_full);
  if (!written) return std::move(written).error();
  LYSOEN_TRY(note_chunks(*row, chunks.name, held, cost));
  LYSOEN_TRY(count_quota(*row, carrier, cost));
  counts_.chunks += brought.end - brought.first;
  counts_.bytes += cost;
  if (blob::whole(chunks.name, held)) ++counts_.blobs, news_.teams.push_back(team);
  Writer record;
  record.u8(kChunksRecord).id(team).id(chunks.name.blob).u64(chunks.name.size).u32(brought.first).u32(brought.end);
  record_.insert(record_.end(), record.bytes().begin(), record.bytes().end());
  return Refusal();
}

Result<void> Store::note_chunks(TeamRow& team, const BlobName& name, const ChunkRanges& held, uint64_t cost) {
  LYSOEN_ASSIGN(auto known, blob_row(team.id, name));
  if (known) {
    LYSOEN_TRY(db_.run("UPDATE blob SET held = ?, last_ms = ? WHERE id = ?", blob::encode(held), now_ms(), known->id));
  } else {
    LYSOEN_ASSIGN(auto highest, db_.integer("SELECT max(id) FROM blob"));
    LYSOEN_TRY(db_.run("INSERT INTO blob VALUES(?, ?, ?, ?, ?, ?, ?)", highest.value_or(0) + 1, team.id, name.blob,
                       name.size, blob::encode(held), now_ms(), now_ms()));
  }
  team.bytes += cost;
  return save_log(team);
}

/// The chunks were on the medium before the record was.
Result<void> Store::replay_chunks(Reader& reader) {
  auto id = reader.id<TeamId>();
  BlobName name{reader.id<BlobId>(), reader.u64()};
  ChunkRange range{reader.u32(), reader.u32()};
  if (!reader.ok() || name.size == 0 || range.end > name.chunks()) {
    reader.fail();
    return {};
  }
  LYSOEN_ASSIGN(auto* team, team_row(id));
  if (!team) return {};  // purged since
  LYSOEN_ASSIGN(auto known, blob_row(team->id, name));
  auto held = known ? known->held : ChunkRanges();
  const uint64_t before = blob::bytes_of(name, held);
  blob::add(held, range);
  return note_chunks(*team, name, held, blob::bytes_of(name, held) - before + (known ? 0 : kBlobCost));
}

Result<ChunkRun> Store::read_run(const TeamId& team, const BlobName& name, uint32_t first, uint32_t count) {
  LYSOEN_ASSIGN(auto file, blobs_.open(team, name));
  return file.run(first, count);
}

Result<Bytes> Store::read_chunk(const TeamId& team, const BlobName& name, uint32_t index) {
  LYSOEN_ASSIGN(auto file, blobs_.open(team, name));
  return file.chunk(index);
}

Result<std::set<std::string>> Store::blob_files() {
  std::set<std::string> names;
  LYSOEN_ASSIGN(auto query, db_.prepare("SELECT team.team, blob, size FROM blob JOIN team ON team.id = blob.team"));
  for (;;) {
    LYSOEN_ASSIGN(bool row, query.step());
    if (!row) return names;
    names.insert(
        BlobFolder::name_of(query.id<TeamId>(0), {query.id<BlobId>(1), static_cast<uint64_t>(query.integer(2))}));
  }
}

}  // namespace lysoen::relay
