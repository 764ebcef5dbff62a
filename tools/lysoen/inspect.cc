// lysoen inspect: what a vault, a relay's folder or a bundle shows to anybody who holds it.
#include "tools/inspect/inspect.h"

#include <lysoen/vault_files.h>

#include <iostream>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

Result<void> inspect_vault(App& app, const std::filesystem::path& folder) {
  LYSOEN_ASSIGN(VaultFiles seen, look_at_vault(folder));
  json document = {{"kind", "vault"},
                   {"slot_file_version", seen.version},
                   {"key_memory_kib", seen.cost.memory_kib},
                   {"key_passes", seen.cost.passes},
                   {"attempts", seen.attempts},
                   {"failures_in_a_row", seen.failures},
                   {"last_attempt", seen.last_attempt ? json(utc_text(*seen.last_attempt)) : json()},
                   {"wipe_after", seen.wipe_after},
                   {"wiping", seen.wiping},
                   {"files", json::array()}};
  for (const auto& file : seen.files)
    document["files"].push_back({{"file", file.name}, {"bytes", file.bytes}, {"what", file.what}});
  if (app.print_json(document)) return {};
  std::cout << "a vault, seen without its passphrase\n  slot file of version " << seen.version << "; one guess costs "
            << bytes_text(uint64_t{seen.cost.memory_kib} * 1024) << " of memory and " << seen.cost.passes
            << " passes\n  " << count_text(seen.attempts) << " passphrases tried or changed, " << seen.failures
            << " wrong ones in a row";
  if (seen.last_attempt) std::cout << ", last " << utc_text_short(*seen.last_attempt);
  std::cout << "\n";
  if (seen.wipe_after > 0) std::cout << "  is wiped after " << seen.wipe_after << " wrong ones in a row\n";
  if (seen.wiping) std::cout << "  a wipe has begun: the next start goes on with it\n";
  for (const auto& file : seen.files)
    std::cout << "  " << fitted(safe_line(file.name), 12) << "  " << fitted(bytes_text(file.bytes), 10) << "  "
              << (file.what.empty() ? "not of the vault" : file.what) << "\n";
  std::cout << "what is in use, how many passphrases there are and all that is written do not show\n";
  return {};
}

}  // namespace

void add_inspect(App& app) {
  auto path = std::make_shared<std::string>();
  auto* command =
      app.commands().add_subcommand("inspect", "Look at a vault, a relay's folder or a bundle without keys");
  command->add_option("path", *path, "The folder or file")->required();
  app.does(command, [&app, path]() -> Result<void> {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::path(*path) / "slots", ignored)) return inspect_vault(app, *path);
    LYSOEN_ASSIGN(std::string seen, inspect::look_at(*path, app.as_json(), app.environment()));
    std::cout << seen;
    return {};
  });
}

}  // namespace lysoen::cli
