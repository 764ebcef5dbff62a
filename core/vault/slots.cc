#include "core/vault/slots.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/crypto/cipher.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kMagic = "lysoen-v";
constexpr size_t kHashSize = 32;
constexpr size_t kHeaderSize = 8 + 4 + 4 + 4 + crypto::kSaltSize + 32, kHeaderCopy = kSlotBlock / 2;
constexpr size_t kCountsSize = 32, kSumAt = 224, kSlotsAt = kSumAt + kHashSize;  // in the block
constexpr size_t kSealedSize = kSlotSize - crypto::kNonceSize - kHashSize - crypto::kTagSize;
static_assert(kSlotsAt + kSlotCount * kSlotSize == kSlotBlock);

// -- Header -----------------------------------------------------------------------------------------------------------
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
  return std::move(writer).bytes();
}

Header read_header(ByteView bytes) {
  Reader reader(bytes.subspan(kMagic.size()));
  Header header;
  header.version = reader.u32();
  header.cost.memory_kib = reader.u32();
  header.cost.passes = reader.u32();
  header.salt = reader.array<crypto::kSaltSize>();
  header.vault = reader.id<storage::VaultId>();
  return header;
}

bool has_magic(ByteView at) {
  return as_text(at.first(kMagic.size())) == kMagic;
}

bool header_holds(ByteView at) {
  return has_magic(at) &&
         crypto::equal(crypto::sha256(at.first(kHeaderSize)).view(), at.subspan(kHeaderSize, kHashSize));
}

// -- Block ------------------------------------------------------------------------------------------------------------
Hash checksum(ByteView block) {
  crypto::Sha256 sum;
  sum.update(block.first(kSumAt));
  sum.update(block.subspan(kSlotsAt));
  return sum.finish();
}

bool block_holds(ByteView block) {
  return crypto::equal(checksum(block).view(), block.subspan(kSumAt, kHashSize));
}

SlotCounts read_counts(ByteView block) {
  Reader reader(block.first(kCountsSize));
  SlotCounts counts;
  counts.turn = reader.u64();
  counts.failures = reader.u32();
  counts.last = WallTime(std::chrono::milliseconds(static_cast<int64_t>(reader.u64())));
  counts.wipe_after = reader.u32();
  counts.wiping = reader.u8() & kBothContainers;
  counts.kept = reader.u8() & kBothContainers;
  return counts;
}

/// Counts, a fresh pad and the checksum over a block whose slots are in place.
void finish_block(std::span<uint8_t> block, const SlotCounts& counts, Random& random) {
  Writer writer;
  writer.u64(counts.turn).u32(counts.failures).u64(static_cast<uint64_t>(counts.last.time_since_epoch().count()));
  writer.u32(counts.wipe_after).u8(counts.wiping).u8(counts.kept);
  std::fill_n(block.begin(), kCountsSize, uint8_t{0});
  std::copy(writer.bytes().begin(), writer.bytes().end(), block.begin());
  random.fill(block.subspan(kCountsSize, kSumAt - kCountsSize));
  auto sum = checksum(block);
  std::copy(sum.bytes.begin(), sum.bytes.end(), block.begin() + kSumAt);
}

// -- Slot -------------------------------------------------------------------------------------------------------------
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
Bytes slot_context(ByteView header, size_t slot) {
  Writer writer;
  writer.raw(as_bytes("lysoen/1 slot")).u8(0).raw(header).u8(static_cast<uint8_t>(slot));
  return std::move(writer).bytes();
}

template <class Byte>
std::span<Byte, kSlotSize> slot_in(std::span<Byte> block, size_t slot) {
  return block.subspan(kSlotsAt + slot * kSlotSize).template first<kSlotSize>();
}

void seal_slot(std::span<uint8_t> block, ByteView header, size_t slot, const crypto::Key32& from_passphrase,
               const SlotContent& content, Random& random) {
  auto keys = slot_keys(from_passphrase, slot);
  auto context = slot_context(header, slot);
  auto at = slot_in(block, slot);
  std::array<uint8_t, kSealedSize> plain{};
  plain[0] = static_cast<uint8_t>(content.container);
  plain[1] = static_cast<uint8_t>(content.purpose);
  plain[2] = content.guarded;
  std::copy(content.secret.view().begin(), content.secret.view().end(), plain.begin() + 3);
  random.fill(at.first<crypto::kNonceSize>());
  auto commitment = crypto::hmac_sha256(keys.commit.view(), {context, at.first<crypto::kNonceSize>()});
  std::copy(commitment.begin(), commitment.end(), at.begin() + crypto::kNonceSize);
  crypto::aead_seal(keys.seal, at.first<crypto::kNonceSize>(), context, plain,
                    at.subspan<crypto::kNonceSize + kHashSize, kSealedSize>(), at.last<crypto::kTagSize>());
  crypto::wipe(plain);
}

