// lysoen disclose: what opens one report's entries. Whoever has it reads those entries and nothing else.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

void add_disclose(App& app) {
  auto prefix = std::make_shared<std::string>();
  auto* command = app.commands().add_subcommand(
      "disclose", "Show one report's sealed entries with their keys, as JSON; handle with care");
  command->add_option("report", *prefix, "The first digits of its id")->required();
  app.does(command, [&app, prefix]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(ReportId id, report_named(*vault, *prefix));
    LYSOEN_ASSIGN(auto document, vault->disclose(id));
    std::cout << document;
    say_warning("whoever has this reads these entries");
    return {};
  });
}

}  // namespace lysoen::cli
