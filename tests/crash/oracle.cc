#include "tests/crash/oracle.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen::crash {

namespace {

bool may_go(const std::string& name) {
  return name.starts_with('~');
}

const std::string* find(const View& view, const std::string& name) {
  auto at = view.find(name);
  return at == view.end() ? nullptr : &at->second;
}
bool same(const std::string* a, const std::string* b) {
  return a && b ? *a == *b : a == b;
}

// Names at which `actual` is neither as before nor as after.
std::vector<std::string> differences(const View& actual, const View& before, const View& after, bool with_soft) {
  std::set<std::string> names;
  for (const auto* view : {&actual, &before, &after})
    for (const auto& [name, text] : *view) names.insert(name);
  std::vector<std::string> out;
  for (const auto& name : names) {
    if (!with_soft && may_go(name)) continue;
    const auto* is = find(actual, name);
    if (!same(is, find(before, name)) && !same(is, find(after, name))) out.push_back(name);
  }
  return out;
}

size_t last_sure(const Moment& moment) {
  size_t sure = moment.acknowledged;
  while (sure > 0 && moment.steps[sure].kind == Kind::plain) --sure;
  return sure;
}

// Empty if `actual` is what some moment between the last sure step and the one in flight would have shown.
std::string unexplained(const View& actual, const Moment& moment) {
  std::string why;
  for (size_t at = last_sure(moment); at <= moment.in_flight; ++at) {
    const auto& before = moment.steps[at].after;
    const bool is_last = at == moment.in_flight;
    const auto& after = is_last ? before : moment.steps[at + 1].after;
    auto odd = differences(actual, before, after, moment.damage == Damage::none);
    const bool in_parts =
        !is_last && (moment.steps[at + 1].kind == Kind::steps || moment.steps[at + 1].kind == Kind::plain);
    const bool whole = is_last || in_parts || moment.damage != Damage::none || actual == before || actual == after;
    if (odd.empty() && whole) return "";
    if (why.empty() || at == moment.acknowledged) {
      why = odd.empty() ? "a part of '" + moment.steps[at + 1].name + "'" : "";
      for (const auto& name : odd) {
        const auto *is = find(actual, name), *was = find(before, name);
        why += "'" + name + "' is '" + (is ? is->substr(0, 200) : "(not there)") + "', was '" +
               (was ? was->substr(0, 200) : "(not there)") + "'; ";
      }
    }
  }
  return why;
}

bool speaks_of_damage(const std::string& notice) {
  return notice.find("may be lost") != std::string::npos || notice.find("damaged bytes") != std::string::npos;
}

/// The first step of which the vault knows: what a wipe ended is not expected of the one that opens now.
size_t first_known(Device& device, const Moment& moment) {
  size_t first = 0;
  for (size_t step = 1; step <= moment.acknowledged; ++step)
    if (moment.steps[step].kind == Kind::wipe) first = step;
  const auto& next = moment.steps[moment.in_flight];
  if (next.kind != Kind::wipe || next.closed) return first;
  auto view = device.view();
  return view && *view == next.after ? moment.in_flight : first;
}

// Of the entries that left, none is missing and none has another hash.
void compare_entries(Device& device, const Moment& moment, size_t first, bool may_miss, Findings& findings) {
  for (size_t step = first; step <= moment.acknowledged; ++step) {
    for (const auto& head : moment.steps[step].left) {
      auto hash = device.hash_at(head.feed, head.seq);
      const std::string entry = "entry " + std::to_string(head.seq) + " of incarnation " +
                                std::to_string(head.feed.incarnation) + " that left in '" + moment.steps[step].name +
                                "'";
      if (!hash && may_miss && hash.error().code == ErrorCode::damaged) continue;
      if (!hash)
        findings.add(Fault::other, entry + " cannot be read: " + hash.error().message);
      else if (*hash && **hash != head.hash)
        findings.add(Fault::forked, entry + " is another one now");
      else if (!*hash && !may_miss)
        findings.add(Fault::lost, entry + " is gone");
    }
  }
}

// A draft and a report more; what is sealed first after an unclean end begins a new stream.
void go_on(Device& device, const Moment& moment, Findings& findings) {
  auto fail = [&](const char* doing, const Error& error) {
    findings.add(Fault::other, std::string("cannot ") + doing + " afterwards: " + error.message);
  };
  auto id = write_draft(device, "Afterwards");
  if (!id) return fail("save", id.error());
  auto team = device->team_view();
  if (!team) return;
  auto before = device.heads();
  if (!before) return fail("read the heads", before.error());
  auto sent = device->submit(*id);
  if (!sent) return fail("submit", sent.error());
  auto after = device.heads();
  if (!after) return fail("read the heads", after.error());
  for (const auto& head : *after) {
    uint64_t from = 1;
    for (const auto& old : *before)
      if (old.feed == head.feed) from = old.seq + 1;
    if (from > head.seq) continue;
    auto batch = device->entries().read(head.feed, from, 1);
    if (!batch || !*batch) return findings.add(Fault::other, "a new entry cannot be read");
    const bool may_be_clean = moment.steps[moment.acknowledged].clean || moment.steps[moment.in_flight].clean;
    if (!may_be_clean && (*batch)->entries.front().kind != EntryKind::stream)
      findings.add(Fault::forked, "a stream goes on after an unclean end");
  }
  if (moment.steps[moment.acknowledged].counter == 0) return;
  for (const auto& relay : team->relays) {
    auto counter = device->sync_peer().next_counter(relay.id);
    if (!counter) return fail("reserve counters", counter.error());
    if (*counter <= moment.steps[moment.acknowledged].counter && moment.damage != Damage::log_and_ring)
      findings.add(Fault::forked, "an exchange counter is given out twice");
  }
}

}  // namespace

