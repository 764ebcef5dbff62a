#!/usr/bin/env python3
"""Bad input with real processes: each gets one clear message with a hint and the documented exit code, leaves nothing
half-written and loses nothing. Usage: bad_input.py BUILD"""
import json
import re
import signal
import subprocess
import sys
import time

from main_job import new_report, reports
from world import World, check, equal

USAGE, REFUSED, PASSPHRASE, NETWORK, DAMAGED, PARTLY, IN_USE, TRUST, STORAGE = 2, 3, 4, 5, 6, 7, 8, 9, 10


def refused(world, vault, code, words, *arguments, **options):
    """The command fails with this code, one error line that says `words` and one hint; standard output stays empty."""
    done = world.cli(vault, *arguments, expect=None, **options)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    hints = [line for line in done.err.splitlines() if line.startswith("hint: ")]
    what = " ".join(map(str, arguments))
    equal(done.code, code, f"exit code of '{what}' ({done.err.strip()})")
    equal(len(errors), 1, f"error lines of '{what}': {done.err}")
    equal(len(hints), 1, f"hints of '{what}': {done.err}")
    check(re.search(words, errors[0]), f"'{what}' should say '{words}': {errors[0]}")
    return done


# -- The vault ----------------------------------------------------------------------------------------------------------

def vault_messages(world):
    refused(world, "monitor", PASSPHRASE, "passphrase", "status", environment={"LYSOEN_PASSPHRASE": "not this one"})
    refused(world, "nowhere", REFUSED, "no vault|no such", "status")
    world.cli("monitor", "status")  # nothing was harmed
    holder = world.start("monitor", "sync", "--deadline", "20")  # the relay is down: it holds the vault while it waits
    for _ in range(50):
        time.sleep(0.1)
        done = world.cli("monitor", "status", expect=None)
        if done.code == IN_USE:
            break
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    equal(done.code, IN_USE, "a second process")
    check("another process has it open" in done.err and "hint:" in done.err, done.err)
    world.cli("monitor", "status")


def answers(world):
    before = len(reports(world, "monitor"))
    new = ("report", "new", "--form", "police-incident", "--set")
    refused(world, "monitor", REFUSED, "no form 'no-such'", "report", "new", "--form", "no-such")
    refused(world, "monitor", REFUSED, "no question 'nothing'", *new, "nothing=1")
    refused(world, "monitor", REFUSED, "persons/sex.*choice", *new, "persons[1]/sex=green")
    refused(world, "monitor", REFUSED, "event_date", *new, "event_date=2026-02-30")
    refused(world, "monitor", REFUSED, "place.*latitude", *new, "place=91 10")
    secret = "not to be repeated anywhere"
    done = refused(world, "monitor", REFUSED, "officers", *new, "officers=" + secret)
    check(secret not in done.err, "an error repeats what was written")
    refused(world, "monitor", USAGE, "PATH=VALUE", *new, "title")
    equal(len(reports(world, "monitor")), before, "drafts after refusals")
    draft = new_report(world, "monitor", "police-incident", "settlement=Somewhere", submit=False)
    refused(world, "monitor", REFUSED, "title", "report", "submit", draft)
    refused(world, "monitor", REFUSED, "no report", "report", "show", "ffffffff")
    world.cli("monitor", "report", "discard", draft)


# -- Imports ------------------------------------------------------------------------------------------------------------

