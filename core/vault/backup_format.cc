#include "core/vault/backup_format.h"

#include <algorithm>
#include <bit>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::vault::backup {

namespace {

constexpr std::string_view kMagic = "lysoen-b";
constexpr size_t kCommitted = kHeadSize - 32;  // what the commitment covers
constexpr size_t kHistoryMax = 4 * 1024 * 1024;

struct Keys {
  crypto::Key32 parts;
  std::array<uint8_t, 32> commitment;
};

/// The commitment binds the head, with the cost that was paid, and keeps one file from opening under two passphrases.
Result<Keys> derive(ByteView head, std::string_view passphrase, const crypto::Argon2Cost& cost) {
  auto salt = head.subspan(kCommitted - crypto::kSaltSize).first<crypto::kSaltSize>();
  LYSOEN_ASSIGN(auto stretched, crypto::derive_key(passphrase, salt, cost));
  auto commit = crypto::hkdf_expand_key(stretched, "lysoen/1 backup commitment");
  return Keys{crypto::hkdf_expand_key(stretched, "lysoen/1 backup parts"),
              crypto::hmac_sha256(commit.view(), {head.first(kCommitted)})};
}

Error damaged(std::string_view why) {
  return make_error(ErrorCode::damaged, "cannot read the backup: " + std::string(why),
                    "use another copy of it; nothing was changed here");
}

constexpr auto kInteger = Kind::integer, kId = Kind::id, kBlob = Kind::blob, kText = Kind::text, kReal = Kind::real;

constexpr Column kFeeds[] = {{"id", kInteger},
                             {"feed", kId},
                             {"device", kId},
                             {"audience", kId},
                             {"incarnation", kInteger},
                             {"own", kInteger},
                             {"head_seq", kInteger},
                             {"head_hash", kId},
                             {"opened_seq", kInteger},
                             {"roster_seen", kInteger},
                             {"acknowledged_seq", kInteger},
                             {"carried_seq", kInteger},
                             {"held_seq", kInteger},
                             {"confirmed_seq", kInteger},
                             {"signed_seq", kInteger},
                             {"signed_head", kId, true},
                             {"signature", kBlob, true}};
constexpr Column kEntries[] = {{"place", kInteger},      {"hash", kId},
                               {"kind", kInteger},       {"length", kInteger},
                               {"ciphertext_hash", kId}, {"stub", kInteger},
                               {"warrant", kBlob, true}, {"entry_key", kBlob, true},
                               {"edit", kInteger, true}, {"ciphertext", kBlob, true}};
constexpr Column kBlocks[] = {
    {"place", kInteger}, {"signed_seq", kInteger}, {"signed_head", kId}, {"signature", kBlob}, {"beyond", kBlob}};
constexpr Column kForks[] = {{"place", kInteger}, {"hash", kId}, {"proof", kBlob}, {"batch", kBlob}};
constexpr Column kAcknowledgements[] = {{"feed", kInteger}, {"device", kId}, {"seq", kInteger}};
constexpr Column kNotOpened[] = {{"place", kInteger}, {"device", kId}};
constexpr Column kSetAside[] = {{"place", kInteger}, {"reason", kText}};
constexpr Column kReceipts[] = {{"relay", kId}, {"feed", kInteger}, {"seq", kInteger}, {"receipt", kBlob}};
constexpr Column kReports[] = {
    {"id", kInteger},         {"report", kId},       {"stage", kInteger},       {"form", kText},
    {"author", kBlob},        {"created", kInteger}, {"status", kInteger},      {"retracted", kInteger},
    {"conflicts", kInteger},  {"aside", kInteger},   {"waiting", kInteger},     {"is_read", kInteger},
    {"event_time", kInteger}, {"event_day", kText},  {"latitude", kReal, true}, {"longitude", kReal, true},
    {"title", kText},         {"category", kText},   {"origin", kText},         {"purged", kInteger, true}};
constexpr Column kEdits[] = {{"id", kInteger},           {"edit", kId},     {"place", kInteger}, {"author", kId},
                             {"named_before", kInteger}, {"payload", kBlob}};
constexpr Column kEditsAstray[] = {{"place", kInteger}, {"edit", kInteger}};
constexpr Column kDrafts[] = {{"id", kInteger}, {"content", kBlob}};
constexpr Column kNames[] = {{"name", kId}, {"report", kInteger}};

constexpr Table kTables[] = {{16, "feeds", kFeeds},
                             {17, "entries", kEntries},
                             {18, "blocks", kBlocks},
                             {19, "forks", kForks},
                             {20, "acknowledgements", kAcknowledgements},
                             {21, "not_opened", kNotOpened},
                             {22, "set_aside", kSetAside},
                             {23, "receipts", kReceipts},
                             {24, "reports", kReports},
                             {25, "edits", kEdits},
                             {26, "edits_astray", kEditsAstray},
                             {27, "drafts", kDrafts},
                             {28, "names", kNames}};

}  // namespace

Result<NewHead> make_head(std::string_view passphrase, const crypto::Argon2Cost& cost, Random& random) {
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot make a backup: the passphrase is empty",
                      "choose a passphrase of several words, and keep it apart from the file");
  std::array<uint8_t, crypto::kSaltSize> salt;
  random.fill(salt);
  Writer writer;
  writer.raw(as_bytes(kMagic)).u32(kVersion).u32(cost.memory_kib).u32(cost.passes).raw(salt);
  LYSOEN_ASSIGN(auto keys, derive(writer.bytes(), passphrase, cost));
  writer.raw(keys.commitment);
  return NewHead{Reader(writer.bytes()).array<kHeadSize>(), std::move(keys.parts)};
}

