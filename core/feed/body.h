// What an entry says: payload <-> body. docs/formats/feed.md, "Bodies" and "Payloads".
//
//   payload = type u8 ‖ rest            one of the layouts below
//   body    = codec u8 ‖ data           0 raw, 1 zstd (one frame with its content size), 2 zstd with a form's
//   dictionary padded  = crypto::pad(body)         what the entry cipher seals
//
// Decoders are strict: exactly the layout (zstd: one frame of any encoder that states its content size), or
// input_refused / limit_exceeded / newer_version.
#pragma once
#include "core/feed/dictionary.h"
#include "core/feed/entry.h"

namespace lysoen::feed {

/// An edit with its form's dictionary if one is given; otherwise with plain zstd; as it is if that is shorter.
/// Errors: limit_exceeded (payload above kPayloadSizeMax), input_refused (empty).
Result<Bytes> encode_body(ByteView payload, Dictionary* dictionary = nullptr);
/// The payload; never more than kPayloadSizeMax whatever the data claims. Errors: input_refused, limit_exceeded,
/// newer_version (unknown codec; a dictionary that is not among `dictionaries`: to be tried again when others are).
Result<Bytes> decode_body(ByteView body, const Dictionaries* dictionaries = nullptr);

// First byte of a payload. Never renumber.
enum class PayloadType : uint8_t { edit = 1, acknowledgement = 2, read_marks = 3 };
/// Errors: input_refused (empty), newer_version (unknown; the entry is kept aside).
Result<PayloadType> payload_type(ByteView payload);

// -- Edit -----------------------------------------------------------------------------------------------------------
using Salt = std::array<uint8_t, 16>;
struct EditPayload {
  Salt salt{};  // random; makes the edit id unguessable
  Bytes edit;   // the exact bytes that are hashed; core/report reads them
  bool operator==(const EditPayload&) const = default;
};
/// type ‖ salt 16 ‖ edit bytes.
Bytes encode_payload(const EditPayload& payload);
Result<EditPayload> decode_edit_payload(ByteView payload);
/// labelled_hash("lysoen/1 edit", device ‖ salt ‖ edit bytes). The id of the creating edit is the report's id.
EditId edit_id(const DeviceId& device, const Salt& salt, ByteView edit);

// -- Acknowledgement ------------------------------------------------------------------------------------------------
/// "Opened and stored up to here, except": what makes L3. Counts only if its author is a coordinator.
struct Acknowledged {
  FeedId feed;
  uint64_t seq = 0;      // of the head
  Hash head;             // entry hash at seq
  SeqRanges not_opened;  // at or below seq: stubs, and entries that did not open; all that still hold, each time
  bool operator==(const Acknowledged&) const = default;
};
struct Acknowledgement {
  std::vector<Acknowledged> feeds;  // ascending by feed, each once
  bool operator==(const Acknowledgement&) const = default;
};
/// type ‖ count u16 ‖ (feed 32 ‖ seq u64 ‖ head 32 ‖ ranges) each. Sorts by feed. Requires each feed once.
/// Errors: limit_exceeded (kAcknowledgedFeedsMax, kAcknowledgedRangesMax: write several), input_refused (none).
Result<Bytes> encode_payload(Acknowledgement acknowledgement);
Result<Acknowledgement> decode_acknowledgement(ByteView payload);

// -- Read marks -----------------------------------------------------------------------------------------------------
/// A person has read these reports.
struct ReadMarks {
  std::vector<ReportId> reports;  // ascending, each once
  bool operator==(const ReadMarks&) const = default;
};
/// type ‖ count u16 ‖ report 32 each. Sorts. Errors: limit_exceeded (kReadMarksMax), input_refused (none).
Result<Bytes> encode_payload(ReadMarks marks);
Result<ReadMarks> decode_read_marks(ByteView payload);

}  // namespace lysoen::feed
