#include "sync/bundle/format.h"

namespace lysoen::bundle {

Keys derive(const CarrierKey& key, ByteView salt) {
  auto prk = crypto::hkdf_extract(salt, key);
  Keys keys{crypto::hkdf_expand_key(prk, "lysoen/1 bundle parts"), {}};
  crypto::hkdf_expand(prk, as_bytes("lysoen/1 bundle commitment"), keys.commitment);
  return keys;
}

uint64_t file_size(uint64_t content) {
  return crypto::parts_file_size(kHeadSize, content);
}
uint64_t padded_file_size(uint64_t content) {
  return crypto::padded_parts_file_size(kHeadSize, content);
}

}  // namespace lysoen::bundle
