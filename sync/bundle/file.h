// Files for bundles: written whole or not at all, read from the front. POSIX.
#pragma once
#include <lysoen/result.h>

#include <filesystem>
#include <span>

namespace lysoen::bundle {

/// Errors: already_exists.
Result<void> must_be_free(const std::filesystem::path& file);

/// A file under a temporary name ("<name>.part") that gets its name with commit() and vanishes without it.
class NewFile {
 public:
  /// Errors: already_exists (`file` is there), storage_read_only, storage_full, not_found (no such folder), io_failed.
  static Result<NewFile> create(const std::filesystem::path& file);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  Result<void> write(std::span<const uint8_t> bytes);
  /// Syncs it; nothing more is written.
  Result<void> close();
  /// Closes the file, renames it to the name it was created for, or to `as` in the same folder, and syncs the folder.
  Result<void> commit();
  Result<void> commit(const std::filesystem::path& as);

 private:
  NewFile(std::filesystem::path file, std::filesystem::path temporary, int descriptor)
      : file_(std::move(file)), temporary_(std::move(temporary)), descriptor_(descriptor) {}
  std::filesystem::path file_, temporary_;
  int descriptor_;
};

class InFile {
 public:
  /// Errors: not_found, io_failed, input_refused (a folder).
  static Result<InFile> open(const std::filesystem::path& file);
  InFile(InFile&& other) noexcept;
  InFile& operator=(InFile&&) = delete;
  ~InFile();
  /// Fills `into` as far as the file goes; fewer only at its end.
  Result<size_t> read(std::span<uint8_t> into);
  /// When it was opened, for progress.
  uint64_t size() const { return size_; }

 private:
  explicit InFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  uint64_t size_ = 0;
};

}  // namespace lysoen::bundle
