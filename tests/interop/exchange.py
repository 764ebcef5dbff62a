"""One exchange with a relay a second time, from docs/protocol/exchange.md alone: keys, frames, sizes, both directions'
messages, and HTTP that can be cut anywhere. What a device does with it is in device.py.

Needs python3-cryptography, python3-nacl, python3-protobuf and protoc."""
import importlib
import math
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.parse

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

import hpke
from feed import Batch, Take, demand, expand, feed_id, hmac256, labelled_hash, sha256, signature_holds, u

SUITE = b"\1"
(HELLO, WANT, BATCH, CHUNK, RECEIPT, FRONTIER, ROSTER, ADMISSION, JOIN, WELCOME, REQUESTS, KEY, VERDICT, POINTS, ITEMS, PAD,
 END) = range(1, 18)
FINAL = 0x80
BODY_MAX, PART_MAX = 256 << 10, 192 << 10
OBJECTS = "- exchange batch roster list join welcome item".split()
CODES = ("-,stored,waiting,team unknown,device unknown,stale counter,two places,versions,does not verify,over quota,gap before,"
         "forked,storage full,storage read-only,storage failed,not allowed,unknown invite,invite used,damaged,too large,malformed,"
         "purged,not posted,cut").split(",")


def load_messages():
    """The classes that protoc makes of wire.proto."""
    proto = pathlib.Path(__file__).resolve().parents[2] / "proto"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={proto}", f"--python_out={folder}", "lysoen/wire/wire.proto",
                        "lysoen/report/edit.proto"], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("lysoen.wire.wire_pb2"), importlib.import_module("lysoen.report.edit_pb2")
        finally:
            sys.path.remove(folder)


wire, edits = load_messages()
MESSAGES = {HELLO: wire.Hello, WANT: wire.Want, BATCH: wire.Batch, RECEIPT: wire.Receipt, FRONTIER: wire.Frontier,
            ROSTER: wire.RosterUpdate, WELCOME: wire.Welcome, REQUESTS: wire.JoinRequests, KEY: wire.ExchangeKey,
            VERDICT: wire.Verdict, POINTS: wire.MailboxPoints, ITEMS: wire.MailboxItems, END: wire.End}


class NoAnswer(Exception):
    """No relay answered: nothing changes but when to try again."""


class Spoiled(Exception):
    """Bytes that were changed on the way, or that are not for this key."""


def hash8(data):
    return int.from_bytes(data[:8], "big")


# -- Frames -----------------------------------------------------------------------------------------------------------
def masked(header_key, number, head):
    """Length and type, and their check, as they travel; the same call takes the mask off."""
    mask = hmac256(header_key, b"mask" + u(number, 4))
    return bytes(one ^ other for one, other in zip(head, mask))


def check_of(header_key, number, head):
    return hmac256(header_key, b"check" + u(number, 4) + head)[:4]