def import_messages(world):
    mapping = {"lysoen_mapping": 1, "form": "police-incident", "fields": [
        {"path": "title", "from": "what"}, {"path": "event_date", "from": "day"}, {"path": "place", "from": ["lat", "lon"]}]}
    (world.folder / "map.json").write_text(json.dumps(mapping))
    header = b"what,day,lat,lon\r\n"

    def importing(content, *extra):
        (world.folder / "in.csv").write_bytes(content)
        return ("import", "in.csv", "--mapping", "map.json", "--refused", "aside.csv", *extra)

    before = len(reports(world, "monitor"))
    refused(world, "monitor", REFUSED, "line 3 is not UTF-8", *importing(header + b"a,2026-01-01,1,2\r\ncaf\xe9,2026-01-01,1,2\r\n"))
    refused(world, "monitor", REFUSED, "quote.*never closed", *importing(header + b'a,2026-01-01,1,2\r\n"open,2026-01-01,1,2\r\n'))
    refused(world, "monitor", REFUSED, "no column 'day'", *importing(b"what,lat,lon\r\na,1,2\r\n"))
    refused(world, "monitor", REFUSED, "no such file", "import", "missing.csv", "--mapping", "map.json")
    equal(len(reports(world, "monitor")), before, "reports after refused files")

    bad = header + b"good,2026-01-05,10,20\r\nday,2026-02-30,1,2\r\nlat,2026-01-01,95,2\r\nlarge" + b"x" * 10_000_000 + b",2026-01-01,1,2\r\nalso good,,,\r\n"
    done = world.cli("monitor", "--json", *importing(bad), expect=PARTLY)
    equal((done.json()["added"], done.json()["refused"]), (2, 3), "rows taken and set aside")
    aside = (world.folder / "aside.csv").read_text()
    for words in ("event_date", "latitude", "64 KiB"):
        check(words in aside, f"the reasons name {words}: {aside[:400]}")
    equal(world.cli("monitor", "--json", *importing(bad), expect=PARTLY).json()["added"], 0, "the same file again adds nothing")
    latin = header + "Übergriff – Straße,2026-01-05,10,20\r\n".encode("cp1252")
    world.cli("monitor", *importing(latin, "--encoding", "windows-1252"))
    check(any(report["title"] == "Übergriff – Straße" for report in reports(world, "monitor")), "true Windows-1252 is decoded")
    (world.folder / "map.json").write_text('{"lysoen_mapping": 1, "form": "police-incident", "fields": [{"path": "nope", "from": "what"}]}')
    refused(world, "monitor", REFUSED, "no question 'nope'", *importing(header))


# -- The wire -----------------------------------------------------------------------------------------------------------

