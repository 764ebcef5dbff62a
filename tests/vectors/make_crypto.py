#!/usr/bin/env python3
"""Writes tests/vectors/crypto/*.txt from docs/security/crypto.md alone, with nothing but Python's hashlib and hmac.

    make_crypto.py           write the files
    make_crypto.py --check   say which files differ from what would be written; exit 1 if any

It is a second implementation of the entry cipher, the padding, labelled hashes and range proofs, and makes signatures at
the edges of the rule in docs/security/signatures.md: where it and the core disagree, one of them or the document is wrong.
"""
import hashlib
import hmac
import pathlib
import struct
import sys

import ed25519

FOLDER = pathlib.Path(__file__).resolve().parent / "crypto"


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_expand(key, info, size):
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = hmac256(key, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:size]


# -- XChaCha20 (draft-irtf-cfrg-xchacha-03, 2) ----------------------------------------------------------------------
def rounds(state):
    s = list(state)

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
    return s


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def xchacha20(key, nonce, data):
    after = rounds(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce[:16]))
    subkey = tuple(after[:4] + after[12:])
    out = bytearray()
    for at in range(0, len(data), 64):
        counter = at // 64
        state = SIGMA + subkey + (counter & 0xFFFFFFFF, counter >> 32) + struct.unpack("<2I", nonce[16:])
        block = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(rounds(state), state)))
        out += bytes(x ^ y for x, y in zip(data[at : at + 64], block))
    return bytes(out)


# -- The entry cipher -----------------------------------------------------------------------------------------------
def entry_keys(entry_key, suite=1):
    both = hkdf_expand(entry_key, b"lysoen/1 entry keys\0" + bytes([suite]), 64)
    return both[:32], both[32:]


def siv_seal(entry_key, header, body, suite=1, label=b"lysoen/1 entry\0", nonce=slice(0, 24)):
    k_enc, k_mac = entry_keys(entry_key, suite)
    tag = hmac256(k_mac, label + header + body)
    return tag + xchacha20(k_enc, tag[nonce], body)


