// What this program frees is wiped first: report text passes through strings, SQLite's cache, protobuf's and zstd's
// buffers, and none of it may stay in memory once a vault is locked. All of them give memory back through these calls,
// in whatever library they live. Costs one pass over what is freed.
//
// glibc only (elsewhere the program does without), and not under sanitizers, which have their own. The calls replace
// glibc's in the whole process; what they need of it has names that are for this purpose.
#include <features.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <malloc.h>

#include <cerrno>
#include <cstring>

#include "core/base/fault.h"

#define LYSOEN_REPLACES extern "C" __attribute__((visibility("default")))

extern "C" {
void* __libc_malloc(size_t size);
void __libc_free(void* at);
}

LYSOEN_REPLACES void free(void* at) {
  if (!at) return;
  if (!LYSOEN_FAULT(freed_memory_kept)) explicit_bzero(at, malloc_usable_size(at));
  __libc_free(at);
}

// The system's own would move a block and leave the old one as it was.
LYSOEN_REPLACES void* realloc(void* at, size_t size) {
  if (!at) return __libc_malloc(size);
  if (size == 0) {
    free(at);
    return nullptr;
  }
  const size_t held = malloc_usable_size(at);
  if (size <= held && size > held / 2) return at;
  void* moved = __libc_malloc(size);
  if (!moved) return nullptr;
  std::memcpy(moved, at, size < held ? size : held);
  free(at);
  return moved;
}

LYSOEN_REPLACES void* reallocarray(void* at, size_t count, size_t size) {
  size_t all;
  if (__builtin_mul_overflow(count, size, &all)) {
    errno = ENOMEM;
    return nullptr;
  }
  return realloc(at, all);
}
#endif
