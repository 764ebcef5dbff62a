#include "tools/lysoen/app.h"

#include <fcntl.h>
#include <lysoen/passphrase.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "tools/lysoen/remains.h"

namespace lysoen::cli {

namespace {

constexpr const char* kAbout =
    "lysoen: reports from places without network or safety.\n"
    "\n"
    "Reports are written offline into an encrypted vault, travel sealed through a relay that cannot read them,\n"
    "and are merged by coordinators. A vault is a folder: name it with --vault or LYSOEN_VAULT.\n"
    "\n"
    "  lysoen --vault v report new --form police-incident --set title='...'    write, offline\n"
    "  lysoen --vault v report submit ID                                       seal it for the team\n"
    "  lysoen --vault v sync                                                   when there is a connection\n";

constexpr const char* kExits =
    "exit codes: 0 done, 1 internal, 2 usage, 3 input refused, 4 wrong passphrase, 5 no network, 6 damaged data,\n"
    "7 partly done or ended on request (Ctrl-C, SIGTERM), 8 vault in use, 9 trust refused, 10 storage full or "
    "read-only";

Result<SecretText> first_line_of(const std::string& file) {
  int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  auto line = read_secret_line(descriptor);
  if (descriptor >= 0) close(descriptor);
  if (line || line.error().code == ErrorCode::input_refused) return line;
  return make_error(ErrorCode::usage, "cannot read the passphrase file: it is missing, empty or not readable",
                    "check the path and its permissions; its first line is the passphrase");
}

/// Takes a secret out of the environment: nothing of it is left there.
Result<SecretText> taken_from_environment(const char* variable, char* given) {
  SecretText secret;
  bool fits = true;
  for (volatile char* at = given; *at != 0; ++at) {
    fits = fits && secret.append(*at);
    *at = 0;
  }
  unsetenv(variable);
  if (fits) return secret;
  return make_error(ErrorCode::input_refused, "cannot take the passphrase: it is longer than 1,024 bytes",
                    "choose a shorter one");
}

/// A command line that makes no sense. Stray words are not repeated: they may be an answer that lost its option.
Error misuse(const CLI::ParseError& error, const std::string& command) {
  std::string why = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error))
    why = "there is a word or an option that this command does not take";
  if (why.starts_with("A subcommand")) why = "a command is missing, or there is none of that name";
  if (!why.empty()) why.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(why.front())));
  return make_error(ErrorCode::usage, why.substr(0, why.find('\n')), "`" + command + " --help` shows what it takes");
}

/// "lysoen report new": as far as the words were commands.
std::string command_in(const CLI::App& app) {
  auto chosen = app.get_subcommands();
  return app.get_name() + (chosen.empty() ? "" : " " + command_in(*chosen.front()));
}

#ifdef LYSOEN_TEST_BUILD
/// Waits there, for whoever wants to look at the process's memory, until it is told to go on.
void stop_at(std::string_view moment) {
  const char* asked = std::getenv("LYSOEN_TEST_STOP");
  if (asked && asked == moment) std::raise(SIGSTOP);
}
#else
void stop_at(std::string_view) {}
#endif

}  // namespace

App::App() : cli_(kAbout, "lysoen") {
  cli_.footer(kExits);
  cli_.require_subcommand(1);
  cli_.set_version_flag("--version", std::string("lysoen ") + LYSOEN_VERSION);
  cli_.add_option("--vault", vault_, "The vault's folder (or LYSOEN_VAULT)")->envname("LYSOEN_VAULT");
  cli_.add_option("--passphrase-file", passphrase_file_,
                  "A file whose first line is the passphrase (or LYSOEN_PASSPHRASE)");
  cli_.add_option("--guard", guard_folder_,
                  "A folder, best on another medium, that holds half of the vault's key (or LYSOEN_GUARD)")
      ->envname("LYSOEN_GUARD");
  cli_.add_option("--idle-lock", idle_lock_seconds_,
                  "Seconds after which a vault that waits for an answer locks itself; 0 never (or LYSOEN_IDLE_LOCK)")
      ->envname("LYSOEN_IDLE_LOCK");
  cli_.add_option(
          "--key-cost", key_cost_,
          "What the key of a new vault costs: 'measured', about a second on this device, or 'least', for trials "
          "and scripts (or LYSOEN_KEY_COST)")
      ->envname("LYSOEN_KEY_COST")
      ->check(CLI::IsMember({"measured", "least"}))
      ->capture_default_str();
  cli_.add_flag("--weak", weak_, "Take a new passphrase although it would be guessed at once");
  cli_.add_flag("--json", json_, "One JSON document on standard output, for scripts");
  cli_.fallthrough();
#ifdef LYSOEN_TEST_BUILD
  auto test_cost = [this](const char* option, const char* variable, uint32_t KeyCost::*part) {
    auto set = [this, part](uint32_t value) {
      if (!cost_) cost_.emplace();
      (*cost_).*part = value;
    };
    cli_.add_option_function<uint32_t>(option, set, "Cost of the passphrase's key (test build only)")
        ->envname(variable);
  };
  test_cost("--test-key-memory", "LYSOEN_TEST_KEY_MEMORY", &KeyCost::memory_kib);
  test_cost("--test-key-passes", "LYSOEN_TEST_KEY_PASSES", &KeyCost::passes);
  cli_.add_option("--test-clock-days", clock_.days, "Days by which the clock is wrong (test build only)")
      ->envname("LYSOEN_TEST_CLOCK_DAYS");
  if (const char* planted = std::getenv("LYSOEN_TEST_FAULT")) LYSOEN_CHECK(fault::plant(planted));
#endif
}

