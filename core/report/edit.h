// One signed change to a report, and its bytes (docs/formats/edit.md).
//
// An edit names, for each field that it writes, the edits whose values it replaces there; nothing else is replaced. Its
// bytes are one canonical protobuf message (proto/lysoen/report/edit.proto): there is exactly one encoding of an edit,
// and those bytes are what is hashed. Edit id = labelled_hash("lysoen/1 edit", device 32 ‖ salt 16 ‖ bytes); the
// report's id is that of its creating edit.
#pragma once
#include <lysoen/media.h>
#include <lysoen/report.h>

#include "core/base/bytes.h"

namespace lysoen::report {

// Limits. Text from outside is cut off here, before it costs memory.
constexpr size_t kEditSizeMax = 256 * 1024;  // an edit's bytes
constexpr size_t kTextSizeMax = 64 * 1024;   // one answer
constexpr size_t kReasonSizeMax = 4 * 1024;
constexpr size_t kWritesMax = 4096;  // fields in one edit
constexpr size_t kItemsMax = 1024;   // items added, moved or removed in one edit
constexpr size_t kSeenMax = 4096;    // different edits named by one edit
constexpr size_t kCoAuthorsMax = 16;
constexpr size_t kOriginSizeMax = 256;

/// The thumbnail of a picture: a small blob of its own, opened as the picture's is.
struct ThumbnailSecret {
  BlobId blob;
  uint64_t size = 0;  // of the thumbnail, at most kThumbnailSizeMax (media.h)
  std::array<uint8_t, 32> key{};
  Hash content;
  bool operator==(const ThumbnailSecret&) const = default;
};
/// What opens an attachment's blob, and what must come out (core/media/attachment.h). Not a part of the value: a value
/// may be shown and exported.
struct BlobSecret {
  std::array<uint8_t, 32> key{};
  Hash content;
  std::optional<ThumbnailSecret> thumbnail = {};
  bool operator==(const BlobSecret&) const = default;
};

/// A new value of one field. Sets of choices are written whole; the fold merges them code by code.
struct Write {
  std::string path;                       // never an item itself
  std::optional<Value> value;             // none: cleared
  std::vector<EditId> supersedes;         // for this field only; sorted, each once
  std::optional<BlobSecret> secret = {};  // of an attachment
  bool operator==(const Write&) const = default;
};

/// An item of a repeat: added or moved (present), or removed. A removal names every edit whose writes inside the item
/// its author saw; what it does not name is concurrent with it and makes a conflict.
struct ItemWrite {
  std::string path;  // "victims[i-1]"
  bool present = true;
  std::string order;  // of a present item; empty: default_order
  std::vector<EditId> supersedes;
  bool operator==(const ItemWrite&) const = default;
};

struct StatusWrite {
  Status status = Status::submitted;  // never draft
  std::string reason;
  std::vector<EditId> supersedes;
  bool operator==(const StatusWrite&) const = default;
};

struct RetractionWrite {
  bool retracted = true;  // false takes a retraction back
  std::string reason;
  std::vector<EditId> supersedes;
  bool operator==(const RetractionWrite&) const = default;
};

struct Edit {
  struct Creation {
    std::string form_id, form_version;
    std::string origin;  // of imported rows: "<file hash>:<row>"
    bool operator==(const Creation&) const = default;
  };
  std::optional<Creation> creation;  // of creating edits; they supersede nothing
  ReportId report;                   // of all others; none in a creating edit

  WallTime claimed;               // what the author's clock said; testimony only
  uint64_t monotonic_ms = 0;      // the author's monotonic clock
  uint64_t roster_version = 0;    // that the author knew
  bool first_submission = false;  // belongs to the report as first submitted though not in the creating edit
                                  // (answers that name a source travel in an entry of their own); supersedes nothing

  std::vector<ItemWrite> items;  // by path, each once
  std::vector<Write> writes;     // by path, each once
  std::optional<StatusWrite> status;
  std::optional<RetractionWrite> retraction;
  std::vector<DeviceId> co_authors;  // sorted, each once

  bool changes_nothing() const {
    return items.empty() && writes.empty() && !status && !retraction && co_authors.empty();
  }
  bool operator==(const Edit&) const = default;
};

/// The edit's bytes. Sorts what has to be sorted. Errors: input_refused (an edit that breaks a rule above, naming the
/// rule), limit_exceeded.
Result<Bytes> encode_edit(Edit edit);

/// Reads what encode_edit wrote, and nothing else: the bytes pass a strict validator first, and must be the one
/// encoding of what they say. Errors: input_refused (not such bytes), limit_exceeded, newer_version (fields or values
/// that this version does not know; such an edit is kept aside).
Result<Edit> decode_edit(ByteView bytes);

/// The same of bytes that decode_edit or encode_edit answered for before, and that were authenticated since: without
/// proving again that they are the one encoding, which is two thirds of the work. Errors: input_refused.
Result<Edit> decode_kept_edit(ByteView bytes);

}  // namespace lysoen::report
