#!/usr/bin/env python3
"""Reads feeds a second time, from docs/formats/feed.md, receipt.md, disclosure.md and form.md (dictionaries) alone.

    feed.py vectors FOLDER...      every *.txt file ends as its first line expects; exit 1 if one does not
    feed.py disclosure FILE        verifies chain, block roots and signatures, opens the disclosed entries and prints
                                   their payloads; exit 1 if anything does not hold
        --json                     one JSON document instead of lines
        --payloads FOLDER          also writes each payload to FOLDER/<feed id>-<seq>
        --forms FOLDER             where the forms (*.xml) lie whose reports it holds; else those that ship

Needs python3-cryptography, python3-nacl and python3-zstandard.
"""
import argparse
import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import xml.etree.ElementTree as xml

import nacl.bindings
import nacl.exceptions
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

import hpke
from hpke import expand, hmac256

BLOCK = 256
SEQ_MAX = 1 << 40
PAYLOAD_MAX = 262176
ENTRY_MAX = 65536


class Refused(Exception):
    """What is wrong, as one of the words that vectors use."""

    def __init__(self, word, why=""):
        super().__init__(f"{word}: {why}" if why else word)
        self.word = word


def demand(condition, word, why=""):
    if not condition:
        raise Refused(word, why)


# -- Primitives -------------------------------------------------------------------------------------------------------
def sha256(data):
    return hashlib.sha256(data).digest()


def labelled_hash(label, data):
    return sha256(label.encode() + b"\0" + data)


def signature_holds(key, label, message, signature):
    try:
        nacl.bindings.crypto_sign_open(signature + label.encode() + b"\0" + message, key)
        return True
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False


def hchacha20(key, nonce16):
    """draft-irtf-cfrg-xchacha-03, 2.2."""
    s = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            v = s[z] ^ s[x]
            s[z] = (v << n | v >> (32 - n)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(s[:4] + s[12:]))


def xchacha20(key, nonce24, data):
    # cryptography wants counter u32 (little-endian) and nonce 12 in one string of 16.
    nonce = bytes(4) + bytes(4) + nonce24[16:]
    return Cipher(algorithms.ChaCha20(hchacha20(key, nonce24[:16]), nonce), mode=None).encryptor().update(data)


def hpke_open(secret, encapsulation, info, sealed):
    """The first message of a context in base mode, without AAD."""
    try:
        return hpke.receiver(secret, encapsulation, info).open(0, b"", sealed)
    except hpke.NotOpened as error:
        raise Refused("open", str(error)) from None


