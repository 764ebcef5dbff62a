// lysoen team, invite, admit, members: what an admin does.
#include <iostream>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/base/utc.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/new_file.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/qr.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

Result<Role> role_named(const std::string& name) {
  if (auto role = role_from(name)) return *role;
  return make_error(ErrorCode::input_refused, "there is no role '" + safe(name) + "'",
                    "reporter, coordinator, auditor or admin");
}

constexpr size_t kRootFileMax = 64 * 1024, kRequestMax = 64 * 1024;
constexpr size_t kInviteRoom = 64 * 1024, kWelcomeRoom = 512 * 1024;  // a welcome to a team of a thousand

Result<RelayInfo> relay_from(const std::string& key, const std::string& url) {
  LYSOEN_ASSIGN(RelayInfo relay, parse_relay_key(key));
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return make_error(ErrorCode::input_refused,
                      "cannot use the relay: its URL begins with neither http:// nor https://");
  relay.urls = {url};
  return relay;
}

json policy_json(const RolePolicy& policy) {
  return {{"keep", name_of(policy.keep)},
          {"days", policy.days},
          {"may_wipe", policy.may_wipe},
          {"plain_http", policy.plain_http}};
}

json team_json(const TeamView& team) {
  json members = json::array(), relays = json::array();
  for (auto& member : team.members)
    members.push_back({{"device", member.device.hex()},
                       {"role", describe(member.role)},
                       {"name", member.name},
                       {"since", member.since},
                       {"self", member.self}});
  for (auto& relay : team.relays)
    relays.push_back({{"id", relay.id.hex()}, {"urls", relay.urls}, {"durable", relay.durable}});
  return {{"team", team.team.hex()},
          {"name", team.name},
          {"roster_version", team.roster_version},
          {"roster_hash", team.roster_hash.hex()},
          {"issued", utc_text(team.issued)},
          {"expires", utc_text(team.expires)},
          {"expired", team.expired},
          {"single_reader", team.single_reader},
          {"members", members},
          {"relays", relays},
          {"policy", policy_json(team.own_policy)}};
}

void print_team(const TeamView& team) {
  std::cout << strong(safe(team.name)) << "  " << faint("team " + short_id(team.team)) << "\n"
            << "roster " << team.roster_version << ", valid until " << utc_text_short(team.expires) << "\n";
  for (auto& member : team.members)
    std::cout << "  " << short_id(member.device) << "  " << fitted(describe(member.role), 22)
              << (member.name.empty() ? faint("(name not readable here)") : safe(member.name))
              << (member.self ? "  (this device)" : "") << "\n";
  for (auto& relay : team.relays)
    std::cout << "  relay " << short_id(relay.id) << "  "
              << (relay.urls.empty() ? "(no address)" : safe(relay.urls.front())) << (relay.durable ? "  durable" : "")
              << "\n";
  std::cout << "this device " << policy_text(team.own_policy) << "\n";
  warn_about(team);
}

struct CreateArguments {
  std::string name, member = "admin", url, key, root_file = "team-root.lysoen", root_passphrase_file;
};

