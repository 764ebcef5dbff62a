// Streams: how entries are sealed to an audience. docs/formats/feed.md, "Streams" and "The entry cipher".
//
// A stream entry carries a fresh chain key, sealed (HPKE) to the epoch's public key. Entry i behind it (i from 0) has
// the entry key message_i = HKDF-Expand(chain_i, "lysoen/1 msg"), and chain_{i+1} = HKDF-Expand(chain_i,
// "lysoen/1 chain"). The writer keeps only the chain key of the entry to come: it cannot open what it sent.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include "core/crypto/cipher.h"
#include "core/crypto/hpke.h"
#include "core/feed/body.h"

namespace lysoen::feed {

/// Where entries of a stream belong.
struct StreamPlace {
  TeamId team;
  FeedKey feed;
  uint32_t epoch = 1;     // of the audience
  PublicKey epoch_key{};  // its public half
  bool operator==(const StreamPlace&) const = default;
};

/// The newest that a device has seen signed by a relay, carried along so that views which disagree become a proof.
/// All zero: nothing seen yet.
struct Witness {
  RelayId relay;
  uint64_t log_size = 0;
  Hash log_root;
  MailboxCursor point;  // of the same receipt
  bool operator==(const Witness&) const = default;
};

/// encapsulation 32 ‖ commitment 32 ‖ sealed(chain key 32 ‖ witness 148) ‖ tag 16
inline constexpr size_t kStreamEntrySize = 32 + 32 + 180 + 16;

/// What the entry cipher authenticates beside the body.
struct EntryHeader {
  TeamId team;
  AudienceId audience;
  uint32_t epoch = 1;
  FeedId feed;
  uint64_t seq = 0;
  Hash prev;
  EntryKind kind = EntryKind::sealed;
};
/// suite u8 ‖ team ‖ audience ‖ epoch u32 ‖ feed ‖ seq u64 ‖ prev ‖ kind u8 ‖ padded length u32.
Bytes encode_header(const EntryHeader& header, size_t padded_size);

/// A payload under one entry key. Errors: limit_exceeded (does not fit kEntrySizeMax), input_refused (empty).
/// `dictionary` as in encode_body.
Result<SealedEntry> seal_entry(const crypto::Key32& entry_key, const EntryHeader& header, ByteView payload,
                               Dictionary* dictionary = nullptr);
/// The payload. Nothing of it exists before the tag was compared. Errors: not_found (a stub), trust_refused (key,
/// header or bytes do not fit each other), input_refused / limit_exceeded / newer_version (it opened, but the body is
/// not one). Any of them goes into the acknowledgement as "not opened".
Result<Bytes> open_entry(const crypto::Key32& entry_key, const EntryHeader& header, const SealedEntry& entry,
                         const Dictionaries* dictionaries = nullptr);

/// A stream at one moment, for storage: plain fields and one secret. Of a writer and of a reader alike.
struct StreamState {
  StreamPlace place;
  uint64_t first_seq = 0;  // of the stream entry
  uint64_t next_seq = 0;   // that `chain` gives the entry key of
  crypto::Key32 chain;
  StreamState copy() const { return {place, first_seq, next_seq, chain.copy()}; }
};

class StreamWriter {
 public:
  /// Makes the stream entry at first_seq. Errors: trust_refused (the epoch's key is of low order).
  struct Begun;
  static Result<Begun> begin(const StreamPlace& place, uint64_t first_seq, const Witness& witness, Random& random);
  /// Goes on with a stored state. Errors: damaged (its numbers make no sense).
  static Result<StreamWriter> resume(StreamState state);

  /// The seq that the next seal is for.
  uint64_t next_seq() const { return state_.next_seq; }
  /// kStreamEntriesMax entries were sealed: begin a new stream.
  bool full() const { return state_.next_seq > state_.first_seq + kStreamEntriesMax; }
  const StreamPlace& place() const { return state_.place; }

  struct Sealed {
    SealedEntry entry;
    crypto::Key32 entry_key;  // the caller keeps it to disclose, or lets it be wiped
  };
  /// Seals the entry at next_seq() and forgets its key. On an error nothing has moved. Errors: usage (full),
  /// those of seal_entry.
  Result<Sealed> seal(const Hash& prev, ByteView payload, Dictionary* dictionary = nullptr);

  /// To be stored in the transaction that stores the entry. Never restore an older one: a key used twice shows which
  /// of two payloads are equal.
  StreamState state() const { return state_.copy(); }

 private:
  explicit StreamWriter(StreamState state) : state_(std::move(state)) {}
  StreamState state_;
};
struct StreamWriter::Begun {
  SealedEntry entry;
  StreamWriter writer;
};

class StreamReader {
 public:
  /// Opens the stream entry at first_seq. `place.epoch_key` is that of `epoch`, by the roster.
  /// Errors: not_found (a stub), input_refused (not a stream entry), trust_refused (sealed to another audience, epoch,
  /// feed or place; a commitment that does not fit).
  static Result<StreamReader> open(const StreamPlace& place, uint64_t first_seq, const SealedEntry& stream_entry,
                                   const crypto::KemKeyPair& epoch);
  static Result<StreamReader> resume(StreamState state);  // damaged

  /// The key of the entry at seq; moves forward past what lies between (stubs). Errors: not_found (before next_seq():
  /// open the stream entry again; or not of this stream).
  Result<crypto::Key32> entry_key(uint64_t seq);
  /// entry_key and open_entry in one. The key has moved on even if the entry does not open.
  struct Opened {
    Bytes payload;
    crypto::Key32 entry_key;
  };
  Result<Opened> open_next(uint64_t seq, const Hash& prev, const SealedEntry& entry,
                           const Dictionaries* dictionaries = nullptr);

  uint64_t next_seq() const { return state_.next_seq; }
  /// Whether seq lies behind this stream's entry and within its reach.
  bool reaches(uint64_t seq) const { return seq > state_.first_seq && seq <= state_.first_seq + kStreamEntriesMax; }
  /// What the author had seen; zero in a reader that was resumed.
  const Witness& witness() const { return witness_; }
  StreamState state() const { return state_.copy(); }

 private:
  explicit StreamReader(StreamState state) : state_(std::move(state)) {}
  StreamState state_;
  Witness witness_;
};

}  // namespace lysoen::feed
