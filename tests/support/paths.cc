#include "tests/support/paths.h"

#include <cstdlib>

namespace lysoen::test {

std::filesystem::path source_dir() {
  return LYSOEN_SOURCE_DIR;
}

std::optional<std::filesystem::path> shared_dir() {
  const char* given = std::getenv("LYSOEN_SHARED");
  auto folder = given ? std::filesystem::path(given) : source_dir().parent_path() / "shared";
  if (!std::filesystem::is_directory(folder / "data")) return std::nullopt;
  return folder;
}

}  // namespace lysoen::test
