// The two habits of libsodium that every call here meets: return codes, and pointers that must not be null even if the
// size beside them is zero.
#pragma once
#include <cstdint>

#include "core/base/check.h"

namespace lysoen::crypto {

/// Requires: `code` is zero, as it is with the arguments we give. Anything else is a broken invariant, never an input.
inline void must_succeed(int code) {
  LYSOEN_CHECK(code == 0);
}

/// The pointer, or one to a byte that nobody reads or writes because its size is zero.
inline const uint8_t* never_null(const uint8_t* at) {
  static constexpr uint8_t kNothing = 0;
  return at ? at : &kNothing;
}
inline uint8_t* never_null(uint8_t* at) {
  return const_cast<uint8_t*>(never_null(static_cast<const uint8_t*>(at)));
}

}  // namespace lysoen::crypto
