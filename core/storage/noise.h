// Random bytes over a range of a file: what a ring, a reserve and scrubbed places look like.
#pragma once
#include <lysoen/environment.h>

#include "core/storage/files.h"

namespace lysoen::storage {

/// Not synced. The bytes are the key stream of a key drawn from `random` and forgotten.
Result<void> write_noise(File& file, uint64_t offset, uint64_t size, Random& random);

}  // namespace lysoen::storage
