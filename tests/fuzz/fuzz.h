// A fuzz target is one file in targets/ that defines seeds() and run(). Two mains know them: libfuzzer.cc in the preset
// fuzz (tools/stress fuzz), and driver.cc in every other build, so that each run of the tests tries each target.
#pragma once
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace lysoen::fuzz {

/// Inputs to begin from: mostly valid ones. The same in every run.
std::vector<Bytes> seeds();

/// Takes one input and keeps nothing of it. A finding is a crash, a report of a sanitizer, a `require` that does not
/// hold, more than kMemoryMax in use at once, or no end within kSecondsMax.
void run(ByteView input);

inline constexpr size_t kInputMax = 64 * 1024;
inline constexpr size_t kMemoryMax = 64 * 1024 * 1024;
inline constexpr unsigned kSecondsMax = 20;

/// Ends the program, naming the promise, unless it holds.
void require(bool holds, std::string_view promise);

/// An input as a row of decisions; zeros once it has ended.
class Choices {
 public:
  explicit Choices(ByteView input) : rest_(input) {}
  uint8_t byte() {
    if (rest_.empty()) return 0;
    uint8_t first = rest_[0];
    rest_ = rest_.subspan(1);
    return first;
  }
  /// Below `count`, which is at most 256.
  size_t below(size_t count) { return byte() % count; }
  bool flag() { return byte() & 1; }
  ByteView take(size_t size) {
    auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView rest() const { return rest_; }
  bool ended() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

/// A seed for a target whose first byte chooses what reads the rest.
inline Bytes chosen(size_t choice, ByteView rest) {
  Bytes seed{static_cast<uint8_t>(choice)};
  seed.insert(seed.end(), rest.begin(), rest.end());
  return seed;
}

/// Every value of these keys in tests/vectors/FOLDER/PREFIX*.txt that is hexadecimal, by file name.
std::vector<Bytes> vector_values(std::string_view folder, std::string_view prefix, std::string_view key);

/// The content of a file of the source tree.
Bytes file_bytes(std::string_view path);

}  // namespace lysoen::fuzz
