#include "sync/bundle/format.h"

#include "core/crypto/cipher.h"

namespace lysoen::bundle {

namespace {

constexpr size_t kTag = crypto::kTagSize;

uint64_t parts_of(uint64_t content) {
  return content == 0 ? 1 : (content + kPartSize - 1) / kPartSize;
}

// The content that makes a file of exactly this size, or nothing if none does: a part is never only a tag.
std::optional<uint64_t> content_of(uint64_t size) {
  auto sealed = size - kHeadSize;
  auto parts = (sealed + kSealedPartSize - 1) / kSealedPartSize;
  auto last = sealed - (parts - 1) * kSealedPartSize;
  if (last <= kTag) return std::nullopt;
  return sealed - parts * kTag;
}

uint64_t step_of(uint64_t content) {
  uint64_t size = crypto::transport_size(static_cast<size_t>(file_size(content)));
  while (!content_of(size)) size = crypto::transport_size(static_cast<size_t>(size + 1));
  return size;
}

}  // namespace

Keys derive(const CarrierKey& key, ByteView salt) {
  auto prk = crypto::hkdf_extract(salt, key);
  Keys keys{crypto::hkdf_expand_key(prk, "lysoen/1 bundle parts"), {}};
  crypto::hkdf_expand(prk, as_bytes("lysoen/1 bundle commitment"), keys.commitment);
  return keys;
}

PartNonce part_nonce(uint64_t index, bool last) {
  PartNonce nonce{};
  for (int i = 0; i < 8; ++i) nonce[i] = static_cast<uint8_t>(index >> (56 - 8 * i));
  nonce[8] = last ? 1 : 0;
  return nonce;
}

uint64_t file_size(uint64_t content) {
  return kHeadSize + content + kTag * parts_of(content);
}
uint64_t padded_file_size(uint64_t content) {
  return step_of(content);
}
uint64_t padding_for(uint64_t content) {
  return *content_of(step_of(content)) - content;
}

}  // namespace lysoen::bundle
