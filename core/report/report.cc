#include <lysoen/report.h>

#include <algorithm>

namespace lysoen {

std::string_view name_of(Status status) {
  switch (status) {
    case Status::draft:
      return "draft";
    case Status::submitted:
      return "submitted";
    case Status::under_review:
      return "under_review";
    case Status::needs_information:
      return "needs_information";
    case Status::verified:
      return "verified";
    case Status::rejected:
      return "rejected";
    case Status::closed:
      return "closed";
  }
  return "unknown";
}

std::optional<Status> status_from(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Status::closed); ++i)
    if (name_of(static_cast<Status>(i)) == name) return static_cast<Status>(i);
  return std::nullopt;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::draft:
      return "draft";
    case Level::saved:
      return "saved";
    case Level::carried:
      return "carried";
    case Level::held:
      return "held";
    case Level::opened:
      return "opened";
    case Level::read:
      return "read";
  }
  return "unknown";
}

const Field* Report::field(std::string_view path) const {
  auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.path == path; });
  return found == fields.end() ? nullptr : &*found;
}

size_t Report::conflicts() const {
  auto fields_in_conflict = std::count_if(fields.begin(), fields.end(), [](const Field& f) { return f.conflict(); });
  return static_cast<size_t>(fields_in_conflict) + (status_values.size() > 1);
}

}  // namespace lysoen
