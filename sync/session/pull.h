// What a device stores from an answer: mailbox items in order, the batches that cover them, and cursors that move over
// what is settled. Private to device_response.cc.
//
// An item is settled when its entries are held here, when this store refused them (they are set aside), or when the
// relay said that it cannot read them. The cursor stops before the first item that is not: the next exchange asks
// again. A mailbox that an earlier epoch had brought to here is read through by its list: what the list names and is
// not here is asked for by feed. Running hashes are computed here and compared with the point that the relay signed.
#pragma once
#include <lysoen/exchange.h>

#include <map>
#include <variant>

#include "sync/wire/message.h"

namespace lysoen::session {

using PullPiece = std::variant<Batch, wire::MailboxItems>;

/// The signature covers the points of all mailboxes asked for, as changed or as asked, in the order asked.
bool verify_points(const RelayId& relay, const TeamId& team, const std::vector<MailboxCursor>& asked,
                   const std::vector<wire::Verdict>& verdicts, const wire::MailboxPoints& points);

struct PullResult {
  uint64_t entries_stored = 0, items_missing = 0, cursors_moved = 0;
  bool list_open = false;            // a list of a new epoch is not gone through
  uint64_t useful = 0;               // bytes of what was stored, or listed for the first time
  std::map<FeedKey, uint64_t> gaps;  // feed -> first seq that is missing
  std::vector<std::string> notes;
};

class Pull {
 public:
  Pull(SyncPeer& peer, EntryStore& store, const RelayId& relay, const std::vector<MailboxCursor>& asked,
       const std::vector<wire::Verdict>& verdicts, const std::optional<wire::MailboxPoints>& points,
       std::map<FeedKey, uint64_t>& listed_before)
      : peer_(peer),
        store_(store),
        relay_(relay),
        asked_(asked),
        verdicts_(verdicts),
        points_(points),
        listed_before_(listed_before) {}

  /// Takes batches, and moves cursors as far as those that came so far cover them. As often as pieces come, each time
  /// inside begin_intake and settle_intake or end_intake.
  Result<void> run(std::vector<PullPiece> pieces);
  /// After the last piece, before end_intake.
  Result<void> finish();
  const PullResult& result() const { return result_; }

 private:
  struct Received {
    uint64_t last = 0;                 // of what came in this answer
    std::map<uint64_t, Hash> hashes;   // seq -> entry hash
    std::map<uint64_t, size_t> sizes;  // of those that were of no use yet
    bool set_aside = false;
  };
  Result<void> take_batch(Batch batch);
  /// What the relay lists of one mailbox, and how far it is settled.
  struct Listing {
    wire::MailboxItems items;
    MailboxCursor cursor, stored;  // behind the settled items; as the peer has it
    bool begun_anew = false;       // it is of a new epoch
    size_t settled = 0;
  };
  Result<void> begin(wire::MailboxItems items);
  Result<void> settle(Listing& listing);
  Result<bool> settled(const wire::MailboxItems& items, const wire::Item& item, bool list_only, Hash& head);
  Result<void> go_through(Listing& listing);
  void note_listed(const FeedKey& feed, const wire::Item& item);
  Result<void> settle_unlisted();
  void count_listed(const FeedKey& feed, const wire::Item& item, uint64_t held);
  void count_use(Received& received, uint64_t first, uint64_t last);
  Result<void> move(const MailboxCursor& from, const MailboxCursor& to);
  bool contradicted(const MailboxCursor& cursor) const;
  bool unreadable(const FeedKey& feed, const wire::Item& item) const;
  const wire::Point* point_of(const AudienceId& mailbox) const;

  SyncPeer& peer_;
  EntryStore& store_;
  RelayId relay_;
  const std::vector<MailboxCursor>& asked_;
  const std::vector<wire::Verdict>& verdicts_;
  const std::optional<wire::MailboxPoints>& points_;
  std::map<FeedKey, uint64_t>& listed_before_;  // up to where items were of use, in this answer and those before
  std::map<FeedKey, Received> received_;
  std::vector<Listing> listings_;
  std::map<FeedKey, uint64_t> listed_;  // others' feeds: the last seq that the relay holds
  PullResult result_;
};

}  // namespace lysoen::session