void App::does(CLI::App* command, std::function<Result<void>()> work) {
  command->callback([this, work = std::move(work)] { work_ = work; });
}

int App::run(int argc, char** argv) {
  try {
    cli_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return cli_.exit(error, std::cout, std::cerr);  // help or version was asked for
    say_error(misuse(error, command_in(cli_)));
    return exit_code_for(ErrorCode::usage);
  }
  if (!work_) return exit_code_for(ErrorCode::usage);
  if (!guard_folder_.empty()) {
    guard_ = file_key_guard(guard_folder_, environment_.random);
    environment_.guard = guard_.get();
  }
  auto result = work_();
  wipe_remains();
  stop_at("locked");
  if (!result.ok()) {
    say_error(result.error());
    return exit_code_for(result.error().code);
  }
  return remembered_ ? exit_code_for(*remembered_) : 0;
}

Result<std::filesystem::path> App::vault_folder() const {
  if (vault_.empty())
    return make_error(ErrorCode::usage, "no vault was named", "use --vault FOLDER or set LYSOEN_VAULT");
  return std::filesystem::path(vault_);
}

Result<SecretText> App::passphrase(bool twice) {
  return secret("passphrase of the vault", passphrase_file_, "LYSOEN_PASSPHRASE", twice);
}

bool App::passphrase_given() const {
  return !passphrase_file_.empty() || std::getenv("LYSOEN_PASSPHRASE") != nullptr;
}

Result<SecretText> App::secret(const std::string& what, const std::string& option, const char* variable, bool twice) {
  if (!option.empty()) return first_line_of(option);
  if (char* given = std::getenv(variable)) return taken_from_environment(variable, given);
  LYSOEN_ASSIGN(SecretText first, ask_secret(what));
  if (twice) {
    LYSOEN_ASSIGN(SecretText second, ask_secret("once more"));
    if (first.view() != second.view())
      return make_error(ErrorCode::input_refused, "the two passphrases differ", "try again");
  }
  return first;
}

Result<std::unique_ptr<Vault>> App::open_vault() {
  LYSOEN_ASSIGN(auto folder, vault_folder());
  (void)Vault::resume_wipe(folder, environment_);        // before anybody is asked; its failure shows to nobody
  auto open = [&]() -> Result<std::unique_ptr<Vault>> {  // the passphrase is gone once it returns
    LYSOEN_ASSIGN(SecretText word, passphrase(false));
    return Vault::open(folder, word, environment_);
  };
  if (!interruptible_) interruptible_.emplace();
  LYSOEN_ASSIGN(auto vault, open());
  vault->lock_when_idle(std::chrono::seconds(idle_lock_seconds_));
  stop_at("opened");
  return vault;
}

Result<void> App::judge(std::string_view passphrase, std::span<const std::string> known) const {
  if (passphrase.empty()) return {};  // refused by the vault
  auto strength = passphrase_strength(passphrase, cost_.value_or(KeyCost()), known);
  bool at_once = strength.level == PassphraseStrength::Level::at_once;
  if (at_once && !weak_)
    return make_error(ErrorCode::input_refused, "cannot take the passphrase: it " + strength.sentence,
                      strength.hint + "; --weak takes it all the same");
  say("this passphrase " + strength.sentence);
  if (!strength.hint.empty()) say("hint: " + strength.hint);
  return {};
}

Result<std::string> App::ask_line(Vault& vault, std::string_view question) const {
  auto answer = cli::ask_line(question, std::chrono::seconds(idle_lock_seconds_), [&vault] { (void)vault.idle(); });
  if (answer) return std::move(*answer);
  (void)vault.lock();
  if (interruptible_ && interruptible_->asked())
    return make_error(ErrorCode::cancelled, "asked to end, so the vault was locked", "run the command again");
  return make_error(ErrorCode::locked, "nobody answered, so the vault was locked", "run the command again");
}

Result<bool> App::ask_yes(Vault& vault, std::string_view question) const {
  LYSOEN_ASSIGN(auto answer, ask_line(vault, std::string(question) + "? [y/N] "));
  return answer == "y" || answer == "yes";
}

CreateOptions App::create_options() const {
  CreateOptions options;
  if (cost_)
    options.cost = *cost_;
  else if (key_cost_ == "measured")
    options.calibrate_for = system_memory();
  return options;
}

Result<std::unique_ptr<Vault>> App::open_or_create_vault() {
  LYSOEN_ASSIGN(auto folder, vault_folder());
  std::error_code ignored;
  bool is_new = !std::filesystem::exists(folder, ignored) || std::filesystem::is_empty(folder, ignored);
  if (!is_new) return open_vault();
  LYSOEN_ASSIGN(SecretText word, passphrase(true));
  LYSOEN_TRY(judge(word));
  if (!interruptible_) interruptible_.emplace();
  LYSOEN_ASSIGN(auto vault, Vault::create(folder, word, create_options(), environment_));
  vault->lock_when_idle(std::chrono::seconds(idle_lock_seconds_));
  return vault;
}

bool App::print_json(const json& document) const {
  if (json_) std::cout << document.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  return json_;
}

}  // namespace lysoen::cli
