// lysoen sync: exchanges with the team's relays until nothing is left.
#include <lysoen/sync/http.h>

#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

struct Arguments {
  int deadline_seconds = 600;
  bool once = false;
  std::string proxy, certificate;
};

json outcome_json(const SyncOutcome& outcome, const VaultStatus& status) {
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
          {"refused", refused},
          {"relays", relays},
          {"failure", outcome.failure ? json(outcome.failure->message) : json()}};
}

Result<void> sync(App& app, const Arguments& arguments) {
  HttpOptions http{.proxy = arguments.proxy};
  if (!arguments.certificate.empty()) {
    http.pinned_certificate = Hash::from_hex(arguments.certificate);
    if (!http.pinned_certificate)
      return make_error(ErrorCode::usage, "a certificate's fingerprint is 64 hexadecimal digits",
                        "openssl x509 -fingerprint -sha256, without the colons");
  }
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  Bar bar("syncing");
  Interruptible ctrl_c;
  SyncOptions options{.deadline = std::chrono::seconds(arguments.deadline_seconds)};
  if (arguments.once) options.tries = 1;
  options.cancelled = [&ctrl_c] { return ctrl_c.asked(); };
  options.progress = [&bar, &vault](const SyncProgress& progress) {
    if (!progress.waiting.empty()) (void)vault->idle();
    uint64_t done = progress.entries_sent + progress.entries_received;
    bar.show(done, done + progress.entries_left + (progress.more_to_come ? 1 : 0),
             progress.waiting.empty() ? entries_text(done) + ", " + bytes_text(progress.bytes_up + progress.bytes_down)
                                      : progress.waiting);
  };
  LYSOEN_ASSIGN(auto outcome, sync_now(vault->sync_peer(), vault->entries(), app.environment(), options, http));
  if (auto purged = vault->purge_due(); !purged) say_warning(purged.error().message);
  LYSOEN_ASSIGN(auto status, vault->status());
  app.print_json(outcome_json(outcome, status));
  say(entries_text(outcome.entries_sent) + " sent, " + count_text(outcome.entries_received) + " received, " +
      bytes_text(outcome.bytes_up) + " up, " + bytes_text(outcome.bytes_down) + " down");
  if (outcome.join_requests > 0) say(std::to_string(outcome.join_requests) + " ask to join: lysoen admit");
  for (auto& batch : outcome.refused)
    say_warning("the relay would not take entries " + std::to_string(batch.first_seq) + " to " +
                std::to_string(batch.last_seq) + ": " + safe(batch.reason));
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
  command->add_option("--deadline", arguments->deadline_seconds, "Seconds after which to stop; the rest goes next time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--once", arguments->once, "Try each address once; without it, waits and tries again a few times");
  command
      ->add_option("--proxy", arguments->proxy,
                   "socks5://host:port; if it is down there is no connection (LYSOEN_PROXY)")
      ->envname("LYSOEN_PROXY");
  command->add_option("--pin", arguments->certificate, "SHA-256 of the only TLS certificate to accept");
  app.does(command, [&app, arguments] { return sync(app, *arguments); });
}

}  // namespace lysoen::cli
