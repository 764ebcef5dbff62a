// What every zstd frame of a body must be, whoever made it.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

namespace lysoen::feed {

/// The content size that exactly one whole frame states; 1 to kPayloadSizeMax. Errors: input_refused (no such frame, or
/// bytes left over), limit_exceeded, newer_version (it names a dictionary by a number of zstd).
Result<size_t> stated_size(ByteView frame);

}  // namespace lysoen::feed
