"""A device of a team a second time, from docs/protocol/exchange.md and docs/formats alone: joins through a relay, writes
reports, sends, fetches, acknowledges, and goes on after any cut. What must survive is `kept`: a device made again from it
is the same device after a kill. Attachments are not known yet: their frames would be taken in `take` and sent in `exchange`.

Needs python3-cryptography, python3-nacl, python3-protobuf and protoc."""
import dataclasses
import os
import time

import nacl.bindings

import exchange as wire_format
import hpke
import team
from author import Author
from bundle import open_roster
from exchange import (BATCH, FRONTIER, HELLO, ITEMS, JOIN, KEY, POINTS, RECEIPT, ROSTER, VERDICT, WANT, WELCOME, Answer, NoAnswer,
                      Request, Spoiled, edits, hash8, wire)
from feed import (Refused, Take, check_payload, demand, edit_id, expand, feed_id, labelled_hash, open_entry, sha256,
                  signature_holds, stream_chain, take_ranges, u)

WINDOW = 64 << 10
BATCH_BYTES = 8 << 10
EMPTY_RANGES = bytes(2)


class StoreWentBack(Exception):
    """The relay holds more of an own feed than this device, or something else: it must write no further."""


@dataclasses.dataclass
class Cursor:
    mailbox: bytes
    epoch: int = 0
    counter: int = 0
    running: bytes = bytes(32)

    def point(self):
        return self.mailbox + u(self.epoch, 4) + u(self.counter, 8) + self.running


class Held:
    """A feed of another device, as far as it came without a hole."""

    def __init__(self, device, audience, incarnation):
        self.device, self.audience, self.incarnation = device, audience, incarnation
        self.feed = feed_id(device, audience, incarnation)
        self.hashes, self.missing, self.payloads = [], set(), {}
        self.chain = None  # (epoch, key of the next entry) of the stream that is open

    @property
    def last_seq(self):
        return len(self.hashes)

    def hash_at(self, seq):
        return self.hashes[seq - 1] if seq else self.feed

    def merge(self, batch, open_next):
        """Takes what is new. False if entries before it are missing."""
        if batch.first_seq > self.last_seq + 1:
            return False
        demand(batch.prev == self.hash_at(batch.first_seq - 1), "other", "fork")
        for seq in range(batch.first_seq, batch.last_seq + 1):
            if seq <= self.last_seq:
                demand(batch.hash_at(seq) == self.hash_at(seq), "other", "fork")
                continue
            self.hashes.append(batch.hash_at(seq))
            if batch.entry(seq).ciphertext is None:
                self.missing.add(seq)
            open_next(self, batch, seq)
        return True


@dataclasses.dataclass
class Kept:
    """All that a device must find again after a kill."""
    seed: bytes
    inbox_secret: bytes
    counter: int = 0
    request: bytes = b""
    roster: object = None
    roster_keys: list = dataclasses.field(default_factory=list)
    epochs: dict = dataclasses.field(default_factory=dict)
    authors: dict = dataclasses.field(default_factory=dict)    # by audience
    confirmed: dict = dataclasses.field(default_factory=dict)  # feed -> seq, by receipts
    receipts: dict = dataclasses.field(default_factory=dict)   # feed -> the newest
    cursors: dict = dataclasses.field(default_factory=dict)
    held: dict = dataclasses.field(default_factory=dict)
    opened: dict = dataclasses.field(default_factory=dict)     # own feed -> (seq, ranges) as a coordinator acknowledged
    exchange_key: bytes = b""
    log: tuple = (0, bytes(32))


