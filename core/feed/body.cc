#include "core/feed/body.h"

#include <zstd.h>

#include "core/base/try.h"
#include "core/crypto/secret.h"
#include "core/feed/zstd_frame.h"

namespace lysoen::feed {

namespace {

// On the wire. Never renumber.
constexpr uint8_t kCodecRaw = 0, kCodecZstd = 1, kCodecDictionary = 2;
constexpr int kZstdLevel = 9;  // payloads are small; higher levels gain under 1 % on them
constexpr size_t kEditHead = 1 + sizeof(Salt);

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
  LYSOEN_ASSIGN(size_t size, stated_size(data));
  Bytes payload(size);
  if (ZSTD_decompress(payload.data(), payload.size(), data.data(), data.size()) != payload.size())
    return refused("its zstd frame is damaged");
  return payload;
}

/// Of an edit: type and salt stand before what is packed, since nothing makes random bytes shorter.
Bytes dictionary_body(ByteView payload, Dictionary& dictionary) {
  Bytes frame = dictionary.pack(payload.subspan(kEditHead));
  if (frame.empty()) return {};
  Writer body;
  body.u8(kCodecDictionary).raw(dictionary.name()).raw(payload.subspan(1, kEditHead - 1)).raw(frame);
  crypto::wipe(frame);
  return std::move(body).bytes();
}

Result<Bytes> read_dictionary_body(ByteView data, const Dictionaries* dictionaries) {
  Reader in(data);
  auto name = in.array<std::tuple_size_v<DictionaryName>>();
  auto salt = in.array<std::tuple_size_v<Salt>>();
  auto frame = in.raw(in.left());
  if (!in.ok() || frame.empty()) return refused("it is too short for an edit");
  Dictionary* dictionary = dictionaries ? dictionaries->find(name) : nullptr;
  if (!dictionary)
    return make_error(ErrorCode::newer_version, "cannot read body: it belongs to a version of a form that is not here",
                      "it is kept, and read once that form is here: update Lysoen");
  LYSOEN_ASSIGN(Bytes edit, dictionary->unpack(frame));
  if (edit.size() + kEditHead > kPayloadSizeMax) return too_large();
  Writer payload;
  payload.u8(static_cast<uint8_t>(PayloadType::edit)).raw(salt).raw(edit);
  crypto::wipe(edit);
  return std::move(payload).bytes();
}

}  // namespace

Result<Bytes> encode_body(ByteView payload, Dictionary* dictionary) {
  if (payload.empty()) return make_error(ErrorCode::input_refused, "cannot seal payload: it is empty");
  if (payload.size() > kPayloadSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot seal payload: it is larger than 256 KiB",
                      "split the change into smaller ones, or attach long text as a file");
  bool edit = payload[0] == static_cast<uint8_t>(PayloadType::edit) && payload.size() > kEditHead;
  Bytes packed = dictionary && edit ? dictionary_body(payload, *dictionary) : Bytes();
  if (packed.empty()) packed = zstd_body(payload);
  return packed.empty() || packed.size() > payload.size() ? raw_body(payload) : packed;
}

Result<Bytes> decode_body(ByteView body, const Dictionaries* dictionaries) {
  if (body.size() < 2) return refused("it is empty");
  ByteView data = body.subspan(1);
  if (body[0] == kCodecZstd) return decompress(data);
  if (body[0] == kCodecDictionary) return read_dictionary_body(data, dictionaries);
  if (body[0] != kCodecRaw)
    return make_error(ErrorCode::newer_version, "cannot read body: unknown codec " + std::to_string(body[0]));
  if (data.size() > kPayloadSizeMax) return too_large();
  return to_bytes(data);
}

}  // namespace lysoen::feed
