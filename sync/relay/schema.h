// The relay's tables. docs/protocol/relay-store.md says what each column means.
#pragma once
#include <span>

#include "core/storage/database.h"

namespace lysoen::relay {

std::span<const storage::Migration> migrations();

}  // namespace lysoen::relay
