// Value: written forms checked once, where they enter; kept with the digits they came with.
#include <lysoen/report.h>

#include <algorithm>
#include <charconv>

#include "core/base/try.h"
#include "core/form/text.h"
#include "core/report/edit.h"
#include "core/report/lexical.h"

namespace lysoen {

using report::days_in;
using report::number_in;

namespace {

constexpr size_t kCodeSizeMax = 255;
constexpr size_t kNameSizeMax = 255;

Error refused(std::string why, std::string hint = {}) {
  return make_error(ErrorCode::input_refused, std::move(why), std::move(hint));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlanks = " \t\n\r";
  for (size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

Result<std::string> integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return refused("not an integer: too large");
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 64)
    return refused("not an integer: digits are expected, with a minus sign in front at most");
  return std::string(text);
}

Result<std::string> decimal(std::string_view text) {
  if (!number_in(text)) return refused("not a number: digits are expected, with a point before the decimals");
  return std::string(text);
}

Result<std::string> boolean(std::string_view text) {
  if (text == "true" || text == "1") return std::string("true");
  if (text == "false" || text == "0") return std::string("false");
  return refused("not a boolean: true or false is expected");
}

Result<std::string> date(std::string_view text) {
  if (days_in(text)) return std::string(text);
  bool shaped = text.size() == 10 && text[4] == '-' && text[7] == '-';
  return refused(shaped ? "not a date: the calendar has no such day"
                        : "not a date: year-month-day is expected, as in 2020-01-05");
}

Result<std::string> time(std::string_view text) {
  std::string full(text);
  if (full.size() == 5) full += ":00";
  if (report::is_time(full)) return full;
  return refused("not a time of day: hours:minutes:seconds is expected, as in 14:05:00");
}

Result<std::string> date_time(std::string_view text) {
  std::string full(text);
  if (full.size() > 10 && full[10] == ' ') full[10] = 'T';
  // Seconds may be left out: "2020-01-05T14:05+02:00".
  if (full.size() > 16 && full[13] == ':' && (full[16] == 'Z' || full[16] == '+' || full[16] == '-'))
    full.insert(16, ":00");
  if (report::date_time_in(full)) return full;
  if (full.size() >= 10 && full[4] == '-' && full[7] == '-' && !days_in(std::string_view(full).substr(0, 10)))
    return refused("not a date and time: the calendar has no such day");
  return refused("not a date and time with offset: expected as in 2020-01-05T14:05:00+02:00",
                 "add the offset from UTC, at most 14 hours; Z stands for UTC itself");
}

Result<std::string> point(std::string_view text) {
  auto parts = words_of(text);
  if (parts.size() < 2 || parts.size() > 4)
    return refused("not a point: latitude and longitude are expected, in degrees, with a blank between them");
  struct Limit {
    double low, high;
    std::string_view message;
  };
  constexpr Limit kLimits[] = {{-90, 90, "latitude is beyond 90 degrees"},
                               {-180, 180, "longitude is beyond 180 degrees"},
                               {-12'000, 100'000, "altitude is not between -12,000 and 100,000 metres"},
                               {0, 10'000'000, "accuracy is negative or beyond 10,000 kilometres"}};
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    auto number = number_in(parts[i]);
    if (!number) return refused("not a point: what is given is no number of degrees or metres");
    if (!(*number >= kLimits[i].low && *number <= kLimits[i].high))
      return refused("not a point: " + std::string(kLimits[i].message));
    joined += (i ? " " : "") + std::string(parts[i]);
  }
  return joined;
}

Result<std::string> choice(std::string_view text) {
  if (text.size() > kCodeSizeMax || text.find_first_of("\t\r\n") != std::string_view::npos)
    return refused("not a choice: one code of at most 255 bytes is expected");
  return std::string(text);
}

Result<std::string> choices(std::string_view text) {
  auto words = words_of(text);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::string joined;
  for (auto word : words) {
    if (word.size() > kCodeSizeMax) return refused("not choices: codes of at most 255 bytes are expected");
    joined += (joined.empty() ? "" : " ") + std::string(word);
  }
  return joined;
}

/// "blobid size mime/type name", whatever type and name hold.
std::optional<Value::File> file_in(std::string_view text) {
  auto take = [&] {
    size_t end = std::min(text.find(' '), text.size());
    auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
  };
  auto blob = BlobId::from_hex(take());
  auto size = take(), type = take();
  uint64_t bytes = 0;
  auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), bytes);
  if (!blob || error != std::errc() || end != size.data() + size.size() || std::to_string(bytes) != size)
    return std::nullopt;
  return Value::File{*blob, bytes, std::string(type), std::string(text)};
}

