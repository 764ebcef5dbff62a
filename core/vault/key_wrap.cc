#include "core/vault/key_wrap.h"

#include "core/base/bytes.h"

namespace lysoen::vault {

namespace {

Bytes context(std::string_view what) {
  Writer writer;
  writer.raw(as_bytes("lysoen/1 secret")).u8(0).raw(as_bytes(what));
  return std::move(writer).bytes();
}

}  // namespace

KeyWrap::KeyWrap(const crypto::Key32& container_key, Random& random)
    : key_(crypto::hkdf_expand_key(crypto::hkdf_extract({}, container_key.view()), "lysoen/1 wrap")),
      random_(&random) {}

Bytes KeyWrap::seal(std::string_view what, ByteView secret) const {
  return crypto::aead_seal_box(key_, context(what), secret, *random_);
}

Result<Bytes> KeyWrap::open(std::string_view what, ByteView sealed) const {
  auto secret = crypto::aead_open_box(key_, context(what), sealed);
  if (!secret) return make_error(ErrorCode::damaged, "cannot open vault: its keys are not as stored");
  return std::move(*secret);
}

}  // namespace lysoen::vault
