#include <lysoen/environment.h>
#include <sys/random.h>
#include <unistd.h>

#include <ctime>

#include "core/base/check.h"

namespace lysoen {

namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall() override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  std::chrono::nanoseconds monotonic() override { return std::chrono::steady_clock::now().time_since_epoch(); }
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> out) override {
    while (!out.empty()) {
      auto got = getrandom(out.data(), out.size() < 256 ? out.size() : 256, 0);
      LYSOEN_CHECK(got > 0);
      out = out.subspan(static_cast<size_t>(got));
    }
  }
};

}  // namespace

Environment system_environment() {
  static SystemClock clock;
  static SystemRandom random;
  return Environment{clock, random};
}

uint64_t system_memory() {
  auto pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(size) : 0;
}

}  // namespace lysoen
