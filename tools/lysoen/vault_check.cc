// lysoen vault check: everything is read and compared with itself.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

Result<void> check(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  Interruptible interrupt;
  Bar bar("checking");
  LYSOEN_ASSIGN(VaultCheck check, vault->check([&](uint64_t done, uint64_t all) {
    bar.show(done, all);
    return !interrupt.asked();
  }));
  if (!check.sound()) app.remember(ErrorCode::damaged);
  json document = {{"sound", check.sound()},
                   {"pages", check.pages},
                   {"ring_records", check.ring_records},
                   {"feeds", check.feeds},
                   {"entries", check.entries},
                   {"reports", check.reports},
                   {"attachments", check.attachments},
                   {"findings", check.findings}};
  if (app.print_json(document)) return {};
  for (const auto& finding : check.findings) std::cout << alarm("damaged: ") << finding << "\n";
  if (check.sound())
    std::cout << strong("sound") << ": " << count_text(check.pages) << " pages, " << count_text(check.ring_records)
              << " records of the ring, " << entries_text(check.entries) << " in " << count_text(check.feeds)
              << " feeds, " << count_text(check.reports) << " reports, " << count_text(check.attachments)
              << " attached files\n";
  else
    std::cout << "keep the files as they are and hand on what can be read; what was sent is at the relay and at the "
                 "coordinators\n";
  return {};
}

}  // namespace

void add_vault_check(App& app, CLI::App& vault) {
  auto* command = vault.add_subcommand(
      "check",
      "Read every page, ring record, feed and report and compare them with what was written; changes nothing.\n"
      "Exit code 6 if something is damaged");
  app.does(command, [&app] { return check(app); });
}

}  // namespace lysoen::cli
