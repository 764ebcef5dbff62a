// Stands between this process and its files: hears of every write before it happens, so that a device can die between
// any two writes, or within one.
#pragma once
#include <cstddef>
#include <functional>

namespace lysoen::sim {

/// Called with the file and the size; answers how much of it is to be written before `then` is called and the rest
/// follows. One story at a time.
struct DiskTap {
  std::function<size_t(int descriptor, size_t size)> before;
  std::function<void(int descriptor)> then;
};
extern DiskTap* disk_tap;

}  // namespace lysoen::sim
