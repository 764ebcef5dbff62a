#include "world.h"

#include <utility>

#include "core/feed/batch.h"
#include "sync/relay/keys.h"

namespace lysoen::sim {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kPassphrase = "a passphrase of several words";
constexpr uint64_t kExchangesMax = 100;  // of one sync: a few for each relay, more where much is cut
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
  std::array<test::MemoryDisk, kRelays> disks;
  std::array<std::unique_ptr<relay::Relay>, kRelays> relays;
  CreateTeamOptions team;
  for (size_t i = 0; i < kRelays; ++i) {
    fs::create_directories(relay_home(i));
    must(relay::make_key_file(relay_home(i) / "relay.key", environment), "make a relay's key file");
    relays[i] = must(relay::Relay::open(relay_options(relay_home(i), disks[i]), environment), "open a relay");
    team.relays.push_back(relays[i]->info());
    team.relays[i].urls = {Network::url_of(i)};
    team.relays[i].durable = true;
  }
  auto make = [&](const char* name) {
    return must(Vault::create(folder.path() / name, kPassphrase, {{8, 1}}, environment), "create");
  };
  team.name = std::string(kMarker) + " monitors";
  team.member_name = std::string(kMarker) + " admin";
  team.root_passphrase = "root words";
  auto admin = make(kAdmin.name);
  must(admin->create_team(team), "create a team");
  for (auto& relay : relays) must(relay->admit_team(must(admin->team_key_text(), "team key")), "admit the team");
  for (const auto& other : kOthers) {
    auto joiner = make(other.name);
    join_by_files(*admin, *joiner, other.role, other.name);
    must(joiner->lock(), "lock");
  }
  must(admin->lock(), "lock");
  for (size_t i = 0; i < kRelays; ++i) relays[i].reset(), relay_disks[i] = disks[i].image();
}

// -- Device ---------------------------------------------------------------------------------------------------------

Device::Device(std::string device_name, Role device_role, fs::path home, Clock& world, uint64_t seed, Network& network,
               size_t number, bool disk_forgets)
    : name(std::move(device_name)),
      role(device_role),
      clock(world),
      random(seed),
      line(network, number, dead_),
      home_(std::move(home)),
      disk_forgets_(disk_forgets) {
  fs::create_directories(home_);
}

void Device::begin(const fs::path& made_before) {
  copy_vault(made_before, folder(life_));
  open();
  note_own_heads(false);
}

void Device::create() {
  vault = must(Vault::create(folder(life_), kPassphrase, {{8, 1}}, environment()), "create");
}

void Device::note_own_heads(bool died_at_work) {
  for (const auto& head : must(vault->all_heads(), "heads")) {
    if (head.feed.device != vault->sync_peer().device()) continue;
    auto& before = own_heads_[head.feed];
    if (died_at_work && head.seq > before) streams_end_at[head.feed] = head.seq;
    before = head.seq;
  }
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
  closing_ = false;
  auto opened = Vault::open(folder(life_), kPassphrase, environment());
  if (!dead_) vault = must(std::move(opened), "open");
}

void Device::close() {
  sync.reset();
  closing_ = true;
  must(vault->lock(), "lock");
  if (!dead_) vault.reset();
}

// -- World ----------------------------------------------------------------------------------------------------------

World::World(const Founded& founded, const Options& options)
    : dice(options.seed),
      trace(std::getenv("LYSOEN_SIM_ALOUD") != nullptr),
      folder(working_place()),
      options_(options) {
  for (size_t i = 0; i < Founded::kRelays; ++i)
    stations.push_back(std::make_unique<Station>(founded, i, folder.path() / ("relay" + std::to_string(i)), clock,
                                                 options.seed ^ (0xE1A7 + i)));
  other_at_ = dice.below(Founded::kRelays);
  uint64_t character = dice.below(100);
  if (options.other == Options::Other::hostile) character = 0;
  if (options.other == Options::Other::unlucky) character = 50;
  if (character < 50)
    hostile = std::make_unique<Hostile>(founded, other_at_, other(), folder.path() / "second-face", clock, dice,
                                        options.arts);
  unlucky = character >= 50 && character < 80;
  figures.hostile = hostile != nullptr;
  trace.note("relay " + std::to_string(other_at_) + ": " +
             (hostile   ? hostile->describe()
              : unlucky ? "out of luck"
                        : "honest"));
  network.relay = [this](size_t relay, const auto& letters) { return handle(relay, letters); };
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

std::optional<std::vector<Reply>> World::handle(size_t relay, const std::vector<Letter>& letters) {
  if (hostile && relay == other_at_) {
    auto replies = hostile->handle(letters);
    hostile->look_into_stores(watch);
    return replies;
  }
  std::vector<Bytes> requests;
  for (const auto& letter : letters) requests.push_back(letter.body);
  auto answers = stations[relay]->handle(requests);
  stations[relay]->look_into_store(watch, ".db");
  if (!answers) return std::nullopt;
  std::vector<Reply> replies;
  for (auto& answer : *answers) replies.push_back({std::move(answer)});
  for (size_t i = 0; i < letters.size(); ++i) check_answer(letters[i], replies[i]);
  return replies;
}

/// A request may be delivered twice. Two answers to it under one nonce would be under one key.
void World::check_answer(const Letter& letter, const Reply& reply) {
  constexpr size_t kHead = session::kGateSize + session::kEncapsulationSize;
  if (letter.body.size() < kHead || reply.body.size() < session::kNonceSize) return;
  Bytes key(letter.body.begin() + session::kGateSize, letter.body.begin() + kHead);
  key.insert(key.end(), reply.body.begin(), reply.body.begin() + session::kNonceSize);
  auto [known, fresh] = answered_.emplace(std::move(key), crypto::sha256(reply.body));
  hold(fresh || known->second == crypto::sha256(reply.body), Property::keys_used_once,
       "two answers to one request are under one key");
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
                                                        devices.size(), options_.disk_forgets));
}

