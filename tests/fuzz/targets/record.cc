// Save records and drafts of a vault: what decodes is exactly what encode() writes.
#include "core/vault/record.h"

#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using namespace lysoen::vault;

namespace {

template <class Kind>
void there_and_back(ByteView bytes) {
  auto read = Kind::decode(bytes);
  if (!read) return;
  auto written = read->encode();
  fuzz::require(std::equal(written.begin(), written.end(), bytes.begin(), bytes.end()),
                "what decodes is exactly what its encoder writes");
}

/// One of an older version is written as one of the newest, which then stays as it is.
void save_record(ByteView bytes) {
  const auto newest = SaveRecord{}.encode().front();
  if (bytes.empty() || bytes.front() == newest) return there_and_back<SaveRecord>(bytes);
  auto read = SaveRecord::decode(bytes);
  if (!read) return;
  const auto written = read->encode();
  fuzz::require(written.front() == newest && SaveRecord::decode(written).ok(), "an older record is one of today's");
  there_and_back<SaveRecord>(written);
}

SavedDraft draft() {
  SavedDraft draft;
  draft.draft.bytes.fill(1);
  draft.form_id = "police-incident", draft.form_version = "1", draft.language = "en", draft.origin = "abc:1";
  draft.created = draft.changed = WallTime(std::chrono::milliseconds(1767225600000));
  draft.answers = {
      {"title", Value::text_of("A fire")}, {"killed", *Value::parse(ValueType::integer, "2")}, {"place", {}}};
  draft.unsent_edit = Bytes(40, 3);
  return draft;
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  SaveRecord record;
  record.roster_version = 7;
  record.drafts = {draft()};
  record.ended = {{draft().draft, {}}};
  OwnEntry entry;
  entry.feed.device.bytes.fill(2), entry.feed.audience.bytes.fill(3), entry.feed.incarnation = 1;
  entry.seq = 300, entry.ciphertext = Bytes(200, 4), entry.payload = Bytes(90, 5), entry.entry_key.fill(6);
  record.entries = {entry};
  OwnHead head{entry.feed, 300, {}, Signature{8}};
  head.hash.bytes.fill(7);
  record.heads = {head};
  record.read = {draft().draft};
  SavedBlob picture, thumbnail;
  picture.info.size = 70'000;
  picture.info.blob.bytes.fill(9);
  thumbnail.thumbnail_of = picture.info.blob;
  record.blobs = {picture, thumbnail};
  return {chosen(0, record.encode()), chosen(0, SaveRecord{}.encode()), chosen(1, draft().encode())};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  if (choices.below(2) == 0)
    save_record(choices.rest());
  else
    there_and_back<SavedDraft>(choices.rest());
}
