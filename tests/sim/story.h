// What people do, drawn from the seed: they write, edit offline in two places, retract, decide, submit, sync, carry
// memory sticks; their telephones die, their clocks jump, the weather changes, relays go down.
#pragma once
#include "ledger.h"
#include "properties.h"
#include "world.h"

namespace lysoen::sim {

class Story {
 public:
  Story(const Founded& founded, const Options& options);
  void tell();
  const World& world() const { return world_; }

 private:
  using Action = void (Story::*)();
  void begin_report();
  void edit_report();
  void edit_in_two_places();
  void submit_something();
  void retract_report();
  void set_status();
  void settle_conflict();
  void mark_read();
  void sync_somebody();
  void carry_bundle();
  void close_and_reopen();
  void telephone_dies();
  void relay_goes();
  void relay_loses_store();
  void relay_tends();
  void clock_jumps();
  void link_changes();
  void somebody_is_cloned();
  void weather_changes();
  void late_joiner();

  Device& somebody() { return *dice().of(world_.devices); }
  Device* a_coordinator();
  /// A report that this device can show, sent or not; nothing if there is none.
  Account* report_at(Device& device, bool sent_only);
  std::string new_text();
  std::string path();
  void edit(Device& device, Account& account, const std::string& path);
  void submit(Device& device, Account& account);
  void attach(Device& device, Account& account);
  /// The author's newest entry is about this report.
  void note_place(Device& device, Account& account);
  Report read(Device& device, const Account& account);
  struct Stick {
    std::filesystem::path file;
    std::vector<FeedHead> carried;
  };
  void hand_over(const Stick& stick, Device& to, bool damaged);
  Dice& dice() { return world_.dice; }

  World world_;
  Ledger ledger_;
  Properties properties_{world_, ledger_};
  std::vector<Stick> sticks_;
  bool clones_ = false;
  std::optional<test::MemoryDisk::Image> backup_;  // of the other relay's store
  Dice media_dice_;                                // of their own, so that the rest of a story stays what it was
  uint64_t texts_ = 0;
  const Options options_;
};

}  // namespace lysoen::sim
