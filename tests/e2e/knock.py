#!/usr/bin/env python3
"""Somebody knocks: `vault lock` with real processes that have the vault open, wait, ask, work, do not listen, or are dead.
And what `vault info` says before and after. Usage: knock.py BUILD"""
import os
import pty
import shutil
import signal
import subprocess
import sys
import time

from main_job import new_report, reports
from world import World, check, equal

PARTLY, IN_USE = 7, 8
COVER, DURESS = "ordinary words of the cover", "words for the bad day"
NO_WORD = {"LYSOEN_PASSPHRASE": None}

# Holds a vault's folder as a program would that does not listen; "named": the system can tell who it is.
DEAF = """
import fcntl, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
held = open(sys.argv[1], "r+b")
fcntl.flock(held, fcntl.LOCK_EX)
if sys.argv[2] == "named":
    fcntl.lockf(held, fcntl.LOCK_EX)
print("holds", flush=True)
for _ in range(600):
    time.sleep(0.1)
"""


def lock(world, vault, **options):
    return world.reads(vault, "vault", "lock", environment=NO_WORD, **options)


def seen(world, vault):
    """What shows without a passphrase."""
    return world.reads(vault, "vault", "info", "--outside", environment=NO_WORD)["session"]


def wait_until(condition, what):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited for long: {what}")


def ended(process, code, words):
    out, errors = process.communicate(timeout=30)
    equal(process.returncode, code, f"exit code of what was asked to end ({errors})")
    check(words in errors and "check failed" not in errors, errors)
    return out


def waits_for_answers(world):
    """The command reads answers from a pipe into which nobody writes."""
    os.mkfifo(world.folder / "answers")
    holder = world.start("vault", "report", "new", "--form", "police-incident", "--json", "answers", pipes=True)
    wait_until(lambda: seen(world, "vault")["open"] and not seen(world, "vault")["in_order"], "the vault is open")
    equal(seen(world, "vault")["process"], holder.pid, "who has it open")
    done = world.refuses("vault", IN_USE, "another process has it open", "status")
    check("`lysoen vault lock` asks it to end" in done.err, done.err)
    told = lock(world, "vault")
    equal((told["was_open"], told["process"], told["in_order"]), (True, holder.pid, True), "what `vault lock` says")
    ended(holder, PARTLY, "asked to end")
    equal(seen(world, "vault"), {"open": False, "process": None, "in_order": True}, "the vault afterwards")
    equal(len(reports(world, "vault")), 1, "reports afterwards")


def dead(world):
    """A process that was killed left the vault open: nothing is asked, and the passphrase puts it in order."""
    os.mkfifo(world.folder / "dead")
    holder = world.start("vault", "report", "new", "--form", "police-incident", "--json", "dead")
    wait_until(lambda: not seen(world, "vault")["in_order"], "the vault is open")
    holder.kill()
    holder.wait(20)
    told = lock(world, "vault")
    equal((told["was_open"], told["process"], told["in_order"]), (False, None, False), "after a kill")
    check("did not end in order" in world.cli("vault", "vault", "lock", environment=NO_WORD).err, "it is said in words")
    told = world.reads("vault", "vault", "lock")
    equal((told["opened_and_locked"], told["in_order"]), (True, True), "with the passphrase")
    equal(lock(world, "vault")["in_order"], True, "once it was locked")


def asks_on_a_terminal(world):
    ours, theirs = pty.openpty()
    asking = world.start("vault", "vault", "wipe", terminal=theirs)
    os.close(theirs)
    shown = b""
    while b"type WIPE" not in shown:
        shown += os.read(ours, 4096)
    equal(lock(world, "vault")["process"], asking.pid, "who asked")
    equal(asking.wait(20), PARTLY, "exit code of the question")
    os.close(ours)
    equal(len(reports(world, "vault")), 1, "nothing was wiped")


def imports(world):
    rows = 6000
    (world.folder / "rows.csv").write_text("what\n" + "".join(f"row {n}\n" for n in range(rows)))
    (world.folder / "map.json").write_text('{"lysoen_mapping": 1, "form": "police-incident", "fields": [{"path": "title", "from": "what"}]}')
    importing = world.start("vault", "--json", "import", "rows.csv", "--mapping", "map.json", pipes=True)
    log = world.folder / "vault/A.db-wal"
    wait_until(lambda: importing.poll() is not None or log.stat().st_size > 300_000, "rows are there")
    told = lock(world, "vault")
    equal((told["was_open"], told["in_order"]), (True, True), "an import that was asked to end")
    ended(importing, PARTLY, "the import was interrupted")
    first = world.reads("vault", "report", "list", "--limit", "1")["total"]
    again = world.reads("vault", "import", "rows.csv", "--mapping", "map.json")
    equal(again["known"] + 1, first, "rows of the first run")
    equal(again["added"] + again["known"], rows, "rows of both")


