#include "sync/relay/schema.h"

namespace lysoen::relay {

namespace {

// A portable subset: integers, blobs, primary keys. Numbers are given out by the program inside the transaction, never
// by a sequence, so that the order of numbers is the order of commits.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta(name, value) VALUES('epoch', 1), ('commits', 0);

CREATE TABLE team(
  id INTEGER PRIMARY KEY, team BLOB NOT NULL UNIQUE, root BLOB NOT NULL,
  admitted_ms INTEGER NOT NULL, removed INTEGER NOT NULL, bytes INTEGER NOT NULL,
  log_size INTEGER NOT NULL, log_peaks BLOB NOT NULL);
CREATE TABLE log_leaf(
  team INTEGER NOT NULL, position INTEGER NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY(team, position)) WITHOUT ROWID;
CREATE TABLE admission(
  team INTEGER NOT NULL, version INTEGER NOT NULL, list BLOB NOT NULL, PRIMARY KEY(team, version));
CREATE TABLE device(
  team INTEGER NOT NULL, device BLOB NOT NULL, highest INTEGER NOT NULL, used INTEGER NOT NULL,
  encapsulations BLOB NOT NULL, day INTEGER NOT NULL, day_bytes INTEGER NOT NULL,
  PRIMARY KEY(team, device)) WITHOUT ROWID;

CREATE TABLE feed(
  id INTEGER PRIMARY KEY, team INTEGER NOT NULL, feed BLOB NOT NULL, device BLOB NOT NULL, audience BLOB NOT NULL,
  incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL, bytes INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, leaf INTEGER NOT NULL, item INTEGER NOT NULL,
  UNIQUE(team, feed));
CREATE INDEX feed_by_device ON feed(team, device);
CREATE TABLE entry(
  feed INTEGER NOT NULL, seq INTEGER NOT NULL, kind INTEGER NOT NULL, length INTEGER NOT NULL, hash BLOB NOT NULL,
  ciphertext_hash BLOB NOT NULL, ciphertext BLOB NOT NULL, reason INTEGER NOT NULL, warrant BLOB NOT NULL,
  PRIMARY KEY(feed, seq)) WITHOUT ROWID;
CREATE INDEX stub ON entry(feed, seq, reason) WHERE reason <> 0;
CREATE TABLE block(
  feed INTEGER NOT NULL, first_seq INTEGER NOT NULL, signed_seq INTEGER NOT NULL, signed_head BLOB NOT NULL,
  signature BLOB NOT NULL, beyond BLOB NOT NULL, PRIMARY KEY(feed, first_seq)) WITHOUT ROWID;
CREATE TABLE fork(
  feed INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL, proof BLOB NOT NULL,
  PRIMARY KEY(feed, seq, hash)) WITHOUT ROWID;

CREATE TABLE mailbox(
  id INTEGER PRIMARY KEY, team INTEGER NOT NULL, audience BLOB NOT NULL, counter INTEGER NOT NULL,
  running BLOB NOT NULL, UNIQUE(team, audience));
CREATE TABLE item(
  mailbox INTEGER NOT NULL, n INTEGER NOT NULL, feed INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL, head BLOB NOT NULL, missing BLOB NOT NULL, running BLOB NOT NULL,
  PRIMARY KEY(mailbox, n)) WITHOUT ROWID;

CREATE TABLE roster(
  team INTEGER NOT NULL, version INTEGER NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY(team, version, hash));
CREATE TABLE joining(
  team INTEGER NOT NULL, invite BLOB NOT NULL, posted_ms INTEGER NOT NULL, request BLOB NOT NULL, welcome BLOB NOT NULL,
  PRIMARY KEY(team, invite));
CREATE TABLE token(hash BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// held: ranges of chunks (core/blob).
constexpr std::string_view kBlobs = R"sql(
CREATE TABLE blob(
  id INTEGER PRIMARY KEY, team INTEGER NOT NULL, blob BLOB NOT NULL, size INTEGER NOT NULL, held BLOB NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, UNIQUE(team, blob, size));
)sql";

constexpr storage::Migration kMigrations[] = {{kFirst}, {kBlobs}};

}  // namespace

std::span<const storage::Migration> migrations() {
  return kMigrations;
}

}  // namespace lysoen::relay
