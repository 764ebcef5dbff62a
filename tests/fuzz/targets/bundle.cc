// Bundles: content of any kind, sealed under the team's key so that it opens; taken twice, the second time adds
// nothing. The first byte chooses: sealed whole, sealed and cut by the second byte, the bytes as the file itself, or
// records, into pieces with their heads and sealed, of which the part that the second byte names is damaged.
#include <lysoen/sync/bundle.h>

#include <fstream>

#include "core/crypto/parts.h"
#include "sync/bundle/format.h"
#include "sync/wire/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/field_device.h"
#include "tests/support/temp_folder.h"

using namespace lysoen;
using namespace lysoen::bundle;
using fuzz::require;

namespace {

constexpr CarrierKey kKey{1};

Bytes sealed(ByteView content) {
  Bytes salt(kSaltSize, 2);
  auto keys = derive(kKey, salt);
  Bytes file = salt;
  file.insert(file.end(), keys.commitment.begin(), keys.commitment.end());
  uint64_t index = 0;
  for (bool last = false; !last; ++index) {
    auto part = content.first(std::min(content.size(), crypto::kPartSize));
    content = content.subspan(part.size());
    last = content.empty();
    Bytes ciphertext(part.size());
    std::array<uint8_t, crypto::kTagSize> tag;
    crypto::aead_seal(keys.parts, crypto::part_nonce(index, last), {}, part, ciphertext, tag);
    file.insert(file.end(), ciphertext.begin(), ciphertext.end());
    file.insert(file.end(), tag.begin(), tag.end());
  }
  return file;
}

/// A device with one attachment of three pieces, the last of them short.
test::FieldBlobs& media() {
  static test::FieldBlobs blobs;
  if (blobs.sent.empty()) {
    test::SeededRandom random(3);
    blobs.make(random, 2 * kChunkSize + 100);
  }
  return blobs;
}

void take(ByteView bytes) {
  static test::TempFolder folder;
  auto file = folder.path() / "bundle";
  std::ofstream(file, std::ios::binary) << as_text(bytes);
  test::SeededRandom random(1);
  test::FieldDevice device({}, random);
  device.media.want(media().sent.front());
  auto first = import_bundle(file, device, device.store, {&kKey, 1});
  if (!first) {
    auto code = first.error().code;
    return require(code == ErrorCode::damaged || code == ErrorCode::newer_version, "a refusal says which kind");
  }
  require(first->reasons.size() <= 20, "refusals are listed up to their limit");
  auto held = device.store.feeds;
  auto again = import_bundle(file, device, device.store, {&kKey, 1});
  require(again.ok() && again->damage.has_value() == first->damage.has_value(), "a bundle is the same twice");
  if (first->entries_waiting == 0) require(device.store.feeds == held, "a bundle that is taken twice adds nothing");
  require(again->chunks_stored == 0 && device.media.came_twice == 0, "no piece of an attachment is taken twice");
  const auto& name = media().sent.front();
  for (uint32_t i = 0; i < name.chunks(); ++i) {
    bool here = blob::covers(device.media.all[name].held, {i, i + 1});
    require(!here || device.media.all[name].chunks[i] == media().all[name].chunks[i], "what is stored was proven");
  }
}

Bytes in_pieces(ByteView records) {
  Writer content;
  for (bool first = true; first || !records.empty(); first = false) {
    auto now = records.first(std::min(records.size(), kPieceRoom));
    content.u8(kVersion).u16(first ? kPieceHead : 0).raw(now);
    records = records.subspan(now.size());
  }
  return content.bytes();
}

Bytes harmed(Bytes file, size_t part) {
  size_t at = kHeadSize + part * crypto::kSealedPartSize;
  if (at < file.size()) file[at] ^= 1;
  return file;
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  test::SeededRandom random(2);
  test::FieldDevice author({}, random);
  AudienceId audience{{3}};
  for (int i = 0; i < 3; ++i) author.write(audience, 60);
  auto batch = author.store.read(author.feed_for(audience), 1, 4096);
  require(batch.ok() && *batch, "the author holds what it wrote");
  Writer content;
  auto record = [&](RecordType type, ByteView body) {
    content.u8(static_cast<uint8_t>(type)).u32(static_cast<uint32_t>(body.size())).raw(body);
  };
  record(RecordType::roster, Writer().u64(2).id(Hash{{4}}).raw(Bytes(50, 5)).bytes());
  record(RecordType::batch, wire::encode(**batch));
  record(static_cast<RecordType>(9), Bytes(3, 6));  // of a later version
  Writer text = content;
  const auto& name = media().sent.front();
  auto run = media().read_run(name, 1, 2);
  require(run.ok(), "a run of the attachment");
  record(RecordType::chunk_run, wire::encode(*run));
  for (uint32_t i = 1; i < 3; ++i) record(RecordType::chunk, media().all[name].chunks[i]);
  auto whole = [](Writer records) { return in_pieces(records.u8(0).raw(Bytes(40)).bytes()); };
  return {chosen(0, whole(content)), chosen(1, chosen(20, whole(text))), chosen(2, sealed(whole(text))),
          chosen(3, chosen(0, content.u8(0).bytes()))};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  switch (choices.below(4)) {
    case 0:
      return take(sealed(choices.rest()));
    case 1: {
      size_t cut = choices.byte();
      auto file = sealed(choices.rest());
      file.erase(file.end() - static_cast<ptrdiff_t>(std::min(cut, file.size())), file.end());
      return take(file);
    }
    case 2:
      return take(choices.rest());
    default: {
      size_t part = choices.byte();
      return take(harmed(sealed(in_pieces(choices.rest())), part));
    }
  }
}
