// Attachments of a device in memory, for exchange tests: what it sends, what it wants, what came.
#pragma once
#include <map>
#include <set>

#include "core/blob/run.h"
#include "core/feed/receipt.h"
#include "tests/support/seed.h"

namespace lysoen::test {

class FieldBlobs final : public BlobPeer {
 public:
  /// A blob of random chunks, to be sent.
  BlobName make(Random& random, uint64_t size) {
    BlobName name{{}, size};
    Blob blob;
    for (uint32_t i = 0; i < name.chunks(); ++i) {
      Bytes chunk(name.chunk_size(i));
      random.fill(chunk);
      blob.leaves.push_back(crypto::merkle_leaf(chunk));
      blob.chunks.push_back(std::move(chunk));
    }
    name.blob.bytes = crypto::merkle_root(blob.leaves).bytes;
    blob.held = {{0, name.chunks()}};
    all[name] = std::move(blob);
    sent.push_back(name);
    return name;
  }
  void want(const BlobName& name) {
    all[name].chunks.resize(name.chunks());
    wanted.push_back(name);
  }
  bool has(const BlobName& name) { return blob::whole(name, all[name].held); }
  bool same(FieldBlobs& other, const BlobName& name) { return has(name) && all[name].chunks == other.all[name].chunks; }

  Result<std::vector<BlobName>> outgoing_blobs(const RelayId&, size_t count_max) override {
    std::vector<BlobName> names;
    for (const auto& name : sent)
      if (!receipts.count(name) && names.size() < count_max) names.push_back(name);
    return names;
  }
  Result<ChunkRun> read_run(const BlobName& name, uint32_t first, uint32_t count) override {
    if (damaged.count(name))
      return make_error(ErrorCode::damaged, "cannot send an attachment: it is not here any more");
    const auto& leaves = all.at(name).leaves;
    ChunkRun run{name, first, {leaves.begin() + first, leaves.begin() + first + count}, {}, {}};
    auto proof = crypto::merkle_range_proof(leaves, first, first + count - 1);
    run.left = proof.left, run.right = proof.right;
    return run;
  }
  Result<Bytes> read_chunk(const BlobName& name, uint32_t index) override {
    ++chunks_read;
    return all.at(name).chunks[index];
  }
  Result<void> take_blob_receipt(const RelayId& relay, ByteView bytes) override {
    auto receipt = feed::read_blob_receipt(relay, bytes);
    if (!receipt) return std::move(receipt).error();
    receipts[receipt->name] = *receipt;
    return {};
  }
  Result<std::vector<WantedBlob>> wanted_blobs(size_t count_max) override {
    std::vector<WantedBlob> names;
    for (const auto& name : wanted)
      if (!has(name) && names.size() < count_max) names.push_back({name, all[name].held});
    return names;
  }
  Result<void> take_chunks(const ProvenChunks& chunks) override {
    if (full) return make_error(ErrorCode::storage_full, "cannot store an attachment: the disk is full");
    auto& blob = all[chunks.name];
    blob.chunks.resize(chunks.name.chunks());
    for (uint32_t i = 0; i < chunks.chunks.size(); ++i) {
      if (blob::covers(blob.held, {chunks.first + i, chunks.first + i + 1})) ++came_twice;
      blob.chunks[chunks.first + i] = chunks.chunks[i];
      blob::add(blob.held, {chunks.first + i, chunks.first + i + 1});
    }
    return {};
  }
  Result<BlobsLeft> blobs_left(const RelayId&) override {
    BlobsLeft left;
    for (const auto& name : sent)
      if (!receipts.count(name)) left.to_send += name.size;
    for (const auto& name : wanted) left.to_fetch += name.size - blob::bytes_of(name, all[name].held);
    return left;
  }

  Result<std::optional<ChunkRanges>> held_chunks(const BlobName& name) override {
    auto known = all.find(name);
    return known == all.end() ? std::optional<ChunkRanges>() : std::optional(known->second.held);
  }

  struct Blob {
    std::vector<Bytes> chunks;
    std::vector<Hash> leaves;
    ChunkRanges held;
  };
  std::map<BlobName, Blob> all;
  std::vector<BlobName> sent, wanted;
  std::set<BlobName> damaged;
  std::map<BlobName, feed::BlobReceipt> receipts;
  uint64_t chunks_read = 0;  // each of which was put into a request
  uint64_t came_twice = 0;
  bool full = false;
};

}  // namespace lysoen::test
