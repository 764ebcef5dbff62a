// The VFS through which SQLite reads and writes one database: sealed (every byte of database and WAL is encrypted and
// authenticated) or plain (bytes as stock SQLite writes them; for the relay's store).
//
// Why a VFS over stock SQLite: no maintained encrypting build is packaged, and encrypting rows would give up search,
// map and full text and show counts. Fail closed: it opens exactly one main database and its WAL and refuses every
// other kind of file, deletion, shared memory, memory mapping and any shape of access that it does not know.
//
// Registered under a random name while it lives. One strand. The files below are reached through Files.
#pragma once
#include <lysoen/environment.h>

#include <functional>
#include <optional>
#include <vector>

#include "core/crypto/secret.h"
#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::storage {

class Vfs {
 public:
  struct Sealing {
    const crypto::Key32& key;  // outlives the VFS
    VaultId vault;
  };
  /// `database` is the path of the main file; its WAL is `database`-wal.
  static std::unique_ptr<Vfs> make(Files& files, const std::filesystem::path& database,
                                   const std::optional<Sealing>& sealing, Random& random);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  const char* name() const;           // of the VFS, for sqlite3_open_v2
  const char* database_name() const;  // the file name that SQLite is given; says nothing about the real path
  bool sealed() const;
  /// The error of the last file operation that failed, for a better code than SQLite's; cleared by the call.
  std::optional<Error> take_error();
  /// A sync failed: every later write and sync is refused, for good.
  bool sync_failed() const;
  /// From now on everything is refused: what a wipe does first.
  void kill();
  /// Syncs the WAL file; nothing to do if there is none.
  Result<void> sync_wal();
  /// Overwrites the WAL with random bytes and syncs. Requires: everything in it is checkpointed and nothing is being
  /// read.
  Result<void> scrub_wal(Random& random);
  /// Numbers (from 1) of the database file's pages that do not open, free ones included; none in a store that is not
  /// sealed. Requires: everything is checkpointed. `each` is told how many pages are done, of how many.
  Result<std::vector<uint32_t>> unreadable_pages(const std::function<void(uint64_t done, uint64_t all)>& each);
  /// Salts of the WAL's current generation, once a header was read or written.
  std::optional<WalSalts> wal_salts() const;

  struct State;  // in vfs.cc

 private:
  explicit Vfs(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lysoen::storage
