// The real clock, wrong by some days: what time does to rosters and invites, without waiting for it. Only the test
// build has it; elsewhere this header is empty.
#pragma once
#ifdef LYSOEN_TEST_BUILD
#include <lysoen/environment.h>

namespace lysoen::cli {

class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(Clock& real) : real_(real) {}
  WallTime wall() override { return real_.wall() + std::chrono::days(days); }
  std::chrono::nanoseconds monotonic() override { return real_.monotonic(); }

  int days = 0;

 private:
  Clock& real_;
};

}  // namespace lysoen::cli
#endif
