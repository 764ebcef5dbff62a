"""Reads and writes bundles a second time, from docs/formats/bundle.md, attachment.md and team.md alone."""
import hmac
import os

import hpke
import nacl.bindings
import nacl.exceptions
from feed import Refused, Take, demand, expand, hmac256, range_root, sha256, signature_holds, u, unpad

PART = 65536
TAG = 16
PIECE = PART - 3  # bytes of records in a piece
CHUNK = 16384


def carrier_key(roster_key):
    return expand(roster_key, b"lysoen/1 carrier", 32)


def open_roster(roster_key, team, record):
    """The roster of a record: version 8, head hash 32, sealed roster."""
    demand(record[40] == 0, "version")
    context = b"lysoen/1 sealed roster\0" + record[40:41] + team + record[:40]
    try:
        padded = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            record[65:], context, record[41:65], expand(roster_key, b"lysoen/1 sealed roster", 32))
    except nacl.exceptions.CryptoError:
        raise Refused("open", "roster") from None
    return unpad(padded)


def file_step(content):
    """The size of a file with this much content before the zeros."""
    size = 64 + content + TAG * -(-content // PART)
    while True:
        if size <= 4096:
            size = max(256, 1 << (size - 1).bit_length())
        else:
            e = size.bit_length() - 1
            step = 1 << (e - e.bit_length())
            size = -(-size // step) * step
        if (size - 64) % (PART + TAG) not in range(1, TAG + 1):
            return size
        size += 1


def keys_of(carrier_key, salt):
    """(commitment, key of the parts)"""
    derived = hmac256(salt, carrier_key)
    return expand(derived, b"lysoen/1 bundle commitment", 32), expand(derived, b"lysoen/1 bundle parts", 32)


def part_nonce(index, last):
    return u(index, 8) + u(last, 1) + bytes(15)


def open_parts(carrier_keys, data):
    """The content, or Refused if a byte of it is not as it was written."""
    demand(len(data) > 64, "form", "cut")
    for key in carrier_keys:
        commitment, part_key = keys_of(key, data[:32])
        if hmac.compare_digest(commitment, data[32:64]):
            return open_sealed(part_key, data[64:])
    raise Refused("open", "damaged, or another team's")


def open_sealed(part_key, sealed):
    content = b""
    for index, at in enumerate(range(0, len(sealed), PART + TAG)):
        part = sealed[at : at + PART + TAG]
        nonce = part_nonce(index, at + len(part) == len(sealed))
        try:
            content += nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(part, b"", nonce, part_key)
        except nacl.exceptions.CryptoError:
            raise Refused("damaged", f"part {index}") from None
    return content


def pieces(records):
    """The records with the heads of their pieces: (bytes, where in them each record begins)."""
    whole, starts = b"".join(records), []
    for record in records:
        starts.append(starts[-1] + len(before) if starts else 0)
        before = record
    content = b""
    for at in range(0, len(whole), PIECE):
        first = next((start - at + 3 for start in starts if at <= start < at + PIECE), 0)
        content += b"\0" + u(first, 2) + whole[at : at + PIECE]
    return content


def records(content):
    """(type, body) of each record; the heads of the pieces, the end and the zeros behind it are checked."""
    whole = b""
    for at in range(0, len(content), PART):
        demand(content[at] == 0, "version")
        whole += content[at + 3 : at + PART]
    take, found, written = Take(whole), [], []
    while True:
        start = take.at
        kind = take.number(1)
        body = take.raw(take.number(4)) if kind else b""
        written.append(whole[start : take.at])
        if not kind:
            break
        found.append((kind, body))
    used = pieces(written)
    demand(content.startswith(used) and not any(content[len(used) :]), "form", "heads of pieces, or bytes behind the end")
    demand(len(content) + 64 + TAG * -(-len(content) // PART) == file_step(len(used)), "form", "size of the file")
    return found


def write(carrier_key, found):
    """A bundle of these records."""
    salt = os.urandom(32)
    commitment, part_key = keys_of(carrier_key, salt)
    return salt + commitment + seal(part_key, found)


def seal(part_key, found):
    content = pieces([u(kind, 1) + u(len(body), 4) + body for kind, body in found] + [b"\0"])
    sealed_size = file_step(len(content)) - 64
    content += bytes(sealed_size - TAG * -(-sealed_size // (PART + TAG)) - len(content))
    data = b""
    for index, at in enumerate(range(0, len(content), PART)):
        piece, last = content[at : at + PART], at + PART >= len(content)
        data += nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(piece, b"", part_nonce(index, last), part_key)
    return data


# -- For a relay ------------------------------------------------------------------------------------------------------
class Relay:
    """What a bundle is sealed to: the relay's identity and its fallback key."""

    def __init__(self, identity, fallback):
        self.identity, self.fallback = identity, fallback

    def info(self):
        return b"lysoen/1 relay bundle\0\1" + self.identity + self.fallback

    def keys(self, context):
        return context.export(b"lysoen/1 bundle commitment", 32), context.export(b"lysoen/1 bundle parts", 32)

    def said(self, encapsulation, team, device):
        """What its writer signs."""
        return b"\1" + self.identity + self.fallback + encapsulation + team + device

    def open(self, secret, data):
        """(team, device that wrote it, the other records)"""
        demand(len(data) > 64, "form", "cut")
        encapsulation = data[:31] + u(data[31] & 127, 1)
        commitment, part_key = self.keys(hpke.receiver(secret, encapsulation, self.info()))
        demand(hmac.compare_digest(commitment, data[32:64]), "open", "damaged, or for another relay")
        (kind, writer), *found = records(open_sealed(part_key, data[64:]))
        demand(kind == 5 and len(writer) == 128, "form", "its writer")
        team, device, signature = writer[:32], writer[32:64], writer[64:]
        holds = signature_holds(device, "lysoen/1 relay bundle", self.said(encapsulation, team, device), signature)
        demand(holds, "signature", "its writer")
        return team, device, found

    def write(self, team, device, sign, found):
        """`sign(label, message)` by the device."""
        encapsulation, context = hpke.sender(self.fallback, self.info())
        commitment, part_key = self.keys(context)
        writer = team + device + sign("lysoen/1 relay bundle", self.said(encapsulation, team, device))
        first = encapsulation[:31] + u(encapsulation[31] | os.urandom(1)[0] & 128, 1)
        return first + commitment + seal(part_key, [(5, writer), *found])


# -- Batches ----------------------------------------------------------------------------------------------------------
def varint(take):
    value = shift = 0
    while (byte := take.number(1)) & 128:
        value |= (byte & 127) << shift
        shift += 7
        demand(shift < 64, "form", "varint")
    return value | byte << shift


def message(data):
    """Field number -> values of a protobuf message of varints and bytes."""
    take, fields = Take(data), {}
    while take.at < len(data):
        tag = varint(take)
        demand(tag & 7 in (0, 2), "form", "wire type")
        fields.setdefault(tag >> 3, []).append(varint(take) if tag & 7 == 0 else take.raw(varint(take)))
    return fields


def layout(wire):
    """A batch as bundles hold it, in the layout of feed.md; what is left out there is put back."""
    batch = message(wire)

    def one(fields, number, otherwise):
        return fields.get(number, [otherwise])[-1]

    def entry(data):
        fields = message(data)
        head = u(one(fields, 1, 2), 1) + u(one(fields, 5, 0), 1)
        if 5 not in fields:
            demand(set(fields) <= {1, 4}, "form", "a whole entry says what follows from its ciphertext")
            ciphertext = one(fields, 4, b"")
            return head + u(len(ciphertext), 4) + ciphertext
        warrant = one(fields, 6, b"")
        return head + u(one(fields, 2, 0), 4) + one(fields, 3, b"") + u(len(warrant), 2) + warrant

    def side(number):
        return u(len(one(batch, number, b"")) // 32, 1) + one(batch, number, b"")

    feed, first, entries = message(one(batch, 1, b"")), one(batch, 2, 0), batch[4]
    device, audience, incarnation = feed[1][0], feed[2][0], one(feed, 3, 0)
    return (b"\0\1" + device + audience + u(incarnation, 4) + u(first, 8) + one(batch, 3, b"") + u(len(entries), 2)
            + b"".join(map(entry, entries)) + u(one(batch, 5, first + len(entries) - 1), 8) + one(batch, 6, b"")
            + one(batch, 7, b"") + side(8) + side(9))


# -- Attachments ------------------------------------------------------------------------------------------------------
def hashes(data):
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def run_of(body):
    """(blob id, size, first, leaf hashes) of a run that proves its place."""
    run = message(body)
    name = message(run[1][0])
    blob, size, first, leaves = name[1][0], name[2][0], run.get(2, [0])[0], hashes(run[3][0])
    count = -(-size // CHUNK)
    demand(len(leaves) <= 64 and first + len(leaves) <= count, "form", "run")
    left, right = (hashes(run.get(number, [b""])[0]) for number in (4, 5))
    demand(range_root(leaves, first, count, left, right) == blob, "proof", "run")
    return blob, size, first, leaves


def attachments(found):
    """{(blob id, size): {index: chunk}} of the records; each chunk is the one that its run announced."""
    blobs, due = {}, []
    for kind, body in found:
        if kind == 3:
            demand(not due, "form", "a run without all of its chunks")
            blob, size, first, leaves = run_of(body)
            due = [(blobs.setdefault((blob, size), {}), first + i, leaf, min(CHUNK, size - CHUNK * (first + i))) for i, leaf in enumerate(leaves)]
        if kind == 4:
            into, index, leaf, length = due.pop(0)
            demand(len(body) == length and sha256(b"\0" + body) == leaf, "proof", "chunk")
            into[index] = body
    demand(not due, "form", "a run without all of its chunks")
    return blobs


def read(carrier_keys, data):
    """(sealed rosters, batches in the layout of feed.md) of a bundle."""
    found = records(open_parts(carrier_keys, data))
    return [body for kind, body in found if kind == 1], [layout(body) for kind, body in found if kind == 2]
