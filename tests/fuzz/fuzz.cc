#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/paths.h"

namespace lysoen::fuzz {

void require(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "promise broken: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

Bytes file_bytes(std::string_view path) {
  std::ifstream file(test::source_dir() / path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  require(file.good(), "the source tree is where it was when this was built");
  return to_bytes(as_bytes(content.view()));
}

std::vector<Bytes> vector_values(std::string_view folder, std::string_view prefix, std::string_view key) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::source_dir() / "tests/vectors" / folder)) {
    auto name = entry.path().filename().string();
    if (name.starts_with(prefix)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::vector<Bytes> values;
  for (const auto& name : names) {
    auto content = file_bytes("tests/vectors/" + std::string(folder) + "/" + name);
    std::istringstream lines{std::string(as_text(content))};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(std::string(key) + ": ")) continue;
      if (auto value = from_hex(std::string_view(line).substr(key.size() + 2))) values.push_back(*value);
    }
  }
  require(!values.empty(), "there are vectors of that name");
  return values;
}

}  // namespace lysoen::fuzz
