// The world, passed in, in small pieces. Nothing in the core asks the system for time or randomness by itself.
#pragma once
#include <chrono>
#include <cstdint>
#include <span>

namespace lysoen {

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. Testimony, never a judge: see docs/ARCHITECTURE.md.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Where the core reads time. Implementations are called from the thread that owns the vault.
class Clock {
 public:
  virtual ~Clock() = default;
  /// What the device's clock says. May jump by years.
  virtual WallTime wall() = 0;
  /// Time since an unspecified start; never goes back while the process lives.
  virtual std::chrono::nanoseconds monotonic() = 0;
};

/// Where the core takes randomness. The real one is the system's cryptographic generator.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<uint8_t> out) = 0;
};

class KeyGuard;  // lysoen/key_guard.h

/// The world for one vault, relay or client. What it names outlives whatever is made with it.
struct Environment {
  Clock& clock;
  Random& random;
  KeyGuard* guard = nullptr;  // none: a vault's keys hang on its passphrases alone
};

/// The real clock and the system's generator (core/system). The objects live for ever.
Environment system_environment();
/// Bytes of memory that this machine has; 0 if it does not say.
uint64_t system_memory();

}  // namespace lysoen