Result<crypto::Key32> open_head(ByteView head, std::string_view passphrase) {
  Reader reader(head);
  if (as_text(reader.raw(kMagic.size())) != kMagic) return damaged("it is not one");
  if (uint32_t version = reader.u32(); version > kVersion)
    return make_error(ErrorCode::newer_version,
                      "cannot read the backup: made by a newer version (backup " + std::to_string(version) +
                          ", this one reads up to " + std::to_string(kVersion) + ")",
                      "install the newer version of Lysoen on this device");
  crypto::Argon2Cost cost{reader.u32(), reader.u32()};
  if (head.size() != kHeadSize) return damaged("it is cut short");
  if (!cost.allowed()) return damaged("it asks for a key cost outside the limits");
  LYSOEN_ASSIGN(auto keys, derive(head.first(kCommitted), passphrase, cost));
  if (crypto::equal(keys.commitment, head.subspan(kCommitted))) return std::move(keys.parts);
  return make_error(ErrorCode::wrong_passphrase, "cannot read the backup: wrong passphrase",
                    "it is the passphrase that was chosen for the backup, not that of the vault");
}

// Team and device as fields of 0 or 32 bytes, then the history as a field.
Bytes Origin::encode() const {
  Writer writer;
  writer.field(team.is_none() ? ByteView() : team.view()).field(device.is_none() ? ByteView() : device.view());
  writer.field(history.encode());
  return std::move(writer).bytes();
}

Result<Origin> Origin::decode(ByteView body) {
  Reader reader(body);
  Origin origin;
  auto take = [&](auto& id) {
    auto bytes = reader.field(32);
    if (bytes.empty()) return;
    auto read = std::remove_reference_t<decltype(id)>::from(bytes);
    if (!read || read->is_none()) return reader.fail();
    id = *read;
  };
  take(origin.team);
  take(origin.device);
  LYSOEN_ASSIGN(origin.history, team::RoleHistory::decode(reader.field(kHistoryMax)));
  if (!reader.done() || origin.team.is_none() != origin.device.is_none())
    return damaged("its origin is not as written");
  return origin;
}

Bytes Blob::encode() const {
  Writer writer;
  writer.u64(static_cast<uint64_t>(report)).id(info.blob).raw(info.key).u64(info.size).id(info.content);
  if (thumbnail_of) writer.id(*thumbnail_of);
  return std::move(writer).bytes();
}

Result<Blob> Blob::decode(ByteView body) {
  Reader reader(body);
  Blob blob;
  blob.report = static_cast<int64_t>(reader.u64());
  blob.info.blob = reader.id<BlobId>();
  blob.info.key = reader.array<32>();
  blob.info.size = reader.u64();
  blob.info.content = reader.id<Hash>();
  if (reader.left() > 0) blob.thumbnail_of = reader.id<BlobId>();
  if (!reader.done() || blob.info.size > kAttachmentSizeMax) return damaged("one of its attachments is not as written");
  return blob;
}

std::span<const Table> tables() {
  return kTables;
}

const Table* table_of(uint8_t type) {
  auto found =
      std::find_if(std::begin(kTables), std::end(kTables), [&](const Table& table) { return table.type == type; });
  return found == std::end(kTables) ? nullptr : found;
}

Bytes encode_row(const Table& table, std::span<const Cell> cells) {
  Writer writer;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    const auto& cell = cells[i];
    if (column.nullable) writer.u8(cell.null ? 0 : 1);
    if (column.nullable && cell.null) continue;
    switch (column.kind) {
      case Kind::integer:
        writer.u64(static_cast<uint64_t>(cell.integer));
        break;
      case Kind::real:
        writer.u64(std::bit_cast<uint64_t>(cell.real));
        break;
      case Kind::id:
        writer.raw(cell.bytes);
        break;
      case Kind::text:
      case Kind::blob:
        writer.field(cell.bytes);
        break;
    }
  }
  return std::move(writer).bytes();
}

Result<std::vector<Cell>> decode_row(const Table& table, ByteView body) {
  Reader reader(body);
  std::vector<Cell> cells;
  for (const auto& column : table.columns) {
    Cell& cell = cells.emplace_back();
    if (column.nullable) {
      uint8_t there = reader.u8();
      if (there > 1) reader.fail();
      cell.null = there == 0;
      if (cell.null) continue;
    }
    switch (column.kind) {
      case Kind::integer:
        cell.integer = static_cast<int64_t>(reader.u64());
        break;
      case Kind::real:
        cell.real = std::bit_cast<double>(reader.u64());
        break;
      case Kind::id:
        cell.bytes = to_bytes(reader.raw(32));
        break;
      case Kind::text:
      case Kind::blob:
        cell.bytes = to_bytes(reader.field(kRecordMax));
        break;
    }
  }
  if (!reader.done()) return damaged("one of its rows is not as written");
  return cells;
}

Result<void> RecordReader::take(Bytes& content, const Visit& visit) {
  size_t at = 0;
  for (;;) {
    auto rest = ByteView(content).subspan(at);
    if (!ended_ && !rest.empty() && rest[0] == kEnd) ended_ = true, rest = rest.subspan(1);
    if (ended_) {
      if (std::any_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; }))
        return damaged("something follows its end");
      content.clear();
      return {};
    }
    if (rest.size() < kRecordHead) break;
    Reader head(rest);
    uint8_t type = head.u8();
    size_t size = head.u32();
    if (size > kRecordMax) return damaged("one of its records is too large");
    if (head.left() < size) break;
    LYSOEN_TRY(visit(type, head.raw(size)));
    at += kRecordHead + size;
  }
  crypto::wipe(std::span(content).first(at));
  content.erase(content.begin(), content.begin() + static_cast<ptrdiff_t>(at));
  return {};
}

}  // namespace lysoen::vault::backup
