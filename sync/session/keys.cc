#include "sync/session/keys.h"

#include "core/base/bytes.h"
#include "core/crypto/cipher.h"

namespace lysoen::session {

namespace {
constexpr std::string_view kKeyLabel = "lysoen/1 exchange key";
constexpr std::string_view kGateLabel{"lysoen/1 gate\0", 14};

Bytes layout_of(const CertifiedKey& key) {
  Writer writer;
  writer.u8(crypto::kSuite1).raw(key.key).u64(key.from_ms).u64(key.use_until_ms).u64(key.destroy_at_ms);
  return std::move(writer).bytes();
}
}  // namespace

Bytes certify_exchange_key(const crypto::SigningKey& identity, const CertifiedKey& key) {
  Bytes certified = layout_of(key);
  auto signature = identity.sign(kKeyLabel, certified);
  certified.insert(certified.end(), signature.begin(), signature.end());
  return certified;
}

std::optional<CertifiedKey> read_certified_key(const RelayId& identity, ByteView certified) {
  if (certified.size() != kCertifiedKeySize) return std::nullopt;
  Reader reader(certified);
  uint8_t suite = reader.u8();
  CertifiedKey key{reader.array<32>(), reader.u64(), reader.u64(), reader.u64()};
  auto signature = reader.array<64>();
  if (!reader.done() || suite != crypto::kSuite1 || key.use_until_ms > key.destroy_at_ms) return std::nullopt;
  if (!crypto::verify(identity.bytes, kKeyLabel, certified.first(kCertifiedKeySize - 64), signature))
    return std::nullopt;
  return key;
}

std::array<uint8_t, 8> gate_mac(const std::array<uint8_t, 32>& gate_key, const PublicKey& encapsulation) {
  auto mac = crypto::hmac_sha256(gate_key, {as_bytes(kGateLabel), encapsulation});
  std::array<uint8_t, 8> sieve;
  std::copy_n(mac.begin(), sieve.size(), sieve.begin());
  return sieve;
}

}  // namespace lysoen::session