def syncs(world):
    """A sync that waits for a relay which does not answer."""
    world.cli("vault", "team", "create", "Far team", "--root", "far.key", "--relay", "http://127.0.0.1:9", "--relay-key",
              world.relay_key)
    syncing = world.start("vault", "sync", pipes=True)
    wait_until(lambda: not seen(world, "vault")["in_order"] or syncing.poll() is not None, "the vault is open")
    told = lock(world, "vault")
    equal((told["was_open"], told["in_order"]), (True, True), "a sync that was asked to end")
    ended(syncing, PARTLY, "sync was cancelled")


def deaf(world):
    """Programs that do not end are waited for 10 seconds; one that the system does not name is never sent anything."""
    holders = {}
    for name in ("named", "nameless"):
        shutil.copytree(world.folder / "vault", world.folder / name)
        holders[name] = subprocess.Popen([sys.executable, "-c", DEAF, str(world.folder / name / "lock"), name], stdout=subprocess.PIPE,
                                         text=True)
        equal(holders[name].stdout.readline(), "holds\n", "the holder")
    began = time.monotonic()
    asking = {name: world.start(name, "vault", "lock", environment=NO_WORD, pipes=True) for name in holders}
    ended(asking["named"], IN_USE, f"process {holders['named'].pid} has it open and did not end within 10 seconds")
    ended(asking["nameless"], IN_USE, "a process has it open that cannot be asked from here")
    check(9 < time.monotonic() - began < 25, "it waits for 10 seconds")
    for name, holder in holders.items():
        holder.kill()
        heard, _ = holder.communicate(timeout=20)
        equal(heard.split(), ["asked"] if name == "named" else [], f"signals to the {name} one")


def wipe_goes_on(world):
    """A wipe that a duress passphrase began, and its program was killed: the lock ends it without a passphrase."""
    world.cli("real", "init")
    world.cli("real", "vault", "duress", "add", environment={"LYSOEN_COVER_PASSPHRASE": COVER, "LYSOEN_DURESS_PASSPHRASE": DURESS})
    os.mkfifo(world.folder / "story")
    under_force = world.start("real", "report", "new", "--form", "police-incident", "--json", "story",
                              environment={"LYSOEN_PASSPHRASE": DURESS})
    wait_until(lambda: not seen(world, "real")["in_order"], "the cover is open")
    under_force.kill()
    under_force.wait(20)
    check(world.reads("real", "inspect", world.folder / "real")["wiping"], "a wipe was begun")
    lock(world, "real")
    check(not world.reads("real", "inspect", world.folder / "real")["wiping"], "it was ended")


def says_what_it_is(world):
    size = sum(file.stat().st_size for file in (world.folder / "vault").iterdir())
    told = world.reads("vault", "vault", "info")
    equal((told["reports"], told["drafts"], told["passphrases"], told["team"], told["cover"]), (1, 1, 1, None, "none"), "what it is")
    check(told["last_session_in_order"] and told["sound_at"] is None and not told["guarded"], told)
    equal(len(told["vault"]), 64, "its id")
    equal(told["bytes"], size, "its size")
    world.cli("vault", "vault", "check")
    check(world.reads("vault", "vault", "info")["sound_at"], "a check is remembered")
    lines = world.cli("vault", "vault", "info").out.splitlines()
    check(8 <= len(lines) <= 24 and max(map(len, lines)) <= 120, "one screen")
    outside = world.cli("vault", "vault", "info", environment=NO_WORD).out  # nothing given, nobody to ask
    check("seen without its passphrase" in outside and "reports" not in outside, outside)


def main(build):
    began = time.monotonic()
    with World(build) as world:
        world.make_relay()
        world.refuses("nowhere", 3, "no vault|no such|not there|is no", "vault", "lock")
        check(not (world.folder / "nowhere").exists(), "looking makes no folder")
        world.cli("vault", "init")
        new_report(world, "vault", "police-incident", "title=Before anybody knocked", submit=False)
        for part in (says_what_it_is, waits_for_answers, dead, asks_on_a_terminal, imports, syncs, deaf, wipe_goes_on):
            part(world)
        print(f"knock: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
