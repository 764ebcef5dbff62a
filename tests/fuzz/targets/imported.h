// What both kinds of files from outside must keep to, whatever is in them.
#pragma once
#include <fstream>

#include "core/exchange/import.h"
#include "core/report/change.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_folder.h"

namespace lysoen::fuzz {

inline std::filesystem::path file_of(std::string_view name, ByteView content) {
  static test::TempFolder folder;
  auto path = folder.path() / name;
  std::ofstream(path, std::ios::binary) << as_text(content);
  return path;
}

inline exchange::Mapping mapping_of(std::string_view json) {
  auto mapping = exchange::Mapping::parse(json, built_in_forms());
  require(mapping.ok(), "the mapping of this target is one");
  return std::move(*mapping);
}

inline void check_refusal(const Error& error) {
  require(error.code == ErrorCode::input_refused || error.code == ErrorCode::limit_exceeded,
          "a refusal says which kind");
}

/// Imports the file to its end: what is taken fits the form, what is not can be kept and read again.
inline void import_all(const std::filesystem::path& file, const exchange::Mapping& mapping) {
  auto import = exchange::Import::open(file, mapping);
  if (!import) return check_refusal(import.error());
  auto kept = file_of("refused", {});
  std::filesystem::remove(kept);
  exchange::RefusedFile refused(kept, mapping.source().json, (*import)->columns());
  for (bool last = false; !last;) {
    auto portion = (*import)->next(100);
    if (!portion) return check_refusal(portion.error());
    require(portion->rows.size() + portion->refused.size() <= 100, "a portion has the size that was asked for");
    for (const auto& row : portion->rows)
      for (const auto& change : row.values)
        require(report::check_change(mapping.form(), change).ok(), "what is taken from a row fits the form");
    for (const auto& row : portion->refused) require(refused.add(row).ok(), "a row that is not taken can be kept");
    last = portion->last;
  }
  require(refused.finish().ok(), "the file of rows that were not taken can be written");
  if (refused.count() == 0) return;
  auto again = exchange::open_records(kept, mapping.source());
  require(again.ok(), "the file of rows that were not taken can be read");
  size_t rows = 0;
  for (;; ++rows) {
    auto record = (*again)->next();
    require(record.ok(), "every row that was not taken can be read");
    if (!*record) break;
  }
  require(rows == refused.count(), "no row that was not taken is lost");
}

}  // namespace lysoen::fuzz