Result<void> create_team(App& app, const CreateArguments& arguments) {
  CreateTeamOptions options{.name = arguments.name, .member_name = arguments.member};
  if (arguments.url.empty() != arguments.key.empty())
    return make_error(ErrorCode::usage, "--relay and --relay-key belong together");
  if (!arguments.url.empty()) {
    LYSOEN_ASSIGN(RelayInfo relay, relay_from(arguments.key, arguments.url));
    options.relays = {relay};
  }
  if (arguments.root_file.empty()) return make_error(ErrorCode::usage, "the root key needs a file", "--root FILE");
  LYSOEN_ASSIGN(auto root_file, NewFile::with_room(arguments.root_file, kRootFileMax));
  LYSOEN_ASSIGN(SecretText word, app.secret("passphrase for the team's root key", arguments.root_passphrase_file,
                                            "LYSOEN_ROOT_PASSPHRASE", true));
  options.root_passphrase = word;
  LYSOEN_ASSIGN(auto vault, app.open_or_create_vault());
  LYSOEN_ASSIGN(auto made, vault->create_team(options));
  LYSOEN_TRY(root_file->finish(made.root_file));
  LYSOEN_ASSIGN(std::string key_text, vault->team_key_text());
  if (app.print_json({{"team", made.view.team.hex()}, {"team_key", key_text}, {"root_file", arguments.root_file}}))
    return {};
  std::cout << "team key: " << key_text << "\n";
  say("made the team; this device is its admin and first coordinator");
  say("move " + arguments.root_file + " to a stick and keep it apart: it changes admins, relays and the root itself");
  if (!options.relays.empty()) say("give the team key to the relay's operator: lysoen-relay team add KEY");
  warn_about(made.view);
  return {};
}

struct ChangeArguments {
  std::string url, key, id, root_file, root_passphrase_file;
};

Result<void> change_relays(App& app, const ChangeArguments& arguments, bool add) {
  LYSOEN_ASSIGN(Bytes root, read_file(arguments.root_file, kRootFileMax));
  LYSOEN_ASSIGN(SecretText word, app.secret("passphrase of the team's root key", arguments.root_passphrase_file,
                                            "LYSOEN_ROOT_PASSPHRASE", false));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  if (add) {
    LYSOEN_ASSIGN(RelayInfo relay, relay_from(arguments.key, arguments.url));
    LYSOEN_ASSIGN(TeamView team, vault->add_relay(relay, root, word));
    if (!app.print_json(team_json(team))) print_team(team);
    return {};
  }
  LYSOEN_ASSIGN(TeamView before, vault->team_view());
  for (auto& relay : before.relays) {
    if (relay.id.hex().rfind(arguments.id, 0) != 0 || arguments.id.size() < 4) continue;
    LYSOEN_ASSIGN(TeamView team, vault->remove_relay(relay.id, root, word));
    if (!app.print_json(team_json(team))) print_team(team);
    return {};
  }
  return make_error(ErrorCode::not_found, "the team has no relay '" + safe(arguments.id) + "'",
                    "`lysoen members` shows them");
}

Result<void> renew(App& app, const ChangeArguments& arguments) {
  Bytes root;
  SecretText word;
  if (!arguments.root_file.empty()) {
    LYSOEN_ASSIGN(root, read_file(arguments.root_file, kRootFileMax));
    LYSOEN_ASSIGN(word, app.secret("passphrase of the team's root key", arguments.root_passphrase_file,
                                   "LYSOEN_ROOT_PASSPHRASE", false));
  }
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(TeamView team, vault->renew_roster(root, word));
  if (!app.print_json(team_json(team))) print_team(team);
  say("renewed; it reaches the others with the next sync");
  return {};
}

struct PolicyArguments {
  std::string role, keep, may_wipe, plain_http;
  std::optional<uint16_t> days;
};

constexpr std::pair<const char*, Role> kRoles[] = {{"reporter", Role::reporter},
                                                   {"coordinator", Role::coordinator},
                                                   {"auditor", Role::auditor},
                                                   {"admin", Role::admin}};

void print_policy(App& app, const TeamView& team) {
  json document = json::object();
  for (auto& [name, role] : kRoles) document[name] = policy_json(team.policy.for_role(role));
  if (app.print_json(document)) return;
  for (auto& [name, role] : kRoles)
    std::cout << fitted(name, 12) << "  " << policy_text(team.policy.for_role(role)) << "\n";
}

Result<void> show_policy(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(TeamView team, vault->team_view());
  print_policy(app, team);
  return {};
}

