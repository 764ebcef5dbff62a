// lysoen join: from an invite to a member, through a relay or by two files.
#include <iostream>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/network.h"
#include "tools/lysoen/new_file.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr size_t kWelcomeMax = 8 * 1024 * 1024;

struct Arguments {
  std::string invite, request, welcome;
  int wait_seconds = 0;
  NetworkArguments network;
};

Result<void> finish(App& app, Vault& vault, ByteView welcome) {
  LYSOEN_ASSIGN(TeamView team, vault.finish_join(welcome));
  if (app.print_json({{"joined", true}, {"team", team.team.hex()}, {"name", team.name}})) return {};
  say("joined the team '" + safe(team.name) + "'");
  warn_about(team);
  return {};
}

Result<void> through_relay(App& app, Vault& vault, const Vault::Joining& joining, int wait_seconds,
                           const HttpOptions& http) {
  JoinErrand errand{
      .relays = joining.relays, .team = joining.team, .invite_id = joining.invite_id, .request = joining.request};
  errand.sign = [&vault](std::string_view label, ByteView message) { return vault.sign_as_invited(label, message); };
  LYSOEN_ASSIGN(auto outcome,
                join_now(std::move(errand), app.environment(), {.wait = std::chrono::seconds(wait_seconds)}, http));
  if (outcome.failure && !outcome.welcome) return *outcome.failure;
  if (outcome.welcome) return finish(app, vault, *outcome.welcome);
  if (app.print_json({{"joined", false}, {"check_words", joining.check_words}})) return {};
  say("asked to join; speak these words to the admin: " + joining.check_words);
  say("when the admin has admitted you: lysoen join");
  return {};
}

Result<void> join(App& app, const Arguments& arguments) {
  if (!arguments.welcome.empty()) {
    LYSOEN_ASSIGN(Bytes welcome, read_file(arguments.welcome, kWelcomeMax));
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    return finish(app, *vault, welcome);
  }
  LYSOEN_ASSIGN(auto http, http_options(arguments.network));
  Vault::Joining joining;
  std::unique_ptr<Vault> vault;
  if (arguments.invite.empty()) {
    LYSOEN_ASSIGN(vault, app.open_vault());
    LYSOEN_ASSIGN(auto waiting, vault->joining());
    if (!waiting) return make_error(ErrorCode::usage, "this vault is not about to join a team", "lysoen join INVITE");
    joining = std::move(*waiting);
  } else {
    LYSOEN_ASSIGN(Bytes invite, invite_named(arguments.invite));
    LYSOEN_TRY(check_invite(invite, app.environment().clock.wall()));  // no vault for one that cannot be used
    LYSOEN_ASSIGN(vault, app.open_or_create_vault());
    LYSOEN_ASSIGN(joining, vault->join(invite));
  }
  if (!arguments.request.empty()) {
    LYSOEN_TRY(write_file(arguments.request, joining.request));
    if (app.print_json({{"joined", false}, {"check_words", joining.check_words}})) return {};
    say("hand " + arguments.request + " to the admin and speak these words: " + joining.check_words);
    say("then, with the welcome that comes back: lysoen join --finish WELCOME");
    return {};
  }
  if (joining.relays.empty())
    return make_error(ErrorCode::input_refused, "the invite names no relay to join through",
                      "join by files: lysoen join INVITE --request FILE");
  return through_relay(app, *vault, joining, arguments.wait_seconds, http);
}

}  // namespace

void add_join(App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.commands().add_subcommand("join", "Join a team with an invite; makes the vault if there is none");
  command->add_option("invite", arguments->invite,
                      "The invite: a link or a file; nothing to ask again for the welcome");
  command->add_option("--request", arguments->request, "No network: write the request to this file, for the admin");
  command->add_option("--finish", arguments->welcome, "The welcome file that the admin gave back");
  command->add_option("--wait", arguments->wait_seconds, "Seconds to wait at the relay for the welcome")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  add_network_options(*command, arguments->network);
  app.does(command, [&app, arguments] { return join(app, *arguments); });
}

}  // namespace lysoen::cli
