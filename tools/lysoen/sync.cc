// lysoen sync: exchanges with the team's relays until nothing is left.
#include <lysoen/sync/policy.h>

#include <ctime>
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/network.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kExits =
    "exit codes: 0 nothing is left for a relay, 5 no relay answered, 7 some of it is left (--budget, --quiet, Ctrl-C,\n"
    "what a relay would not take), 9 the relay does not know the team or the device, 10 the relay's or this disk is\n"
    "full. Nothing is lost in any of them: the same command goes on.";

struct Arguments {
  int deadline_seconds = 600, wait_seconds = 0;
  bool once = false, metered = false;
  uint64_t budget = 0;
  std::string quiet;
  NetworkArguments network;
};

/// "22:00"
std::optional<minutes> parse_time(std::string_view text) {
  auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
  if (hour > 23 || minute > 59) return std::nullopt;
  return minutes(hour * 60 + minute);
}

Result<QuietHours> parse_quiet(std::string_view text) {
  auto dash = text.find('-');
  auto from = parse_time(text.substr(0, dash));
  auto to = dash == std::string_view::npos ? std::nullopt : parse_time(text.substr(dash + 1));
  if (from && to && from != to) return QuietHours{*from, *to};
  return make_error(ErrorCode::usage, "quiet hours are FROM-TO, two times of this machine's clock",
                    "such as --quiet 22:00-06:00");
}

minutes time_of_day(Clock& clock) {
  auto now = static_cast<std::time_t>(std::chrono::floor<seconds>(clock.wall()).time_since_epoch().count());
  std::tm local{};
  localtime_r(&now, &local);
  return minutes(local.tm_hour * 60 + local.tm_min);
}

Result<SyncDecision> decide(const Arguments& arguments, Clock& clock) {
  SyncPolicy policy;
  if (!arguments.quiet.empty()) {
    LYSOEN_ASSIGN(policy.quiet, parse_quiet(arguments.quiet));
  }
  if (arguments.budget > 0) policy.budget = arguments.budget;
  auto decision = decide_sync(policy, {.metered = arguments.metered, .time_of_day = time_of_day(clock)});
  if (decision.what == SyncScope::nothing)
    return make_error(
        ErrorCode::partly_done, "nothing is sent now: " + decision.reasons.front(),
        policy.quiet ? "without --quiet it goes now; all of it waits in the vault" : "all of it waits in the vault");
  return decision;
}

json outcome_json(const SyncOutcome& outcome, const SyncDecision& decision, const VaultStatus& status) {
  json relays = json::array(), refused = json::array();
  for (auto& relay : outcome.relays)
    relays.push_back({{"relay", relay.relay.hex()},
                      {"url", relay.url},
                      {"finished", relay.finished},
                      {"failure", relay.failure ? json(relay.failure->message) : json()}});
  for (auto& batch : outcome.refused)
    refused.push_back({{"first_seq", batch.first_seq}, {"last_seq", batch.last_seq}, {"reason", batch.reason}});
  return {{"exchanges", outcome.exchanges},
          {"bytes_up", outcome.bytes_up},
          {"bytes_down", outcome.bytes_down},
          {"entries_sent", outcome.entries_sent},
          {"entries_received", outcome.entries_received},
          {"join_requests", outcome.join_requests},
          {"unsent_entries", status.unsent_entries},
          {"files_sent", outcome.files_sent},
          {"unsent_files", status.unsent_files},
          {"wanted_files", status.wanted_files},
          {"refused", refused},
          {"refused_more", outcome.refused_more},
          {"held_back", decision.reasons},
          {"notes", outcome.notes},
          {"relays", relays},
          {"failure", outcome.failure ? json(outcome.failure->message) : json()}};
}

std::string progress_text(const SyncProgress& progress) {
  if (!progress.waiting.empty()) return progress.waiting;
  auto forecast = forecast_text(progress);
  if (progress.bytes_to_come > 0)
    forecast += (forecast.empty() ? "" : ", ") + bytes_text(progress.bytes_to_come) + " of files to come";
  return entries_text(progress.entries_sent + progress.entries_received) + ", " +
         bytes_text(progress.bytes_up + progress.bytes_down) + (forecast.empty() ? "" : "; " + forecast);
}

