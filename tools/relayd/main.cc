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
    "  lysoen-relay serve --store /var/lib/lysoen --listen 127.0.0.1:8470\n";

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 internal, 2 usage, 3 input refused, 6 damaged, 8 store in use, 9 trust refused,\n"
    "10 storage full or read-only. All commands work while the relay serves.";

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

int obey(const Places& places, const Order& order, Environment environment) {
  auto outcome = give(places, order, environment);
  std::fwrite(outcome.out.data(), 1, outcome.out.size(), stdout);
  std::fflush(stdout);
  return outcome.error ? complain(*outcome.error) : 0;
}

struct Arguments {
  std::string store, key_file;
  ServeOptions serve;
  Order order;

  Places places() const {
    Places places{store, key_file};
    if (key_file.empty()) places.key_file = places.folder / "relay.key";
    return places;
  }
};

CLI::App* with_store(CLI::App* command, Arguments& arguments) {
  command->add_option("--store", arguments.store, "The relay's folder: key file, store, orders")
      ->required()
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
  serve->add_option("--listen", arguments.serve.listen, "Address and port; port 0 takes a free one and prints it")
      ->capture_default_str();
  auto* certificate =
      serve->add_option("--tls-cert", arguments.serve.certificate, "PEM file: certificate and chain; turns TLS on");
  auto* key = serve->add_option("--tls-key", arguments.serve.certificate_key, "PEM file: its private key");
  certificate->needs(key);
  key->needs(certificate);
  serve->add_option("--port-file", arguments.serve.port_file, "Write the port to this file once connections are taken");
  serve->add_option("--threads", arguments.serve.threads, "Network threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  serve->footer(
      "Logs are JSON lines on stderr, without addresses or contents. GET /healthz says ok; GET /metrics, from this\n"
      "machine only, gives Prometheus text.");
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
  add_order(app.add_subcommand("check", "Verify every signature, chain and counter in the store"), arguments, "check");
  add_order(app.add_subcommand("inspect", "Show all that this relay knows"), arguments, "inspect");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help was asked for
    return complain(misuse(error, command_in(app)));
  }
  auto environment = system_environment();
  if (app.got_subcommand("serve")) return serve(arguments.places(), arguments.serve, environment);
  if (app.got_subcommand("keygen")) return keygen(arguments.places(), environment);
  return obey(arguments.places(), arguments.order, environment);
}

}  // namespace

}  // namespace lysoen::relayd

int main(int argc, char** argv) {
  return lysoen::relayd::run(argc, argv);
}
