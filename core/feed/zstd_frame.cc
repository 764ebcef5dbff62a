#include "core/feed/zstd_frame.h"

#include <zstd.h>

#include "core/feed/limits.h"

namespace lysoen::feed {

namespace {
Error refused(ErrorCode code, std::string_view why) {
  return make_error(code, "cannot read body: " + std::string(why));
}
}  // namespace

Result<size_t> stated_size(ByteView frame) {
  unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size == 0)
    return refused(ErrorCode::input_refused, "it is not one zstd frame that states its size");
  if (size > kPayloadSizeMax) return refused(ErrorCode::limit_exceeded, "its payload is larger than 256 KiB");
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0)
    return refused(ErrorCode::newer_version, "compressed with a dictionary this version lacks");
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size())
    return refused(ErrorCode::input_refused, "it is not one zstd frame");
  return static_cast<size_t>(size);
}

}  // namespace lysoen::feed
