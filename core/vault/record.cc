#include "core/vault/record.h"

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen::vault {

namespace {

constexpr uint8_t kRecordVersion = 1;  // 0: its blobs have no thumbnail_of
constexpr size_t kPartsMax = 100000, kTextMax = 1 << 20, kBytesMax = 1 << 20, kNameMax = 1024;

void put_time(Writer& writer, WallTime at) {
  writer.u64(static_cast<uint64_t>(at.time_since_epoch().count()));
}
WallTime get_time(Reader& reader) {
  return WallTime(std::chrono::milliseconds(static_cast<int64_t>(reader.u64())));
}

void put_feed(Writer& writer, const FeedKey& feed) {
  writer.id(feed.device).id(feed.audience).u32(feed.incarnation);
}
FeedKey get_feed(Reader& reader) {
  FeedKey feed;
  feed.device = reader.id<DeviceId>();
  feed.audience = reader.id<AudienceId>();
  feed.incarnation = reader.u32();
  return feed;
}

void put(Writer& writer, const Change& change) {
  writer.field(change.path).u8(change.value ? static_cast<uint8_t>(change.value->type()) : 0);
  if (change.value) writer.field(change.value->text());
}

template <class Part, class Get>
void get_all(Reader& reader, std::vector<Part>& parts, Get get) {
  uint64_t count = reader.varint();
  if (count > kPartsMax) reader.fail();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) parts.push_back(get(reader));
}

Change get_change(Reader& reader) {
  Change change;
  change.path = as_text(reader.field(kNameMax));
  if (uint8_t type = reader.u8(); type != 0) {
    auto text = as_text(reader.field(kTextMax));
    auto value = Value::parse(static_cast<ValueType>(type), text);
    if (!value || value->text() != text) return reader.fail(), change;
    change.value = std::move(*value);
  }
  return change;
}

void put_changes(Writer& writer, const std::vector<Change>& changes) {
  writer.varint(changes.size());
  for (const auto& change : changes) put(writer, change);
}

void put(Writer& writer, const SavedDraft& draft) {
  writer.id(draft.draft).field(draft.form_id).field(draft.form_version).field(draft.language).field(draft.origin);
  put_time(writer, draft.created);
  put_time(writer, draft.changed);
  put_changes(writer, draft.answers);
  writer.field(draft.unsent_edit);
}

SavedDraft get_saved_draft(Reader& reader) {
  SavedDraft draft;
  draft.draft = reader.id<ReportId>();
  for (auto* text : {&draft.form_id, &draft.form_version, &draft.language, &draft.origin})
    *text = as_text(reader.field(kNameMax));
  draft.created = get_time(reader);
  draft.changed = get_time(reader);
  get_all(reader, draft.answers, get_change);
  draft.unsent_edit = to_bytes(reader.field(kBytesMax));
  return draft;
}

void put(Writer& writer, const OwnEntry& entry) {
  put_feed(writer, entry.feed);
  writer.u64(entry.seq).u8(static_cast<uint8_t>(entry.kind)).field(entry.ciphertext).raw(entry.entry_key);
  writer.field(entry.payload);
}

OwnEntry get_own_entry(Reader& reader) {
  OwnEntry entry;
  entry.feed = get_feed(reader);
  entry.seq = reader.u64();
  uint8_t kind = reader.u8();
  if (kind != 1 && kind != 2) reader.fail();
  entry.kind = static_cast<EntryKind>(kind);
  entry.ciphertext = to_bytes(reader.field(kBytesMax));
  entry.entry_key = reader.array<32>();
  entry.payload = to_bytes(reader.field(kBytesMax));
  return entry;
}

}  // namespace

Bytes SavedDraft::encode() const {
  Writer writer;
  put(writer, *this);
  return std::move(writer).bytes();
}

Result<SavedDraft> SavedDraft::decode(ByteView bytes) {
  Reader reader(bytes);
  auto draft = get_saved_draft(reader);
  if (!reader.done()) return make_error(ErrorCode::damaged, "cannot read a draft: its bytes are not as written");
  return draft;
}

Bytes SaveRecord::encode() const {
  Writer writer;
  writer.u8(kRecordVersion).u64(roster_version);
  writer.varint(drafts.size());
  for (const auto& draft : drafts) put(writer, draft);
  writer.varint(ended.size());
  for (const auto& end : ended) writer.id(end.draft).id(end.report);
  writer.varint(entries.size());
  for (const auto& entry : entries) put(writer, entry);
  writer.varint(heads.size());
  for (const auto& head : heads) {
    put_feed(writer, head.feed);
    writer.u64(head.seq).id(head.hash).raw(head.signature);
  }
  writer.varint(read.size());
  for (const auto& report : read) writer.id(report);
  writer.varint(blobs.size());
  for (const auto& blob : blobs)
    writer.id(blob.report)
        .raw(blob.file)
        .id(blob.info.blob)
        .raw(blob.info.key)
        .u64(blob.info.size)
        .id(blob.info.content)
        .id(blob.thumbnail_of.value_or(BlobId{}));
  return std::move(writer).bytes();
}

Result<SaveRecord> SaveRecord::decode(ByteView bytes) {
  Reader reader(bytes);
  const uint8_t version = reader.u8();
  if (version > kRecordVersion)
    return make_error(ErrorCode::newer_version, "cannot repair the vault: a save was made by a newer version",
                      "open the vault with the newer version of Lysoen");
  SaveRecord record;
  record.roster_version = reader.u64();
  get_all(reader, record.drafts, get_saved_draft);
  get_all(reader, record.ended, [](Reader& from) {
    EndedDraft end;
    end.draft = from.id<ReportId>();
    end.report = from.id<ReportId>();
    return end;
  });
  get_all(reader, record.entries, get_own_entry);
  get_all(reader, record.heads, [](Reader& from) {
    OwnHead head;
    head.feed = get_feed(from);
    head.seq = from.u64();
    head.hash = from.id<Hash>();
    head.signature = from.array<64>();
    return head;
  });
  get_all(reader, record.read, [](Reader& from) { return from.id<ReportId>(); });
  get_all(reader, record.blobs, [version](Reader& from) {
    SavedBlob blob;
    blob.report = from.id<ReportId>();
    blob.file = from.array<16>();
    blob.info.blob = from.id<BlobId>();
    blob.info.key = from.array<32>();
    blob.info.size = from.u64();
    blob.info.content = from.id<Hash>();
    if (version == 0) return blob;
    if (auto picture = from.id<BlobId>(); !picture.is_none()) blob.thumbnail_of = picture;
    return blob;
  });
  if (!reader.done())
    return make_error(ErrorCode::damaged, "cannot repair the vault: a saved record is not as written");
  return record;
}

}  // namespace lysoen::vault
