// Bundles: content of any kind, sealed under the team's key so that it opens; taken twice, the second time adds
// nothing. The first byte chooses: sealed whole, sealed and cut by the second byte, or the bytes as the file itself.
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

void take(ByteView bytes) {
  static test::TempFolder folder;
  auto file = folder.path() / "bundle";
  std::ofstream(file, std::ios::binary) << as_text(bytes);
  test::SeededRandom random(1);
  test::FieldDevice device({}, random);
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
  content.u8(kVersion);
  Bytes roster = Writer().u64(2).id(Hash{{4}}).raw(Bytes(50, 5)).bytes();
  content.u8(static_cast<uint8_t>(RecordType::roster)).u32(static_cast<uint32_t>(roster.size())).raw(roster);
  auto encoded = wire::encode(**batch);
  content.u8(static_cast<uint8_t>(RecordType::batch)).u32(static_cast<uint32_t>(encoded.size())).raw(encoded);
  content.u8(9).u32(3).raw(Bytes(3, 6));  // of a later version
  content.u8(0).raw(Bytes(40));
  return {chosen(0, content.bytes()), chosen(1, chosen(20, content.bytes())), chosen(2, sealed(content.bytes()))};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  switch (choices.below(3)) {
    case 0:
      return take(sealed(choices.rest()));
    case 1: {
      size_t cut = choices.byte();
      auto file = sealed(choices.rest());
      file.erase(file.end() - static_cast<ptrdiff_t>(std::min(cut, file.size())), file.end());
      return take(file);
    }
    default:
      return take(choices.rest());
  }
}
