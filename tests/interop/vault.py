#!/usr/bin/env python3
"""Reads a vault a second time, from docs/formats/slots.md, vault.md and attachment.md alone. Writes nothing.

    vault.py FOLDER        passphrase in LYSOEN_PASSPHRASE; lists the tables and the ring; exit 1 if anything does not hold

Needs python3-cryptography and python3-nacl. The decrypted database exists in memory only.
"""
import fcntl
import hashlib
import os
import pathlib
import sqlite3
import struct
import sys

import nacl.bindings
import nacl.exceptions

from feed import Refused, Take, demand, expand, hmac256, u

PAGE = 4096
STORED = 4056  # of a page; nonce and tag take the place of the rest
FRAME = 24 + STORED + 40
RING_MAX = 1 << 20


def open_box(key, aad, box):
    """What is inside, or None if it does not authenticate."""
    if len(box) < 40:
        return None
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(box[24:], aad, box[:24], key)
    except nacl.exceptions.CryptoError:
        return None


# -- Slots ------------------------------------------------------------------------------------------------------------
def whole(data, at, size, sum_at):
    """A part that carries its SHA-256 inside, or None if it is not what was written."""
    part = data[at : at + size]
    rest = part[:sum_at] + part[sum_at + 32 :]
    return part if hashlib.sha256(rest).digest() == part[sum_at : sum_at + 32] else None


def unlock(slots, passphrase, guard=None):
    """(letter of the container that the passphrase opens, its key, vault id); `guard`: the guard's secret, if guarded"""
    header = whole(slots, 0, 100, 68) or whole(slots, 2048, 100, 68)
    demand(header and header[:8] == b"lysoen-v", "form", "no slot file")
    header = header[:68]
    take = Take(header[8:])
    version, memory, passes, salt, vault = take.number(4), take.number(4), take.number(4), take.raw(16), take.raw(32)
    demand(version == 0, "version")
    demand(len(slots) == 12288 and memory <= 1 << 20 and passes <= 16, "form", "size or cost of the slot file")
    stretched = nacl.bindings.crypto_pwhash_alg(32, passphrase, salt, passes, memory * 1024,
                                                nacl.bindings.crypto_pwhash_ALG_ARGON2ID13)
    blocks = [block for block in (whole(slots, 4096, 4096, 224), whole(slots, 8192, 4096, 224)) if block]
    demand(blocks, "damaged", "neither copy of the slots is whole")
    block = max(blocks, key=lambda whole_block: whole_block[:8])  # the turn is in front
    for number in range(16):
        slot = block[256 + 240 * number :][:240]
        nonce, commitment = slot[:24], slot[24:56]
        keys = expand(stretched, b"lysoen/1 slot\0" + u(number, 1), 64)
        context = b"lysoen/1 slot\0" + header + u(number, 1)
        if hmac256(keys[32:], context + nonce) != commitment:
            continue
        inside = open_box(keys[:32], context, nonce + slot[56:])
        if inside and inside[0] == number // 8:
            secret, guarded = inside[3:35], inside[2]
            demand(not guarded or guard, "open", "half of the key is held by a guard")
            key = expand(hmac256(guard, secret), b"lysoen/1 guarded container", 32) if guarded else secret
            return "AB"[inside[0]], key, vault
    raise Refused("open", "wrong passphrase")


class Box:
    """Everything of one container is under its key and bound to the vault's id."""

    def __init__(self, key, vault):
        self.key, self.vault = key, vault

    def open(self, label, box, *rest):
        return open_box(self.key, self.vault + label + b"".join(rest), box)


