#!/usr/bin/env python3
"""What is left in files: canaries are planted in a draft, a sent report, a place, a search, a member's name, and in an attached
file's name and bytes; then every file of the vault, the image of an ext4 file system under it, and each decrypted page, frame and record are searched after a lock,
after an answer was replaced, after a draft was discarded and after the policy's purge. Usage: residue.py BUILD"""
import struct
import sys
import time

from main_job import new_report
from wipe import Ext4, count, may_mount, spellings
from world import PASSPHRASE, SOURCE, World, alone, check, equal

sys.path.insert(0, str(SOURCE / "tests/interop"))
import vault  # the second implementation

DRAFT, OLD, SENT, NAME, TERM = "zqdraft", "zqreplaced", "zqsent", "zqmember", "zqsearched"
FILE, BYTES = "zqfilename", "zqfilebytes"
LATITUDE = 7.3456789


def decrypted(folder):
    """All that opens with the vault's key, whether anything refers to it or not."""
    seen = vault.Vault(folder, PASSPHRASE.encode())
    box = vault.Box(seen.key, seen.id)
    pages, log, ring = ((folder / f"{seen.letter}.{kind}").read_bytes() for kind in ("db", "db-wal", "ring"))
    parts = list(vault.read_pages(box, pages).values())
    if seen.log.salts:
        frames = range(72, len(log) - vault.FRAME + 1, vault.FRAME)
        parts += [box.open(b"wal", log[at : at + vault.FRAME], seen.log.salts, vault.u(index, 4)) for index, at in enumerate(frames)]
    parts += [record.payload for record in vault.Ring.read(box, ring).values()]
    return b"\n".join(part for part in parts if part)


def place():
    near, = struct.unpack(">I", struct.pack(">f", LATITUDE))
    return [struct.pack(">d", LATITUDE), *(struct.pack(">I", near + step) for step in (-1, 0, 1)), str(LATITUDE).encode()]


class Searched:
    def __init__(self, folder, disk):
        self.folder, self.disk = folder, disk

    def after(self, what, here, gone):
        """Nothing is in clear anywhere; decrypted, `here` is found and `gone` is not."""
        needles = [form for text in (DRAFT, OLD, SENT, NAME, TERM, FILE, BYTES, PASSPHRASE) for form in spellings(text)]
        files = b"".join(file.read_bytes() for file in sorted(self.folder.iterdir()))
        equal(count(files, needles), 0, f"canaries in clear in the files {what}")
        if self.disk:
            equal(count(self.disk.now(), needles), 0, f"canaries in clear in the image {what}")
        data = decrypted(self.folder)
        for text in here:
            check(text.encode() in data, f"'{text}' should be found {what}")
        equal({text: count(data, spellings(text)) for text in gone if count(data, spellings(text))}, {}, f"decrypted, {what}")
        return data


def discards(world, vault_name, searched):
    draft = new_report(world, vault_name, "police-incident", f"title={DRAFT} {OLD}", f"place={LATITUDE} 9.25", f"what_happened={DRAFT}",
                       submit=False)
    outside = world.folder / "outside.bin"
    outside.write_bytes(BYTES.encode() * 5000)
    world.cli(vault_name, "report", "attach", draft, outside, "--name", f"{FILE}.bin")
    key, = vault.Vault(searched.folder, PASSPHRASE.encode()).database.execute("SELECT key FROM blobs").fetchone()
    world.cli(vault_name, "report", "list", "--text", TERM)
    data = searched.after("after a lock", [DRAFT, OLD, SENT, FILE], [TERM, BYTES, PASSPHRASE])
    check(key in data, "an attachment's key that can be found")
    check(count(data, place()[:1]) and count(data, place()[1:4]), "a place that can be found")
    world.cli(vault_name, "report", "edit", draft, "--set", f"title={DRAFT}")
    searched.after("after an answer was replaced", [DRAFT, SENT], [OLD, TERM])
    world.cli(vault_name, "report", "discard", draft, environment={"LYSOEN_TEST_FAULT": "residue_left"})
    check(DRAFT.encode() in decrypted(searched.folder), "a discard that is not cleaned would be noticed")
    world.cli(vault_name, "status")  # the next opening does it
    data = searched.after("after a draft was discarded", [SENT], [DRAFT, OLD, TERM, FILE, BYTES])
    equal(count(data, place()), 0, "its place")
    equal(count(data, [key]), 0, "the key of its attachment")
    equal([file.name for file in searched.folder.glob("A." + "?" * 32)], [], "files of attachments")


def main(build):
    began = time.monotonic()
    allowed = alone(__file__)
    with World(build) as world:
        world.make_team("admin")
        world.start_relay()
        world.admit_team()
        disk = Ext4(world.folder) if may_mount(world, allowed) else None
        if not disk:
            print("SKIPPED: the image (no ext4 file system may be mounted here)")
        folder = (disk.folder if disk else world.folder) / "monitor"
        world.cli("admin", "invite", "--role", "reporter", "--name", NAME, "--file", "monitor.invite")
        world.cli(folder, "join", "monitor.invite", "--request", "monitor.request")
        world.cli("admin", "admit", "monitor.request", "--welcome", "monitor.welcome")
        world.cli(folder, "join", "--finish", "monitor.welcome")
        new_report(world, folder, "police-incident", f"title={SENT}", f"settlement={SENT}")
        searched = Searched(folder, disk)
        discards(world, folder, searched)
        Searched(world.folder / "admin", None).after("of the admin after a lock", [NAME], [TERM, PASSPHRASE])
        world.cli("admin", "team", "policy", "set", "--role", "reporter", "--keep", "until-opened", "--days", "0")
        for name in ("admin", folder, "admin", folder):
            world.cli(name, "sync")
        world.cli(folder, "vault", "purge")
        searched.after("after the policy's purge", [], [SENT, DRAFT, OLD, TERM])
        if disk:
            disk.close()
        print(f"residue: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
