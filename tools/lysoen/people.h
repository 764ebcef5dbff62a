// How members, reports and files are named on the command line.
#pragma once
#include <lysoen/vault.h>

#include <filesystem>
#include <map>
#include <string>

#include "tools/lysoen/app.h"

namespace lysoen::cli {

/// Names of members as far as this device may read them; "coordinator 1a2b3c4d" where it may not.
class Names {
 public:
  explicit Names(Vault& vault);
  std::string of(const DeviceId& device) const;

 private:
  std::map<DeviceId, std::string> names_;
};

/// The first 8 digits: what people type.
std::string short_id(const std::string& hex);
template <class Tag>
std::string short_id(const Id<Tag>& id) {
  return short_id(id.hex());
}

/// The one report or draft whose id begins so. Errors: input_refused (too short, not hexadecimal, several), not_found.
Result<ReportId> report_named(Vault& vault, const std::string& prefix);

/// A whole small file. Errors: not_found, input_refused (a folder, not readable), limit_exceeded above `size_max`.
Result<Bytes> read_file(const std::filesystem::path& file, size_t size_max);

/// Why a file cannot be written, by the system's error number.
Error cannot_write(const std::filesystem::path& file, int number);

/// A file that is whole or absent, begun before the deed whose outcome it takes: where it cannot be written, the deed
/// is not done. Until it is finished, only FILE.part is there, and goes away with this object.
class NewFile {
 public:
  /// Errors: already_exists (unless `replace`), storage_full, storage_read_only, not_found, io_failed.
  static Result<NewFile> begin(const std::filesystem::path& file, bool replace = false);
  /// The same with room for `size` bytes, or nothing if no file was named.
  static Result<std::optional<NewFile>> with_room(const std::filesystem::path& file, size_t size);
  Result<void> finish(ByteView bytes);
  NewFile(NewFile&& other) noexcept;
  ~NewFile();

 private:
  NewFile() = default;
  std::filesystem::path file_, part_;
  int descriptor_ = -1;
};

/// Writes a new file through a temporary name; an existing one is refused unless `replace`.
Result<void> write_file(const std::filesystem::path& file, ByteView bytes, bool replace = false);

/// Ends of warnings that belong to every command that shows the team: expired roster, a single reader.
void warn_about(const TeamView& team);

}  // namespace lysoen::cli
