// What tables do not say any more may still be read below them: in the pages of both indexes, in the ring and in the
// log. docs/formats/vault.md, "Residue". Two facts, each for a step that waits; none costs nothing.
#pragma once
#include "core/storage/database.h"

namespace lysoen::vault {

/// Something was taken back: a draft, an answer. Inside the save's transaction.
Result<void> note_residue(storage::Database& database);
Result<bool> residue_noted(storage::Database& database);

/// Drops an index (report_places, report_words) and makes it again, empty, whatever state it is in.
Result<void> make_anew(storage::Database& database, const std::string& index);
/// `report_places` anew from the lines.
Result<void> place_again(storage::Database& database);
/// Writes both indexes anew; a scrub of the container is due then. In a durable transaction.
Result<void> sweep_indexes(storage::Database& database);
Result<bool> scrub_due(storage::Database& database);
Result<void> scrubbed(storage::Database& database);

}  // namespace lysoen::vault
