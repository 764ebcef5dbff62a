// A vault's container as whoever has its key reads it, below SQLite and below the ring: every page of the database,
// every frame of the log and every record of the ring is decrypted and searched, whether anything still refers to it or
// not. For tests that prove that something is gone, after they have proved that they would find it.
#pragma once
#include <lysoen/environment.h>

#include <set>
#include <string>

#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::test {

class Decrypted {
 public:
  /// The container that the passphrase opens. What it refers to outlives it. The test fails if it does not open.
  static Decrypted unlock(storage::Files& files, const std::filesystem::path& folder, std::string_view passphrase,
                          WallTime now, Random& random);

  /// Reads the files as they are now. The log is begun anew from time to time, and the frames of the generations before
  /// open only with salts that a look has seen: look before what is searched for may have been overwritten, too.
  void look();

  /// Occurrences, as of the last look.
  struct Hits {
    size_t pages = 0, log = 0, ring = 0;
    size_t all() const { return pages + log + ring; }
    Hits operator+(const Hits& more) const { return {pages + more.pages, log + more.log, ring + more.ring}; }
  };
  Hits hits(std::string_view text) const;
  Hits hits(ByteView bytes) const;
  /// Of a coordinate, as tables keep it and as the index of places does.
  Hits hits(double degrees) const;

  /// All texts of that length that begin so, wherever they stand.
  std::set<std::string> texts(std::string_view beginning, size_t length) const;

  /// What opened at the last look.
  size_t pages() const { return pages_.size(); }
  size_t frames() const { return frames_.size(); }
  size_t records() const { return records_.size(); }

 private:
  Decrypted(storage::Files& files, std::filesystem::path container, const crypto::Key32& key,
            const storage::VaultId& vault, Random& random);
  Bytes file(std::string_view suffix) const;
  void read_pages(ByteView file);
  void read_log(ByteView file);
  void read_ring(ByteView file);

  storage::Files& files_;
  std::filesystem::path container_;  // folder and letter
  crypto::Key32 key_;
  storage::VaultId vault_;
  Random& random_;
  std::set<storage::WalSalts> salts_;
  std::vector<Bytes> pages_, frames_, records_;
};

}  // namespace lysoen::test
