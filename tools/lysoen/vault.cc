// lysoen vault: what concerns the vault itself, not what is in it.
#include <iostream>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr const char* kAboutPassphrases =
    "The passphrases that open this vault: up to 8, each opens all of it\n"
    "\n"
    "A second one is for a colleague who shares the device, or for a paper in a safe. `change` replaces the one that\n"
    "you open the vault with now; the old one works until the new one is known to work. After three wrong ones in a\n"
    "row each further try has to wait, 1 s, 2 s, 4 s up to 15 minutes. Nobody can read the vault without a "
    "passphrase:\n"
    "there is no other way in, for you neither.\n"
    "\n"
    "  lysoen vault passphrase list\n"
    "  lysoen vault passphrase change                          asks for the new one twice\n"
    "  lysoen vault passphrase add --new-passphrase-file F     for scripts (or LYSOEN_NEW_PASSPHRASE)\n"
    "  lysoen vault passphrase remove 2                        the number is that of the list";

Result<void> list(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto passphrases, vault->passphrases());
  LYSOEN_ASSIGN(auto wiping, vault->wipe_settings());
  json document = json::array();
  for (const auto& one : passphrases)
    document.push_back({{"number", one.number}, {"added", utc_text(one.added)}, {"current", one.current}});
  if (app.print_json({{"passphrases", document}, {"may_wipe", wiping.allowed}})) return {};
  for (const auto& one : passphrases)
    std::cout << one.number << "  added " << utc_text_short(one.added) << (one.current ? "  this one" : "") << "\n";
  if (!wiping.allowed)
    std::cout << alarm("a duress passphrase wipes nothing here: the team's policy forbids it") << "\n";
  return {};
}

/// Words that somebody who knows the user would try first.
std::vector<std::string> known_words(Vault& vault) {
  std::vector<std::string> words;
  if (auto team = vault.team_view()) {
    words.push_back(team->name);
    for (const auto& member : team->members) words.push_back(member.name);
  }
  return words;
}

Result<void> set_passphrase(App& app, const std::string& file, bool instead) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto word, app.secret("new passphrase", file, "LYSOEN_NEW_PASSPHRASE", true));
  LYSOEN_TRY(app.judge(word, known_words(*vault)));
  LYSOEN_ASSIGN(uint32_t number, instead ? vault->change_passphrase(word) : vault->add_passphrase(word));
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"number", number}})) return {};
  say(instead ? "changed: from now on the new passphrase opens the vault, the old one does not"
              : "added: it opens the vault like the others, its number is " + std::to_string(number));
  return {};
}

Result<void> remove(App& app, uint32_t number) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_TRY(vault->remove_passphrase(number));
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"removed", number}})) return {};
  say("removed: passphrase " + std::to_string(number) + " does not open the vault any more");
  return {};
}

}  // namespace

void add_vault(App& app) {
  auto* vault = app.commands().add_subcommand(
      "vault", "The vault itself: its passphrases, what stays in it, moving it, and what to do under force");
  vault->require_subcommand(1);
  add_vault_info(app, *vault);
  add_vault_lock(app, *vault);
  add_vault_check(app, *vault);
  add_vault_keep(app, *vault);
  auto* passphrase = vault->add_subcommand("passphrase", kAboutPassphrases);
  passphrase->require_subcommand(1);
  app.does(passphrase->add_subcommand("list", "Numbers and dates; never the words"), [&app] { return list(app); });
  for (bool instead : {false, true}) {
    auto file = std::make_shared<std::string>();
    auto* command = passphrase->add_subcommand(instead ? "change" : "add",
                                               instead ? "A new one in place of the one used now" : "One more");
    command->add_option("--new-passphrase-file", *file,
                        "A file whose first line is the new passphrase (or LYSOEN_NEW_PASSPHRASE)");
    app.does(command, [&app, file, instead] { return set_passphrase(app, *file, instead); });
  }
  auto number = std::make_shared<uint32_t>(0);
  auto* gone = passphrase->add_subcommand("remove", "Never the last one");
  gone->add_option("number", *number, "Its number in the list")->required();
  app.does(gone, [&app, number] { return remove(app, *number); });
  add_vault_wipe(app, *vault);
}

}  // namespace lysoen::cli
