// The operator's orders on an open relay, and how their outcomes read.
#include <nlohmann/json.hpp>

#include "core/base/try.h"
#include "tools/inspect/relay_store.h"
#include "tools/relayd/orders.h"

namespace lysoen::relayd {

namespace {

using inspect::json;
using inspect::line_of;
using inspect::to_json;
using inspect::to_text;

constexpr std::string_view kTeamKeyPrefix = "lysoen-team:";

// A team by its id, the beginning of its id (8 digits or more), or its root key's text.
Result<TeamId> find_team(relay::Relay& relay, std::string_view name) {
  LYSOEN_ASSIGN(auto teams, relay.teams());
  std::optional<TeamId> found;
  for (const auto& team : teams) {
    bool fits = team.root_key == name || (name.size() >= 8 && team.team.hex().starts_with(name));
    if (!fits) continue;
    if (found) return make_error(ErrorCode::input_refused, "more than one team's id begins so", "give more digits");
    found = team.team;
  }
  if (!found)
    return make_error(ErrorCode::not_found, "this relay knows no such team",
                      "lysoen-relay team list shows those it knows");
  return *found;
}

Result<std::string> add_team(relay::Relay& relay, const Order& order) {
  if (!order.argument.starts_with(kTeamKeyPrefix)) {
    return make_error(
        ErrorCode::input_refused, "cannot add the team: this is no team key",
        "a team's admin gets it with `lysoen team create` or `lysoen team key`; it begins with lysoen-team:");
  }
  auto added =
      order.token.empty() ? relay.admit_team(order.argument) : relay.redeem_operator_token(order.token, order.argument);
  LYSOEN_ASSIGN(auto team, std::move(added));
  if (order.json) return json{{"team", team.hex()}, {"admitted", true}}.dump() + "\n";
  return "admitted " + team.hex() + "\n";
}

Result<std::string> list_teams(relay::Relay& relay, const Order& order) {
  LYSOEN_ASSIGN(auto teams, relay.teams());
  json list = json::array();
  std::string lines;
  for (const auto& team : teams) list.push_back(to_json(team)), lines += line_of(team);
  if (order.json) return json{{"teams", list}}.dump() + "\n";
  return lines.empty() ? "no team is admitted; add one with: lysoen-relay team add KEY\n" : lines;
}

Result<std::string> drop_team(relay::Relay& relay, const Order& order, bool purge) {
  LYSOEN_ASSIGN(auto team, find_team(relay, order.argument));
  LYSOEN_TRY(purge ? relay.purge_team(team) : relay.remove_team(team));
  if (order.json) return json{{"team", team.hex()}, {purge ? "purged" : "removed", true}}.dump() + "\n";
  return (purge ? "purged " : "removed ") + team.hex() +
         (purge ? "\n" : "; what it stored is kept until 'team purge'\n");
}

Result<std::string> make_token(relay::Relay& relay, const Order& order) {
  LYSOEN_ASSIGN(auto token, relay.make_operator_token());
  return order.json ? json{{"token", token}}.dump() + "\n" : token + "\n";
}

json to_json(const relay::CheckReport& report) {
  return {{"sound", report.faults.empty()},  {"feeds", report.feeds},  {"entries", report.entries},
          {"signatures", report.signatures}, {"items", report.items},  {"log_leaves", report.log_leaves},
          {"attachments", report.blobs},     {"faults", report.faults}};
}

Outcome check(relay::Relay& relay, const Order& order) {
  auto report = relay.check();
  if (!report.ok()) return {{}, report.error()};
  Outcome outcome;
  if (order.json) {
    outcome.out = to_json(*report).dump() + "\n";
  } else {
    outcome.out = std::to_string(report->feeds) + " feeds, " + std::to_string(report->entries) + " entries, " +
                  std::to_string(report->signatures) + " signatures, " + std::to_string(report->items) +
                  " mailbox items, " + std::to_string(report->log_leaves) + " log leaves, " +
                  std::to_string(report->blobs) + " attachments: " + (report->faults.empty() ? "sound\n" : "faults\n");
    for (const auto& fault : report->faults) outcome.out += "  " + fault + "\n";
  }
  if (!report->faults.empty()) {
    outcome.error = make_error(ErrorCode::damaged, "the store has " + std::to_string(report->faults.size()) + " faults",
                               "keep a copy of the store as it is; devices send again what the relay lost");
  }
  return outcome;
}

Result<std::string> inspect_store(relay::Relay& relay, const Order& order) {
  LYSOEN_ASSIGN(auto seen, relay.inspect());
  return order.json ? to_json(seen).dump() + "\n" : to_text(seen);
}

Outcome from(Result<std::string> text) {
  return text.ok() ? Outcome{std::move(*text), {}} : Outcome{{}, text.error()};
}

// In pieces: others are served between two of them.
Result<std::string> back_up(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell) {
  auto stopped = make_error(ErrorCode::cancelled, "the backup was given up: the relay is stopping",
                            "order it again when it serves; nothing of this one is kept");
  if (order.argument.empty() || order.argument.front() != '/')
    return make_error(ErrorCode::input_refused, "cannot make a backup: its folder is no absolute path");
  std::optional<Result<std::unique_ptr<relay::Backup>>> begun;
  if (!on_writer([&] { begun = relay.begin_backup(order.argument); })) return stopped;
  if (!begun->ok()) return std::move(*begun).error();
  auto backup = std::move(**begun);
  Result<relay::Backup::Progress> progress = relay::Backup::Progress{};
  uint64_t told = 0;
  while (progress.ok() && !progress->whole) {
    if (!on_writer([&] { progress = backup->step(); })) {
      progress = stopped;
    } else if (progress.ok() && progress->bytes_all > 0 && progress->bytes_done * 100 / progress->bytes_all > told) {
      told = progress->bytes_done * 100 / progress->bytes_all;
      tell("backup: " + std::to_string(told) + " %");
    }
  }
  // Its end touches the store's connection as well.
  if (!on_writer([&] { backup.reset(); })) backup.reset();
  tell("");
  if (!progress.ok()) {
    std::error_code ignored;
    std::filesystem::remove(order.argument, ignored);  // empty now
    return std::move(progress).error();
  }
  if (order.json) return json{{"backup", order.argument}, {"bytes", progress->bytes_all}}.dump() + "\n";
  return "backed up " + std::to_string(progress->bytes_all) + " bytes; the key file is not among them\n";
}

Outcome simple(relay::Relay& relay, const Order& order) {
  if (order.verb == "team-add") return from(add_team(relay, order));
  if (order.verb == "team-list") return from(list_teams(relay, order));
  if (order.verb == "team-remove") return from(drop_team(relay, order, false));
  if (order.verb == "team-purge") return from(drop_team(relay, order, true));
  if (order.verb == "token") return from(make_token(relay, order));
  if (order.verb == "inspect") return from(inspect_store(relay, order));
  if (order.verb == "check") return check(relay, order);
  return {{}, make_error(ErrorCode::usage, "this relay knows no such order; it may be older than this program")};
}

}  // namespace

Outcome carry_out(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell) {
  if (order.verb == "import") return take_bundles(relay, order, on_writer, tell);
  if (order.verb == "backup") return from(back_up(relay, order, on_writer, tell));
  Outcome outcome{{}, make_error(ErrorCode::cancelled, "the order was not carried out: the relay is stopping")};
  on_writer([&] { outcome = simple(relay, order); });
  return outcome;
}

}  // namespace lysoen::relayd
