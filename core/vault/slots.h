// The slot file: which passphrase opens which container (docs/formats/slots.md). The owner holds the FolderLock.
//
// 16 slots of equal size at fixed places: 0..7 belong to container A, 8..15 to B; unused ones are random bytes. An
// attempt runs Argon2id once and tries all 16 in constant order, after the attempt block was rewritten and synced: a
// right, a wrong and a duress passphrase look alike until the first screen.
//
// Layout, big-endian, 12,288 bytes:
//      0  header: magic 8 "lysoen-v" ‖ version u32 ‖ memory_kib u32 ‖ passes u32 ‖ salt 16 ‖ vault id 32 ‖ zeros to
//      4096
//   4096  attempt block: counter u64 ‖ random to 4096
//   8192  slots, 256 bytes each: nonce 24 ‖ commitment 32 ‖ sealed 184 ‖ tag 16
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include <filesystem>
#include <memory>

#include "core/crypto/passphrase.h"
#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::vault {

inline constexpr size_t kSlotsPerContainer = 8, kSlotCount = 16, kSlotSize = 256, kSlotBlock = 4096;
inline constexpr size_t kSlotFileSize = 2 * kSlotBlock + kSlotCount * kSlotSize;
inline constexpr uint32_t kSlotFileVersion = 0;  // version 0 until the format is frozen

// On disk. Never renumber.
enum class ContainerName : uint8_t { a = 0, b = 1 };

class SlotFile {
 public:
  struct Opened {
    ContainerName container = ContainerName::a;
    size_t slot = 0;
    crypto::Key32 key;  // of the container
  };

  /// What create() makes a file from.
  struct Setup {
    std::filesystem::path path;
    crypto::Argon2Cost cost;
    storage::VaultId vault;
  };
  /// Writes a new file with one used slot, the first of container A; there as a whole or not at all, and on the medium.
  /// Errors: input_refused (cost outside its bounds, empty passphrase), io_failed, storage_full, storage_read_only.
  static Result<void> create(storage::Files& files, const Setup& setup, std::string_view passphrase,
                             const crypto::Key32& container_key, Random& random);
  /// Opens and checks everything that can be checked without a passphrase, bounds of the cost included.
  /// Errors: not_found, newer_version, damaged, storage_read_only, io_failed.
  static Result<std::unique_ptr<SlotFile>> open(storage::Files& files, const std::filesystem::path& path);

  /// Errors: wrong_passphrase; io_failed when the attempt could not be written.
  Result<Opened> attempt(std::string_view passphrase, Random& random);
  /// Names this vault in everything that is sealed for it.
  const storage::VaultId& vault() const { return vault_; }
  const crypto::Argon2Cost& cost() const { return cost_; }

 private:
  SlotFile(std::unique_ptr<storage::File> file, Bytes bytes);
  Result<void> note_attempt(Random& random);

  std::unique_ptr<storage::File> file_;
  Bytes bytes_;  // as on disk
  storage::VaultId vault_;
  crypto::Argon2Cost cost_;
};

}  // namespace lysoen::vault
