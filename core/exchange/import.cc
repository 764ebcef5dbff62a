#include "core/exchange/import.h"

#include "core/base/try.h"

namespace lysoen::exchange {

namespace {

/// Reads to the end and takes nothing. A fault that is found halfway would leave rows behind, and once the file is
/// corrected it is another file, from which they come a second time.
Result<void> check_to_end(const std::filesystem::path& file, const SourceOptions& options) {
  LYSOEN_ASSIGN(auto source, open_records(file, options));
  for (;;) {
    LYSOEN_ASSIGN(auto record, source->next());
    if (!record) return {};
  }
}

}  // namespace

Result<std::unique_ptr<Import>> Import::open(const std::filesystem::path& file, Mapping mapping) {
  if (!mapping.source().json) LYSOEN_TRY(check_to_end(file, mapping.source()));  // JSON is read whole anyway
  LYSOEN_ASSIGN(std::string hash, file_hash_hex(file));
  LYSOEN_ASSIGN(auto source, open_records(file, mapping.source()));
  if (!mapping.source().json) LYSOEN_TRY(mapping.check_columns(source->columns()));
  return std::unique_ptr<Import>(new Import(std::move(mapping), std::move(source), std::move(hash)));
}

Result<Import::Portion> Import::next(size_t rows_max) {
  Portion portion;
  while (portion.rows.size() + portion.refused.size() < rows_max) {
    LYSOEN_ASSIGN(auto record, source_->next());
    if (!record) {
      portion.last = true;
      break;
    }
    auto changes = record->refused.empty() ? mapping_.apply(record->fields)
                                           : make_error(ErrorCode::input_refused, record->refused);
    if (!changes.ok()) {
      record->refused = changes.error().message;
      portion.refused.push_back(std::move(*record));
      continue;
    }
    portion.rows.push_back(
        ImportRow{mapping_.form().id(), file_hash_ + ":" + std::to_string(record->number), std::move(*changes)});
  }
  return portion;
}

}  // namespace lysoen::exchange
