// Memory that runs out: the n-th allocation of this process fails, once or from then on.
#pragma once
#include <cstdint>

namespace lysoen::crash {

enum class Allocator : uint8_t {
  ours,    // operator new: containers and strings
  theirs,  // malloc, calloc, realloc: SQLite, zstd
};

/// Whether this build can do it: not under sanitizers, and only with glibc.
bool memory_can_fail();
/// From now on allocations are counted; number `at` fails (0: none), and with `forever` every later one.
void fail_allocation(Allocator allocator, uint64_t at, bool forever);
/// Memory is as it ever was. Answers how many allocations were counted.
uint64_t stop_failing();

}  // namespace lysoen::crash
