// lysoen disclose: the keys of one report's entries. Whoever has them reads those entries and nothing else.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

void add_disclose(App& app) {
  auto prefix = std::make_shared<std::string>();
  auto* command =
      app.commands().add_subcommand("disclose", "Show the entry keys of one report, as JSON; handle with care");
  command->add_option("report", *prefix, "The first digits of its id")->required();
  app.does(command, [&app, prefix]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(ReportId id, report_named(*vault, *prefix));
    LYSOEN_ASSIGN(auto entries, vault->disclose(id));
    json list = json::array();
    for (auto& entry : entries)
      list.push_back({{"device", entry.feed.device.hex()},
                      {"audience", entry.feed.audience.hex()},
                      {"incarnation", entry.feed.incarnation},
                      {"seq", entry.seq},
                      {"entry_key", to_hex(entry.entry_key)}});
    std::cout << json{{"report", id.hex()}, {"entries", list}}.dump(2) << "\n";
    say_warning("with these keys anybody who holds the entries can read them");
    return {};
  });
}

}  // namespace lysoen::cli
