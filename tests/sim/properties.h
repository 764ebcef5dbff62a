// What must hold, whatever happened: on the way for each device that came back or synced, and at the end for all.
#pragma once
#include "ledger.h"
#include "world.h"

namespace lysoen::sim {

class Properties {
 public:
  Properties(World& world, const Ledger& ledger) : world_(world), ledger_(ledger) {}

  /// Everything this device was told is there; its levels are true; nobody is accused.
  void check(Device& device) const;
  void check_relays() const;
  /// A good network: rounds of syncs until one moves nothing. Then everything everywhere.
  void heal_and_check();

 private:
  void nothing_lost_at_author(Device& device) const;
  void nothing_lost_at_coordinator(Device& device) const;
  void account_holds(const Account& account, const Report& report, const Device& device) const;
  void files_whole(Device& device, bool read_them) const;
  void levels_true(Device& device) const;
  void nobody_accused(Device& device) const;
  void streams_begin_anew(Device& device) const;
  void same_bytes() const;
  void fork_noticed() const;
  bool round() const;
  uint64_t entries_everywhere() const;

  World& world_;
  const Ledger& ledger_;
  bool healed_ = false;
};

}  // namespace lysoen::sim
