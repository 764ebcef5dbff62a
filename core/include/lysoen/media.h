// Files that are attached to reports: pictures, recordings, documents.
//
// A file goes into the vault sealed, under a key of its own, as it is read: nothing of it lies anywhere in clear, and
// memory stays constant. Its bytes are never changed. The answer to the question it is attached to names it: "blobid
// size mime/type name" (report.h).
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace lysoen {

inline constexpr uint64_t kAttachmentSizeMax = uint64_t{4} << 30;
inline constexpr size_t kThumbnailSizeMax = 8 * 1024;

struct AttachmentSource {
  std::string name;        // shown to readers: no path, at most 255 bytes
  std::string media_type;  // "image/jpeg"; empty: told by the first bytes
  /// Fills the span; fewer bytes only at the file's end, where it may be called once more. Errors end the call that
  /// reads.
  std::function<Result<size_t>(std::span<uint8_t> into)> read;
};

/// Takes the file's bytes in order. They count once the call that gives them returned without an error.
using AttachmentSink = std::function<Result<void>(ByteView bytes)>;

/// A copy of a picture for other people: its pixels byte for byte, without place, time, device, captions, comments, or
/// a second picture. Which way up it is shown stays. JPEG and PNG; any other type is refused, never copied as it is. In
/// constant memory (64 KiB), as the file streams by: what read_attachment() gives is put here.
/// docs/formats/attachment.md, "Shareable copy".
class ShareableCopy {
 public:
  /// `copy` takes the copy's bytes in order; they count once finish() returned without an error.
  explicit ShareableCopy(AttachmentSink copy);
  ~ShareableCopy();
  ShareableCopy(const ShareableCopy&) = delete;
  ShareableCopy& operator=(const ShareableCopy&) = delete;

  /// The file's next bytes. Errors: input_refused (a type or picture that no copy can be made of; nothing may be put
  /// after it), those of the sink.
  Result<void> put(ByteView bytes);
  /// The file has ended. A picture cut off within its pixels is cut off in the copy. Errors: those of put().
  Result<void> finish();

 private:
  class Copying;
  std::unique_ptr<Copying> copying_;
};

}  // namespace lysoen
