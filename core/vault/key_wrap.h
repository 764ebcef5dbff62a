// Secrets in tables are sealed once more, under a key that stands in locked memory only: decrypted pages lie in
// SQLite's cache, and a core dump of an open vault would show every key otherwise. docs/formats/vault.md, "Tables".
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include "core/crypto/cipher.h"

namespace lysoen::vault {

class KeyWrap {
 public:
  KeyWrap(const crypto::Key32& container_key, Random& random);

  /// `what` says which secret it is, so that none can stand in another's place.
  Bytes seal(std::string_view what, ByteView secret) const;
  /// Errors: damaged. The caller wipes what it gets, or keeps it in a Secret.
  Result<Bytes> open(std::string_view what, ByteView sealed) const;
  /// For what seals by itself: the states of streams.
  const crypto::Key32& key() const { return key_; }

 private:
  crypto::Key32 key_;
  Random* random_;
};

}  // namespace lysoen::vault
