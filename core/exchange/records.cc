#include "core/exchange/records.h"

#include <csv.h>

#include <deque>
#include <fstream>
#include <set>

#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::exchange {

namespace {

constexpr size_t kReadBytes = 64 * 1024;

Error not_text(size_t line, Encoding encoding) {
  std::string where = "line " + std::to_string(line);
  if (encoding == Encoding::utf8)
    return make_error(ErrorCode::input_refused, "cannot read the file: " + where + " is not UTF-8",
                      "if a spreadsheet made it, try --encoding windows-1252");
  return make_error(ErrorCode::input_refused,
                    "cannot read the file: " + where + " has a byte that Windows-1252 does not define",
                    "save the file as UTF-8 and try again");
}

Result<std::ifstream> open_file(const std::filesystem::path& file) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(file, status))
    return make_error(ErrorCode::not_found, "cannot read the file: there is no such file", "check the path");
  std::ifstream in(file, std::ios::binary);
  if (!in) return make_error(ErrorCode::io_failed, "cannot read the file: the system refused to open it");
  return in;
}

// -- CSV -----------------------------------------------------------------------------------------------------------

class CsvSource final : public RecordSource {
 public:
  CsvSource(std::ifstream in, uint64_t total, const SourceOptions& options)
      : in_(std::move(in)), total_(total), options_(options) {
    ready_ = csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) == 0;
  }
  ~CsvSource() override { csv_free(&parser_); }

  Result<void> read_header() {
    if (!ready_) return make_error(ErrorCode::internal, "cannot read the file: the CSV reader did not start");
    LYSOEN_TRY(fill());
    if (rows_.empty())
      return make_error(ErrorCode::input_refused, "cannot read the file: it has no header line",
                        "the first line must name the columns");
    columns_ = std::move(rows_.front().cells);
    rows_.pop_front();
    if (columns_.size() > kColumnsMax)
      return make_error(ErrorCode::limit_exceeded,
                        "cannot read the file: more than " + std::to_string(kColumnsMax) + " columns");
    std::set<std::string> seen;
    for (auto& column : columns_)
      if (!seen.insert(column).second)
        return make_error(ErrorCode::input_refused, "cannot read the file: two columns are named '" + column + "'",
                          "rename one of them");
    for (size_t i = 0; i < options_.skip_rows; ++i) {
      LYSOEN_TRY(fill());
      if (!rows_.empty()) rows_.pop_front();
    }
    return {};
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  Progress progress() const override { return {read_, total_}; }

  Result<std::optional<Record>> next() override {
    LYSOEN_TRY(fill());
    if (rows_.empty()) return std::optional<Record>();
    Row row = std::move(rows_.front());
    rows_.pop_front();
    Record record;
    record.number = ++number_;
    if (row.too_large)
      record.refused = "a cell is larger than " + std::to_string(kCellBytesMax / 1024) + " KiB";
    else if (row.cells.size() != columns_.size())
      record.refused = "has " + std::to_string(row.cells.size()) + " cells, the header names " +
                       std::to_string(columns_.size()) + " columns";
    for (size_t i = 0; i < columns_.size() && i < row.cells.size(); ++i)
      record.fields[columns_[i]] = std::move(row.cells[i]);
    return std::optional<Record>(std::move(record));
  }

 private:
  struct Row {
    std::vector<std::string> cells;
    bool too_large = false;
  };

  // Reads on until a row is whole or the file ends.
  Result<void> fill() {
    while (rows_.empty() && !ended_) {
      std::string block(kReadBytes, '\0');
      in_.read(block.data(), static_cast<std::streamsize>(block.size()));
      block.resize(static_cast<size_t>(in_.gcount()));
      if (in_.bad()) return make_error(ErrorCode::io_failed, "cannot read the file: the system reported an error");
      read_ += block.size();
      bool last = block.empty();
      LYSOEN_ASSIGN(std::string text, decode(std::move(block), last));
      LYSOEN_TRY(parse(text));
      if (last) LYSOEN_TRY(finish());
    }
    return {};
  }

  Result<std::string> decode(std::string block, bool last) {
    if (options_.encoding == Encoding::windows1252) {
      auto decoded = decode_windows1252(block);
      if (decoded.undefined_at) return not_text(line_of(block, *decoded.undefined_at), options_.encoding);
      return std::move(decoded.text);
    }
    block.insert(0, held_);
    if (!begun_ && block.rfind("\xEF\xBB\xBF", 0) == 0) block.erase(0, 3);
    begun_ = true;
    size_t unfinished = last ? 0 : unfinished_utf8(block);
    held_ = block.substr(block.size() - unfinished);
    block.resize(block.size() - unfinished);
    if (auto at = first_invalid_utf8(block)) return not_text(line_of(block, *at), options_.encoding);
    return block;
  }

  Result<void> parse(std::string_view text) {
    size_t taken = csv_parse(&parser_, text.data(), text.size(), on_cell, on_row, this);
    if (taken != text.size())
      return make_error(ErrorCode::input_refused,
                        "cannot read the file: line " + std::to_string(line_of(text, taken)) + " has a stray quote",
                        "quotes inside a quoted cell must be doubled");
    if (csv_get_buffer_size(&parser_) > kCellBytesBuffered)
      return make_error(ErrorCode::limit_exceeded,
                        "cannot read the file: a cell is larger than " +
                            std::to_string(kCellBytesBuffered / 1024 / 1024) + " MiB near line " +
                            std::to_string(line_),
                        "a quote may be left open there");
    for (char c : text) line_ += c == '\n';
    return {};
  }

  Result<void> finish() {
    ended_ = true;
    if (csv_fini(&parser_, on_cell, on_row, this) != 0)
      return make_error(
          ErrorCode::input_refused,
          "cannot read the file: a quote opened on line " + std::to_string(row_line_) + " is never closed",
          "close it, or check that the file is whole");
    return {};
  }

  size_t line_of(std::string_view text, size_t offset) const {
    size_t line = line_;
    for (size_t i = 0; i < offset && i < text.size(); ++i) line += text[i] == '\n';
    return line;
  }

  static void on_cell(void* cell, size_t size, void* self) {
    auto& source = *static_cast<CsvSource*>(self);
    bool too_large = size > kCellBytesMax;
    source.row_.too_large = source.row_.too_large || too_large;
    if (source.row_.cells.size() <= kColumnsMax)
      source.row_.cells.emplace_back(static_cast<const char*>(cell), too_large ? 0 : size);
  }

  static void on_row(int, void* self) {
    auto& source = *static_cast<CsvSource*>(self);
    source.rows_.push_back(std::move(source.row_));
    source.row_ = Row();
    source.row_line_ = source.line_;
  }

  std::ifstream in_;
  uint64_t read_ = 0, total_;
  SourceOptions options_;
  csv_parser parser_{};
  bool ready_ = false, begun_ = false, ended_ = false;
  std::string held_;  // the beginning of a character whose end is in the next block
  size_t line_ = 1, row_line_ = 1, number_ = 0;
  std::vector<std::string> columns_;
  Row row_;               // being read
  std::deque<Row> rows_;  // whole rows of the blocks read so far
};

