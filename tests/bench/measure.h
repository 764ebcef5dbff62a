// Time of the clock and of the processor, and the lines by which a benchmark's program tells tools/bench what it found:
// "row <tab> column <tab> number", times in seconds.
#pragma once
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

namespace lysoen::bench {

struct Cost {
  double wall = 0, processor = 0;
};

inline Cost now() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * double(time.tv_usec); };
  std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
  return {wall.count(), seconds(use.ru_utime) + seconds(use.ru_stime)};
}

template <class Work>
Cost cost_of(Work work) {
  const auto from = now();
  work();
  const auto to = now();
  return {to.wall - from.wall, to.processor - from.processor};
}

/// The shortest of several runs: what else the machine does only ever adds to it.
template <class Work>
double shortest(int runs, Work work) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) best = std::min(best, cost_of(work).wall);
  return best;
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

inline void tell(const char* row, const char* column, double number) {
  std::printf("%s\t%s\t%.9g\n", row, column, number);
  std::fflush(stdout);
}

}  // namespace lysoen::bench
