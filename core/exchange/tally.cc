#include "core/exchange/tally.h"

#include <algorithm>

namespace lysoen::exchange {

namespace {
constexpr const char* kUnknown = "(unknown)";
}

void Tally::add(const Report& report) {
  ++count_;
  ++types_[report.form_id];
  auto place = answers_.by_role(report, FieldRole::place_name);
  ++places_[place.empty() || place.front().empty() ? kUnknown : place.front()];
  auto day = answers_.day(report);
  ++days_[day.empty() ? kUnknown : day];
}

std::vector<Tally::Line> Tally::sorted(const Counts& counts, bool by_name, size_t lines_max) {
  std::vector<Line> lines;
  for (auto& [name, count] : counts) lines.push_back({name, count});
  std::stable_sort(lines.begin(), lines.end(),
                   [&](const Line& a, const Line& b) { return by_name ? a.name > b.name : a.count > b.count; });
  if (lines_max > 0 && lines.size() > lines_max) lines.resize(lines_max);
  return lines;
}

}  // namespace lysoen::exchange