class Take:
    """Fields off a byte string, as core/base has them; too few bytes are `form`."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, size):
        demand(self.at + size <= len(self.data), "form", "cut")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size):
        return int.from_bytes(self.raw(size), "big")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 127) << shift
            if byte < 128:
                demand(byte or not shift, "form", "varint")
                return value
            shift += 7
            demand(shift < 64, "form", "varint")

    def field(self):
        return self.raw(self.varint())

    def end(self):
        demand(self.at == len(self.data), "form", "bytes left over")


def u(value, size):
    return value.to_bytes(size, "big")


def take_ranges(take, seq_max):
    ranges, free_from = [], 1
    count = take.number(2)
    demand(count <= 256, "form", "ranges")
    for _ in range(count):
        first, last = take.number(8), take.number(8)
        demand(free_from <= first <= last <= min(seq_max, SEQ_MAX), "form", "ranges")
        ranges.append((first, last))
        free_from = last + 2
    return ranges


# -- Entries, blocks, batches -----------------------------------------------------------------------------------------
def feed_id(device, audience, incarnation):
    return labelled_hash("lysoen/1 feed", device + audience + u(incarnation, 4))


class Entry:
    def __init__(self, take):
        self.kind, self.reason, self.length = take.number(1), take.number(1), take.number(4)
        demand(self.kind in (1, 2) and self.reason <= 5 and 1 <= self.length <= ENTRY_MAX, "form", "entry")
        self.ciphertext, self.warrant = None, b""
        if self.reason == 0:
            self.ciphertext = take.raw(self.length)
            self.hash = sha256(self.ciphertext)
            return
        self.hash = take.raw(32)
        size = take.number(2)
        demand(size <= 1024 and (size == 0) == (self.reason == 1), "form", "warrant")
        self.warrant = take.raw(size)


def node(left, right):
    return sha256(b"\1" + left + right)


def tiles(begin, end):
    """Sizes of the complete subtrees that tile [begin, end)."""
    while begin < end:
        size = begin & -begin or 1 << end.bit_length()
        while begin + size > end:
            size >>= 1
        yield size
        begin += size


def range_root(leaves, first, count, left, right):
    """The root that leaf hashes `first` and following of `count` and the tiles on both sides of them imply."""
    before, after = list(tiles(0, first)), list(tiles(first + len(leaves), count))
    demand(first + len(leaves) <= count and len(before) == len(left) and len(after) == len(right), "shape")
    stack = []
    for part in [*zip(before, left), *((1, leaf) for leaf in leaves), *zip(after, right)]:
        stack.append(part)
        while len(stack) > 1 and stack[-2][0] == stack[-1][0]:
            (size, one), (_, other) = stack[-2:]
            stack[-2:] = [(2 * size, node(one, other))]
    while len(stack) > 1:
        (size, one), (more, other) = stack[-2:]
        stack[-2:] = [(size + more, node(one, other))]
    return stack[0][1]


def tree_walk(run, first, size, left, right):
    """The root that a run (entry hashes, leaf `first` of `size`) and its range proof imply."""
    left, right = list(left), list(right)

    def node(start, count):
        if start + count <= first:
            demand(left, "shape")
            return left.pop(0)
        if start >= first + len(run):
            demand(right, "shape")
            return right.pop(0)
        if count == 1:
            return sha256(b"\0" + run[start - first])
        half = 1 << ((count - 1).bit_length() - 1)
        one = node(start, half)
        return sha256(b"\1" + one + node(start + half, count - half))

    root = node(0, size)
    demand(not left and not right, "shape")
    return root


class Batch:
    """One batch, parsed and verified, or Refused."""

    def __init__(self, data):
        demand(len(data) <= 270336, "form", "size")
        take = Take(data)
        demand(take.number(1) == 0 and take.number(1) == 1, "version")
        self.device, self.audience, self.incarnation = take.raw(32), take.raw(32), take.number(4)
        self.first_seq, self.prev = take.number(8), take.raw(32)
        count = take.number(2)
        demand(1 <= count <= 256, "form", "count")
        self.entries = [Entry(take) for _ in range(count)]
        self.signed_seq, self.signed_head, self.signature = take.number(8), take.raw(32), take.raw(64)
        self.left = self.side(take)
        self.right = self.side(take)
        take.end()
        self.feed = feed_id(self.device, self.audience, self.incarnation)
        self.verify()

    @staticmethod
    def side(take):
        count = take.number(1)
        demand(count <= 8, "form", "proof")
        return [take.raw(32) for _ in range(count)]

    @property
    def last_seq(self):
        return self.first_seq + len(self.entries) - 1

    def verify(self):
        demand(1 <= self.first_seq <= SEQ_MAX, "form", "seq")
        block = (self.first_seq - 1) // BLOCK * BLOCK + 1
        block_end = block + BLOCK - 1
        demand(self.last_seq <= block_end and self.last_seq <= self.signed_seq <= block_end, "form", "block")
        carried = sum(len(entry.ciphertext or b"") + len(entry.warrant) for entry in self.entries)
        demand(carried <= 262144, "form", "size")
        demand(self.first_seq > 1 or self.prev == self.feed, "chain")
        self.hashes, prev = [], self.prev
        for i, entry in enumerate(self.entries):
            fields = u(self.first_seq + i, 8) + prev + u(entry.kind, 1) + u(entry.length, 4) + entry.hash
            prev = labelled_hash("lysoen/1 entry", self.feed + fields)
            self.hashes.append(prev)
        demand(self.signed_seq != self.last_seq or self.signed_head == prev, "chain")
        root = tree_walk(self.hashes, self.first_seq - block, self.signed_seq - block + 1, self.left, self.right)
        message = self.feed + u(block, 8) + u(self.signed_seq, 8) + root + self.signed_head
        demand(signature_holds(self.device, "lysoen/1 entries", message, self.signature), "signature")

    def holds(self, seq):
        return self.first_seq <= seq <= self.last_seq

    def entry(self, seq):
        return self.entries[seq - self.first_seq]

    def prev_of(self, seq):
        return self.prev if seq == self.first_seq else self.hashes[seq - self.first_seq - 1]

    def hash_at(self, seq):
        if seq == self.first_seq - 1:
            return self.prev
        demand(self.holds(seq), "form", "another place")
        return self.hashes[seq - self.first_seq]


# -- Sealed entries ---------------------------------------------------------------------------------------------------
def padded_size(size):
    for step in (256, 320, 384, 512):
        if size + 1 <= step:
            return step
    n = size + 1
    e = n.bit_length() - 1
    step = 1 << (e - e.bit_length())
    return -(-n // step) * step


def unpad(padded):
    body = padded.rstrip(b"\0")
    demand(body[-1:] == b"\x80" and padded_size(len(body) - 1) == len(padded), "body", "padding")
    return body[:-1]


MAGIC = b"\x28\xb5\x2f\xfd"


def zstd_size(data):
    """The content size of exactly one frame. RFC 8878, 3.1.1, as far as a guard needs it."""
    demand(len(data) >= 6 and data[:4] == MAGIC, "body", "no zstd frame")
    descriptor = data[4]
    single = descriptor >> 5 & 1
    dictionary_size = (0, 1, 2, 4)[descriptor & 3]
    size_size = (single, 2, 4, 8)[descriptor >> 6]
    at = 5 + (0 if single else 1)
    demand(size_size and len(data) >= at + dictionary_size + size_size, "body", "no content size")
    dictionary = int.from_bytes(data[at : at + dictionary_size], "little")
    at += dictionary_size
    size = int.from_bytes(data[at : at + size_size], "little") + (256 if size_size == 2 else 0)
    at += size_size
    demand(1 <= size <= PAYLOAD_MAX, "body", "size")
    demand(dictionary == 0, "version")
    last = False
    while not last:
        demand(len(data) >= at + 3, "body", "cut")
        header = int.from_bytes(data[at : at + 3], "little")
        last, kind, count = header & 1, header >> 1 & 3, header >> 3
        at += 3 + (1 if kind == 1 else count)
        demand(kind != 3 and len(data) >= at, "body", "block")
    demand(at + (4 if descriptor & 4 else 0) == len(data), "body", "bytes left over")
    return size


def inflate(data, dictionary=None):
    size = zstd_size(data)
    known = zstandard.ZstdCompressionDict(dictionary, zstandard.DICT_TYPE_FULLDICT) if dictionary else None
    try:
        content = zstandard.ZstdDecompressor(dict_data=known).decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise Refused("body", str(error)) from None
    demand(len(content) == size, "body", "size")
    return content


# -- Dictionaries -----------------------------------------------------------------------------------------------------
def dictionary_name(dictionary):
    return labelled_hash("lysoen/1 dictionary", dictionary)[:8]


def form_dictionaries(path):
    """Those that a form carries, form.md."""
    found = []
    for element in xml.parse(path).getroot().iter("{urn:lysoen:form}dictionary"):
        text = "".join((element.text or "").split())
        found.append(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def dictionaries_of(folder):
    return {dictionary_name(one): one for path in sorted(pathlib.Path(folder).glob("*.xml")) for one in form_dictionaries(path)}


PACKS = pathlib.Path(__file__).resolve().parents[2] / "core/form/packs"
DICTIONARIES = dictionaries_of(PACKS) if PACKS.is_dir() else {}


def open_body(body, dictionaries=None):
    demand(len(body) >= 1, "body")
    if body[0] > 2:
        raise Refused("version")
    data = body[1:]
    demand(data, "body")
    if body[0] == 0:
        demand(len(data) <= PAYLOAD_MAX, "body", "size")
        return data
    if body[0] == 1:
        return inflate(data)
    name, salt, frame = data[:8], data[8:24], data[24:]
    demand(frame, "body", "cut")
    dictionary = (DICTIONARIES if dictionaries is None else dictionaries).get(name)
    demand(dictionary, "version", f"dictionary {name.hex()} of a form that is not here")
    edit = inflate(MAGIC + frame, dictionary)
    demand(len(edit) + 17 <= PAYLOAD_MAX, "body", "size")
    return b"\1" + salt + edit


def open_entry(key, team, epoch, batch, seq):
    entry = batch.entry(seq)
    demand(entry.ciphertext is not None, "stub")
    demand(entry.kind == 2 and len(entry.ciphertext) > 32, "form")
    tag, sealed = entry.ciphertext[:32], entry.ciphertext[32:]
    keys = expand(key, b"lysoen/1 entry keys\0\x01", 64)
    padded = xchacha20(keys[:32], tag[:24], sealed)
    header = b"\x01" + team + batch.audience + u(epoch, 4) + batch.feed + u(seq, 8) + batch.prev_of(seq)
    header += b"\x02" + u(len(padded), 4)
    expected = hmac256(keys[32:], b"lysoen/1 entry\0" + header + padded)
    demand(hmac.compare_digest(expected, tag), "open")
    return open_body(unpad(padded))


def stream_chain(secret, team, epoch, batch, seq):
    """The chain key that the stream entry at `seq` carries: that of the entry behind it."""
    entry = batch.entry(seq)
    demand(entry.ciphertext is not None, "stub")
    demand(entry.kind == 1 and len(entry.ciphertext) == 260, "form")
    encapsulation, commitment, sealed = entry.ciphertext[:32], entry.ciphertext[32:64], entry.ciphertext[64:]
    info = b"lysoen/1 stream\0\x01" + team + batch.audience + u(epoch, 4) + hpke.public_key(secret) + batch.feed + batch.device
    chain = hpke_open(secret, encapsulation, info + u(seq, 8) + commitment, sealed)[:32]
    demand(labelled_hash("lysoen/1 stream commitment", chain) == commitment, "open", "commitment")
    return chain


def stream_key(secret, team, epoch, batch, seq):
    """The entry key of `seq` from the stream entry that is the batch's first."""
    chain = stream_chain(secret, team, epoch, batch, batch.first_seq)
    demand(batch.first_seq < seq <= batch.first_seq + 256, "form", "not of this stream")
    for _ in range(seq - batch.first_seq - 1):
        chain = expand(chain, b"lysoen/1 chain", 32)
    return expand(chain, b"lysoen/1 msg", 32)


