// One vault on a disk that can break, its world, and what a person sees of it.
#pragma once
#include <map>
#include <memory>

#include "core/vault/vault_impl.h"
#include "tests/support/catch.h"
#include "tests/support/memory_disk.h"
#include "tests/support/seed.h"

namespace lysoen::crash {

inline constexpr std::string_view kPassphrase = "a passphrase of several words",
                                  kOther = "another one of several words", kCover = "ordinary words of a cover",
                                  kBackupWords = "words for the memory stick";
inline constexpr KeyCost kCheapCost{8, 1}, kFloorCost{64 * 1024, 3};

/// Fails the test with the error's message.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// What a person sees, by name: "report <title>" with all its answers, "purged <id>", "team", and, after a '~', what
/// can be had again: levels, cursors. Titles name the reports of these tests; one that is there twice gets another
/// name.
using View = std::map<std::string, std::string>;

struct Device {
  Device(storage::Files& files, std::filesystem::path folder, uint64_t seed)
      : place{std::move(folder), files, 64 * 1024, 64 * 1024}, random(seed) {}
  Result<void> create(KeyCost cost = kCheapCost);
  /// With whichever of the three passphrases opens something.
  Result<void> open();
  /// With this one; the device keeps what it has open.
  Result<std::unique_ptr<Vault>> unlock(std::string_view passphrase);
  /// Checkpoints and closes.
  Result<void> lock();
  Vault* operator->() { return vault.get(); }
  Result<View> view();
  /// Empty if all that the vault holds is as it was written.
  Result<std::string> check();
  /// Own feeds.
  Result<std::vector<FeedHead>> heads();
  /// The entry hash at `seq` of a feed held here; nothing if it does not reach so far.
  Result<std::optional<Hash>> hash_at(const FeedKey& feed, uint64_t seq);

  vault::Place place;
  test::ManualClock clock;
  test::SeededRandom random;
  std::unique_ptr<Vault> vault;
};

/// What `from` holds and `to` lacks: rosters, then batches. An error is one of either side's disk.
Result<void> hand_over(Device& from, Device& to);

}  // namespace lysoen::crash
