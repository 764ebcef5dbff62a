// The files of the vault's two containers: where they lie, and how those of one that nobody uses are made.
#pragma once
#include <lysoen/form.h>

#include "core/storage/container.h"
#include "core/vault/schema.h"
#include "core/vault/slots.h"

namespace lysoen::vault {

/// Where a vault lies, and through what its files are reached: the system's, or a disk that a test breaks.
struct Place {
  std::filesystem::path folder;
  storage::Files& files;
  size_t ring_size = storage::kRingSize, reserve_size = storage::kReserveSize;  // tests make them small
  std::span<const storage::Migration> schema = kSchema;                         // and play a newer program
  std::span<const std::shared_ptr<const Form>> forms = built_in_forms();        // or one with other dictionaries
};

storage::Container::Options container_options(const Place& place, ContainerName name);

/// Makes a container under a key that is forgotten: it has the shape of a used one, and nobody can tell the two apart
/// or open it.
Result<void> make_unused(const Place& place, ContainerName name, const storage::VaultId& vault, Random& random);

/// Does what is left of every wipe that the slot file says has begun, from wherever it was stopped: the guard's secret,
/// the files, and only then the slot file's word. What was wiped is an unused container afterwards. Nothing to do is
/// not an error; after one all of it is done again the next time. After a failed write of the slot file nothing is
/// done: the file may say by now that a passphrase opens what would be overwritten. The owner holds the FolderLock;
/// nobody has these containers open.
Result<void> finish_wipes(const Place& place, SlotFile& slots, Environment environment);

}  // namespace lysoen::vault
