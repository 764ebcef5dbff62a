// lysoen bundle: the same sealed entries in a file, for a stick and a driver.
#include <lysoen/sync/bundle.h>

#include <algorithm>
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr std::string_view kCoordinators = "coordinators";
constexpr size_t kAttachmentsMax = 1'000'000;  // in one bundle for a relay; the next one has the rest

struct Arguments {
  std::string file;
  std::vector<std::string> files;
  bool unsent = false;
  std::string relay;   // its address, or the first digits of its id
  std::string reader;  // a member, or kCoordinators
  uint64_t size_max = 0;
};

std::string files_text(uint64_t count) {
  return count_text(count) + (count == 1 ? " attachment" : " attachments");
}

constexpr size_t kIdDigitsMin = 4;

Result<RelayInfo> find_relay(SyncPeer& peer, const std::string& name) {
  LYSOEN_ASSIGN(auto relays, peer.relays());
  std::optional<RelayInfo> found;
  for (auto& relay : relays) {
    bool fits = name.size() >= kIdDigitsMin && relay.id.hex().starts_with(name);
    fits = fits || std::find(relay.urls.begin(), relay.urls.end(), name) != relay.urls.end();
    if (!fits) continue;
    if (found) return make_error(ErrorCode::input_refused, "more than one relay's id begins so", "give more digits");
    found = std::move(relay);
  }
  if (!found)
    return make_error(ErrorCode::not_found, "the team has no relay '" + safe(name) + "'",
                      "`lysoen members` lists relays with their ids and addresses");
  return *found;
}

/// Of what is here that which goes to these readers: nobody named, everything.
Result<Vault::Readable> readable_by(Vault& vault, const std::string& reader) {
  if (reader.empty()) {
    LYSOEN_ASSIGN(auto heads, vault.all_heads());
    return Vault::Readable{std::move(heads), true};
  }
  if (reader == kCoordinators) return vault.heads_for({});
  LYSOEN_ASSIGN(auto member, Names(vault).member(reader));
  return vault.heads_for(member);
}

/// For the team: everything, or what some read; and who the authors are.
Result<BundleContent> content_for(Vault& vault, const Arguments& arguments) {
  BundleContent content;
  LYSOEN_ASSIGN(auto readable, readable_by(vault, arguments.reader));
  LYSOEN_ASSIGN(content.rosters, vault.sealed_rosters());
  content.runs = whole_feeds(readable.heads);
  if (arguments.unsent) {
    LYSOEN_ASSIGN(auto relays, vault.sync_peer().relays());
    if (!relays.empty()) {
      LYSOEN_ASSIGN(content.runs, unconfirmed_by(vault.sync_peer(), relays.front().id, readable.heads));
    }
  }
  if (!readable.reports) return content;
  LYSOEN_ASSIGN(auto attachments, vault.sync_peer().blobs()->whole_blobs());
  content.blobs = whole_blobs(attachments);
  return content;
}

/// For a relay: what it has not confirmed.
Result<BundleContent> unconfirmed_of(Vault& vault, const RelayId& relay) {
  BundleContent content;
  LYSOEN_ASSIGN(auto heads, vault.all_heads());
  LYSOEN_ASSIGN(content.runs, unconfirmed_by(vault.sync_peer(), relay, heads));
  LYSOEN_ASSIGN(auto attachments, vault.sync_peer().blobs()->outgoing_blobs(relay, kAttachmentsMax));
  content.blobs = whole_blobs(attachments);
  return content;
}

Result<void> write_bundle(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto keys, vault->carrier_keys());
  std::optional<RelayInfo> relay;
  if (!arguments.relay.empty()) {
    LYSOEN_ASSIGN(relay, find_relay(vault->sync_peer(), arguments.relay));
  }
  LYSOEN_ASSIGN(auto content, relay ? unconfirmed_of(*vault, relay->id) : content_for(*vault, arguments));
  if (arguments.size_max > 0) content.size_max = arguments.size_max;
  Bar bar("writing");
  content.progress = [&bar](uint64_t done, uint64_t total) { bar.show(done, total, bytes_text(done)); };
  const auto to = relay ? BundleFor(*relay, vault->sync_peer()) : BundleFor(keys.front());
  LYSOEN_ASSIGN(auto written, export_bundles(arguments.file, {vault->entries(), vault->sync_peer().blobs()}, to,
                                             std::move(content), app.environment().random));
  LYSOEN_TRY(vault->mark_carried(written.carried));
  json files = json::array();
  for (const auto& file : written.files) files.push_back(file.string());
  app.print_json({{"files", files},
                  {"bytes", written.bytes},
                  {"entries", written.entries},
                  {"attachments", written.blobs},
                  {"attachments_damaged", written.blobs_damaged}});
  say(entries_text(written.entries) + ", " + files_text(written.blobs) + ", " + bytes_text(written.bytes) +
      (written.files.size() > 1 ? " in " + count_text(written.files.size()) + " files" : "") +
      (relay ? ", sealed for the relay: its operator takes it in with lysoen-relay import" : ", sealed for the team"));
  if (written.files.size() > 1)
    for (const auto& file : written.files) say("  " + safe(file.filename().string()));
  if (written.blobs_damaged > 0) {
    say_warning(files_text(written.blobs_damaged) + " cannot be read here any more and stayed out");
    app.remember(ErrorCode::partly_done);
  }
  return {};
}

