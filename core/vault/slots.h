// The slot file: which passphrase opens which container (docs/formats/slots.md). The owner holds the FolderLock.
//
// 16 slots of equal size at fixed places: 0..7 belong to container A, 8..15 to B; unused ones are random bytes. An
// attempt runs Argon2id once, tries all 16 in constant order and then writes slots and counts, whatever it found: a
// right, a wrong and a duress passphrase look alike until the first screen. A wipe begins here too: one write puts
// random bytes over a container's slots and says so, and from then on no passphrase opens it.
//
// Slots and counts are one block of 4,096 bytes that is kept twice. A write goes to the copy that does not count, is
// synced, and then to the other: a torn write, or a sector that the power cut spoiled, leaves the other copy whole.
//
// Layout, big-endian, 12,288 bytes:
//      0  header: magic 8 "lysoen-v" ‖ version u32 ‖ memory_kib u32 ‖ passes u32 ‖ salt 16 ‖ vault id 32 ‖ SHA-256 of
//         these 32; zeros to 2,048; the same again. Never written twice.
//   4096  block: turn u64 ‖ failures u32 ‖ last attempt u64 ‖ wipe after u32 ‖ wiping u8 ‖ kept u8 ‖ zeros 6 ‖
//         random 192 ‖ SHA-256 of the rest of the block 32 ‖ 16 slots of 240 bytes: nonce 24 ‖ commitment 32 ‖ sealed
//         168 ‖ tag 16
//   8192  the block's other copy
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include <filesystem>
#include <memory>

#include "core/crypto/passphrase.h"
#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::vault {

inline constexpr size_t kSlotsPerContainer = 8, kSlotCount = 16, kSlotSize = 240, kSlotBlock = 4096;
inline constexpr size_t kSlotFileSize = 3 * kSlotBlock;
inline constexpr uint32_t kSlotFileVersion = 0;  // version 0 until the format is frozen
inline constexpr uint32_t kFreeFailures = 3;     // wrong passphrases in a row before the first delay
inline constexpr std::chrono::minutes kDelayMax{15};

// On disk. Never renumber.
enum class ContainerName : uint8_t { a = 0, b = 1 };
/// What the right passphrase of a slot does.
enum class Purpose : uint8_t {
  open = 0,    // opens its container
  duress = 1,  // opens its container and wipes the other; that done, its slot is one of purpose open
};

inline constexpr ContainerName container_of(size_t slot) {
  return static_cast<ContainerName>(slot / kSlotsPerContainer);
}
inline constexpr ContainerName other(ContainerName container) {
  return container == ContainerName::a ? ContainerName::b : ContainerName::a;
}
inline constexpr size_t first_slot_of(ContainerName container) {
  return static_cast<size_t>(container) * kSlotsPerContainer;
}

/// Some of the two containers, a bit for each. On disk. Never renumber.
using ContainerSet = uint8_t;
inline constexpr ContainerSet kBothContainers = 3;
inline constexpr ContainerSet only(ContainerName container) {
  return static_cast<ContainerSet>(1u << static_cast<unsigned>(container));
}

/// What is sealed in a slot.
struct SlotContent {
  ContainerName container = ContainerName::a;
  Purpose purpose = Purpose::open;
  bool guarded = false;  // the container's key needs the guard's secret too
  crypto::Key32 secret;
  SlotContent copy() const { return {container, purpose, guarded, secret.copy()}; }
};

/// The part of the block that is not sealed: whoever holds the file may read it.
struct SlotCounts {
  uint64_t turn = 0;        // of the write that made this block
  uint32_t failures = 0;    // wrong passphrases in a row
  WallTime last{};          // when the last attempt was made
  uint32_t wipe_after = 0;  // failures in a row at which everything is wiped; 0: never
  ContainerSet wiping = 0;  // a wipe has begun and is resumed before any passphrase
  ContainerSet kept = 0;    // its team forbids wiping it: no passphrase and no count does
};

/// The wait after so many wrong passphrases in a row: none after the first 3, then 1 s, 2 s, 4 s up to 15 minutes.
std::chrono::milliseconds delay_after(uint32_t failures);

