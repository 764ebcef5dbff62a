// The root key file: the team's root signing key, sealed under a passphrase, to be kept on a stick away from any
// device. Whoever holds file and passphrase can change admins and durable relays. docs/formats/team.md, "Root key
// file".
#pragma once
#include <lysoen/result.h>

#include "core/crypto/passphrase.h"
#include "core/crypto/sign.h"

namespace lysoen::team {

struct RootKey {
  TeamId team;
  crypto::SigningKey key;

  /// A new team's: the team's id is the hash of its public key.
  static RootKey found(Random& random);
};

inline constexpr size_t kRootFileSize = 137;

/// Errors: input_refused (empty passphrase, cost outside the bounds), storage_full (no memory for the derivation).
Result<Bytes> seal_root(const RootKey& root, std::string_view passphrase, const crypto::Argon2Cost& cost,
                        Random& random);
/// Errors: input_refused (not a root key file), newer_version, damaged (its checksum does not fit), wrong_passphrase.
Result<RootKey> open_root(ByteView file, std::string_view passphrase);

}  // namespace lysoen::team
