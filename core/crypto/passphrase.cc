#include "core/crypto/passphrase.h"

#include <sodium.h>

#include <string>

namespace lysoen::crypto {

namespace {

#if defined(LYSOEN_TEST_BUILD)
constexpr uint32_t kMemoryKibLeast = 8, kPassesLeast = 1;
#else
constexpr uint32_t kMemoryKibLeast = kMemoryKibFloor, kPassesLeast = kPassesFloor;
#endif

static_assert(kSaltSize == crypto_pwhash_argon2id_SALTBYTES);

}  // namespace

bool Argon2Cost::allowed() const {
  return memory_kib >= kMemoryKibLeast && memory_kib <= kMemoryKibCeiling && passes >= kPassesLeast &&
         passes <= kPassesCeiling;
}

Result<Key32> derive_key(std::string_view passphrase, std::span<const uint8_t, kSaltSize> salt,
                         const Argon2Cost& cost) {
  if (!cost.allowed())
    return make_error(ErrorCode::input_refused,
                      "cannot derive a key: cost outside the bounds (" + std::to_string(cost.memory_kib) + " KiB, " +
                          std::to_string(cost.passes) + " passes; allowed are " + std::to_string(kMemoryKibLeast) +
                          " to " + std::to_string(kMemoryKibCeiling) + " KiB and " + std::to_string(kPassesLeast) +
                          " to " + std::to_string(kPassesCeiling) + " passes)");
  if (passphrase.empty()) passphrase = "";  // never null
  Key32 key;
  if (crypto_pwhash_argon2id(key.data(), key.kSize, passphrase.data(), passphrase.size(), salt.data(), cost.passes,
                             size_t{cost.memory_kib} * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
    return make_error(ErrorCode::storage_full,
                      "cannot derive a key: not enough memory for " + std::to_string(cost.memory_kib) + " KiB",
                      "close other programs and try again");
  return key;
}

}  // namespace lysoen::crypto
