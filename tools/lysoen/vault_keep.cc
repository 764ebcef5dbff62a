// lysoen vault purge, backup, restore: what stays on this device, and what moves to another one.
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr size_t kPurgedAtOnce = 256;

Result<void> purge(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto team, vault->team_view());
  Bar bar("purging");
  Interruptible ctrl_c;
  size_t purged = 0;
  for (bool more = true; more && !ctrl_c.asked();) {
    LYSOEN_ASSIGN(auto outcome, vault->purge_due(kPurgedAtOnce));
    purged += outcome.purged;
    more = outcome.more;
    bar.show(purged, purged + (more ? 1 : 0));
  }
  if (app.print_json({{"purged", purged}})) return {};
  say("this device " + policy_text(team.own_policy));
  say(purged == 0 ? "nothing is due" : count_text(purged) + (purged == 1 ? " report" : " reports") + " removed");
  return {};
}

struct BackupArguments {
  std::string file, passphrase_file, invite;
};

Result<SecretText> backup_passphrase(App& app, const BackupArguments& arguments, bool twice) {
  return app.secret("passphrase of the backup", arguments.passphrase_file, "LYSOEN_BACKUP_PASSPHRASE", twice);
}

Result<void> write_backup(App& app, const BackupArguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(SecretText word, backup_passphrase(app, arguments, true));
  LYSOEN_TRY(app.judge(word));
  Bar bar("writing the backup");
  BackupOptions options{{}, [&bar](uint64_t done, uint64_t all) { bar.show(done, all); }};
  LYSOEN_ASSIGN(uint64_t size, vault->backup(arguments.file, word, options));
  if (app.print_json({{"file", arguments.file}, {"bytes", size}})) return {};
  say(bytes_text(size) + " in " + arguments.file +
      "; whoever has it and its passphrase reads what this device reads now");
  say("it keeps what the team's policy removes here later: destroy it when it is not needed any more");
  return {};
}

Result<void> restore(App& app, const BackupArguments& arguments) {
  LYSOEN_ASSIGN(auto folder, app.vault_folder());
  Bytes invite;
  if (!arguments.invite.empty()) {
    LYSOEN_ASSIGN(invite, invite_named(arguments.invite));
    LYSOEN_TRY(check_invite(invite, app.environment().clock.wall()));
  }
  LYSOEN_ASSIGN(SecretText backup_word, backup_passphrase(app, arguments, false));
  LYSOEN_ASSIGN(SecretText word, app.passphrase(true));
  LYSOEN_TRY(app.judge(word));
  Bar bar("restoring");
  RestoreOptions options{backup_word, word, app.create_options(),
                         [&bar](uint64_t done, uint64_t all) { bar.show(done, all); }};
  LYSOEN_ASSIGN(auto vault, Vault::restore(arguments.file, folder, options, app.environment()));
  LYSOEN_ASSIGN(auto status, vault->status());
  json document = {{"reports", status.reports}, {"drafts", status.drafts}, {"unsent_entries", status.unsent_entries}};
  if (!invite.empty()) {
    LYSOEN_ASSIGN(auto joining, vault->join(invite));
    document["check_words"] = joining.check_words;
    say("asked to join; speak these words to the admin: " + joining.check_words);
  }
  if (app.print_json(document)) return {};
  say(count_text(status.reports) + " reports restored, " + count_text(status.drafts) + " of them drafts");
  say(invite.empty()
          ? "this is a new device: ask an admin for an invite, then `lysoen join INVITE`; it writes drafts "
            "until then"
          : "`lysoen join` asks the relay for the welcome; without network: lysoen join INVITE --request FILE");
  return {};
}

}  // namespace

void add_vault_keep(App& app, CLI::App& vault) {
  auto* purging = vault.add_subcommand(
      "purge",
      "Remove now what the team's policy wants removed; every command does a part of it when it ends.\n"
      "Only what was sent goes, and what it says cannot be brought back on this device. That it was sent, when and "
      "how\n"
      "far it came stays: `lysoen report show`. `lysoen team policy show` tells what the policy is.");
  app.does(purging, [&app] { return purge(app); });

  auto arguments = std::make_shared<BackupArguments>();
  auto* backup =
      vault.add_subcommand("backup",
                           "Write what this device holds to a file under a passphrase of its own, for another device.\n"
                           "The keys that make this device a member are not in it: a restored vault is a new device, "
                           "which an admin admits.");
  backup->add_option("file", arguments->file, "The new file; one that exists is never replaced")->required();
  auto* restoring = vault.add_subcommand("restore",
                                         "Make a new vault, in the folder of --vault, from a backup.\n"
                                         "It reads everything and writes drafts at once. To send, it joins with an "
                                         "invite; the admin is shown which device\n"
                                         "it replaces, and it goes on with that device's reports. The old device stays "
                                         "a member until an admin removes it.");
  restoring->add_option("file", arguments->file, "The backup")->required();
  restoring->add_option("--invite", arguments->invite, "Ask to join at once with this invite: a link or a file");
  for (auto* command : {backup, restoring})
    command->add_option("--backup-passphrase-file", arguments->passphrase_file,
                        "A file whose first line is the backup's passphrase (or LYSOEN_BACKUP_PASSPHRASE)");
  app.does(backup, [&app, arguments] { return write_backup(app, *arguments); });
  app.does(restoring, [&app, arguments] { return restore(app, *arguments); });
}

}  // namespace lysoen::cli
