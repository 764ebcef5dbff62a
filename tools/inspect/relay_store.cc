#include "tools/inspect/relay_store.h"

#include "core/base/utc.h"

namespace lysoen::inspect {

namespace {

std::string time_at(uint64_t ms) {
  return utc_text(WallTime(std::chrono::milliseconds(ms)));
}

}  // namespace

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
  return {{"format", seen.format},
          {"store_epoch", seen.store_epoch},
          {"commits", seen.commits},
          {"bytes_on_disk", seen.bytes_on_disk},
          {"teams", teams},
          {"feeds", feeds},
          {"mailboxes", mailboxes},
          {"forks", seen.forks},
          {"rosters", seen.rosters},
          {"join_requests", seen.join_requests},
          {"welcomes", seen.welcomes},
          {"attachments", seen.blobs},
          {"attachment_bytes", seen.blob_bytes}};
}

std::string to_text(const relay::Inspection& seen) {
  std::string out = "format " + std::to_string(seen.format) + ", store epoch " + std::to_string(seen.store_epoch) +
                    ", " + std::to_string(seen.commits) + " commits, " + std::to_string(seen.bytes_on_disk) +
                    " bytes on disk\n";
  out += std::to_string(seen.rosters) + " sealed rosters, " + std::to_string(seen.join_requests) + " join requests, " +
         std::to_string(seen.welcomes) + " welcomes, " + std::to_string(seen.forks) + " forks, " +
         std::to_string(seen.blobs) + " attachments of " + std::to_string(seen.blob_bytes) + " bytes\n";
  for (const auto& team : seen.teams) out += "team " + line_of(team);
  for (const auto& feed : seen.feeds) {
    out += "feed of " + feed.key.device.hex().substr(0, 16) + " for " + feed.key.audience.hex().substr(0, 16) + ": " +
           std::to_string(feed.entries) + " entries, " + std::to_string(feed.bytes) + " bytes, " +
           time_at(feed.first_ms) + " to " + time_at(feed.last_ms) + "\n";
  }
  for (const auto& box : seen.mailboxes) {
    out += "mailbox " + box.audience.hex().substr(0, 16) + ": items up to " + std::to_string(box.items) + "\n";
  }
  return out + "this is all there is to see: the relay holds no key that opens an entry\n";
}

}  // namespace lysoen::inspect
