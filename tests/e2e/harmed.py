#!/usr/bin/env python3
"""A vault's files cut, swapped between two vaults, put back to older ones; a slot file that asks for 4 GiB; names that are not
ASCII; a clock before the vault was made. Each says what is wrong with the documented code, or works; what was saved is there
as soon as the files are. Usage: harmed.py BUILD"""
import hashlib
import shutil
import sys
import time

from main_job import new_report, reports
from world import World, check, check_refusal, equal

DAMAGED, PASSPHRASE = 6, 4
FILES = ("slots", "A.db", "A.db-wal", "A.ring")


def titles(world, vault, **options):
    return sorted(report["title"] for report in reports(world, vault, **options))


def write(world, vault, title, **options):
    new_report(world, vault, "police-incident", f"title={title}", submit=False, **options)


class Harm:
    """Works on a copy of the vault; the untouched one shows afterwards that nothing is lost."""

    def __init__(self, world, vault, saved):
        self.world, self.vault, self.saved = world, vault, saved

    def done(self, what, change, words, noticed=False):
        """`words`: what must be said; None: it opens with everything; a list: it may also open, with one of these. `noticed`:
        if it opens, a check finds the damage."""
        copy = self.world.folder / "harmed"
        shutil.copytree(self.world.folder / self.vault, copy)
        change(copy)
        done = self.world.cli("harmed", "--json", "report", "list", "--limit", "0", expect=None)
        if done.code == 0:
            found = sorted(report["title"] for report in done.json()["reports"])
            allowed = [self.saved, *(words if isinstance(words, list) else [])]
            check(not isinstance(words, str) and found in allowed, f"{what}: opens with {found}")
            if noticed:
                self.world.cli("harmed", "vault", "check", expect=DAMAGED)
        else:
            check(words is not None, f"{what}: {done.err}")
            check_refusal(done, DAMAGED, words if isinstance(words, str) else "cannot open vault", what)
            check("zq" not in done.err, f"{what}: an error repeats what was written")
        shutil.rmtree(copy)


def cut(world, harm):
    for name in FILES:
        size = (world.folder / harm.vault / name).stat().st_size
        lengths = {0, 1, 40, 4095, 4096, size // 2, size - 1, world.random.randrange(size + 1)}
        for length in sorted(length for length in lengths if 0 <= length < size):
            def change(copy):
                with open(copy / name, "r+b") as file:
                    file.truncate(length)
            # The log at rest is a copy of what the database holds; the ring at rest is only needed beside a log.
            words = {"slots": "cannot open vault", "A.db": []}.get(name)
            harm.done(f"'{name}' cut to {length} of {size} bytes", change, words, noticed=name == "A.db")


def swapped(world, harm):
    """Files of another vault under the same passphrase."""
    for name in FILES:
        words = {"A.db": "damaged", "slots": "damaged"}.get(name)
        harm.done(f"'{name}' of another vault", lambda copy: shutil.copy(world.folder / "other" / name, copy / name), words)


def rolled_back(world, harm, older, before):
    """Older copies: all of it is the older vault; one file or page is noticed, or made good, or changes nothing."""
    old = world.folder / older

    def all_of_it(copy):
        for name in FILES:
            shutil.copy(old / name, copy / name)

    def one_page(copy, number):
        with open(copy / "A.db", "r+b") as file, open(old / "A.db", "rb") as past:
            file.seek(4096 * number)
            past.seek(4096 * number)
            file.write(past.read(4096))

    harm.done("all of an older copy", all_of_it, [before])
    for name in FILES[2:]:
        harm.done(f"'{name}' of an older copy", lambda copy: shutil.copy(old / name, copy / name), None)
    harm.done("'slots' of an older copy", lambda copy: shutil.copy(old / "slots", copy / "slots"), None)
    harm.done("'A.db' of an older copy", lambda copy: shutil.copy(old / "A.db", copy / "A.db"), [before])
    for number in range((old / "A.db").stat().st_size // 4096):
        copy = world.folder / "paged"
        shutil.copytree(world.folder / harm.vault, copy)
        one_page(copy, number)
        changed = (copy / "A.db").read_bytes() != (world.folder / harm.vault / "A.db").read_bytes()
        done = world.cli("paged", "--json", "report", "list", "--limit", "0", expect=None)
        if done.code == 0 and changed:
            found = sorted(report["title"] for report in done.json()["reports"])
            checked = world.cli("paged", "vault", "check", expect=None)
            check(found == harm.saved or checked.code == DAMAGED, f"page {number} of an older copy went unnoticed: {found}")
        elif done.code:
            check_refusal(done, DAMAGED, "cannot|damaged", f"page {number} of an older copy")
        shutil.rmtree(copy)


def ruinous_cost(world, harm):
    def change(copy):
        data = bytearray((copy / "slots").read_bytes())
        for at in (0, 2048):
            data[at + 12 : at + 16] = (4 << 20).to_bytes(4, "big")  # KiB
            data[at + 68 : at + 100] = hashlib.sha256(data[at : at + 68]).digest()
        (copy / "slots").write_bytes(data)
    began = time.monotonic()
    harm.done("a slot file that asks for 4 GiB", change, "asks for a key cost outside the limits")
    check(time.monotonic() - began < 5, "nothing was derived")


def names(world):
    """Nothing in a path matters but that the system takes it."""
    folder = world.folder / "Доклад 報告 é\u0301 ﷽"
    folder.mkdir()
    vault, word = folder / "خزانة", {"LYSOEN_BACKUP_PASSPHRASE": "another of several words"}
    world.cli(vault, "init")
    write(world, vault, "zq one")
    world.cli(vault, "vault", "lock")
    world.cli(vault, "vault", "backup", folder / "копия", environment=word)
    world.cli(folder / "再", "vault", "restore", folder / "копия", environment=word)
    for there in (vault, folder / "再"):
        equal(titles(world, there), ["zq one"], "what a folder of any name holds")
    world.cli(vault, "vault", "check")
    check(not (world.folder / "?").exists(), "no name was changed")


def before_its_time(world):
    """The clock says years before the vault was made, then what it said first: everything is taken and listed."""
    past = {"LYSOEN_TEST_CLOCK_DAYS": "-9000"}
    write(world, "early", "zq now")
    write(world, "early", "zq long ago", environment=past)
    wrong = {**past, "LYSOEN_PASSPHRASE": "wrong"}
    for _ in range(3):
        world.refuses("early", PASSPHRASE, "wrong passphrase", "status", environment=wrong)
    for clock in (past, None):
        equal(titles(world, "early", environment=clock), ["zq long ago", "zq now"], "reports whatever the clock says")
        world.cli("early", "vault", "check", environment=clock)


def main(build):
    began = time.monotonic()
    with World(build) as world:
        for vault in ("vault", "other", "early"):
            world.cli(vault, "init")
        names(world)
        before_its_time(world)
        write(world, "other", "zq of another")
        for number in range(3):
            write(world, "vault", f"zq early {number}")
        before = titles(world, "vault")
        shutil.copytree(world.folder / "vault", world.folder / "older")
        for number in range(40):
            write(world, "vault", f"zq late {number}")
        harm = Harm(world, "vault", titles(world, "vault"))
        cut(world, harm)
        swapped(world, harm)
        rolled_back(world, harm, "older", before)
        ruinous_cost(world, harm)
        equal(titles(world, "vault"), harm.saved, "the vault that was not harmed")
        print(f"harmed: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