class Device:
    def __init__(self, kept=None):
        self.kept = kept or Kept(os.urandom(32), os.urandom(32))
        self.id, self.signing = nacl.bindings.crypto_sign_seed_keypair(self.kept.seed)
        self.inbox_secret, self.inbox = self.kept.inbox_secret, hpke.public_key(self.kept.inbox_secret)
        self.unsure = True        # whether the relay may hold more than it confirmed
        self.fallback_next = False
        self.sent = self.got = 0  # bytes of requests and answers
        self.entries_sent = self.entries_new = self.entries_again = 0
        self.wanted = {}          # feeds with a hole before what came: feed key -> first missing seq

    def sign(self, label, message):
        return team.sign(self.signing, label, message)

    # -- Joining --------------------------------------------------------------------------------------------------
    def ask_to_join(self, invite, url):
        """One JoinPost: what the relay says of it, or "joined"."""
        posted = not self.kept.request
        if posted:
            self.kept.request = invite.request(self, int(time.time() * 1000))
        relay = invite.relays[0]
        request = Request(relay, relay.fallback)
        body = self.kept.request
        message = wire.JoinPost(team=invite.team, invite_key=invite.id, version_min=0, version_max=0, request=body)
        said = request.bound(relay) + invite.team + invite.id + u(0, 1) + u(0, 1) + sha256(body)
        message.signature = invite.sign("lysoen/1 join post", said)
        request.add(JOIN, message.SerializeToString())
        answer = Answer(request, wire_format.post(url, request.end()))
        welcomes = answer.whole_parts(WELCOME)
        if not welcomes:
            return answer.verdicts()
        welcome = team.Welcome(welcomes[0][1], invite, team.request_id(self.kept.request), self)
        self.kept.roster, self.kept.roster_keys, self.kept.epochs = welcome.roster, welcome.roster_keys, welcome.epochs
        return ["joined"]

    # -- The team -------------------------------------------------------------------------------------------------
    @property
    def head(self):
        return self.kept.roster.head

    @property
    def team(self):
        return self.head.team

    @property
    def relay(self):
        return self.head.relays[0]

    @property
    def role(self):
        return self.kept.roster.role(self.id)

    def audience(self, kind, subject=bytes(32)):
        return team.audience(self.team, kind, subject)

    def mailboxes(self):
        own = [self.audience(team.INBOX, self.id), self.audience(team.ALL)]
        return own + ([self.audience(team.TEAM)] if self.role & team.READERS else [])

    def epoch_secrets(self, audience):
        """(epoch, private key) that may open streams of an audience, newest first."""
        if audience == self.audience(team.INBOX, self.id):
            return [(team.INBOX_EPOCH, self.inbox_secret)]
        return sorted(((epoch, secret) for (name, epoch), secret in self.kept.epochs.items() if name == audience), reverse=True)

    # -- Writing --------------------------------------------------------------------------------------------------
    def author(self, audience):
        return self.kept.authors.setdefault(audience, Author(self.kept.seed, self.team, audience))

    def newest(self):
        """What a stream entry says of the relay: nothing."""
        return bytes(148)

    def write_reports(self, form, version, titles):
        """Creating edits, sealed for the team in one save. Their report ids."""
        payloads, ids = [], []
        for title in titles:
            edit = edits.Edit(claimed_ms=int(time.time() * 1000), monotonic_ms=1, roster_version=self.head.version)
            edit.create.form, edit.create.version = form, version
            edit.groups.add().sets.add(path="title", text=title)
            payloads.append(b"\1" + os.urandom(16) + edit.SerializeToString())
            ids.append(edit_id(self.id, payloads[-1]))
        audience = self.audience(team.TEAM)
        self.author(audience).save(payloads, *self.head.audiences[audience])
        return ids

    def acknowledge(self):
        """Tells each author how far everything of it was opened here."""
        for device in {held.device for held in self.kept.held.values() if held.audience == self.audience(team.TEAM)}:
            feeds = sorted((held.feed, held) for held in self.kept.held.values()
                           if held.device == device and held.audience == self.audience(team.TEAM))
            payload = b"\2" + u(len(feeds), 2)
            for feed, held in feeds:
                demand(not held.missing, "other", "a gap")
                payload += feed + u(held.last_seq, 8) + held.hash_at(held.last_seq) + EMPTY_RANGES
            check_payload(payload)
            self.author(self.audience(team.INBOX, device)).save([payload], team.INBOX_EPOCH, self.kept.roster.leaves[device].inbox)

    # -- One exchange ---------------------------------------------------------------------------------------------
    def pending(self):
        """Runs (author, first, last) that no receipt covers."""
        return [(author, *run) for author in self.kept.authors.values()
                for run in author.runs(self.kept.confirmed.get(author.feed, 0) + 1, BATCH_BYTES)]

    def hello(self, request, counter):
        confirmed = sorted((feed, seq) for feed, seq in self.kept.confirmed.items() if seq)
        agreed = labelled_hash("lysoen/1 heads", b"".join(feed + u(seq, 8) for feed, seq in confirmed))
        size, root = self.kept.log
        message = wire.Hello(team=self.team, device=self.id, counter=counter, roster_version=self.head.version,
                             roster_hash8=hash8(self.head.hash), heads_hash8=hash8(agreed), heads_count=len(confirmed),
                             log_size=size, log_root8=hash8(root))
        for author in self.kept.authors.values():
            if author.last_seq > self.kept.confirmed.get(author.feed, 0) and len(message.heads) < 16:
                head = author.hash_at(author.last_seq)
                message.heads.add(feed8=hash8(author.feed), seq=author.last_seq, hash8=hash8(head))
        said = request.bound(self.relay) + self.team + self.id + u(counter, 8) + u(0, 1) + u(0, 1)
        message.signature = self.sign("lysoen/1 hello", said)
        return message.SerializeToString()

    def want(self, answer_max, wait_ms):
        message = wire.Want(answer_max=answer_max, wait_ms=wait_ms)
        for mailbox in self.mailboxes():
            cursor = self.kept.cursors.setdefault(mailbox, Cursor(mailbox))
            message.mailboxes.add(mailbox8=hash8(mailbox), store_epoch=cursor.epoch, counter=cursor.counter,
                                  running8=hash8(cursor.running))
        for (device, audience, incarnation), first in self.wanted.items():
            ask = message.feeds.add(first_seq=first)
            ask.feed.device, ask.feed.audience, ask.feed.incarnation = device, audience, incarnation
        return message.SerializeToString()

    def request(self, runs=(), answer_max=0, wait_ms=0, counter=None):
        """Sealed, with its counter used up."""
        self.kept.counter += 1
        key = self.relay.fallback if self.fallback_next or not self.kept.exchange_key else self.kept.exchange_key
        request = Request(self.relay, key)
        request.add(HELLO, self.hello(request, counter or self.kept.counter))
        request.add(WANT, self.want(answer_max, wait_ms))
        for author, first, last in runs:
            request.add(BATCH, wire_format.shortened(author, first, last).SerializeToString())
            self.entries_sent += last - first + 1
        request.end()
        return request

    def exchange(self, url, runs=(), cut=None, spoil=None, **wanted):
        """Sends, takes what came whole, and answers with it. NoAnswer or Spoiled: nothing has changed."""
        request = self.request(runs, **wanted)
        self.unsure, before = True, self.fallback_next
        self.sent += len(request.bytes)
        try:
            data = wire_format.post(url, request.bytes, cut(request) if cut else None)
            answer = Answer(request, spoil(data) if spoil else data)
        except (NoAnswer, Spoiled):
            self.fallback_next = not before
            raise
        self.got += answer.size
        self.fallback_next = False
        self.take(answer)
        self.unsure = not answer.ended
        return answer

    def sync(self, url, window=WINDOW, answer_max=0, rounds=200):
        """Exchanges until everything is confirmed and nothing is left to fetch."""
        for _ in range(rounds):
            runs, size = [], 0
            for run in [] if self.unsure else self.pending():  # first it asks what came of what was cut
                size += sum(len(ciphertext) for _, ciphertext in run[0].entries[run[1] - 1 : run[2]])
                if runs and size > window:
                    break
                runs.append(run)
            answer = self.exchange(url, runs, answer_max=answer_max)
            if not answer.more and not self.pending() and not self.wanted:
                return answer
        raise AssertionError("a sync that does not end")

    # -- What an answer brings --------------------------------------------------------------------------------------
    def take(self, answer):
        for message in answer.of(KEY):
            self.kept.exchange_key = wire_format.exchange_key(self.relay, message.certified)
        for first, sealed in answer.whole_parts(ROSTER):
            self.take_roster(first.version, first.hash, sealed)
        for message in answer.of(RECEIPT):
            self.take_receipt(message.receipt)
        for message in answer.of(FRONTIER):
            self.take_frontier(message)
        for message in answer.of(BATCH):
            self.take_batch(wire_format.restored(message, self.id))
        self.take_items(answer)

    def take_roster(self, version, hash_, sealed):
        plain = open_roster(self.kept.roster_keys[0], self.team, u(version, 8) + hash_ + sealed)
        found = team.Roster.whole(plain)
        demand((found.head.version, found.head.hash) == (version, hash_), "other", "another roster than announced")
        self.kept.roster = self.kept.roster.takes(found)

    def own(self, feed):
        return next((author for author in self.kept.authors.values() if author.feed == feed), None)

    def take_receipt(self, receipt):
        take = Take(receipt)
        demand(take.number(1) == 1 and take.raw(32) == self.team, "other", "receipt of another team")
        feed = feed_id(take.raw(32), take.raw(32), take.number(4))
        seq, hash_, _, point = take.number(8), take.raw(32), take.number(8), take.raw(76)
        missing = take_ranges(take, seq)
        leaf, size, root = take.number(8), take.number(8), take.raw(32)
        demand(leaf < size and int.from_bytes(point[36:44], "big") >= 1, "form", "receipt")
        said = receipt[: take.at]
        demand(signature_holds(self.relay.identity, "lysoen/1 receipt", said, take.raw(64)), "signature", "receipt")
        take.end()
        author = self.own(feed)
        demand(author, "other", "receipt of a feed that is not ours")
        if seq > author.last_seq or author.hash_at(seq) != hash_:
            raise StoreWentBack
        demand(not missing, "other", "whole entries are not held")
        demand(point[:32] == author.audience, "other", "point of another mailbox")
        self.kept.confirmed[feed] = max(seq, self.kept.confirmed.get(feed, 0))
        self.kept.receipts[feed] = receipt
        self.kept.log = max(self.kept.log, (size, root))

    def take_frontier(self, message):
        self.kept.counter = max(self.kept.counter, message.highest_counter)
        heads = {feed_id(head.feed.device or self.id, head.feed.audience, head.feed.incarnation): head for head in message.heads}
        for feed, head in heads.items():
            author = self.own(feed)
            if not author or head.seq > author.last_seq or (head.seq and author.hash_at(head.seq) != head.hash):
                raise StoreWentBack
            if head.seq < self.kept.confirmed.get(feed, 0):
                self.kept.confirmed[feed] = head.seq  # lost at the relay: sent again

    def take_batch(self, batch):
        key = batch.device, batch.audience, batch.incarnation
        held = self.kept.held.setdefault(batch.feed, Held(*key))
        before = held.last_seq
        if not held.merge(batch, self.open_next):
            self.wanted[key] = held.last_seq + 1
            return
        self.entries_new += held.last_seq - before
        self.entries_again += len(batch.entries) - (held.last_seq - before)
        self.wanted.pop(key, None)

    def open_next(self, held, batch, seq):
        """Opens an entry in its turn, if this device reads the audience."""
        entry = batch.entry(seq)
        if entry.kind == 1:
            held.chain = None
            for epoch, secret in self.epoch_secrets(held.audience):
                try:
                    held.chain = epoch, stream_chain(secret, self.team, epoch, batch, seq)
                    break
                except Refused:
                    continue
            return
        if not held.chain:
            return
        epoch, chain = held.chain
        if entry.ciphertext is not None:
            payload = open_entry(expand(chain, b"lysoen/1 msg", 32), self.team, epoch, batch, seq)
            check_payload(payload)
            held.payloads[seq] = payload
            self.take_payload(held, payload)
        held.chain = epoch, expand(chain, b"lysoen/1 chain", 32)

    def take_payload(self, held, payload):
        if payload[0] != 2 or not self.kept.roster.role(held.device) & team.COORDINATOR:
            return
        take = Take(payload[1:])
        for _ in range(take.number(2)):
            feed, seq, hash_ = take.raw(32), take.number(8), take.raw(32)
            ranges = take_ranges(take, seq)
            author = self.own(feed)
            if author and seq <= author.last_seq and author.hash_at(seq) == hash_:
                self.kept.opened[feed] = seq, ranges

    # -- Mailboxes --------------------------------------------------------------------------------------------------
    def take_items(self, answer):
        """Moves the cursors over items whose entries are here, and compares with the points that the relay signed."""
        damaged = {(feed_id(one.feed.device, one.feed.audience, one.feed.incarnation), seq)
                   for one, said in zip(answer.of(VERDICT), answer.verdicts()) if said == "item: damaged"
                   for seq in range(one.first_seq, one.last_seq + 1)}
        running = {mailbox: {cursor.counter: cursor.running} for mailbox, cursor in self.kept.cursors.items()}
        for message in answer.of(ITEMS):
            cursor = self.kept.cursors[message.mailbox]
            if message.first == 1 and cursor.counter:  # the cursor is not on the relay's chain
                running[message.mailbox] = {0: bytes(32)}
                self.kept.cursors[message.mailbox] = cursor = Cursor(message.mailbox)
            cursor.epoch = message.store_epoch
            known = running[message.mailbox]
            for n, item in enumerate(message.items, message.first):
                if not self.take_item(cursor, known, n, item, message, damaged):
                    break
        for message in answer.of(POINTS):
            self.check_points(message, answer, running)

    def take_item(self, cursor, known, n, item, message, damaged):
        """Whether the cursor could be moved over it."""
        key = message.feeds[item.feed]
        feed = feed_id(key.device, key.audience or message.mailbox, key.incarnation)
        last, missing = item.last_seq or item.first_seq, item.missing or EMPTY_RANGES
        held = self.own(feed) or self.kept.held.get(feed)
        here = held is not None and held.last_seq >= last
        head = item.head or (held.hash_at(last) if here else b"")
        if not head or n - 1 not in known:
            return False
        demand(not here or held.hash_at(last) == head, "other", "an item that contradicts what is held")
        fields = u(n, 8) + feed + u(item.first_seq, 8) + u(last, 8) + head + sha256(missing)
        known[n] = labelled_hash("lysoen/1 mailbox", known[n - 1] + fields)
        if not here and not all((feed, seq) in damaged for seq in range(item.first_seq, last + 1)):
            return False
        if cursor.counter == n - 1:
            cursor.counter, cursor.running = n, known[n]
        return True

    def check_points(self, message, answer, running):
        """The signature covers all mailboxes asked for; those that did not change stand as they were asked."""
        refused = {one.hash8 for one, said in zip(answer.of(VERDICT), answer.verdicts()) if said.endswith("not allowed")}
        changed, points = {point.mailbox8: point for point in message.changed}, []
        for mailbox in self.mailboxes():
            if hash8(mailbox) in refused:
                continue
            point = changed.get(hash8(mailbox))
            if point:
                counted = running[mailbox].get(point.counter)
                demand(counted in (None, point.running), "other", "a point that contradicts its mailbox")
                points.append(mailbox + u(point.store_epoch, 4) + u(point.counter, 8) + point.running)
                cursor = self.kept.cursors[mailbox]
                if (cursor.counter, cursor.running) == (point.counter, point.running):
                    cursor.epoch = point.store_epoch  # of an empty mailbox, no item told it
            else:
                points.append(self.kept.cursors[mailbox].point())
        said = wire_format.SUITE + self.team + u(len(points), 2) + b"".join(points)
        demand(signature_holds(self.relay.identity, "lysoen/1 mailbox points", said, message.signature), "signature", "points")
