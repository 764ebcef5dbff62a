// Writes an exported page from made reports, for the browser test and for looking at it:
//
//   make_page OUT.html                                  60 reports, some hostile, some in conflict
//   make_page OUT.html MAPPING FILE [MAPPING FILE ...]  the rows of files
#include <fstream>
#include <iostream>

#include "core/base/bytes.h"
#include "core/exchange/export.h"
#include "core/exchange/import.h"

using namespace lysoen;
using namespace lysoen::exchange;

namespace {

constexpr WallTime kMadeAt{std::chrono::milliseconds(1767225600000)};

Report report_from(const ImportRow& row, size_t number) {
  Report report;
  for (size_t i = 0; i < 8; ++i) report.id.bytes[i] = static_cast<uint8_t>(number * 2654435761u >> (8 * (7 - i)) % 32);
  report.id.bytes[9] = static_cast<uint8_t>(number), report.id.bytes[10] = static_cast<uint8_t>(number >> 8);
  report.form_id = row.form_id;
  report.form_version = "2026.1";
  report.author.bytes.fill(static_cast<uint8_t>(number % 3));
  report.created = kMadeAt;
  report.status = Status::submitted;
  report.level = Level::opened;
  report.origin = row.origin;
  for (auto& change : row.values)
    report.fields.push_back({change.path, {{change.value, EditId(), report.author, report.created}}});
  return report;
}

// A second visible value, by another author.
void differ(Report& report, std::string_view path, std::optional<Value> other) {
  for (auto& field : report.fields) {
    if (field.path != path) continue;
    DeviceId author;
    author.bytes.fill(9);
    field.values.push_back({std::move(other), EditId(), author, kMadeAt});
  }
}

Change answer(std::string path, ValueType type, std::string_view text) {
  return {std::move(path), std::move(*Value::parse(type, text))};
}

std::vector<Report> made_reports() {
  static constexpr const char* kHostile =
      "</script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 1'>";
  std::vector<Report> reports;
  for (size_t i = 0; i < 60; ++i) {
    ImportRow row{i % 3 == 0 ? "police-incident" : "human-rights-violation", "", {}};
    auto& values = row.values;
    values.push_back(answer("title", ValueType::text, i == 7 ? kHostile : "Incident " + std::to_string(i)));
    values.push_back(answer("place_name", ValueType::text, i == 8 ? kHostile : "Village " + std::to_string(i % 5)));
    if (i % 10 != 9)
      values.push_back(
          answer("place", ValueType::point, std::to_string(40 + i % 7) + ".5 " + std::to_string(20 + i % 11) + ".25"));
    if (i % 12 != 11)
      values.push_back(
          answer("event_date", ValueType::date, "2025-0" + std::to_string(1 + i % 9) + "-1" + std::to_string(i % 10)));
    values.push_back(answer("what_happened", ValueType::text, "First line.\nSecond line, with Ünïcödé and كتابة."));
    reports.push_back(report_from(row, i + 1));
    if (i % 20 == 4)
      differ(reports.back(), "title", *Value::parse(ValueType::text, i == 4 ? "Another title" : kHostile));
    if (i % 20 == 5) differ(reports.back(), "place_name", std::nullopt);
  }
  reports[3].retracted = true;
  reports[3].retraction_reason = "entered twice";
  reports[5].status = Status::verified;
  reports[5].status_values = {{Value::text_of("verified"), {}, reports[5].author, kMadeAt},
                              {Value::text_of("rejected"), {}, reports[6].author, kMadeAt}};
  reports[6].form_id = "__proto__";
  return reports;
}

int add_file(const std::filesystem::path& mapping_file, const std::filesystem::path& file, size_t& number,
             Export& out) {
  std::ifstream in(mapping_file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto mapping = Mapping::parse(text, built_in_forms());
  auto import = mapping.ok() ? Import::open(file, std::move(*mapping)) : mapping.error();
  for (bool last = false; import.ok() && !last;) {
    auto portion = (*import)->next(256);
    if (!portion.ok()) import = portion.error();
    if (!import.ok()) break;
    last = portion->last;
    for (auto& row : portion->rows) {
      auto report = report_from(row, ++number);
      if (number % 400 == 0) differ(report, "place_name", Value::text_of("somewhere else"));
      out.add(report);
    }
  }
  if (import.ok()) return 0;
  std::cerr << import.error().message << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ofstream file(argv[1], std::ios::binary | std::ios::trunc);
  ExportOptions options{.format = ExportFormat::html, .title = "Monitors <of> the valley", .made_at = kMadeAt};
  options.provenance = "roster 3 (1f2e3d4c)";
  options.name_of = [](const DeviceId& device) { return "member " + std::to_string(device.bytes[0]); };
  auto out = start_export(file, options, built_in_forms());
  if (argc == 2)
    for (auto& report : made_reports()) out->add(report);
  size_t number = 0;
  for (int i = 2; i + 1 < argc; i += 2)
    if (add_file(argv[i], argv[i + 1], number, *out) != 0) return 1;
  auto finished = out->finish();
  if (!finished.ok()) std::cerr << finished.error().message << "\n";
  return finished.ok() ? 0 : 1;
}
