// libjpeg and libpng tell of an error by a jump (longjmp) out of their call. Such a jump runs no destructors, so
// nothing that has one may stand between it and guarded(): the steps given here call the library and touch plain data,
// nothing else; what they fill is allocated before, outside. The same holds for the calls that the libraries make to
// us.
#pragma once
#include <csetjmp>
#include <type_traits>

namespace lysoen::media {

/// Runs the step; false if the library's error call jumped to `error` instead of returning.
template <class Step>
bool guarded(std::jmp_buf& error, const Step& step) {
  static_assert(std::is_trivially_destructible_v<Step>, "a jump would skip its destructor");
  if (setjmp(error) != 0) return false;
  step();
  return true;
}

}  // namespace lysoen::media
