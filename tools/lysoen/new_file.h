// A file for people: readable by its owner alone, and under its name only once it is whole and on the disk. It is begun
// before the deed whose outcome it takes: where it cannot be written, the deed is not done.
#pragma once
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <filesystem>
#include <optional>

namespace lysoen::cli {

/// Why a file cannot be written, by the system's error number.
Error cannot_write(const std::filesystem::path& file, int number);

class NewFile {
 public:
  /// Makes `<file>.part`, empty; never writes through a link or into a file that somebody else laid there. Errors:
  /// already_exists (unless `replace`), storage_full, storage_read_only, not_found, io_failed.
  static Result<NewFile> begin(const std::filesystem::path& file, bool replace = false);
  /// The same with room for `size` bytes, or nothing if no file was named.
  static Result<std::optional<NewFile>> with_room(const std::filesystem::path& file, size_t size);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  /// Removes what was not finished.
  ~NewFile();

  /// Where to write until then.
  const std::filesystem::path& part() const { return part_; }
  /// Syncs what was written there and gives it its name. Errors: those of begin().
  Result<void> finish();
  /// Writes these bytes, and nothing else, first.
  Result<void> finish(ByteView bytes);

 private:
  NewFile() = default;
  std::filesystem::path file_, part_;
  int descriptor_ = -1;  // of part_, until it is finished
};

/// Begins and finishes one with these bytes.
Result<void> write_file(const std::filesystem::path& file, ByteView bytes, bool replace = false);

}  // namespace lysoen::cli
