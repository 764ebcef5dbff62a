#include "core/vault/residue.h"

#include "core/base/fault.h"
#include "core/base/try.h"
#include "core/vault/membership.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kResidueFact = "residue", kScrubFact = "retention.scrub";

Result<bool> is_set(storage::Database& database, std::string_view name) {
  LYSOEN_ASSIGN(auto mark, fact(database, name));
  return !mark.empty();
}

}  // namespace

Result<void> note_residue(storage::Database& database) {
  LYSOEN_ASSIGN(bool noted, residue_noted(database));
  return noted ? Result<void>() : set_fact(database, kResidueFact, Bytes{1});
}

Result<bool> residue_noted(storage::Database& database) {
  return is_set(database, kResidueFact);
}

Result<void> make_anew(storage::Database& database, const std::string& index) {
  std::string table;
  {
    LYSOEN_ASSIGN(auto query, database.prepare("SELECT sql FROM sqlite_schema WHERE name = ?"));
    LYSOEN_ASSIGN(bool found, query.bind(index).step());
    if (!found) return make_error(ErrorCode::damaged, "cannot make an index anew: it is missing");
    table = query.text(0);
  }
  LYSOEN_TRY(database.execute("DROP TABLE " + index));
  return database.execute(table);
}

Result<void> place_again(storage::Database& database) {
  LYSOEN_TRY(make_anew(database, "report_places"));
  return database.run(
      "INSERT INTO report_places SELECT id, latitude, latitude, longitude, longitude FROM reports WHERE latitude IS "
      "NOT "
      "NULL");
}

// Both indexes keep what was deleted inside their pages until they are written anew. Reports whose words are due may
// stand in the index with words that they do not have any more.
Result<void> sweep_indexes(storage::Database& database) {
  LYSOEN_TRY(database.run("DELETE FROM report_words WHERE rowid IN (SELECT report FROM words_due)"));
  LYSOEN_TRY(database.run("INSERT INTO report_words (report_words) VALUES ('optimize')"));
  LYSOEN_TRY(place_again(database));
  LYSOEN_TRY(drop_fact(database, kResidueFact));
  return set_fact(database, kScrubFact, Bytes{1});
}

Result<bool> scrub_due(storage::Database& database) {
  return is_set(database, kScrubFact);
}

Result<void> scrubbed(storage::Database& database) {
  return drop_fact(database, kScrubFact);
}

// -- The vault ------------------------------------------------------------------------------------------------------

Result<void> VaultImpl::clean_residue() {
  LYSOEN_ASSIGN(bool noted, residue_noted(database()));
  if (noted && !LYSOEN_FAULT(residue_left)) LYSOEN_TRY(container_->durable(sweep_indexes));
  LYSOEN_ASSIGN(bool due, scrub_due(database()));
  if (!due) return {};
  LYSOEN_TRY(container_->scrub());
  return container_->plain(scrubbed);
}

}  // namespace lysoen::vault
