#include "core/feed/body.h"

#include <zstd.h>

#include "core/base/try.h"

namespace lysoen::feed {

namespace {

// On the wire. Never renumber.
constexpr uint8_t kCodecRaw = 0, kCodecZstd = 1;
constexpr int kZstdLevel = 9;  // payloads are small; higher levels gain under 1 % on them

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read body: " + std::string(why));
}
Error too_large() {
  return make_error(ErrorCode::limit_exceeded, "cannot read body: its payload is larger than 256 KiB");
}

Bytes raw_body(ByteView payload) {
  Bytes body;
  body.reserve(payload.size() + 1);
  body.push_back(kCodecRaw);
  body.insert(body.end(), payload.begin(), payload.end());
  return body;
}

/// Empty if zstd fails: raw is always possible.
Bytes zstd_body(ByteView payload) {
  Bytes body(1 + ZSTD_compressBound(payload.size()));
  body[0] = kCodecZstd;
  size_t size = ZSTD_compress(body.data() + 1, body.size() - 1, payload.data(), payload.size(), kZstdLevel);
  if (ZSTD_isError(size)) return {};
  body.resize(1 + size);
  return body;
}

Result<Bytes> decompress(ByteView data) {
  unsigned long long size = ZSTD_getFrameContentSize(data.data(), data.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size == 0)
    return refused("it is not one zstd frame that states its size");
  if (size > kPayloadSizeMax) return too_large();
  if (ZSTD_getDictID_fromFrame(data.data(), data.size()) != 0)
    return make_error(ErrorCode::newer_version, "cannot read body: compressed with a dictionary this version lacks");
  if (ZSTD_findFrameCompressedSize(data.data(), data.size()) != data.size()) return refused("it is not one zstd frame");
  Bytes payload(static_cast<size_t>(size));
  if (ZSTD_decompress(payload.data(), payload.size(), data.data(), data.size()) != payload.size())
    return refused("its zstd frame is damaged");
  return payload;
}

}  // namespace

Result<Bytes> encode_body(ByteView payload) {
  if (payload.empty()) return make_error(ErrorCode::input_refused, "cannot seal payload: it is empty");
  if (payload.size() > kPayloadSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot seal payload: it is larger than 256 KiB",
                      "split the change into smaller ones, or attach long text as a file");
  Bytes packed = zstd_body(payload);
  return packed.empty() || packed.size() > payload.size() ? raw_body(payload) : packed;
}

Result<Bytes> decode_body(ByteView body) {
  if (body.size() < 2) return refused("it is empty");
  ByteView data = body.subspan(1);
  if (body[0] == kCodecZstd) return decompress(data);
  if (body[0] != kCodecRaw)
    return make_error(ErrorCode::newer_version, "cannot read body: unknown codec " + std::to_string(body[0]));
  if (data.size() > kPayloadSizeMax) return too_large();
  return to_bytes(data);
}

}  // namespace lysoen::feed
