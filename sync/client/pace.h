// How fast and how much: back-off between failures, the size of the next request, the rate of late. Pure; no clock of
// its own.
#pragma once
#include <lysoen/environment.h>

#include <cstddef>

namespace lysoen::client {

/// The wait after this many failures in a row (1 and up): 1 s, 2 s, 4 s ... 60 s, of which a random half is taken off
/// so that devices that lost a relay together do not come back together.
std::chrono::milliseconds backoff(int failures, Random& random);

/// The size of requests and answers: doubles while the link carries one in less than 2 s, shrinks when it takes more
/// than 5 s, halves on a stall.
class Window {
 public:
  Window(size_t min, size_t max) : min_(min), max_(max), request_(min), answer_(kAnswerFactor * min) {}

  size_t request() const { return request_; }
  size_t answer() const { return answer_; }

  /// A request of `sent` bytes and its answer of `came` bytes took `elapsed`.
  void carried(size_t sent, size_t came, std::chrono::nanoseconds elapsed);
  void stalled();

 private:
  static constexpr size_t kAnswerFactor = 4;  // links are slower up than down
  void set(size_t request, size_t answer);
  size_t min_, max_, request_, answer_;
};

/// Bytes a second over about the last minute. Time in which nothing moved counts, so that a link that keeps breaking is
/// told as slow as it is.
class Rate {
 public:
  void passed(std::chrono::nanoseconds elapsed, uint64_t bytes);
  uint64_t bytes_per_second() const;

 private:
  double bytes_ = 0, seconds_ = 0;  // both fade
};

}  // namespace lysoen::client
