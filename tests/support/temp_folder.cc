#include "tests/support/temp_folder.h"

#include <random>
#include <string>

namespace lysoen::test {

TempFolder::TempFolder(const std::filesystem::path& within) {
  std::random_device device;
  path_ = within / ("lysoen-test-" + std::to_string(device()) + std::to_string(device()));
  std::filesystem::create_directories(path_);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace lysoen::test
