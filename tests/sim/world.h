// The world of one story: devices with real vaults, a real relay, one clock for all and a skew for each. Everything
// here can die: a device between two calls, between two writes of its files or within one, the relay between two
// requests or at any write of its disk.
#pragma once
#include <lysoen/sync/sync.h>
#include <lysoen/vault.h>

#include <filesystem>

#include "disk_tap.h"
#include "network.h"
#include "sync/relay/relay.h"
#include "tests/support/memory_disk.h"
#include "tests/support/temp_folder.h"

namespace lysoen::sim {

/// A team as every story finds it: an admin, a second coordinator, two reporters, and a relay that admits them. Made
/// once, since the words that joiners compare are dear on purpose; its folders are copied.
struct Founded {
  Founded();
  test::TempFolder folder;
  test::MemoryDisk::Image relay_disk;
};

/// The world's time, shown wrongly; the monotonic clock counts from the last start.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(Clock& world) : world_(world) {}
  WallTime wall() override { return world_.wall() + skew; }
  std::chrono::nanoseconds monotonic() override { return world_.monotonic() - started_; }
  void boot() { started_ = world_.monotonic(); }
  std::chrono::milliseconds skew{0};

 private:
  Clock& world_;
  std::chrono::nanoseconds started_{0};
};

/// One installation. When its process dies, what lies in its folder at that instant is copied; the dead process may
/// run on for a moment, but nobody hears of it, and the copy is what comes back.
class Device {
 public:
  Device(std::string device_name, Role device_role, std::filesystem::path home, Clock& world, uint64_t seed,
         Network& network, bool disk_forgets);

  Environment environment() { return {clock, random}; }
  /// With the folder of another one, or a new vault.
  void begin(const std::filesystem::path& made_before);
  void create();
  /// The process ends without a word. With `disk_forgets`, so does the last thing it was told to keep.
  void die();
  bool dead() const { return dead_; }
  bool owns(const std::filesystem::path& file) const;
  /// After a death, or after closing in order.
  void open();
  void close();
  /// A disk that forgets keeps what is there now as what will be there.
  void remember();

  const std::string name;
  const Role role;
  SkewedClock clock;
  test::SeededRandom random;
  Line line;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<Client> sync;  // while one is under way
  std::optional<SyncOutcome> synced;
  bool came_back = false;  // and nobody has looked yet

 private:
  std::filesystem::path folder(int life) const { return home_ / std::to_string(life); }
  const std::filesystem::path home_;
  int life_ = 0;
  bool dead_ = false;
  bool disk_forgets_;
};

/// The relay, its disk and its clock.
class Station {
 public:
  Station(const Founded& founded, std::filesystem::path home, Clock& world, uint64_t seed);
  enum class End { in_order, killed, power_lost };
  void open();
  void stop(End how, Dice& dice);
  /// Its disk fails for ever from the n-th write or sync on: what follows is a death within a commit.
  void fail_after(uint64_t calls);
  void mend();
  bool failing() const { return fails_at_ > 0 && disk.counted() >= fails_at_; }
  std::optional<std::vector<Bytes>> handle(const std::vector<Bytes>& requests);
  /// Every file with this in its name.
  void look_into_store(const PlaintextWatch& watch, std::string_view file_kind = {}) const;

  SkewedClock clock;
  test::SeededRandom random;
  test::MemoryDisk disk;
  std::unique_ptr<relay::Relay> relay;

 private:
  std::filesystem::path home_;
  uint64_t fails_at_ = 0;
};

class World {
 public:
  World(const Founded& founded, const Options& options);
  ~World();

  /// A reporter who joins by files.
  Device& join(std::string name);
  Device& admin() { return *devices.front(); }
  /// Time passes; what is due happens. A device that dies meanwhile comes back.
  void pass(std::chrono::milliseconds time);
  /// Whichever device makes the n-th write from now on dies in it.
  void death_at_write(uint64_t n) { writes_left_ = n; }
  /// Calls the vault. False: the process died within the call, came back since, and nobody was told how it ended.
  bool told(Device& device, uint64_t chance_of_death, const std::function<void()>& call);
  /// From the remains, or from a closed vault; may die once more while it opens.
  void bring_back(Device& device);
  void start_sync(Device& device);
  /// Starts one and runs until it is over.
  SyncOutcome sync_to_end(Device& device);

  Dice dice;
  Trace trace;
  Figures figures;
  PlaintextWatch watch;
  test::ManualClock clock;
  test::SimLoop loop{clock};
  Network network{loop, dice, trace, watch, figures};
  test::TempFolder folder;
  Station station;
  std::vector<std::unique_ptr<Device>> devices;
  /// Called when a sync has ended, and when a device came back, once the story had time to see what became of a call
  /// that nobody heard the end of.
  std::function<void(Device&)> look;

 private:
  Device& add(Role role, std::string name);
  void take_outcome(Device& device);
  void die_writing(int descriptor);
  uint64_t writes_left_ = 0;
  DiskTap tap_;
  const Options options_;
};

}  // namespace lysoen::sim