/// What is not named stays as it is.
Result<void> change_policy(App& app, const PolicyArguments& arguments) {
  LYSOEN_ASSIGN(Role role, role_named(arguments.role));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(TeamView team, vault->team_view());
  RolePolicy policy = team.policy.for_role(role);
  if (auto keep = keep_from(arguments.keep)) {
    if (*keep != policy.keep) policy.days = 0;
    policy.keep = *keep;
  }
  if (arguments.days) policy.days = *arguments.days;
  if (!arguments.may_wipe.empty()) policy.may_wipe = arguments.may_wipe == "yes";
  if (!arguments.plain_http.empty()) policy.plain_http = arguments.plain_http == "yes";
  LYSOEN_ASSIGN(team, vault->set_policy(role, policy));
  print_policy(app, team);
  say("set; each device follows it once the new roster has reached it");
  return {};
}

struct InviteArguments {
  std::string role = "reporter", name, file, png;
  bool show_qr = false;
};

Result<void> invite(App& app, const InviteArguments& arguments) {
  LYSOEN_ASSIGN(Role role, role_named(arguments.role));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto file, NewFile::with_room(arguments.file, kInviteRoom));
  LYSOEN_ASSIGN(auto png, NewFile::with_room(arguments.png, kInviteRoom));
  LYSOEN_ASSIGN(Invite made, vault->invite({.role = role, .name = arguments.name}));
  if (file) LYSOEN_TRY(file->finish(made.file));
  if (png) {
    LYSOEN_ASSIGN(Bytes picture, qr_png(made.link));
    LYSOEN_TRY(png->finish(picture));
  }
  if (app.print_json({{"link", made.link}, {"expires", utc_text(made.expires)}, {"role", describe(made.role)}}))
    return {};
  if (arguments.show_qr) {
    LYSOEN_ASSIGN(std::string code, qr_for_terminal(made.link));
    std::cout << code;
  }
  if (arguments.file.empty() && arguments.png.empty()) std::cout << made.link << "\n";
  say("one use, until " + utc_text_short(made.expires) + "; who holds it may ask to join, so hand it over safely");
  return {};
}

json request_json(const JoinRequest& request) {
  return {{"id", request.id.hex()},
          {"device", request.device.hex()},
          {"role", describe(request.role)},
          {"name", request.name},
          {"check_words", request.check_words},
          {"replaces", request.replaces.is_none() ? json() : json(request.replaces.hex())}};
}

/// Admitting it lets it edit that device's reports: worth a look.
std::string replaced_text(const JoinRequest& request) {
  if (request.replaces.is_none()) return {};
  return alarm("          replaces device " + short_id(request.replaces)) +
         (request.replaces_name.empty() ? "" : " (" + safe(request.replaces_name) + ")") +
         ": was its backup restored?\n";
}

void print_request(const JoinRequest& request) {
  std::cout << short_id(request.id) << "  " << fitted(describe(request.role), 12) << safe(request.name) << "\n"
            << replaced_text(request) << "          the joiner must speak: " << strong(request.check_words) << "\n";
}

struct AdmitArguments {
  std::string request, welcome, words;
};

/// Whoever intercepted the invite may ask in the joiner's place; only the words tell. A script passes them on or
/// vouches for the request itself.
Result<void> check_words(App& app, Vault& vault, const JoinRequest& request, const std::string& spoken) {
  bool right = spoken == request.check_words;
  if (spoken.empty()) {
    right = true;
    if (can_ask()) {
      print_request(request);
      LYSOEN_ASSIGN(right, app.ask_yes(vault, "did the joiner speak these words"));
    }
  }
  if (right) return {};
  return make_error(ErrorCode::trust_refused, "not admitted: the words are not those of this request",
                    "somebody else may have the invite: make a new one and hand it over safely");
}

