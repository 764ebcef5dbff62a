// A folder of its own for one test, removed at the end.
#pragma once
#include <filesystem>

namespace lysoen::test {

class TempFolder {
 public:
  /// In the system's folder for such things, or within the one given.
  explicit TempFolder(const std::filesystem::path& within = std::filesystem::temp_directory_path());
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lysoen::test
