// From what a slot holds to the key of its container, through the guard if there is one.
#pragma once
#include <lysoen/key_guard.h>

#include "core/vault/slots.h"

namespace lysoen::vault {

/// The guard's name for a container's secret: it can be destroyed by who has the slot file and no passphrase.
GuardId guard_id(const storage::VaultId& vault, ContainerName container);
/// Errors: not_found, if the container is guarded and there is no guard, or the guard has no secret for it (any more).
Result<crypto::Key32> container_key(const SlotContent& content, const storage::VaultId& vault, KeyGuard* guard);

}  // namespace lysoen::vault
