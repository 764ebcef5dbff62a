// What the device under test goes through, as a list of acts: a new kind of operation of the vault becomes one more
// act.
//
// Four stories: an admin and coordinator, from the folder that does not exist yet to a team whose reports it takes in;
// a reporter whose phone was put back to an earlier state, so that it begins a new incarnation; one whose reports
// policy removes and who is forced to open a cover, then wipes that too; and one who begins anew from a backup.
#pragma once
#include <functional>
#include <set>

#include "core/crypto/sign.h"
#include "tests/crash/device.h"

namespace lysoen::crash {

struct World {
  World(storage::Files& files, std::filesystem::path folder, uint64_t seed, KeyCost cost);

  Device device;  // under test
  KeyCost cost;
  test::MemoryDisk peer_disk, follower_disk;
  Device peer;      // the other end: reporter or admin
  Device follower;  // a coordinator who reads all that the device hands on
  crypto::SigningKey relay_key;
  RelayInfo relay;
  Bytes root_file, welcome;
  std::map<std::string, ReportId> reports;  // by title; ids of drafts
  uint32_t passphrase = 0;                  // a second one's number
  uint64_t counter = 0;                     // the last exchange counter that the device gave out
  bool followed = false;                    // the follower read since this was last looked at
};

/// When the effect of an act stands.
enum class Kind : uint8_t {
  save,   // once it returns, with everything before it; whole or not at all
  steps,  // the same, but in several steps, each of which may stand alone
  plain,  // with the next act of the two kinds above; until then it can be had again
  wipe,   // as save; all that was there before is gone for ever
};

struct Act {
  std::string name;
  Kind kind;
  std::function<Result<void>(World&)> run;  // an error is one of the device's disk; others may not fail
};

struct Story {
  std::string name;
  std::function<void(World&)> before;  // on a disk that does not fail
  std::vector<Act> acts;
};

Story coordinator_story();
Story reporter_story();
Story forced_story();
Story restored_story();

/// Where the forced reporter's backup is written, in an act of this name, and the restored one's is read.
inline constexpr const char *kBackupFile = "x.backup", *kBackupAct = "back up";

/// A draft with this title, to see whether a device goes on; answers its id.
Result<ReportId> write_draft(Device& device, const std::string& title);

}  // namespace lysoen::crash