Result<std::string> attachment(std::string_view text) {
  auto file = file_in(text);
  if (!file || file->type.find('/') == std::string::npos || file->type.size() > kNameSizeMax)
    return refused("not an attachment: blob id, size, media type and name are expected");
  const auto& name = file->name;
  if (name.empty() || name != form::trimmed(name) || name.size() > kNameSizeMax ||
      name.find_first_of("/\\\t\r\n") != std::string::npos)
    return refused("not an attachment: its name is empty, longer than 255 bytes or holds a path");
  return file->blob.hex() + " " + std::to_string(file->size) + " " + file->type + " " + name;
}

Result<std::string> written(ValueType type, std::string_view text) {
  switch (type) {
    case ValueType::text:
      return std::string(text);
    case ValueType::integer:
      return integer(text);
    case ValueType::decimal:
      return decimal(text);
    case ValueType::boolean:
      return boolean(text);
    case ValueType::date:
      return date(text);
    case ValueType::time:
      return time(text);
    case ValueType::date_time:
      return date_time(text);
    case ValueType::point:
      return point(text);
    case ValueType::choice:
      return choice(text);
    case ValueType::choices:
      return choices(text);
    case ValueType::attachment:
      return attachment(text);
  }
  return refused("not a type of answer that this version knows");
}

}  // namespace

Result<Value> Value::parse(ValueType type, std::string_view text) {
  if (text.size() > report::kTextSizeMax)
    return make_error(ErrorCode::limit_exceeded, "answer is longer than 64 KiB",
                      "shorten it, or attach it as a document");
  if (!form::is_utf8(text))
    return refused("text is not UTF-8", "the source may be in another encoding, such as Windows-1252");
  if (form::has_control_characters(text))
    return refused("text holds control characters", "the source may be in another encoding, such as Windows-1252");
  if (form::trimmed(text).empty()) return refused("answer is empty", "to remove an answer, clear it");
  LYSOEN_ASSIGN(auto checked, written(type, type == ValueType::text ? text : form::trimmed(text)));
  Value value;
  value.type_ = type;
  value.text_ = std::move(checked);
  return value;
}

Value Value::text_of(std::string text) {
  Value value;
  value.text_ = std::move(text);
  return value;
}

Value Value::choices_of(std::vector<std::string> codes) {
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  Value value;
  value.type_ = ValueType::choices;
  for (const auto& code : codes) value.text_ += (value.text_.empty() ? "" : " ") + code;
  return value;
}

std::optional<Value::File> Value::file() const {
  return type_ == ValueType::attachment ? file_in(text_) : std::nullopt;
}

std::vector<std::string> Value::items() const {
  std::vector<std::string> codes;
  if (type_ == ValueType::choices)
    for (auto word : words_of(text_)) codes.emplace_back(word);
  return codes;
}

std::optional<Value::LatLon> Value::lat_lon() const {
  if (type_ != ValueType::point) return std::nullopt;
  auto parts = words_of(text_);
  if (parts.size() < 2) return std::nullopt;
  auto latitude = number_in(parts[0]), longitude = number_in(parts[1]);
  if (!latitude || !longitude) return std::nullopt;
  return LatLon{*latitude, *longitude};
}

std::optional<double> Value::number() const {
  if (type_ != ValueType::integer && type_ != ValueType::decimal) return std::nullopt;
  return number_in(text_);
}

std::optional<WallTime> Value::instant() const {
  if (type_ == ValueType::date) {
    auto days = days_in(text_);
    if (!days) return std::nullopt;
    return WallTime(std::chrono::milliseconds(int64_t{*days} * 86'400'000));
  }
  auto at = type_ == ValueType::date_time ? report::date_time_in(text_) : std::nullopt;
  if (!at) return std::nullopt;
  auto fraction = (at->fraction + "000").substr(0, 3);
  return WallTime(
      std::chrono::milliseconds((at->seconds - int64_t{at->offset_minutes} * 60) * 1000 + std::stoi(fraction)));
}

}  // namespace lysoen
