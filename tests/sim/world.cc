#include "world.h"

#include <fstream>

#include "sync/relay/keys.h"

namespace lysoen::sim {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kPassphrase = "a passphrase of several words";
constexpr uint64_t kDrawsWithinACall = 120;  // a save draws some ten, the intake of one answer up to hundreds

/// In memory where there is such a folder: thousands of stories need no disk.
fs::path working_place() {
  const fs::path memory = "/dev/shm";
  return fs::is_directory(memory) ? memory : fs::temp_directory_path();
}

/// Never written after the vault was made.
bool stays_as_it_is(const std::string& file) {
  return file.rfind("B.", 0) == 0 || file == "A.reserve";
}

}  // namespace

// -- Device ---------------------------------------------------------------------------------------------------------

Device::Device(std::string device_name, Role device_role, fs::path home, Clock& world, uint64_t seed, Network& network,
               bool disk_forgets)
    : name(std::move(device_name)),
      role(device_role),
      clock(world),
      random(seed, [this] { die(); }),
      line(network, dead_),
      home_(std::move(home)),
      disk_forgets_(disk_forgets) {
  fs::create_directories(home_);
}

void Device::create() {
  vault = must(Vault::create(folder(), kPassphrase, {{8, 1}}, environment()), "create");
}

void Device::copy_folder(int to_life) const {
  auto copy = home_ / std::to_string(to_life);
  fs::remove_all(copy);
  fs::create_directories(copy);
  for (const auto& file : fs::directory_iterator(folder())) {
    auto file_name = file.path().filename().string();
    if (stays_as_it_is(file_name)) {
      fs::create_hard_link(file.path(), copy / file_name);
    } else {
      fs::copy_file(file.path(), copy / file_name);
    }
  }
}

void Device::die() {
  if (dead_) return;
  dead_ = true;
  if (!disk_forgets_ || !fs::exists(home_ / std::to_string(life_ + 1))) copy_folder(life_ + 1);
}

void Device::remember() {
  if (disk_forgets_) copy_folder(life_ + 1);
}

void Device::open() {
  if (dead_) {
    sync.reset();
    vault.reset();  // tidies the folder that nobody will open again
    fs::remove_all(folder());
    ++life_;
    dead_ = false;
  }
  auto opened = Vault::open(folder(), kPassphrase, environment());
  if (!dead_) vault = must(std::move(opened), "open");
}

void Device::close() {
  sync.reset();
  must(vault->lock(), "lock");
  if (!dead_) vault.reset();
}

// -- Station --------------------------------------------------------------------------------------------------------

Station::Station(fs::path home, Clock& world, uint64_t seed) : clock(world), random(seed), home_(std::move(home)) {
  fs::create_directories(home_);
  must(relay::make_key_file(home_ / "relay.key", {clock, random}), "make the relay's key file");
  open();
}

relay::RelayOptions Station::options() {
  relay::RelayOptions made;
  made.folder = home_ / "store";
  made.key_file = home_ / "relay.key";
  made.files = &disk;
  return made;
}

void Station::open() {
  if (!relay) relay = must(relay::Relay::open(options(), {clock, random}), "open the relay");
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

void Station::look_into_store(const PlaintextWatch& watch) const {
  for (const auto& name : disk.names()) watch.look(disk.content(name), "the relay's " + name);
}

// -- World ----------------------------------------------------------------------------------------------------------

World::World(const Options& options)
    : dice(options.seed),
      trace(std::getenv("LYSOEN_SIM_ALOUD") != nullptr),
      folder(working_place()),
      station(folder.path() / "relay", clock, options.seed ^ 0xE1A7),
      options_(options) {
  network.relay = [this](const auto& requests) { return station.handle(requests); };
  auto& founder = *devices.emplace_back(std::make_unique<Device>("admin", Role::admin | Role::coordinator,
                                                                 folder.path() / "admin", clock, options.seed, network,
                                                                 options.disk_forgets));
  founder.create();
  auto info = station.relay->info();
  info.urls = {"http://127.0.0.1:1"};
  CreateTeamOptions team;
  team.name = std::string(kMarker) + " monitors";
  team.member_name = std::string(kMarker) + " admin";
  team.root_passphrase = "root words";
  team.relays = {info};
  must(founder.vault->create_team(team), "create a team");
  must(station.relay->admit_team(must(founder.vault->team_key_text(), "team key")), "admit the team");
  for (const auto& key : must(founder.vault->carrier_keys(), "carrier keys")) watch.guard(key);
}

Device& World::add(Role role, std::string name) {
  auto& device = *devices.emplace_back(std::make_unique<Device>(name, role, folder.path() / name, clock,
                                                                options_.seed + 1000 * devices.size(), network,
                                                                options_.disk_forgets));
  device.create();
  auto invite = must(admin().vault->invite({role, std::string(kMarker) + " " + name}), "invite");
  auto joining = must(device.vault->join(invite.file), "join");
  auto request = must(admin().vault->offer_join_request(joining.request), "offer a join request");
  must(device.vault->finish_join(must(admin().vault->admit(request.id), "admit")), "finish joining");
  device.remember();
  admin().remember();
  trace.note("joined " + name, device.vault->sync_peer().device().view());
  return device;
}

void World::pass(std::chrono::milliseconds time) {
  const auto until = clock.monotonic() + time;
  do {
    for (auto& device : devices) {
      if (device->dead()) bring_back(*device);
      if (device->synced) take_outcome(*device);
    }
    if (station.failing()) {
      station.stop(dice.percent(50) ? Station::End::power_lost : Station::End::killed, dice);
      station.open();
      ++figures.relay_deaths;
    }
  } while (loop.step(until));
  if (clock.monotonic() < until) clock.advance(std::chrono::ceil<std::chrono::milliseconds>(until - clock.monotonic()));
}

bool World::told(Device& device, uint64_t chance_of_death, const std::function<void()>& call) {
  if (dice.percent(chance_of_death)) device.random.die_after(dice.between(1, kDrawsWithinACall));
  call();
  device.random.die_after(0);
  if (!device.dead()) return true;
  bring_back(device);
  return false;
}

void World::bring_back(Device& device) {
  figures.deaths += device.dead();
  device.random.die_after(dice.percent(15) ? dice.between(1, kDrawsWithinACall) : 0);
  device.open();
  device.random.die_after(0);
  if (device.dead()) ++figures.deaths, device.open();
  trace.note("back " + device.name);
  device.remember();
  if (look) look(device);
}

void World::start_sync(Device& device) {
  if (device.sync) return;
  device.sync = std::make_unique<Client>(device.vault->sync_peer(), device.vault->entries(), device.line, loop,
                                         device.environment(), SyncOptions{.exchange_deadline = 20s});
  device.sync->start([&device](SyncOutcome outcome) { device.synced = std::move(outcome); });
}

void World::take_outcome(Device& device) {
  figures.exchanges += device.synced->exchanges;
  trace.note("synced " + device.name + (device.synced->failure ? ": " + device.synced->failure->message : ""));
  for (const auto& note : device.synced->notes)
    hold(note.rfind("cannot store at the relay", 0) == 0, Property::nobody_accused, device.name + ": " + note);
  device.sync.reset();
  device.synced.reset();
  device.remember();
  if (look) look(device);
}

SyncOutcome World::sync_to_end(Device& device) {
  device.sync.reset();
  start_sync(device);
  while (!device.synced && loop.step()) {
  }
  hold(device.synced.has_value(), Property::bounded_rounds, device.name + ": a sync without end");
  auto outcome = *device.synced;
  take_outcome(device);
  return outcome;
}

}  // namespace lysoen::sim
