// Taking a picture apart as it streams by, and passing on what shows it: no decoding, constant memory (a segment or
// chunk at most). docs/formats/attachment.md, "Shareable copy", says what stays. The thumbnail's decoders read behind
// these filters too, so that they see nothing else of a hostile file.
#pragma once
#include <memory>

#include "core/media/attachment.h"

namespace lysoen::media {

class PictureFilter {
 public:
  virtual ~PictureFilter() = default;
  /// The next bytes of the file. Errors: input_refused (not a picture of this type that can be taken apart), after
  /// which nothing may be put; those of the sink.
  virtual Result<void> put(ByteView bytes) = 0;
  /// The file has ended. Errors: input_refused, if it did before its pixels; those of the sink. Cut off within its
  /// pixels is cut off in what was passed on.
  virtual Result<void> finish() = 0;
  /// What the picture's notes say so far: 1 to 8 (orientation.h).
  virtual uint8_t orientation() const = 0;
};

/// By the file's first bytes; null for a type that cannot be taken apart. kPictureBytes of them tell.
std::unique_ptr<PictureFilter> picture_filter(ByteView first_bytes, Sink out);
inline constexpr size_t kPictureBytes = 8;

std::unique_ptr<PictureFilter> jpeg_filter(Sink out);
std::unique_ptr<PictureFilter> png_filter(Sink out);

/// What the filters say of a file that they cannot take apart.
Error not_shareable(std::string_view why);

}  // namespace lysoen::media