Device& World::join(std::string name) {
  auto& device = add(Role::reporter, std::move(name));
  death_at_write(0);  // a vault that is not made yet holds nothing
  device.create();
  join_by_files(*admin().vault, *device.vault, device.role, device.name);
  device.note_own_heads(false);
  device.remember();
  admin().remember();
  trace.note("joined " + device.name, device.vault->sync_peer().device().view());
  return device;
}

Device& World::clone(Device& original) {
  auto& copy = add(original.role, "clone");
  death_at_write(0);
  copy.begin_as_copy_of(original);
  copy.remember();
  original_ = &original, clone_ = &copy;
  ++figures.clones;
  trace.note("cloned " + original.name);
  return copy;
}

bool World::forked() const {
  if (!clone_) return false;
  for (const auto& head : must(original_->vault->all_heads(), "heads")) {
    if (head.feed.device != original_->vault->sync_peer().device()) continue;
    auto other = must(clone_->vault->entries().head(head.feed), "head");
    const uint64_t seq = std::min(head.seq, other.seq);
    if (seq == 0) continue;
    auto one = must(original_->vault->entries().read(head.feed, seq, 1), "read");
    auto two = must(clone_->vault->entries().read(head.feed, seq, 1), "read");
    if (one && two && feed::hashes_of(*one).front() != feed::hashes_of(*two).front()) return true;
  }
  return false;
}

void World::pass(std::chrono::milliseconds time) {
  const auto until = clock.monotonic() + time;
  do {
    for (auto& device : devices) {
      if (device->dead()) bring_back(*device);
      if (device->synced) take_outcome(*device);
      if (std::exchange(device->came_back, false)) look(*device);
    }
    for (auto& station : stations) {
      if (!station->failing()) continue;
      station->stop(dice.percent(50) ? Station::End::power_lost : Station::End::killed, dice);
      station->open();
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
  const bool at_work = device.died_at_work();
  figures.deaths += device.dead();
  death_at_write(dice.percent(15) ? dice.between(1, kWritesOfACall) : 0);
  device.open();
  death_at_write(0);
  if (device.dead()) ++figures.deaths, device.open();
  trace.note("back " + device.name);
  device.read_before.clear();
  device.note_own_heads(at_work);
  device.remember();
  device.came_back = true;
}

void World::start_sync(Device& device) {
  if (device.sync) return;
  for (const auto& station : stations)
    if (station->relay)
      device.read_before[station->relay->info().id] =
          must(device.vault->sync_peer().cursors(station->relay->info().id), "cursors");
  device.sync = std::make_unique<Client>(device.vault->sync_peer(), device.vault->entries(), device.line, loop,
                                         device.environment(), SyncOptions{.exchange_deadline = 20s});
  device.sync->start([&device](SyncOutcome outcome) { device.synced = std::move(outcome); });
}

/// What a sync said of others: nothing, but of relays that have reason to be spoken of. And a relay that took back what
/// it had listed was noticed.
void World::check_notes(const Device& device) const {
  const auto& notes = device.synced->notes;
  bool contradiction = false;
  for (const auto& note : notes) {
    contradiction |= note.find("contradicts") != std::string::npos;
    // Of a relay that lost its store it may be said that it lost it, and no more.
    bool said_of_lost = note.find("holds less than it signed for") != std::string::npos;
    bool of_relay =
        note.rfind("cannot store at the relay", 0) == 0 || hostile || (said_of_lost && stations[other_at_]->went_back);
    bool of_fork = note.rfind("two versions", 0) == 0;
    hold(has_clone() || (of_relay && !of_fork), Property::nobody_accused, device.name + ": " + note);
  }
  for (const auto& [relay, before] : device.read_before)
    for (const auto& cursor : must(device.vault->sync_peer().cursors(relay), "cursors"))
      for (const auto& old : before) {
        bool back =
            old.mailbox == cursor.mailbox && old.store_epoch == cursor.store_epoch && cursor.counter < old.counter;
        hold(!back || contradiction, Property::lies_noticed,
             device.name + ": a relay took back what it had listed, and nobody said so");
      }
}

void World::take_outcome(Device& device) {
  figures.exchanges += device.synced->exchanges;
  hold(device.synced->exchanges <= kExchangesMax, Property::bounded_rounds,
       device.name + ": a sync of " + std::to_string(device.synced->exchanges) + " exchanges");
  trace.note("synced " + device.name + (device.synced->failure ? ": " + device.synced->failure->message : ""));
  for (const auto& line : device.synced->relays)
    trace.note("  " + line.url + (line.finished ? ": finished" : line.failure ? ": " + line.failure->message : ""));
  for (const auto& note : device.synced->notes) trace.note(device.name + " says: " + note);
  check_notes(device);
  device.read_before.clear();
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
