// Writing and reading fixed binary layouts. Integers are big-endian; varints are unsigned LEB128, minimal only.
#pragma once
#include <lysoen/ids.h>

#include <optional>
#include <string_view>

namespace lysoen {

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) {
  return Bytes(view.begin(), view.end());
}

/// Appends fields to a byte string.
class Writer {
 public:
  Writer& u8(uint8_t value);
  Writer& u16(uint16_t value);
  Writer& u32(uint32_t value);
  Writer& u64(uint64_t value);
  Writer& varint(uint64_t value);
  /// The bytes as they are.
  Writer& raw(ByteView bytes);
  /// A varint length, then the bytes.
  Writer& field(ByteView bytes);
  Writer& field(std::string_view text) { return field(as_bytes(text)); }
  template <class Tag>
  Writer& id(const Id<Tag>& value) {
    return raw(value.view());
  }

  const Bytes& bytes() const& { return bytes_; }
  Bytes&& bytes() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Takes fields off a byte string. The first field that does not fit makes every later one zero or empty and ok()
/// false, so that a layout is read in one go and checked once.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  uint8_t u8();
  uint16_t u16();
  uint32_t u32();
  uint64_t u64();
  uint64_t varint();
  ByteView raw(size_t size);
  /// A varint length of at most `size_max`, then as many bytes.
  ByteView field(size_t size_max);
  template <class IdType>
  IdType id() {
    return IdType::from(raw(IdType::kSize)).value_or(IdType{});
  }
  template <size_t N>
  std::array<uint8_t, N> array() {
    std::array<uint8_t, N> out{};
    auto from = raw(N);
    if (from.size() == N) std::memcpy(out.data(), from.data(), N);
    return out;
  }

  bool ok() const { return ok_; }
  /// Everything was taken and everything fitted.
  bool done() const { return ok_ && rest_.empty(); }
  size_t left() const { return rest_.size(); }
  void fail() { ok_ = false, rest_ = {}; }

 private:
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace lysoen
