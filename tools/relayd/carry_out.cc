// The operator's orders on an open relay, and how their outcomes read.
#include <nlohmann/json.hpp>

#include "core/base/try.h"
#include "tools/relayd/orders.h"

namespace lysoen::relayd {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kTeamKeyPrefix = "lysoen-team:";

json to_json(const relay::TeamSummary& team) {
  return {{"team", team.team.hex()},
          {"root_key", team.root_key},
          {"removed", team.removed},
          {"admitted_at_ms", team.admitted_at_ms},
          {"devices", team.devices},
          {"feeds", team.feeds},
          {"entries", team.entries},
          {"bytes", team.bytes},
          {"admission_version", team.admission_version}};
}

std::string line_of(const relay::TeamSummary& team) {
  return team.team.hex() + (team.removed ? "  removed  " : "  admitted  ") + std::to_string(team.devices) +
         " devices, " + std::to_string(team.entries) + " entries, " + std::to_string(team.bytes) + " bytes\n";
}

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
        "a team's admin gets it with 'lysoen team create' or 'lysoen status'; it begins with lysoen-team:");
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
  return {{"sound", report.faults.empty()},  {"feeds", report.feeds}, {"entries", report.entries},
          {"signatures", report.signatures}, {"items", report.items}, {"log_leaves", report.log_leaves},
          {"faults", report.faults}};
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
                  " mailbox items, " + std::to_string(report->log_leaves) +
                  " log leaves: " + (report->faults.empty() ? "sound\n" : "faults\n");
    for (const auto& fault : report->faults) outcome.out += "  " + fault + "\n";
  }
  if (!report->faults.empty()) {
    outcome.error = make_error(ErrorCode::damaged, "the store has " + std::to_string(report->faults.size()) + " faults",
                               "keep a copy of the store as it is; devices send again what the relay lost");
  }
  return outcome;
}

json to_json(const relay::Inspection& seen) {
  json teams = json::array(), feeds = json::array(), mailboxes = json::array();
  for (const auto& team : seen.teams) teams.push_back(to_json(team));
  for (const auto& feed : seen.feeds) {
    feeds.push_back({{"team", feed.team.hex()},
                     {"device", feed.key.device.hex()},
                     {"audience", feed.key.audience.hex()},
                     {"incarnation", feed.key.incarnation},
                     {"entries", feed.entries},
                     {"stubs", feed.stubs},
                     {"bytes", feed.bytes},
                     {"first_ms", feed.first_ms},
                     {"last_ms", feed.last_ms},
                     {"head", feed.head.hex()}});
  }
  for (const auto& box : seen.mailboxes) {
    mailboxes.push_back({{"team", box.team.hex()}, {"audience", box.audience.hex()}, {"items", box.items}});
  }
  return {{"format", seen.format},    {"store_epoch", seen.store_epoch},
          {"commits", seen.commits},  {"bytes_on_disk", seen.bytes_on_disk},
          {"teams", teams},           {"feeds", feeds},
          {"mailboxes", mailboxes},   {"forks", seen.forks},
          {"rosters", seen.rosters},  {"join_requests", seen.join_requests},
          {"welcomes", seen.welcomes}};
}

std::string to_text(const relay::Inspection& seen) {
  std::string out = "format " + std::to_string(seen.format) + ", store epoch " + std::to_string(seen.store_epoch) +
                    ", " + std::to_string(seen.commits) + " commits, " + std::to_string(seen.bytes_on_disk) +
                    " bytes on disk\n";
  out += std::to_string(seen.rosters) + " sealed rosters, " + std::to_string(seen.join_requests) + " join requests, " +
         std::to_string(seen.welcomes) + " welcomes, " + std::to_string(seen.forks) + " forks\n";
  for (const auto& team : seen.teams) out += "team " + line_of(team);
  for (const auto& feed : seen.feeds) {
    out += "feed of " + feed.key.device.hex().substr(0, 16) + " for " + feed.key.audience.hex().substr(0, 16) + ": " +
           std::to_string(feed.entries) + " entries, " + std::to_string(feed.bytes) + " bytes, " +
           std::to_string(feed.first_ms) + " to " + std::to_string(feed.last_ms) + " ms\n";
  }
  for (const auto& box : seen.mailboxes) {
    out += "mailbox " + box.audience.hex().substr(0, 16) + ": " + std::to_string(box.items) + " items\n";
  }
  return out + "this is all there is to see: the relay holds no key that opens an entry\n";
}

Result<std::string> inspect(relay::Relay& relay, const Order& order) {
  LYSOEN_ASSIGN(auto seen, relay.inspect());
  return order.json ? to_json(seen).dump() + "\n" : to_text(seen);
}

Outcome from(Result<std::string> text) {
  return text.ok() ? Outcome{std::move(*text), {}} : Outcome{{}, text.error()};
}

}  // namespace

Outcome carry_out(relay::Relay& relay, const Order& order) {
  if (order.verb == "team-add") return from(add_team(relay, order));
  if (order.verb == "team-list") return from(list_teams(relay, order));
  if (order.verb == "team-remove") return from(drop_team(relay, order, false));
  if (order.verb == "team-purge") return from(drop_team(relay, order, true));
  if (order.verb == "token") return from(make_token(relay, order));
  if (order.verb == "inspect") return from(inspect(relay, order));
  if (order.verb == "check") return check(relay, order);
  return {{}, make_error(ErrorCode::usage, "this relay knows no such order; it may be older than this program")};
}

}  // namespace lysoen::relayd
