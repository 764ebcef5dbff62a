#include "core/report/value_wire.h"

#include <charconv>

#include "core/base/bytes.h"
#include "core/report/lexical.h"

namespace lysoen::report {

namespace {

void put_lexical(const Value& value, v0::Set& set) {
  set.mutable_lexical()->set_type(static_cast<uint32_t>(value.type()));
  set.mutable_lexical()->set_text(value.text());
}

void put_integer(const Value& value, v0::Set& set) {
  auto number = compact(value.text());
  if (!number || number->scale != 0) return put_lexical(value, set);
  set.set_integer(number->mantissa);
}

void put_decimal(const Value& value, v0::Set& set) {
  auto number = compact(value.text());
  if (!number) return put_lexical(value, set);
  set.mutable_decimal()->set_mantissa(number->mantissa);
  set.mutable_decimal()->set_scale(number->scale);
}

void put_date_time(const Value& value, v0::Set& set) {
  auto at = date_time_in(value.text());
  if (!at || text_of(*at) != value.text()) return put_lexical(value, set);
  auto* out = set.mutable_date_time();
  out->set_seconds(at->seconds);
  out->set_offset_minutes(at->offset_minutes);
  out->set_zulu(at->zulu);
  out->set_fraction(at->fraction);
}

void put_point(const Value& value, v0::Set& set) {
  std::string scales;
  std::vector<int64_t> mantissas;
  std::string_view rest = value.text();
  while (!rest.empty()) {
    size_t end = std::min(rest.find(' '), rest.size());
    auto part = compact(rest.substr(0, end));
    if (!part) return put_lexical(value, set);
    mantissas.push_back(part->mantissa);
    scales += static_cast<char>(part->scale);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (int64_t mantissa : mantissas) set.mutable_point()->add_mantissa(mantissa);
  set.mutable_point()->set_scale(scales);
}

void put_attachment(const Value& value, v0::Set& set) {
  auto file = value.file().value_or(Value::File{});
  auto* out = set.mutable_attachment();
  out->set_blob(std::string(as_text(file.blob.view())));
  out->set_size(file.size);
  out->set_mime_type(std::move(file.type));
  out->set_name(std::move(file.name));
}

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read edit: " + std::string(why));
}

Result<std::optional<Value>> as(ValueType type, std::string_view text) {
  auto value = Value::parse(type, text);
  if (!value.ok() || value->text() != text) return refused("a value in it does not fit its type");
  return std::optional<Value>(std::move(*value));
}

Result<std::optional<Value>> take_point(const v0::Point& point) {
  if (static_cast<size_t>(point.mantissa_size()) != point.scale().size()) return refused("a point in it is malformed");
  std::string text;
  for (int i = 0; i < point.mantissa_size(); ++i) {
    auto scale = static_cast<unsigned char>(point.scale()[static_cast<size_t>(i)]);
    if (scale > kScaleMax) return refused("a point in it is malformed");
    text += (i ? " " : "") + text_of(Compact{point.mantissa(i), scale});
  }
  return as(ValueType::point, text);
}

Result<std::optional<Value>> take_date_time(const v0::DateTime& in) {
  constexpr int64_t kFirst = -62'135'596'800, kLast = 253'402'300'799;  // years 1 to 9999
  if (in.seconds() < kFirst || in.seconds() > kLast || in.offset_minutes() < -840 || in.offset_minutes() > 840)
    return refused("a time in it is out of range");
  return as(ValueType::date_time, text_of(DateTime{in.seconds(), in.fraction(), in.offset_minutes(), in.zulu()}));
}

}  // namespace

void put_value(const Value& value, v0::Set& set) {
  switch (value.type()) {
    case ValueType::text:
      return set.set_text(value.text());
    case ValueType::integer:
      return put_integer(value, set);
    case ValueType::decimal:
      return put_decimal(value, set);
    case ValueType::boolean:
      return set.set_boolean(value.text() == "true");
    case ValueType::date:
      return set.set_date(days_in(value.text()).value_or(0));
    case ValueType::time:
      return set.set_time(value.text());
    case ValueType::date_time:
      return put_date_time(value, set);
    case ValueType::point:
      return put_point(value, set);
    case ValueType::choice:
      return set.set_choice(value.text());
    case ValueType::choices:
      return set.set_choices(value.text());
    case ValueType::attachment:
      return put_attachment(value, set);
  }
}

Result<std::optional<Value>> take_value(const v0::Set& set) {
  switch (set.value_case()) {
    case v0::Set::VALUE_NOT_SET:
      return std::optional<Value>();
    case v0::Set::kText:
      return as(ValueType::text, set.text());
    case v0::Set::kInteger:
      return as(ValueType::integer, std::to_string(set.integer()));
    case v0::Set::kDecimal:
      if (set.decimal().scale() > kScaleMax) return refused("a number in it is malformed");
      return as(ValueType::decimal, text_of(Compact{set.decimal().mantissa(), set.decimal().scale()}));
    case v0::Set::kBoolean:
      return as(ValueType::boolean, set.boolean() ? "true" : "false");
    case v0::Set::kDate:
      if (set.date() < -719162 || set.date() > 2932896) return refused("a date in it is out of range");
      return as(ValueType::date, date_text(set.date()));
    case v0::Set::kTime:
      return as(ValueType::time, set.time());
    case v0::Set::kDateTime:
      return take_date_time(set.date_time());
    case v0::Set::kPoint:
      return take_point(set.point());
    case v0::Set::kChoice:
      return as(ValueType::choice, set.choice());
    case v0::Set::kChoices:
      return as(ValueType::choices, set.choices());
    case v0::Set::kAttachment:
      return as(ValueType::attachment, to_hex(as_bytes(set.attachment().blob())) + " " +
                                           std::to_string(set.attachment().size()) + " " +
                                           set.attachment().mime_type() + " " + set.attachment().name());
    case v0::Set::kLexical:
      if (set.lexical().type() < 1 || set.lexical().type() > static_cast<uint32_t>(ValueType::attachment))
        return make_error(ErrorCode::newer_version,
                          "cannot read edit: it has a type of answer that this version does not know",
                          "update Lysoen; the edit is kept until then");
      return as(static_cast<ValueType>(set.lexical().type()), set.lexical().text());
  }
  return refused("a value in it is malformed");
}

}  // namespace lysoen::report
