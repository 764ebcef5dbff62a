// A broken invariant ends the program, in release too. Input is never checked with this.
#pragma once

namespace lysoen {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define LYSOEN_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::lysoen::check_failed(#condition, __FILE__, __LINE__))
