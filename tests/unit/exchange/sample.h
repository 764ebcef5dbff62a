// Small files, mappings and reports to exchange.
#pragma once
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/exchange/export.h"
#include "core/exchange/import.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

namespace lysoen::exchange::test {

using nlohmann::json;

class Folder {
 public:
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    REQUIRE(out.good());
    return path(name);
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

 private:
  lysoen::test::TempFolder folder_;
};

inline std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Every record of a text, or the first error.
inline Result<std::vector<Record>> records_of(std::string_view text, const SourceOptions& options = {}) {
  Folder folder;
  auto source = open_records(folder.write("rows", text), options);
  if (!source.ok()) return source.error();
  std::vector<Record> records;
  for (;;) {
    auto record = (*source)->next();
    if (!record.ok()) return record.error();
    if (!*record) return records;
    records.push_back(std::move(**record));
  }
}

inline Mapping mapping_of(const json& document) {
  auto mapping = Mapping::parse(document.dump(), built_in_forms());
  INFO((mapping.ok() ? std::string() : mapping.error().message));
  REQUIRE(mapping.ok());
  return std::move(*mapping);
}

/// A mapping of the human-rights form: title from "what" and these fields.
inline json mapping_json(const json& more_fields = json::array()) {
  json fields = json::array({{{"path", "title"}, {"from", "what"}}});
  for (auto& field : more_fields) fields.push_back(field);
  return {{"lysoen_mapping", 1}, {"form", "human-rights-violation"}, {"fields", fields}};
}

struct Imported {
  std::vector<ImportRow> rows;
  std::vector<RefusedRow> refused;
};

/// Imports a whole file; what does not fit also goes to `aside` if that is not empty.
inline Result<Imported> import_all(const std::filesystem::path& file, Mapping mapping,
                                   const std::filesystem::path& aside = {}) {
  bool is_json = mapping.source().json;
  auto import = Import::open(file, std::move(mapping));
  if (!import.ok()) return import.error();
  Imported all;
  for (bool last = false; !last;) {
    auto portion = (*import)->next(256);
    if (!portion.ok()) return portion.error();
    CHECK(portion->rows.size() + portion->refused.size() <= 256);
    last = portion->last;
    for (auto& row : portion->rows) all.rows.push_back(std::move(row));
    for (auto& row : portion->refused) all.refused.push_back(std::move(row));
  }
  if (!aside.empty()) {
    RefusedFile out(aside, is_json, (*import)->columns());
    for (auto& row : all.refused) REQUIRE(out.add(row).ok());
    REQUIRE(out.finish().ok());
  }
  return all;
}

/// The text of a change of a row; the empty text if there is none.
inline std::string answer(const ImportRow& row, std::string_view path) {
  for (auto& change : row.values)
    if (change.path == path) return change.value ? change.value->text() : "(cleared)";
  return {};
}

/// A report of row number `number` as the merge would show it.
inline Report report_of(const ImportRow& row, size_t number) {
  Report report;
  for (size_t i = 0; i < 8; ++i) report.id.bytes[i] = static_cast<uint8_t>(number >> (8 * (7 - i)));
  report.form_id = row.form_id;
  report.form_version = "2026.1";
  report.author.bytes.fill(7);
  report.created = WallTime(std::chrono::milliseconds(1767225600000));
  report.status = Status::submitted;
  report.level = Level::opened;
  report.origin = row.origin;
  for (auto& change : row.values)
    report.fields.push_back({change.path, {{change.value, EditId(), report.author, report.created}}});
  return report;
}

/// One report from text answers, for exports.
inline Report report_with(const std::vector<std::pair<std::string, Value>>& answers) {
  ImportRow row{"human-rights-violation", "", {}};
  for (auto& [path, value] : answers) row.values.push_back({path, value});
  return report_of(row, 1);
}

inline Value value_of(ValueType type, std::string_view text) {
  auto value = Value::parse(type, text);
  INFO((value.ok() ? std::string() : value.error().message));
  REQUIRE(value.ok());
  return *value;
}

inline std::string exported(ExportFormat format, const std::vector<Report>& reports,
                            const std::string& title = "Team") {
  std::ostringstream out;
  ExportOptions options{.format = format, .title = title};
  options.made_at = WallTime(std::chrono::milliseconds(1767225600000));
  auto sink = start_export(out, options, built_in_forms());
  for (auto& report : reports) sink->add(report);
  REQUIRE(sink->finish().ok());
  REQUIRE(sink->count() == reports.size());
  return out.str();
}

/// What a Python script prints, given file names. The second implementation that exports are read with.
inline std::string python(const std::string& script, const std::vector<std::filesystem::path>& files) {
  std::string command = "python3 -c '" + script + "'";
  for (auto& file : files) command += " '" + file.string() + "'";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string out;
  std::array<char, 4096> block;
  for (size_t size; (size = fread(block.data(), 1, block.size(), pipe)) > 0;) out.append(block.data(), size);
  CHECK(pclose(pipe) == 0);
  return out;
}

}  // namespace lysoen::exchange::test
