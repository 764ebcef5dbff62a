// Pictures decoded as their bytes come by, into a mosaic; they are hostile. Each decoder has its limits: of pixels, so
// of time, and of memory.
#pragma once
#include <memory>

#include "core/media/mosaic.h"

namespace lysoen::media {

class Decoder {
 public:
  virtual ~Decoder() = default;
  /// The next bytes: false once no more are wanted, because the picture is whole, or nothing more can be made of it.
  virtual bool put(ByteView bytes) = 0;
  /// The bytes have ended, maybe too early: what can still be made of them goes into the mosaic.
  virtual void finish() = 0;
};

// The mosaic outlives the decoder.
std::unique_ptr<Decoder> jpeg_decoder(Mosaic& mosaic);
std::unique_ptr<Decoder> png_decoder(Mosaic& mosaic);

/// A JPEG is decoded at an eighth of its size or more, so these are fast. 268 million: the largest cameras have 200.
inline constexpr uint64_t kJpegPixelsMax = uint64_t{1} << 28;
/// A progressive JPEG is held whole, two bytes for each coefficient: 16 million pixels with the usual coarser colours.
inline constexpr uint64_t kJpegCoefficientBytesMax = 48 * 1024 * 1024;
/// Passes over such a picture. Encoders make about ten.
inline constexpr int kJpegScansMax = 64;
/// A PNG is decoded in full, at up to eight bytes a pixel.
inline constexpr uint64_t kPngPixelsMax = uint64_t{1} << 26;
/// Of what stands in one chunk beside pixels.
inline constexpr size_t kPngChunkMax = 4 * 1024 * 1024;

}  // namespace lysoen::media
