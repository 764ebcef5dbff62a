#include "sync/client/pace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace lysoen::client {

namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kBackoffFirst = 1s, kBackoffMax = 60s;
constexpr std::chrono::nanoseconds kQuick = 2s, kSlow = 5s;
constexpr double kRateMemory = 60;  // seconds after which the past weighs a third

uint64_t draw(Random& random, uint64_t below) {
  std::array<uint8_t, 8> bytes{};
  random.fill(bytes);
  uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value % below;
}

}  // namespace

std::chrono::milliseconds backoff(int failures, Random& random) {
  auto full = kBackoffFirst * (1 << std::clamp(failures - 1, 0, 10));
  auto ms = static_cast<uint64_t>(std::min(full, kBackoffMax).count());
  return std::chrono::milliseconds(ms - draw(random, ms / 2 + 1));
}

void Window::carried(size_t sent, size_t came, std::chrono::nanoseconds elapsed) {
  if (elapsed > kSlow) return set(request_ / 2, answer_ / 2);
  if (elapsed >= kQuick) return;
  // Only what was filled tells that the link would carry more.
  set(sent >= request_ / 2 ? request_ * 2 : request_, came >= answer_ / 2 ? answer_ * 2 : answer_);
}

void Window::stalled() {
  set(request_ / 2, answer_ / 2);
}

void Window::set(size_t request, size_t answer) {
  request_ = std::clamp(request, min_, std::max(min_, max_));
  answer_ = std::clamp(answer, kAnswerFactor * min_, std::max(kAnswerFactor * min_, max_));
}

void Rate::passed(std::chrono::nanoseconds elapsed, uint64_t bytes) {
  double seconds = std::chrono::duration<double>(elapsed).count();
  double kept = std::exp(-seconds / kRateMemory);
  bytes_ = bytes_ * kept + static_cast<double>(bytes);
  seconds_ = seconds_ * kept + seconds;
}

uint64_t Rate::bytes_per_second() const {
  return seconds_ > 0 ? static_cast<uint64_t>(bytes_ / seconds_) : 0;
}

}  // namespace lysoen::client
