#include "core/vault/slots.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/crypto/cipher.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kMagic = "lysoen-v";
constexpr size_t kSealedSize = kSlotSize - crypto::kNonceSize - 32 - crypto::kTagSize;
constexpr size_t kHeaderUsed = 8 + 4 + 4 + 4 + crypto::kSaltSize + 32;

struct Header {
  uint32_t version = 0;
  crypto::Argon2Cost cost;
  std::array<uint8_t, crypto::kSaltSize> salt{};
  storage::VaultId vault;
};

Bytes write_header(const Header& header) {
  Writer writer;
  writer.raw(as_bytes(kMagic)).u32(header.version).u32(header.cost.memory_kib).u32(header.cost.passes);
  writer.raw(header.salt).id(header.vault);
  Bytes bytes = std::move(writer).bytes();
  bytes.resize(kSlotBlock);
  return bytes;
}

std::optional<Header> read_header(ByteView block) {
  Reader reader(block);
  if (as_text(reader.raw(kMagic.size())) != kMagic) return std::nullopt;
  Header header;
  header.version = reader.u32();
  header.cost.memory_kib = reader.u32();
  header.cost.passes = reader.u32();
  header.salt = reader.array<crypto::kSaltSize>();
  header.vault = reader.id<storage::VaultId>();
  return header;
}

struct SlotKeys {
  crypto::Key32 seal, commit;
};

SlotKeys slot_keys(const crypto::Key32& from_passphrase, size_t slot) {
  Writer info;
  info.raw(as_bytes("lysoen/1 slot")).u8(0).u8(static_cast<uint8_t>(slot));
  std::array<uint8_t, 64> out;
  crypto::hkdf_expand(from_passphrase, info.bytes(), out);
  SlotKeys keys{crypto::Key32(std::span<const uint8_t, 32>(out.data(), 32)),
                crypto::Key32(std::span<const uint8_t, 32>(out.data() + 32, 32))};
  crypto::wipe(out);
  return keys;
}

/// Binds a slot to its place, its file and the cost that was paid for its key.
Bytes slot_context(ByteView file, size_t slot) {
  Writer writer;
  writer.raw(as_bytes("lysoen/1 slot")).u8(0).raw(file.first(kHeaderUsed)).u8(static_cast<uint8_t>(slot));
  return std::move(writer).bytes();
}

void seal_slot(Bytes& file, size_t slot, const crypto::Key32& from_passphrase, ContainerName container,
               const crypto::Key32& container_key, Random& random) {
  auto keys = slot_keys(from_passphrase, slot);
  auto context = slot_context(file, slot);
  std::span<uint8_t> at = std::span(file).subspan(2 * kSlotBlock + slot * kSlotSize, kSlotSize);
  std::array<uint8_t, kSealedSize> plain{};
  plain[0] = static_cast<uint8_t>(container);
  std::copy(container_key.view().begin(), container_key.view().end(), plain.begin() + 1);
  random.fill(at.first(crypto::kNonceSize));
  auto commitment = crypto::hmac_sha256(keys.commit.view(), {context, at.first(crypto::kNonceSize)});
  std::copy(commitment.begin(), commitment.end(), at.begin() + crypto::kNonceSize);
  crypto::aead_seal(keys.seal, at.first<crypto::kNonceSize>(), context, plain,
                    at.subspan(crypto::kNonceSize + 32, kSealedSize), at.last<crypto::kTagSize>());
  crypto::wipe(plain);
}

/// Does the same work whether the slot opens or not.
std::optional<crypto::Key32> open_slot(ByteView file, size_t slot, const crypto::Key32& from_passphrase) {
  auto keys = slot_keys(from_passphrase, slot);
  auto context = slot_context(file, slot);
  ByteView at = file.subspan(2 * kSlotBlock + slot * kSlotSize, kSlotSize);
  auto commitment = crypto::hmac_sha256(keys.commit.view(), {context, at.first(crypto::kNonceSize)});
  bool committed = crypto::equal(commitment, at.subspan(crypto::kNonceSize, 32));
  std::array<uint8_t, kSealedSize> plain;
  bool opened = crypto::aead_open(keys.seal, at.first<crypto::kNonceSize>(), context,
                                  at.subspan(crypto::kNonceSize + 32, kSealedSize), at.last<crypto::kTagSize>(), plain);
  bool fits = committed && opened && plain[0] == slot / kSlotsPerContainer;
  auto key = crypto::Key32(std::span<const uint8_t, 32>(plain.data() + 1, 32));
  crypto::wipe(plain);
  if (!fits) return std::nullopt;
  return key;
}