# -- Database and log -------------------------------------------------------------------------------------------------
def read_pages(box, data):
    demand(len(data) % PAGE == 0, "damaged", "a short page")
    pages = [box.open(b"main", data[at : at + PAGE], u(at // PAGE + 1, 4)) for at in range(0, len(data), PAGE)]
    return {number: page for number, page in enumerate(pages, 1)}


class Log:
    """The write-ahead log as SQLite reads it: up to its last whole commit."""

    def __init__(self, box, data):
        self.pages, self.size, self.frames, self.salts = {}, 0, 0, None
        header = box.open(b"wal-header", data[:72])
        if header is None:
            return
        magic, _, page_size = struct.unpack(">3I", header[:12])
        demand(magic in (0x377F0682, 0x377F0683) and page_size == PAGE, "damaged", "log header")
        self.order, self.salts = "<>"[magic & 1], header[16:24]
        running = self.checksum((0, 0), header[:24])
        demand(struct.pack(">2I", *running) == header[24:], "damaged", "checksum of the log header")
        waiting = {}
        for index, at in enumerate(range(72, len(data) - FRAME + 1, FRAME)):
            frame = box.open(b"wal", data[at : at + FRAME], self.salts, u(index, 4))
            if frame is None or frame[8:16] != self.salts:
                return
            running = self.checksum(running, frame[:8] + frame[24:] + bytes(PAGE - STORED))
            if struct.pack(">2I", *running) != frame[16:24]:
                return
            number, commit_size = struct.unpack(">2I", frame[:8])
            waiting[number] = frame[24:]
            if commit_size:
                self.pages.update(waiting)
                self.size, self.frames, waiting = commit_size, index + 1, {}

    def checksum(self, sums, data):
        one, two = sums
        for first, second in struct.iter_unpack(self.order + "2I", data):
            one = (one + first + two) & 0xFFFFFFFF
            two = (two + second + one) & 0xFFFFFFFF
        return one, two


# -- Ring -------------------------------------------------------------------------------------------------------------
class Record:
    def __init__(self, box, ring, at, prefix):
        """The record that begins at byte `at`. A torn body leaves `payload` None."""
        take = Take(prefix)
        self.counter, length, flags = take.number(8), take.number(4), take.number(1)
        demand(take.raw(3) == bytes(3) and length <= min(RING_MAX, len(ring) // 4) - 112, "form", "prefix of a record")
        self.covered, self.before = bool(flags & 1), take.raw(16)
        self.blocks = -(-(112 + length + (72 if flags & 2 else 0)) // PAGE)
        body = ring[at + 72 : at + 72 + length + 40]
        self.tag = body[-16:]
        self.payload = box.open(b"ring", body, u(self.counter, 8), u(length, 4), self.before)


class Ring:
    def __init__(self, box, ring):
        demand(len(ring) % PAGE == 0, "form", "size of the ring")
        states = [box.open(b"ring-state", ring[place : place + 64]) for place in (0, 2048)]
        states = sorted(state for state in states if state)  # the turn is in front
        self.state = states[-1] if states else None
        begun = sorted(self.read(box, ring).values(), key=lambda record: record.payload is not None)
        self.records = {record.counter: record for record in begun}  # of two with one counter, the readable one
        for counter, record in self.records.items():
            before = self.records.get(counter - 1)
            if before and before.payload is not None and before.tag != record.before:
                record.payload = None  # of another history of this vault

    @staticmethod
    def read(box, ring):
        """Records by the byte at which they begin; where the prefix does not open, by its copy at their end."""
        found, prefix_at = {}, lambda at: box.open(b"ring-prefix", ring[at : at + 72])
        for at in range(PAGE, len(ring), PAGE):
            if prefix := prefix_at(at):
                found[at] = Record(box, ring, at, prefix)
        for end in range(2 * PAGE, len(ring) + 1, PAGE):
            if copy := prefix_at(end - 72):
                begins = end - Record(box, ring, PAGE, copy).blocks * PAGE
                if begins >= PAGE and begins not in found:
                    found[begins] = Record(box, ring, begins, copy)
        return found

    @property
    def newest(self):
        return self.records[max(self.records)] if self.records else None

    def done(self, log):
        """Whether a checkpoint has moved all of this log into the database."""
        phase, salts, frames = self.state[8], self.state[12:20], int.from_bytes(self.state[20:], "big")
        return phase == 2 and salts == log.salts and log.frames <= frames


class Fields(Take):
    """A record's payload and what is in it."""

    def each(self, part):
        return [part(self) for _ in range(self.varint())]

    def feed(self):
        return self.raw(32), self.raw(32), self.number(4)

    def answer(self):
        path, kind = self.field(), self.number(1)
        return path, kind, self.field() if kind else None

    def draft(self):
        return {"id": self.raw(32), "form": self.field(), "version": self.field(), "language": self.field(), "origin": self.field(),
                "created": self.number(8), "changed": self.number(8), "answers": self.each(Fields.answer), "unsent": self.field()}

    def entry(self):
        return {"feed": self.feed(), "seq": self.number(8), "kind": self.number(1), "ciphertext": self.field(),
                "key": self.raw(32), "payload": self.field()}

    def blob(self, version):
        return {"report": self.raw(32), "file": self.raw(16), "blob": self.raw(32), "key": self.raw(32), "size": self.number(8),
                "content": self.raw(32), "thumbnail_of": self.raw(32) if version else bytes(32)}

    def head(self):
        return {"feed": self.feed(), "seq": self.number(8), "hash": self.raw(32), "signature": self.raw(64)}


def read_payload(payload):
    """What one save changed."""
    if not payload:
        return {}
    take = Fields(payload)
    version = take.number(1)
    demand(version <= 1, "version")
    save = {"roster": take.number(8), "drafts": take.each(Fields.draft),
            "ended": take.each(lambda fields: (fields.raw(32), fields.raw(32))), "entries": take.each(Fields.entry),
            "heads": take.each(Fields.head), "read": take.each(lambda fields: fields.raw(32)), "blobs": take.each(lambda fields: fields.blob(version))}
    take.end()
    return save


# -- Attachments ------------------------------------------------------------------------------------------------------
CHUNK = 16384


def root_of(leaves):
    """RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root_of(leaves[:left]) + root_of(leaves[left:])).digest()


def step(size):
    """The sizes that files come in."""
    if size <= 4096:
        return max(256, 1 << (size - 1).bit_length())
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


def blob_size(size):
    """Of the blob of a file of this size: no last chunk is only a tag."""
    sealed = size + 16 * max(1, -(-size // (CHUNK - 16)))
    target = step(sealed)
    while 0 < target % CHUNK <= 16:
        target = step(target + 1)
    return target


def open_blob(blob, key, size, content, sealed):
    """The attached file; behind its chunks lies their tree."""
    sealed = sealed[:blob_size(size)]
    chunks = [sealed[at : at + CHUNK] for at in range(0, len(sealed), CHUNK)]
    demand(chunks and root_of([hashlib.sha256(b"\0" + chunk).digest() for chunk in chunks]) == blob, "damaged", "root of a blob")
    plain = b""
    for number, chunk in enumerate(chunks):
        nonce = u(number, 8) + bytes([number == len(chunks) - 1]) + bytes(15)
        try:
            plain += nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(chunk, b"", nonce, key)
        except nacl.exceptions.CryptoError:
            raise Refused("open", "a chunk of a blob") from None
    demand(len(plain) >= size and not plain[size:].strip(b"\0"), "damaged", "something follows an attachment's end")
    demand(hashlib.sha256(plain[:size]).digest() == content, "damaged", "it is not the file that was attached")
    return plain[:size]


# -- Container --------------------------------------------------------------------------------------------------------
class Vault:
    """A vault at rest: `database` (SQLite, in memory), `counter` of its last save, `ring`. Refused if it is damaged."""

    def __init__(self, folder, passphrase):
        folder = pathlib.Path(folder)
        with open(folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.letter, self.key, self.id = unlock((folder / "slots").read_bytes(), passphrase)
            main, log, ring = (folder / f"{self.letter}.{kind}" for kind in ("db", "db-wal", "ring"))
            box = Box(self.key, self.id)
            self.ring = Ring(box, ring.read_bytes())
            self.log = Log(box, log.read_bytes() if log.exists() else b"")
            pages = read_pages(box, main.read_bytes())
            self.files = {path.name[2:]: path.read_bytes() for path in folder.glob(f"{self.letter}.{'?' * 32}")}
        if self.log.frames and not self.ring.done(self.log):
            pages = {number: page for number, page in {**pages, **self.log.pages}.items() if number <= self.log.size}
        demand(all(pages.values()), "damaged", "a page does not authenticate")
        demand(pages[1][20] == 40, "damaged", "reserved bytes")
        self.database = self.load(b"".join(pages[number] + bytes(PAGE - STORED) for number in sorted(pages)))
        (form, self.counter), = self.database.execute("SELECT format, counter FROM storage_state")
        demand(form == 0, "version")

    @staticmethod
    def load(image):
        """An SQLite image, in memory. There the two bytes that say "write-ahead log" (18, 19) must say "journal"."""
        database = sqlite3.connect(":memory:")
        database.deserialize(image[:18] + b"\1\1" + image[20:])
        return database

    def attachments(self):
        """What was attached, by blob id."""
        return {blob: open_blob(blob, key, size, content, self.files[file.hex()]) for blob, key, size, content, file in
                self.database.execute("SELECT blob, key, size, content, file FROM blobs WHERE held IS NULL")}

    def stream(self, feed, wrapped):
        """(epoch, epoch's public key, first seq, next seq, chain key) of a stream that this vault writes or reads."""
        state = open_box(self.wrap_key(), b"lysoen/1 stream state\0" + feed, wrapped)
        demand(state, "open", "state of a stream")
        return struct.unpack(">I32sQQ32s", state)

    def wrap_key(self):
        return expand(hmac256(b"", self.key), b"lysoen/1 wrap", 32)

    def secret(self, what, sealed):
        secret = open_box(self.wrap_key(), b"lysoen/1 secret\0" + what.encode(), sealed)
        demand(secret is not None, "open", "a secret")
        return secret

    def secret_fact(self, name):
        sealed, = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return self.secret(name, sealed)

    def epoch_key(self, audience, number):
        sealed, = self.database.execute("SELECT secret FROM epoch_keys WHERE audience = ? AND epoch = ?", (audience, number)).fetchone()
        return self.secret(f"epoch {audience.hex()} {number}", sealed)

    def tables(self):
        return [name for name, in self.database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def main(folder):
    vault = Vault(folder, os.environ["LYSOEN_PASSPHRASE"].encode())
    check, = vault.database.execute("PRAGMA integrity_check").fetchone()
    print(f"container {vault.letter}, save {vault.counter}, {vault.log.frames} frames in the log, integrity {check}")
    for table in vault.tables():
        count, = vault.database.execute(f'SELECT count(*) FROM "{table}"').fetchone()
        print(f"  {table}: {count}")
    newest = vault.ring.newest
    state = "none" if not newest else f"{newest.counter}{' (covered)' if newest.covered else ''}"
    print(f"ring: {len(vault.ring.records)} records, newest {state}")
    demand(newest and newest.payload is not None and newest.counter == vault.counter, "damaged", "ring and database differ")
    print("  " + ", ".join(f"{key}: {len(part) if isinstance(part, list) else part}" for key, part in read_payload(newest.payload).items()))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Refused, OSError, KeyError, ValueError) as error:
        sys.exit(f"error: {error}")
