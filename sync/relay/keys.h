// The relay's key file (mode 0600): identity, fallback, gate keys, exchange keys, and the key and name of its store.
// docs/protocol/relay-store.md. Keep it apart from the store: who restores an old store must not restore this with it.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include <filesystem>

#include "sync/session/keys.h"

namespace lysoen::relay {

struct KeyFile {
  session::RelayKeys keys;
  crypto::Key32 store_key;  // of the store's ring
  Hash store_id;            // binds the ring to this store
};

/// Makes a new key file and its first exchange key. Errors: already_exists, io_failed, storage_read_only, storage_full.
Result<void> make_key_file(const std::filesystem::path& file, Environment environment);

/// Errors: not_found, damaged, newer_version, trust_refused (readable by others than its owner).
Result<KeyFile> read_key_file(const std::filesystem::path& file);

/// Makes the next exchange key when the newest is past its use, destroys those past their life, and writes the file
/// if something changed (true). The keys change only if the file was written.
Result<bool> renew_exchange_keys(const std::filesystem::path& file, KeyFile& keys, Environment environment);

/// What the operator hands out: RelayInfo without URLs; see relay_key_text().
RelayInfo public_half(const session::RelayKeys& keys);

}  // namespace lysoen::relay
