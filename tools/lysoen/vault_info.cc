// lysoen vault info: what a vault is and how it is set, on one screen; and what its folder shows without a passphrase.
#include <lysoen/vault_files.h>

#include <iostream>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

std::string cost_text(const KeyCost& cost) {
  return bytes_text(uint64_t{cost.memory_kib} * 1024) + " of memory and " + std::to_string(cost.passes) + " passes";
}

std::string session_text(const VaultSession& session) {
  if (session.open)
    return session.process ? "process " + std::to_string(*session.process) + " has it open" : "a process has it open";
  return session.in_order ? "nobody has it open; its last session ended in order"
                          : "nobody has it open; its last session did not end in order (nothing saved is lost)";
}

json session_json(const VaultSession& session) {
  return {{"open", session.open},
          {"process", session.process ? json(*session.process) : json()},
          {"in_order", session.in_order}};
}

uint64_t size_of(const VaultFiles& files) {
  uint64_t size = 0;
  for (const auto& file : files.files) size += file.bytes;
  return size;
}

/// All that the vault says of itself, asked for once.
struct Told {
  VaultSession before;  // this command
  VaultFiles files;     // likewise
  VaultInfo info;
  VaultStatus status;
  WipeSettings wiping;
  std::vector<PassphraseInfo> passphrases;
  std::optional<TeamView> team;
  const Member* self() const {
    if (team)
      for (const auto& member : team->members)
        if (member.self) return &member;
    return nullptr;
  }
};

Result<Told> ask(App& app, const std::filesystem::path& folder) {
  Told told;
  LYSOEN_ASSIGN(told.before, session_of_vault(folder));
  LYSOEN_ASSIGN(told.files, look_at_vault(folder));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(told.info, vault->info());
  LYSOEN_ASSIGN(told.status, vault->status());
  LYSOEN_ASSIGN(told.wiping, vault->wipe_settings());
  LYSOEN_ASSIGN(told.passphrases, vault->passphrases());
  if (auto team = vault->team_view()) told.team = std::move(*team);
  LYSOEN_TRY(vault->lock());
  return told;
}

json document_of(const App& app, const Told& told) {
  const auto* self = told.self();
  return {{"vault", told.info.vault.hex()},
          {"slot_file_version", told.info.slot_file_version},
          {"store_version", told.info.store_version},
          {"schema_version", told.info.schema_version},
          {"bytes", size_of(told.files)},
          {"last_session_in_order", told.before.in_order},
          {"key_memory_kib", told.info.cost.memory_kib},
          {"key_passes", told.info.cost.passes},
          {"guarded", told.info.guarded},
          {"passphrases", told.passphrases.size()},
          {"may_wipe", told.wiping.allowed},
          {"wipe_after", told.wiping.wipe_after ? json(told.wiping.wipe_after) : json()},
          {"cover", name_of(told.wiping.cover)},
          {"idle_lock_seconds", app.idle_lock_seconds()},
          {"team", told.team ? json(told.team->team.hex()) : json()},
          {"role", self ? json(describe(self->role)) : json()},
          {"keep", told.team ? json(name_of(told.team->own_policy.keep)) : json()},
          {"keep_days", told.team ? json(told.team->own_policy.days) : json()},
          {"reports", told.status.reports},
          {"drafts", told.status.drafts},
          {"unsent_entries", told.status.unsent_entries},
          {"purged", told.status.purged},
          {"sound_at", told.info.sound_at ? json(utc_text(*told.info.sound_at)) : json()},
          {"notices", told.status.notices}};
}