Result<void> sync(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto http, http_options(arguments.network));
  LYSOEN_ASSIGN(auto decision, decide(arguments, app.environment().clock));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  Bar bar("syncing");
  Interruptible ctrl_c;
  SyncOptions options{.scope = decision.what, .bytes_max = decision.bytes_max};
  options.deadline = seconds(arguments.deadline_seconds) + seconds(arguments.wait_seconds);
  options.poll = seconds(arguments.wait_seconds);
  if (arguments.once) options.tries = 1;
  options.cancelled = [&ctrl_c] { return ctrl_c.asked(); };
  options.progress = [&bar, &vault](const SyncProgress& progress) {
    if (!progress.waiting.empty()) (void)vault->idle();
    const uint64_t done = progress.entries_sent + progress.entries_received;
    const uint64_t moved = progress.bytes_up + progress.bytes_down, open = progress.bytes_left + progress.bytes_to_come;
    if (progress.entries_left == 0 && open > 0)  // the text went; attachments count by their bytes
      return bar.show(moved, moved + open, progress_text(progress));
    bar.show(done, done + progress.entries_left + (progress.more_to_come ? 1 : 0), progress_text(progress));
  };
  LYSOEN_ASSIGN(auto outcome, sync_now(vault->sync_peer(), vault->entries(), app.environment(), options, http));
  if (auto purged = vault->purge_due(); !purged) say_warning(purged.error().message);
  LYSOEN_ASSIGN(auto status, vault->status());
  app.print_json(outcome_json(outcome, decision, status));
  say(entries_text(outcome.entries_sent) + " sent, " + count_text(outcome.entries_received) + " received, " +
      bytes_text(outcome.bytes_up) + " up, " + bytes_text(outcome.bytes_down) + " down");
  if (outcome.files_sent > 0) say(files_text(outcome.files_sent) + " sent");
  if (status.unsent_files > 0)
    say(files_text(status.unsent_files) + " to send, " + bytes_text(status.unsent_file_bytes));
  if (status.wanted_files > 0)
    say(files_text(status.wanted_files) + " on the way to here, " + bytes_text(status.wanted_file_bytes) + " to come");
  for (auto& reason : decision.reasons) say(reason);
  for (auto& note : outcome.notes) say_warning(safe(note));
  if (outcome.join_requests > 0) say(std::to_string(outcome.join_requests) + " ask to join: lysoen admit");
  for (auto& batch : outcome.refused)
    say_warning("the relay would not take " + refused_text(batch.first_seq, batch.last_seq, batch.reason));
  if (outcome.refused_more > 0)
    say_warning("and " + entries_text(outcome.refused_more, "more") + " of that kind: lysoen status");
  for (auto& notice : status.notices) say_warning(safe(notice));
  if (outcome.failure) return *outcome.failure;
  if (status.refused_roster) return *status.refused_roster;
  if (!outcome.refused.empty()) app.remember(ErrorCode::partly_done);
  return {};
}

}  // namespace

void add_sync(App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.commands().add_subcommand("sync", "Send and fetch what is sealed, through the team's relays");
  command->footer(kExits);
  command->add_option("--deadline", arguments->deadline_seconds, "Seconds after which to stop; the rest goes next time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("--wait", arguments->wait_seconds,
                   "Once nothing is left, so many seconds more for news to come, of which the first ends it")
      ->check(CLI::Range(0, 600))
      ->capture_default_str();
  command->add_flag("--once", arguments->once, "Try each address once; without it, waits and tries again a few times");
  command->add_flag("--metered", arguments->metered, "This connection costs money: text goes, attachments wait");
  command
      ->add_option("--budget", arguments->budget,
                   "Bytes up and down that this sync may cost, such as 2MB; it stops before that and the rest waits")
      ->transform(CLI::AsSizeValue(true));
  command->add_option("--quiet", arguments->quiet,
                      "Hours in which nothing is sent, such as 22:00-06:00 of this machine's clock, for scripts");
  add_network_options(*command, arguments->network);
  app.does(command, [&app, arguments] { return sync(app, *arguments); });
}

}  // namespace lysoen::cli