size_t Record::acknowledged(size_t at) const {
  size_t last = 0;
  for (size_t i = 0; i < steps.size() && steps[i].ended <= at; ++i) last = i;
  return last;
}

Record tell(const Story& story, uint64_t seed, KeyCost cost) {
  test::MemoryDisk disk("x");
  World world(disk, "x", seed, cost);
  story.before(world);
  disk.begin_journal();
  Record record;
  record.story = story.name;
  record.before = disk.image();
  record.followers.emplace_back(0, world.follower_disk.image());
  auto note = [&](const std::string& name, Kind kind, size_t begun) {
    // What is plain, changes a passphrase or purges saves nothing: a stream that was at rest before goes on after it.
    // What wipes locks first.
    const bool saves_nothing = kind == Kind::plain || name.find("passphrase") != std::string::npos || name == "purge";
    const bool rests = saves_nothing && !record.steps.empty() && record.steps.back().clean;
    const bool locks = name == "before" || name.ends_with("lock and open") || kind == Kind::wipe;
    Step step{name, kind, begun, disk.journal().size(), {}, {}, world.counter, locks || rests, {}};
    if (!world.device.vault) {
      test::MemoryDisk copy("x");
      copy.restore(disk.image());
      step.closed = Device(copy, "x", seed).open().error().code;
    } else {
      step.after = must(world.device.view());
      step.left = must(world.device.heads());
    }
    record.steps.push_back(std::move(step));
    if (std::exchange(world.followed, false))
      record.followers.emplace_back(record.steps.size() - 1, world.follower_disk.image());
  };
  note("before", Kind::save, 0);
  for (const auto& act : story.acts) {
    INFO("story " << story.name << ", act " << act.name);
    const size_t begun = disk.journal().size();
    must(act.run(world));
    note(act.name, act.kind, begun);
  }
  record.journal = disk.journal();
  return record;
}

Findings examine(Device& device, const Moment& moment, bool deep) {
  Findings findings;
  auto status = device->status();
  if (!status) {
    findings.add(Fault::other, "its status cannot be read: " + status.error().message);
    return findings;
  }
  bool names_lost_saves = false, pages_mixed = false;
  for (const auto& notice : status->notices) {
    names_lost_saves |=
        notice.find("may be lost: number") != std::string::npos && notice.find(" to ") != std::string::npos;
    pages_mixed |= notice.find("damaged bytes") != std::string::npos;
    findings.reported |= speaks_of_damage(notice);
    if (moment.damage == Damage::none && (speaks_of_damage(notice) || notice.find("was repaired") != std::string::npos))
      findings.add(Fault::other, "an untrue notice: " + notice);
  }
  // The ring has what a damaged log loses, but for the one save that was under way; unless a checkpoint was under way.
  if (moment.damage == Damage::log && names_lost_saves && !pages_mixed)
    findings.add(Fault::lost, "saves are lost though the ring is whole");
  if (moment.damage == Damage::none || !findings.reported) {
    auto view = device.view();
    if (!view) {
      findings.reported |= view.error().code == ErrorCode::damaged;
      if (moment.damage == Damage::none || !findings.reported)
        findings.add(Fault::other, "it cannot be read: " + view.error().message);
      return findings;
    }
    auto why = unexplained(*view, moment);
    if (!why.empty()) findings.add(moment.damage == Damage::none ? Fault::lost : Fault::silent, why);
  }
  auto check = device.check();
  if (!check && !(pages_mixed && check.error().code == ErrorCode::damaged))
    findings.add(Fault::other, "it cannot be checked: " + check.error().message);
  else if (check && !check->empty() && !findings.reported)
    findings.add(Fault::other, "not all is as it was written: " + *check);
  const size_t first = first_known(device, moment);
  compare_entries(device, moment, first, findings.reported, findings);
  go_on(device, moment, findings);
  compare_entries(device, moment, first, findings.reported, findings);
  // A purge that had begun is gone on with when the vault is locked.
  const bool ends_purge = moment.steps[moment.in_flight].name == "purge";
  if (!deep || ends_purge || !findings.complaints.empty()) return findings;
  auto before = device.view();
  auto locked = device.lock();
  auto opened = device.open();
  auto after = opened ? device.view() : Result<View>(opened.error());
  if (!before || !locked || !after)
    findings.add(Fault::other, "it cannot be locked and opened once more");
  else if (*before != *after)
    findings.add(Fault::lost, "what it shows changes when it is locked and opened");
  return findings;
}

