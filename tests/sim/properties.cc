#include "properties.h"

#include <algorithm>

#include "core/crypto/hash.h"
#include "core/report/fold.h"

namespace lysoen::sim {

namespace {

// Reporters up, coordinators down and their acknowledgements up, acknowledgements down, and one in which nothing moves.
constexpr uint64_t kRoundsMax = 4, kRoundsOfClones = 12;

ReportQuery everything() {
  ReportQuery query;
  query.with_retracted = true;
  return query;
}

std::multiset<std::string> texts_of(const Report& report, const std::string& path) {
  std::multiset<std::string> texts;
  if (const auto* field = report.field(path))
    for (const auto& value : field->values) texts.insert(value.value ? value.value->text() : "");
  return texts;
}

Report read(Device& device, const Account& account) {
  auto report = device.vault->read(account.id);
  hold(report.ok(), Property::nothing_lost,
       device.name + ": a report that was acknowledged is not there: " + (report.ok() ? "" : report.error().message));
  return std::move(*report);
}

}  // namespace

// -- On the way -----------------------------------------------------------------------------------------------------

void Properties::check(Device& device) const {
  nothing_lost_at_author(device);
  files_whole(device, false);
  if (!world_.is_cloned(device)) levels_true(device);
  nobody_accused(device);
  streams_begin_anew(device);
}

/// What came back from a death may not know the newest keys that it used: it goes on under others.
void Properties::streams_begin_anew(Device& device) const {
  for (auto end = device.streams_end_at.begin(); end != device.streams_end_at.end();) {
    const auto [feed, seq] = *end;
    auto next = must(device.vault->entries().read(feed, seq + 1, 1), "read");
    if (!next) {
      ++end;
      continue;
    }
    // Of a clone it may be what the other one wrote.
    hold(next->entries.front().kind == EntryKind::stream || world_.is_cloned(device), Property::keys_used_once,
         device.name + ": a stream goes on after a death, at " + std::to_string(seq + 1) + " of " +
             feed.audience.hex().substr(0, 8));
    end = device.streams_end_at.erase(end);
  }
}

void Properties::nothing_lost_at_author(Device& device) const {
  for (const auto& account : ledger_.accounts) {
    if (account.author != &device && !account.has_unsent(device)) continue;
    auto report = read(device, account);
    for (const auto& [place, write] : account.unsent) {
      if (place.first != &device) continue;
      hold(texts_of(report, place.second).contains(write.text), Property::nothing_lost,
           device.name + ": a text that was saved is gone from " + place.second);
    }
    for (const auto& [path, writes] : account.writes) {
      if (account.unsent.contains({&device, path})) continue;  // covers what was sent
      for (const auto& write : writes)
        hold(write.writer != &device || account.is_superseded(path, write.text) ||
                 texts_of(report, path).contains(write.text),
             Property::nothing_lost, device.name + ": a text that was sent is gone from " + path);
    }
    hold(!account.retracted_by.contains(&device) || report.retracted, Property::nothing_lost,
         device.name + ": a retraction is gone");
  }
}

/// Files are at who attached them; once all has healed, at every coordinator, byte for byte.
void Properties::files_whole(Device& device, bool read_them) const {
  for (const auto& account : ledger_.accounts) {
    if (account.files.empty()) continue;
    const bool may_read = read_them && account.sent && has(device.role, Role::coordinator) && !world_.is_cloned(device);
    std::map<BlobId, AttachmentState> there;
    if (account.author == &device || may_read)
      for (const auto& state : must(device.vault->attachments(account.id), "attachments")) there[state.blob] = state;
    for (const auto& file : account.files) {
      const bool own = file.writer == &device && account.author == &device;
      if (!own && !(may_read && file.sent)) continue;
      auto state = there.find(file.blob);
      hold(state != there.end(), Property::nothing_lost, device.name + ": a file is not known there");
      hold(state->second.here == state->second.size, Property::nothing_lost,
           device.name + ": a file is not there whole");
      if (!read_them) continue;
      crypto::Sha256 hash;
      must(device.vault->read_attachment(account.id, file.blob,
                                         [&](ByteView bytes) { return hash.update(bytes), Result<void>(); }),
           "read an attachment");
      hold(hash.finish() == file.content, Property::nothing_lost, device.name + ": a file has other bytes");
      world_.figures.file_bytes += state->second.size;
      hold(!own || !file.sent || state->second.held, Property::bounded_rounds,
           device.name + ": the relay has a file and its author was not told");
    }
  }
}

/// Receipts speak of what a relay has, unless it lies or lost it; "held" and "opened" of what somebody has, up to the
/// newest entry.
void Properties::levels_true(Device& device) const {
  std::map<FeedKey, uint64_t> held_for_sure, claimed;
  bool known = true;  // what relays hold that are closed just now nobody can say
  for (auto& station : world_.stations) {
    known &= station->relay != nullptr;
    if (!station->relay) continue;
    const auto relay = station->relay->info().id;
    const bool may_be_wrong = station->went_back || (world_.doubtful() && station.get() == &world_.other());
    const auto there = station->entries();
    for (const auto& [feed, seq] : there) held_for_sure[feed] = std::max(held_for_sure[feed], seq);
    for (const auto& head : must(device.vault->sync_peer().outgoing_heads(), "heads")) {
      uint64_t confirmed = must(device.vault->sync_peer().confirmed(relay, head.feed), "confirmed");
      auto at_relay = there.find(head.feed);
      if (may_be_wrong) claimed[head.feed] = std::max(claimed[head.feed], confirmed);
      hold(may_be_wrong || confirmed <= (at_relay == there.end() ? 0 : at_relay->second), Property::levels_true,
           device.name + ": a receipt speaks of entries that the relay does not hold");
    }
  }
  auto opened_by_one = [&](const FeedKey& feed, uint64_t seq) {
    return std::any_of(world_.devices.begin(), world_.devices.end(), [&](const auto& other) {
      return has(other->role, Role::coordinator) && other->vault &&
             must(other->vault->entries().head(feed), "head").seq >= seq;
    });
  };
  for (const auto& account : ledger_.accounts) {
    if (account.author != &device || !account.sent) continue;
    auto level = must(device.vault->levels(account.id), "levels").level;
    if (level < Level::held) continue;
    const auto& [feed, seq, hash] = account.last;
    bool opened = opened_by_one(feed, seq);
    bool held = opened || !known || seq <= held_for_sure[feed] || seq <= claimed[feed];
    hold(level == Level::held ? held : opened, Property::levels_true,
         device.name + ": a report is shown as " + std::string(lysoen::name_of(level)) + " and is not");
  }
}

void Properties::nobody_accused(Device& device) const {
  auto status = must(device.vault->status(), "status");
  world_.figures.forks += status.forks;
  if (world_.has_clone()) return;  // forks_noticed
  hold(status.forks == 0, Property::nobody_accused, device.name + ": a fork");
  // What a hostile relay sends as a stub is a gap until the honest one is asked.
  hold(status.gaps == 0 || (world_.doubtful() && !healed_), Property::nobody_accused, device.name + ": a gap");
  for (const auto& notice : status.notices) {
    // Of the clock and of the team, not of anybody.
    bool harmless = notice.find("ran out") != std::string::npos || notice.find("only one member") != std::string::npos;
    harmless |= world_.doubtful() && notice.rfind("a roster arrived that", 0) == 0;  // forged by it
    hold(harmless, Property::nobody_accused, device.name + ": " + notice);
  }
}

void Properties::check_relays() const {
  for (auto& station : world_.stations) {
    station->look_into_store(world_.watch);
    if (!station->relay || (world_.doubtful() && station.get() == &world_.other())) continue;
    auto seen = must(station->relay->inspect(), "inspect the relay");
    hold(world_.has_clone() || (seen.forks == 0 && station->relay->metrics().two_places == 0), Property::nobody_accused,
         "a relay: a fork, or one identity in two places");
    for (const auto& fault : must(station->relay->check(), "check the relay").faults)
      hold(false, Property::calls_succeed, "a relay's store: " + fault);
  }
  if (world_.hostile) world_.hostile->look_into_stores(world_.watch);
}

// -- In the end -----------------------------------------------------------------------------------------------------

/// At the honest relays and at all devices.
uint64_t Properties::entries_everywhere() const {
  uint64_t sum = 0;
  for (auto& station : world_.stations)
    if (!world_.doubtful() || station.get() != &world_.other())
      for (const auto& [feed, entries] : station->entries()) sum += entries;
  for (auto& device : world_.devices)
    for (const auto& head : must(device->vault->all_heads(), "heads")) sum += head.seq;
  return sum;
}

bool Properties::round() const {
  const uint64_t before = entries_everywhere();
  for (bool coordinators : {false, true}) {
    for (auto& device : world_.devices) {
      if (has(device->role, Role::coordinator) != coordinators) continue;
      auto outcome = world_.sync_to_end(*device);
      hold(!outcome.failure && (outcome.refused.empty() || world_.doubtful() || world_.has_clone()),
           Property::bounded_rounds,
           device->name +
               ": a sync on a good network failed: " + (outcome.failure ? outcome.failure->message : "refused"));
    }
  }
  return entries_everywhere() != before;
}

/// Of two devices that share a name each may lack what the other wrote; they are told, and everybody else has both.
void Properties::same_bytes() const {
  std::optional<std::map<ReportId, Bytes>> first;
  for (auto& device : world_.devices) {
    if (!has(device->role, Role::coordinator) || world_.is_cloned(*device)) continue;
    std::map<ReportId, Bytes> shown;
    auto show = [&](const Report& report) {
      if (report.edits > 0) shown[report.id] = report::canonical_bytes(report);
      return true;
    };
    must(device->vault->each(everything(), show), "each");
    if (!first) first = shown;
    hold(first == shown, Property::same_bytes, device->name + " shows other reports than the admin");
  }
  for (const auto& [id, bytes] : *first) world_.trace.note("report", bytes);
}

void Properties::heal_and_check() {
  world_.network.weather = {};
  world_.network.down.clear();
  world_.death_at_write(0);
  if (world_.hostile) world_.hostile->settle();
  for (auto& station : world_.stations) station->mend(), station->open();
  world_.sync_to_end(world_.admin());  // the relays learn who is admitted
  uint64_t rounds = 1;
  const bool forked = world_.forked();
  for (; round(); ++rounds)
    hold(rounds < (world_.has_clone() ? kRoundsOfClones : kRoundsMax), Property::bounded_rounds,
         "news after " + std::to_string(rounds) + " rounds on a good network");
  world_.figures.rounds += rounds;
  healed_ = true;
  for (auto& station : world_.stations) station->went_back = false;

  same_bytes();
  if (forked) fork_noticed();
  for (auto& device : world_.devices) {
    check(*device);
    // On the way an edit may wait for the roster that it names.
    hold(world_.has_clone() || must(device->vault->status(), "status").set_aside == 0, Property::nobody_accused,
         device->name + ": something stays set aside");
    if (has(device->role, Role::coordinator) && !world_.is_cloned(*device)) nothing_lost_at_coordinator(*device);
    files_whole(*device, true);
  }
  for (const auto& account : ledger_.accounts)
    if (account.sent)
      for (auto& device : world_.devices)
        if (account.author == device.get() && !world_.is_cloned(*device))
          hold(must(device->vault->levels(account.id), "levels").level >= Level::opened, Property::bounded_rounds,
               device->name + ": everybody has a report and its author was not told");
  check_relays();
}

/// At the relay, by every coordinator, or by those who share the name, if nobody else ever saw both versions.
void Properties::fork_noticed() const {
  bool noticed = must(world_.trusted().relay->inspect(), "inspect").forks > 0;
  for (auto& device : world_.devices)
    noticed |= world_.is_cloned(*device) && must(device->vault->status(), "status").forks > 0;
  for (auto& device : world_.devices) {
    auto status = must(device->vault->status(), "status");
    if (has(device->role, Role::coordinator) && !world_.is_cloned(*device))
      hold(noticed || status.forks > 0, Property::forks_noticed, device->name + ": a fork that nobody knows of");
    if (!world_.is_cloned(*device))
      for (const auto& notice : status.notices)
        hold(notice.find("what this device sent") == std::string::npos, Property::nobody_accused,
             device->name + ": " + notice);
  }
}

void Properties::nothing_lost_at_coordinator(Device& device) const {
  std::multiset<ReportId> shown;
  for (const auto& line : must(device.vault->list(everything()), "list"))
    if (line.level != Level::draft) shown.insert(line.id);
  size_t sent = 0;
  for (const auto& account : ledger_.accounts) {
    if (!account.sent) continue;
    ++sent;
    hold(shown.count(account.id) == 1, Property::nothing_lost,
         device.name + ": a report is there " + std::to_string(shown.count(account.id)) + " times");
    account_holds(account, read(device, account), device);
  }
  hold(shown.size() == sent, Property::nothing_lost, device.name + ": a report that nobody sent");
}

void Properties::account_holds(const Account& account, const Report& report, const Device& device) const {
  for (const auto& [path, writes] : account.writes) {
    if (account.unsent.contains({&device, path})) continue;
    auto standing = account.standing(path);
    hold(texts_of(report, path) == std::multiset<std::string>(standing.begin(), standing.end()), Property::nothing_lost,
         device.name + ": other texts stand in " + path + " than were written there");
  }
  hold(report.retracted == !account.retracted_by.empty(), Property::nothing_lost,
       device.name + ": a retraction is lost");
  if (auto status = account.status())
    hold(report.status == *status, Property::nothing_lost, device.name + ": a change of status is lost");
}

}  // namespace lysoen::sim
