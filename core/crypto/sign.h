// Ed25519 signatures (RFC 8032) over labelled messages: what is signed is label ‖ 0x00 ‖ message.
//
// Acceptance rule, held to the CCTV vectors: S < L, A and R canonical encodings and not of small order, the equation
// checked without cofactor, as libsodium 1.0.18 does (docs/security/signatures.md).
#pragma once
#include <optional>
#include <string_view>

#include "core/crypto/secret.h"

namespace lysoen::crypto {

using SignPublic = std::array<uint8_t, 32>;

class SigningKey {
 public:
  static SigningKey generate(Random& random);
  static SigningKey from_seed(const Key32& seed);
  const SignPublic& public_key() const { return public_; }
  const Key32& seed() const { return seed_; }
  Signature sign(std::string_view label, ByteView message) const;
  SigningKey copy() const { return from_seed(seed_); }

 private:
  SigningKey() = default;
  Key32 seed_;
  Secret<64> expanded_;
  SignPublic public_{};
};

[[nodiscard]] bool verify(const SignPublic& key, std::string_view label, ByteView message, const Signature& signature);
/// Without a label; for vectors of others only.
[[nodiscard]] bool verify_raw(const SignPublic& key, ByteView message, const Signature& signature);

}  // namespace lysoen::crypto
