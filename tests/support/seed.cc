#include "tests/support/seed.h"

#include <cstdlib>

namespace lysoen::test {

uint64_t seed() {
  static const uint64_t value = [] {
    if (const char* given = std::getenv("LYSOEN_SEED")) return static_cast<uint64_t>(std::strtoull(given, nullptr, 10));
    return static_cast<uint64_t>(std::random_device{}()) << 32 | std::random_device{}();
  }();
  return value;
}

std::mt19937_64 generator(uint64_t salt) {
  return std::mt19937_64(seed() ^ (salt * 0x9E3779B97F4A7C15ull));
}

void SeededRandom::fill(std::span<uint8_t> out) {
  for (auto& byte : out) byte = static_cast<uint8_t>(engine_());
}

}  // namespace lysoen::test
