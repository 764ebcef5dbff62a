// Large content sealed in parts, for files: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015, section 7). Parts cannot
// be swapped, dropped or cut off at the end without notice, and each is verified as a whole before any of it is used.
//
//   file   = head (the caller's) ‖ part 0 ‖ part 1 ‖ ... ‖ last part
//   part i = XChaCha20-Poly1305(key, nonce = i u64 ‖ last u8 ‖ 15 zeros, no AAD) of 65,536 bytes of the content (of
//            16,368 where the parts are chunks of a blob), of fewer but not of none in the last part
//
// The content ends with zeros that fill the file up to one of few sizes (transport_size). The key belongs to one file:
// nonces count from 0. docs/formats/bundle.md, docs/formats/backup.md, docs/formats/attachment.md.
#pragma once
#include <functional>

#include "core/crypto/cipher.h"

namespace lysoen::crypto {

inline constexpr size_t kPartSize = 64 * 1024, kSealedPartSize = kPartSize + kTagSize;

std::array<uint8_t, kNonceSize> part_nonce(uint64_t index, bool last);

/// Size of a file with a head and this much content, before and after padding. `part`: content of a full part.
uint64_t parts_file_size(uint64_t head, uint64_t content, size_t part = kPartSize);
uint64_t padded_parts_file_size(uint64_t head, uint64_t content, size_t part = kPartSize);
/// Zeros to add to the content so that the file has its padded size.
uint64_t parts_padding(uint64_t head, uint64_t content, size_t part = kPartSize);

/// Content in, sealed parts out as they are full.
class PartSealer {
 public:
  using Sink = std::function<Result<void>(ByteView sealed)>;
  /// `head`: bytes of the file before the first part.
  PartSealer(Key32 key, uint64_t head, Sink sink, size_t part = kPartSize)
      : key_(std::move(key)), head_(head), part_(part), sink_(std::move(sink)) {}
  ~PartSealer() { wipe(pending_); }
  PartSealer(PartSealer&&) = default;

  Result<void> put(ByteView bytes);
  uint64_t content() const { return content_; }
  /// Zeros up to the file's size, and the last part. Nothing may be put after it.
  Result<void> finish();

 private:
  Result<void> seal(ByteView plain, bool last);
  Key32 key_;
  uint64_t head_;
  size_t part_;
  Sink sink_;
  Bytes pending_;
  uint64_t content_ = 0, index_ = 0;
};

/// Sealed parts in, verified content out.
class PartOpener {
 public:
  /// Fills the span as far as the file goes; fewer only at its end.
  using Source = std::function<Result<size_t>(std::span<uint8_t> into)>;
  PartOpener(Key32 key, Source source, size_t part = kPartSize)
      : key_(std::move(key)), part_(part), source_(std::move(source)) {}

  enum class State { more, end, damaged };
  /// Appends the next part's content to `out`. `end`: that was the last one. `damaged`: what was appended, if anything,
  /// is whole, but something at or behind this part is not as it was written. Errors: those of the source.
  Result<State> next(Bytes& out);
  /// Whether something follows what the last call took. Behind a damaged part the next one may be whole: each proves
  /// its place.
  bool left() const { return !held_.empty(); }

 private:
  Result<void> fill();
  bool try_open(ByteView part, bool last, Bytes& out);
  Key32 key_;
  size_t part_;
  Source source_;
  Bytes held_;
  bool begun_ = false;
  uint64_t index_ = 0;
};

}  // namespace lysoen::crypto