// -- JSON ----------------------------------------------------------------------------------------------------------

class JsonSource final : public RecordSource {
 public:
  JsonSource(nlohmann::json rows, uint64_t total) : rows_(std::move(rows)), total_(total) {}
  const std::vector<std::string>& columns() const override { return columns_; }
  Progress progress() const override { return {rows_.empty() ? total_ : total_ * at_ / rows_.size(), total_}; }

  Result<std::optional<Record>> next() override {
    if (at_ == rows_.size()) return std::optional<Record>();
    Record record;
    record.fields = std::move(rows_[at_]);
    record.number = ++at_;
    if (!record.fields.is_object()) record.refused = "is not an object";
    return std::optional<Record>(std::move(record));
  }

 private:
  nlohmann::json rows_;
  uint64_t total_;
  size_t at_ = 0;
  std::vector<std::string> columns_;
};

// Nesting is bounded before the parser's own recursion could be: brackets outside strings.
bool nests_deeper_than(std::string_view text, int limit) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

Result<std::unique_ptr<RecordSource>> open_json(std::ifstream in, uint64_t total, const SourceOptions& options) {
  if (total > kJsonBytesMax)
    return make_error(ErrorCode::limit_exceeded,
                      "cannot read the file: JSON larger than " + std::to_string(kJsonBytesMax / 1024 / 1024) + " MiB",
                      "split it, or convert it to CSV");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (options.encoding == Encoding::windows1252) {
    auto decoded = decode_windows1252(text);
    if (decoded.undefined_at) return not_text(1, options.encoding);
    text = std::move(decoded.text);
  }
  if (auto at = first_invalid_utf8(text))
    return not_text(1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(*at), '\n')),
                    Encoding::utf8);
  if (nests_deeper_than(text, 32))
    return make_error(ErrorCode::limit_exceeded, "cannot read the file: JSON nested deeper than 32 levels");
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded())
    return make_error(ErrorCode::input_refused, "cannot read the file: it is not JSON", "check that the file is whole");
  if (!options.records.empty()) {
    if (!document.is_object() || !document.contains(options.records))
      return make_error(ErrorCode::input_refused, "cannot read the file: it has no member '" + options.records + "'",
                        "the mapping's \"records\" names the member that holds the rows");
    document = nlohmann::json(std::move(document[options.records]));
  }
  if (!document.is_array())
    return make_error(ErrorCode::input_refused, "cannot read the file: the records are not a JSON array",
                      "name the member that holds them as \"records\" in the mapping");
  return std::unique_ptr<RecordSource>(std::make_unique<JsonSource>(std::move(document), total));
}

}  // namespace

Result<std::unique_ptr<RecordSource>> open_records(const std::filesystem::path& file, const SourceOptions& options) {
  LYSOEN_ASSIGN(std::ifstream in, open_file(file));
  std::error_code ignored;
  uint64_t total = std::filesystem::file_size(file, ignored);
  if (options.json) return open_json(std::move(in), total, options);
  auto source = std::make_unique<CsvSource>(std::move(in), total, options);
  LYSOEN_TRY(source->read_header());
  return std::unique_ptr<RecordSource>(std::move(source));
}

Result<std::string> file_hash_hex(const std::filesystem::path& file) {
  LYSOEN_ASSIGN(std::ifstream in, open_file(file));
  crypto::Sha256 hash;
  std::vector<char> block(kReadBytes);
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    hash.update(as_bytes({block.data(), static_cast<size_t>(in.gcount())}));
  }
  if (in.bad()) return make_error(ErrorCode::io_failed, "cannot read the file: the system reported an error");
  return hash.finish().hex();
}

}  // namespace lysoen::exchange
