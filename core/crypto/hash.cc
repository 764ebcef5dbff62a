#include "core/crypto/hash.h"

#include <sodium.h>

#include "core/crypto/sodium_code.h"

namespace lysoen::crypto {

namespace {

constexpr size_t kHkdfOutputMax = 255 * crypto_auth_hmacsha256_BYTES;

class Hmac {
 public:
  explicit Hmac(ByteView key) {
    must_succeed(crypto_auth_hmacsha256_init(&state_, never_null(key.data()), key.size()));
  }
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  Hmac& add(ByteView part) {
    must_succeed(crypto_auth_hmacsha256_update(&state_, part.data(), part.size()));
    return *this;
  }
  void finish(uint8_t* out32) { must_succeed(crypto_auth_hmacsha256_final(&state_, out32)); }

 private:
  crypto_auth_hmacsha256_state state_;
};

}  // namespace

Hash sha256(ByteView bytes) {
  Hash hash;
  must_succeed(crypto_hash_sha256(hash.bytes.data(), bytes.data(), bytes.size()));
  return hash;
}

Hash labelled_hash(std::string_view label, ByteView fields) {
  static constexpr uint8_t kEnd = 0;
  Hash hash;
  crypto_hash_sha256_state state;
  must_succeed(crypto_hash_sha256_init(&state));
  must_succeed(crypto_hash_sha256_update(&state, as_bytes(label).data(), label.size()));
  must_succeed(crypto_hash_sha256_update(&state, &kEnd, 1));
  must_succeed(crypto_hash_sha256_update(&state, fields.data(), fields.size()));
  must_succeed(crypto_hash_sha256_final(&state, hash.bytes.data()));
  return hash;
}

std::array<uint8_t, 32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  std::array<uint8_t, 32> tag;
  Hmac hmac(key);
  for (auto part : parts) hmac.add(part);
  hmac.finish(tag.data());
  return tag;
}

Key32 hkdf_extract(ByteView salt, ByteView input_key) {
  Key32 key;
  Hmac(salt).add(input_key).finish(key.data());
  return key;
}

void hkdf_expand(const Key32& pseudo_random_key, ByteView info, std::span<uint8_t> out) {
  LYSOEN_CHECK(out.size() <= kHkdfOutputMax);
  Key32 block;
  size_t block_size = 0;  // T(0) is empty
  for (uint8_t counter = 1; !out.empty(); ++counter) {
    Hmac hmac(pseudo_random_key.view());
    hmac.add(ByteView(block.view()).first(block_size)).add(info).add({&counter, 1}).finish(block.data());
    block_size = block.kSize;
    size_t taken = std::min(block_size, out.size());
    std::memcpy(out.data(), block.data(), taken);
    out = out.subspan(taken);
  }
}

Key32 hkdf_expand_key(const Key32& pseudo_random_key, std::string_view info) {
  Key32 key;
  hkdf_expand(pseudo_random_key, as_bytes(info), key.span());
  return key;
}

}  // namespace lysoen::crypto
