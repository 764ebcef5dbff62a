#include "tests/crash/story.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/feed/receipt.h"

namespace lysoen::crash {

namespace {

constexpr std::string_view kRootWords = "root words", kDuress = "words said under force";

std::vector<Change> answers(std::vector<std::pair<std::string, std::string>> pairs) {
  std::vector<Change> changes;
  for (auto& [path, text] : pairs) changes.push_back({path, Value::text_of(text)});
  return changes;
}

Change number(std::string path, int value) {
  return {std::move(path), must(Value::parse(ValueType::integer, std::to_string(value)))};
}

Result<void> draft(World& world, const std::string& title) {
  LYSOEN_ASSIGN(world.reports[title], write_draft(world.device, title));
  return {};
}
Result<void> save(World& world, const std::string& title, std::vector<Change> changes) {
  return world.device->save(world.reports[title], changes);
}
/// A file of more chunks than one, under the name "picture".
Result<void> attach(Device& device, const ReportId& report) {
  size_t left = 20000;
  AttachmentSource picture{"picture", "image/jpeg", [&](std::span<uint8_t> into) -> Result<size_t> {
                             const size_t size = std::min(left, into.size());
                             std::fill_n(into.begin(), size, static_cast<uint8_t>('p'));
                             left -= size;
                             return size;
                           }};
  auto attached = device->attach(report, "files[new1]/file", picture);
  return attached ? Result<void>() : Result<void>(std::move(attached).error());
}
Result<void> submit(World& world, const std::string& title) {
  auto sent = world.device->submit(world.reports[title]);
  return sent ? Result<void>() : Result<void>(std::move(sent).error());
}

void submitted(Device& device, const std::string& title) {
  auto id = must(write_draft(device, title));
  must(device->submit(id));
}

/// Up to the admin's welcome, by files; the two ends may be on different disks.
Result<Bytes> ask_to_join(Device& admin, Device& joiner, Role role, std::string name) {
  LYSOEN_ASSIGN(auto invite, admin->invite({role, std::move(name)}));
  LYSOEN_ASSIGN(auto joining, joiner->join(invite.file));
  LYSOEN_ASSIGN(auto request, admin->offer_join_request(joining.request));
  return admin->admit(request.id);
}

Result<void> finish_join(Device& joiner, ByteView welcome) {
  LYSOEN_ASSIGN([[maybe_unused]] auto view, joiner->finish_join(welcome));
  return {};
}

Result<void> join(Device& admin, Device& joiner, Role role, std::string name) {
  LYSOEN_ASSIGN(auto welcome, ask_to_join(admin, joiner, role, std::move(name)));
  return finish_join(joiner, welcome);
}

Result<void> found(World& world, Device& admin) {
  CreateTeamOptions options;
  options.name = "Monitors of the river";
  options.member_name = "Ada";
  options.root_passphrase = kRootWords;
  LYSOEN_ASSIGN(auto team, admin->create_team(options));
  world.root_file = team.root_file;
  return {};
}

Result<void> hand_to_follower(World& world) {
  world.followed = true;
  return hand_over(world.device, world.follower);
}

Result<void> take_receipts(World& world) {
  LYSOEN_ASSIGN(auto team, world.device->team_view());
  LYSOEN_ASSIGN(auto heads, world.device->sync_peer().outgoing_heads());
  for (const auto& head : heads) {
    feed::Receipt receipt;
    receipt.team = team.team;
    receipt.feed = head.feed;
    receipt.seq = head.seq;
    receipt.head = head.hash;
    receipt.point.counter = 1;
    receipt.log_size = 1;
    LYSOEN_TRY(world.device->sync_peer().take_receipt(world.relay.id, feed::sign_receipt(receipt, world.relay_key)));
  }
  return {};
}

Result<void> next_counter(World& world) {
  LYSOEN_ASSIGN(world.counter, world.device->sync_peer().next_counter(world.relay.id));
  return {};
}

Result<void> move_cursor(World& world, uint64_t to) {
  LYSOEN_ASSIGN(auto cursors, world.device->sync_peer().cursors(world.relay.id));
  for (auto& cursor : cursors) {
    cursor.counter = to;
    LYSOEN_TRY(world.device->sync_peer().set_cursor(world.relay.id, cursor));
  }
  return {};
}

Result<void> reopen(World& world) {
  LYSOEN_TRY(world.device.lock());
  return world.device.open();
}

Result<void> change_passphrase(World& world, std::string_view to) {
  LYSOEN_ASSIGN([[maybe_unused]] auto number, world.device->change_passphrase(to));
  return {};
}

Result<void> back_up(Device& device) {
  LYSOEN_ASSIGN([[maybe_unused]] auto size, device->backup(kBackupFile, kBackupWords, {kCheapCost, {}}));
  return {};
}

Result<void> purge(World& world, size_t expected) {
  LYSOEN_ASSIGN(auto outcome, world.device->purge_due());
  if (outcome.purged == expected) return {};
  return make_error(ErrorCode::internal, "not the reports that are due were purged");
}

/// Closes the device's vault for it, so that nothing is left open in between.
Result<void> fill_cover(World& world) {
  LYSOEN_TRY(world.device.lock());
  LYSOEN_ASSIGN(auto cover, world.device.unlock(kCover));
  LYSOEN_ASSIGN([[maybe_unused]] auto id, cover->begin("police-incident", "en", answers({{"title", "Harmless"}})));
  LYSOEN_TRY(cover->lock());
  return world.device.open();
}

Result<void> import(World& world, int first, int count) {
  std::vector<ImportRow> rows;
  for (int i = first; i < first + count; ++i)
    rows.push_back({"police-incident", "file:" + std::to_string(i), answers({{"title", "Row " + std::to_string(i)}})});
  LYSOEN_ASSIGN([[maybe_unused]] auto outcome, world.device->import_rows(rows));
  return {};
}

/// The first report of the other end that is here.
Result<ReportId> received(World& world, const std::string& title) {
  ReportQuery query;
  query.with_retracted = true;
  LYSOEN_ASSIGN(auto lines, world.device->list(query));
  for (const auto& line : lines)
    if (line.title == title) return line.id;
  return make_error(ErrorCode::internal, "a report of the story is not there");
}

auto adding_to(std::vector<Act>& acts) {
  return [&acts](std::string name, Kind kind, std::function<Result<void>(World&)> run) {
    acts.push_back({std::move(name), kind, std::move(run)});
  };
}

void add_small_saves(std::vector<Act>& acts, const std::string& title, int count) {
  for (int i = 0; i < count; ++i)
    acts.push_back({"save " + title + " again", Kind::save, [=](World& world) {
                      return save(
                          world, title,
                          {number("killed", i), {"what_happened", Value::text_of(std::string(40 * (i + 1), 'w'))}});
                    }});
}

}  // namespace

World::World(storage::Files& files, std::filesystem::path folder, uint64_t seed, KeyCost key_cost)
    : device(files, std::move(folder), seed),
      cost(key_cost),
      peer(peer_disk, "peer", seed + 1),
      follower(follower_disk, "follower", seed + 2),
      relay_key(crypto::SigningKey::generate(device.random)) {
  relay.id.bytes = relay_key.public_key();
  relay.fallback_key = crypto::KemKeyPair::generate(device.random).public_key;
  relay.urls = {"http://127.0.0.1:1"};
  relay.durable = true;
}

Result<ReportId> write_draft(Device& device, const std::string& title) {
  return device->begin("police-incident", "en", answers({{"title", title}}));
}

Story coordinator_story() {
  Story story;
  story.name = "coordinator";
  story.before = [](World& world) {
    must(world.peer.create());
    must(world.follower.create());
  };
  auto& acts = story.acts;
  auto act = adding_to(acts);
  act("create", Kind::steps, [](World& world) { return world.device.create(world.cost); });
  act("draft before there is a team", Kind::save, [](World& world) { return draft(world, "Early"); });
  act("create a team", Kind::save, [](World& world) { return found(world, world.device); });
  act("add a relay", Kind::steps, [](World& world) -> Result<void> {
    LYSOEN_ASSIGN([[maybe_unused]] auto view, world.device->add_relay(world.relay, world.root_file, kRootWords));
    return {};
  });
  act("submit", Kind::save, [](World& world) { return submit(world, "Early"); });
  act("a reporter joins", Kind::steps,
      [](World& world) { return join(world.device, world.peer, Role::reporter, "Ben"); });
  act("a coordinator joins", Kind::steps,
      [](World& world) { return join(world.device, world.follower, Role::coordinator, "Cleo"); });
  act("draft", Kind::save, [](World& world) { return draft(world, "Long"); });
  act("save much", Kind::save, [](World& world) {
    return save(world, "Long", answers({{"what_happened", std::string(10000, 'm')}, {"reported_by", "a neighbour"}}));
  });
  act("attach", Kind::save, [](World& world) { return attach(world.device, world.reports["Long"]); });
  act("submit in two edits", Kind::save, [](World& world) { return submit(world, "Long"); });
  act("the follower reads", Kind::plain, hand_to_follower);
  act("reserve counters", Kind::save, next_counter);
  act("take in and acknowledge", Kind::steps, [](World& world) {
    for (auto* title : {"Ben one", "Ben two", "Ben three"}) submitted(world.peer, title);
    return hand_over(world.peer, world.device);
  });
  act("receipts", Kind::plain, take_receipts);
  act("cursors", Kind::plain, [](World& world) { return move_cursor(world, 7); });
  act("mark read", Kind::save, [](World& world) -> Result<void> {
    LYSOEN_ASSIGN(auto id, received(world, "Ben two"));
    return world.device->mark_read(id);
  });
  act("edit what was sent", Kind::save, [](World& world) { return save(world, "Early", {number("killed", 4)}); });
  act("submit the edit", Kind::save, [](World& world) { return submit(world, "Early"); });
  act("lock and open", Kind::plain, reopen);
  act("import", Kind::save, [](World& world) { return import(world, 1, 6); });
  act("status", Kind::save, [](World& world) -> Result<void> {
    LYSOEN_ASSIGN(auto id, received(world, "Ben one"));
    return world.device->set_status(id, Status::verified, "seen there");
  });
  act("add a passphrase", Kind::steps, [](World& world) -> Result<void> {
    LYSOEN_ASSIGN(world.passphrase, world.device->add_passphrase("one more of several words"));
    return {};
  });
  act("change the passphrase", Kind::steps, [](World& world) { return change_passphrase(world, kOther); });
  act("remove a passphrase", Kind::steps,
      [](World& world) { return world.device->remove_passphrase(world.passphrase); });
  act("draft to discard", Kind::save, [](World& world) { return draft(world, "Mistake"); });
  act("attach to it", Kind::save, [](World& world) { return attach(world.device, world.reports["Mistake"]); });
  act("discard", Kind::save, [](World& world) { return world.device->discard(world.reports["Mistake"]); });
  act("draft to lap the ring", Kind::save, [](World& world) { return draft(world, "Lap"); });
  add_small_saves(acts, "Lap", 20);
  act("the follower reads", Kind::plain, hand_to_follower);
  act("take in more", Kind::steps, [](World& world) {
    for (auto* title : {"Ben four", "Ben five"}) submitted(world.peer, title);
    return hand_over(world.peer, world.device);
  });
  act("cursors", Kind::plain, [](World& world) { return move_cursor(world, 9); });
  act("retract", Kind::save, [](World& world) { return world.device->retract(world.reports["Early"], "wrong place"); });
  act("import again", Kind::save, [](World& world) { return import(world, 4, 6); });
  act("reserve more counters", Kind::plain, [](World& world) -> Result<void> {
    for (int i = 0; i < 70; ++i) LYSOEN_TRY(next_counter(world));
    return {};
  });
  act("lock and open", Kind::plain, reopen);
  act("change the passphrase back", Kind::steps, [](World& world) { return change_passphrase(world, kPassphrase); });
  act("submit the last", Kind::save, [](World& world) { return submit(world, "Lap"); });
  act("the follower reads", Kind::plain, hand_to_follower);
  return story;
}

Story reporter_story() {
  Story story;
  story.name = "reporter";
  // The phone was put back to what it was before its last report; the admin has that report. She is the peer, and
  // follows as well.
  story.before = [](World& world) {
    auto& disk = static_cast<test::MemoryDisk&>(world.device.place.files);
    must(world.peer.create());
    must(world.follower.create());
    must(found(world, world.peer));
    must(world.peer->add_relay(world.relay, world.root_file, kRootWords));
    must(join(world.peer, world.follower, Role::coordinator, "Cleo"));
    must(world.device.create(world.cost));
    must(join(world.peer, world.device, Role::reporter, "Ben"));
    must(hand_over(world.peer, world.follower));
    must(draft(world, "First"));
    must(submit(world, "First"));
    must(world.device.lock());
    const auto earlier = disk.image();
    must(world.device.open());
    submitted(world.device, "Forgotten");
    must(hand_over(world.device, world.peer));
    must(world.device.lock());
    disk.restore(earlier);
    must(world.device.open());
  };
  auto& acts = story.acts;
  auto act = adding_to(acts);
  act("draft", Kind::save, [](World& world) { return draft(world, "Second"); });
  act("own past comes back", Kind::plain, [](World& world) { return hand_over(world.peer, world.device); });
  act("submit under the new incarnation", Kind::save, [](World& world) { return submit(world, "Second"); });
  act("the follower reads", Kind::plain, hand_to_follower);
  act("receipts", Kind::plain, take_receipts);
  act("draft", Kind::save, [](World& world) { return draft(world, "Third"); });
  act("save", Kind::save, [](World& world) { return save(world, "Third", answers({{"reported_by", "a friend"}})); });
  act("acknowledgements arrive", Kind::plain, [](World& world) {
    must(hand_over(world.follower, world.peer));
    return hand_over(world.peer, world.device);
  });
  act("submit", Kind::save, [](World& world) { return submit(world, "Third"); });
  act("edit what was sent", Kind::save, [](World& world) { return save(world, "First", {number("injured", 2)}); });
  act("lock and open", Kind::plain, reopen);
  add_small_saves(acts, "First", 14);
  act("submit the edits", Kind::save, [](World& world) { return submit(world, "First"); });
  act("import", Kind::save, [](World& world) { return import(world, 1, 3); });
  act("the follower reads", Kind::plain, hand_to_follower);
  return story;
}

Story forced_story() {
  Story story;
  story.name = "forced";
  story.before = [](World& world) {
    must(world.peer.create());
    must(world.follower.create());
    must(found(world, world.peer));
    must(world.peer->set_policy(Role::reporter, {Keep::until_opened, 1, true}));
    must(join(world.peer, world.follower, Role::coordinator, "Cleo"));
    must(world.device.create(world.cost));
    must(join(world.peer, world.device, Role::reporter, "Ben"));
    for (auto* title : {"Sent", "Sent too"}) submitted(world.device, title);
    must(hand_over(world.device, world.peer));
    must(hand_over(world.peer, world.follower));
    must(world.device.lock());
    must(world.device.open());
  };
  auto& acts = story.acts;
  auto act = adding_to(acts);
  act("draft", Kind::save, [](World& world) { return draft(world, "Kept"); });
  act("attach", Kind::save, [](World& world) { return attach(world.device, world.reports["Kept"]); });
  act("make a cover", Kind::steps, [](World& world) { return world.device->make_cover({kCover, kDuress}); });
  act("fill the cover, lock and open", Kind::plain, fill_cover);
  act("acknowledgements arrive", Kind::plain, [](World& world) { return hand_over(world.peer, world.device); });
  act("nothing is due yet", Kind::plain, [](World& world) { return purge(world, 0); });
  act("purge", Kind::save, [](World& world) {
    world.device.clock.advance(std::chrono::hours(25));
    return purge(world, 2);
  });
  act(kBackupAct, Kind::plain, [](World& world) { return back_up(world.device); });
  act("draft", Kind::save, [](World& world) { return draft(world, "Third"); });
  act("submit after the purge", Kind::save, [](World& world) { return submit(world, "Third"); });
  act("the follower reads", Kind::plain, hand_to_follower);
  act("open the cover under force", Kind::wipe, [](World& world) -> Result<void> {
    LYSOEN_TRY(world.device.lock());
    LYSOEN_ASSIGN(world.device.vault, world.device.unlock(kDuress));
    return {};
  });
  act("draft in the cover", Kind::save, [](World& world) { return draft(world, "Harmless too"); });
  act("lock and open", Kind::plain, reopen);
  act("wipe everything", Kind::wipe, [](World& world) {
    auto done = world.device->wipe(WipeScope::everything);
    world.device.vault.reset();
    return done;
  });
  return story;
}

Story restored_story() {
  Story story;
  story.name = "restored";
  // The old device is another one, with a disk of its own; only the backup comes over.
  story.before = [](World& world) {
    auto& disk = static_cast<test::MemoryDisk&>(world.device.place.files);
    test::MemoryDisk old_disk;
    Device old(old_disk, "old", 77);
    must(world.peer.create());
    must(world.follower.create());
    must(found(world, world.peer));
    must(join(world.peer, world.follower, Role::coordinator, "Cleo"));
    must(old.create());
    must(join(world.peer, old, Role::reporter, "Ben"));
    submitted(old, "Sent");
    must(hand_over(old, world.peer));
    submitted(old, "Sent later");
    must(attach(old, must(write_draft(old, "Kept"))));
    must(back_up(old));
    disk.set_content(std::string("../") + kBackupFile, old_disk.content(kBackupFile));
  };
  auto& acts = story.acts;
  auto act = adding_to(acts);
  act("restore", Kind::save, [](World& world) -> Result<void> {
    auto& device = world.device;
    const RestoreOptions options{kBackupWords, kPassphrase, {world.cost}, {}};
    LYSOEN_ASSIGN(device.vault,
                  vault::VaultImpl::restore(kBackupFile, device.place, options, {device.clock, device.random}));
    return {};
  });
  act("draft", Kind::save, [](World& world) { return draft(world, "New"); });
  act("lock and open", Kind::plain, reopen);
  act("ask to join again", Kind::steps, [](World& world) -> Result<void> {
    LYSOEN_ASSIGN(world.welcome, ask_to_join(world.peer, world.device, Role::reporter, "Ben again"));
    world.followed = true;
    return hand_over(world.peer, world.follower);  // the new roster
  });
  act("join again", Kind::steps, [](World& world) { return finish_join(world.device, world.welcome); });
  act("submit", Kind::save, [](World& world) { return submit(world, "New"); });
  act("the follower reads", Kind::plain, hand_to_follower);
  return story;
}

}  // namespace lysoen::crash
