// Files for bundles: written whole or not at all, read from the front. POSIX.
#pragma once
#include <lysoen/result.h>

#include <filesystem>
#include <span>

namespace lysoen::bundle {

/// A file under a temporary name ("<name>.part") that becomes `file` with commit() and vanishes without it.
class NewFile {
 public:
  /// Errors: already_exists (`file` is there), storage_read_only, storage_full, not_found (no such folder), io_failed.
  static Result<NewFile> create(const std::filesystem::path& file);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  Result<void> write(std::span<const uint8_t> bytes);
  /// Syncs the file, renames it, syncs its folder.
  Result<void> commit();

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

 private:
  explicit InFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace lysoen::bundle