/// Does the same work whether the slot opens or not.
std::optional<SlotContent> open_slot(ByteView block, ByteView header, size_t slot,
                                     const crypto::Key32& from_passphrase) {
  auto keys = slot_keys(from_passphrase, slot);
  auto context = slot_context(header, slot);
  auto at = slot_in(block, slot);
  auto commitment = crypto::hmac_sha256(keys.commit.view(), {context, at.first<crypto::kNonceSize>()});
  bool committed = crypto::equal(commitment, at.subspan<crypto::kNonceSize, kHashSize>());
  std::array<uint8_t, kSealedSize> plain;
  bool opened =
      crypto::aead_open(keys.seal, at.first<crypto::kNonceSize>(), context,
                        at.subspan<crypto::kNonceSize + kHashSize, kSealedSize>(), at.last<crypto::kTagSize>(), plain);
  SlotContent content{container_of(slot), static_cast<Purpose>(plain[1]), plain[2] != 0,
                      crypto::Key32(std::span<const uint8_t, 32>(plain.data() + 3, 32))};
  bool fits = committed && opened && plain[0] == static_cast<uint8_t>(content.container) &&
              plain[1] <= static_cast<uint8_t>(Purpose::duress) && plain[2] <= 1;
  crypto::wipe(plain);
  if (!fits) return std::nullopt;
  return content;
}

// -- Wiping -----------------------------------------------------------------------------------------------------------
void overwrite(std::span<uint8_t> block, ContainerSet containers, Random& random) {
  for (size_t slot = 0; slot < kSlotCount; ++slot) {
    if (!(containers & only(container_of(slot)))) continue;
    if (LYSOEN_FAULT(skip_one_slot_overwrite) && slot == first_slot_of(container_of(slot))) continue;
    random.fill(slot_in(block, slot));
  }
}

/// What an attempt that came to this end dooms.
ContainerSet doomed_by(const std::optional<SlotFile::Opened>& opened, const SlotCounts& counts) {
  ContainerSet doomed = 0;
  if (opened && opened->content.purpose == Purpose::duress) doomed = only(other(opened->content.container));
  if (!opened && counts.wipe_after > 0 && counts.failures >= counts.wipe_after) doomed = kBothContainers;
  return doomed & static_cast<ContainerSet>(~counts.kept);
}

// -- Words ------------------------------------------------------------------------------------------------------------
Error damaged(std::string_view why) {
  return make_error(ErrorCode::damaged, "cannot open vault: the slot file " + std::string(why),
                    "restore the vault's folder from a copy");
}

std::string in_words(std::chrono::milliseconds wait) {
  auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return seconds < 120 ? std::to_string(seconds) + " s" : std::to_string((seconds + 59) / 60) + " minutes";
}

Error too_soon(uint32_t failures, std::chrono::milliseconds wait) {
  return make_error(ErrorCode::too_soon,
                    "cannot open vault: " + std::to_string(failures) +
                        " wrong passphrases in a row, the next one is not looked at yet",
                    "try again in " + in_words(wait));
}

}  // namespace

std::chrono::milliseconds delay_after(uint32_t failures) {
  if (failures <= kFreeFailures) return {};
  auto doublings = std::min(failures - kFreeFailures - 1, 20u);
  return std::min<std::chrono::milliseconds>(std::chrono::seconds(1u << doublings), kDelayMax);
}

Result<void> SlotFile::create(storage::Files& files, const Setup& setup, std::string_view passphrase,
                              const SlotContent& first, Random& random) {
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot make a vault: the passphrase is empty",
                      "choose a passphrase of several words");
  Header header{kSlotFileVersion, setup.cost, {}, setup.vault};
  random.fill(header.salt);
  LYSOEN_ASSIGN(auto from_passphrase, crypto::derive_key(passphrase, header.salt, setup.cost));
  auto head = write_header(header);
  auto sum = crypto::sha256(head);
  Bytes bytes(kSlotFileSize);
  for (size_t copy : {size_t{0}, kHeaderCopy}) {
    std::copy(head.begin(), head.end(), bytes.begin() + copy);
    std::copy(sum.bytes.begin(), sum.bytes.end(), bytes.begin() + copy + kHeaderSize);
  }
  auto block = std::span(bytes).subspan(kSlotBlock, kSlotBlock);
  random.fill(block);
  seal_slot(block, head, static_cast<size_t>(first.container) * kSlotsPerContainer, from_passphrase, first, random);
  finish_block(block, {}, random);
  std::copy(block.begin(), block.end(), bytes.begin() + 2 * kSlotBlock);
  return storage::replace_file(files, setup.path, bytes);
}

