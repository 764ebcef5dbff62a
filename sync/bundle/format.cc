#include "sync/bundle/format.h"

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/sign.h"

namespace lysoen::bundle {

namespace {

constexpr std::string_view kInfoLabel{"lysoen/1 relay bundle\0", 22};
constexpr uint8_t kUnusedBit = 0x80;  // of the last byte of an X25519 key

Bytes info_of(const Addressee& to) {
  return std::move(Writer().raw(as_bytes(kInfoLabel)).u8(crypto::kSuite1).id(to.relay).raw(to.fallback_key)).bytes();
}

Keys exported(const crypto::HpkeContext& context) {
  Keys keys{context.export_key("lysoen/1 bundle parts"), {}};
  auto commitment = context.export_key("lysoen/1 bundle commitment");
  std::copy_n(commitment.view().begin(), keys.commitment.size(), keys.commitment.begin());
  return keys;
}

}  // namespace

Keys derive(const CarrierKey& key, ByteView salt) {
  auto prk = crypto::hkdf_extract(salt, key);
  Keys keys{crypto::hkdf_expand_key(prk, "lysoen/1 bundle parts"), {}};
  crypto::hkdf_expand(prk, as_bytes("lysoen/1 bundle commitment"), keys.commitment);
  return keys;
}

Result<SealedHead> seal_for(const Addressee& to, Random& random) {
  LYSOEN_ASSIGN(auto sender, crypto::hpke_send(to.fallback_key, info_of(to), random));
  SealedHead head{sender.encapsulation, sender.encapsulation, exported(sender.context)};
  std::array<uint8_t, 1> coin{};
  random.fill(coin);
  head.first.back() |= static_cast<uint8_t>(coin[0] & kUnusedBit);
  return head;
}

PublicKey encapsulation_of(ByteView head) {
  PublicKey encapsulation{};
  std::copy_n(head.begin(), encapsulation.size(), encapsulation.begin());
  encapsulation.back() &= static_cast<uint8_t>(~kUnusedBit);
  return encapsulation;
}

Result<Keys> open_for(const RelayId& relay, const crypto::KemKeyPair& fallback, const PublicKey& encapsulation) {
  LYSOEN_ASSIGN(auto context, crypto::hpke_receive(fallback, encapsulation, info_of({relay, fallback.public_key})));
  return exported(context);
}

Bytes writer_message(const Addressee& to, const PublicKey& encapsulation, const TeamId& team, const DeviceId& device) {
  Writer message;
  message.u8(crypto::kSuite1).id(to.relay).raw(to.fallback_key).raw(encapsulation).id(team).id(device);
  return std::move(message).bytes();
}

Bytes encode_writer(const WriterRecord& writer) {
  return std::move(Writer().id(writer.team).id(writer.device).raw(writer.signature)).bytes();
}

std::optional<WriterRecord> decode_writer(ByteView body) {
  Reader reader(body);
  WriterRecord writer{reader.id<TeamId>(), reader.id<DeviceId>(), reader.array<64>()};
  return reader.done() ? std::optional(writer) : std::nullopt;
}

uint64_t file_size(uint64_t content) {
  return crypto::parts_file_size(kHeadSize, content);
}
uint64_t padded_file_size(uint64_t content) {
  return crypto::padded_parts_file_size(kHeadSize, content);
}

}  // namespace lysoen::bundle
