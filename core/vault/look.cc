// A vault's folder as it lies there.
#include <lysoen/vault_files.h>

#include <algorithm>

#include "core/base/try.h"
#include "core/vault/blobs.h"
#include "core/vault/slots.h"

namespace lysoen {

namespace {

std::string what_is(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {".db", "database"},
      {".db-wal", "write-ahead log"},
      {".ring", "ring"},
      {".reserve", "reserve"},
      {".wal-aside", "a log that lost something, kept aside"},
  };
  if (name == "slots") return "slot file";
  if (name == "lock") return "lock between processes";
  const bool container = name.starts_with("A.") || name.starts_with("B.");
  for (const auto& [suffix, what] : kKinds)
    if (container && name.substr(1) == suffix) return std::string(what) + " of container " + name[0];
  for (auto letter : {vault::ContainerName::a, vault::ContainerName::b})
    if (vault::blob_file(name, letter)) return std::string("attachment of container ") + name[0];
  return {};
}

}  // namespace

Result<VaultFiles> look_at_vault(const std::filesystem::path& folder) {
  auto& files = storage::system_files();
  LYSOEN_ASSIGN(auto slots, vault::SlotFile::open(files, folder / "slots", storage::OpenMode::read_only));
  VaultFiles seen;
  seen.version = vault::kSlotFileVersion;
  seen.cost = {slots->cost().memory_kib, slots->cost().passes};
  const auto& counts = slots->counts();
  seen.attempts = counts.turn;
  seen.failures = counts.failures;
  if (counts.last != WallTime{}) seen.last_attempt = counts.last;
  seen.wipe_after = counts.wipe_after;
  seen.wiping = counts.wiping != 0;
  LYSOEN_ASSIGN(auto names, files.list(folder));
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    std::error_code error;
    const auto size = std::filesystem::file_size(folder / name, error);
    if (!error) seen.files.push_back({name, what_is(name), size});
  }
  return seen;
}

Result<VaultSession> session_of_vault(const std::filesystem::path& folder) {
  LYSOEN_TRY(vault::SlotFile::open(storage::system_files(), folder / "slots", storage::OpenMode::read_only));
  VaultSession session;
  auto seen = storage::FolderLock::look(folder);
  if (!seen && seen.error().code == ErrorCode::not_found) return session;
  if (!seen) return std::move(seen).error();
  session.open = seen->taken;
  session.process = seen->process;
  session.in_order = !seen->session_open;
  return session;
}

}  // namespace lysoen
