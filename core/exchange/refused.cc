#include "core/exchange/refused.h"

#include "core/base/try.h"
#include "core/exchange/text_formats.h"

namespace lysoen::exchange {

RefusedFile::RefusedFile(std::filesystem::path path, bool json, std::vector<std::string> columns)
    : path_(std::move(path)), json_(json), columns_(std::move(columns)) {
  // Its own columns are there already when a file of refused rows is imported; those without a name are not read.
  std::erase_if(columns_, [](auto& column) {
    return column.empty() || column == kRefusedRowColumn || column == kRefusedReasonColumn;
  });
}

Result<void> RefusedFile::add(const RefusedRow& row) {
  if (count_ == 0) LYSOEN_TRY(begin());
  std::string text;
  if (json_) {
    auto object = row.fields.is_object() ? row.fields : nlohmann::json{{"value", row.fields}};
    object[std::string(kRefusedRowColumn)] = row.number;
    object[std::string(kRefusedReasonColumn)] = row.refused;
    text = (count_ == 0 ? "[\n" : ",\n") + object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    text = std::to_string(row.number) + "," + csv_cell(row.refused);
    for (auto& column : columns_)
      if (row.fields.contains(column)) text += "," + csv_cell(row.fields.value(column, ""));
    for (auto& cell : row.more) text += "," + csv_cell(cell);
    text += "\r\n";
  }
  LYSOEN_TRY(write(text));
  ++count_;
  return {};
}

Result<void> RefusedFile::finish() {
  if (count_ == 0) return {};
  LYSOEN_TRY(write(json_ ? "\n]\n" : ""));
  out_.close();
  return {};
}

Result<void> RefusedFile::begin() {
  LYSOEN_TRY(keep_earlier());
  out_.open(path_, std::ios::binary);
  if (!out_)
    return make_error(ErrorCode::storage_read_only,
                      "cannot write the file of refused rows: its folder is missing or cannot be written",
                      "choose another place with --refused and import the file again");
  std::error_code ignored;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                               ignored);
  std::string text(kByteOrderMark);
  if (!json_) {
    text += std::string(kRefusedRowColumn) + "," + std::string(kRefusedReasonColumn);
    for (auto& column : columns_) text += "," + csv_cell(column);
    text += "\r\n";
  }
  return write(text);
}

/// What an earlier import left there may have been corrected since.
Result<void> RefusedFile::keep_earlier() {
  std::error_code error;
  auto taken = [&](const std::filesystem::path& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path, error));
  };
  if (!taken(path_)) return {};
  for (int number = 1; number <= kEarlierKept; ++number) {
    kept_ = path_;
    kept_ += "." + std::to_string(number);
    if (taken(kept_)) continue;
    std::filesystem::rename(path_, kept_, error);
    if (!error) return {};
    break;
  }
  kept_.clear();
  return make_error(ErrorCode::already_exists, "cannot write the file of refused rows: there is one of that name",
                    "choose another place with --refused and import the file again");
}

Result<void> RefusedFile::write(std::string_view text) {
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  out_.flush();
  if (!out_)
    return make_error(ErrorCode::storage_full, "cannot write the file of refused rows: the disk is full",
                      "choose another place with --refused and import the file again");
  return {};
}

}  // namespace lysoen::exchange
