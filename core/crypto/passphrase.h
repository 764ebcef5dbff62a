// Argon2id (RFC 9106) from a passphrase to a key.
#pragma once
#include <lysoen/result.h>

#include <chrono>
#include <functional>

#include "core/crypto/secret.h"

namespace lysoen::crypto {

inline constexpr uint32_t kMemoryKibFloor = 64 * 1024, kMemoryKibCeiling = 1024 * 1024, kPassesFloor = 3,
                          kPassesCeiling = 16;
inline constexpr size_t kSaltSize = 16;

struct Argon2Cost {
  uint32_t memory_kib = kMemoryKibFloor;
  uint32_t passes = kPassesFloor;
  /// Inside floor and ceiling. The test build accepts 8 KiB and 1 pass upwards.
  bool allowed() const;
};

/// How long one derivation takes. Of the clock only monotonic() is used.
using Stopwatch = std::function<Result<std::chrono::nanoseconds>(const Argon2Cost& cost)>;
Stopwatch stopwatch(Clock& clock);
/// The cost at which a derivation takes about a second on this machine and at most a quarter of its memory; never below
/// the floor, whatever the machine. Measures at most twice.
Result<Argon2Cost> calibrate(uint64_t memory_bytes, const Stopwatch& time);

/// Errors: input_refused (cost outside the bounds; checked before allocation), storage_full (no memory).
Result<Key32> derive_key(std::string_view passphrase, std::span<const uint8_t, kSaltSize> salt, const Argon2Cost& cost);

}  // namespace lysoen::crypto
