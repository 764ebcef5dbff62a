#include "core/storage/noise.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/try.h"
#include "core/crypto/cipher.h"

namespace lysoen::storage {

Result<void> write_noise(File& file, uint64_t offset, uint64_t size, Random& random) {
  constexpr size_t kPiece = 64 * 1024;
  auto key = crypto::Key32::random(random);
  Bytes zeros(kPiece), noise(kPiece);
  std::array<uint8_t, crypto::kNonceSize> nonce{};
  std::array<uint8_t, crypto::kTagSize> tag{};
  for (uint64_t done = 0; done < size;) {
    const auto piece = static_cast<size_t>(std::min<uint64_t>(kPiece, size - done));
    crypto::aead_seal(key, nonce, {}, ByteView(zeros).first(piece), std::span<uint8_t>(noise).first(piece), tag);
    LYSOEN_TRY(file.write_at(offset + done, ByteView(noise).first(piece)));
    done += piece;
    // A counter is a nonce that never comes twice under this key.
    for (auto& byte : nonce)
      if (++byte != 0) break;
  }
  return {};
}

}  // namespace lysoen::storage
