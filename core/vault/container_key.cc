#include "core/vault/container_key.h"

#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::vault {

GuardId guard_id(const storage::VaultId& vault, ContainerName container) {
  Writer writer;
  writer.id(vault).u8(static_cast<uint8_t>(container));
  return crypto::labelled_id<GuardId>("lysoen/1 guard", writer.bytes());
}

Result<crypto::Key32> container_key(const SlotContent& content, const storage::VaultId& vault, KeyGuard* guard) {
  if (!content.guarded) return content.secret.copy();
  if (!guard)
    return make_error(ErrorCode::not_found,
                      "cannot open vault: half of its key is held outside of it and was not given",
                      "name where the guard key is, as when the vault was made");
  crypto::Key32 guarded;
  auto used = guard->use(guard_id(vault, content.container), guarded.span());
  if (!used && used.error().code == ErrorCode::not_found)
    return make_error(ErrorCode::not_found,
                      "cannot open vault: its guard key is not there; if it was destroyed, this vault cannot be opened "
                      "any more by anybody",
                      "check that the right guard is connected; what was sent is with your team");
  if (!used) return std::move(used).error();
  return crypto::hkdf_expand_key(crypto::hkdf_extract(guarded.view(), content.secret.view()),
                                 "lysoen/1 guarded container");
}

}  // namespace lysoen::vault