# -- Payloads and statements ------------------------------------------------------------------------------------------
def edit_id(device, payload):
    return labelled_hash("lysoen/1 edit", device + payload[1:])


def check_payload(payload):
    demand(payload, "form")
    demand(1 <= payload[0] <= 3, "version")
    take = Take(payload)
    kind = take.number(1)
    if kind == 1:
        take.raw(17)
        return
    count, before, ranges = take.number(2), b"", 0
    demand(1 <= count <= (256 if kind == 2 else 1024), "form")
    for _ in range(count):
        name = take.raw(32)
        demand(name > before or not before, "form", "order")
        before = name
        if kind == 2:
            seq = take.number(8)
            demand(1 <= seq <= SEQ_MAX, "form")
            take.raw(32)
            ranges += len(take_ranges(take, seq))
    demand(ranges <= 1024, "form")
    take.end()


def check_warrant(team, relay, batch):
    entry = batch.entries[0]
    demand(entry.reason in (2, 3), "unread" if entry.reason else "other")
    data = entry.warrant
    demand(len(data) == 211, "other")
    label = "lysoen/1 refusal" if entry.reason == 2 else "lysoen/1 rotten"
    speaks_of = bytes([entry.reason, 1]), team + batch.feed + u(batch.first_seq, 8) + batch.hashes[0]
    demand((data[:2], data[34:138]) == speaks_of, "other")
    signer = data[2:34]
    demand(signature_holds(signer, label, data[:147], data[147:]), "other")
    demand(entry.reason == 2 or signer == batch.device, "other")
    demand(entry.reason == 3 or signer == relay, "unread")