Result<std::unique_ptr<SlotFile>> SlotFile::open(storage::Files& files, const std::filesystem::path& path,
                                                 storage::OpenMode mode) {
  auto file = files.open(path, mode);
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
  if (have < kHeaderSize + kHashSize) return damaged("is cut short");
  ByteView head = bytes;
  if (!header_holds(head)) head = head.subspan(kHeaderCopy);
  if (!header_holds(head))
    return damaged(has_magic(head) || has_magic(bytes) ? "has a header that is not what was written"
                                                       : "is not one of a vault");
  head = head.first(kHeaderSize);
  auto header = read_header(head);
  if (header.version > kSlotFileVersion)
    return make_error(ErrorCode::newer_version,
                      "cannot open vault: made by a newer version (slot file " + std::to_string(header.version) +
                          ", this one reads up to " + std::to_string(kSlotFileVersion) + ")",
                      "install the newer version of Lysoen on this device");
  if (size != kSlotFileSize || have != kSlotFileSize) return damaged("has the wrong size");
  if (!header.cost.allowed()) return damaged("asks for a key cost outside the limits");

  auto slots = std::unique_ptr<SlotFile>(new SlotFile);
  slots->file_ = std::move(*file);
  slots->header_ = to_bytes(head);
  slots->salt_ = header.salt;
  slots->vault_ = header.vault;
  slots->cost_ = header.cost;
  ByteView copies[] = {ByteView(bytes).subspan(kSlotBlock, kSlotBlock), ByteView(bytes).last(kSlotBlock)};
  bool good[] = {block_holds(copies[0]), block_holds(copies[1])};
  bool second = good[1] && (!good[0] || read_counts(copies[1]).turn > read_counts(copies[0]).turn);
  slots->counting_ = second ? 1 : 0;
  slots->block_ = to_bytes(copies[slots->counting_]);
  if (good[slots->counting_])
    slots->counts_ = read_counts(slots->block_);
  else
    slots->doubtful_ = to_bytes(copies[1]);
  return slots;
}

// Order: the copy that does not count first. Whenever the power goes, one of them is whole.
Result<void> SlotFile::write_copies(ByteView first, ByteView second) {
  if (broken_)
    return make_error(ErrorCode::io_failed, "cannot write the slot file: an earlier write of it failed",
                      "close the vault and open it again");
  broken_ = true;
  LYSOEN_TRY(file_->write_at(kSlotBlock * (2 - counting_), first));
  LYSOEN_TRY(file_->sync());
  LYSOEN_TRY(file_->write_at(kSlotBlock * (1 + counting_), second));
  LYSOEN_TRY(file_->sync());
  broken_ = false;
  return {};
}

Result<void> SlotFile::write(SlotCounts counts, Random& random) {
  counts.turn = counts_.turn + 1;
  finish_block(block_, counts, random);
  LYSOEN_TRY(write_copies(block_, block_));
  counts_ = counts;
  doubtful_.reset();
  return {};
}

Result<crypto::Key32> SlotFile::derive(std::string_view passphrase) const {
  return crypto::derive_key(passphrase, salt_, cost_);
}

// A clock that was set back must not lock the owner out for years: the delay then runs from this attempt on.
Result<void> SlotFile::allow(WallTime now, Random& random) {
  auto delay = delay_after(counts_.failures);
  if (now >= counts_.last && now - counts_.last >= delay) return {};
  if (delay.count() == 0) return {};
  if (now >= counts_.last) return too_soon(counts_.failures, delay - (now - counts_.last));
  auto counts = counts_;
  counts.last = now;
  LYSOEN_TRY(write(counts, random));
  return too_soon(counts_.failures, delay);
}

std::optional<SlotFile::Opened> SlotFile::try_all(const crypto::Key32& from_passphrase) {
  std::optional<Opened> opened;
  for (size_t slot = 0; slot < kSlotCount; ++slot) {
    auto content = open_slot(block_, header_, slot, from_passphrase);
    if (content && !opened) opened = Opened{slot, std::move(*content)};
  }
  for (size_t slot = 0; doubtful_ && slot < kSlotCount; ++slot) {
    auto content = open_slot(*doubtful_, header_, slot, from_passphrase);
    if (!content || opened) continue;
    opened = Opened{slot, std::move(*content)};
    auto from = slot_in(ByteView(*doubtful_), slot);
    std::copy(from.begin(), from.end(), slot_in(std::span(block_), slot).begin());
  }
  return opened;
}

