#include "core/crypto/secret.h"

#include <sodium.h>

#include <algorithm>
#include <bitset>
#include <memory>
#include <mutex>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define LYSOEN_POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define LYSOEN_UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define LYSOEN_POISON(at, size) (void(at), void(size))
#define LYSOEN_UNPOISON(at, size) (void(at), void(size))
#endif

#include "core/base/check.h"

namespace lysoen::crypto {

namespace {

constexpr size_t kUnit = 16;  // every secret begins on such a border
constexpr size_t kArenaSize =
    48 * 1024;  // with its guard pages below the smallest usual limit for locked memory, 64 KiB
constexpr size_t kUnits = kArenaSize / kUnit;
constexpr size_t kArenasMax = 256;  // 12 MiB of keys: beyond this something leaks them

/// One block of locked memory between guard pages, handed out in runs of units, first fit.
class Arena {
 public:
  Arena() : base_(static_cast<uint8_t*>(sodium_malloc(kArenaSize))) {
    LYSOEN_CHECK(base_ != nullptr);
    sodium_memzero(base_, kArenaSize);
    LYSOEN_POISON(base_, kArenaSize);
  }

  uint8_t* take(size_t units) {
    if (units > free_) return nullptr;
    for (size_t run = 0, at = first_free_; at < kUnits; ++at) {
      run = used_[at] ? 0 : run + 1;
      if (run < units) continue;
      size_t begin = at + 1 - units;
      for (size_t i = begin; i <= at; ++i) used_.set(i);
      free_ -= units;
      if (begin == first_free_) first_free_ = at + 1;
      uint8_t* memory = base_ + begin * kUnit;
      LYSOEN_UNPOISON(memory, units * kUnit);
      return memory;
    }
    return nullptr;
  }

  bool owns(const uint8_t* at) const { return at >= base_ && at < base_ + kArenaSize; }

  void give_back(uint8_t* at, size_t units) {
    size_t begin = static_cast<size_t>(at - base_) / kUnit;
    sodium_memzero(at, units * kUnit);
    LYSOEN_POISON(at, units * kUnit);
    for (size_t i = begin; i < begin + units; ++i) {
      LYSOEN_CHECK(used_[i]);
      used_.reset(i);
    }
    free_ += units;
    first_free_ = std::min(first_free_, begin);
  }

 private:
  uint8_t* const base_;
  std::bitset<kUnits> used_;
  size_t free_ = kUnits;
  size_t first_free_ = 0;  // no unit below is free
};

/// The arena of the process. A phone stays inside the first block; a relay with thousands of open exchanges, or a
/// simulation with many vaults, gets further ones. Never destroyed: secrets may be released while the program ends.
struct Arenas {
  std::mutex mutex;
  std::array<std::unique_ptr<Arena>, kArenasMax> blocks;  // filled from the front
};

void forbid_core_dumps() {
#if defined(__unix__) || defined(__APPLE__)
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#endif
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The leak checker attaches to its own process, which this would forbid.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

Arenas& arenas() {
  static Arenas* const all = [] {
    LYSOEN_CHECK(sodium_init() >= 0);
    forbid_core_dumps();
    auto* made = new Arenas;
    made->blocks[0] = std::make_unique<Arena>();
    return made;
  }();
  return *all;
}

size_t units_for(size_t size) {
  return size == 0 ? 1 : (size + kUnit - 1) / kUnit;
}

}  // namespace

void init() {
  arenas();
}

namespace detail {

uint8_t* arena_take(size_t size) {
  LYSOEN_CHECK(size <= kArenaSize);
  auto& all = arenas();
  std::lock_guard lock(all.mutex);
  for (auto& block : all.blocks) {
    if (!block) block = std::make_unique<Arena>();
    if (uint8_t* at = block->take(units_for(size))) return at;
  }
  check_failed("room for another secret in the locked memory", __FILE__, __LINE__);
}

void arena_give_back(uint8_t* at, size_t size) noexcept {
  auto& all = arenas();
  std::lock_guard lock(all.mutex);
  for (auto& block : all.blocks) {
    if (!block || !block->owns(at)) continue;
    block->give_back(at, units_for(size));
    return;
  }
  check_failed("a released secret belongs to the locked memory", __FILE__, __LINE__);
}

}  // namespace detail

void wipe(std::span<uint8_t> bytes) {
  sodium_memzero(bytes.data(), bytes.size());
}

bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace lysoen::crypto
