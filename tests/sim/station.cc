#include "station.h"

#include "world.h"

namespace lysoen::sim {

namespace fs = std::filesystem;

relay::RelayOptions relay_options(const fs::path& home, test::MemoryDisk& disk) {
  relay::RelayOptions made;
  made.folder = home / "store";
  made.key_file = home / "relay.key";
  made.files = &disk;
  return made;
}

Station::Station(const Founded& founded, size_t which, fs::path home, Clock& world, uint64_t seed)
    : clock(world), random(seed), founded_(founded), which_(which), home_(std::move(home)) {
  fs::create_directories(home_);
  fs::copy_file(founded.relay_home(which) / "relay.key", home_ / "relay.key");
  disk.restore(founded.relay_disks[which]);
  open();
}

void Station::open() {
  if (!relay) relay = must(relay::Relay::open(relay_options(home_, disk), {clock, random}), "open the relay");
}

void Station::fail_after(uint64_t calls) {
  test::MemoryDisk::Fault fault;
  fault.at = fails_at_ = calls;
  fault.forever = true;
  disk.set_fault(fault);
}

void Station::mend() {
  disk.set_fault({});
  fails_at_ = 0;
}

void Station::stop(End how, Dice& dice) {
  if (!relay) return;
  if (how != End::in_order && !failing()) fail_after(1);  // nothing that closing does reaches the disk
  relay.reset();
  if (how == End::power_lost) {
    std::mt19937_64 choices(dice.below(UINT64_MAX));
    disk.lose_power(choices);
  }
  mend();
}

std::optional<std::vector<Bytes>> Station::handle(const std::vector<Bytes>& requests) {
  if (!relay) return std::nullopt;
  return relay->handle(requests);
}

void Station::look_into_store(const PlaintextWatch& watch, std::string_view file_kind) const {
  for (const auto& name : disk.names())
    if (name.find(file_kind) != std::string::npos) watch.look(disk.content(name), "the relay's " + name);
}

test::MemoryDisk::Image Station::copy_of_store() {
  const bool serves = relay != nullptr;
  mend();
  relay.reset();
  auto image = disk.image();
  if (serves) open();
  return image;
}

void Station::put_back(const test::MemoryDisk::Image& image, Mark mark) {
  mend();
  relay.reset();
  auto now = disk.image();
  auto before = image;
  for (const auto& [name, content] : now)
    if (mark == Mark::stays && name.find(".state") != std::string::npos) before[name] = content;
  disk.restore(before);
  went_back = true;
  open();
}

void Station::lose_store(Mark mark) {
  put_back(founded_.relay_disks[which_], mark);
}

std::map<FeedKey, uint64_t> Station::entries() {
  std::map<FeedKey, uint64_t> entries;
  for (const auto& feed : must(relay->inspect(), "inspect the relay").feeds)
    entries[feed.key] = feed.entries - feed.stubs;
  return entries;
}

}  // namespace lysoen::sim
