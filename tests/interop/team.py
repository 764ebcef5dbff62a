"""A member's side of a team a second time, from docs/formats/team.md alone: invite, join request, check words, welcome,
rosters, wraps of epochs. It does not judge what a roster may change ("May it follow?", 4).

    team.py vectors FOLDER     invites, join requests, welcomes, wraps and sealed rosters; exit 1 if one does not end as it says

Needs python3-cryptography and python3-nacl.
"""
import base64
import pathlib
import re
import sys

import nacl.bindings
import nacl.exceptions

import hpke
from bundle import open_roster
from feed import Refused, Take, Vector, demand, expand, hmac256, labelled_hash, node, range_root, same, sha256, signature_holds, u, unpad

SUITE = b"\1"
TEAM, ALL, INBOX = 1, 2, 3  # kinds of audiences
INBOX_EPOCH = 1
REPORTER, COORDINATOR, AUDITOR, ADMIN = 1, 2, 4, 8
READERS = COORDINATOR | AUDITOR
WORDS = pathlib.Path(__file__).resolve().parents[2] / "core/team/check_words.cc"


def audience(team, kind, subject=bytes(32)):
    return labelled_hash("lysoen/1 audience", team + u(kind, 1) + subject)


def field(data):
    size, out = len(data), b""
    while size > 127:
        out += u(size & 127 | 128, 1)
        size >>= 7
    return out + u(size, 1) + data


class Fields(Take):
    """The common fields of team.md."""

    def format(self):
        demand(self.number(1) == 0, "version", "made by a newer version")

    def suite(self):
        demand(self.number(1) == 1, "version", "another suite")

    def hashes(self):
        count = self.number(1)
        demand(count <= 63, "form", "path")
        return [self.raw(32) for _ in range(count)]

    def optional(self):
        value = self.field()
        demand(len(value) in (0, 32) and value != bytes(32), "form", "optional hash")
        return value

    def text(self):
        text = self.field()
        demand(len(text) <= 63, "form", "text")
        return text.decode()

    def relay(self):
        identity, fallback, gate, flags = self.raw(32), self.raw(32), self.raw(32), self.number(1)
        return Relay(identity, fallback, gate, flags, [self.field().decode() for _ in range(self.number(1))])


class Relay:
    def __init__(self, identity, fallback, gate, flags, urls):
        demand(flags <= 1 and len(urls) <= 8, "form", "relay")
        self.identity, self.fallback, self.gate, self.durable, self.urls = identity, fallback, gate, bool(flags), urls


