// The program's own pwrite, which the linker takes in place of the library's for everything that is linked into it.
#include "disk_tap.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace lysoen::sim {
DiskTap* disk_tap = nullptr;
}

extern "C" ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  using lysoen::sim::disk_tap;
  size_t first = disk_tap ? disk_tap->before(descriptor, size) : size;
  if (first < size) {
    if (first > 0 && syscall(SYS_pwrite64, descriptor, bytes, first, offset) < 0) return -1;
    disk_tap->then(descriptor);
  }
  return syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}