Error damaged(std::string_view why) {
  return make_error(ErrorCode::damaged, "cannot open vault: the slot file " + std::string(why),
                    "restore the vault's folder from a copy");
}

}  // namespace

SlotFile::SlotFile(std::unique_ptr<storage::File> file, Bytes bytes)
    : file_(std::move(file)), bytes_(std::move(bytes)) {
  if (auto header = read_header(bytes_)) vault_ = header->vault, cost_ = header->cost;
}

Result<void> SlotFile::create(storage::Files& files, const Setup& setup, std::string_view passphrase,
                              const crypto::Key32& container_key, Random& random) {
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot make a vault: the passphrase is empty",
                      "choose a passphrase of several words");
  Header header{kSlotFileVersion, setup.cost, {}, setup.vault};
  random.fill(header.salt);
  LYSOEN_ASSIGN(auto from_passphrase, crypto::derive_key(passphrase, header.salt, setup.cost));
  Bytes bytes(kSlotFileSize);
  random.fill(bytes);
  auto block = write_header(header);
  std::copy(block.begin(), block.end(), bytes.begin());
  std::fill_n(bytes.begin() + kSlotBlock, 8, uint8_t{0});
  seal_slot(bytes, 0, from_passphrase, ContainerName::a, container_key, random);
  return storage::replace_file(files, setup.path, bytes);
}

Result<std::unique_ptr<SlotFile>> SlotFile::open(storage::Files& files, const std::filesystem::path& path) {
  auto file = files.open(path, storage::OpenMode::read_write);
  if (!file && file.error().code == ErrorCode::not_found)
    return make_error(ErrorCode::not_found, "cannot open vault: there is no vault in this folder",
                      "check the folder's name, or make a vault there first");
  if (!file && file.error().code == ErrorCode::storage_read_only)
    return make_error(ErrorCode::storage_read_only, "cannot open vault: its folder cannot be written",
                      "give yourself the right to write there, or move the folder to a disk that can be written");
  if (!file) return std::move(file).error();
  LYSOEN_ASSIGN(uint64_t size, (*file)->size());
  Bytes bytes(kSlotFileSize);
  LYSOEN_ASSIGN(size_t have, (*file)->read_at(0, bytes));
  if (have < kHeaderUsed) return damaged("is cut short");
  auto header = read_header(bytes);
  if (!header) return damaged("is not one of a vault");
  if (header->version > kSlotFileVersion)
    return make_error(ErrorCode::newer_version,
                      "cannot open vault: made by a newer version (slot file " + std::to_string(header->version) +
                          ", this one reads up to " + std::to_string(kSlotFileVersion) + ")",
                      "install the newer version of Lysoen on this device");
  if (size != kSlotFileSize) return damaged("has the wrong size");
  if (!header->cost.allowed()) return damaged("asks for a key cost outside the limits");
  return std::unique_ptr<SlotFile>(new SlotFile(std::move(*file), std::move(bytes)));
}

Result<void> SlotFile::note_attempt(Random& random) {
  std::span<uint8_t> block = std::span(bytes_).subspan(kSlotBlock, kSlotBlock);
  uint64_t count = Reader(block).u64();
  Writer counter;
  counter.u64(count + 1);
  std::copy(counter.bytes().begin(), counter.bytes().end(), block.begin());
  random.fill(block.subspan(8));
  LYSOEN_TRY(file_->write_at(kSlotBlock, block));
  return file_->sync();
}

Result<SlotFile::Opened> SlotFile::attempt(std::string_view passphrase, Random& random) {
  auto header = read_header(bytes_);
  LYSOEN_ASSIGN(auto from_passphrase, crypto::derive_key(passphrase, header->salt, header->cost));
  std::optional<Opened> opened;
  for (size_t slot = 0; slot < kSlotCount; ++slot) {
    auto key = open_slot(bytes_, slot, from_passphrase);
    if (key && !opened) opened = Opened{static_cast<ContainerName>(slot / kSlotsPerContainer), slot, std::move(*key)};
  }
  LYSOEN_TRY(note_attempt(random));
  if (!opened)
    return make_error(ErrorCode::wrong_passphrase, "cannot open vault: wrong passphrase",
                      "check the keyboard's layout and upper case, then try again");
  return std::move(*opened);
}

}  // namespace lysoen::vault
