#include "core/base/bytes.h"

namespace lysoen {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <class Integer>
void put_big_endian(Bytes& out, Integer value) {
  for (size_t shift = sizeof(Integer) * 8; shift > 0; shift -= 8)
    out.push_back(static_cast<uint8_t>(value >> (shift - 8)));
}

template <class Integer>
Integer get_big_endian(ByteView from) {
  Integer value = 0;
  for (uint8_t byte : from) value = static_cast<Integer>(value << 8 | byte);
  return value;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return bytes;
}

Writer& Writer::u8(uint8_t value) {
  return bytes_.push_back(value), *this;
}
Writer& Writer::u16(uint16_t value) {
  return put_big_endian(bytes_, value), *this;
}
Writer& Writer::u32(uint32_t value) {
  return put_big_endian(bytes_, value), *this;
}
Writer& Writer::u64(uint64_t value) {
  return put_big_endian(bytes_, value), *this;
}

Writer& Writer::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<uint8_t>(value | 0x80));
  bytes_.push_back(static_cast<uint8_t>(value));
  return *this;
}

Writer& Writer::raw(ByteView bytes) {
  return bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()), *this;
}
Writer& Writer::field(ByteView bytes) {
  return varint(bytes.size()).raw(bytes);
}

uint8_t Reader::u8() {
  return get_big_endian<uint8_t>(raw(1));
}
uint16_t Reader::u16() {
  return get_big_endian<uint16_t>(raw(2));
}
uint32_t Reader::u32() {
  return get_big_endian<uint32_t>(raw(4));
}
uint64_t Reader::u64() {
  return get_big_endian<uint64_t>(raw(8));
}

uint64_t Reader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    uint8_t byte = u8();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) break;  // not minimal
      return value;
    }
  }
  fail();
  return 0;
}

ByteView Reader::raw(size_t size) {
  if (!ok_ || size > rest_.size()) return fail(), ByteView{};
  auto taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

ByteView Reader::field(size_t size_max) {
  uint64_t size = varint();
  if (size > size_max) return fail(), ByteView{};
  return raw(static_cast<size_t>(size));
}

}  // namespace lysoen
