// Vector files of ours: `key: value` lines, keys may repeat, `#` begins a comment line. The first key is `expect`, the
// second `about`. Values are text, numbers or lower-case hexadecimal. One file, one scenario.
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

namespace lysoen::test {

class VectorFile {
 public:
  explicit VectorFile(const std::filesystem::path& path) : name_(path.filename().string()) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      auto colon = line.find(':');
      INFO(name_ << ": " << line);
      REQUIRE(colon != std::string::npos);
      rows_.emplace_back(line.substr(0, colon), colon + 2 < line.size() ? line.substr(colon + 2) : std::string());
    }
    INFO(name_);
    REQUIRE(rows_.size() > 2);
    REQUIRE(rows_[0].first == "expect");
    REQUIRE(rows_[1].first == "about");
  }

  const std::string& name() const { return name_; }
  const std::string& expect() const { return rows_[0].second; }
  bool has(std::string_view key) const { return !all(key).empty(); }

  /// Every value of a key, in order.
  std::vector<std::string> all(std::string_view key) const {
    std::vector<std::string> values;
    for (const auto& [name, value] : rows_)
      if (name == key) values.push_back(value);
    return values;
  }
  std::string text(std::string_view key) const {
    auto values = all(key);
    INFO(name_ << ": " << key);
    REQUIRE(values.size() == 1);
    return values[0];
  }
  uint64_t number(std::string_view key) const { return std::stoull(text(key)); }
  Bytes bytes(std::string_view key) const { return decode(text(key)); }
  std::vector<Bytes> all_bytes(std::string_view key) const {
    std::vector<Bytes> values;
    for (const auto& value : all(key)) values.push_back(decode(value));
    return values;
  }
  static Bytes decode(const std::string& hex) {
    auto raw = from_hex(hex);
    REQUIRE(raw);
    return *raw;
  }

 private:
  std::string name_;
  std::vector<std::pair<std::string, std::string>> rows_;
};

/// The files tests/vectors/<folder>/<prefix>*.txt, by name.
inline std::vector<VectorFile> vector_files(const std::string& folder, const std::string& prefix = "") {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "tests/vectors" / folder)) {
    auto name = entry.path().filename().string();
    if (name.rfind(prefix, 0) == 0 && entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  REQUIRE_FALSE(paths.empty());
  std::vector<VectorFile> files;
  for (const auto& path : paths) files.emplace_back(path);
  return files;
}

}  // namespace lysoen::test
