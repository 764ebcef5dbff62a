#!/usr/bin/env python3
"""What a wipe leaves: canaries are planted in reports, drafts, names, a search and an attached file; then the vault is wiped, by its owner, by a
duress passphrase and by wrong ones, and every file and the raw image of an ext4 file system are searched. Usage: wipe.py BUILD"""
import shutil
import subprocess
import sys
import time
from pathlib import Path

from main_job import new_report
from world import PASSPHRASE, World, alone, check, equal

DRAFT, SENT, NAME, TERM = "canary of a draft, kept", "canary of a sent report", "canary of a member", "canary of a search"
FILE, BYTES = "canary of a file's name", "canary of a file's bytes"
COVER, DURESS, STORY = "ordinary words of the cover", "words for the bad day", "a harmless story"
BLOCK, SLOTS_AT, SLOT = 4096, 256, 240
WRONG = 5


def spellings(text):
    return (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode())


def slots_of(folder, half):
    """The slots of one container, as their bytes lie on the disk."""
    block = (folder / "slots").read_bytes()[BLOCK : 2 * BLOCK]
    return [block[SLOTS_AT + slot * SLOT :][:SLOT] for slot in range(half * 8, half * 8 + 8)]


def pieces_of(folder, letter):
    """16 bytes out of each page of a container's files."""
    return {data[at : at + 16] for file in folder.glob(f"{letter}.*") for data in [file.read_bytes()]
            for at in range(0, len(data) - 16, BLOCK)}


def count(data, needles):
    return sum(data.count(needle) for needle in needles)


def old_pages(image, pieces):
    """How many of a container's pages the image still holds: files begin at whole blocks."""
    return len(pieces & {image[at : at + 16] for at in range(0, len(image) - 16, 1024)})


class Ext4:
    """A file system in a file: what a laboratory would read. Fresh for each case."""

    def __init__(self, folder):
        self.image, self.folder = folder / "ext4.image", folder / "ext4"
        with open(self.image, "wb") as out:
            out.truncate(96 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.folder.mkdir()
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.folder)], check=True)

    def now(self):
        subprocess.run(["sync", "-f", str(self.folder)], check=True)
        return self.image.read_bytes()

    def close(self):
        subprocess.run(["umount", str(self.folder)], check=True)
        self.folder.rmdir()
        data = self.image.read_bytes()
        self.image.unlink()
        return data


def may_mount(world, allowed):
    if not allowed or not shutil.which("mkfs.ext4"):
        return False
    try:
        Ext4(world.folder).close()
        return True
    except subprocess.CalledProcessError:
        (world.folder / "ext4").rmdir()
        return False


def fill(world, vault):
    """A vault that was used: of a team, searched, with a draft and a sent report. The team's files lie elsewhere."""
    files = Path(vault).name
    world.cli("admin", "invite", "--role", "reporter", "--name", NAME, "--file", f"{files}.invite")
    world.cli(vault, "join", f"{files}.invite", "--request", f"{files}.request")
    world.cli("admin", "admit", f"{files}.request", "--welcome", f"{files}.welcome")
    world.cli(vault, "join", "--finish", f"{files}.welcome")
    new_report(world, vault, "police-incident", f"title={SENT}", f"settlement={NAME}")
    draft = new_report(world, vault, "police-incident", f"title={DRAFT}", submit=False)
    (world.folder / "outside.bin").write_text(BYTES * 10000)
    world.cli(vault, "report", "attach", draft, world.folder / "outside.bin", "--name", FILE)
    world.cli(vault, "report", "list", "--text", TERM)
    world.cli(vault, "vault", "duress", "add", environment={"LYSOEN_COVER_PASSPHRASE": COVER, "LYSOEN_DURESS_PASSPHRASE": DURESS})
    equal(world.reads(vault, "vault", "duress", "status")["cover"], "ready", "the cover")
    new_report(world, vault, "police-incident", f"title={STORY}", submit=False, environment={"LYSOEN_PASSPHRASE": COVER})


