// Bundles: content of any kind, sealed so that it opens; taken twice, the second time adds nothing. The first byte
// chooses: sealed whole, sealed and cut by the second byte, the bytes as the file itself, or records, into pieces with
// their heads and sealed, of which the part that the second byte names is damaged; under the team's key into a device,
// or, four further on, to a relay and into its store.
#include <lysoen/sync/bundle.h>

#include <fstream>

#include "core/crypto/parts.h"
#include "core/team/admission.h"
#include "core/team/text_key.h"
#include "sync/bundle/format.h"
#include "sync/relay/keys.h"
#include "sync/relay/relay.h"
#include "sync/session/device.h"
#include "sync/wire/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/field_device.h"
#include "tests/support/memory_disk.h"
#include "tests/support/temp_folder.h"

using namespace lysoen;
using namespace lysoen::bundle;
using fuzz::require;

namespace {

constexpr CarrierKey kKey{1};

Bytes sealed(ByteView first, const Keys& keys, ByteView content) {
  Bytes file = to_bytes(first);
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

Bytes for_team(ByteView content) {
  Bytes salt(kSaltSize, 2);
  return sealed(salt, derive(kKey, salt), content);
}

/// A relay with one member on its list, and the head of every bundle for it. Only what the member signed and the one
/// attachment prove themselves, so that its store stays small.
struct Station {
  test::SeededRandom random{5};
  test::ManualClock clock;
  test::MemoryDisk disk;
  test::TempFolder folder;
  crypto::SigningKey root = crypto::SigningKey::generate(random);
  TeamId team = team::team_id(root.public_key());
  test::FieldDevice member{team, random};
  std::unique_ptr<relay::Relay> relay;
  std::optional<SealedHead> head;

  Station() {
    relay::RelayOptions options;
    options.folder = folder.path() / "store", options.key_file = folder.path() / "key", options.files = &disk;
    require(relay::make_key_file(options.key_file, {clock, random}).ok(), "a key file");
    auto opened = relay::Relay::open(options, {clock, random});
    require(opened.ok(), "a relay");
    relay = std::move(*opened);
    require(relay->admit_team(team::team_key_text(root.public_key())).ok(), "a team");
    team::AdmissionContents contents;
    contents.admins = {member.id};
    contents.devices.push_back({member.id, team::QuotaClass::member, {}});
    auto list = team::next_admission(nullptr, root.public_key(), contents, root, clock.wall());
    require(list.ok(), "a list");
    member.todo.admission_lists.push_back(team::encode_admission(*list));
    session::DeviceExchange exchange(member, member.store, relay->info(), {clock, random});
    require(exchange.response(relay->handle({*exchange.request({})}).front()).ok(), "an exchange");
    auto made = seal_for(addressee(), random);
    require(made.ok(), "a head");
    head.emplace(std::move(*made));
  }
  Addressee addressee() { return {relay->info().id, relay->info().fallback_key}; }
  Bytes writer() {
    auto message = writer_message(addressee(), head->encapsulation, team, member.id);
    return encode_writer({team, member.id, *member.sign(kWriterLabel, message)});
  }
  Bytes for_relay(ByteView content) { return sealed(head->first, head->keys, content); }
};

Station& station() {
  static Station one;
  return one;
}

Result<relay::ImportReport> import_into(relay::Relay& relay, const std::filesystem::path& file) {
  auto import = relay.begin_import(file);
  if (!import) return std::move(import).error();
  for (;;) {
    auto more = (*import)->read();
    if (!more) return std::move(more).error();
    if (!*more) return (*import)->report();
    auto stored = (*import)->store();
    if (!stored) return std::move(stored).error();
  }
}

void take_at_relay(ByteView bytes) {
  auto& at = station();
  auto file = at.folder.path() / "bundle";
  std::ofstream(file, std::ios::binary) << as_text(bytes);
  auto first = import_into(*at.relay, file);
  if (!first) {
    auto code = first.error().code;
    return require(code == ErrorCode::damaged || code == ErrorCode::newer_version || code == ErrorCode::trust_refused,
                   "a refusal says which kind");
  }
  require(first->team == at.team || first->entries_stored + first->chunks_stored == 0, "nothing is stored for nobody");
  auto again = import_into(*at.relay, file);
  require(again.ok() && again->whole == first->whole, "a bundle is the same twice");
  require(again->entries_stored == 0 || first->entries_waiting > 0, "a bundle that is taken twice adds nothing");
  require(again->chunks_stored == 0, "no piece of an attachment is taken twice");
  require(again->refused == first->refused, "what is refused is refused again");
  require(at.relay->metrics().bytes_stored < 1 << 20, "only what proves itself is stored");
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
  auto record_in = [](Writer& out, RecordType type, ByteView body) {
    out.u8(static_cast<uint8_t>(type)).u32(static_cast<uint32_t>(body.size())).raw(body);
  };
  auto record = [&](RecordType type, ByteView body) { record_in(content, type, body); };
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

  // The same for the relay, by its member.
  auto& to = station();
  for (int i = 0; i < 3; ++i) to.member.write(audience, 60);
  auto signed_batch = to.member.store.read(to.member.feed_for(audience), 1, 4096);
  require(signed_batch.ok() && *signed_batch, "the member holds what it wrote");
  Writer brought;
  record_in(brought, RecordType::writer, to.writer());
  record_in(brought, RecordType::batch, wire::encode(**signed_batch));
  Writer small = brought;
  record_in(brought, RecordType::chunk_run, wire::encode(*run));
  for (uint32_t i = 1; i < 3; ++i) record_in(brought, RecordType::chunk, media().all[name].chunks[i]);
  return {chosen(0, whole(content)),
          chosen(1, chosen(20, whole(text))),
          chosen(2, for_team(whole(text))),
          chosen(3, chosen(0, content.u8(0).bytes())),
          chosen(4, whole(brought)),
          chosen(5, chosen(20, whole(small))),
          chosen(6, to.for_relay(whole(small))),
          chosen(7, chosen(0, brought.u8(0).bytes()))};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  const size_t choice = choices.below(8);
  const bool to_relay = choice >= 4;
  auto seal = [&](ByteView content) { return to_relay ? station().for_relay(content) : for_team(content); };
  auto give = [&](ByteView file) { to_relay ? take_at_relay(file) : take(file); };
  switch (choice % 4) {
    case 0:
      return give(seal(choices.rest()));
    case 1: {
      size_t cut = choices.byte();
      auto file = seal(choices.rest());
      file.erase(file.end() - static_cast<ptrdiff_t>(std::min(cut, file.size())), file.end());
      return give(file);
    }
    case 2:
      return give(choices.rest());
    default: {
      size_t part = choices.byte();
      return give(harmed(seal(in_pieces(choices.rest())), part));
    }
  }
}
