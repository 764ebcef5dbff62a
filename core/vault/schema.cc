#include "core/vault/schema.h"

namespace lysoen::vault {

namespace {
const storage::Migration kMigrations[] = {{R"sql(
-- Facts of which there is one: device keys, team, own incarnation. Secrets stand here and nowhere else on the disk.
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE rosters (
  version INTEGER PRIMARY KEY, hash BLOB NOT NULL, content BLOB NOT NULL, sealed BLOB NOT NULL);
-- Versions that came before the one they follow.
CREATE TABLE rosters_ahead (version INTEGER NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (version, hash)) WITHOUT ROWID;
CREATE TABLE epoch_keys (
  audience BLOB NOT NULL, epoch INTEGER NOT NULL, secret BLOB NOT NULL, PRIMARY KEY (audience, epoch)) WITHOUT ROWID;

-- head_seq: held without a gap. opened_seq: taken up to here by this device's own reading. acknowledged_seq: as this
-- device told the author. carried_seq, held_seq (durable relays), confirmed_seq (any relay): what others said.
-- roster_seen: highest roster version that an edit up to opened_seq names. writer, reader: state of the stream, wrapped.
-- signed_*: of an own feed, the newest signature of the block that it writes, as in blocks: this row is written by
-- every save anyway. It moves to blocks when the next block begins.
CREATE TABLE feeds (
  id INTEGER PRIMARY KEY, feed BLOB NOT NULL UNIQUE, device BLOB NOT NULL, audience BLOB NOT NULL,
  incarnation INTEGER NOT NULL, own INTEGER NOT NULL, head_seq INTEGER NOT NULL DEFAULT 0, head_hash BLOB NOT NULL,
  opened_seq INTEGER NOT NULL DEFAULT 0, roster_seen INTEGER NOT NULL DEFAULT 0,
  acknowledged_seq INTEGER NOT NULL DEFAULT 0, carried_seq INTEGER NOT NULL DEFAULT 0,
  held_seq INTEGER NOT NULL DEFAULT 0, confirmed_seq INTEGER NOT NULL DEFAULT 0, writer BLOB, reader BLOB,
  signed_seq INTEGER NOT NULL DEFAULT 0, signed_head BLOB, signature BLOB);
CREATE INDEX feeds_of_device ON feeds (device, audience);
-- place = feed << 40 | seq. A stub has no ciphertext. edit: the row of the edit that was in it.
CREATE TABLE entries (
  place INTEGER PRIMARY KEY, hash BLOB NOT NULL, kind INTEGER NOT NULL, length INTEGER NOT NULL,
  ciphertext_hash BLOB NOT NULL, stub INTEGER NOT NULL, warrant BLOB, entry_key BLOB, edit INTEGER,
  ciphertext BLOB);
-- place = feed << 40 | first seq of the block; the newest signature, and the hashes behind what is held here that prove
-- it.
CREATE TABLE blocks (
  place INTEGER PRIMARY KEY, signed_seq INTEGER NOT NULL, signed_head BLOB NOT NULL, signature BLOB NOT NULL,
  beyond BLOB NOT NULL);
-- Other versions of what stands in entries: the proof of both, and the batch that brought the other one.
CREATE TABLE forks (place INTEGER NOT NULL, hash BLOB NOT NULL, proof BLOB NOT NULL, batch BLOB NOT NULL,
  PRIMARY KEY (place, hash)) WITHOUT ROWID;
-- What readers told of own feeds: opened up to seq, but for those in not_opened.
CREATE TABLE acknowledgements (feed INTEGER NOT NULL, device BLOB NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (feed, device)) WITHOUT ROWID;
CREATE TABLE not_opened (place INTEGER NOT NULL, device BLOB NOT NULL, PRIMARY KEY (place, device)) WITHOUT ROWID;
-- Records that could not be taken, with the reason; the feed goes on behind them.
CREATE TABLE set_aside (place INTEGER PRIMARY KEY, reason TEXT NOT NULL);

-- id = report << 24 | number within the report: a report's edits lie together and need no index.
CREATE TABLE edits (
  id INTEGER PRIMARY KEY, edit BLOB NOT NULL, place INTEGER NOT NULL,
  author BLOB NOT NULL, named_before INTEGER NOT NULL, payload BLOB NOT NULL);
-- The first edit of a report, most often the only one, is found by its id; the others here.
CREATE UNIQUE INDEX later_edits ON edits (edit) WHERE (id & 16777215) > 0;
-- Edits by the place of the entry that brought them; edits_astray: places that hold no entry (a repair found them
-- behind a lost save).
CREATE TABLE edits_astray (place INTEGER PRIMARY KEY, edit INTEGER NOT NULL);
CREATE VIEW placed_edits AS SELECT place, edit FROM entries WHERE edit IS NOT NULL
  UNION ALL SELECT place, edit FROM edits_astray;

-- stage: 0 draft, 1 sent or received, 2 known of only (its creating edit has not arrived). purged: when the team's
-- policy removed what it says; its edits have no payload then.
CREATE TABLE reports (
  id INTEGER PRIMARY KEY, report BLOB NOT NULL, stage INTEGER NOT NULL, form TEXT NOT NULL DEFAULT '',
  author BLOB NOT NULL DEFAULT x'', created INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL DEFAULT 0,
  retracted INTEGER NOT NULL DEFAULT 0, conflicts INTEGER NOT NULL DEFAULT 0,
  aside INTEGER NOT NULL DEFAULT 0, waiting INTEGER NOT NULL DEFAULT 0, is_read INTEGER NOT NULL DEFAULT 0,
  event_time INTEGER NOT NULL, event_day TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL,
  title TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT '', origin TEXT NOT NULL DEFAULT '',
  purged INTEGER);
-- What a report is called: its id, and that of the draft which it was on this device.
CREATE TABLE names (name BLOB PRIMARY KEY, report INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX reports_in_order ON reports (event_time, created, report);
CREATE INDEX reports_by_origin ON reports (origin) WHERE origin <> '';
CREATE INDEX reports_in_conflict ON reports (event_time, created, report) WHERE conflicts > 0;
CREATE INDEX reports_waiting ON reports (id) WHERE waiting = 1;
CREATE VIRTUAL TABLE report_places USING rtree (id, south, north, west, east);
CREATE VIRTUAL TABLE report_words USING fts5 (words, tokenize = 'unicode61 remove_diacritics 2 categories ''L* M* N* Co''');
-- Reports whose words are not indexed yet; a search takes them up first. Saves leave at most some dozens here.
CREATE TABLE words_due (report INTEGER PRIMARY KEY);

-- Own reports that are to be purged some day: when so many edits of it were first seen held and opened, all of them.
-- Times as of the vault's age (the fact retention.age).
CREATE TABLE ages (report INTEGER PRIMARY KEY, edits INTEGER NOT NULL, held INTEGER, opened INTEGER);

-- Drafts, and unsent changes of sent reports; id as in reports. content: a draft as in the ring's records.
CREATE TABLE drafts (id INTEGER PRIMARY KEY, content BLOB NOT NULL);

-- Attachments: sealed files in the vault's folder (core/media). file: the name is "<container>." and these 16 bytes in
-- hexadecimal. content: SHA-256 of what was attached. A file without a row here is removed.
CREATE TABLE blobs (
  blob BLOB PRIMARY KEY, report INTEGER NOT NULL, file BLOB NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,
  content BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX blobs_of_report ON blobs (report);

CREATE TABLE relays (relay BLOB PRIMARY KEY, counter INTEGER NOT NULL DEFAULT 0, exchange_key BLOB) WITHOUT ROWID;
CREATE TABLE cursors (
  relay BLOB NOT NULL, mailbox BLOB NOT NULL, epoch INTEGER NOT NULL, counter INTEGER NOT NULL, running BLOB NOT NULL,
  PRIMARY KEY (relay, mailbox)) WITHOUT ROWID;
CREATE TABLE receipts (
  relay BLOB NOT NULL, feed INTEGER NOT NULL, seq INTEGER NOT NULL, receipt BLOB NOT NULL,
  PRIMARY KEY (relay, feed)) WITHOUT ROWID;
-- What admins bring to relays. kind: 1 admission list, 2 welcome; done: relays that have it.
CREATE TABLE errands (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, item BLOB NOT NULL UNIQUE);
CREATE TABLE errands_done (
  relay BLOB NOT NULL, kind INTEGER NOT NULL, item BLOB NOT NULL, PRIMARY KEY (relay, kind, item)) WITHOUT ROWID;
-- Invites made here, and requests that wait for an admin. state: 0 open, 1 used.
CREATE TABLE invites (invite BLOB PRIMARY KEY, content BLOB NOT NULL, state INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE join_requests (request BLOB PRIMARY KEY, content BLOB NOT NULL, state INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE notices (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, notice TEXT NOT NULL UNIQUE);
)sql"},
                                          {R"sql(
-- Attachments that were sent, or that others sent. place: of the entry that named it, none while it was not sent. held:
-- which chunks are here (core/blob), none if all are; file: empty until the first one is.
ALTER TABLE blobs RENAME TO blobs_before;
CREATE TABLE blobs (
  report INTEGER NOT NULL, blob BLOB NOT NULL, file BLOB NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL,
  content BLOB NOT NULL, place INTEGER, held BLOB, PRIMARY KEY (report, blob)) WITHOUT ROWID;
INSERT INTO blobs SELECT report, blob, file, key, size, content, NULL, NULL FROM blobs_before;
DROP TABLE blobs_before;
CREATE INDEX blobs_by_id ON blobs (blob);
CREATE INDEX blobs_wanted ON blobs (place) WHERE held IS NOT NULL;
CREATE INDEX blobs_sent ON blobs (place) WHERE held IS NULL AND place IS NOT NULL;
-- Relays that signed that they hold all of one; durable: as the roster said then, 0 or 1. Without a receipt: one that
-- served it, durable 0 or 2.
CREATE TABLE blob_receipts (
  relay BLOB NOT NULL, blob BLOB NOT NULL, receipt BLOB NOT NULL, durable INTEGER NOT NULL,
  PRIMARY KEY (relay, blob)) WITHOUT ROWID;
CREATE INDEX blob_receipts_by_id ON blob_receipts (blob) WHERE durable = 1;
)sql"},
                                          {R"sql(
-- A thumbnail is a blob of its own; thumbnail_of: the blob of its picture, of the same report.
ALTER TABLE blobs ADD COLUMN thumbnail_of BLOB;
-- Of each own feed: a durable relay has held it up to seq since then (milliseconds since 1970), and no coordinator had
-- opened it that far when this was written.
CREATE TABLE unopened (feed INTEGER PRIMARY KEY, seq INTEGER NOT NULL, since INTEGER NOT NULL);
)sql"},
                                          {R"sql(
-- Of a mailbox of a new epoch whose list is gone through: 1.
ALTER TABLE cursors ADD COLUMN list_only INTEGER NOT NULL DEFAULT 0;
)sql"}};

}  // namespace

const std::span<const storage::Migration> kSchema{kMigrations};

}  // namespace lysoen::vault