def transport_size(size):
    if size <= 4096:
        return max(256, 1 << (size - 1).bit_length())
    e = int(math.log2(size))
    step = 1 << (e - (int(math.log2(e)) + 1))
    return -(-size // step) * step


FRAME = 8 + 16  # what a frame has beside its body


def pad_bodies(size):
    """Sizes of the Pad bodies that bring `size` bytes, End included, to a transport size."""
    if size == transport_size(size):
        return []
    whole = transport_size(size + FRAME)
    left, bodies = whole - size, []
    while left > FRAME + BODY_MAX:
        body = min(BODY_MAX, left - 2 * FRAME)
        bodies.append(body)
        left -= FRAME + body
    return bodies + [left - FRAME]


class Request:
    """Frames sealed one after another to a relay's key."""

    def __init__(self, relay, key):
        self.key = key
        info = b"lysoen/1 exchange\0" + SUITE + relay.identity + key
        self.encapsulation, self.context = hpke.sender(key, info)
        gate = hmac256(relay.gate, b"lysoen/1 gate\0" + self.encapsulation)[:8]
        self.header_key = self.context.export(b"lysoen/1 request header", 32)
        self.bytes, self.count, self.ends = gate + self.encapsulation, 0, []

    def bound(self, relay):
        """What the signatures of Hello and JoinPost begin with."""
        return SUITE + relay.identity + self.key + self.encapsulation

    def add(self, kind, body):
        demand(len(body) <= BODY_MAX, "form", "frame")
        sealed = self.context.seal(self.count, bytes([kind]), body)
        head = u(len(sealed), 3) + bytes([kind])
        self.bytes += masked(self.header_key, self.count, head) + check_of(self.header_key, self.count, head) + sealed
        self.count += 1
        self.ends.append(len(self.bytes))

    def end(self, more=False):
        body = wire.End(more=more).SerializeToString()
        for size in pad_bodies(len(self.bytes) + FRAME + len(body)):
            self.add(PAD, bytes(size))
        self.add(END | FINAL, body)
        return self.bytes


def answer_frames(request, answer):
    """(frames that came whole, whether it ended) of an answer, or Spoiled."""
    if len(answer) < 32:
        return [], False
    exported = request.context.export(b"lysoen/1 answer", 32)
    prk = hmac256(request.encapsulation + answer[:32], exported)
    cipher = ChaCha20Poly1305(expand(prk, b"lysoen/1 answer key", 32))
    header_key = expand(prk, b"lysoen/1 answer header", 32)
    frames, at = [], 32
    while len(answer) - at >= 8:
        number = len(frames)
        head, check = masked(header_key, number, answer[at : at + 4]), answer[at + 4 : at + 8]
        length, kind = int.from_bytes(head[:3], "big"), head[3]
        if check != check_of(header_key, number, head) or length > BODY_MAX + 16 or (kind & FINAL and kind != END | FINAL):
            raise Spoiled("header of a frame")
        if len(answer) - at - 8 < length:
            break
        try:
            body = cipher.decrypt(bytes(4) + u(number, 8), answer[at + 8 : at + 8 + length], bytes([kind]))
        except InvalidTag:
            raise Spoiled("body of a frame") from None
        at += 8 + length
        frames.append((kind & ~FINAL, body))
        if kind & FINAL:
            if at != len(answer):
                raise Spoiled("something follows the final frame")
            return frames, True
    return frames, False


class Answer:
    """The messages of an answer by type, those that came whole, in their order."""

    def __init__(self, request, data):
        frames, self.ended = answer_frames(request, data)
        self.size, self.messages = len(data), {}
        for kind, body in frames:
            if kind in MESSAGES:
                self.messages.setdefault(kind, []).append(MESSAGES[kind].FromString(body))
        demand(not self.ended or len(data) == transport_size(len(data)), "form", "size of the answer")
        ends = self.of(END)
        self.more = not self.ended or ends[0].more

    def of(self, kind):
        return self.messages.get(kind, [])

    def verdicts(self):
        """'object: code' of each."""
        return [f"{OBJECTS[verdict.object]}: {CODES[verdict.code]}" for verdict in self.of(VERDICT)]

    def verdict(self, words):
        return next((one for one, said in zip(self.of(VERDICT), self.verdicts()) if said == words), None)

    def whole_parts(self, kind):
        """What came in parts and is complete, each as (first part, bytes)."""
        found, parts = [], []
        for part in self.of(kind):
            if part.offset == 0:
                parts = []
            demand(part.offset == sum(len(one.part) for one in parts) and len(part.part) <= PART_MAX, "form", "order of parts")
            parts.append(part)
            if part.offset + len(part.part) == part.total:
                found.append((parts[0], b"".join(one.part for one in parts)))
        return found


# -- Batches, shortened -----------------------------------------------------------------------------------------------
def shortened(author, first, last):
    """The batch first..last of a feed that this device writes: without what the relay can compute."""
    batch = wire.Batch(first_seq=first, signature=author.signature_of(last))
    batch.feed.audience, batch.feed.incarnation = author.audience, author.incarnation
    if first > 1:
        batch.prev = author.hash_at(first - 1)
    for kind, ciphertext in author.entries[first - 1 : last]:
        batch.entries.add(kind=0 if kind == 2 else kind, ciphertext=ciphertext)
    signed = author.signed_seq(last)
    if signed != last:
        batch.signed_seq, batch.signed_head = signed, author.hash_at(signed)
    left, right = author.proof(first, last)
    batch.left, batch.right = b"".join(left), b"".join(right)
    return batch


def restored(batch, hello_device):
    """The same as feed.md lays it out, verified."""
    device, audience = batch.feed.device or hello_device, batch.feed.audience
    feed = feed_id(device, audience, batch.feed.incarnation)
    prev = batch.prev or feed
    entries, chain = b"", prev
    for number, entry in enumerate(batch.entries):
        kind, whole = entry.kind or 2, not entry.reason
        length = len(entry.ciphertext) if whole else entry.length
        content = sha256(entry.ciphertext) if whole else entry.ciphertext_hash
        entries += u(kind, 1) + u(entry.reason, 1) + u(length, 4)
        entries += entry.ciphertext if whole else content + u(len(entry.warrant), 2) + entry.warrant
        fields = u(batch.first_seq + number, 8) + chain + u(kind, 1) + u(length, 4) + content
        chain = labelled_hash("lysoen/1 entry", feed + fields)
    signed = batch.signed_seq or batch.first_seq + len(batch.entries) - 1
    sides = b"".join(u(len(side) // 32, 1) + side for side in (batch.left, batch.right))
    return Batch(b"\0\1" + device + audience + u(batch.feed.incarnation, 4) + u(batch.first_seq, 8) + prev
                 + u(len(batch.entries), 2) + entries + u(signed, 8) + (batch.signed_head or chain) + batch.signature + sides)


def exchange_key(relay, certified):
    """The public key that the relay certifies; its times are for the relay."""
    take = Take(certified)
    demand(take.number(1) == 1, "version")
    key, _, _, _ = take.raw(32), take.number(8), take.number(8), take.number(8)
    said = certified[: take.at]
    demand(signature_holds(relay.identity, "lysoen/1 exchange key", said, take.raw(64)), "signature", "exchange key")
    take.end()
    return key


# -- HTTP -------------------------------------------------------------------------------------------------------------
class Cut:
    """Where the way breaks: after `up` bytes of the request's body or `down` bytes of the answer's, by a lost connection;
    `shorten` bytes of the request reach the relay as if they were all."""

    def __init__(self, up=None, down=None, shorten=None):
        self.up, self.down, self.shorten = up, down, shorten


def post(url, body, cut=None):
    """The body of the answer, or what of it came."""
    cut = cut or Cut()
    place = urllib.parse.urlsplit(url)
    body = body[: cut.shorten] if cut.shorten is not None else body
    head = (f"POST {place.path or '/'} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/octet-stream\r\n"
            f"Cache-Control: no-store, no-transform\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
    try:
        with socket.create_connection((place.hostname, place.port), timeout=20) as end:
            end.sendall(head + (body if cut.up is None else body[: cut.up]))
            if cut.up is not None:
                raise NoAnswer("the connection was lost in the request")
            return read_answer(end, cut.down)
    except OSError as error:
        raise NoAnswer(str(error)) from None


def read_answer(end, at_most):
    data = b""
    while b"\r\n\r\n" not in data:
        more = end.recv(4096)
        if not more:
            raise NoAnswer("no answer")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.[01] 200 ", head):
        raise NoAnswer(head.split(b"\r\n")[0].decode("ascii", "replace"))
    size = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
    wanted = size if at_most is None else min(at_most, size)
    while len(body) < wanted and (more := end.recv(65536)):
        body += more
    return body[:wanted]
