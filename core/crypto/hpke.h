// HPKE (RFC 9180), base and PSK mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
// Errors: `trust_refused` when a key is a low-order point or something does not open; the message never says more.
#pragma once
#include <lysoen/result.h>

#include "core/crypto/hash.h"

namespace lysoen::crypto {

struct KemKeyPair {
  Key32 secret;
  PublicKey public_key{};
  static KemKeyPair generate(Random& random);
  /// From a stored secret key; the public key is computed.
  static KemKeyPair from_secret(const Key32& secret);
  KemKeyPair copy() const { return from_secret(secret); }
};

/// Both sides of one encapsulation. Message i is under the i-th nonce; the order of calls is the order of messages.
class HpkeContext {
 public:
  Bytes seal(ByteView aad, ByteView plaintext);
  Result<Bytes> open(ByteView aad, ByteView ciphertext);  // the counter moves only when it opened
  /// The next message is this many further on: an earlier context of this encapsulation opened those between.
  void skip(uint64_t messages) { sequence_ += messages; }
  Key32 export_key(std::string_view exporter_context) const;

  /// RFC 9180, 5.1: Context from shared secret. Used by the functions below and by the vector tests.
  /// Requires: psk of at least 32 bytes (RFC 9180, 9.5), psk_id not empty.
  struct Psk {
    ByteView psk, psk_id;
  };
  static HpkeContext schedule(const Key32& shared_secret, ByteView info, const std::optional<Psk>& psk);
  static constexpr size_t kTag = 16;

 private:
  HpkeContext() = default;
  std::array<uint8_t, 12> next_nonce() const;
  Key32 key_, exporter_secret_;
  std::array<uint8_t, 12> base_nonce_{};
  uint64_t sequence_ = 0;
};

struct HpkeSender {
  PublicKey encapsulation{};
  HpkeContext context;
};
Result<HpkeSender> hpke_send(const PublicKey& to, ByteView info, Random& random,
                             const std::optional<HpkeContext::Psk>& psk = {});
/// With a given ephemeral key: for vectors and second implementations.
Result<HpkeSender> hpke_send_with(const KemKeyPair& ephemeral, const PublicKey& to, ByteView info,
                                  const std::optional<HpkeContext::Psk>& psk = {});
Result<HpkeContext> hpke_receive(const KemKeyPair& own, const PublicKey& encapsulation, ByteView info,
                                 const std::optional<HpkeContext::Psk>& psk = {});

/// One message: encapsulation 32 ‖ ciphertext ‖ tag 16.
Result<Bytes> hpke_seal(const PublicKey& to, ByteView info, ByteView aad, ByteView plaintext, Random& random,
                        const std::optional<HpkeContext::Psk>& psk = {});
Result<Bytes> hpke_open(const KemKeyPair& own, ByteView info, ByteView aad, ByteView sealed,
                        const std::optional<HpkeContext::Psk>& psk = {});

}  // namespace lysoen::crypto
