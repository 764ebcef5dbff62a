// Symmetric sealing: XChaCha20-Poly1305 for pages, ring and slots; the SIV entry cipher; padding.
#pragma once
#include <lysoen/result.h>

#include "core/crypto/hash.h"

namespace lysoen::crypto {

inline constexpr size_t kNonceSize = 24, kTagSize = 16;

// -- XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) ----------------------------------------------------------------
/// ciphertext may alias plaintext; it is as long; the tag is separate. Hot path: no allocation.
void aead_seal(const Key32& key, std::span<const uint8_t, kNonceSize> nonce, ByteView aad, ByteView plaintext,
               std::span<uint8_t> ciphertext, std::span<uint8_t, kTagSize> tag);
/// False and `plaintext` wiped if it does not authenticate.
[[nodiscard]] bool aead_open(const Key32& key, std::span<const uint8_t, kNonceSize> nonce, ByteView aad,
                             ByteView ciphertext, std::span<const uint8_t, kTagSize> tag, std::span<uint8_t> plaintext);
/// nonce 24 ‖ ciphertext ‖ tag 16 with a random nonce.
Bytes aead_seal_box(const Key32& key, ByteView aad, ByteView plaintext, Random& random);
std::optional<Bytes> aead_open_box(const Key32& key, ByteView aad, ByteView box);
/// ChaCha20-Poly1305 (RFC 8439), 12-byte nonce: inside HPKE and for the exchange's answers.
Bytes ietf_seal(const Key32& key, std::span<const uint8_t, 12> nonce, ByteView aad, ByteView plaintext);
std::optional<Bytes> ietf_open(const Key32& key, std::span<const uint8_t, 12> nonce, ByteView aad, ByteView sealed);

// -- The entry cipher (docs/formats/feed.md) ------------------------------------------------------------------------
// k_enc ‖ k_mac = HKDF-Expand(entry key, "lysoen/1 entry keys" ‖ 0x00 ‖ suite, 64); T = HMAC-SHA256(k_mac, "lysoen/1
// entry" ‖ 0x00 ‖ header ‖ body); sealed = T 32 ‖ XChaCha20(k_enc, nonce = first 24 bytes of T, body). Key-committing;
// a key used twice reveals only equality.
inline constexpr size_t kSivTag = 32;
inline constexpr uint8_t kSuite1 = 1;
Bytes siv_seal(const Key32& entry_key, ByteView header, ByteView body);
std::optional<Bytes> siv_open(const Key32& entry_key, ByteView header, ByteView sealed);

// -- Padding --------------------------------------------------------------------------------------------------------
/// Plaintext ‖ 0x80 ‖ zeros, to 256, 320, 384, 512, then Padmé (PURB paper, section 4).
size_t padded_size(size_t plaintext_size);
Bytes pad(ByteView plaintext);
/// The plaintext's size inside `padded`, or nothing if the padding is not as `pad` makes it.
std::optional<size_t> unpadded_size(ByteView padded);
/// Sizes of requests, answers and bundles: 256·2^n below 4 KiB, Padmé above.
size_t transport_size(size_t size);

}  // namespace lysoen::crypto
