// What is left of a sync, in words.
#include <lysoen/sync/sync.h>

#include <cstdio>

namespace lysoen {

namespace {

std::string size_text(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " bytes";
  constexpr const char* kUnits[] = {"kB", "MB", "GB"};
  double size = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  for (; size >= 999.5 && unit < 2; ++unit) size /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, size < 9.95 ? "%.1f %s" : "%.0f %s", size, kUnits[unit]);
  return text;
}

// Rounded as one would say it.
std::string time_text(uint64_t seconds) {
  constexpr uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds < 10) return "a few seconds";
  if (seconds < 55) return "about " + std::to_string((seconds + 5) / 10 * 10) + " s";
  if (seconds < 90 * kMinute) return "about " + std::to_string((seconds + 30) / kMinute) + " min";
  if (seconds < 2 * kDay) return "about " + std::to_string((seconds + kHour / 2) / kHour) + " h";
  return "about " + std::to_string((seconds + kDay / 2) / kDay) + " days";
}

}  // namespace

std::string forecast_text(const SyncProgress& progress) {
  if (progress.bytes_left == 0) return {};
  auto text = size_text(progress.bytes_left) + " left";
  if (progress.bytes_per_second == 0) return text;
  return text + ", " + time_text(progress.bytes_left / progress.bytes_per_second) + " at the present rate";
}

}  // namespace lysoen
