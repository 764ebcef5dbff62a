// What every command shares: the options before the command, the vault, and how results reach people and scripts.
//
// A command file adds one command (with its subcommands) to the command line; its work is a function that answers a
// Result. Reading commands put one JSON document on standard output with --json, plain text otherwise; everything that
// is not the result (messages, progress, questions) goes to standard error. Exit codes: lysoen/result.h. While a vault
// is open a command that is asked to end does so in order, at the latest when it is done.
#pragma once
#include <lysoen/key_guard.h>
#include <lysoen/vault.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/lysoen/secret_text.h"
#include "tools/lysoen/shifted_clock.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

using json = nlohmann::ordered_json;

class App {
 public:
  App();
  /// Runs one command line; answers the exit code.
  int run(int argc, char** argv);

  CLI::App& commands() { return cli_; }
  /// Makes `work` what `command` does.
  void does(CLI::App* command, std::function<Result<void>()> work);

  const Environment& environment() const { return environment_; }
  bool as_json() const { return json_; }
  /// Opens the vault of --vault or LYSOEN_VAULT with the passphrase. Errors: usage (no vault named), those of
  /// Vault::open.
  Result<std::unique_ptr<Vault>> open_vault();
  /// Opens it, or makes it if the folder is missing or empty (the passphrase is then asked for twice).
  Result<std::unique_ptr<Vault>> open_or_create_vault();
  Result<std::filesystem::path> vault_folder() const;
  /// For a new vault: its key's cost is measured here, unless it was given.
  CreateOptions create_options() const;
  /// --passphrase-file, else LYSOEN_PASSPHRASE, else asked for on the terminal.
  Result<SecretText> passphrase(bool twice);
  /// Whether it is there without asking.
  bool passphrase_given() const;
  /// A second secret (of the root key): `option` is a file or empty, `variable` the environment's name for it
  /// (overwritten there once it was read).
  Result<SecretText> secret(const std::string& what, const std::string& option, const char* variable, bool twice);

  /// Says how long a chosen passphrase would hold. Refuses one that would be guessed at once, unless --weak.
  Result<void> judge(std::string_view passphrase, std::span<const std::string> known = {}) const;
  /// Asks while the vault is open. Errors: locked, if nobody answers for as long as --idle-lock says; cancelled.
  Result<std::string> ask_line(Vault& vault, std::string_view question) const;
  /// The same; anything but y or yes is no.
  Result<bool> ask_yes(Vault& vault, std::string_view question) const;
  /// 0: never.
  uint32_t idle_lock_seconds() const { return idle_lock_seconds_; }

  /// The result of a reading command, if --json; otherwise nothing happens.
  bool print_json(const json& document) const;
  /// Something was done but not all: the exit code becomes that of `code` once the command returns without error.
  void remember(ErrorCode code) { remembered_ = code; }

 private:
  CLI::App cli_;
#ifdef LYSOEN_TEST_BUILD
  ShiftedClock clock_{system_environment().clock};
  Environment environment_{clock_, system_environment().random};
#else
  Environment environment_ = system_environment();
#endif
  std::string vault_, passphrase_file_, guard_folder_;
  std::unique_ptr<KeyGuard> guard_;
  std::string key_cost_ = "measured";
  bool json_ = false, weak_ = false;
  uint32_t idle_lock_seconds_ = 300;
  std::optional<KeyCost> cost_;  // else it is measured
  std::function<Result<void>()> work_;
  std::optional<Interruptible> interruptible_;  // from the first opening of a vault on
  std::optional<ErrorCode> remembered_;
};

/// What a vault's folder shows without a passphrase: vault_info.cc.
Result<void> show_vault_files(App& app, const std::filesystem::path& folder);

// One function a file: adds its commands.
void add_init(App& app);
void add_team(App& app);
void add_join(App& app);
void add_report(App& app);
void add_report_changes(App& app, CLI::App& report);
void add_report_files(App& app, CLI::App& report);
void add_forms(App& app);
void add_import(App& app);
void add_sync(App& app);
void add_bundle(App& app);
void add_export(App& app);
void add_inspect(App& app);
void add_status(App& app);
void add_disclose(App& app);
void add_vault(App& app);
void add_vault_check(App& app, CLI::App& vault);
void add_vault_info(App& app, CLI::App& vault);
void add_vault_keep(App& app, CLI::App& vault);
void add_vault_lock(App& app, CLI::App& vault);
void add_vault_wipe(App& app, CLI::App& vault);

}  // namespace lysoen::cli