class SlotFile {
 public:
  struct Opened {
    size_t slot = 0;
    SlotContent content;
  };

  /// What create() makes a file from.
  struct Setup {
    std::filesystem::path path;
    crypto::Argon2Cost cost;
    storage::VaultId vault;
  };
  /// Writes a new file with one used slot, the first of its container; there as a whole or not at all, and on the
  /// medium. Errors: input_refused (cost outside its bounds, empty passphrase), io_failed, storage_full,
  /// storage_read_only.
  static Result<void> create(storage::Files& files, const Setup& setup, std::string_view passphrase,
                             const SlotContent& first, Random& random);
  /// Opens and checks everything that can be checked without a passphrase, bounds of the cost included; writes nothing.
  /// Errors: not_found, newer_version, damaged, storage_read_only, io_failed.
  /// Opened read_only it is for looking.
  static Result<std::unique_ptr<SlotFile>> open(storage::Files& files, const std::filesystem::path& path,
                                                storage::OpenMode mode = storage::OpenMode::read_write);

  /// A duress passphrase, and the last of the wrong ones that are allowed, begin a wipe by the attempt's own write:
  /// afterwards counts().wiping says so. Errors: too_soon, without a derivation, while the delay after wrong ones runs;
  /// wrong_passphrase; io_failed when the attempt could not be written.
  Result<Opened> attempt(std::string_view passphrase, WallTime now, Random& random);

  /// Makes `passphrase` open `content` by a slot that is free; stands on the medium, read back and opened, once it
  /// returns. Errors: already_exists if it opens any slot of the file (of whatever container: the words are the same);
  /// input_refused (empty), io_failed.
  Result<void> enrol(size_t slot, std::string_view passphrase, const SlotContent& content, Random& random);
  /// Nothing opens this slot any more.
  Result<void> clear(size_t slot, Random& random);
  /// Whether no slot opens with it; already_exists, in the words of enrol, if one does.
  Result<void> unused(std::string_view passphrase);
  /// Names what a slot holds, without saying it: another value once it was written anew.
  Hash mark_of(size_t slot) const;

  /// One write: random bytes over all slots of these containers, and `wiping`. The point of no return. Doing it again
  /// does no harm.
  Result<void> begin_wipe(ContainerSet containers, Random& random);
  /// The files of these containers are what those of an unused one are.
  Result<void> end_wipe(ContainerSet containers, Random& random);
  Result<void> set_wipe_after(uint32_t failures, Random& random);
  /// Nothing is written if it is so already.
  Result<void> set_kept(ContainerName container, bool kept, Random& random);

  const SlotCounts& counts() const { return counts_; }
  /// False after a write that failed: what the file says is known again once it is opened anew.
  bool known() const { return !broken_; }
  /// Names this vault in everything that is sealed for it.
  const storage::VaultId& vault() const { return vault_; }
  const crypto::Argon2Cost& cost() const { return cost_; }

 private:
  SlotFile() = default;
  Result<crypto::Key32> derive(std::string_view passphrase) const;
  Result<void> allow(WallTime now, Random& random);
  std::optional<Opened> try_all(const crypto::Key32& from_passphrase);
  Result<crypto::Key32> derive_unused(std::string_view passphrase);
  Bytes wiped(ContainerSet containers, const std::optional<Opened>& opened, const crypto::Key32& from_passphrase,
              Random& random) const;
  /// The only writer: the block with these counts and the slots as they stand in block_, to both copies, synced.
  Result<void> write(SlotCounts counts, Random& random);
  Result<void> write_copies(ByteView first, ByteView second);

  std::unique_ptr<storage::File> file_;
  Bytes header_;  // the 68 bytes that every slot authenticates
  std::array<uint8_t, crypto::kSaltSize> salt_{};
  storage::VaultId vault_;
  crypto::Argon2Cost cost_;
  Bytes block_;                    // the copy that counts
  size_t counting_ = 0;            // which of the two it is
  std::optional<Bytes> doubtful_;  // the other copy, if neither carries its checksum
  SlotCounts counts_;
  bool broken_ = false;  // a write failed: what is on the medium is not known any more
};

}  // namespace lysoen::vault
