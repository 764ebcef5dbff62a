// The world of one story: devices with real vaults, two real relays, one clock for all and a skew for each. Everything
// here can die: a device between two calls, between two writes of its files or within one, a relay between two
// requests or at any write of its disk. One relay is honest and its disk lasts; of the other the seed says whether it
// is honest too, out of luck, or hostile.
#pragma once
#include <lysoen/sync/sync.h>
#include <lysoen/vault.h>

#include <filesystem>

#include "disk_tap.h"
#include "hostile.h"
#include "station.h"
#include "tests/support/temp_folder.h"

namespace lysoen::sim {

/// A team as every story finds it: an admin, a second coordinator, two reporters, and relays that admit them. Made
/// once, since the words that joiners compare are dear on purpose; its folders are copied.
struct Founded {
  static constexpr size_t kRelays = 2;
  Founded();
  std::filesystem::path relay_home(size_t which) const { return folder.path() / ("relay" + std::to_string(which)); }
  test::TempFolder folder;
  std::array<test::MemoryDisk::Image, kRelays> relay_disks;
};

/// One installation. When its process dies, what lies in its folder at that instant is copied; the dead process may
/// run on for a moment, but nobody hears of it, and the copy is what comes back.
class Device {
 public:
  Device(std::string device_name, Role device_role, std::filesystem::path home, Clock& world, uint64_t seed,
         Network& network, size_t number, bool disk_forgets);

  Environment environment() { return {clock, random}; }
  /// With the folder of another one, or a new vault.
  void begin(const std::filesystem::path& made_before);
  void create();
  /// The process ends without a word. With `disk_forgets`, so does the last thing it was told to keep.
  void die();
  bool dead() const { return dead_; }
  /// And not while it opened or closed its vault.
  bool died_at_work() const { return dead_ && vault && !closing_; }
  bool owns(const std::filesystem::path& file) const;
  /// From a copy of the files of another one, as they are now.
  void begin_as_copy_of(const Device& original) { begin(original.folder(original.life_)); }
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
  /// What it had read of the relays' mailboxes when its sync began.
  std::map<RelayId, std::vector<MailboxCursor>> read_before;
  /// Its process ended without a word after it had written: the next entry of these own feeds begins a new stream.
  std::map<FeedKey, uint64_t> streams_end_at;
  void note_own_heads(bool died_at_work);

 private:
  std::filesystem::path folder(int life) const { return home_ / std::to_string(life); }
  const std::filesystem::path home_;
  int life_ = 0;
  bool dead_ = false, closing_ = false;
  bool disk_forgets_;
  std::map<FeedKey, uint64_t> own_heads_;  // when its vault was opened
};

class World {
 public:
  World(const Founded& founded, const Options& options);
  ~World();

  /// A reporter who joins by files.
  Device& join(std::string name);
  Device& admin() { return *devices.front(); }
  Station& trusted() { return *stations[1 - other_at_]; }
  Station& other() { return *stations[other_at_]; }
  /// What the other relay says of somebody counts for nothing.
  bool doubtful() const { return hostile != nullptr; }
  /// Time passes; what is due happens. A device that dies meanwhile comes back.
  void pass(std::chrono::milliseconds time);
  /// Whichever device makes the n-th write from now on dies in it.
  void death_at_write(uint64_t n) { writes_left_ = n; }
  /// Calls the vault. False: the process died within the call, came back since, and nobody was told how it ended.
  bool told(Device& device, uint64_t chance_of_death, const std::function<void()>& call);
  /// From the remains, or from a closed vault; may die once more while it opens.
  void bring_back(Device& device);
  void start_sync(Device& device);
  /// A copy of its files comes to life beside it.
  Device& clone(Device& original);
  /// One identity in two places.
  bool is_cloned(const Device& device) const { return &device == clone_ || &device == original_; }
  bool has_clone() const { return clone_ != nullptr; }
  /// At one place of a feed the two hold different entries.
  bool forked() const;
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
  std::vector<std::unique_ptr<Station>> stations;  // as the roster names them
  std::unique_ptr<Hostile> hostile;                // what the other one does with its store, if it is
  bool unlucky = false;                            // or whether it may lose its store and say so
  std::vector<std::unique_ptr<Device>> devices;
  /// Called when a sync has ended, and when a device came back, once the story had time to see what became of a call
  /// that nobody heard the end of.
  std::function<void(Device&)> look;

 private:
  Device& add(Role role, std::string name);
  void take_outcome(Device& device);
  void die_writing(int descriptor);
  void check_notes(const Device& device) const;
  std::optional<std::vector<Reply>> handle(size_t relay, const std::vector<Letter>& letters);
  void check_answer(const Letter& letter, const Reply& reply);
  size_t other_at_ = 0;
  Device *original_ = nullptr, *clone_ = nullptr;
  std::map<Bytes, Hash> answered_;  // by encapsulation and nonce: which answer
  uint64_t writes_left_ = 0;
  DiskTap tap_;
  const Options options_;
};

}  // namespace lysoen::sim