Result<void> admit(App& app, const AdmitArguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  std::error_code ignored;
  JoinRequest chosen;
  if (!arguments.request.empty() && std::filesystem::is_regular_file(arguments.request, ignored)) {
    LYSOEN_ASSIGN(Bytes bytes, read_file(arguments.request, kRequestMax));
    LYSOEN_ASSIGN(chosen, vault->offer_join_request(bytes));
  } else {
    LYSOEN_ASSIGN(auto waiting, vault->join_requests());
    if (arguments.request.empty()) {
      json list = json::array();
      for (auto& request : waiting) list.push_back(request_json(request));
      if (app.print_json(list)) return {};
      for (auto& request : waiting) print_request(request);
      if (waiting.empty()) say("nobody waits; `lysoen sync` fetches requests that came through a relay");
      return {};
    }
    for (auto& request : waiting) {
      if (arguments.request.size() < 4 || !request.id.hex().starts_with(arguments.request)) continue;
      // Who chooses a request's bytes can choose the first digits of its id.
      if (!chosen.id.is_none())
        return make_error(ErrorCode::input_refused, "several requests begin so", "give more digits");
      chosen = request;
    }
    if (chosen.id.is_none())
      return make_error(ErrorCode::not_found,
                        "there is no file and no waiting request '" + safe(arguments.request) + "'",
                        "`lysoen admit` without a name lists who waits");
  }
  LYSOEN_ASSIGN(auto welcome_file, NewFile::with_room(arguments.welcome, kWelcomeRoom));
  LYSOEN_TRY(check_words(app, *vault, chosen, arguments.words));
  LYSOEN_ASSIGN(Bytes welcome, vault->admit(chosen.id));
  if (welcome_file) LYSOEN_TRY(welcome_file->finish(welcome));
  if (app.print_json(request_json(chosen))) return {};
  print_request(chosen);
  say("admitted; the welcome " + (arguments.welcome.empty()
                                      ? std::string("leaves with the next sync")
                                      : "is in " + arguments.welcome + " and leaves with the next sync too"));
  return {};
}

Result<void> members(App& app) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(TeamView team, vault->team_view());
  if (!app.print_json(team_json(team))) print_team(team);
  return {};
}

void add_team_changes(App& app, CLI::App& team) {
  auto* relay = team.add_subcommand("relay", "Add or remove a relay (signed with the root key)")->require_subcommand(1);
  auto arguments = std::make_shared<ChangeArguments>();
  auto* add = relay->add_subcommand("add", "Add a relay");
  add->add_option("url", arguments->url, "http(s)://host:port")->required();
  add->add_option("--relay-key", arguments->key, "The key its operator gave (lysoen-relay keygen)")->required();
  auto* remove = relay->add_subcommand("remove", "Remove a relay");
  remove->add_option("relay", arguments->id, "The first digits of its id")->required();
  auto* renewal = team.add_subcommand(
      "renew", "Make the roster valid for another 180 days, and with --root this admin's certificate for another 90");
  for (auto* command : {add, remove, renewal}) {
    auto* root = command->add_option("--root", arguments->root_file, "The team's root key file");
    if (command != renewal) root->required();
    command->add_option("--root-passphrase-file", arguments->root_passphrase_file,
                        "A file with its passphrase (or LYSOEN_ROOT_PASSPHRASE)");
  }
  auto* policy =
      team.add_subcommand("policy",
                          "How long devices can read what they have sent, whether they may wipe, how they connect")
          ->require_subcommand(1);
  app.does(policy->add_subcommand("show", "Show it, by role"), [&app] { return show_policy(app); });
  auto wanted = std::make_shared<PolicyArguments>();
  auto* set = policy->add_subcommand(
      "set",
      "Set it for one role: a new roster, which devices follow once it reaches them.\n"
      "What a device has sent is then removed from it, beyond recovery, when all of a report has come so far and the\n"
      "days are over; that it was sent, when and how far it came stays. What was not sent is never touched.\n"
      "Who reads for the team keeps everything: that is their task, and their keys open it.");
  set->add_option("--role", wanted->role, "reporter, coordinator, auditor or admin")->required();
  set->add_option("--keep", wanted->keep,
                  "always; until-opened: a coordinator has it; until-held: a durable relay has it. Sooner is safer for "
                  "a phone that may be seized, later is safer against a loss at the relay")
      ->check(CLI::IsMember({"always", "until-opened", "until-held"}));
  set->add_option("--days", wanted->days, "How many days after that")->check(CLI::Range(0, 3650));
  set->add_option("--may-wipe", wanted->may_wipe, "no: where wiping a device would be destruction of evidence")
      ->check(CLI::IsMember({"yes", "no"}));
  set->add_option(
         "--plain-http", wanted->plain_http,
         "no: relays are reached by https or Tor only; what travels is sealed in any case, but plain HTTP shows "
         "that it is no web page")
      ->check(CLI::IsMember({"yes", "no"}));
  app.does(set, [&app, wanted] { return change_policy(app, *wanted); });
  app.does(add, [&app, arguments] { return change_relays(app, *arguments, true); });
  app.does(remove, [&app, arguments] { return change_relays(app, *arguments, false); });
  app.does(renewal, [&app, arguments] { return renew(app, *arguments); });
}

}  // namespace