def flip(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 1 << (bit % 8)
    return bytes(out)


# -- Padding --------------------------------------------------------------------------------------------------------
def padme(size):
    exponent = size.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (size + mask) & ~mask


def padded_size(size):
    return next((step for step in (256, 320, 384, 512) if size + 1 <= step), None) or padme(size + 1)


def pad(plaintext):
    return (plaintext + b"\x80").ljust(padded_size(len(plaintext)), b"\0")


def transport_size(size):
    if size > 4096:
        return padme(size)
    step = 256
    while step < size:
        step *= 2
    return step


# -- RFC 6962 -------------------------------------------------------------------------------------------------------
def leaf_hash(leaf):
    return sha256(b"\0" + leaf)


def node(left, right):
    return sha256(b"\1" + left + right)


def tree_root(hashes):
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node(tree_root(hashes[:half]), tree_root(hashes[half:]))


def tiles(hashes, at, end):
    out = []
    while at < end:
        size = 1
        while at % (2 * size) == 0 and at + 2 * size <= end:
            size *= 2
        out.append(tree_root(hashes[at : at + size]))
        at += size
    return out


# -- The files ------------------------------------------------------------------------------------------------------
files = {}


def write(name, expect, about, *fields):
    lines = [f"expect: {expect}", f"about: {about}", ""]
    lines += [f"{key}: {value.hex() if isinstance(value, bytes) else value}".rstrip() for key, value in fields]
    files[name + ".txt"] = "\n".join(lines) + "\n"


def siv(name, expect, about, key, header, sealed, body=None):
    fields = [("entry_key", key), ("header", header), ("sealed", sealed)]
    write("siv_" + name, expect, about, *fields, *([("body", body)] if body is not None else []))


def make_siv():
    key, other = sha256(b"entry key one"), sha256(b"entry key two")
    header = bytes(range(0x40, 0x90))
    body = pad(b"a body of the smallest size")
    good = siv_seal(key, header, body)
    siv("opens", "opens", "an ordinary body", key, header, good, body)
    siv("empty_body", "opens", "a body of no bytes is the tag alone", key, header, siv_seal(key, header, b""), b"")
    odd = bytes(range(100))
    siv("not_a_block_multiple", "opens", "a body of 100 bytes", key, header, siv_seal(key, header, odd), odd)
    siv("header_differs", "refused", "one bit of the header differs", key, flip(header, 9), good)
    siv("header_and_body_shifted", "refused", "the header's last byte moved to the body", key, header[:-1], good)
    siv("key_differs", "refused", "another entry key", other, header, good)
    siv("tag_bit_flipped_in_nonce", "refused", "a bit of the tag that is part of the nonce", key, header, flip(good, 3))
    siv("tag_bit_flipped_after_nonce", "refused", "a bit of the tag that is not part of the nonce", key, header, flip(good, 30 * 8))
    siv("ciphertext_bit_flipped", "refused", "one bit of the ciphertext", key, header, flip(good, 32 * 8 + 77))
    siv("cut_by_one_byte", "refused", "the last byte is missing", key, header, good[:-1])
    siv("one_byte_too_long", "refused", "a zero byte follows", key, header, good + b"\0")
    siv("shorter_than_a_tag", "refused", "31 bytes", key, header, good[:31])
    siv("keys_of_another_suite", "refused", "keys derived for suite 2", key, header, siv_seal(key, header, body, suite=2))
    siv("label_without_zero", "refused", "the label's 0x00 is missing in the tag", key, header, siv_seal(key, header, body, label=b"lysoen/1 entry"))
    siv("nonce_from_tag_end", "refused", "the nonce is the tag's last 24 bytes", key, header, siv_seal(key, header, body, nonce=slice(8, 32)))
    k_enc, k_mac = entry_keys(key)
    tag = hmac256(k_mac, b"lysoen/1 entry\0" + header + xchacha20(k_enc, bytes(24), body))
    siv("tag_over_ciphertext", "refused", "the tag covers ciphertext, not body", key, header, tag + xchacha20(k_enc, tag[:24], body))


def make_padding():
    def padded(name, about, data):
        write("pad_" + name, "refused", about, ("padded", data))

    sizes = [0, 1, 254, 255, 256, 318, 319, 320, 383, 384, 510, 511, 512, 543, 544, 1000, 1023, 1024, 4095, 4096, 5000, 65535, 65536, 1000000]
    write("pad_sizes", "equal", "plaintext size and padded size, at the borders", *(("size", f"{n} {padded_size(n)}") for n in sizes))
    write("pad_empty_plaintext", "opens", "no plaintext", ("padded", pad(b"")), ("plaintext", b""))
    write("pad_ends_in_mark_and_zeros", "opens", "a plaintext that itself looks padded", ("padded", pad(b"\x80\0\0")), ("plaintext", b"\x80\0\0"))
    write("pad_fills_the_size", "opens", "the mark is the last byte", ("padded", pad(bytes(range(255)))), ("plaintext", bytes(range(255))))
    padded("nothing", "no bytes at all", b"")
    padded("mark_missing", "only zeros", bytes(256))
    padded("mark_not_80", "ends in 0x81 and zeros", b"\x81".ljust(256, b"\0"))
    padded("byte_after_the_mark", "a byte that is not zero at the end", pad(b"x")[:-1] + b"\1")
    padded("size_larger_than_needed", "320 bytes where 256 do", b"x\x80".ljust(320, b"\0"))
    padded("size_not_a_step", "257 bytes", bytes(255) + b"\x01\x80")
    transport = [0, 1, 256, 257, 512, 513, 1024, 2048, 2049, 4095, 4096, 4097, 4352, 4353, 65536, 65537, 1000000]
    write("transport_sizes", "equal", "size and size on the wire, at the borders", *(("size", f"{n} {transport_size(n)}") for n in transport))


def make_hashes():
    fields = bytes.fromhex("0011223344")
    label = "lysoen/1 entry"

    def labelled(name, expect, about, text, data, value):
        write("hash_" + name, expect, about, ("label", text), ("fields", data), ("hash", value))

    labelled("labelled", "equal", "a label and five bytes", label, fields, sha256(label.encode() + b"\0" + fields))
    labelled("no_fields", "equal", "a label alone still ends in 0x00", label, b"", sha256(label.encode() + b"\0"))
    labelled("zero_missing", "differs", "no 0x00 between label and fields", label, fields, sha256(label.encode() + fields))
    labelled("label_missing", "differs", "the fields alone", label, fields, sha256(fields))
    labelled("label_longer", "differs", "another object's label", label + "s", fields, sha256(label.encode() + b"\0" + fields))


def make_ranges():
    leaves = [struct.pack(">H", i) for i in range(256)]
    hashes = [leaf_hash(leaf) for leaf in leaves]

    def rows(first, last, size):
        left, right = tiles(hashes[:size], 0, first), tiles(hashes[:size], last + 1, size)
        return dict(run=leaves[first : last + 1], first=first, size=size, left=left, right=right, root=tree_root(hashes[:size]))

    def proof(name, expect, about, of, **changes):
        of = {**of, **changes}
        fields = [("size", of["size"]), ("first", of["first"]), ("root", of["root"])]
        for key, values in (("leaf", of["run"]), ("left", of["left"]), ("right", of["right"])):
            fields += [(key, value) for value in values]
        write("range_" + name, expect, about, *fields)

    middle = rows(5, 9, 21)
    proof("one_leaf_tree", "equal", "a tree of one leaf", rows(0, 0, 1))
    proof("whole_tree", "equal", "every leaf, no proof", rows(0, 6, 7))
    proof("middle", "equal", "leaves 5 to 9 of 21", middle)
    proof("from_the_start", "equal", "nothing on the left", rows(0, 2, 13))
    proof("to_the_end", "equal", "nothing on the right", rows(11, 12, 13))
    proof("last_of_256", "equal", "the last leaf of a full block", rows(255, 255, 256))
    proof("most_hashes", "equal", "14 hashes on the right", rows(1, 1, 255))
    left, right, run = middle["left"], middle["right"], middle["run"]
    proof("left_hash_missing", "refused", "one hash too few on the left", middle, left=left[1:])
    proof("right_hash_missing", "refused", "one hash too few on the right", middle, right=right[:-1])
    proof("hash_too_many", "refused", "one hash too many on the right", middle, right=right + [right[0]])
    proof("hash_moved_across", "refused", "a hash of the right stands on the left", middle, left=left + right[:1], right=right[1:])
    proof("empty_run", "refused", "no leaf at all", middle, run=[])
    proof("run_beyond_the_tree", "refused", "the run ends after the last leaf", middle, first=17, left=tiles(hashes, 0, 17), right=[])
    proof("hash_flipped", "differs", "one bit of a hash", middle, left=[flip(left[0], 5)] + left[1:])
    proof("run_out_of_order", "differs", "two leaves exchanged", middle, run=[run[1], run[0]] + run[2:])
    proof("run_at_another_place", "differs", "the same shape, one leaf later", rows(0, 0, 2), run=[leaves[1]])
    incomplete = [tree_root(hashes[4:7])]
    proof("incomplete_subtree", "refused", "one hash for the incomplete right edge", rows(0, 3, 7), right=incomplete)


def make_signatures():
    message = b"a message"
    secret, nonce = ed25519.secret_scalar(bytes(32)), 0x1234567890ABCDEF
    point, torsion = ed25519.times(secret, ed25519.BASE), ed25519.torsion_point()
    commitment = ed25519.times(nonce, ed25519.BASE)

    def signature(name, expect, about, key, r, s, text=message):
        fields = ("key", key), ("message", text), ("signature", r + s.to_bytes(32, "little"))
        write("ed25519_" + name, expect, about, *fields)

    def signed(a, r, text=message):
        key, start = ed25519.encode(a), ed25519.encode(r)
        return key, start, (nonce + ed25519.challenge(start, key, text) * secret) % ed25519.L, text

    key, r, s, _ = signed(point, commitment)
    signature("ordinary", "accepted", "an ordinary signature", key, r, s)
    signature("s_not_reduced", "refused", "S + L in place of S", key, r, s + ed25519.L)
    identity = ed25519.encode(ed25519.IDENTITY)
    signature("key_of_small_order", "refused", "A is the neutral point, R = S B fits any message", identity, r, nonce)
    signature("all_neutral", "refused", "A and R neutral, S zero: fits any message", identity, identity, 0)
    signature("r_of_small_order", "refused", "R is the neutral point", key, identity, ed25519.challenge(identity, key, message) * secret % ed25519.L)
    second = ed25519.encode(ed25519.IDENTITY, y_plus_p=True)
    signature("key_not_canonical", "refused", "A is neutral with y = p + 1", second, r, nonce)
    signature("r_not_canonical", "refused", "R is neutral with y = p + 1", key, second, ed25519.challenge(second, key, message) * secret % ed25519.L)
    key, r, s, _ = signed(point, ed25519.add(commitment, torsion))
    signature("only_with_cofactor", "refused", "R has a part of small order that only the cofactor removes", key, r, s)
    mixed = ed25519.add(point, torsion)
    texts = (b"message %d" % i for i in range(1000))
    fits = next(t for t in texts if ed25519.challenge(*reversed(signed(mixed, commitment, t)[:2]), t) % 8 == 0)
    signature("mixed_key_residue_zero", "accepted", "A has a part of small order that cancels by chance (challenge = 0 mod 8)", *signed(mixed, commitment, fits))
    texts = (b"message %d" % i for i in range(1000))
    fits = next(t for t in texts if ed25519.challenge(*reversed(signed(mixed, commitment, t)[:2]), t) % 8 == 1)
    signature("mixed_key_residue_left", "refused", "A has a part of small order that does not cancel", *signed(mixed, commitment, fits))


def main():
    for make in (make_siv, make_padding, make_hashes, make_ranges, make_signatures):
        make()
    if sys.argv[1:] != ["--check"]:
        FOLDER.mkdir(exist_ok=True)
        for name, text in files.items():
            (FOLDER / name).write_text(text)
        return 0
    there = {path.name: path.read_text() for path in FOLDER.glob("*.txt")}
    different = [name for name in sorted({*there, *files}) if there.get(name) != files.get(name)]
    for name in different:
        print(f"tests/vectors/crypto/{name} is not what make_crypto.py writes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
