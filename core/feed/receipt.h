// What a relay signs: receipts, mailbox points; and the running hash of a mailbox. docs/formats/receipt.md.
//
// Mailbox: item n says that the relay stored these entries of this feed; H_n = labelled_hash("lysoen/1 mailbox",
// H_{n-1} ‖ item n), H_0 = 32 zero bytes. Nothing changes an earlier item.
#pragma once
#include <lysoen/blob.h>
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include <span>

#include "core/crypto/sign.h"
#include "core/feed/entry.h"

namespace lysoen::feed {

struct MailboxItem {
  uint64_t n = 0;  // from 1
  FeedId feed;
  uint64_t first_seq = 0, last_seq = 0;
  Hash head;          // entry hash at last_seq
  SeqRanges missing;  // of first_seq .. last_seq: stubs without warrant; usually none
};
/// n u64 ‖ feed ‖ first u64 ‖ last u64 ‖ head ‖ SHA-256(ranges as in entry.h).
Bytes encode_item(const MailboxItem& item);
/// H_n from H_{n-1}.
Hash running_hash(const Hash& before, const MailboxItem& item);

/// Leaf hash of the team's log: merkle_leaf(labelled_hash("lysoen/1 log leaf", feed ‖ seq u64 ‖ head)).
Hash log_leaf(const FeedId& feed, uint64_t seq, const Hash& head);

/// "I hold this feed durably up to seq, but for what is missing."
struct Receipt {
  TeamId team;
  FeedKey feed;
  uint64_t seq = 0;
  Hash head;                // entry hash at seq
  WallTime time;            // the relay's clock
  MailboxCursor point;      // mailbox, store epoch, n and H_n of the item that stored seq, or later
  SeqRanges missing;        // below or at seq: not held
  uint64_t leaf_index = 0;  // in the team's log, of the leaf that covers seq; 0-based
  uint64_t log_size = 0;    // > leaf_index
  Hash log_root;
  bool operator==(const Receipt&) const = default;
};

/// The fixed layout with the relay's signature (label "lysoen/1 receipt") behind it. Requires missing within limits.
Bytes sign_receipt(const Receipt& receipt, const crypto::SigningKey& relay);
/// Strict. Errors: input_refused, limit_exceeded, newer_version; trust_refused if this relay did not sign it.
Result<Receipt> read_receipt(const RelayId& relay, ByteView bytes);
/// Without looking at the signature: for bytes that were verified before they were stored.
Result<Receipt> decode_receipt(ByteView bytes);

/// "I hold all of this attachment durably."
struct BlobReceipt {
  TeamId team;
  BlobName name;
  WallTime time;  // the relay's clock
  uint32_t store_epoch = 0;
  bool operator==(const BlobReceipt&) const = default;
};
/// Fixed layout, signed (label "lysoen/1 blob receipt").
Bytes sign_blob_receipt(const BlobReceipt& receipt, const crypto::SigningKey& relay);
/// Strict. Errors: input_refused, newer_version; trust_refused if this relay did not sign it.
Result<BlobReceipt> read_blob_receipt(const RelayId& relay, ByteView bytes);

/// One signature over the points of the mailboxes that were asked for, in asked order (label "lysoen/1 mailbox
/// points"). Requires at most kPointsMax.
Signature sign_points(const TeamId& team, std::span<const MailboxCursor> points, const crypto::SigningKey& relay);
[[nodiscard]] bool verify_points(const RelayId& relay, const TeamId& team, std::span<const MailboxCursor> points,
                                 const Signature& signature);

}  // namespace lysoen::feed
