#include "core/vault/record.h"

#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;
using vault::SaveRecord;

namespace {

SaveRecord full_record() {
  SeededRandom random(seed());
  SaveRecord record;
  record.roster_version = 7;
  vault::SavedDraft draft;
  random.fill(draft.draft.bytes);
  draft.form_id = "police-incident";
  draft.form_version = "1";
  draft.language = "en";
  draft.origin = "abc:1";
  draft.created = draft.changed = WallTime(std::chrono::milliseconds(1767225600000));
  draft.answers = {{"title", text("A fire")}, {"killed", value(ValueType::integer, "2")}, {"place", std::nullopt}};
  draft.unsent_edit = Bytes(40, 3);
  record.drafts.push_back(draft);
  record.ended.push_back({draft.draft, {}});
  vault::OwnEntry entry;
  random.fill(entry.feed.device.bytes);
  random.fill(entry.feed.audience.bytes);
  entry.feed.incarnation = 2;
  entry.seq = 300;
  entry.ciphertext = Bytes(200, 9);
  entry.payload = Bytes(90, 1);
  random.fill(entry.entry_key);
  record.entries.push_back(entry);
  vault::OwnHead head;
  head.feed = entry.feed;
  head.seq = 300;
  random.fill(head.hash.bytes);
  random.fill(head.signature);
  record.heads.push_back(head);
  record.read.push_back(draft.draft);
  vault::SavedBlob blob;
  blob.report = draft.draft;
  random.fill(blob.file);
  random.fill(blob.info.blob.bytes);
  random.fill(blob.info.key);
  random.fill(blob.info.content.bytes);
  blob.info.size = 70'000;
  record.blobs.push_back(blob);
  blob.thumbnail_of = blob.info.blob;
  random.fill(blob.info.blob.bytes);
  record.blobs.push_back(blob);
  return record;
}

}  // namespace

TEST_CASE("Save record: what was written is read back to the last byte", "[vault]") {
  auto bytes = full_record().encode();
  auto record = must(SaveRecord::decode(bytes));
  CHECK(record.encode() == bytes);
  CHECK(record.drafts.front().answers.size() == 3);
  CHECK_FALSE(record.drafts.front().answers[2].value);
  CHECK_FALSE(record.blobs[0].thumbnail_of);
  CHECK(record.blobs[1].thumbnail_of == record.blobs[0].info.blob);
  CHECK(must(SaveRecord::decode(SaveRecord{}.encode())).entries.empty());
}

TEST_CASE("Save record: one of version 0, whose blobs are no thumbnails, is read", "[vault]") {
  auto record = full_record();
  record.blobs.pop_back();
  auto bytes = record.encode();
  bytes[0] = 0;
  bytes.erase(bytes.end() - 32, bytes.end());
  record = must(SaveRecord::decode(bytes));
  REQUIRE(record.blobs.size() == 1);
  CHECK(record.blobs[0].info.size == 70'000);
  CHECK_FALSE(record.blobs[0].thumbnail_of);
}

TEST_CASE("Save record: cut at each byte or with any bit flipped it is refused or reads as what it says", "[vault]") {
  auto bytes = full_record().encode();
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(SaveRecord::decode(ByteView(bytes).first(size)).ok());
  auto longer = bytes;
  longer.push_back(0);
  CHECK_FALSE(SaveRecord::decode(longer).ok());
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      auto altered = bytes;
      altered[at] = static_cast<uint8_t>(altered[at] ^ (1 << bit));
      auto record = SaveRecord::decode(altered);
      if (record.ok() && record->encode() != altered)
        FAIL("byte " << at << " bit " << bit << " reads as something else");
    }
  bytes[0] = 2;
  auto newer = SaveRecord::decode(bytes);
  REQUIRE_FALSE(newer.ok());
  CHECK(newer.error().code == ErrorCode::newer_version);
}
