// What one VFS knows and does below SQLite's calls (vfs.cc): which bytes of which file a read or write means, sealed or
// plain. Private to this module. Calls answer SQLite's codes; what really failed is kept in `error`.
#pragma once
#include <sqlite3.h>

#include <array>
#include <string>

#include "core/storage/vfs.h"

namespace lysoen::storage {

struct Vfs::State {
  State(Files& files_in, std::filesystem::path path, Random& random);
  ~State();

  // -- What failed, kept for the database's error ------------------------------------------------------------------
  int failed(const Error& what, int code) {
    error = what;
    if (what.code == ErrorCode::storage_full) return SQLITE_FULL;
    return code;
  }
  int damaged() {
    error = make_error(ErrorCode::damaged, "cannot read the store: a part of it was changed or damaged on the medium");
    return SQLITE_IOERR_DATA;
  }
  // Misuse of the VFS by SQLite: a shape that is not known is never served.
  // It keeps what failed before: after that SQLite tries to tidy up by means that are not allowed.
  int refused(int code) {
    if (!error)
      error = make_error(ErrorCode::internal, "cannot use the store: the database asked for what is not allowed");
    return code;
  }
  bool stopped() const { return dead || sync_has_failed; }
  int stopped_code() {
    error = make_error(ErrorCode::io_failed, "cannot write to the store: an earlier write did not reach the medium",
                       "close the vault and open it again; what was confirmed as saved is there");
    return SQLITE_IOERR_WRITE;
  }

  // -- The main database ---------------------------------------------------------------------------------------------
  int read_main(std::span<uint8_t> out, uint64_t offset);
  int write_main(ByteView bytes, uint64_t offset);

  // -- The write-ahead log -------------------------------------------------------------------------------------------
  int read_wal(std::span<uint8_t> out, uint64_t offset);
  int write_wal(ByteView bytes, uint64_t offset);
  int read_wal_header(std::span<uint8_t> out, uint64_t offset);
  int load_frame(uint32_t index);   // into `plain`
  int store_frame(uint32_t index);  // from `plain`

  int read_raw(File& file, std::span<uint8_t> out, uint64_t offset);
  int write_raw(File& file, ByteView bytes, uint64_t offset);
  int sync(File* file);

  Files& files;
  std::filesystem::path main_path, wal_path;
  std::string vfs_name;
  std::optional<PageCipher> cipher;
  bool main_read_only = false;
  std::unique_ptr<File> main, wal;  // while SQLite has them open; wal stays null for a missing log opened read-only

  std::array<uint8_t, kFrameSize> plain{}, sealed{};
  // A frame header waits here until its page comes; both are sealed as one.
  std::optional<uint32_t> held_index;
  std::array<uint8_t, kFrameHeader> held{};
  // The frame in `plain`, if the last thing that happened was reading it whole: SQLite corrects a checksum so.
  std::optional<uint32_t> just_read;
  std::optional<WalSalts> salts;
  // From opening the log to the first read of a page alone or the first write: SQLite is looking for where the log
  // ends.
  bool recovering = false;

  bool dead = false, sync_has_failed = false;
  std::optional<Error> error;
  sqlite3_vfs vfs{};
};

}  // namespace lysoen::storage
