// Thumbnails: a small picture of a picture, for readers who do not have it yet, or not the link for it.
//
// A baseline JPEG of at most 8 KiB, its longer side at most 160 pixels, upright, without metadata and transparency. Of
// JPEG and PNG; of anything else there is none. What is decoded is hostile: memory is at most 1 MiB and the limits of
// decoder.h, time is bounded by them. docs/formats/attachment.md, "Thumbnail".
#pragma once
#include "core/media/attachment.h"

namespace lysoen::media {

inline constexpr uint32_t kThumbnailSideMax = 160;

/// Takes the file's bytes beside whoever else reads them: the file is read once.
class ThumbnailMaker {
 public:
  ThumbnailMaker();
  ~ThumbnailMaker();
  ThumbnailMaker(const ThumbnailMaker&) = delete;
  ThumbnailMaker& operator=(const ThumbnailMaker&) = delete;

  /// The file's next bytes, as many at a time as the caller likes. False once no more are needed; more do no harm.
  bool put(ByteView bytes);
  /// The file has ended, or is not read further: the thumbnail, or nothing if no picture came out of it. Of a damaged
  /// picture it shows what could be read. Once.
  std::optional<Bytes> finish();

 private:
  class Making;
  std::unique_ptr<Making> making_;
};

/// The thumbnail of a file, read as far as needed. Errors: those of the source alone.
Result<std::optional<Bytes>> thumbnail(const Source& file);

}  // namespace lysoen::media
