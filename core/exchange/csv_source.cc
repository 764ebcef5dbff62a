// CSV through libcsv in strict mode, block by block.
#include <csv.h>

#include <deque>
#include <map>

#include "core/base/try.h"
#include "core/exchange/refused.h"
#include "core/exchange/sources.h"

namespace lysoen::exchange {

namespace {

constexpr size_t kReadBytes = 64 * 1024;

class CsvSource final : public RecordSource {
 public:
  CsvSource(std::ifstream in, uint64_t total, const SourceOptions& options)
      : in_(std::move(in)), total_(total), options_(options) {
    ready_ = csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) == 0;
    csv_set_blk_size(&parser_, kReadBytes);  // a long cell grows in steps of this
  }
  ~CsvSource() override { csv_free(&parser_); }

  Result<void> read_header() {
    if (!ready_) return make_error(ErrorCode::internal, "cannot read the file: the CSV reader did not start");
    LYSOEN_TRY(fill());
    if (rows_.empty())
      return make_error(ErrorCode::input_refused, "cannot read the file: it has no header line",
                        "the first line must name the columns");
    if (rows_.front().too_large)
      return make_error(ErrorCode::limit_exceeded, "cannot read the file: a column's name is larger than " +
                                                       std::to_string(kCellBytesMax / 1024) + " KiB");
    columns_ = std::move(rows_.front().cells);
    rows_.pop_front();
    LYSOEN_TRY(check_columns());
    // A file of refused rows repeats the header but not the rows below it.
    size_t skip = columns_.front() == kRefusedRowColumn ? 0 : options_.skip_rows;
    for (size_t i = 0; i < skip; ++i) {
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
    record.fields = nlohmann::json::object();
    if (row.too_large)
      record.refused = "a cell is larger than " + std::to_string(kCellBytesMax / 1024) + " KiB";
    else if (row.cells.size() != columns_.size())
      record.refused = "has " + std::to_string(row.cells.size()) + " cells, the header names " +
                       std::to_string(columns_.size()) + " columns";
    for (size_t i = 0; i < columns_.size() && i < row.cells.size(); ++i)
      if (!columns_[i].empty()) record.fields[columns_[i]] = std::move(row.cells[i]);
    for (size_t i = columns_.size(); i < row.cells.size(); ++i) record.more.push_back(std::move(row.cells[i]));
    return std::optional<Record>(std::move(record));
  }

 private:
  struct Row {
    std::vector<std::string> cells;  // those before one that is too large
    bool too_large = false;
  };

  // Names are not repeated in the error: a file without a header line has people's words there.
  Result<void> check_columns() const {
    if (columns_.size() > kColumnsMax)
      return make_error(ErrorCode::limit_exceeded,
                        "cannot read the file: more than " + std::to_string(kColumnsMax) + " columns");
    std::map<std::string, size_t> seen;
    for (size_t i = 0; i < columns_.size(); ++i) {
      auto [first, added] = seen.emplace(columns_[i], i + 1);
      if (!added && !columns_[i].empty())
        return make_error(ErrorCode::input_refused,
                          "cannot read the file: columns " + std::to_string(first->second) + " and " +
                              std::to_string(i + 1) + " have the same name",
                          "rename one of them; the first line must name the columns");
    }
    return {};
  }

  // Reads on until a row is whole or the file ends.
  Result<void> fill() {
    while (rows_.empty() && !ended_) {
      std::string block(kReadBytes, '\0');
      in_.read(block.data(), static_cast<std::streamsize>(block.size()));
      block.resize(static_cast<size_t>(in_.gcount()));
      if (in_.bad()) return make_error(ErrorCode::io_failed, "cannot read the file: the system reported an error");
      if (read_ == 0) {
        LYSOEN_ASSIGN(options_.encoding, encoding_of(block, options_.encoding));
        if (block.starts_with(kByteOrderMark)) block.erase(0, kByteOrderMark.size());
      }
      bool last = in_.eof();
      read_ += static_cast<uint64_t>(in_.gcount());
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
    size_t unfinished = last ? 0 : unfinished_utf8(block);
    held_ = block.substr(block.size() - unfinished);
    block.resize(block.size() - unfinished);
    if (auto at = first_invalid_utf8(block)) return not_text(line_of(block, *at), options_.encoding);
    return block;
  }

  // Line by line, so that every error knows its line.
  Result<void> parse(std::string_view text) {
    while (!text.empty()) {
      size_t size = std::min(text.find_first_of("\r\n"), text.size() - 1) + 1;
      LYSOEN_TRY(parse_piece(text.substr(0, size)));
      char end = text[size - 1];
      if (end == '\r' || (end == '\n' && previous_ != '\r')) ++line_;
      previous_ = end;
      text.remove_prefix(size);
    }
    return {};
  }

  Result<void> parse_piece(std::string_view piece) {
    bool was_quoted = parser_.quoted != 0;
    cell_ended_ = false;
    if (csv_parse(&parser_, piece.data(), piece.size(), on_cell, on_row, this) != piece.size())
      return make_error(ErrorCode::input_refused,
                        "cannot read the file: line " + std::to_string(line_) + " has a stray quote",
                        "quotes inside a quoted cell must be doubled");
    bool quoted = parser_.quoted != 0;  // of the cell that is being read
    if (!quoted || !was_quoted || cell_ended_) cell_line_ = line_;
    if (csv_get_buffer_size(&parser_) <= kCellBytesBuffered) return {};
    return make_error(ErrorCode::limit_exceeded,
                      "cannot read the file: a cell that begins on line " + std::to_string(cell_line_) +
                          " is larger than " + std::to_string(kCellBytesBuffered / 1024 / 1024) + " MiB",
                      "a quote may be left open there");
  }

  Result<void> finish() {
    ended_ = true;
    if (csv_fini(&parser_, on_cell, on_row, this) == 0) return {};
    return make_error(ErrorCode::input_refused,
                      "cannot read the file: a quote opened on line " + std::to_string(cell_line_) + " is never closed",
                      "close it, or check that the file is whole");
  }

  size_t line_of(std::string_view text, size_t offset) const {
    size_t line = line_;
    for (size_t i = 0; i < offset && i < text.size(); ++i) line += text[i] == '\n';
    return line;
  }

  static void on_cell(void* cell, size_t size, void* self) {
    auto& source = *static_cast<CsvSource*>(self);
    auto& row = source.row_;
    source.cell_ended_ = true;
    row.too_large = row.too_large || size > kCellBytesMax;
    if (!row.too_large && row.cells.size() <= kColumnsMax) row.cells.emplace_back(static_cast<const char*>(cell), size);
  }

  static void on_row(int, void* self) {
    auto& source = *static_cast<CsvSource*>(self);
    source.rows_.push_back(std::exchange(source.row_, Row()));
  }

  std::ifstream in_;
  uint64_t read_ = 0, total_;
  SourceOptions options_;
  csv_parser parser_{};
  bool ready_ = false, ended_ = false;
  bool cell_ended_ = false;  // in the piece that was parsed last
  std::string held_;         // the beginning of a character whose end is in the next block
  char previous_ = '\0';     // so that CR LF is one line end
  size_t line_ = 1, number_ = 0;
  size_t cell_line_ = 1;  // where the cell that is being read began
  std::vector<std::string> columns_;
  Row row_;               // being read
  std::deque<Row> rows_;  // whole rows of the blocks read so far
};

}  // namespace

Result<std::unique_ptr<RecordSource>> open_csv(std::ifstream in, uint64_t total, const SourceOptions& options) {
  auto source = std::make_unique<CsvSource>(std::move(in), total, options);
  LYSOEN_TRY(source->read_header());
  return std::unique_ptr<RecordSource>(std::move(source));
}

}  // namespace lysoen::exchange
