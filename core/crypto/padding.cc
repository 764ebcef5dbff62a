#include <algorithm>
#include <bit>

#include "core/base/check.h"
#include "core/crypto/cipher.h"

namespace lysoen::crypto {

namespace {

constexpr uint8_t kEndOfPlaintext = 0x80;
constexpr size_t kSmallSizes[] = {256, 320, 384, 512};
constexpr size_t kTransportMin = 256, kTransportDoubling = 4096;
constexpr size_t kSizeMax = size_t{1} << (sizeof(size_t) * 8 - 2);  // far above every limit; keeps the sums below exact

/// Padmé: as many significant bits as the exponent has digits. Wastes at most 12 %, leaks O(log log size) bits.
size_t padme(size_t size) {
  auto exponent = static_cast<unsigned>(std::bit_width(size) - 1);
  auto kept_bits = static_cast<unsigned>(std::bit_width(exponent));
  size_t mask = (size_t{1} << (exponent - kept_bits)) - 1;
  return (size + mask) & ~mask;
}

}  // namespace

size_t padded_size(size_t plaintext_size) {
  LYSOEN_CHECK(plaintext_size < kSizeMax);
  size_t with_mark = plaintext_size + 1;
  for (size_t size : kSmallSizes)
    if (with_mark <= size) return size;
  return padme(with_mark);
}

Bytes pad(ByteView plaintext) {
  Bytes padded(padded_size(plaintext.size()));
  std::copy(plaintext.begin(), plaintext.end(), padded.begin());
  padded[plaintext.size()] = kEndOfPlaintext;
  return padded;
}

std::optional<size_t> unpadded_size(ByteView padded) {
  size_t end = padded.size();
  while (end > 0 && padded[end - 1] == 0) --end;
  if (end == 0 || padded[end - 1] != kEndOfPlaintext || padded_size(end - 1) != padded.size()) return std::nullopt;
  return end - 1;
}

size_t transport_size(size_t size) {
  LYSOEN_CHECK(size < kSizeMax);
  if (size > kTransportDoubling) return padme(size);
  return std::bit_ceil(std::max(size, kTransportMin));
}

}  // namespace lysoen::crypto
