#include "core/media/orientation.h"

#include <algorithm>

namespace lysoen::media {

namespace {

constexpr uint16_t kOrientationTag = 0x0112, kShort = 3;

/// Integers of either byte order at places that may lie outside: they are zero there.
struct Tiff {
  ByteView bytes;
  bool big_endian;

  uint32_t at(size_t place, size_t size) const {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      size_t from = place + (big_endian ? i : size - 1 - i);
      value = value << 8 | (from < bytes.size() ? bytes[from] : 0);
    }
    return value;
  }
};

}  // namespace

std::optional<uint8_t> orientation_of(ByteView bytes) {
  if (bytes.size() < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return std::nullopt;
  const Tiff tiff{bytes, bytes[0] == 'M'};
  const size_t directory = tiff.at(4, 4);
  if (tiff.at(2, 2) != 42 || directory >= bytes.size()) return std::nullopt;
  const size_t entries = tiff.at(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * 12;
    if (entry + 12 > bytes.size()) break;
    if (tiff.at(entry, 2) != kOrientationTag || tiff.at(entry + 2, 2) != kShort) continue;
    const uint32_t value = tiff.at(entry + 8, 2);
    if (value >= kUpright && value <= kOrientationMax) return static_cast<uint8_t>(value);
    break;
  }
  return std::nullopt;
}

std::array<uint8_t, 26> notes_of(uint8_t orientation) {
  return {'M', 'M', 0, 42, 0, 0, 0, 8,                        // big-endian, the directory follows
          0,   1,                                             // one entry
          1,   18,  0, 3,  0, 0, 0, 1, 0, orientation, 0, 0,  // orientation, one short
          0,   0,   0, 0};                                    // no further directory
}

}  // namespace lysoen::media
