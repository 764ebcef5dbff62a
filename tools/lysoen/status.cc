// lysoen status: how things stand on this device.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

void add_status(App& app) {
  auto* command =
      app.commands().add_subcommand("status", "How things stand: drafts, what is not sent yet, what differs");
  app.does(command, [&app]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(VaultStatus status, vault->status());
    auto team = vault->team_view();
    json aside = json::array(), refused = json::array();
    for (auto& one : status.aside) aside.push_back({{"reason", one.reason}, {"records", one.records}});
    for (auto& one : status.refused)
      refused.push_back({{"relay", one.relay.hex()},
                         {"author", one.author.hex()},
                         {"first_seq", one.first_seq},
                         {"last_seq", one.last_seq},
                         {"reason", one.reason}});
    json document = {{"reports", status.reports},
                     {"drafts", status.drafts},
                     {"submitted", status.submitted},
                     {"conflicts", status.conflicts},
                     {"purged", status.purged},
                     {"unsent_entries", status.unsent_entries},
                     {"unsent_files", status.unsent_files},
                     {"unsent_file_bytes", status.unsent_file_bytes},
                     {"held_not_opened", status.held_not_opened},
                     {"wanted_files", status.wanted_files},
                     {"wanted_file_bytes", status.wanted_file_bytes},
                     {"set_aside", status.set_aside},
                     {"set_aside_for", aside},
                     {"refused", refused},
                     {"gaps", status.gaps},
                     {"forks", status.forks},
                     {"notices", status.notices},
                     {"keep", team.ok() ? json(name_of(team->own_policy.keep)) : json()},
                     {"keep_days", team.ok() ? json(team->own_policy.days) : json()},
                     {"may_wipe", !team.ok() || team->own_policy.may_wipe},
                     {"team", team.ok() ? json(team->team.hex()) : json()}};
    if (app.print_json(document)) return {};
    if (team.ok())
      std::cout << strong(safe(team->name)) << ", roster " << team->roster_version << "\n"
                << "this device " << policy_text(team->own_policy) << "\n";
    else
      std::cout << "no team yet: lysoen join INVITE\n";
    std::cout << count_text(status.reports) << " reports: " << count_text(status.drafts) << " drafts, "
              << count_text(status.submitted) << " submitted, " << count_text(status.conflicts)
              << " with values that differ\n"
              << entries_text(status.unsent_entries) << " not held by a relay yet\n";
    if (status.unsent_files)
      std::cout << files_text(status.unsent_files) << " not held by a relay yet, "
                << bytes_text(status.unsent_file_bytes) << "\n";
    if (status.held_not_opened)
      std::cout << alarm(entries_text(status.held_not_opened) + " held, not opened") << ": a relay has held them for "
                << kOpenedWithin.count() / 24
                << " days or more, and no coordinator has opened them; tell one, or hand over a bundle "
                   "(lysoen bundle export)\n";
    if (status.wanted_files)
      std::cout << files_text(status.wanted_files) << " on the way to here, " << bytes_text(status.wanted_file_bytes)
                << " to come\n";
    if (status.purged) std::cout << count_text(status.purged) << " sent and removed from here by the team's policy\n";
    if (status.set_aside) std::cout << count_text(status.set_aside) << " records set aside\n";
    for (auto& one : status.aside)
      std::cout << "  " << count_text(one.records) << ": " << safe_line(one.reason) << "\n";
    for (auto& one : status.refused)
      std::cout << "a relay does not take " << refused_text(one.first_seq, one.last_seq, one.reason)
                << "; kept here, the rest goes on\n";
    if (status.gaps) std::cout << entries_text(status.gaps) << " held back or lost, still wanted\n";
    if (status.forks) std::cout << alarm(count_text(status.forks) + " feeds have two versions") << "\n";
    for (auto& notice : status.notices) say_warning(safe(notice));
    return {};
  });
}

}  // namespace lysoen::cli