void follow(Device& device, const Record& record, const Moment& moment, uint64_t seed, Findings& findings) {
  const test::DiskImage* image = &record.followers.front().second;
  for (const auto& [step, held] : record.followers)
    if (step <= moment.acknowledged) image = &held;
  test::MemoryDisk disk;
  disk.restore(*image);
  Device follower(disk, "follower", seed);
  must(follower.open());
  if (!device->team_view() || !follower->team_view()) return;  // had not joined yet, or is a cover
  if (auto handed = hand_over(device, follower); !handed)
    return findings.add(Fault::other, "a reader cannot take it: " + handed.error().message);
  auto status = must(follower->status());
  if (status.forks != 0) findings.add(Fault::forked, "the reader sees a fork");
  auto here = device.view(), there = follower.view();
  if (!here || !there) return findings.add(Fault::other, "a reader cannot read");
  for (const auto& [name, text] : *here) {
    const bool sent = name.starts_with("report ") && text.find(" draft") == std::string::npos;
    if (sent && !there->count(name)) findings.add(Fault::lost, "'" + name + "' does not reach the reader");
  }
}

bool may_be_closed(const Moment& moment, ErrorCode code) {
  const auto& next = moment.steps[moment.in_flight];
  const bool being_made = moment.steps[moment.acknowledged].closed && next.name == "create";  // some of its files lack
  return being_made || moment.steps[moment.acknowledged].closed == code || next.closed == code;
}

void examine_backup(Device& device, const Moment& moment, uint64_t seed, Findings& findings) {
  size_t written = 0;
  while (written < moment.steps.size() && moment.steps[written].name != kBackupAct) ++written;
  if (written > moment.in_flight) return;
  auto& files = device.place.files;
  for (const std::string& name : {std::string(kBackupFile), std::string(kBackupFile) + ".part"}) {
    const bool finished = name == kBackupFile;
    auto content = storage::read_file(files, name, SIZE_MAX);
    if (!content) {
      if (finished && written <= moment.acknowledged) findings.add(Fault::lost, "the backup is gone");
      continue;
    }
    // A torn head may ask for a key that takes minutes.
    constexpr size_t kCostAt = 12;
    const Bytes cost = Writer().u32(kCheapCost.memory_kib).u32(kCheapCost.passes).bytes();
    const bool cheap =
        content->size() > kCostAt + 8 && std::equal(cost.begin(), cost.end(), content->begin() + kCostAt);
    if (!finished && !cheap) continue;
    test::MemoryDisk disk("x");
    disk.set_content("../" + name, *content);
    Device other(disk, "x", seed);
    auto restored = vault::VaultImpl::restore(name, other.place, {kBackupWords, kPassphrase, {kCheapCost}, {}},
                                              {other.clock, other.random});
    if (!restored) {
      if (finished) findings.add(Fault::lost, "the backup cannot be restored: " + restored.error().message);
      if (disk.names().size() != 1) findings.add(Fault::other, "a backup that is refused leaves something behind");
      continue;
    }
    other.vault = std::move(*restored);
    auto view = must(other.view());
    for (const auto& [what, text] : moment.steps[written].after) {
      const bool kept = what.starts_with("report ") || what.starts_with("purged ");
      if (kept && (!view.count(what) || view.at(what) != text))
        findings.add(Fault::lost, "'" + what + "' is not in the backup as it was");
    }
  }
}

std::string reads_badly(const Error& error) {
  if (error.message.empty() || !(error.message[0] >= 'a' && error.message[0] <= 'z'))
    return "no sentence in lower case";
  if (error.code == ErrorCode::internal) return "called a mistake of the program: " + error.message;
  if (error.message.find("Monitors") != std::string::npos || error.message.find("Early") != std::string::npos)
    return "holds what was written";
  return "";
}

}  // namespace lysoen::crash
