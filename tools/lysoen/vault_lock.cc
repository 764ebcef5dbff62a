// lysoen vault lock: for the moment when somebody knocks.
#include <lysoen/vault_files.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "core/base/try.h"
#include "tools/lysoen/app.h"

namespace lysoen::cli {

namespace {

constexpr const char* kAboutLock =
    "Lock the vault now, whoever has it open; needs no passphrase\n"
    "\n"
    "A program of yours that has the vault open is asked to end in order, and waited for, 10 seconds at most. Nothing "
    "that\n"
    "was saved is lost, whichever way it ends. If nobody has it open, it says so, goes on with a wipe that was begun, "
    "and\n"
    "tells whether the last session ended in order. With the passphrase given (--passphrase-file, LYSOEN_PASSPHRASE) "
    "it\n"
    "is opened once more and locked in order: what was discarded before is overwritten then.\n"
    "Exit code 8 if the other program did not end";

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kLook{50};

/// What was done about a process that had the vault open.
struct Asked {
  bool was_open = false;
  std::optional<int64_t> process;
};

Error still_open(const Asked& asked) {
  if (asked.process)
    return make_error(ErrorCode::vault_in_use,
                      "cannot lock the vault: process " + std::to_string(*asked.process) +
                          " has it open and did not end within 10 seconds",
                      "end it by other means, or switch the device off: what was saved is there afterwards");
  return make_error(ErrorCode::vault_in_use,
                    "cannot lock the vault: a process has it open that cannot be asked from here",
                    "close the program yourself, or switch the device off: what was saved is there afterwards");
}

/// Asks whoever has it to end, once each, and waits until nobody has it.
Result<Asked> ask_to_end(const std::filesystem::path& folder) {
  Asked asked;
  for (auto waited = std::chrono::milliseconds(0);; waited += kLook) {
    LYSOEN_ASSIGN(auto session, session_of_vault(folder));
    if (!session.open) return asked;
    asked.was_open = true;
    if (waited >= kPatience) return still_open(asked);
    if (session.process && session.process != asked.process && *session.process > 1 && *session.process != getpid()) {
      asked.process = session.process;
      if (kill(static_cast<pid_t>(*session.process), SIGTERM) == 0)
        say("process " + std::to_string(*session.process) + " has it open; it was asked to end");
    }
    std::this_thread::sleep_for(kLook);
  }
}

std::string sentence(const Asked& asked, bool in_order, bool opened) {
  std::string who = asked.was_open ? "the program that had the vault open has ended" : "nobody has the vault open";
  if (opened) return "locked: " + who + "; it was opened once more and locked in order";
  if (in_order) return "locked: " + who + (asked.was_open ? ", in order" : "; its last session ended in order");
  return "locked: " + who + (asked.was_open ? ", but not in order" : "; its last session did not end in order") +
         ". Nothing saved is lost; what was discarded may be overwritten only once it is opened and locked";
}

Result<void> lock(App& app) {
  LYSOEN_ASSIGN(auto folder, app.vault_folder());
  LYSOEN_ASSIGN(auto asked, ask_to_end(folder));
  (void)Vault::resume_wipe(folder, app.environment());  // else the next start does it
  const bool opens = app.passphrase_given();
  if (opens) {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_TRY(vault->lock());
  }
  LYSOEN_ASSIGN(auto session, session_of_vault(folder));
  if (app.print_json({{"locked", true},
                      {"was_open", asked.was_open},
                      {"process", asked.process ? json(*asked.process) : json()},
                      {"in_order", session.in_order},
                      {"opened_and_locked", opens}}))
    return {};
  say(sentence(asked, session.in_order, opens));
  return {};
}

}  // namespace

void add_vault_lock(App& app, CLI::App& vault) {
  app.does(vault.add_subcommand("lock", kAboutLock), [&app] { return lock(app); });
}

}  // namespace lysoen::cli