void add_team(App& app) {
  auto* team = app.commands()
                   .add_subcommand("team", "Make a team, renew it, change its relays and its policy")
                   ->require_subcommand(1);
  auto create = std::make_shared<CreateArguments>();
  auto* make = team->add_subcommand("create", "Make a team; this device becomes its admin and first coordinator");
  make->add_option("name", create->name, "The team's name")->required();
  make->add_option("--as", create->member, "Your name, as coordinators will see it")->capture_default_str();
  make->add_option("--relay", create->url, "The first relay's URL; its receipts will mean 'held'");
  make->add_option("--relay-key", create->key, "The relay's key, as its operator gave it");
  make->add_option("--root", create->root_file, "Where to write the sealed root key")->capture_default_str();
  make->add_option("--root-passphrase-file", create->root_passphrase_file,
                   "A file with the root key's passphrase (or LYSOEN_ROOT_PASSPHRASE)");
  app.does(make, [&app, create] { return create_team(app, *create); });

  auto* key = team->add_subcommand("key", "The team's key, for the relay's operator");
  app.does(key, [&app]() -> Result<void> {
    LYSOEN_ASSIGN(auto vault, app.open_vault());
    LYSOEN_ASSIGN(std::string text, vault->team_key_text());
    if (!app.print_json({{"team_key", text}})) std::cout << text << "\n";
    return {};
  });
  add_team_changes(app, *team);

  auto invitation = std::make_shared<InviteArguments>();
  auto* invite_command = app.commands().add_subcommand("invite", "Make an invite: a link, a file, a QR code");
  invite_command->add_option("--role", invitation->role, "reporter, coordinator, auditor or admin")
      ->capture_default_str();
  invite_command->add_option("--name", invitation->name, "The member's name, as coordinators will see it");
  invite_command->add_option("--file", invitation->file, "Write the invite to this file");
  invite_command->add_option("--qr-png", invitation->png, "Write a QR code to this PNG file");
  invite_command->add_flag("--qr", invitation->show_qr, "Show a QR code on the terminal");
  app.does(invite_command, [&app, invitation] { return invite(app, *invitation); });

  auto admission = std::make_shared<AdmitArguments>();
  auto* admit_command =
      app.commands().add_subcommand("admit", "Admit who asks to join; without a name, list who waits");
  admit_command->add_option("request", admission->request, "A request file, or the first digits of a waiting request");
  admit_command->add_option("--words", admission->words, "The check words as the joiner spoke them; refuses others");
  admit_command->add_option("--welcome", admission->welcome,
                            "Write the welcome to this file, for a joiner without network");
  app.does(admit_command, [&app, admission] { return admit(app, *admission); });

  app.does(app.commands().add_subcommand("members", "Show the team: members, roles, relays"),
           [&app] { return members(app); });
}

}  // namespace lysoen::cli
