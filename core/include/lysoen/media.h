// Files that are attached to reports: pictures, recordings, documents.
//
// A file goes into the vault sealed, under a key of its own, as it is read: nothing of it lies anywhere in clear, and
// memory stays constant. Its bytes are never changed. The answer to the question it is attached to names it: "blobid
// size mime/type name" (report.h).
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <functional>
#include <span>
#include <string>

namespace lysoen {

inline constexpr uint64_t kAttachmentSizeMax = uint64_t{4} << 30;

struct AttachmentSource {
  std::string name;        // shown to readers: no path, at most 255 bytes
  std::string media_type;  // "image/jpeg"; empty: told by the first bytes
  /// Fills the span; fewer bytes only at the file's end, where it may be called once more. Errors end the call that
  /// reads.
  std::function<Result<size_t>(std::span<uint8_t> into)> read;
};

/// Takes the file's bytes in order. They count once the call that gives them returned without an error.
using AttachmentSink = std::function<Result<void>(ByteView bytes)>;

}  // namespace lysoen
