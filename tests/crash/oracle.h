// What must be true of a vault after a crash: kept outside of it, from what it acknowledged.
#pragma once
#include "tests/crash/story.h"

namespace lysoen::crash {

struct Step {
  std::string name;
  Kind kind = Kind::plain;
  size_t begun = 0, ended = SIZE_MAX;  // places in the disk's journal; ended at the acknowledgement
  View after;
  std::vector<FeedHead> left;       // own heads: from now on others may hold these entries
  uint64_t counter = 0;             // exchange counters given out up to here
  bool clean = false;               // nothing was saved since it was locked
  std::optional<ErrorCode> closed;  // what opening answers, if no passphrase opens anything
};

/// A story told to its end on a disk that keeps its journal.
struct Record {
  std::string story;
  test::DiskImage before;
  std::vector<test::DiskOperation> journal;
  std::vector<Step> steps;                                    // the first is what was there before
  std::vector<std::pair<size_t, test::DiskImage>> followers;  // what the follower's disk held, from this step on

  /// The last step that was acknowledged before the journal's place `at`.
  size_t acknowledged(size_t at) const;
};

Record tell(const Story& story, uint64_t seed, KeyCost cost = kCheapCost);

/// What happened to the files besides losing what was not synced.
enum class Damage : uint8_t { none, log, log_and_ring };

struct Moment {
  const std::vector<Step>& steps;
  size_t acknowledged;  // the step
  size_t in_flight;     // the same, or the one after it if that had begun
  Damage damage = Damage::none;
};

enum class Fault : uint8_t { lost, silent, forked, other };
struct Complaint {
  Fault fault;
  std::string what;
};

struct Findings {
  std::vector<Complaint> complaints;
  bool reported = false;  // the vault says itself that something is damaged or may be lost
  void add(Fault fault, std::string what) { complaints.push_back({fault, std::move(what)}); }
};

/// Reads everything, lets it go on, and compares. `device` is open. `deep` also locks and opens it once more.
Findings examine(Device& device, const Moment& moment, bool deep);
/// A reader who followed up to this step reads what the device holds now: one history, nothing set aside.
void follow(Device& device, const Record& record, const Moment& moment, uint64_t seed, Findings& findings);
/// Whether there may be nothing to open, with this error.
bool may_be_closed(const Moment& moment, ErrorCode code);
/// The backup that the device wrote, or the part of one, is refused or restores all that was there.
void examine_backup(Device& device, const Moment& moment, uint64_t seed, Findings& findings);
/// Whether an error is fit for a person: says what and why in lower case, and is no 'internal' one.
std::string reads_badly(const Error& error);

}  // namespace lysoen::crash