# -- Trees ------------------------------------------------------------------------------------------------------------
def tree_root(leaves):
    """RFC 6962 over the bytes of leaves."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(tree_root(leaves[:half]), tree_root(leaves[half:]))


def path_root(leaf, size, index, left, right):
    """What one leaf and its path imply: docs/security/crypto.md, "Trees and range proofs"."""
    return range_root([sha256(b"\0" + leaf)], index, size, left, right)


# -- Invite and join request ------------------------------------------------------------------------------------------
class Invite:
    """From its link or from the bytes of its file."""

    def __init__(self, given):
        if isinstance(given, str):
            demand(given.startswith("lysoen://join#"), "form", "no invite")
            text = given.partition("#")[2]
            given = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            demand(base64.urlsafe_b64encode(given).decode().rstrip("=") == text, "form", "base64url")
        take = Fields(given)
        take.format(), take.suite()
        self.team, self.root, self.team_name = take.raw(32), take.raw(32), take.text()
        self.admin, self.admin_inbox, self.role = take.raw(32), take.raw(32), take.number(1)
        self.name, self.expires, self.secret = take.text(), take.number(8), take.raw(16)
        count = take.number(1)
        demand(count <= 4, "form", "relays")
        self.relays = [take.relay() for _ in range(count)]
        demand(take.raw(4) == sha256(given[: take.at - 4])[:4], "form", "checksum")
        take.end()
        demand(labelled_hash("lysoen/1 team", self.root) == self.team, "other", "root of another team")
        self.base = hmac256(b"lysoen/1 invite", self.secret)
        self.id, self.signing = nacl.bindings.crypto_sign_seed_keypair(expand(self.base, b"lysoen/1 invite key", 32))
        self.psk = expand(self.base, b"lysoen/1 invite psk", 32)

    def sign(self, label, message):
        return sign(self.signing, label, message)

    def request_info(self):
        return b"lysoen/1 join request\0" + SUITE + self.team + self.id + self.admin

    def request(self, device, made):
        """The sealed join request of a device that replaces no other."""
        replaced = field(b"")
        said = device.id + device.inbox + u(made, 8) + replaced
        signature = device.sign("lysoen/1 join request", self.team + self.id + said)
        front = b"\0" + self.id
        return front + hpke.seal(self.admin_inbox, self.request_info(), front, SUITE + said + signature, self.psk, self.id)

    def check_words(self, request):
        salt = b"lysoen/1 words\0\0"
        stretched = nacl.bindings.crypto_pwhash_alg(32, expand(self.base, b"lysoen/1 invite words", 32) + request_id(request), salt,
                                                    3, 64 << 20, nacl.bindings.crypto_pwhash_ALG_ARGON2ID13)
        words = re.findall(r'"([a-z]+)"', WORDS.read_text())
        demand(len(words) == 512, "form", "list of words")
        return " ".join(words[int.from_bytes(stretched[at : at + 2], "big") & 511] for at in (0, 2, 4, 6))


def sign(key, label, message):
    signed = label.encode() + b"\0" + message
    return nacl.bindings.crypto_sign(signed, key)[:64]


def request_id(request):
    return labelled_hash("lysoen/1 join request id", request)


# -- Roster -----------------------------------------------------------------------------------------------------------
class Leaf:
    def __init__(self, data):
        demand(len(data) <= 1024, "form", "leaf")
        take = Fields(data)
        take.format()
        self.device, self.inbox, self.role = take.raw(32), take.raw(32), take.number(1)
        self.since, self.invite = take.number(8), take.optional()
        self.replaces = [take.raw(32) for _ in range(take.number(1))]
        self.name_epoch, self.name = take.number(4), take.field()
        take.end()


class Head:
    """Parsed, and its signatures verified, or Refused."""

    def __init__(self, data):
        demand(len(data) <= 65536, "form", "head")
        take = Fields(data)
        take.format(), take.suite()
        self.team, self.root, self.version, self.previous = take.raw(32), take.raw(32), take.number(8), take.raw(32)
        self.issued, self.expires, self.min_protocol = take.number(8), take.number(8), take.number(1)
        self.members, self.tree, self.policy, self.name = take.number(4), take.raw(32), take.optional(), take.text()
        self.audiences = {}
        for _ in range(take.number(1)):
            kind, subject, epoch, key = take.number(1), take.optional(), take.number(4), take.raw(32)
            self.audiences[audience(self.team, kind, subject or bytes(32))] = epoch, key
        self.relays = [take.relay() for _ in range(take.number(1))]
        self.signer = self.root
        by_root = take.number(1) == 1
        if not by_root:
            self.signer = take.raw(32)
            begins, ends = take.number(8), take.number(8)
            said = self.team + self.signer + u(begins, 8) + u(ends, 8)
            demand(signature_holds(self.root, "lysoen/1 admin certificate", said, take.raw(64)), "signature", "certificate")
            demand(begins <= self.issued <= ends, "signature", "certificate was not valid")
        body = data[: take.at]
        self.hash = labelled_hash("lysoen/1 roster head", body)
        demand(signature_holds(self.signer, "lysoen/1 roster head", body, take.raw(64)), "signature", "head")
        if take.number(1):
            approver = take.raw(32)
            demand(signature_holds(approver, "lysoen/1 reader approval", self.hash, take.raw(64)), "signature", "approval")
        take.end()
        demand(labelled_hash("lysoen/1 team", self.root) == self.team, "other", "foreign root")
        demand((self.version == 1) == (self.previous == bytes(32)) and self.version >= 1, "form", "version")
        demand(self.version > 1 or by_root, "signature", "the first version is the root's")


class Roster:
    """What a device knows of one version: the head and the leaves it keeps, each proved."""

    def __init__(self, head, policy, leaves):
        self.head, self.leaves = head, {leaf.device: leaf for leaf in leaves}
        demand((labelled_hash("lysoen/1 policy", policy) if policy else b"") == head.policy, "other", "policy")

    @classmethod
    def whole(cls, data):
        """As it travels, opened."""
        take = Fields(data)
        take.format()
        head, policy = Head(take.field()), take.field()
        return cls.of_all(head, policy, [take.field() for _ in range(head.members)], take)

    @classmethod
    def of_all(cls, head, policy, leaves, take):
        take.end()
        demand(leaves and tree_root(leaves) == head.tree, "other", "tree of the members")
        return cls(head, policy, map(Leaf, leaves))

    @classmethod
    def state(cls, data):
        """As a device keeps it."""
        take = Fields(data)
        take.format()
        whole, head, policy, count = take.number(1), Head(take.field()), take.field(), take.number(4)
        if whole:
            demand(count == head.members, "form", "members")
            return cls.of_all(head, policy, [take.field() for _ in range(count)], take)
        leaves = []
        for _ in range(count):
            leaf, index = take.field(), take.number(4)
            demand(path_root(leaf, head.members, index, take.hashes(), take.hashes()) == head.tree, "other", "path of a member")
            leaves.append(Leaf(leaf))
        take.end()
        return cls(head, policy, leaves)

    def role(self, device):
        return self.leaves[device].role if device in self.leaves else 0

    def takes(self, other):
        """The roster to go on with: the next version, or this one if the other is not new."""
        demand(other.head.team == self.head.team and other.head.root == self.head.root, "other", "foreign team")
        if other.head.version <= self.head.version:
            demand(other.head.version < self.head.version or other.head.hash == self.head.hash, "other", "fork")
            return self
        demand(other.head.version == self.head.version + 1, "form", "ahead")
        demand(other.head.previous == self.head.hash, "other", "fork")
        demand(other.head.signer == self.head.root or self.role(other.head.signer) & ADMIN, "other", "not an admin")
        return other


# -- Epochs and the welcome -------------------------------------------------------------------------------------------
def open_wrap(data, device, roster):
    """(audience, epoch, private key) of one reader's wrap."""
    take = Fields(data)
    take.format(), take.suite()
    team, name, epoch, key, count, tree, signer = (take.raw(32), take.raw(32), take.number(4), take.raw(32), take.number(4),
                                                   take.raw(32), take.raw(32))
    demand(signature_holds(signer, "lysoen/1 epoch wraps", data[: take.at], take.raw(64)), "signature", "wraps")
    wrap = take.raw(112)
    demand(path_root(wrap, count, take.number(4), take.hashes(), take.hashes()) == tree, "signature", "path of a wrap")
    take.end()
    may = READERS | (ADMIN if name == audience(team, ALL) else 0)
    demand(team == roster.head.team and wrap[:32] == device.id and roster.role(signer) & may, "other", "wrap")
    info = b"lysoen/1 epoch wrap\0" + SUITE + team + name + u(epoch, 4) + key + device.id + device.inbox
    secret = opened(device.inbox_secret, info, b"", wrap[32:])
    demand(hpke.public_key(secret) == key and roster.head.audiences.get(name) == (epoch, key), "other", "key of an epoch")
    return name, epoch, secret


