// JSON: read whole, within limits, with the digits of its numbers.
#include <algorithm>

#include "core/base/try.h"
#include "core/exchange/sources.h"

namespace lysoen::exchange {

namespace {

using nlohmann::json;

constexpr size_t kDepthMax = 32;

// Builds the document. Numbers with a fraction or exponent become texts of their digits: what a file says as 43.4670
// stays 43.4670.
class Builder final : public nlohmann::json_sax<json> {
 public:
  json take() { return std::move(root_); }
  bool too_deep() const { return too_deep_; }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t, const string_t& digits) override { return put(digits); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool key(string_t& name) override { return key_ = std::move(name), true; }
  bool end_object() override { return open_.pop_back(), true; }
  bool end_array() override { return open_.pop_back(), true; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool put(json value) { return add(std::move(value)) != nullptr; }

  bool open(json container) {
    too_deep_ = open_.size() == kDepthMax;
    if (too_deep_) return false;
    open_.push_back(add(std::move(container)));
    return true;
  }

  json* add(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    auto& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  json root_;
  std::vector<json*> open_;  // the containers around the next value; nothing is added to one while a later is open
  std::string key_;
  bool too_deep_ = false;
};

class JsonSource final : public RecordSource {
 public:
  JsonSource(json rows, uint64_t total) : rows_(std::move(rows)), total_(total) {}
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
  json rows_;
  uint64_t total_;
  size_t at_ = 0;
  std::vector<std::string> columns_;
};

Result<std::string> decode(std::string text, Encoding stated) {
  LYSOEN_ASSIGN(Encoding encoding, encoding_of(text, stated));
  auto line_of = [&](size_t offset) {
    return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n'));
  };
  if (encoding == Encoding::windows1252) {
    auto decoded = decode_windows1252(text);
    if (decoded.undefined_at) return not_text(line_of(*decoded.undefined_at), encoding);
    return std::move(decoded.text);
  }
  if (auto at = first_invalid_utf8(text)) return not_text(line_of(*at), encoding);
  return text;
}

Result<json> parse(std::string_view text) {
  Builder builder;
  if (json::sax_parse(text, &builder)) return builder.take();
  if (builder.too_deep())
    return make_error(ErrorCode::limit_exceeded,
                      "cannot read the file: JSON nested deeper than " + std::to_string(kDepthMax) + " levels");
  return make_error(ErrorCode::input_refused, "cannot read the file: it is not JSON", "check that the file is whole");
}

// The array of records: the document itself, or the member that the mapping names.
Result<json> records_in(json document, const std::string& member) {
  if (document.is_object() && !member.empty()) {
    auto found = document.find(member);
    if (found == document.end())
      return make_error(ErrorCode::input_refused, "cannot read the file: it has no member '" + member + "'",
                        "the mapping's \"records\" names the member that holds the rows");
    document = json(std::move(*found));
  }
  if (!document.is_array())
    return make_error(ErrorCode::input_refused, "cannot read the file: the records are not a JSON array",
                      "name the member that holds them as \"records\" in the mapping");
  return document;
}

}  // namespace

Result<std::unique_ptr<RecordSource>> open_json(std::ifstream in, uint64_t total, const SourceOptions& options) {
  if (total > kJsonBytesMax)
    return make_error(ErrorCode::limit_exceeded,
                      "cannot read the file: JSON larger than " + std::to_string(kJsonBytesMax / 1024 / 1024) + " MiB",
                      "split it, or convert it to CSV");
  std::string raw(static_cast<size_t>(total), '\0');
  in.read(raw.data(), static_cast<std::streamsize>(raw.size()));
  raw.resize(static_cast<size_t>(in.gcount()));
  if (in.bad()) return make_error(ErrorCode::io_failed, "cannot read the file: the system reported an error");
  LYSOEN_ASSIGN(std::string text, decode(std::move(raw), options.encoding));
  LYSOEN_ASSIGN(json document, parse(text));
  LYSOEN_ASSIGN(json records, records_in(std::move(document), options.records));
  return std::unique_ptr<RecordSource>(std::make_unique<JsonSource>(std::move(records), total));
}

}  // namespace lysoen::exchange
