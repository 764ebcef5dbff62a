// Edits, values and paths: what decodes has this one encoding, and a value that parses keeps its text through an edit.
#include "core/report/edit.h"
#include "core/report/path.h"
#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using namespace lysoen::report;
using fuzz::require;

namespace {

void edit(ByteView bytes) {
  auto read = decode_edit(bytes);
  if (!read) {
    auto code = read.error().code;
    require(code == ErrorCode::input_refused || code == ErrorCode::limit_exceeded || code == ErrorCode::newer_version,
            "a refusal says which kind");
    return;
  }
  require(read->writes.size() <= kWritesMax && read->items.size() <= kItemsMax, "an edit keeps to its limits");
  for (const auto& write : read->writes)
    require(items_of(write.path).size() <= kItemDepthMax, "items are nested within the limit");
  auto written = encode_edit(*read);
  require(written.ok() && *written == to_bytes(bytes), "what decodes is exactly what its encoder writes");
}

Edit writing(Value value) {
  Edit edit;
  edit.creation = {"form", "1", {}};
  edit.writes = {{"a/b", std::move(value), {}}};
  return edit;
}

void value(ByteView bytes) {
  fuzz::Choices choices(bytes);
  auto type = static_cast<ValueType>(1 + choices.below(11));
  auto read = Value::parse(type, as_text(choices.rest()));
  if (!read) return;
  auto again = Value::parse(type, read->text());
  require(again.ok() && *again == *read, "a value is read again from its text");
  require(read->text().size() <= kTextSizeMax, "a value keeps to its limit");
  if (auto at = read->lat_lon())
    require(at->latitude >= -90 && at->latitude <= 90 && at->longitude >= -180 && at->longitude <= 180,
            "a point lies on the earth");
  (void)read->number();
  (void)read->instant();
  (void)read->items();
  auto written = encode_edit(writing(*read));
  if (!written) return require(written.error().code != ErrorCode::internal, "an edit is written or refused");
  auto edit = decode_edit(*written);
  require(edit.ok() && edit->writes.size() == 1 && edit->writes[0].value == *read, "an edit keeps a value's text");
}

void path(ByteView bytes) {
  auto text = as_text(bytes);
  auto steps = split_path(text);
  if (!steps) return;
  require(text.size() <= kPathSizeMax && steps->size() <= kPathStepsMax, "a path keeps to its limits");
  require(join_path(*steps) == text, "a path is its steps");
  for (const auto& item : items_of(text))
    require(is_item_path(item) && is_within(text, item), "a path lies in its items");
  require(split_path(form_path(text)).has_value(), "a path without its items is a path");
}

void order(ByteView bytes) {
  Reader in(bytes);
  auto low = std::string(as_text(in.field(kOrderSizeMax))), high = std::string(as_text(in.field(kOrderSizeMax)));
  auto is_key = [](const std::string& key) { return key.empty() || key.back() != '\0'; };
  if (!in.ok() || !is_key(low) || !is_key(high) || (!high.empty() && low >= high)) return;
  auto between = order_between(low, high);
  if (!between) return;
  require(low < *between && (high.empty() || *between < high), "a key lies between its bounds");
  require(between->size() <= kOrderSizeMax && is_key(*between), "a key keeps to its rules");
}

constexpr void (*kReaders[])(ByteView) = {edit, value, path, order};

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  std::string blob = Hash{}.hex();
  const std::pair<ValueType, std::string> values[] = {
      {ValueType::text, "A fire near the market"},
      {ValueType::integer, "-12"},
      {ValueType::decimal, "1.50"},
      {ValueType::decimal, "007e-4"},
      {ValueType::boolean, "true"},
      {ValueType::date, "2020-02-29"},
      {ValueType::time, "14:05:00.25+02:00"},
      {ValueType::date_time, "2020-01-05T14:05:00.5Z"},
      {ValueType::point, "43.4670 -0.05 12.5 3"},
      {ValueType::choice, "shelling"},
      {ValueType::choices, "b a c"},
      {ValueType::attachment, blob + " 1024 image/jpeg a photo.jpg"},
  };
  Edit creating;
  creating.creation = {"form", "1", Hash{}.hex() + ":12"};
  for (const auto& [type, text] : values) {
    seeds.push_back(chosen(1, chosen(static_cast<size_t>(type) - 1, as_bytes(text))));
    auto value = Value::parse(type, text);
    require(value.ok(), "the seeds are values");
    creating.writes.push_back({"f" + std::to_string(creating.writes.size()), *value, {}});
  }
  creating.items = {{"victims[i-1]", true, {}, {}}};
  creating.writes.push_back({"victims[i-1]/name", Value::text_of("Ana"), {}});
  creating.co_authors = {DeviceId{{1}}};
  Edit later;
  later.report.bytes.fill(1);
  later.monotonic_ms = 5, later.roster_version = 3;
  EditId seen;
  seen.bytes.fill(2);
  later.items = {{"victims[i-1]", false, {}, {seen}}, {"victims[i-1000000ff]", true, "V", {}}};
  later.writes = {{"f1", {}, {seen}}, {"victims[i-1000000ff]/age", *Value::parse(ValueType::integer, "7"), {}}};
  later.status = {Status::closed, "done", {seen}};
  later.retraction = {true, "wrong place", {}};
  for (const auto& made : {creating, later}) {
    auto bytes = encode_edit(made);
    require(bytes.ok(), "the seeds are edits");
    seeds.push_back(chosen(0, *bytes));
  }
  for (std::string_view text : {"place", "victims[i-1]/name", "visits[i-2]/persons[i-51f03a9c0d7e]/age"})
    seeds.push_back(chosen(2, as_bytes(text)));
  seeds.push_back(chosen(3, Writer().field("A").field("B").bytes()));
  seeds.push_back(chosen(3, Writer().field("").field("").bytes()));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  kReaders[choices.below(std::size(kReaders))](choices.rest());
}