Result<void> take_bundles(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(auto keys, vault->carrier_keys());
  std::vector<std::filesystem::path> files(arguments.files.begin(), arguments.files.end());
  Bar bar("taking");
  auto progress = [&bar](uint64_t done, uint64_t total) { bar.show(done, total, bytes_text(done)); };
  LYSOEN_ASSIGN(auto taken, import_bundles(files, vault->sync_peer(), vault->entries(), keys, progress));
  app.print_json({{"stored", taken.entries_stored},
                  {"known", taken.entries_known},
                  {"refused_batches", taken.batches_refused},
                  {"forked_batches", taken.batches_forked},
                  {"waiting", taken.entries_waiting},
                  {"chunks_stored", taken.chunks_stored},
                  {"chunks_known", taken.chunks_known},
                  {"bytes_not_placed", taken.bytes_not_placed},
                  {"damage", taken.damage ? json(taken.damage->message) : json()}});
  say(entries_text(taken.entries_stored, "new") + ", " + count_text(taken.entries_known) + " were there already");
  if (taken.chunks_stored + taken.chunks_known > 0)
    say("attachments: " + bytes_text(taken.chunks_stored * kChunkSize) + " new, " +
        bytes_text(taken.chunks_known * kChunkSize) + " there already");
  for (auto& reason : taken.reasons) say_warning("something was not taken: " + safe(reason));
  if (taken.entries_waiting > 0)
    say_warning(count_text(taken.entries_waiting) +
                " entries wait for earlier ones: import the other bundles, then this one again");
  if (taken.bytes_not_placed > 0)
    say_warning(
        bytes_text(taken.bytes_not_placed) +
        " of attachments belong to reports that are not here, or that others read: keep the file, and import it "
        "again when more reports have come");
  if (taken.damage) return *taken.damage;
  LYSOEN_ASSIGN(auto status, vault->status());
  if (status.refused_roster) return *status.refused_roster;
  if (taken.batches_refused + taken.entries_waiting + taken.bytes_not_placed > 0) app.remember(ErrorCode::partly_done);
  return {};
}

}  // namespace

void add_bundle(App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* bundle = app.commands().add_subcommand("bundle", "Carry sealed entries in a file")->require_subcommand(1);
  auto* write = bundle->add_subcommand(
      "export", "Write what this device holds to a file that only the team, or one relay, can open");
  write->add_option("file", arguments->file, "The new file")->required();
  auto* reader = write->add_option("--for", arguments->reader,
                                   "Only what this member can read, by name or the first digits of the device's id; or "
                                   "`coordinators`. The file opens for the whole team all the same");
  auto* unsent = write->add_flag("--unsent", arguments->unsent, "Only what the first relay has not confirmed");
  write
      ->add_option(
          "--relay", arguments->relay,
          "What this relay has not confirmed, so that only it can open the file: its operator takes it in with "
          "lysoen-relay import. Its address, or the first digits of its id")
      ->excludes(unsent)
      ->excludes(reader);
  write
      ->add_option("--size-max", arguments->size_max,
                   "At most so much a file, as 25M or 700K: then NAME.1-of-3 and so on")
      ->transform(CLI::AsSizeValue(false));
  app.does(write, [&app, arguments] { return write_bundle(app, *arguments); });
  auto* take = bundle->add_subcommand("import", "Take bundles in; doing it twice changes nothing");
  take->add_option("files", arguments->files, "The files, in any order")->required();
  app.does(take, [&app, arguments] { return take_bundles(app, *arguments); });
}

}  // namespace lysoen::cli
