#include "core/blob/file.h"

#include <bit>

#include "core/base/check.h"
#include "core/base/try.h"

namespace lysoen::blob {

namespace {

constexpr size_t kHashesAtOnce = 2048;

Error damaged() {
  return make_error(ErrorCode::damaged, "cannot read an attachment's file: it does not hold what it should",
                    "it may be whole on another device, or at the relay");
}

uint64_t tree_at(const BlobName& name) {
  return uint64_t{name.chunks()} * kChunkSize;
}

}  // namespace

uint64_t file_size(const BlobName& name) {
  uint64_t hashes = 0;
  for (uint32_t left = name.chunks(); left > 0; left >>= 1) hashes += left;
  return tree_at(name) + hashes * Hash::kSize;
}

uint64_t ChunkFile::level_at(uint32_t level) const {
  uint64_t hashes = 0;
  for (uint32_t k = 0; k < level; ++k) hashes += name_.chunks() >> k;
  return tree_at(name_) + hashes * Hash::kSize;
}

Result<void> ChunkFile::write(const ProvenChunks& run) {
  LYSOEN_CHECK(run.name == name_ && run.leaves.size() == run.chunks.size());
  Bytes together;
  for (const auto& chunk : run.chunks) together.insert(together.end(), chunk.begin(), chunk.end());
  LYSOEN_TRY(file_->write_at(uint64_t{run.first} * kChunkSize, together));
  return write_leaves(run.first, run.leaves);
}

Result<void> ChunkFile::write_leaves(uint32_t first, std::span<const Hash> leaves) {
  return write_hashes(tree_at(name_) + uint64_t{first} * Hash::kSize, leaves);
}

Result<void> ChunkFile::write_hashes(uint64_t at, std::span<const Hash> hashes) {
  if (hashes.empty()) return {};
  Bytes bytes;
  for (const auto& hash : hashes) bytes.insert(bytes.end(), hash.bytes.begin(), hash.bytes.end());
  return file_->write_at(at, bytes);
}

Result<std::vector<Hash>> ChunkFile::read_hashes(uint64_t at, size_t count) {
  Bytes bytes(count * Hash::kSize);
  LYSOEN_ASSIGN(size_t came, file_->read_at(at, bytes));
  if (came < bytes.size()) return damaged();
  std::vector<Hash> hashes(count);
  for (size_t i = 0; i < count; ++i) hashes[i] = *Hash::from(ByteView(bytes).subspan(i * Hash::kSize, Hash::kSize));
  return hashes;
}

Result<void> ChunkFile::finish() {
  for (uint32_t level = 1; (name_.chunks() >> level) > 0; ++level) {
    const uint32_t all = name_.chunks() >> level;
    for (uint32_t at = 0; at < all;) {
      const uint32_t count = std::min<uint32_t>(all - at, kHashesAtOnce / 2);
      LYSOEN_ASSIGN(auto below, read_hashes(level_at(level - 1) + uint64_t{at} * 2 * Hash::kSize, size_t{count} * 2));
      std::vector<Hash> nodes(count);
      for (size_t i = 0; i < count; ++i) nodes[i] = crypto::merkle_node(below[2 * i], below[2 * i + 1]);
      LYSOEN_TRY(write_hashes(level_at(level) + uint64_t{at} * Hash::kSize, nodes));
      at += count;
    }
  }
  return {};
}

Result<void> ChunkFile::grow_tree() {
  std::vector<Hash> leaves;
  crypto::MerkleLog tree;
  for (uint32_t index = 0; index < name_.chunks(); ++index) {
    LYSOEN_ASSIGN(auto bytes, chunk(index));
    leaves.push_back(crypto::merkle_leaf(bytes));
    tree.append(leaves.back());
    if (leaves.size() < kHashesAtOnce && index + 1 < name_.chunks()) continue;
    LYSOEN_TRY(write_hashes(tree_at(name_) + (uint64_t{index} + 1 - leaves.size()) * Hash::kSize, leaves));
    leaves.clear();
  }
  if (tree.root().bytes != name_.blob.bytes) return damaged();
  return finish();
}

Result<bool> ChunkFile::has_tree() {
  LYSOEN_ASSIGN(uint64_t size, file_->size());
  return size >= file_size(name_);
}

/// The hashes of the largest complete subtrees over leaves from .. to - 1.
Result<std::vector<Hash>> ChunkFile::tiles(uint64_t from, uint64_t to) {
  std::vector<Hash> hashes;
  for (const auto& tile : crypto::merkle_tiles(from, to)) {
    const auto level = static_cast<uint32_t>(std::countr_zero(tile.size));
    LYSOEN_ASSIGN(auto hash, read_hashes(level_at(level) + (tile.first >> level) * Hash::kSize, 1));
    hashes.push_back(hash.front());
  }
  return hashes;
}

Result<ChunkRun> ChunkFile::run(uint32_t first, uint32_t count) {
  LYSOEN_CHECK(first < name_.chunks() && count > 0);
  count = std::min({count, name_.chunks() - first, static_cast<uint32_t>(kRunChunksMax)});
  ChunkRun run{name_, first, {}, {}, {}};
  LYSOEN_ASSIGN(run.leaves, read_hashes(tree_at(name_) + uint64_t{first} * Hash::kSize, count));
  LYSOEN_ASSIGN(run.left, tiles(0, first));
  LYSOEN_ASSIGN(run.right, tiles(uint64_t{first} + count, name_.chunks()));
  if (!proves(run)) return damaged();
  return run;
}

Result<Bytes> ChunkFile::chunk(uint32_t index) {
  LYSOEN_CHECK(index < name_.chunks());
  Bytes bytes(name_.chunk_size(index));
  LYSOEN_ASSIGN(size_t came, file_->read_at(uint64_t{index} * kChunkSize, bytes));
  if (came < bytes.size()) return damaged();
  return bytes;
}

}  // namespace lysoen::blob
