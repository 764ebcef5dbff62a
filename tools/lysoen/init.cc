// lysoen init: an empty vault, for writing before there is a team.
#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

void add_init(App& app) {
  auto* command =
      app.commands().add_subcommand("init", "Make an empty vault (join and team create do it by themselves)");
  app.does(command, [&app]() -> Result<void> {
    LYSOEN_ASSIGN(auto folder, app.vault_folder());
    std::error_code ignored;
    if (std::filesystem::is_directory(folder, ignored) && !std::filesystem::is_empty(folder, ignored))
      return make_error(ErrorCode::already_exists, "cannot make the vault: the folder is not empty",
                        "choose another folder");
    LYSOEN_ASSIGN(auto vault, app.open_or_create_vault());
    LYSOEN_TRY(vault->lock());
    say("made an encrypted vault; without its passphrase nobody can read it, you neither");
    return {};
  });
}

}  // namespace lysoen::cli
