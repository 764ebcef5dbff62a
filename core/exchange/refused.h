// The rows that were not taken, in a file in which they can be corrected and imported again with the same mapping.
#pragma once
#include <filesystem>
#include <fstream>

#include "core/exchange/records.h"

namespace lysoen::exchange {

inline constexpr std::string_view kRefusedRowColumn = "lysoen_row";
inline constexpr std::string_view kRefusedReasonColumn = "lysoen_reason";

/// A row that was not taken: `refused` says why, naming columns and questions, never their content.
using RefusedRow = Record;

/// In the shape the rows came in: CSV with `lysoen_row` and `lysoen_reason` in front, or a JSON array. Always UTF-8
/// with a byte order mark, which the reader heeds whatever encoding the mapping states. A row with too few or too many
/// cells keeps its number of cells, so that it is not taken until someone has corrected it. Readable by the owner only.
/// A file of that name is kept under the first free name NAME.1, NAME.2, ...
class RefusedFile {
 public:
  RefusedFile(std::filesystem::path path, bool json, std::vector<std::string> columns);
  Result<void> add(const RefusedRow& row);
  /// Completes the file. Nothing is made when no row was refused.
  Result<void> finish();
  size_t count() const { return count_; }
  /// Where a file went that had this name; empty if there was none.
  const std::filesystem::path& kept() const { return kept_; }

 private:
  static constexpr int kEarlierKept = 1000;
  Result<void> begin();
  Result<void> keep_earlier();
  Result<void> write(std::string_view text);
  std::filesystem::path path_, kept_;
  bool json_;
  std::vector<std::string> columns_;
  std::ofstream out_;
  size_t count_ = 0;
};

}  // namespace lysoen::exchange
