#include "tests/crash/memory.h"

#include <cstdlib>
#include <new>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LYSOEN_MEMORY_CAN_FAIL 1
#endif

#ifdef LYSOEN_MEMORY_CAN_FAIL
namespace {

// One thread: the tests of this program have no other.
bool counting = false, for_ever = false;
lysoen::crash::Allocator watched = lysoen::crash::Allocator::ours;
uint64_t counted = 0, fails_at = 0;

bool fails(lysoen::crash::Allocator allocator) {
  if (!counting || allocator != watched) return false;
  ++counted;
  return fails_at != 0 && (counted == fails_at || (for_ever && counted > fails_at));
}

}  // namespace

// What the C library gives the same names to; these take their place in the whole process, shared libraries included.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);

#define LYSOEN_EVERYWHERE __attribute__((visibility("default")))
LYSOEN_EVERYWHERE void* malloc(size_t size) {
  return fails(lysoen::crash::Allocator::theirs) ? nullptr : __libc_malloc(size);
}
LYSOEN_EVERYWHERE void* calloc(size_t count, size_t size) {
  return fails(lysoen::crash::Allocator::theirs) ? nullptr : __libc_calloc(count, size);
}
LYSOEN_EVERYWHERE void* realloc(void* old, size_t size) {
  return fails(lysoen::crash::Allocator::theirs) ? nullptr : __libc_realloc(old, size);
}
}

LYSOEN_EVERYWHERE void* operator new(size_t size) {
  void* memory = fails(lysoen::crash::Allocator::ours) ? nullptr : __libc_malloc(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}
LYSOEN_EVERYWHERE void operator delete(void* memory) noexcept {
  std::free(memory);
}
LYSOEN_EVERYWHERE void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
#endif

namespace lysoen::crash {

#ifdef LYSOEN_MEMORY_CAN_FAIL
bool memory_can_fail() {
  return true;
}
void fail_allocation(Allocator allocator, uint64_t at, bool forever) {
  watched = allocator, fails_at = at, for_ever = forever, counted = 0, counting = true;
}
uint64_t stop_failing() {
  counting = false;
  return counted;
}
#else
bool memory_can_fail() {
  return false;
}
void fail_allocation(Allocator, uint64_t, bool) {}
uint64_t stop_failing() {
  return 0;
}
#endif

}  // namespace lysoen::crash
