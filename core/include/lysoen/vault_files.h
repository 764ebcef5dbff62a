// What a vault's folder shows to anybody who holds it, without any key. For `lysoen inspect`, and for asking what a
// seized device gives away.
#pragma once
#include <lysoen/vault.h>

namespace lysoen {

struct VaultFiles {
  uint32_t version = 0;   // of the slot file
  KeyCost cost;           // of one guess at a passphrase
  uint64_t attempts = 0;  // passphrases tried and changed since the vault was made
  uint32_t failures = 0;  // wrong ones in a row
  std::optional<WallTime> last_attempt;
  uint32_t wipe_after = 0;  // failures in a row at which everything is wiped; 0: never
  bool wiping = false;      // a wipe has begun and is not done
  struct File {
    std::string name, what;
    uint64_t bytes = 0;
  };
  std::vector<File> files;  // by name; of files that are not a vault's, `what` is empty
};

/// Writes nothing and takes no lock. Errors: not_found (no vault there), newer_version, damaged, io_failed.
Result<VaultFiles> look_at_vault(const std::filesystem::path& folder);

/// Who has a vault open, and how its last session ended.
struct VaultSession {
  bool open = false;
  std::optional<int64_t> process;  // that has it, if the system tells; one of this user
  bool in_order = true;            // the last session was locked. False of one that goes on
};
/// For other processes than that which has it open. Errors: as look_at_vault.
Result<VaultSession> session_of_vault(const std::filesystem::path& folder);

}  // namespace lysoen
