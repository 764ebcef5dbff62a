// The ring: what makes "saved" true. One record per save, in a preallocated file beside the database.
//
// One flipped bit in a write-ahead log silently drops every later commit; so a save is acknowledged only after its
// record is synced here, and opening compares the two (container.h). The payload is opaque to storage.
//
//   block 0     state, in two places by turns: phase of the checkpoint and the WAL generation that it belongs to
//   blocks 1..  records, each on a 4,096-byte border, in order; back to block 1 when the next does not fit
//   record      prefix ‖ body ‖ random bytes ‖ the prefix sealed once more, up to the next border
//     prefix    nonce 24 ‖ AEAD(counter 8 ‖ length 4 ‖ flags 1 ‖ zero 3 ‖ tag of the record before 16) ‖ tag 16
//     body      nonce 24 ‖ AEAD(payload) ‖ tag 16; AAD = vault ‖ "ring" ‖ counter ‖ length ‖ tag of the record before
//
// What was never written is random bytes from creation: how much is in use does not show. No block of a record that is
// still needed is written again, and the newest record never before its successor is synced. A record whose predecessor
// is there and has another tag belongs to another history of this vault and counts as unreadable. Bytes:
// docs/formats/vault.md. Threads: one strand.
#pragma once
#include <lysoen/environment.h>

#include <map>
#include <optional>

#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::storage {

inline constexpr size_t kRingBlock = 4096;
inline constexpr size_t kRingSize = 4 * 1024 * 1024;   // default; at least 64 KiB, a multiple of the block
inline constexpr size_t kRecordSizeMax = 1024 * 1024;  // whole record; smaller rings allow a quarter of theirs

/// How far the last checkpoint came. While it is `begun` the database file may hold a mixture that only the whole WAL
/// of generation `salts` makes good; once `done`, that generation is dead and the database file is complete without it.
struct CheckpointState {
  enum class Phase : uint8_t { unknown = 0, begun = 1, done = 2 };  // on disk; unknown: neither place opens
  Phase phase = Phase::unknown;
  WalSalts salts{};
  uint32_t frames = 0;  // in the WAL when it began
};

class Ring {
 public:
  struct Setup {
    std::filesystem::path path;
    const crypto::Key32& key;  // outlives the ring
    VaultId vault;
  };
  /// Makes and syncs the file, filled with random bytes. `size` as kRingSize.
  static Result<std::unique_ptr<Ring>> create(Files& files, const Setup& setup, size_t size, Random& random);
  /// Reads every border once. A file that is damaged opens all the same: what does not authenticate is not there.
  static Result<std::unique_ptr<Ring>> open(Files& files, const Setup& setup, Random& random);

  /// The greatest counter of which a prefix opens; 0 if there is none.
  uint64_t newest() const;
  /// A prefix with this counter opens (its body need not).
  bool begun(uint64_t counter) const { return records_.count(counter) != 0; }
  /// Counters from `first` on of which a prefix opens, in order.
  std::vector<uint64_t> counters_from(uint64_t first) const;
  struct Record {
    Bytes payload;
    bool covered = false;  // no payload: save `counter` stands under a checkpoint, there is nothing to do again
  };
  /// The record, or nothing if it is not there or does not open.
  Result<std::optional<Record>> read(uint64_t counter);

  /// Largest payload that append takes.
  size_t payload_max() const;
  /// A record of the largest size fits beside those still needed.
  bool has_room() const;
  bool half_full() const;
  /// Writes and syncs one record. Requires: counter = newest good record + 1 (or a new start after a gap), payload
  /// within payload_max, has_room(). An error means that the ring must not be written again.
  Result<void> append(uint64_t counter, ByteView payload, bool covered);
  /// Records up to `counter` are in the database file by a synced checkpoint. The newest is kept all the same.
  void release(uint64_t counter) { released_ = counter; }
  uint64_t released() const { return released_; }
  /// Overwrites every released record but the newest with random bytes, and syncs: after a purge.
  Result<void> scrub();

  /// Counters of records that were begun and do not open, and of places of the state that do not: what bits have
  /// rotted in. Not those that a newer record overwrote in part, nor those that lie where the next one goes: a power
  /// cut in its write leaves them so.
  struct Unreadable {
    std::vector<uint64_t> records;
    bool state = false;
  };
  Result<Unreadable> unreadable();
  size_t records() const { return records_.size(); }

  CheckpointState state() const { return state_; }
  /// Writes the older of the two places and syncs: a torn write leaves the state before it.
  Result<void> set_state(const CheckpointState& state);
  /// Where a power cut tore one of the two: the other's state into its place.
  Result<void> mend_state();

 private:
  using Tag = std::array<uint8_t, crypto::kTagSize>;
  struct Place {
    uint32_t block = 0, blocks = 0;  // where it lies
    uint32_t length = 0;             // of the payload
    bool covered = false;
    Tag before{};  // tag of the record before, as the prefix says
    Tag tag{};     // of the body, as it lies there
  };
  Ring(std::unique_ptr<File> file, const Setup& setup, uint32_t blocks, Random& random);
  Result<void> scan_state();
  Result<bool> lacks_state();
  Result<void> scan();
  static std::pair<uint64_t, Place> parse_prefix(ByteView prefix);
  Result<void> take(uint64_t counter, Place place);
  size_t length_max() const;  // of a payload that is read; payload_max() leaves room for the copy of the prefix
  Result<std::optional<Bytes>> open_body(uint64_t counter, const Place& place);
  Result<void> fill_random(uint32_t first, uint32_t count);
  /// First block for a record of `blocks` beside those still needed, or nothing.
  std::optional<uint32_t> place_for(uint32_t blocks) const;
  bool needed(uint64_t counter) const { return counter > released_ || counter == newest_good_; }
  Bytes prefix_aad() const;
  Bytes body_aad(uint64_t counter, uint32_t length, const Tag& before) const;
  Bytes state_aad() const;

  std::unique_ptr<File> file_;
  const crypto::Key32& key_;
  VaultId vault_;
  Random& random_;
  NonceSource nonces_;
  uint32_t blocks_;                    // of the file, block 0 included
  std::map<uint64_t, Place> records_;  // by counter; those that later ones overwrote are dropped
  uint64_t newest_good_ = 0;           // newest record that opened or was appended; its tag goes into the next
  uint32_t next_block_ = 1;            // where the next record is tried first
  uint64_t released_ = 0;
  CheckpointState state_;
  uint64_t state_turn_ = 0;  // of the newest state; its lowest bit says which place it has
};

}  // namespace lysoen::storage
