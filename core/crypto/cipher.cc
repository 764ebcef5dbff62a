#include "core/crypto/cipher.h"

#include <sodium.h>

#include "core/base/fault.h"
#include "core/crypto/sodium_code.h"

namespace lysoen::crypto {

static_assert(kNonceSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kTagSize == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(kTagSize == crypto_aead_chacha20poly1305_ietf_ABYTES);

void aead_seal(const Key32& key, std::span<const uint8_t, kNonceSize> nonce, ByteView aad, ByteView plaintext,
               std::span<uint8_t> ciphertext, std::span<uint8_t, kTagSize> tag) {
  LYSOEN_CHECK(ciphertext.size() == plaintext.size());
  must_succeed(crypto_aead_xchacha20poly1305_ietf_encrypt_detached(never_null(ciphertext.data()), tag.data(), nullptr,
                                                                   plaintext.data(), plaintext.size(), aad.data(),
                                                                   aad.size(), nullptr, nonce.data(), key.data()));
}

bool aead_open(const Key32& key, std::span<const uint8_t, kNonceSize> nonce, ByteView aad, ByteView ciphertext,
               std::span<const uint8_t, kTagSize> tag, std::span<uint8_t> plaintext) {
  LYSOEN_CHECK(ciphertext.size() == plaintext.size());
  if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(plaintext.data(), nullptr, never_null(ciphertext.data()),
                                                          ciphertext.size(), tag.data(), aad.data(), aad.size(),
                                                          nonce.data(), key.data()) == 0)
    return true;
  wipe(plaintext);
  return false;
}

Bytes aead_seal_box(const Key32& key, ByteView aad, ByteView plaintext, Random& random) {
  Bytes box(kNonceSize + plaintext.size() + kTagSize);
  std::span<uint8_t> all(box);
  auto nonce = all.first<kNonceSize>();
  random.fill(nonce);
  aead_seal(key, nonce, aad, plaintext, all.subspan(kNonceSize, plaintext.size()), all.last<kTagSize>());
  return box;
}

std::optional<Bytes> aead_open_box(const Key32& key, ByteView aad, ByteView box) {
  if (box.size() < kNonceSize + kTagSize) return std::nullopt;
  Bytes plaintext(box.size() - kNonceSize - kTagSize);
  if (!aead_open(key, box.first<kNonceSize>(), aad, box.subspan(kNonceSize, plaintext.size()), box.last<kTagSize>(),
                 plaintext))
    return std::nullopt;
  return plaintext;
}

Bytes ietf_seal(const Key32& key, std::span<const uint8_t, 12> nonce, ByteView aad, ByteView plaintext) {
  Bytes sealed(plaintext.size() + kTagSize);
  must_succeed(crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plaintext.data(), plaintext.size(),
                                                         aad.data(), aad.size(), nullptr, nonce.data(), key.data()));
  return sealed;
}

std::optional<Bytes> ietf_open(const Key32& key, std::span<const uint8_t, 12> nonce, ByteView aad, ByteView sealed) {
  if (sealed.size() < kTagSize) return std::nullopt;
  Bytes plaintext(sealed.size() - kTagSize);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plaintext.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                aad.data(), aad.size(), nonce.data(), key.data()) != 0)
    return std::nullopt;
  return plaintext;
}

// -- The entry cipher -----------------------------------------------------------------------------------------------

namespace {

/// k_enc ‖ k_mac of one entry key.
class EntryKeys {
 public:
  explicit EntryKeys(const Key32& entry_key) {
    static constexpr std::string_view kLabel = "lysoen/1 entry keys";
    std::array<uint8_t, kLabel.size() + 2> info{};  // the label, 0x00, the suite
    std::memcpy(info.data(), kLabel.data(), kLabel.size());
    info.back() = kSuite1;
    hkdf_expand(entry_key, info, both_.span());
  }

  std::array<uint8_t, kSivTag> tag(ByteView header, ByteView body) const {
    static constexpr std::string_view kLabel{"lysoen/1 entry\0", 15};
    return hmac_sha256(both_.view().subspan<32>(), {as_bytes(kLabel), header, body});
  }

  void encrypt_or_decrypt(std::span<const uint8_t, kSivTag> tag, ByteView from, uint8_t* to) const {
    static_assert(crypto_stream_xchacha20_NONCEBYTES == 24 && crypto_stream_xchacha20_KEYBYTES == 32);
    must_succeed(
        crypto_stream_xchacha20_xor(never_null(to), never_null(from.data()), from.size(), tag.data(), both_.data()));
  }

 private:
  Secret<64> both_;
};

}  // namespace

Bytes siv_seal(const Key32& entry_key, ByteView header, ByteView body) {
  EntryKeys keys(entry_key);
  auto tag = keys.tag(header, body);
  Bytes sealed(kSivTag + body.size());
  std::memcpy(sealed.data(), tag.data(), kSivTag);
  keys.encrypt_or_decrypt(tag, body, sealed.data() + kSivTag);
  if (LYSOEN_FAULT(entries_not_sealed)) std::copy(body.begin(), body.end(), sealed.begin() + kSivTag);
  return sealed;
}

std::optional<Bytes> siv_open(const Key32& entry_key, ByteView header, ByteView sealed) {
  if (sealed.size() < kSivTag) return std::nullopt;
  EntryKeys keys(entry_key);
  auto tag = sealed.first<kSivTag>();
  Bytes body(sealed.size() - kSivTag);
  keys.encrypt_or_decrypt(tag, sealed.subspan(kSivTag), body.data());
  if (equal(keys.tag(header, body), tag)) return body;
  wipe(body);
  return std::nullopt;
}

}  // namespace lysoen::crypto
