// What leaves as files: CSV for spreadsheets, GeoJSON (RFC 7946) for maps, one HTML page with map and tables for
// people. Reports go in one by one and come out on a stream, so that memory stays constant; the caller decides what
// leaves.
//
// Conflicts are not decided here: CSV and the page's table show every visible value (joined by " | " and marked),
// GeoJSON gives an array. Numbers and coordinates keep the digits they were reported with.
#pragma once
#include <lysoen/form.h>
#include <lysoen/report.h>

#include <functional>
#include <memory>
#include <ostream>
#include <vector>

namespace lysoen::exchange {

enum class ExportFormat { csv, geojson, html };
std::optional<ExportFormat> export_format_from(std::string_view name);

struct ExportOptions {
  ExportFormat format = ExportFormat::csv;
  std::string language = "en";  // of labels on the page
  std::string title;            // of the page: the team's name
  std::string provenance;       // "roster 3 (ab12...), 2 audiences": what the fold was made from
  WallTime made_at;             //
  std::function<std::string(const DeviceId&)> name_of;  // member's name; the id's first digits if not set
};

class Export {
 public:
  virtual ~Export() = default;
  virtual void add(const Report& report) = 0;
  /// Writes what comes last. Errors: storage_full, io_failed, when the stream failed.
  virtual Result<void> finish() = 0;
  virtual size_t count() const = 0;
  /// Reports with a place, among those added.
  virtual size_t placed() const = 0;
};

/// `forms` in which the reports' forms are looked up; `out` outlives the export.
std::unique_ptr<Export> start_export(std::ostream& out, ExportOptions options,
                                     std::vector<std::shared_ptr<const Form>> forms);

}  // namespace lysoen::exchange
