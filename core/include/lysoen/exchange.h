// What a device's vault gives to one exchange with a relay beyond its entries: who it is, how far it has read, and
// where receipts and rosters go. Implemented by the vault, used by sync/session; std types only. See docs/protocol.
#pragma once
#include <lysoen/blob.h>
#include <lysoen/entry_store.h>
#include <lysoen/environment.h>

#include <string>

namespace lysoen {

/// A relay as the roster names it.
struct RelayInfo {
  RelayId id;                          // Ed25519: signs receipts and exchange keys
  PublicKey fallback_key{};            // X25519: serves devices that hold no current exchange key
  std::array<uint8_t, 32> gate_key{};  // the sieve in front: keys the request's MAC, known to invited devices only
  std::vector<std::string> urls;       // "http://host:port" or "https://..."; tried in order
  bool durable = false;                // its receipts mean "held"
  bool operator==(const RelayInfo&) const = default;
};

/// The relay key as an operator hands it out: "lysoen-relay:1:..." (docs/formats/team.md). urls are not part of it.
std::string relay_key_text(const RelayInfo& relay);
Result<RelayInfo> parse_relay_key(std::string_view text);

/// Position in one mailbox of one relay. A zero cursor begins at the mailbox's first item.
struct MailboxCursor {
  AudienceId mailbox;
  uint32_t store_epoch = 0;
  uint64_t counter = 0;  // items taken
  Hash running;          // H_n at counter
  // Most of what the list names is here: the list alone is asked for, and what lacks by feed.
  bool list_only = false;
  bool operator==(const MailboxCursor&) const = default;
};

/// Entries of one feed, both ends included.
struct EntryRange {
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;
  bool operator==(const EntryRange&) const = default;
};

/// One sealed roster version as the relay stores it, unread.
struct SealedRoster {
  uint64_t version = 0;
  Hash hash;     // of the head
  Bytes sealed;  // at most 4 MiB
};

/// What the vault wants to be told to the relay besides its entries.
struct RelayErrands {
  std::vector<SealedRoster> rosters;   // versions the relay may lack (admins)
  std::vector<Bytes> admission_lists;  // signed, chained (admins)
  std::vector<Bytes> welcomes;         // for joiners, each with the invite's public key inside
  bool fetch_join_requests = false;    // (admins)
};

class SyncPeer {
 public:
  virtual ~SyncPeer() = default;

  virtual TeamId team() const = 0;
  virtual DeviceId device() const = 0;
  /// Signs with the device key. `label` separates domains ("lysoen/1 hello").
  virtual Result<Signature> sign(std::string_view label, ByteView message) = 0;
  /// The relays of the roster in the order to try.
  virtual Result<std::vector<RelayInfo>> relays() = 0;
  /// Whether the team's policy allows this device addresses without TLS.
  virtual Result<bool> plain_http_allowed() { return true; }
  /// Reserves the next exchange counter for this relay: strictly growing, durable before it is returned.
  virtual Result<uint64_t> next_counter(const RelayId& relay) = 0;
  /// Raises the counter to at least this (the relay has seen it).
  virtual Result<void> raise_counter(const RelayId& relay, uint64_t seen) = 0;

  /// The relay's current exchange key as last certified, opaque to the vault; empty if none is known.
  virtual Result<Bytes> exchange_key(const RelayId& relay) = 0;
  virtual Result<void> set_exchange_key(const RelayId& relay, ByteView certified) = 0;

  struct RosterPoint {
    uint64_t version = 0;
    Hash hash;
  };
  virtual Result<RosterPoint> roster_point() = 0;
  /// Offers the rosters that a relay sent, oldest first. Those that do not verify are set aside and reported, no error.
  virtual Result<void> take_roster(const SealedRoster& roster) = 0;

  /// Heads of the feeds this device may send: its own, and of others' those that no durable relay is known to hold,
  /// such as a bundle or a pocket relay brought.
  virtual Result<std::vector<FeedHead>> outgoing_heads() = 0;
  /// How far this relay has confirmed each of them by receipt, or listed it in a mailbox; what is missing is to be
  /// sent.
  virtual Result<uint64_t> confirmed(const RelayId& relay, const FeedKey& feed) = 0;
  /// A receipt as received (fixed layout, signed by the relay). One that does not verify is refused with trust_refused.
  virtual Result<void> take_receipt(const RelayId& relay, ByteView receipt) = 0;

  /// The relay listed these in a mailbox, up to there: it holds them.
  virtual Result<void> take_listed(const RelayId& relay, const std::vector<FeedHead>& heads) {
    (void)relay, (void)heads;
    return {};
  }

  /// The relay would not take entries of this feed, for `reason` (no report text). Told again by every sync that meets
  /// it; what is confirmed later is refused no more.
  virtual Result<void> take_refusal(const RelayId& relay, const FeedKey& feed, uint64_t first_seq, uint64_t last_seq,
                                    std::string_view reason) {
    (void)relay, (void)feed, (void)first_seq, (void)last_seq, (void)reason;
    return {};
  }

  /// Mailboxes this device reads and how far it has read them at this relay.
  virtual Result<std::vector<MailboxCursor>> cursors(const RelayId& relay) = 0;
  /// Moves one cursor; called only after every batch before it was appended.
  virtual Result<void> set_cursor(const RelayId& relay, const MailboxCursor& cursor) = 0;
  /// Entries of which nobody has given but a stub without a warrant: at most so many ranges. Every relay is asked.
  virtual Result<std::vector<EntryRange>> gaps(size_t ranges_max) {
    (void)ranges_max;
    return std::vector<EntryRange>();
  }
  /// The relay's store begins anew: what it had listed of this mailbox it may have no more. `ended`: what it lists now
  /// was gone through to its end, so that others' feeds which it lacks can be brought to it.
  virtual Result<void> begun_anew(const RelayId& relay, const AudienceId& mailbox, bool ended) {
    (void)relay, (void)mailbox, (void)ended;
    return {};
  }

  virtual Result<RelayErrands> errands(const RelayId& relay) = 0;
  /// The errands of this kind arrived; they are not offered to this relay again.
  virtual Result<void> errands_done(const RelayId& relay, const RelayErrands& done) = 0;
  /// The relay has not what it had: its store is new or of an older day. What was done there is to be offered again.
  virtual Result<void> errands_undone(const RelayId& relay) {
    (void)relay;
    return {};
  }
  /// A join request that the relay held for this admin, unopened.
  virtual Result<void> take_join_request(ByteView request) = 0;

  /// The device's attachments; null: it has and wants none.
  virtual BlobPeer* blobs() { return nullptr; }

  /// All batches of one response belong together: entries received may be committed in one transaction.
  virtual Result<void> begin_intake() = 0;
  virtual Result<void> end_intake() = 0;
  /// Instead of end_intake in the middle of a response: what was received stands. What follows from all of it, such as
  /// acknowledgements, waits for the end_intake of its rest.
  virtual Result<void> settle_intake() { return {}; }
};

}  // namespace lysoen
