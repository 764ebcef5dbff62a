// Attachments as they travel: sealed blobs in chunks, each of which proves its place. What a vault gives to an exchange
// for them; the format is docs/formats/attachment.md, the exchange docs/protocol/exchange.md. std types only.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <optional>

namespace lysoen {

inline constexpr size_t kChunkSize = 16 * 1024;              // sealed; a blob's last chunk may be shorter
inline constexpr uint64_t kBlobSizeMax = uint64_t{5} << 30;  // what 4 GiB become, padded and sealed, is below
inline constexpr size_t kBlobRangesMax = 64;   // of held chunks; they come in order, so that there are one or two
inline constexpr size_t kRunChunksMax = 1024;  // of one run: 16 MiB
inline constexpr size_t kRunProofMax = 40;     // hashes on each side of a run; 2^19 chunks need at most 19 and 38

/// What a relay may know of an attachment: the id, which is the RFC 6962 root over the chunks, and the blob's size.
/// Whoever names both is served, so that no list of readers is needed: nobody can guess an id.
struct BlobName {
  BlobId blob;
  uint64_t size = 0;  // bytes, at least 1

  uint32_t chunks() const { return static_cast<uint32_t>((size + kChunkSize - 1) / kChunkSize); }
  /// Of this chunk, 0-based.
  size_t chunk_size(uint32_t index) const {
    return index + 1 < chunks() ? kChunkSize : static_cast<size_t>(size - uint64_t{index} * kChunkSize);
  }
  auto operator<=>(const BlobName&) const = default;
};

/// Chunks first .. end - 1.
struct ChunkRange {
  uint32_t first = 0, end = 0;
  bool operator==(const ChunkRange&) const = default;
};
/// Ascending, none empty, none touching the next.
using ChunkRanges = std::vector<ChunkRange>;

/// Where consecutive chunks stand in their blob: their leaf hashes, and the hashes of the complete subtrees left and
/// right of them, which together give the blob's id.
struct ChunkRun {
  BlobName name;
  uint32_t first = 0;
  std::vector<Hash> leaves;       // one for each chunk of the run
  std::vector<Hash> left, right;  // leaf order
  bool operator==(const ChunkRun&) const = default;
};

/// Chunks whose leaf hashes were proved and which have them; nothing else is ever stored.
struct ProvenChunks {
  BlobName name;
  uint32_t first = 0;
  std::vector<Hash> leaves;
  std::vector<Bytes> chunks;  // as many

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& chunk : chunks) sum += chunk.size();
    return sum;
  }
};

/// A blob that is not here whole.
struct WantedBlob {
  BlobName name;
  ChunkRanges held;
  bool operator==(const WantedBlob&) const = default;
};

/// Bytes of attachments that are still to go, and to come.
struct BlobsLeft {
  uint64_t to_send = 0, to_fetch = 0;
};

/// The attachments of a device, for its exchanges. Threads: those of its SyncPeer. Errors: those of the disk; `damaged`
/// if a blob's file does not hold what it should.
class BlobPeer {
 public:
  virtual ~BlobPeer() = default;

  /// Attachments of reports that were sent and for which this relay has not signed, and those of others that no durable
  /// relay is known to hold; small ones first, then the oldest first. At most `count_max`.
  virtual Result<std::vector<BlobName>> outgoing_blobs(const RelayId& relay, size_t count_max) = 0;
  /// Up to `count` chunks from `first` on, which exists. The chunks themselves are read one by one.
  virtual Result<ChunkRun> read_run(const BlobName& name, uint32_t first, uint32_t count) = 0;
  virtual Result<Bytes> read_chunk(const BlobName& name, uint32_t index) = 0;
  /// The relay has signed that it holds all of a blob. trust_refused if it did not.
  virtual Result<void> take_blob_receipt(const RelayId& relay, ByteView receipt) = 0;

  /// Attachments named by reports that were received, and not here whole; in the order in which to ask for them.
  virtual Result<std::vector<WantedBlob>> wanted_blobs(size_t count_max) = 0;
  /// Stands once this returns: what was taken is not asked for again. Of a blob that nobody wants it is dropped.
  virtual Result<void> take_chunks(const ProvenChunks& chunks) = 0;

  virtual Result<BlobsLeft> blobs_left(const RelayId& relay) = 0;

  /// The relay served chunks of it, so that it holds all.
  virtual Result<void> take_served(const RelayId& relay, const BlobName& name) {
    (void)relay, (void)name;
    return {};
  }

  // -- For bundles ---------------------------------------------------------------------------------------------------
  /// Attachments of sent and received reports that are here whole, small ones first: what read_run gives.
  virtual Result<std::vector<BlobName>> whole_blobs() { return std::vector<BlobName>(); }
  /// Which chunks are here of an attachment that a report names; nothing if no report that can be read here does.
  virtual Result<std::optional<ChunkRanges>> held_chunks(const BlobName& name) {
    (void)name;
    return std::optional<ChunkRanges>();
  }
};

}  // namespace lysoen