def by_owner(world, vault):
    world.cli(vault, "vault", "wipe", "--yes")


def by_duress(world, vault):
    shown = world.cli(vault, "report", "list", environment={"LYSOEN_PASSPHRASE": DURESS}).out
    check(STORY in shown and DRAFT not in shown, "the duress passphrase shows the cover")


def by_wrong_ones(world, vault):
    world.cli(vault, "vault", "wipe-after", WRONG)
    for day in range(WRONG):
        world.cli(vault, "status", expect=4, environment={"LYSOEN_PASSPHRASE": "wrong", "LYSOEN_TEST_CLOCK_DAYS": str(day + 1)})


def wiped(world, how, ext4):
    """Wipes a used vault in one of the ways; answers what was found of it."""
    disk = Ext4(world.folder) if ext4 else None
    vault = (disk.folder if disk else world.folder) / f"vault-{how.__name__}"
    fill(world, str(vault))
    canaries = [form for text in (DRAFT, SENT, NAME, TERM, FILE, BYTES, PASSPHRASE) for form in spellings(text)]
    slots, pieces = slots_of(vault, 0), pieces_of(vault, "A")
    if disk:
        image = disk.now()
        check(count(image, slots) >= 16 and len(pieces) - old_pages(image, pieces) < 8, "a search that can find something")
    how(world, str(vault))
    world.cli(str(vault), "status", expect=4, environment={"LYSOEN_TEST_CLOCK_DAYS": "30"})
    check(pieces and len(pieces & pieces_of(vault, "A")) == 0, "pages of the wiped vault are still in its files")
    data = b"".join(file.read_bytes() for file in sorted(vault.iterdir()))
    equal((count(data, canaries), count(data, slots)), (0, 0), f"canaries and slots in the files after {how.__name__}")
    if how is not by_wrong_ones:
        shown = world.cli(str(vault), "report", "list", environment={"LYSOEN_PASSPHRASE": COVER}).out
        check(STORY in shown, "the cover opens after the wipe")
    if not disk:
        return
    data = disk.close()
    equal(count(data, canaries), 0, f"canaries in the image after {how.__name__}")
    print(f"{how.__name__}: image of {len(data) >> 20} MiB: canaries 0, old slots {count(data, slots)}, "
          f"old pages {old_pages(data, pieces)} of {len(pieces)}", flush=True)


def planted(world):
    """A wipe that skips a slot would be noticed."""
    world.cli("forgetful", "init")
    slots = slots_of(world.folder / "forgetful", 0)
    world.cli("forgetful", "vault", "wipe", "--yes", environment={"LYSOEN_TEST_FAULT": "skip_one_slot_overwrite"})
    equal(count((world.folder / "forgetful/slots").read_bytes(), slots), 2, "copies of a slot that was skipped")


def refusals(world):
    world.refuses("admin", 2, "no terminal", "vault", "wipe")
    world.refuses("admin", 3, "4 is not from 5 to 100", "vault", "wipe-after", "4")
    world.refuses("admin", 2, "neither a number", "vault", "wipe-after", "soon")
    world.refuses("admin", 3, "there is none", "vault", "duress", "remove", "--yes")
    world.refuses("admin", 3, "are the same", "vault", "duress", "add",
                  environment={"LYSOEN_COVER_PASSPHRASE": COVER, "LYSOEN_DURESS_PASSPHRASE": COVER})
    world.refuses("admin", 3, "in use", "vault", "duress", "add",
                  environment={"LYSOEN_COVER_PASSPHRASE": COVER, "LYSOEN_DURESS_PASSPHRASE": PASSPHRASE})


def main(build):
    began = time.monotonic()
    allowed = alone(__file__)
    with World(build) as world:
        world.make_team("admin")
        refusals(world)
        planted(world)
        ext4 = may_mount(world, allowed)
        if not ext4:
            print("SKIPPED: the image (no ext4 file system may be mounted here)")
        for how in (by_owner, by_duress, by_wrong_ones):
            wiped(world, how, ext4)
        print(f"wipe: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
