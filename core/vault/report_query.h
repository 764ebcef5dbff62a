// Listing, counting and finding reports, and how far each has come.
#pragma once
#include <lysoen/vault.h>

#include "core/storage/database.h"

namespace lysoen::vault {

/// Order of lists: newest event first, without one last; then newest creation, then id. Stable between calls and the
/// same on every device that holds the same reports.
struct ListPlace {
  int64_t event_time = 0, created = 0;
  ReportId report;
};

class ReportQueries {
 public:
  /// `self`: reports of this device have the levels that others told it; those of others are opened, being here.
  ReportQueries(storage::Database& database, const DeviceId& self) : database_(database), self_(self) {}

  Result<std::vector<ReportSummary>> list(const ReportQuery& query);
  Result<size_t> count(const ReportQuery& query);
  /// At most `count` ids after `after` (from the start if none), `after` moved to the last one.
  Result<std::vector<ReportId>> page(const ReportQuery& query, std::optional<ListPlace>& after, size_t count);
  Result<std::vector<ReportId>> find(std::string_view hex_prefix);
  Result<ReportLevels> levels(int64_t row);

 private:
  storage::Database& database_;
  const DeviceId& self_;
};

}  // namespace lysoen::vault
