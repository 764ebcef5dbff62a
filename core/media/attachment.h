// Attachments as bytes: a file sealed into a blob of chunks, and a blob opened again. Constant memory, no files here.
//
//   content = the file ‖ zeros, so that few sizes occur
//   blob    = chunk 0 ‖ chunk 1 ‖ ...   the parts of core/crypto/parts.h, of 16,368 bytes of content; a chunk is 16 KiB
//   blob id = RFC 6962 root over the chunks (leaf hash = SHA-256(0x00 ‖ chunk)): each chunk can be proved by itself
//
// A key is drawn for each sealing and belongs to that content alone. docs/formats/attachment.md.
#pragma once
#include <lysoen/blob.h>
#include <lysoen/media.h>

#include <optional>

#include "core/crypto/hash.h"
#include "core/crypto/parts.h"

namespace lysoen::media {

inline constexpr size_t kChunkContent = kChunkSize - crypto::kTagSize;

/// What opens a blob and says what must come out.
struct BlobInfo {
  BlobId blob;
  std::array<uint8_t, 32> key{};
  uint64_t size = 0;  // of the file
  Hash content;       // SHA-256 of the file
  bool operator==(const BlobInfo&) const = default;
};

/// Size of the blob of a file of this size.
uint64_t blob_size(uint64_t size);

/// Fills the span as far as there is something; fewer bytes only at the end.
using Source = std::function<Result<size_t>(std::span<uint8_t> into)>;
using Sink = std::function<Result<void>(ByteView bytes)>;

/// Reads the file to its end, hands on chunk by chunk. Errors: limit_exceeded (above kAttachmentSizeMax), those of
/// source and sink.
Result<BlobInfo> seal_blob(const Source& file, const Sink& chunks, Random& random);

/// Reads the blob to its end, hands on what each chunk holds once it has authenticated. What was handed on counts only
/// when this returns without an error: then it is the file, whole. Errors: damaged, those of source and sink.
Result<void> open_blob(const BlobInfo& info, const Source& blob, const Sink& file);

/// The id that these bytes have as a blob.
Result<BlobId> blob_id(const Source& blob);

/// What a file is by its first bytes, as a media type; nothing if they do not tell. `text/plain` for UTF-8 without
/// control characters.
std::optional<std::string_view> media_type(ByteView first_bytes);
inline constexpr size_t kMediaTypeBytes = 512;  // as many are enough
inline constexpr std::string_view kUnknownMediaType = "application/octet-stream";

}  // namespace lysoen::media