def read_receipt(relay, data):
    take = Take(data)
    demand(take.number(1) == 1, "version")
    take.raw(32)
    feed = feed_id(take.raw(32), take.raw(32), take.number(4))
    seq = take.number(8)
    take.raw(32 + 8 + 32 + 4)
    counter = take.number(8)
    take.raw(32)
    demand(1 <= seq <= SEQ_MAX and counter >= 1, "form")
    take_ranges(take, seq)
    demand(take.number(8) < take.number(8), "form", "leaf")
    take.raw(32)
    covered = data[: take.at]
    signature = take.raw(64)
    take.end()
    demand(signature_holds(relay, "lysoen/1 receipt", covered, signature), "signature")
    return feed, seq


def read_fork(data):
    take = Take(data)
    demand(take.number(1) == 0, "version")
    seq = take.number(8)
    one, two = take.raw(take.number(4)), take.raw(take.number(4))
    take.end()
    one, two = Batch(one), Batch(two)
    for side in (one, two):
        demand(len(side.entries) == 1 and side.entries[0].reason == 1, "form")
    demand(one.feed == two.feed and 1 <= seq <= SEQ_MAX, "form")
    demand(one.hash_at(seq) != two.hash_at(seq), "same")
    return one.hash_at(seq), two.hash_at(seq)


