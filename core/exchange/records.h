// Records from outside: rows of a CSV file in constant memory, or objects of a JSON file.
//
// Every byte is checked to be text of the stated encoding before anything is taken from it. Errors name the line, never
// the content. Sources: RFC 4180 (CSV, read strictly, with any line ending), RFC 8259 (JSON).
#pragma once
#include <lysoen/result.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/exchange/encoding.h"

namespace lysoen::exchange {

inline constexpr size_t kCellBytesMax = 64 * 1024;              // what one answer may hold; the row is refused
inline constexpr size_t kCellBytesBuffered = 16 * 1024 * 1024;  // what is read before the file itself is refused
inline constexpr size_t kJsonBytesMax = 64 * 1024 * 1024;
inline constexpr size_t kColumnsMax = 1000;

struct SourceOptions {
  bool json = false;
  Encoding encoding = Encoding::utf8;
  std::string records;   // JSON: the member that holds the array ("data"); not needed if the document is the array
  size_t skip_rows = 0;  // CSV: rows after the header that are not data (HXL tags)
};

/// One record: a JSON object; from CSV every member is a string. Numbers of a JSON file that are not integers are
/// strings of the digits they came with.
struct Record {
  size_t number = 0;  // 1-based among data rows
  nlohmann::json fields;
  std::vector<std::string> more;  // CSV: cells beyond the last column
  std::string refused;            // not empty: this row cannot be used, and why; its fields are what can be kept
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  /// Column names of a CSV file; empty for JSON, whose objects may differ.
  virtual const std::vector<std::string>& columns() const = 0;
  /// The next record, or nothing at the end. Errors: input_refused (encoding, quoting), limit_exceeded; after one,
  /// nothing more is read.
  virtual Result<std::optional<Record>> next() = 0;
  struct Progress {
    uint64_t done, total;  // bytes of the file
  };
  virtual Progress progress() const = 0;
};

/// A file that begins with a byte order mark of UTF-8 is UTF-8, whatever the options state. Columns without a name are
/// not read. Errors: not_found, io_failed, input_refused (no header, a column twice, not JSON), limit_exceeded.
Result<std::unique_ptr<RecordSource>> open_records(const std::filesystem::path& file, const SourceOptions& options);

/// SHA-256 of a file's bytes, the identity of an import. Errors: not_found, io_failed.
Result<std::string> file_hash_hex(const std::filesystem::path& file);

}  // namespace lysoen::exchange
