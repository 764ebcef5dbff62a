// A blob's file while it comes and when it is whole: the same on a device and at a relay.
//
//   chunks   at 0: chunk i at i * 16,384
//   tree     at n * 16,384, n chunks: for k = 0, 1, ... the hashes of the complete subtrees of 2^k leaves, n >> k of
//            them; level 0 are the leaf hashes
//
// Which chunks are held stands in its owner's tables; the levels above 0 are written once all are. A proof is then some
// dozens of hashes read, however large the blob is. docs/formats/attachment.md.
#pragma once
#include <memory>

#include "core/blob/run.h"
#include "core/storage/files.h"

namespace lysoen::blob {

/// Bytes of the whole file.
uint64_t file_size(const BlobName& name);

class ChunkFile {
 public:
  ChunkFile(std::unique_ptr<storage::File> file, const BlobName& name) : file_(std::move(file)), name_(name) {}

  const BlobName& name() const { return name_; }
  /// Not synced.
  Result<void> write(const ProvenChunks& chunks);
  /// Leaf hashes alone, of chunks that are written. Not synced.
  Result<void> write_leaves(uint32_t first, std::span<const Hash> leaves);
  /// Requires all chunks and leaf hashes. Not synced.
  Result<void> finish();
  /// The same for a file that holds the chunks and no leaf hashes yet. Errors: damaged if it is another blob.
  Result<void> grow_tree();
  Result<void> sync() { return file_->sync(); }

  /// Whether the file is as long as a whole one.
  Result<bool> has_tree();
  /// Requires a whole file, and first < chunks. Errors: damaged, if what is read proves nothing.
  Result<ChunkRun> run(uint32_t first, uint32_t count);
  /// Errors: damaged (cut off).
  Result<Bytes> chunk(uint32_t index);

 private:
  uint64_t level_at(uint32_t level) const;
  Result<std::vector<Hash>> read_hashes(uint64_t at, size_t count);
  Result<void> write_hashes(uint64_t at, std::span<const Hash> hashes);
  Result<std::vector<Hash>> tiles(uint64_t from, uint64_t to);

  std::unique_ptr<storage::File> file_;
  BlobName name_;
};

}  // namespace lysoen::blob