# -- Vectors ----------------------------------------------------------------------------------------------------------
class Vector(dict):
    def __init__(self, path):
        super().__init__()
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            self[key] = value.strip()

    def bytes(self, key):
        return bytes.fromhex(self[key])


def same(vector, key, found):
    demand(vector.bytes(key) == found, "mismatch", key)


def run_batch(vector):
    same(vector, "head", Batch(vector.bytes("batch")).hashes[-1])


def run_entry(vector):
    payload = open_entry(vector.bytes("entry_key"), vector.bytes("team"), int(vector["epoch"]),
                         Batch(vector.bytes("batch")), int(vector["seq"]))
    same(vector, "payload", payload)


def run_stream(vector):
    key = stream_key(vector.bytes("epoch_secret"), vector.bytes("team"), int(vector["epoch"]),
                     Batch(vector.bytes("batch")), int(vector["seq"]))
    same(vector, "entry_key", key)


def run_body(vector):
    dictionary = vector.bytes("dictionary") if "dictionary" in vector else b""
    payload = open_body(vector.bytes("body"), {dictionary_name(dictionary): dictionary})
    same(vector, "payload", payload)


def run_payload(vector):
    payload = vector.bytes("payload")
    check_payload(payload)
    if payload[0] == 1:
        same(vector, "edit_id", edit_id(vector.bytes("device"), payload))


def run_fork(vector):
    held, other = read_fork(vector.bytes("fork"))
    same(vector, "held", held)
    same(vector, "other", other)


def run_warrant(vector):
    check_warrant(vector.bytes("team"), vector.bytes("relay"), Batch(vector.bytes("batch")))


def run_receipt(vector):
    feed, seq = read_receipt(vector.bytes("relay"), vector.bytes("receipt"))
    same(vector, "feed", feed)
    demand(seq == int(vector["seq"]), "mismatch", "seq")


def run_mailbox(vector):
    item = vector.bytes("item")
    demand(len(item) == 120, "form")
    same(vector, "running", labelled_hash("lysoen/1 mailbox", vector.bytes("before") + item))


