// A save's record, written into the tables: the same when the save is made and when a lost commit is replayed.
#pragma once
#include "core/vault/feed_store.h"
#include "core/vault/record.h"
#include "core/vault/report_rows.h"

namespace lysoen::vault {

/// Inside the caller's transaction. Errors: damaged if the record does not continue the feeds as they are.
Result<void> apply_record(storage::Database& database, const SaveRecord& record, const team::RoleHistory& roles);

}  // namespace lysoen::vault