void print(const App& app, const Told& told) {
  const auto& info = told.info;
  std::cout << strong("vault ") << short_id(info.vault) << ", " << bytes_text(size_of(told.files)) << "\n"
            << "  slot file of version " << info.slot_file_version << ", store " << info.store_version << ", schema "
            << info.schema_version << "\n"
            << "  "
            << (told.before.in_order ? "the last session ended in order" : "the last session did not end in order")
            << "\n"
            << strong("passphrases ") << told.passphrases.size() << "\n"
            << "  one guess costs " << cost_text(info.cost)
            << (info.guarded ? "; half of the key is with the guard" : "; no guard holds a part of the key") << "\n";
  for (const auto& line : wipe_lines(told.wiping)) std::cout << "  " << line << "\n";
  if (app.idle_lock_seconds())
    std::cout << "  locks itself when a question waits for " << app.idle_lock_seconds() << " s\n";
  if (told.team)
    std::cout << strong("team ") << safe_line(told.team->name) << ", roster " << told.team->roster_version << "\n  "
              << (told.self() ? describe(told.self()->role) : "no member any more") << "; "
              << policy_text(told.team->own_policy) << "\n";
  else
    std::cout << strong("team ") << "none yet\n";
  std::cout << strong("reports ") << count_text(told.status.reports) << ", " << count_text(told.status.drafts)
            << " of them drafts; " << entries_text(told.status.unsent_entries) << " not held by a relay yet";
  if (told.status.purged) std::cout << "; " << count_text(told.status.purged) << " removed by the team's policy";
  std::cout << "\n  "
            << (info.sound_at ? "read and found sound on " + utc_text_short(*info.sound_at)
                              : "never read as a whole: lysoen vault check")
            << "\n";
  for (const auto& notice : told.status.notices) say_warning(safe(notice));
}

Result<void> info(App& app, bool outside) {
  LYSOEN_ASSIGN(auto folder, app.vault_folder());
  if (outside || (!app.passphrase_given() && !can_ask())) return show_vault_files(app, folder);
  LYSOEN_ASSIGN(Told told, ask(app, folder));
  if (!app.print_json(document_of(app, told))) print(app, told);
  return {};
}

}  // namespace

Result<void> show_vault_files(App& app, const std::filesystem::path& folder) {
  LYSOEN_ASSIGN(VaultFiles seen, look_at_vault(folder));
  LYSOEN_ASSIGN(VaultSession session, session_of_vault(folder));
  json document = {{"kind", "vault"},
                   {"slot_file_version", seen.version},
                   {"key_memory_kib", seen.cost.memory_kib},
                   {"key_passes", seen.cost.passes},
                   {"attempts", seen.attempts},
                   {"failures_in_a_row", seen.failures},
                   {"last_attempt", seen.last_attempt ? json(utc_text(*seen.last_attempt)) : json()},
                   {"wipe_after", seen.wipe_after},
                   {"wiping", seen.wiping},
                   {"session", session_json(session)},
                   {"bytes", size_of(seen)},
                   {"files", json::array()}};
  for (const auto& file : seen.files)
    document["files"].push_back({{"file", file.name}, {"bytes", file.bytes}, {"what", file.what}});
  if (app.print_json(document)) return {};
  std::cout << "a vault, seen without its passphrase\n  slot file of version " << seen.version << "; one guess costs "
            << cost_text(seen.cost) << "\n  " << count_text(seen.attempts) << " passphrases tried or changed, "
            << seen.failures << " wrong ones in a row";
  if (seen.last_attempt) std::cout << ", last " << utc_text_short(*seen.last_attempt);
  std::cout << "\n  " << session_text(session) << "\n";
  if (seen.wipe_after > 0) std::cout << "  is wiped after " << seen.wipe_after << " wrong ones in a row\n";
  if (seen.wiping) std::cout << "  a wipe has begun: the next start goes on with it\n";
  for (const auto& file : seen.files)
    std::cout << "  " << fitted(safe_line(file.name), 12) << "  " << fitted(bytes_text(file.bytes), 10) << "  "
              << (file.what.empty() ? "not of the vault" : file.what) << "\n";
  std::cout << "what is in use, how many passphrases there are and all that is written do not show\n";
  return {};
}

void add_vault_info(App& app, CLI::App& vault) {
  auto outside = std::make_shared<bool>(false);
  auto* command =
      vault.add_subcommand("info",
                           "What this vault is and how it is set, on one screen.\n"
                           "Without a passphrase, and no terminal to ask on: what its folder shows to anybody");
  command->add_flag("--outside", *outside, "Do not open it");
  app.does(command, [&app, outside] { return info(app, *outside); });
}

}  // namespace lysoen::cli