def opened(secret, info, aad, message, *psk):
    try:
        return hpke.open_one(secret, info, aad, message, *psk)
    except hpke.NotOpened as error:
        raise Refused("open", str(error)) from None


class Welcome:
    def __init__(self, data, invite, request, device):
        take = Fields(data)
        take.format()
        demand(take.raw(32) == invite.id, "other", "another invite")
        info = b"lysoen/1 welcome\0" + SUITE + invite.team + invite.id + invite.admin + request + device.id
        plain = unpad(opened(device.inbox_secret, info, data[:33], data[33:], invite.psk, invite.id))
        body = plain[64:]
        said = invite.id + request + device.id + sha256(body)
        demand(signature_holds(invite.admin, "lysoen/1 welcome", said, plain[:64]), "signature", "welcome")
        take = Fields(body)
        take.suite()
        self.state = take.field()
        self.roster = Roster.state(self.state)
        self.roster_keys = [take.raw(32) for _ in range(take.number(1))]
        wraps = [take.field() for _ in range(take.number(1))]
        self.certificate, self.admission, self.history = take.field(), take.field(), take.field()
        take.end()
        head, own = self.roster.head, self.roster.leaves.get(device.id)
        demand(head.root == invite.root and head.team == invite.team, "other", "root")
        demand(self.roster.role(invite.admin) & ADMIN, "other", "who invited is no admin")
        demand(own and own.inbox == device.inbox and own.invite == invite.id, "other", "not this device")
        self.epochs = {(name, epoch): secret for name, epoch, secret in (open_wrap(wrap, device, self.roster) for wrap in wraps)}


# -- Vectors ----------------------------------------------------------------------------------------------------------
class Keys:
    """As much of a device as reading takes."""

    def __init__(self, vector):
        self.id, self.inbox_secret = vector.bytes("device"), vector.bytes("inbox_secret")
        self.inbox = hpke.public_key(self.inbox_secret)


def invite_of(vector):
    invite = Invite(vector["link"])
    demand(int(vector["now"]) <= invite.expires, "other", "ran out")
    return invite


def run_invite(vector):
    invite = invite_of(vector)
    same(vector, "secret", invite.secret)
    same(vector, "team", invite.team)
    same(vector, "invite", invite.id)


def run_welcome(vector):
    welcome = Welcome(vector.bytes("welcome"), invite_of(vector), vector.bytes("request_id"), Keys(vector))
    same(vector, "state", welcome.state)
    same(vector, "roster_key", welcome.roster_keys[0])


def run_wrap(vector):
    _, _, secret = open_wrap(vector.bytes("wrap"), Keys(vector), Roster.state(vector.bytes("held")))
    same(vector, "epoch_secret", secret)


def run_sealed(vector):
    record = u(int(vector["version"]), 8) + vector.bytes("hash") + vector.bytes("sealed")
    plain = open_roster(vector.bytes("roster_key"), vector.bytes("team"), record)
    same(vector, "roster", plain)
    same(vector, "hash", Roster.whole(plain).head.hash)


RUNS = {name[4:]: run for name, run in list(globals().items()) if name.startswith("run_")}


def vectors(folder):
    done = wrong = 0
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        run, vector, found = RUNS.get(path.name.partition("_")[0]), Vector(path), "accepted"
        if not run:
            continue
        done += 1
        try:
            run(vector)
        except (Refused, UnicodeError, ValueError) as error:
            found = f"refused: {error}"
        if (found == "accepted") != (vector["expect"] == "accepted"):
            wrong += 1
            print(f"{path.name}: expected {vector['expect']}, found {found}")
    print(f"{done} vectors, {wrong} not as expected")
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(vectors(sys.argv[2]) if sys.argv[1:2] == ["vectors"] and len(sys.argv) == 3 else print(__doc__) or 2)
