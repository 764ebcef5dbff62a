// A relay of the story: the real one, on a disk in memory that dies with it, loses what was not synced, is lost, or is
// put back as it was on an older day.
#pragma once
#include <filesystem>

#include "network.h"
#include "sync/relay/relay.h"
#include "tests/support/memory_disk.h"

namespace lysoen::sim {

struct Founded;  // world.h

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

relay::RelayOptions relay_options(const std::filesystem::path& home, test::MemoryDisk& disk);

class Station {
 public:
  /// `which` of the relays that the team was founded with.
  Station(const Founded& founded, size_t which, std::filesystem::path home, Clock& world, uint64_t seed);
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

  /// What a copy of the disk taken now holds; the relay is opened again if it was open.
  test::MemoryDisk::Image copy_of_store();
  enum class Mark { stays, goes_back };  // the file beside the store, which tells of the newest commit
  /// The store as it was; without a noticing mark the relay itself does not know.
  void put_back(const test::MemoryDisk::Image& image, Mark mark);
  /// As it was on the day it was founded: the operator admits the team again.
  void lose_store(Mark mark);
  /// The store was put back or lost: its receipts may speak of what is not there until devices have synced.
  bool went_back = false;

  std::map<FeedKey, uint64_t> entries();
  const std::filesystem::path& home() const { return home_; }

  SkewedClock clock;
  test::SeededRandom random;
  test::MemoryDisk disk;
  std::unique_ptr<relay::Relay> relay;

 private:
  const Founded& founded_;
  const size_t which_;
  std::filesystem::path home_;
  uint64_t fails_at_ = 0;
};

}  // namespace lysoen::sim
