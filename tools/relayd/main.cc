// lysoen-relay: stores and forwards what it cannot read. Wires the real world to the relay library.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/try.h"
#include "sync/relay/keys.h"
#include "tools/relayd/log.h"
#include "tools/relayd/serve.h"

namespace lysoen::relayd {

namespace {

constexpr const char* kAbout =
    "A relay for Lysoen: it stores and forwards sealed reports that it cannot read.\n\n"
    "First time:\n"
    "  lysoen-relay keygen --store /var/lib/lysoen      prints the relay's key: give it to the team's admin\n"
    "  lysoen-relay team add --store /var/lib/lysoen KEY    KEY is what the admin got from 'lysoen team create'\n"
    "  lysoen-relay serve --store /var/lib/lysoen --listen 127.0.0.1:8470\n\n"
    "For good, with a configuration file (lysoen-relay.toml of this package shows every setting):\n"
    "  lysoen-relay check --config /etc/lysoen/relay.toml --config-only     is it sound, and what holds\n"
    "  lysoen-relay serve --config /etc/lysoen/relay.toml\n";

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 internal, 2 usage, 3 input refused, 6 damaged, 8 store in use, 9 trust refused,\n"
    "7 cancelled, 10 storage full or read-only. All commands work while the relay serves.";

Result<std::string> key_text(const Places& places) {
  LYSOEN_ASSIGN(auto file, relay::read_key_file(places.key_file));
  return relay_key_text(relay::public_half(file.keys));
}

// Making a key twice would lock every device out: a second call shows the key that is there.
int keygen(const Places& places, Environment environment) {
  if (::mkdir(places.folder.c_str(), 0700) != 0 && errno != EEXIST)
    return complain(make_error(ErrorCode::storage_read_only,
                               "cannot make the relay's folder: " + std::string(std::strerror(errno)),
                               "make it yourself, for the relay's user alone (mode 0700), or choose another"));
  auto made = relay::make_key_file(places.key_file, environment);
  bool there = !made.ok() && made.error().code == ErrorCode::already_exists;
  if (!made.ok() && !there) return complain(made.error());
  auto text = key_text(places);
  if (!text.ok()) return complain(text.error());
  if (there) std::fprintf(stderr, "the relay has its key already; this is it\n");
  std::printf("%s\n", text->c_str());
  return 0;
}

int obey(const Places& places, const relay::Quotas& quotas, const Order& order, Environment environment) {
  auto outcome = give(places, quotas, order, environment);
  std::fwrite(outcome.out.data(), 1, outcome.out.size(), stdout);
  std::fflush(stdout);
  return outcome.error ? complain(*outcome.error) : 0;
}

// What the command line said. It goes before the configuration file, and that before the defaults.
struct Arguments {
  std::optional<std::string> config, store, key_file, listen, certificate, certificate_key;
  std::optional<int> threads;
  std::filesystem::path port_file;
  bool config_only = false;
  Order order;
};

Result<Config> settle(const Arguments& arguments) {
  Config config;
  if (arguments.config) {
    LYSOEN_ASSIGN(config, read_config(*arguments.config));
  }
  auto over = [](auto& value, const auto& said) {
    if (said) value = *said;
  };
  over(config.store, arguments.store);
  over(config.key_file, arguments.key_file);
  over(config.listen, arguments.listen);
  over(config.listener.certificate_file, arguments.certificate);
  over(config.listener.key_file, arguments.certificate_key);
  over(config.listener.threads, arguments.threads);
  if (config.store.empty())
    return make_error(ErrorCode::usage, "the relay's folder is not named",
                      "--store FOLDER, or --config FILE with a line store = \"FOLDER\"");
  return config;
}

Places places_of(const Config& config) {
  Places places{config.store, config.key_file};
  if (config.key_file.empty()) places.key_file = places.folder / "relay.key";
  return places;
}

// The configuration alone: what it says holds together; then every setting as it holds.
int tell_config(const Config& config) {
  auto sound = check_config(config);
  if (!sound.ok()) return complain(sound.error());
  std::printf("# sound; every setting as it holds:\n%s", to_toml(config).c_str());
  return 0;
}

CLI::App* with_store(CLI::App* command, Arguments& arguments) {
  command->add_option("--config", arguments.config, "The configuration file; what is given beside it goes before it")
      ->envname("LYSOEN_RELAY_CONFIG");
  command->add_option("--store", arguments.store, "The relay's folder: key file, store, orders")
      ->envname("LYSOEN_RELAY_STORE");
  command->add_option("--key-file", arguments.key_file,
                      "The key file, if it lies elsewhere (better on another disk than its backups)");
  return command;
}

void add_order(CLI::App* command, Arguments& arguments, const char* verb) {
  with_store(command, arguments)->add_flag("--json", arguments.order.json, "One JSON document on stdout");
  command->callback([&arguments, verb] { arguments.order.verb = verb; });
}

void add_team_commands(CLI::App& app, Arguments& arguments) {
  auto* team =
      app.add_subcommand("team", "Which teams this relay serves; none until you add them")->require_subcommand(1);
  auto* add = team->add_subcommand("add", "Serve a team");
  add_order(add, arguments, "team-add");
  add->add_option("key", arguments.order.argument, "The team's key, lysoen-team:1:..., from its admin")->required();
  add->add_option("--token", arguments.order.token, "A one-time token from 'lysoen-relay token'");
  add_order(team->add_subcommand("list", "The teams and how much each stores"), arguments, "team-list");
  auto* remove = team->add_subcommand("remove", "Stop serving a team; what it stored is kept");
  add_order(remove, arguments, "team-remove");
  remove->add_option("team", arguments.order.argument, "Its key, its id, or the id's first 8 digits or more")
      ->required();
  auto* purge = team->add_subcommand("purge", "Delete what a removed team stored");
  add_order(purge, arguments, "team-purge");
  purge->add_option("team", arguments.order.argument, "Its key, its id, or the id's first 8 digits or more")
      ->required();
}

void add_serve(CLI::App& app, Arguments& arguments) {
  auto* serve = with_store(app.add_subcommand("serve", "Serve until SIGTERM"), arguments);
  serve->add_option("--listen", arguments.listen,
                    "Address and port, 127.0.0.1:8470 if not given; port 0 takes a free one and prints it");
  auto* certificate =
      serve->add_option("--tls-cert", arguments.certificate, "PEM file: certificate and chain; turns TLS on");
  auto* key = serve->add_option("--tls-key", arguments.certificate_key, "PEM file: its private key");
  certificate->needs(key);
  key->needs(certificate);
  serve->add_option("--port-file", arguments.port_file, "Write the port to this file once connections are taken");
  serve->add_option("--threads", arguments.threads, "Network threads, 2 if not given")->check(CLI::Range(1, 64));
  serve->footer(
      "Logs are JSON lines on stderr, without addresses or contents. GET /healthz says ok; GET /metrics, from this\n"
      "machine only, gives Prometheus text. Limits, quotas and the rest are settings of the configuration file.");
}

Error misuse(const CLI::ParseError& error, const std::string& command) {
  std::string why = error.what();
  if (why.starts_with("A subcommand")) why = "a command is missing, or there is none of that name";
  if (!why.empty()) why.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(why.front())));
  return make_error(ErrorCode::usage, why.substr(0, why.find('\n')), "`" + command + " --help` shows what it takes");
}