/// The block as a wipe of these containers makes it; if a duress passphrase began it, its slot is an ordinary one of
/// the other container from now on.
Bytes SlotFile::wiped(ContainerSet containers, const std::optional<Opened>& opened,
                      const crypto::Key32& from_passphrase, Random& random) const {
  auto block = block_;
  overwrite(block, containers, random);
  SlotContent content = opened ? opened->content.copy() : SlotContent();
  content.purpose = Purpose::open;
  size_t slot = opened ? opened->slot : 0;
  auto sealed = block;
  seal_slot(sealed, header_, slot, from_passphrase, content, random);
  return opened ? sealed : block;
}

// First what the block becomes is decided, then it is written: the same calls whatever was decided. What a wipe would
// make of it is worked out in every attempt, so that one that begins it takes no longer.
Result<SlotFile::Opened> SlotFile::attempt(std::string_view passphrase, WallTime now, Random& random) {
  LYSOEN_TRY(allow(now, random));
  LYSOEN_ASSIGN(auto from_passphrase, derive(passphrase));
  auto opened = try_all(from_passphrase);
  auto counts = counts_;
  counts.last = now;
  counts.failures = opened ? 0 : std::min(counts.failures, UINT32_MAX - 1) + 1;
  auto doomed = doomed_by(opened, counts);
  auto wiped_block = wiped(doomed ? doomed : only(ContainerName::a), opened, from_passphrase, random);
  if (doomed) {
    block_.swap(wiped_block);
    counts.wiping |= doomed;
    if (!opened) counts.wipe_after = 0;  // it was done
  }
  if (opened || !doubtful_)
    LYSOEN_TRY(write(counts, random));
  else  // neither copy may be made to look whole: the right passphrase may still open what the other one holds
    LYSOEN_TRY(write_copies(*doubtful_, block_));
  if (!opened)
    return make_error(ErrorCode::wrong_passphrase, "cannot open vault: wrong passphrase",
                      counts.failures > kFreeFailures
                          ? "check the keyboard's layout and upper case; the next try is possible in " +
                                in_words(delay_after(counts.failures))
                          : "check the keyboard's layout and upper case, then try again");
  return std::move(*opened);
}

Result<crypto::Key32> SlotFile::derive_unused(std::string_view passphrase) {
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot set the passphrase: it is empty",
                      "choose a passphrase of several words");
  LYSOEN_ASSIGN(auto from_passphrase, derive(passphrase));
  if (try_all(from_passphrase))
    return make_error(ErrorCode::already_exists, "cannot set the passphrase: it is in use on this device already",
                      "choose another one");
  return from_passphrase;
}

Result<void> SlotFile::unused(std::string_view passphrase) {
  auto derived = derive_unused(passphrase);
  if (!derived) return std::move(derived).error();
  return {};
}

Result<void> SlotFile::enrol(size_t slot, std::string_view passphrase, const SlotContent& content, Random& random) {
  LYSOEN_ASSIGN(auto from_passphrase, derive_unused(passphrase));
  seal_slot(block_, header_, slot, from_passphrase, content, random);
  LYSOEN_TRY(write(counts_, random));
  Bytes there(kSlotBlock);
  for (size_t copy : {1, 2}) {
    LYSOEN_ASSIGN(size_t have, file_->read_at(copy * kSlotBlock, there));
    auto opened = open_slot(there, header_, slot, from_passphrase);
    if (have == kSlotBlock && there == block_ && opened && opened->secret.equals(content.secret)) continue;
    broken_ = true;
    return make_error(ErrorCode::io_failed, "cannot set the passphrase: the disk did not give back what was written",
                      "the passphrases that there were still open the vault; replace this disk");
  }
  return {};
}

Result<void> SlotFile::clear(size_t slot, Random& random) {
  random.fill(slot_in(std::span(block_), slot));
  return write(counts_, random);
}

Hash SlotFile::mark_of(size_t slot) const {
  return crypto::sha256(slot_in(ByteView(block_), slot));
}

Result<void> SlotFile::begin_wipe(ContainerSet containers, Random& random) {
  overwrite(block_, containers, random);
  auto counts = counts_;
  counts.wiping |= containers;
  return write(counts, random);
}

Result<void> SlotFile::end_wipe(ContainerSet containers, Random& random) {
  auto counts = counts_;
  counts.wiping &= static_cast<ContainerSet>(~containers);
  return write(counts, random);
}

Result<void> SlotFile::set_wipe_after(uint32_t failures, Random& random) {
  auto counts = counts_;
  counts.wipe_after = failures;
  return write(counts, random);
}

Result<void> SlotFile::set_kept(ContainerName container, bool kept, Random& random) {
  if (((counts_.kept & only(container)) != 0) == kept) return {};
  auto counts = counts_;
  counts.kept = static_cast<ContainerSet>(kept ? counts.kept | only(container) : counts.kept & ~only(container));
  return write(counts, random);
}

}  // namespace lysoen::vault
