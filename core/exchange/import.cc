#include "core/exchange/import.h"

#include <fstream>

#include "core/base/try.h"
#include "core/exchange/text_formats.h"

namespace lysoen::exchange {

Result<std::unique_ptr<Import>> Import::open(const std::filesystem::path& file, Mapping mapping) {
  LYSOEN_ASSIGN(std::string hash, file_hash_hex(file));
  LYSOEN_ASSIGN(auto source, open_records(file, mapping.source()));
  if (!mapping.source().json) LYSOEN_TRY(mapping.check_columns(source->columns()));
  return std::unique_ptr<Import>(new Import(std::move(mapping), std::move(source), std::move(hash)));
}

Result<Import::Portion> Import::next(size_t rows_max) {
  Portion portion;
  while (portion.rows.size() < rows_max) {
    LYSOEN_ASSIGN(auto record, source_->next());
    if (!record) {
      portion.last = true;
      break;
    }
    if (!record->refused.empty()) {
      portion.refused.push_back({record->number, record->refused, std::move(record->fields)});
      continue;
    }
    auto changes = mapping_.apply(record->fields);
    if (!changes.ok()) {
      portion.refused.push_back({record->number, changes.error().message, std::move(record->fields)});
      continue;
    }
    portion.rows.push_back(
        ImportRow{mapping_.form().id(), file_hash_ + ":" + std::to_string(record->number), std::move(*changes)});
  }
  return portion;
}

RefusedFile::RefusedFile(std::filesystem::path path, bool json, std::vector<std::string> columns)
    : path_(std::move(path)), json_(json), columns_(std::move(columns)) {}

Result<void> RefusedFile::add(const RefusedRow& row) {
  std::string text;
  if (json_) {
    auto object = row.fields.is_object() ? row.fields : nlohmann::json{{"value", row.fields}};
    object["lysoen_row"] = row.number;
    object["lysoen_reason"] = row.reason;
    text = (count_ == 0 ? "[\n" : ",\n") + object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    if (count_ == 0) {
      text = "lysoen_row,lysoen_reason";
      for (auto& column : columns_) text += "," + csv_cell(column);
      text += "\r\n";
    }
    text += std::to_string(row.number) + "," + csv_cell(row.reason);
    for (auto& column : columns_) text += "," + csv_cell(row.fields.value(column, ""));
    text += "\r\n";
  }
  LYSOEN_TRY(write(text));
  ++count_;
  return {};
}

Result<void> RefusedFile::finish() {
  if (count_ > 0 && json_) return write("\n]\n");
  return {};
}

Result<void> RefusedFile::write(std::string_view text) {
  std::ofstream out(path_, count_ == 0 ? std::ios::binary | std::ios::trunc : std::ios::binary | std::ios::app);
  if (count_ == 0 && out) {
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                                 ignored);
  }
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  if (!out)
    return make_error(ErrorCode::io_failed, "cannot write the file of refused rows",
                      "choose another place with --refused");
  return {};
}

}  // namespace lysoen::exchange