def run_points(vector):
    points = vector.bytes("points")
    message = b"\x01" + vector.bytes("team") + u(len(points) // 76, 2) + points
    holds = signature_holds(vector.bytes("relay"), "lysoen/1 mailbox points", message, vector.bytes("signature"))
    demand(holds, "signature")


RUNS = {name[4:]: run for name, run in list(globals().items()) if name.startswith("run_")}


def vectors(folders):
    files = [path for folder in folders for path in sorted(pathlib.Path(folder).glob("*.txt"))]
    wrong = 0
    for path in files:
        vector, found = Vector(path), "ok"
        try:
            RUNS[path.name.partition("_")[0]](vector)
        except Refused as error:
            found = str(error)
        if found.partition(":")[0] != vector["expect"]:
            wrong += 1
            print(f"{path.name}: expected {vector['expect']}, found {found}")
    print(f"{len(files)} vectors, {wrong} not as expected")
    return 1 if wrong or not files else 0


# -- Disclosures ------------------------------------------------------------------------------------------------------
def disclosed_feed(team, feed):
    """(what was opened, number of batches) of one feed, or Refused."""
    identity = feed_id(bytes.fromhex(feed["device"]), bytes.fromhex(feed["audience"]), feed["incarnation"])
    batches = [Batch(bytes.fromhex(text)) for text in feed["batches"]]
    last = 0
    for batch in batches:
        demand(batch.feed == identity, "other", "a batch is of another feed")
        demand(batch.first_seq > last, "form", "batches overlap or are out of order")
        last = batch.last_seq
    for one, two in zip(batches, batches[1:]):
        demand(two.first_seq != one.last_seq + 1 or two.prev == one.hashes[-1], "chain", "between two batches")
    opened = []
    for key in feed["keys"]:
        batch = next((batch for batch in batches if batch.holds(key["seq"])), None)
        demand(batch, "form", f"no batch holds entry {key['seq']}")
        payload = open_entry(bytes.fromhex(key["entry_key"]), team, key["epoch"], batch, key["seq"])
        check_payload(payload)
        name = edit_id(batch.device, payload).hex() if payload[0] == 1 else None
        opened.append({"feed": identity.hex(), "device": feed["device"], "seq": key["seq"], "type": payload[0],
                       "edit_id": name, "payload": payload.hex()})
    return opened, len(batches)


def disclosure(path, as_json, folder):
    document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    demand(document.get("lysoen") == "disclosure", "form", "not a disclosure")
    demand(document.get("version") == 0, "version")
    team = bytes.fromhex(document["team"])
    opened, batches = [], 0
    for feed in document["feeds"]:
        entries, count = disclosed_feed(team, feed)
        opened += entries
        batches += count
    for entry in opened:
        if folder:
            place = pathlib.Path(folder)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{entry['feed']}-{entry['seq']}").write_bytes(bytes.fromhex(entry["payload"]))
        if not as_json:
            print(f"{entry['feed'][:16]} {entry['seq']}: type {entry['type']}, {len(entry['payload']) // 2} bytes"
                  + (f", edit {entry['edit_id']}" if entry["edit_id"] else ""))
    if as_json:
        print(json.dumps({"batches": batches, "entries": opened}, indent=1))
    else:
        print(f"{batches} batches verified, {len(opened)} entries opened")
    return 0


def main():
    parser = argparse.ArgumentParser(description="a second reader of feeds, from the documents alone")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("vectors").add_argument("folders", nargs="+")
    one = commands.add_parser("disclosure")
    one.add_argument("file")
    one.add_argument("--json", action="store_true")
    one.add_argument("--payloads")
    one.add_argument("--forms")
    arguments = parser.parse_args()
    try:
        if arguments.command == "vectors":
            return vectors(arguments.folders)
        if arguments.forms:
            DICTIONARIES.update(dictionaries_of(arguments.forms))
        return disclosure(arguments.file, arguments.json, arguments.payloads)
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
    except (KeyError, TypeError, ValueError, OSError) as error:
        print(f"error: cannot read it: {type(error).__name__}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
