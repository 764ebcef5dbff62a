// Files, as every part of a vault or relay store sees them: SQLite's through the VFS, the ring, the reserve, slots,
// blobs.
//
// One small interface, so that a test can stand between the store and the disk: count, fail, drop or tear every write
// of every file in the order in which they were made. Nothing in the project writes a vault's file by another way.
//
// Errors, in words that hold no path: storage_full (ENOSPC, EDQUOT), storage_read_only (EROFS, EACCES, EPERM),
// not_found, already_exists, io_failed (everything else). Threads: a File belongs to one strand at a time; Files may be
// shared.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lysoen::storage {

class File {
 public:
  virtual ~File() = default;
  /// Fills `out` from `offset`; answers how many bytes there were. Fewer than asked for means the file ends there.
  virtual Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out) = 0;
  /// Writes all of it or answers an error; the file grows as needed. After an error any part may have been written.
  virtual Result<void> write_at(uint64_t offset, ByteView bytes) = 0;
  virtual Result<uint64_t> size() = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
  /// Content and size are on the medium once this returns (fdatasync; F_FULLFSYNC on Apple's systems). An error is
  /// final: what was written since the last good sync may be gone although later reads still show it.
  virtual Result<void> sync() = 0;
  /// Keeps other programs that honour POSIX record locks away from a range, until the file is closed. vault_in_use if
  /// somebody has it. Used for stock SQLite's lock bytes in stores that are not sealed.
  virtual Result<void> lock_range(uint64_t offset, uint64_t size) = 0;
};

enum class OpenMode : uint8_t {
  read_only,
  read_write,  // must exist
  create,      // must not exist: already_exists
  open_or_create,
};

class Files {
 public:
  virtual ~Files() = default;
  /// Symbolic links are not followed. A new file is for the owner alone (0600) and is not durable before sync_folder.
  virtual Result<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) = 0;
  virtual Result<bool> exists(const std::filesystem::path& path) = 0;
  /// Not there is not an error.
  virtual Result<void> remove(const std::filesystem::path& path) = 0;
  /// Replaces `to`. Atomic; durable after sync_folder.
  virtual Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// Makes the folder for the owner alone, and those above it that are missing. There already is not an error.
  virtual Result<void> make_folder(const std::filesystem::path& folder) = 0;
  /// Names of what lies in the folder. Errors: not_found; input_refused if a file is there, not a folder.
  virtual Result<std::vector<std::string>> list(const std::filesystem::path& folder) = 0;
  /// Creations, removals and renames in the folder are on the medium once this returns.
  virtual Result<void> sync_folder(const std::filesystem::path& folder) = 0;
};

/// The system's files. The object lives for ever.
Files& system_files();

/// The whole file. limit_exceeded if it is larger than `size_max`.
Result<Bytes> read_file(Files& files, const std::filesystem::path& path, size_t size_max);
/// Replaces the file as a whole or not at all: writes `path`.new, syncs, renames, syncs the folder.
Result<void> replace_file(Files& files, const std::filesystem::path& path, ByteView content);

/// Keeps every other process out of a vault's folder while it lives (flock on a file named "lock", which is empty
/// unless a session is open or did not end in order). Not through Files: a simulated disk needs no lock between
/// processes.
class FolderLock {
 public:
  /// Errors: vault_in_use if another process (or another FolderLock of this one) has it; storage_read_only; not_found.
  static Result<std::unique_ptr<FolderLock>> take(const std::filesystem::path& folder);
  ~FolderLock();
  /// Marks in the file that a session has begun, and that it has ended in order. What cannot be written is left out.
  void begin_session();
  void end_session();

  struct Seen {
    bool taken = false;
    std::optional<int64_t> process;  // that has it, if the system tells and it can only be one of this user
    bool session_open = false;       // of `taken`: it goes on; else it did not end in order
  };
  /// Looks without taking it. Errors: not_found (nobody ever took it), storage_read_only, io_failed.
  static Result<Seen> look(const std::filesystem::path& folder);

  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace lysoen::storage
