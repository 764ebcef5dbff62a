#include "world.h"

#include <utility>

#include "sync/relay/keys.h"

namespace lysoen::sim {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kPassphrase = "a passphrase of several words";
constexpr uint64_t kWritesOfACall = 12;  // a save writes some ten pages and records, an intake more

constexpr uintmax_t kRoom = 512u << 20;  // a founded team has 64 MiB, a story far less

/// In memory where there is room: thousands of stories need no disk.
fs::path working_place() {
  const fs::path memory = "/dev/shm";
  std::error_code failed;
  auto space = fs::space(memory, failed);
  return !failed && space.available > kRoom ? memory : fs::temp_directory_path();
}

/// Never written after the vault was made.
bool stays_as_it_is(const std::string& file) {
  return file.rfind("B.", 0) == 0 || file == "A.reserve";
}

void copy_vault(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::create_directories(to);
  for (const auto& file : fs::directory_iterator(from)) {
    auto copy = to / file.path().filename();
    stays_as_it_is(copy.filename().string()) ? fs::create_hard_link(file.path(), copy)
                                             : static_cast<void>(fs::copy_file(file.path(), copy));
  }
}

void join_by_files(Vault& admin, Vault& joiner, Role role, const std::string& name) {
  auto invite = must(admin.invite({role, std::string(kMarker) + " " + name}), "invite");
  auto joining = must(joiner.join(invite.file), "join");
  auto request = must(admin.offer_join_request(joining.request), "offer a join request");
  must(joiner.finish_join(must(admin.admit(request.id), "admit")), "finish joining");
}

relay::RelayOptions relay_options(const fs::path& home, test::MemoryDisk& disk) {
  relay::RelayOptions made;
  made.folder = home / "store";
  made.key_file = home / "relay.key";
  made.files = &disk;
  return made;
}

struct Place {
  const char* name;
  Role role;
};
const Place kAdmin{"admin", Role::admin | Role::coordinator};
const Place kOthers[] = {{"second", Role::coordinator}, {"reporter1", Role::reporter}, {"reporter2", Role::reporter}};

}  // namespace

Founded::Founded() : folder(working_place()) {
  test::ManualClock clock;
  test::SeededRandom random(20260101);
  Environment environment{clock, random};
  const auto home = folder.path() / "relay";
  fs::create_directories(home);
  must(relay::make_key_file(home / "relay.key", environment), "make the relay's key file");
  test::MemoryDisk disk;
  auto relay = must(relay::Relay::open(relay_options(home, disk), environment), "open the relay");
  auto make = [&](const char* name) {
    return must(Vault::create(folder.path() / name, kPassphrase, {{8, 1}}, environment), "create");
  };
  CreateTeamOptions team;
  team.name = std::string(kMarker) + " monitors";
  team.member_name = std::string(kMarker) + " admin";
  team.root_passphrase = "root words";
  team.relays = {relay->info()};
  team.relays[0].urls = {"http://127.0.0.1:1"};
  auto admin = make(kAdmin.name);
  must(admin->create_team(team), "create a team");
  must(relay->admit_team(must(admin->team_key_text(), "team key")), "admit the team");
  for (const auto& other : kOthers) {
    auto joiner = make(other.name);
    join_by_files(*admin, *joiner, other.role, other.name);
    must(joiner->lock(), "lock");
  }
  must(admin->lock(), "lock");
  relay.reset();
  relay_disk = disk.image();
}

// -- Device ---------------------------------------------------------------------------------------------------------

Device::Device(std::string device_name, Role device_role, fs::path home, Clock& world, uint64_t seed, Network& network,
               bool disk_forgets)
    : name(std::move(device_name)),
      role(device_role),
      clock(world),
      random(seed),
      line(network, dead_),
      home_(std::move(home)),
      disk_forgets_(disk_forgets) {
  fs::create_directories(home_);
}

void Device::begin(const fs::path& made_before) {
  copy_vault(made_before, folder(life_));
  open();
}

void Device::create() {
  vault = must(Vault::create(folder(life_), kPassphrase, {{8, 1}}, environment()), "create");
}

void Device::die() {
  if (dead_) return;
  dead_ = true;
  if (!disk_forgets_) copy_vault(folder(life_), folder(life_ + 1));
}