def wire_messages(world):
    sync = ("sync", "--deadline", "6")
    refused(world, "monitor", NETWORK, "", *sync)
    world.start_relay()
    world.admit_team()
    world.cli("amina", "sync")
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n<html>sign in</html>\r\n"
    harms = {
        "a page with 200": lambda data: page,
        "a cut answer": lambda data: data[: len(data) // 2],
        "a flipped bit": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "nothing": lambda data: b"",
    }
    unsent = world.reads("monitor", "status")["unsent_entries"]
    check(unsent > 0, "there is something to send")
    for name, harm in harms.items():
        world.recorder.harm = harm
        done = refused(world, "monitor", NETWORK, "", *sync)
        print(f"{name}: {done.err.splitlines()[-2]}")
    world.recorder.harm = None
    world.cli("monitor", "sync")
    equal(world.reads("monitor", "status")["unsent_entries"], 0, "everything went once the way was clear")

    world.stop_relay()  # another relay at the same address
    (world.folder / "relay").rename(world.folder / "relay.first")
    world.relay("keygen", "--store", "relay")
    world.start_relay()
    refused(world, "monitor", NETWORK, "", *sync)
    world.stop_relay()
    subprocess.run(["rm", "-rf", str(world.folder / "relay")], check=True)
    (world.folder / "relay.first").rename(world.folder / "relay")


def bundle_messages(world):
    world.cli("patrol", "bundle", "export", "whole.bundle")
    whole = (world.folder / "whole.bundle").read_bytes()
    before = reports(world, "amina")
    for _ in range(12):
        cut = world.random.randrange(len(whole))
        (world.folder / "cut.bundle").write_bytes(whole[:cut])
        done = world.cli("amina", "bundle", "import", "cut.bundle", expect=None)
        check(done.code in (DAMAGED, PARTLY), f"a bundle cut at {cut} of {len(whole)}: exit {done.code}")
        check("error: " in done.err and "hint: " in done.err, done.err)
    flipped = bytearray(whole)
    flipped[world.random.randrange(len(whole))] ^= 4
    (world.folder / "flipped.bundle").write_bytes(flipped)
    check(world.cli("amina", "bundle", "import", "flipped.bundle", expect=None).code in (DAMAGED, PARTLY), "a flipped bit")
    world.cli("amina", "bundle", "import", "whole.bundle")
    check(len(reports(world, "amina")) > len(before), "the whole bundle brings what the cut ones could not")
    refused(world, "patrol", REFUSED, "there already", "bundle", "export", "whole.bundle")


# -- Invites ------------------------------------------------------------------------------------------------------------

def invite_messages(world):
    refused(world, "joiner", REFUSED, "", "join", "lysoen://join#bm90IGFuIGludml0ZQ")
    check(not (world.folder / "joiner").exists() or world.cli("joiner", "status", expect=None).code == 0, "no half a vault")
    world.cli("other", "team", "create", "Another team", "--root", "other.key")
    world.cli("other", "invite", "--file", "other.invite")
    refused(world, "monitor", REFUSED, "team", "join", "other.invite")
    world.cli("stranger", "join", "other.invite", "--request", "stranger.request")
    refused(world, "amina", TRUST, "", "admit", "stranger.request")


# -- The relay's store --------------------------------------------------------------------------------------------------

def relay_store_messages(world):
    """Full: the store on a tiny file system of its own. Skipped where mounting is not allowed."""
    full = world.folder / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(full)], capture_output=True).returncode != 0:
        print("SKIPPED: a full relay store (mounting is not allowed here)")
        return
    try:
        subprocess.run(["cp", "-a", f"{world.folder}/relay", f"{full}/relay"], check=True)
        (world.folder / "relay").rename(world.folder / "relay.kept")
        (world.folder / "relay").symlink_to(full / "relay")
        world.start_relay()
        new_report(world, "patrol", "police-incident", "title=Does not fit")
        world.cli("patrol", "sync")
        filler = full / "filler"
        with open(filler, "wb") as out:
            try:
                while True:
                    out.write(b"\0" * 65536)
                    out.flush()
            except OSError:
                pass
        new_report(world, "patrol", "police-incident", "title=The disk is full")
        done = world.cli("patrol", "sync", "--deadline", "6", expect=None)
        check(done.code in (NETWORK, PARTLY, STORAGE), f"a full relay: exit {done.code} {done.err}")
        print("a full relay:", [line for line in done.err.splitlines() if "error" in line or "warning" in line])
        check(world.reads("patrol", "status")["unsent_entries"] > 0, "nothing counts as held that is not stored")
        filler.unlink()
        world.stop_relay()
        world.start_relay()
        world.cli("patrol", "sync")
        equal(world.reads("patrol", "status")["unsent_entries"], 0, "once there is room, it goes")
        world.stop_relay()
    finally:
        world.stop_relay()
        subprocess.run(["umount", str(full)], capture_output=True)
        (world.folder / "relay").unlink(missing_ok=True)
        if (world.folder / "relay.kept").exists():
            (world.folder / "relay.kept").rename(world.folder / "relay")


def main(build):
    with World(build) as world:
        world.make_team("amina")
        world.join_by_files("bruno", "coordinator")
        for reporter in ("monitor", "patrol"):
            world.join_by_files(reporter, "reporter")
        vault_messages(world)
        answers(world)
        import_messages(world)
        new_report(world, "patrol", "police-incident", "title=Only on this device")
        bundle_messages(world)
        wire_messages(world)
        invite_messages(world)
        relay_store_messages(world)
        print("bad input: done")


if __name__ == "__main__":
    main(sys.argv[1])
