#include "core/report/strict.h"

#include <algorithm>
#include <span>

#include "core/base/try.h"
#include "core/form/text.h"
#include "core/report/edit.h"
#include "core/report/path.h"

namespace lysoen::report {

namespace {

constexpr size_t kDepthMax = 8;

enum class Kind : uint8_t { varint, bytes, text, message, packed };

struct MessageRule;
struct FieldRule {
  uint32_t number;
  Kind kind;
  size_t size_max;       // bytes of a value; of packed fields: how many numbers
  size_t count_max = 1;  // above 1: repeated
  const MessageRule* message = nullptr;
  bool one_of = false;
};
struct MessageRule {
  std::span<const FieldRule> fields;  // by number
};

constexpr size_t kMessageMax = kEditSizeMax;
constexpr size_t kIdSize = 32;

constexpr FieldRule kCreateFields[] = {{1, Kind::text, 255},
                                       {2, Kind::text, 255},
                                       {3, Kind::bytes, kIdSize},
                                       {4, Kind::varint, 0},
                                       {5, Kind::text, kOriginSizeMax}};
constexpr MessageRule kCreate{kCreateFields};
constexpr FieldRule kItemFields[] = {{1, Kind::text, kPathSizeMax}, {2, Kind::varint, 0}};
constexpr MessageRule kItem{kItemFields};
constexpr FieldRule kItemWriteFields[] = {
    {1, Kind::varint, 0}, {2, Kind::bytes, kOrderSizeMax}, {3, Kind::packed, kSeenMax}};
constexpr MessageRule kItemWrite{kItemWriteFields};
constexpr FieldRule kDecimalFields[] = {{1, Kind::varint, 0}, {2, Kind::varint, 0}};
constexpr MessageRule kDecimal{kDecimalFields};
constexpr FieldRule kDateTimeFields[] = {
    {1, Kind::varint, 0}, {2, Kind::varint, 0}, {3, Kind::varint, 0}, {4, Kind::text, 9}};
constexpr MessageRule kDateTime{kDateTimeFields};
constexpr FieldRule kPointFields[] = {{1, Kind::packed, 4}, {2, Kind::bytes, 4}};
constexpr MessageRule kPoint{kPointFields};
constexpr FieldRule kThumbnailFields[] = {
    {1, Kind::bytes, kIdSize}, {2, Kind::varint, 0}, {3, Kind::bytes, kIdSize}, {4, Kind::bytes, kIdSize}};
constexpr MessageRule kThumbnail{kThumbnailFields};
constexpr FieldRule kAttachmentFields[] = {{1, Kind::bytes, kIdSize},
                                           {2, Kind::varint, 0},
                                           {3, Kind::text, 255},
                                           {4, Kind::text, 255},
                                           {5, Kind::bytes, kIdSize},
                                           {6, Kind::bytes, kIdSize},
                                           {7, Kind::message, kMessageMax, 1, &kThumbnail}};
constexpr MessageRule kAttachment{kAttachmentFields};
constexpr FieldRule kLexicalFields[] = {{1, Kind::varint, 0}, {2, Kind::text, kTextSizeMax}};
constexpr MessageRule kLexical{kLexicalFields};
constexpr FieldRule kSetFields[] = {
    {1, Kind::text, kPathSizeMax},
    {2, Kind::text, kTextSizeMax, 1, nullptr, true},
    {3, Kind::varint, 0, 1, nullptr, true},
    {4, Kind::message, kMessageMax, 1, &kDecimal, true},
    {5, Kind::varint, 0, 1, nullptr, true},
    {6, Kind::varint, 0, 1, nullptr, true},
    {7, Kind::text, 64, 1, nullptr, true},
    {8, Kind::message, kMessageMax, 1, &kDateTime, true},
    {9, Kind::message, kMessageMax, 1, &kPoint, true},
    {10, Kind::text, 255, 1, nullptr, true},
    {11, Kind::text, kTextSizeMax, 1, nullptr, true},
    {12, Kind::message, kMessageMax, 1, &kAttachment, true},
    {13, Kind::message, kMessageMax, 1, &kLexical, true},
    {14, Kind::packed, kSeenMax},
};
constexpr MessageRule kSet{kSetFields};
constexpr FieldRule kGroupFields[] = {{1, Kind::message, kMessageMax, kItemDepthMax, &kItem},
                                      {2, Kind::message, kMessageMax, 1, &kItemWrite},
                                      {3, Kind::message, kMessageMax, kWritesMax, &kSet}};
constexpr MessageRule kGroup{kGroupFields};
constexpr FieldRule kReasonedFields[] = {
    {1, Kind::varint, 0}, {2, Kind::text, kReasonSizeMax}, {3, Kind::packed, kSeenMax}};
constexpr MessageRule kReasoned{kReasonedFields};
constexpr FieldRule kEditFields[] = {
    {1, Kind::message, kMessageMax, 1, &kCreate},
    {2, Kind::bytes, kIdSize},
    {3, Kind::varint, 0},
    {4, Kind::varint, 0},
    {5, Kind::varint, 0},
    {6, Kind::varint, 0},
    {7, Kind::bytes, kIdSize, kSeenMax},
    {8, Kind::message, kMessageMax, kWritesMax + kItemsMax, &kGroup},
    {9, Kind::message, kMessageMax, 1, &kReasoned},
    {10, Kind::message, kMessageMax, 1, &kReasoned},
    {11, Kind::bytes, kIdSize, kCoAuthorsMax},
};
constexpr MessageRule kEdit{kEditFields};

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read edit: " + std::string(why));
}

Result<void> check_packed(ByteView bytes, size_t count_max) {
  Reader reader(bytes);
  size_t count = 0;
  for (; reader.left() > 0 && reader.ok(); ++count) {
    reader.varint();
    if (count >= count_max) return make_error(ErrorCode::limit_exceeded, "cannot read edit: a list in it is too long");
  }
  if (!reader.done() || count == 0) return refused("a list of numbers is malformed");
  return {};
}

Result<void> check_message(ByteView bytes, const MessageRule& rule, size_t depth) {
  if (depth > kDepthMax) return make_error(ErrorCode::limit_exceeded, "cannot read edit: nested too deep");
  Reader reader(bytes);
  const FieldRule* last = nullptr;
  size_t count = 0;
  bool chosen = false;
  while (reader.left() > 0) {
    uint64_t tag = reader.varint();
    if (!reader.ok()) return refused("a number in it is malformed");
    auto field =
        std::find_if(rule.fields.begin(), rule.fields.end(), [&](const FieldRule& f) { return f.number == tag >> 3; });
    if (field == rule.fields.end()) {
      if (tag >> 3 == 0) return refused("a field has the number zero");
      return make_error(ErrorCode::newer_version, "cannot read edit: it has a field that this version does not know",
                        "update Lysoen; the edit is kept until then");
    }
    if (last && field->number < last->number) return refused("its fields are out of order");
    count = last == &*field ? count + 1 : 1;
    if (count > field->count_max) {
      if (field->count_max == 1) return refused("a field that stands once stands twice");
      return make_error(ErrorCode::limit_exceeded, "cannot read edit: a list in it is too long");
    }
    if (field->one_of && chosen) return refused("a field has two values");
    chosen = chosen || field->one_of;
    last = &*field;
    if ((tag & 7) != (field->kind == Kind::varint ? 0u : 2u)) return refused("a field has the wrong wire type");
    if (field->kind == Kind::varint) {
      reader.varint();
      if (!reader.ok()) return refused("a number in it is malformed");
      continue;
    }
    auto value = reader.field(kMessageMax);
    if (!reader.ok()) return refused("it is cut short");
    if (field->kind == Kind::packed) {
      LYSOEN_TRY(check_packed(value, field->size_max));
    } else if (value.size() > field->size_max) {
      return make_error(ErrorCode::limit_exceeded, "cannot read edit: a value in it is too long");
    } else if (field->kind == Kind::text && !form::is_utf8(as_text(value))) {
      return refused("a text in it is not UTF-8");
    } else if (field->kind == Kind::message) {
      LYSOEN_TRY(check_message(value, *field->message, depth + 1));
    }
  }
  return {};
}

}  // namespace

Result<void> check_edit_bytes(ByteView bytes) {
  if (bytes.size() > kEditSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read edit: larger than 256 KiB");
  return check_message(bytes, kEdit, 1);
}

}  // namespace lysoen::report