/// "lysoen-relay team add": as far as the words were commands.
std::string command_in(const CLI::App& app) {
  auto chosen = app.get_subcommands();
  return app.get_name() + (chosen.empty() ? "" : " " + command_in(*chosen.front()));
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kAbout, "lysoen-relay");
  app.require_subcommand(1);
  app.footer(kFooter);
  add_serve(app, arguments);
  with_store(app.add_subcommand("keygen", "Make the relay's key and print its public half"), arguments);
  add_team_commands(app, arguments);
  add_order(app.add_subcommand("token", "Make a one-time token with which one team may be added"), arguments, "token");
  auto* check = app.add_subcommand("check", "Verify the configuration, and every signature, chain and counter");
  add_order(check, arguments, "check");
  check->add_flag("--config-only", arguments.config_only,
                  "Only the configuration: whether it is sound, and every setting as it holds");
  auto* backup = app.add_subcommand("backup", "Copy the store into a new folder, while the relay serves");
  add_order(backup, arguments, "backup");
  backup->add_option("folder", arguments.order.argument, "The new folder; the relay's user must be able to make it")
      ->required();
  backup->footer(
      "To restore: stop the relay, put the folder in the place of FOLDER/store, start. The relay notices that it is of "
      "an\n"
      "older day, and devices send again what it lacks. The key file is not in the backup: keep a copy of it "
      "elsewhere.");
  auto* import =
      app.add_subcommand("import", "Take in bundles that devices wrote for this relay, while it serves or not");
  add_order(import, arguments, "import");
  import->add_option("files", arguments.order.files, "The files, in any order; twice changes nothing")->required();
  import->footer(
      "A device writes them with `lysoen bundle export --relay`. What they bring is checked as in an exchange: it "
      "must\n"
      "be signed by members, and quotas hold. Authors get their receipts with their next sync. While the relay "
      "serves,\n"
      "it reads the files itself: they must be where its user may read them (under systemd below the store's folder).");
  add_order(app.add_subcommand("inspect", "Show all that this relay knows"), arguments, "inspect");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help was asked for
    return complain(misuse(error, command_in(app)));
  }
  auto environment = system_environment();
  auto config = settle(arguments);
  if (!config.ok()) return complain(config.error());
  auto places = places_of(*config);
  if (app.got_subcommand("serve")) return serve(places, *config, arguments.port_file, environment);
  if (app.got_subcommand("keygen")) return keygen(places, environment);
  if (arguments.config_only) return tell_config(*config);
  if (app.got_subcommand("check") && arguments.config) {
    auto sound = check_config(*config);
    if (!sound.ok()) return complain(sound.error());
  }
  if (!arguments.order.argument.empty() && app.got_subcommand("backup")) {
    std::error_code error;  // the serving process has a working folder of its own
    arguments.order.argument = std::filesystem::absolute(arguments.order.argument, error).lexically_normal();
  }
  for (auto& file : arguments.order.files) {
    std::error_code error;
    file = std::filesystem::absolute(file, error).lexically_normal();
  }
  return obey(places, config->quotas, arguments.order, environment);
}

}  // namespace

}  // namespace lysoen::relayd

int main(int argc, char** argv) {
  return lysoen::relayd::run(argc, argv);
}
