// The layouts of payloads: docs/formats/feed.md, "Payloads".
#include <algorithm>

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/feed/body.h"

namespace lysoen::feed {

namespace {

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read payload: " + std::string(why));
}

Result<void> expect_type(ByteView payload, PayloadType type) {
  LYSOEN_ASSIGN(auto found, payload_type(payload));
  if (found != type) return refused("it is of another type");
  return {};
}

Writer begin(PayloadType type) {
  Writer out;
  out.u8(static_cast<uint8_t>(type));
  return out;
}

size_t count_ranges(const Acknowledgement& acknowledgement) {
  size_t total = 0;
  for (const auto& item : acknowledgement.feeds) total += item.not_opened.size();
  return total;
}

}  // namespace

Result<PayloadType> payload_type(ByteView payload) {
  if (payload.empty()) return refused("it is empty");
  if (payload[0] < 1 || payload[0] > static_cast<uint8_t>(PayloadType::read_marks))
    return make_error(ErrorCode::newer_version, "cannot read payload: unknown type " + std::to_string(payload[0]));
  return static_cast<PayloadType>(payload[0]);
}

// -- Edit -----------------------------------------------------------------------------------------------------------

Bytes encode_payload(const EditPayload& payload) {
  return std::move(begin(PayloadType::edit).raw(payload.salt).raw(payload.edit)).bytes();
}

Result<EditPayload> decode_edit_payload(ByteView payload) {
  LYSOEN_TRY(expect_type(payload, PayloadType::edit));
  Reader in(payload.subspan(1));
  EditPayload edit;
  edit.salt = in.array<16>();
  edit.edit = to_bytes(in.raw(in.left()));
  if (!in.done() || edit.edit.empty()) return refused("it is too short for an edit");
  return edit;
}

EditId edit_id(const DeviceId& device, const Salt& salt, ByteView edit) {
  Writer fields;
  fields.id(device).raw(salt).raw(edit);
  return crypto::labelled_id<EditId>("lysoen/1 edit", fields.bytes());
}

// -- Acknowledgement ------------------------------------------------------------------------------------------------

Result<Bytes> encode_payload(Acknowledgement acknowledgement) {
  auto& feeds = acknowledgement.feeds;
  if (feeds.empty()) return make_error(ErrorCode::input_refused, "cannot acknowledge: no feed is named");
  if (feeds.size() > kAcknowledgedFeedsMax || count_ranges(acknowledgement) > kAcknowledgedRangesMax ||
      std::any_of(feeds.begin(), feeds.end(), [](const auto& item) { return item.not_opened.size() > kRangesMax; }))
    return make_error(ErrorCode::limit_exceeded, "cannot acknowledge: too many feeds or exceptions for one entry");
  std::sort(feeds.begin(), feeds.end(), [](const auto& a, const auto& b) { return a.feed < b.feed; });
  Writer out = begin(PayloadType::acknowledgement);
  out.u16(static_cast<uint16_t>(feeds.size()));
  for (const auto& item : feeds) {
    out.id(item.feed).u64(item.seq).id(item.head);
    write_ranges(out, item.not_opened);
  }
  return std::move(out).bytes();
}

Result<Acknowledgement> decode_acknowledgement(ByteView payload) {
  LYSOEN_TRY(expect_type(payload, PayloadType::acknowledgement));
  Reader in(payload.subspan(1));
  Acknowledgement acknowledgement;
  size_t count = in.u16();
  if (count == 0 || count > kAcknowledgedFeedsMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) {
    Acknowledged item;
    item.feed = in.id<FeedId>();
    item.seq = in.u64();
    item.head = in.id<Hash>();
    item.not_opened = read_ranges(in, item.seq);
    bool ascending = acknowledgement.feeds.empty() || acknowledgement.feeds.back().feed < item.feed;
    if (item.seq == 0 || item.seq > kSeqMax || !ascending) in.fail();
    acknowledgement.feeds.push_back(std::move(item));
  }
  if (!in.done() || count_ranges(acknowledgement) > kAcknowledgedRangesMax)
    return refused("it is not an acknowledgement");
  return acknowledgement;
}

// -- Read marks -----------------------------------------------------------------------------------------------------

Result<Bytes> encode_payload(ReadMarks marks) {
  auto& reports = marks.reports;
  std::sort(reports.begin(), reports.end());
  reports.erase(std::unique(reports.begin(), reports.end()), reports.end());
  if (reports.empty()) return make_error(ErrorCode::input_refused, "cannot mark as read: no report is named");
  if (reports.size() > kReadMarksMax)
    return make_error(ErrorCode::limit_exceeded, "cannot mark as read: too many reports for one entry");
  Writer out = begin(PayloadType::read_marks);
  out.u16(static_cast<uint16_t>(reports.size()));
  for (const auto& report : reports) out.id(report);
  return std::move(out).bytes();
}

Result<ReadMarks> decode_read_marks(ByteView payload) {
  LYSOEN_TRY(expect_type(payload, PayloadType::read_marks));
  Reader in(payload.subspan(1));
  ReadMarks marks;
  size_t count = in.u16();
  if (count == 0 || count > kReadMarksMax) in.fail();
  for (size_t i = 0; i < count && in.ok(); ++i) {
    auto report = in.id<ReportId>();
    if (!marks.reports.empty() && marks.reports.back() >= report) in.fail();
    marks.reports.push_back(report);
  }
  if (!in.done()) return refused("it is not a list of read marks");
  return marks;
}

}  // namespace lysoen::feed
