"""Writes feeds a second time, from docs/formats/feed.md alone: seals payloads, signs blocks, proves runs.

Needs python3-cryptography and python3-nacl."""
import os

import nacl.bindings

import hpke
from feed import BLOCK, expand, feed_id, hmac256, labelled_hash, padded_size, sha256, u, xchacha20

STREAM, SEALED = 1, 2
STREAM_ENTRIES = 256


class Author:
    """One feed as its device writes it. Everything that must not be lost is in here."""

    def __init__(self, seed, team, audience, incarnation=1):
        self.device, self.signing = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.team, self.audience, self.incarnation = team, audience, incarnation
        self.feed = feed_id(self.device, audience, incarnation)
        self.entries, self.hashes, self.signatures = [], [], {}
        self.chain, self.stream_at, self.epoch = None, 0, 0

    @property
    def last_seq(self):
        return len(self.entries)

    def hash_at(self, seq):
        return self.hashes[seq - 1] if seq else self.feed

    # -- Writing --------------------------------------------------------------------------------------------------
    def save(self, payloads, epoch, epoch_key, newest=bytes(148)):
        """Seals payloads as the next entries and signs at the last. `newest`: what was last heard of a relay."""
        first = self.last_seq + 1
        for payload in payloads:
            if self.chain is None or epoch != self.epoch or self.last_seq - self.stream_at >= STREAM_ENTRIES:
                self.begin_stream(epoch, epoch_key, newest)
            key, self.chain = expand(self.chain, b"lysoen/1 msg", 32), expand(self.chain, b"lysoen/1 chain", 32)
            self.append(SEALED, self.seal(key, b"\0" + payload))
        for seq in range(first, self.last_seq + 1):
            if seq % BLOCK == 0 or seq == self.last_seq:
                self.sign(seq)

    def append(self, kind, ciphertext):
        seq = self.last_seq + 1
        fields = u(seq, 8) + self.hash_at(seq - 1) + u(kind, 1) + u(len(ciphertext), 4) + sha256(ciphertext)
        self.entries.append((kind, ciphertext))
        self.hashes.append(labelled_hash("lysoen/1 entry", self.feed + fields))

    def begin_stream(self, epoch, epoch_key, newest):
        self.chain, self.stream_at, self.epoch = os.urandom(32), self.last_seq + 1, epoch
        commitment = labelled_hash("lysoen/1 stream commitment", self.chain)
        info = (b"lysoen/1 stream\0\1" + self.team + self.audience + u(epoch, 4) + epoch_key + self.feed + self.device
                + u(self.stream_at, 8) + commitment)
        encapsulation, context = hpke.sender(epoch_key, info)
        self.append(STREAM, encapsulation + commitment + context.seal(0, b"", self.chain + newest))

    def seal(self, key, body):
        padded = body + b"\x80"
        padded += bytes(padded_size(len(body)) - len(padded))
        keys = expand(key, b"lysoen/1 entry keys\0\1", 64)
        header = (b"\1" + self.team + self.audience + u(self.epoch, 4) + self.feed + u(self.last_seq + 1, 8)
                  + self.hash_at(self.last_seq) + u(SEALED, 1) + u(len(padded), 4))
        tag = hmac256(keys[32:], b"lysoen/1 entry\0" + header + padded)
        return tag + xchacha20(keys[:32], tag[:24], padded)

    # -- Blocks ---------------------------------------------------------------------------------------------------
    @staticmethod
    def block_of(seq):
        return (seq - 1) // BLOCK * BLOCK + 1

    def tree(self, first, last):
        """Root over the leaves of first..last."""
        if first == last:
            return sha256(b"\0" + self.hash_at(first))
        half = 1 << ((last - first).bit_length() - 1)
        return sha256(b"\1" + self.tree(first, first + half - 1) + self.tree(first + half, last))

    def sign(self, seq):
        block = self.block_of(seq)
        message = self.feed + u(block, 8) + u(seq, 8) + self.tree(block, seq) + self.hash_at(seq)
        self.signatures = {at: signature for at, signature in self.signatures.items() if self.block_of(at) != block}
        self.signatures[seq] = nacl.bindings.crypto_sign(b"lysoen/1 entries\0" + message, self.signing)[:64]

    def signed_seq(self, seq):
        """Where the signature stands that covers seq."""
        return next(at for at in self.signatures if self.block_of(at) == self.block_of(seq) and at >= seq)

    def signature_of(self, seq):
        return self.signatures[self.signed_seq(seq)]

    def proof(self, first, last):
        """(left, right) of the run first..last in the tree of its signature."""
        left, right = [], []

        def walk(begin, end):
            if end < first or begin > last:
                (left if end < first else right).append(self.tree(begin, end))
            elif begin < first or end > last:
                half = 1 << ((end - begin).bit_length() - 1)
                walk(begin, begin + half - 1)
                walk(begin + half, end)

        walk(self.block_of(first), self.signed_seq(last))
        return left, right

    def runs(self, first, bytes_max):
        """(first, last) of batches from `first` on, inside blocks, of about so many bytes of ciphertext."""
        while first <= self.last_seq:
            last, size = first, len(self.entries[first - 1][1])
            end = min(self.last_seq, self.block_of(first) + BLOCK - 1)
            while last < end and size + len(self.entries[last][1]) <= bytes_max:
                size += len(self.entries[last][1])
                last += 1
            yield first, last
            first = last + 1
