// The relay's keys: identity (Ed25519, signs), fallback and exchange keys (X25519, seal requests), gate key (the
// sieve). An exchange key is used for 15 days and destroyed at 30; its certificate is
//   suite u8 ‖ public key 32 ‖ from u64 ‖ use until u64 ‖ destroy at u64 (ms since 1970) ‖ signature 64
// signed with label "lysoen/1 exchange key" over everything before. 121 bytes.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include "core/crypto/hpke.h"
#include "core/crypto/sign.h"

namespace lysoen::session {

inline constexpr size_t kCertifiedKeySize = 121;
inline constexpr std::chrono::hours kExchangeKeyUse{15 * 24}, kExchangeKeyLife{30 * 24};

struct CertifiedKey {
  PublicKey key{};
  uint64_t from_ms = 0, use_until_ms = 0, destroy_at_ms = 0;
};

Bytes certify_exchange_key(const crypto::SigningKey& identity, const CertifiedKey& key);
/// Nothing if it does not verify under the relay's identity.
std::optional<CertifiedKey> read_certified_key(const RelayId& identity, ByteView certified);

/// First 8 bytes of HMAC-SHA-256(gate key, "lysoen/1 gate" ‖ 0x00 ‖ encapsulation).
std::array<uint8_t, 8> gate_mac(const std::array<uint8_t, 32>& gate_key, const PublicKey& encapsulation);

/// What opens requests at the relay. Immutable while shared; replaced as a whole when a key is made or destroyed.
struct RelayKeys {
  struct ExchangeKey {
    crypto::KemKeyPair pair;
    CertifiedKey validity;
    Bytes certified;
  };
  crypto::SigningKey identity;
  crypto::KemKeyPair fallback;
  std::vector<std::array<uint8_t, 32>> gate_keys;  // newest first, at most 8
  std::vector<ExchangeKey> exchange;               // newest first, at most 2
  RelayId id() const { return RelayId{identity.public_key()}; }
};

}  // namespace lysoen::session
