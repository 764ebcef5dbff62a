#include "core/crypto/hpke.h"

#include <sodium.h>

#include "core/crypto/cipher.h"
#include "core/crypto/sodium_code.h"

namespace lysoen::crypto {

namespace {

constexpr size_t kEncapsulationSize = 32, kPskSizeMin = 32;
constexpr uint8_t kModeBase = 0, kModePsk = 1;
constexpr std::string_view kVersion = "HPKE-v1";
constexpr std::string_view kKemSuite{"KEM\x00\x20", 5};                     // DHKEM(X25519, HKDF-SHA256)
constexpr std::string_view kHpkeSuite{"HPKE\x00\x20\x00\x01\x00\x03", 10};  // the KEM, HKDF-SHA256, ChaCha20-Poly1305

Error does_not_open() {
  return make_error(ErrorCode::trust_refused, "cannot open a sealed message: it does not authenticate");
}

// RFC 9180, 4: labelled extract and expand.
Key32 labelled_extract(std::string_view suite, ByteView salt, std::string_view label, ByteView input_key) {
  auto extracted = hmac_sha256(salt, {as_bytes(kVersion), as_bytes(suite), as_bytes(label), input_key});
  Key32 key(extracted);
  wipe(extracted);
  return key;
}

void labelled_expand(std::string_view suite, const Key32& key, std::string_view label, ByteView info,
                     std::span<uint8_t> out) {
  Writer labelled_info;
  labelled_info.u16(static_cast<uint16_t>(out.size())).raw(as_bytes(kVersion)).raw(as_bytes(suite));
  labelled_info.raw(as_bytes(label)).raw(info);
  hkdf_expand(key, labelled_info.bytes(), out);
}

/// RFC 9180, 4.1: the shared secret of an encapsulation. Nothing if the point is of low order.
std::optional<Key32> dh_kem_secret(const Key32& secret, const PublicKey& other, const PublicKey& encapsulation,
                                   const PublicKey& receiver) {
  Key32 dh, shared;
  if (crypto_scalarmult_curve25519(dh.data(), secret.data(), other.data()) != 0) return std::nullopt;
  Key32 prk = labelled_extract(kKemSuite, {}, "eae_prk", dh.view());
  Writer context;
  context.raw(encapsulation).raw(receiver);
  labelled_expand(kKemSuite, prk, "shared_secret", context.bytes(), shared.span());
  return shared;
}

}  // namespace

KemKeyPair KemKeyPair::generate(Random& random) {
  return from_secret(Key32::random(random));
}

KemKeyPair KemKeyPair::from_secret(const Key32& secret) {
  KemKeyPair pair;
  pair.secret = secret.copy();
  must_succeed(crypto_scalarmult_curve25519_base(pair.public_key.data(), secret.data()));
  return pair;
}

HpkeContext HpkeContext::schedule(const Key32& shared_secret, ByteView info, const std::optional<Psk>& psk) {
  LYSOEN_CHECK(!psk || (psk->psk.size() >= kPskSizeMin && !psk->psk_id.empty()));
  ByteView secret_psk = psk ? psk->psk : ByteView{}, psk_id = psk ? psk->psk_id : ByteView{};
  Writer hashed;  // key_schedule_context
  hashed.u8(psk ? kModePsk : kModeBase);
  hashed.raw(labelled_extract(kHpkeSuite, {}, "psk_id_hash", psk_id).view());
  hashed.raw(labelled_extract(kHpkeSuite, {}, "info_hash", info).view());
  Key32 secret = labelled_extract(kHpkeSuite, shared_secret.view(), "secret", secret_psk);

  HpkeContext context;
  labelled_expand(kHpkeSuite, secret, "key", hashed.bytes(), context.key_.span());
  labelled_expand(kHpkeSuite, secret, "base_nonce", hashed.bytes(), context.base_nonce_);
  labelled_expand(kHpkeSuite, secret, "exp", hashed.bytes(), context.exporter_secret_.span());
  return context;
}

std::array<uint8_t, 12> HpkeContext::next_nonce() const {
  LYSOEN_CHECK(sequence_ != UINT64_MAX);
  auto nonce = base_nonce_;
  for (size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] ^= static_cast<uint8_t>(sequence_ >> (8 * i));
  return nonce;
}

Bytes HpkeContext::seal(ByteView aad, ByteView plaintext) {
  Bytes sealed = ietf_seal(key_, next_nonce(), aad, plaintext);
  ++sequence_;
  return sealed;
}

Result<Bytes> HpkeContext::open(ByteView aad, ByteView ciphertext) {
  auto plaintext = ietf_open(key_, next_nonce(), aad, ciphertext);
  if (!plaintext) return does_not_open();
  ++sequence_;
  return std::move(*plaintext);
}

Key32 HpkeContext::export_key(std::string_view exporter_context) const {
  Key32 key;
  labelled_expand(kHpkeSuite, exporter_secret_, "sec", as_bytes(exporter_context), key.span());
  return key;
}

Result<HpkeSender> hpke_send_with(const KemKeyPair& ephemeral, const PublicKey& to, ByteView info,
                                  const std::optional<HpkeContext::Psk>& psk) {
  auto shared = dh_kem_secret(ephemeral.secret, to, ephemeral.public_key, to);
  if (!shared) return make_error(ErrorCode::trust_refused, "cannot seal to a public key: it is a low-order point");
  return HpkeSender{ephemeral.public_key, HpkeContext::schedule(*shared, info, psk)};
}

Result<HpkeSender> hpke_send(const PublicKey& to, ByteView info, Random& random,
                             const std::optional<HpkeContext::Psk>& psk) {
  return hpke_send_with(KemKeyPair::generate(random), to, info, psk);
}

Result<HpkeContext> hpke_receive(const KemKeyPair& own, const PublicKey& encapsulation, ByteView info,
                                 const std::optional<HpkeContext::Psk>& psk) {
  auto shared = dh_kem_secret(own.secret, encapsulation, encapsulation, own.public_key);
  if (!shared) return does_not_open();
  return HpkeContext::schedule(*shared, info, psk);
}

Result<Bytes> hpke_seal(const PublicKey& to, ByteView info, ByteView aad, ByteView plaintext, Random& random,
                        const std::optional<HpkeContext::Psk>& psk) {
  auto sender = hpke_send(to, info, random, psk);
  if (!sender.ok()) return std::move(sender).error();
  Bytes sealed = to_bytes(sender->encapsulation);
  Bytes ciphertext = sender->context.seal(aad, plaintext);
  sealed.insert(sealed.end(), ciphertext.begin(), ciphertext.end());
  return sealed;
}

Result<Bytes> hpke_open(const KemKeyPair& own, ByteView info, ByteView aad, ByteView sealed,
                        const std::optional<HpkeContext::Psk>& psk) {
  if (sealed.size() < kEncapsulationSize + HpkeContext::kTag) return does_not_open();
  PublicKey encapsulation;
  std::memcpy(encapsulation.data(), sealed.data(), kEncapsulationSize);
  auto context = hpke_receive(own, encapsulation, info, psk);
  if (!context.ok()) return std::move(context).error();
  return context->open(aad, sealed.subspan(kEncapsulationSize));
}

}  // namespace lysoen::crypto