bool Device::owns(const fs::path& file) const {
  return file.string().rfind(home_.string() + "/", 0) == 0;
}

void Device::remember() {
  if (disk_forgets_) copy_vault(folder(life_), folder(life_ + 1));
}

void Device::open() {
  if (dead_) {
    sync.reset();
    vault.reset();  // tidies the folder that nobody will open again
    fs::remove_all(folder(life_));
    ++life_;
    dead_ = false;
  }
  clock.boot();
  auto opened = Vault::open(folder(life_), kPassphrase, environment());
  if (!dead_) vault = must(std::move(opened), "open");
}

void Device::close() {
  sync.reset();
  must(vault->lock(), "lock");
  if (!dead_) vault.reset();
}

// -- Station --------------------------------------------------------------------------------------------------------

Station::Station(const Founded& founded, fs::path home, Clock& world, uint64_t seed)
    : clock(world), random(seed), home_(std::move(home)) {
  fs::create_directories(home_);
  fs::copy_file(founded.folder.path() / "relay" / "relay.key", home_ / "relay.key");
  disk.restore(founded.relay_disk);
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

// -- World ----------------------------------------------------------------------------------------------------------

World::World(const Founded& founded, const Options& options)
    : dice(options.seed),
      trace(std::getenv("LYSOEN_SIM_ALOUD") != nullptr),
      folder(working_place()),
      station(founded, folder.path() / "relay", clock, options.seed ^ 0xE1A7),
      options_(options) {
  network.relay = [this](const auto& requests) {
    auto answers = station.handle(requests);
    station.look_into_store(watch, ".db");
    return answers;
  };
  tap_.before = [this](int, size_t size) { return writes_left_ > 0 && --writes_left_ == 0 ? dice.below(size) : size; };
  tap_.then = [this](int descriptor) { die_writing(descriptor); };
  disk_tap = &tap_;
  add(kAdmin.role, kAdmin.name);
  for (const auto& other : kOthers) add(other.role, other.name);
  for (auto& device : devices) {
    device->begin(founded.folder.path() / device->name);
    device->remember();
  }
  for (const auto& key : must(admin().vault->carrier_keys(), "carrier keys")) watch.guard(key);
}

World::~World() {
  disk_tap = nullptr;
}

void World::die_writing(int descriptor) {
  std::error_code failed;
  auto file = fs::read_symlink("/proc/self/fd/" + std::to_string(descriptor), failed);
  for (auto& device : devices)
    if (!failed && device->owns(file)) device->die();
}

Device& World::add(Role role, std::string name) {
  auto home = folder.path() / name;
  return *devices.emplace_back(std::make_unique<Device>(std::move(name), role, std::move(home), clock,
                                                        options_.seed + 1000 * (devices.size() + 1), network,
                                                        options_.disk_forgets));
}

Device& World::join(std::string name) {
  auto& device = add(Role::reporter, std::move(name));
  death_at_write(0);  // a vault that is not made yet holds nothing
  device.create();
  join_by_files(*admin().vault, *device.vault, device.role, device.name);
  device.remember();
  admin().remember();
  trace.note("joined " + device.name, device.vault->sync_peer().device().view());
  return device;
}

void World::pass(std::chrono::milliseconds time) {
  const auto until = clock.monotonic() + time;
  do {
    for (auto& device : devices) {
      if (device->dead()) bring_back(*device);
      if (device->synced) take_outcome(*device);
      if (std::exchange(device->came_back, false)) look(*device);
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
  if (dice.percent(chance_of_death)) death_at_write(dice.between(1, kWritesOfACall));
  call();
  death_at_write(0);
  if (!device.dead()) return true;
  ++figures.deaths_within;
  bring_back(device);
  return false;
}

void World::bring_back(Device& device) {
  figures.deaths += device.dead();
  death_at_write(dice.percent(15) ? dice.between(1, kWritesOfACall) : 0);
  device.open();
  death_at_write(0);
  if (device.dead()) ++figures.deaths, device.open();
  trace.note("back " + device.name);
  device.remember();
  device.came_back = true;
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
  look(device);
}

SyncOutcome World::sync_to_end(Device& device) {
  if (device.synced) take_outcome(device);  // of a sync that ended before: it says nothing of this one
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
