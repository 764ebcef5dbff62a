#include "core/exchange/export.h"

#include <map>
#include <set>

#include "core/base/utc.h"
#include "core/exchange/answers.h"
#include "core/exchange/export_page.h"
#include "core/exchange/text_formats.h"

namespace lysoen::exchange {

namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) out += (i ? std::string(between) : "") + parts[i];
  return out;
}

// Latitude and longitude of a point as written.
std::pair<std::string, std::string> degrees(const Value& point) {
  auto& text = point.text();
  auto space = text.find(' '), end = text.find(' ', space + 1);
  return {text.substr(0, space), text.substr(space + 1, end - space - 1)};
}

Result<void> stream_state(std::ostream& out) {
  out.flush();
  if (!out)
    return make_error(ErrorCode::storage_full, "cannot write the export: the system refused",
                      "free some space or choose another place");
  return {};
}

// -- CSV -----------------------------------------------------------------------------------------------------------
// Columns: the report's own, then every question of every form once, by path. Items of a repeat share their question's
// cell, in order, separated by line breaks. Answers that no form here asks for are left out.

class CsvExport final : public Export {
 public:
  CsvExport(std::ostream& out, ExportOptions options, std::vector<std::shared_ptr<const Form>> forms)
      : out_(out), options_(std::move(options)), answers_(std::move(forms)) {
    std::set<std::string> seen;
    for (auto& form : answers_.forms())
      for (auto& question : form->questions())
        if (seen.insert(question.path).second) columns_.push_back(question.path);
    out_ << "report,form,form_version,status,level,author,created,conflicts,retracted,origin,latitude,longitude";
    for (auto& column : columns_) out_ << ',' << csv_cell(column);
    out_ << "\r\n";
  }

  void add(const Report& report) override {
    ++count_;
    auto* place = answers_.place(report);
    if (place) ++placed_;
    auto [latitude, longitude] = place ? degrees(*place) : std::pair<std::string, std::string>();
    out_ << report.id.hex() << ',' << csv_text_cell(report.form_id) << ',' << csv_text_cell(report.form_version) << ','
         << name_of(report.status) << ',' << name_of(report.level) << ','
         << csv_text_cell(options_.name_of(report.author)) << ',' << utc_text(report.created) << ','
         << report.conflicts() << ',' << (report.retracted ? "yes" : "no") << ',' << csv_text_cell(report.origin) << ','
         << latitude << ',' << longitude;
    std::map<std::string, std::string> cells;
    for (auto& field : report.fields) {
      auto& cell = cells[without_items(field.path)];
      if (!cell.empty()) cell += "\n";
      cell += joined(texts(field), " | ");
    }
    for (auto& column : columns_) out_ << ',' << csv_text_cell(cells[column]);
    out_ << "\r\n";
  }

  Result<void> finish() override { return stream_state(out_); }
  size_t count() const override { return count_; }
  size_t placed() const override { return placed_; }

 private:
  std::ostream& out_;
  ExportOptions options_;
  Answers answers_;
  std::vector<std::string> columns_;
  size_t count_ = 0, placed_ = 0;
};

// -- GeoJSON -------------------------------------------------------------------------------------------------------
// Every report is a feature; one without a place has a null geometry (RFC 7946, 3.2).

class GeoJsonExport final : public Export {
 public:
  GeoJsonExport(std::ostream& out, ExportOptions options, std::vector<std::shared_ptr<const Form>> forms)
      : out_(out), options_(std::move(options)), answers_(std::move(forms)) {
    out_ << "{\"type\":\"FeatureCollection\",\"lysoen\":{\"made_at\":" << json_string(utc_text(options_.made_at))
         << ",\"from\":" << json_string(options_.provenance) << "},\"features\":[";
  }

  void add(const Report& report) override {
    out_ << (count_++ ? ",\n" : "\n") << "{\"type\":\"Feature\",\"id\":" << json_string(report.id.hex())
         << ",\"geometry\":";
    write_geometry(answers_.place(report));
    out_ << ",\"properties\":{\"form\":" << json_string(report.form_id)
         << ",\"day\":" << json_string(answers_.day(report)) << ",\"status\":" << json_string(name_of(report.status))
         << ",\"author\":" << json_string(options_.name_of(report.author))
         << ",\"created\":" << json_string(utc_text(report.created))
         << ",\"retracted\":" << (report.retracted ? "true" : "false") << ",\"origin\":" << json_string(report.origin)
         << ",\"conflicts\":" << report.conflicts() << ",\"answers\":{";
    bool first = true;
    for (auto& field : report.fields) {
      out_ << (first ? "" : ",") << json_string(field.path) << ':';
      write_values(field);
      first = false;
    }
    out_ << "}}}";
  }

  Result<void> finish() override {
    out_ << "\n]}\n";
    return stream_state(out_);
  }
  size_t count() const override { return count_; }
  size_t placed() const override { return placed_; }

 private:
  void write_geometry(const Value* place) {
    if (!place) {
      out_ << "null";
      return;
    }
    ++placed_;
    auto [latitude, longitude] = degrees(*place);
    out_ << "{\"type\":\"Point\",\"coordinates\":[" << json_number(longitude) << ',' << json_number(latitude) << "]}";
  }

  void write_values(const Field& field) {
    auto values = texts(field);
    if (values.size() == 1) {
      out_ << json_string(values[0]);
      return;
    }
    out_ << '[';
    for (size_t i = 0; i < values.size(); ++i) out_ << (i ? "," : "") << json_string(values[i]);
    out_ << ']';
  }

  std::ostream& out_;
  ExportOptions options_;
  Answers answers_;
  size_t count_ = 0, placed_ = 0;
};

}  // namespace

std::optional<ExportFormat> export_format_from(std::string_view name) {
  if (name == "csv") return ExportFormat::csv;
  if (name == "geojson") return ExportFormat::geojson;
  if (name == "html") return ExportFormat::html;
  return std::nullopt;
}

std::unique_ptr<Export> start_export(std::ostream& out, ExportOptions options,
                                     std::vector<std::shared_ptr<const Form>> forms) {
  if (!options.name_of) options.name_of = [](const DeviceId& device) { return device.hex().substr(0, 8); };
  switch (options.format) {
    case ExportFormat::csv:
      return std::make_unique<CsvExport>(out, std::move(options), std::move(forms));
    case ExportFormat::geojson:
      return std::make_unique<GeoJsonExport>(out, std::move(options), std::move(forms));
    case ExportFormat::html:
      return start_page(out, std::move(options), std::move(forms));
  }
  return nullptr;
}

}  // namespace lysoen::exchange
