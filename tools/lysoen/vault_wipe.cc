// lysoen vault wipe, wipe-after, duress: for the day when somebody else holds the device. docs/guides/duress.md
#include <iostream>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr const char* kAboutWipe =
    "Makes what this passphrase opens unreadable for ever, by you too\n"
    "\n"
    "Within half a second no passphrase opens it any more; then its files are overwritten, and if that is stopped, "
    "the\n"
    "next start goes on with it. What was sent stays with your team; what was not sent is lost. Flash storage may "
    "keep\n"
    "old copies, which are as strong as your passphrase.\n"
    "\n"
    "  lysoen vault wipe              asks first\n"
    "  lysoen vault wipe --all        also what other passphrases open on this device";

constexpr const char* kAboutDuress =
    "A second passphrase to say under force: it opens a cover, and wipes this vault\n"
    "\n"
    "The cover is an ordinary vault on the same device, with what you put there, so that there is something to see. "
    "It\n"
    "has two passphrases: the ordinary one opens it and does nothing else, for filling it; the duress one opens it "
    "and\n"
    "wipes this vault, for everybody who uses this vault on this device. It is a screen for a person who looks on. A\n"
    "laboratory can find out that there was more, and earlier copies of the device are not reached:\n"
    "read docs/guides/duress.md before you rely on it.\n"
    "\n"
    "  lysoen vault duress add        asks for both passphrases\n"
    "  lysoen --vault v report new    with the ordinary one, now and then: an empty cover helps nobody\n"
    "  lysoen vault duress status";

Result<void> confirm_wipe(App& app, Vault& vault, bool yes, WipeScope scope) {
  if (yes) return {};
  if (!can_ask())
    return make_error(ErrorCode::usage, "nothing was wiped: there is no terminal to ask on",
                      "add --yes if it is meant");
  say(scope == WipeScope::everything ? "everything that any passphrase opens on this device will be gone for ever"
                                     : "everything that this passphrase opens will be gone for ever");
  LYSOEN_ASSIGN(auto answer, app.ask_line(vault, "type WIPE to do it: "));
  if (answer == "WIPE") return {};
  return make_error(ErrorCode::cancelled, "nothing was wiped", "type WIPE in capital letters if it is meant");
}

Result<void> wipe(App& app, WipeScope scope, bool yes) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_TRY(confirm_wipe(app, *vault, yes, scope));
  LYSOEN_TRY(vault->wipe(scope));
  if (app.print_json({{"wiped", scope == WipeScope::everything ? "everything" : "vault"}})) return {};
  say("wiped: no passphrase opens it any more");
  return {};
}

Result<void> wipe_after(App& app, const std::string& wanted) {
  uint32_t failures = 0;
  bool number = !wanted.empty() && wanted.size() <= 4 && wanted.find_first_not_of("0123456789") == std::string::npos;
  if (number) failures = static_cast<uint32_t>(std::stoul(wanted));
  if (wanted != "never" && failures == 0)
    return make_error(ErrorCode::usage, "after how many wrong passphrases is neither a number nor 'never'",
                      "`lysoen vault wipe-after 10`, or never");
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_TRY(vault->set_wipe_after(failures));
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"wipe_after", failures ? json(failures) : json()}})) return {};
  say(failures ? wanted + " wrong passphrases in a row wipe everything on this device"
               : "wrong passphrases wipe nothing, however many");
  return {};
}

struct CoverFiles {
  std::string ordinary, duress;
};

Result<void> add_cover(App& app, const CoverFiles& files) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto ordinary,
                app.secret("ordinary passphrase of the cover", files.ordinary, "LYSOEN_COVER_PASSPHRASE", true));
  LYSOEN_ASSIGN(auto duress, app.secret("duress passphrase", files.duress, "LYSOEN_DURESS_PASSPHRASE", true));
  for (std::string_view word : {std::string_view(ordinary), std::string_view(duress)}) LYSOEN_TRY(app.judge(word));
  LYSOEN_TRY(vault->make_cover({ordinary, duress}));
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"cover", "ready"}})) return {};
  say("made: the duress passphrase opens the cover and wipes this vault, for all who use it on this device");
  say("open the cover with its ordinary passphrase and put something there that may be seen");
  return {};
}

Result<void> remove_cover(App& app, bool yes) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  if (!yes && !can_ask())
    return make_error(ErrorCode::usage, "nothing was removed: there is no terminal to ask on",
                      "add --yes if it is meant");
  if (!yes) {
    LYSOEN_ASSIGN(bool meant, app.ask_yes(*vault, "wipe the cover with all that is in it"));
    if (!meant) return make_error(ErrorCode::cancelled, "nothing was removed", "answer y if it is meant");
  }
  LYSOEN_TRY(vault->remove_cover());
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"cover", "none"}})) return {};
  say("removed: there is no duress passphrase on this device");
  return {};
}

Result<void> status(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto settings, vault->wipe_settings());
  bool made = settings.cover != WipeSettings::Cover::none;
  if (app.print_json({{"may_wipe", settings.allowed},
                      {"wipe_after", settings.wipe_after ? json(settings.wipe_after) : json()},
                      {"cover", name_of(settings.cover)},
                      {"cover_made", made ? json(utc_text(settings.cover_made)) : json()}}))
    return {};
  for (const auto& line : wipe_lines(settings)) std::cout << line << "\n";
  return {};
}

}  // namespace

void add_vault_wipe(App& app, CLI::App& vault) {
  struct Wanted {
    bool all = false, yes = false;
    std::string after;
    CoverFiles files;
  };
  auto wanted = std::make_shared<Wanted>();
  auto* wiping = vault.add_subcommand("wipe", kAboutWipe);
  wiping->add_flag("--all", wanted->all, "Also what other passphrases open on this device");
  wiping->add_flag("--yes", wanted->yes, "Do not ask");
  app.does(wiping, [&app, wanted] {
    return wipe(app, wanted->all ? WipeScope::everything : WipeScope::this_vault, wanted->yes);
  });
  auto* after = vault.add_subcommand("wipe-after",
                                     "Wipe everything after so many wrong passphrases in a row: 5 to 100, or never");
  after->add_option("count", wanted->after, "5 to 100, or never")->required();
  app.does(after, [&app, wanted] { return wipe_after(app, wanted->after); });

  auto* duress = vault.add_subcommand("duress", kAboutDuress);
  duress->require_subcommand(1);
  auto* add = duress->add_subcommand("add", "Make the cover and both of its passphrases");
  add->add_option("--cover-passphrase-file", wanted->files.ordinary,
                  "A file whose first line opens the cover and nothing else happens (or LYSOEN_COVER_PASSPHRASE)");
  add->add_option("--duress-passphrase-file", wanted->files.duress,
                  "A file whose first line opens the cover and wipes this vault (or LYSOEN_DURESS_PASSPHRASE)");
  app.does(add, [&app, wanted] { return add_cover(app, wanted->files); });
  auto* gone = duress->add_subcommand("remove", "Wipe the cover; there is no duress passphrase any more");
  gone->add_flag("--yes", wanted->yes, "Do not ask");
  app.does(gone, [&app, wanted] { return remove_cover(app, wanted->yes); });
  app.does(duress->add_subcommand("status", "What is set, and whether the team allows it"),
           [&app] { return status(app); });
}

}  // namespace lysoen::cli
