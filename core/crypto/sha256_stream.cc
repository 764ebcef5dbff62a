#include <sodium.h>

#include "core/base/check.h"
#include "core/crypto/hash.h"

namespace lysoen::crypto {

static_assert(sizeof(crypto_hash_sha256_state) <= Sha256::kStateSize);

namespace {
crypto_hash_sha256_state* state_in(std::array<uint8_t, Sha256::kStateSize>& bytes) {
  return reinterpret_cast<crypto_hash_sha256_state*>(bytes.data());
}
}  // namespace

Sha256::Sha256() {
  init();
  LYSOEN_CHECK(crypto_hash_sha256_init(state_in(state_)) == 0);
}

void Sha256::update(ByteView bytes) {
  LYSOEN_CHECK(crypto_hash_sha256_update(state_in(state_), bytes.data(), bytes.size()) == 0);
}

Hash Sha256::finish() {
  Hash hash;
  LYSOEN_CHECK(crypto_hash_sha256_final(state_in(state_), hash.bytes.data()) == 0);
  return hash;
}

}  // namespace lysoen::crypto
