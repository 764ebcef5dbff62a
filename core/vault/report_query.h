// Listing, counting and finding reports, and how far each has come.
#pragma once
#include <lysoen/vault.h>

#include "core/storage/database.h"

namespace lysoen::vault {

class ReportQueries {
 public:
  /// `self`: whose drafts are, which have no author yet.
  ReportQueries(storage::Database& database, const DeviceId& self) : database_(database), self_(self) {}

  Result<std::vector<ReportSummary>> list(const ReportQuery& query);
  Result<size_t> count(const ReportQuery& query);
  Result<ReportFacets> facets(const ReportQuery& query);
  /// The places of at most `count` lines behind `query.after`; the query's own limit does not matter.
  Result<std::vector<ListPlace>> page(const ReportQuery& query, size_t count);
  Result<std::vector<ReportId>> find(std::string_view hex_prefix);
  /// Of own feeds, and of those of devices that this one replaces, as others told it; those of others are opened, being
  /// here.
  Result<ReportLevels> levels(int64_t row);

 private:
  class Conditions;
  /// Rows of which something is on this device alone; sorted.
  Result<std::vector<int64_t>> unsent_rows();
  /// Few reports can match what the query looks for in text index and map: those are looked up, then sorted. Otherwise
  /// lists go along their order until they are full.
  Result<bool> selective(const Conditions& conditions);
  Result<Conditions> conditions(const ReportQuery& query);
  Result<storage::Statement> in_order(const Conditions& conditions, std::string_view columns, size_t count);

  storage::Database& database_;
  const DeviceId& self_;
};

}  // namespace lysoen::vault
