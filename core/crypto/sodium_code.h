// libsodium answers with return codes. A call that cannot fail with the arguments we give is checked with this.
#pragma once
#include "core/base/check.h"

namespace lysoen::crypto {

/// Requires: `code` is zero. Anything else is a broken invariant, never an input.
inline void must_succeed(int code) {
  LYSOEN_CHECK(code == 0);
}

}  // namespace lysoen::crypto
