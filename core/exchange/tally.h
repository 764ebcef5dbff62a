// A count of reports by type, place and day: the coordinator's first look.
#pragma once
#include <map>

#include "core/exchange/answers.h"

namespace lysoen::exchange {

class Tally {
 public:
  explicit Tally(std::vector<std::shared_ptr<const Form>> forms) : answers_(std::move(forms)) {}
  void add(const Report& report);

  struct Line {
    std::string name;  // "(unknown)" where a report does not say
    size_t count;
  };
  /// Largest first, then by name; days newest first. At most `lines_max`, 0 for all.
  std::vector<Line> by_type(size_t lines_max = 0) const { return sorted(types_, false, lines_max); }
  std::vector<Line> by_place(size_t lines_max = 0) const { return sorted(places_, false, lines_max); }
  std::vector<Line> by_day(size_t lines_max = 0) const { return sorted(days_, true, lines_max); }
  size_t count() const { return count_; }

 private:
  using Counts = std::map<std::string, size_t>;
  static std::vector<Line> sorted(const Counts& counts, bool by_name, size_t lines_max);
  Answers answers_;
  Counts types_, places_, days_;
  size_t count_ = 0;
};

}  // namespace lysoen::exchange
