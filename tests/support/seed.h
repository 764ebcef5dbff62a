// Random tests draw from here: the seed is printed when a test program starts and taken back from LYSOEN_SEED.
#pragma once
#include <lysoen/environment.h>
#include <cstdint>
#include <random>

namespace lysoen::test {

/// The seed of this run: LYSOEN_SEED if set, otherwise fresh.
uint64_t seed();

/// A generator for one test; `salt` separates tests from each other under one seed.
std::mt19937_64 generator(uint64_t salt = 0);

/// Deterministic randomness for the code under test. Not for keys that matter.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed_value) : engine_(seed_value) {}
  void fill(std::span<uint8_t> out) override;

 private:
  std::mt19937_64 engine_;
};

/// A clock that moves only when told to. Starts on 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  WallTime wall() override { return wall_; }
  std::chrono::nanoseconds monotonic() override { return monotonic_; }
  void advance(std::chrono::milliseconds by) { wall_ += by, monotonic_ += by; }
  void set_wall(WallTime at) { wall_ = at; }

 private:
  WallTime wall_ = WallTime(std::chrono::milliseconds(1767225600000));
  std::chrono::nanoseconds monotonic_ = std::chrono::seconds(1);
};

}  // namespace lysoen::test
