// lysoen inspect: what a vault, a relay's folder or a bundle shows to anybody who holds it.
#include "tools/inspect/inspect.h"

#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"

namespace lysoen::cli {

void add_inspect(App& app) {
  auto path = std::make_shared<std::string>();
  auto* command =
      app.commands().add_subcommand("inspect", "Look at a vault, a relay's folder or a bundle without keys");
  command->add_option("path", *path, "The folder or file")->required();
  app.does(command, [&app, path]() -> Result<void> {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::path(*path) / "slots", ignored)) return show_vault_files(app, *path);
    LYSOEN_ASSIGN(std::string seen, inspect::look_at(*path, app.as_json(), app.environment()));
    std::cout << seen;
    return {};
  });
}

}  // namespace lysoen::cli
