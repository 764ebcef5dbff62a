#!/usr/bin/env python3
"""Bad input with real processes: each gets one clear message with a hint and the documented exit code, leaves nothing
half-written and loses nothing. Usage: bad_input.py BUILD"""
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time

from main_job import new_report, reports
from world import SmallDisk, World, alone, check, check_refusal, equal

USAGE, REFUSED, PASSPHRASE, NETWORK, DAMAGED, PARTLY, IN_USE, TRUST, STORAGE = 2, 3, 4, 5, 6, 7, 8, 9, 10


def days_later(days):
    return {"LYSOEN_TEST_CLOCK_DAYS": str(days)}


def unsent(world, vault):
    return world.reads(vault, "status")["unsent_entries"]


# -- The vault ----------------------------------------------------------------------------------------------------------

def vault_messages(world):
    world.refuses("monitor", PASSPHRASE, "wrong passphrase", "status", environment={"LYSOEN_PASSPHRASE": "not this one"})
    world.refuses("nowhere", REFUSED, "no vault in this folder", "status")
    check(not (world.folder / "nowhere").exists(), "looking makes no folder")
    vault_in_use(world)
    slots = world.folder / "monitor/slots"
    good = slots.read_bytes()
    newer = good[:8] + bytes([0, 0, 0, 7]) + good[12:68]
    slots.write_bytes(newer + hashlib.sha256(newer).digest() + good[100:])
    world.refuses("monitor", REFUSED, "made by a newer version .slot file 7, this one reads up to 0", "status")
    slots.write_bytes(good)
    world.cli("monitor", "status")  # nothing was harmed


def vault_in_use(world):
    """Another process opens the vault and waits for answers from a pipe."""
    pipe = world.folder / "answers"
    os.mkfifo(pipe)
    holder = world.start("monitor", "report", "new", "--form", "police-incident", "--json", pipe)
    with open(pipe, "w") as answers:  # returns once the other end is open, and so the vault
        world.refuses("monitor", IN_USE, "another process has it open", "status")
        world.refuses("monitor", IN_USE, "another process has it open", "sync")
        answers.write('{"title": "Written while another process knocked"}')
    equal(holder.wait(20), 0, "the process that had the vault")
    found = [report for report in reports(world, "monitor") if "knocked" in report["title"]]
    equal(len(found), 1, "its report")
    world.cli("monitor", "report", "discard", found[0]["id"])


# -- The roster ---------------------------------------------------------------------------------------------------------

def expired_roster(world):
    """Warns, never blocks writing."""
    later = days_later(400)
    done = world.cli("patrol", "status", environment=later)
    equal(done.err.count("the roster ran out on "), 1, f"warnings: {done.err}")
    check("writing goes on; ask an admin to renew it" in done.err, done.err)
    check(world.reads("patrol", "members", environment=later)["expired"], "`members` says so too")
    written = world.cli("patrol", "--json", "report", "new", "--form", "police-incident", "--set", "title=After the roster ran out",
                        "--submit", environment=later)
    equal(written.json()["state"], "submitted", "a report after the roster ran out")
    # The admin's certificate ran out before it: the root key makes both anew, and the others hear of it.
    world.refuses("amina", TRUST, "the admin certificate ran out on ", "team", "renew", environment=later)
    world.cli("amina", "team", "renew", "--root", "root.key", environment=later)
    world.cli("amina", "bundle", "export", "renewed.bundle", environment=later)
    world.cli("bruno", "bundle", "import", "renewed.bundle", environment=later)
    check(not world.reads("bruno", "members", environment=later)["expired"], "a renewed roster is valid again")


def rolled_back_roster(world):
    """An admin's device comes back from an old copy and makes another version of what others hold already."""
    shutil.copytree(world.folder / "amina", world.folder / "amina.old")
    world.cli("amina", "bundle", "export", "old.bundle")
    world.join_by_files("carla", "reporter")
    world.cli("amina", "bundle", "export", "new.bundle")
    world.cli("bruno", "bundle", "import", "new.bundle")
    held = world.reads("bruno", "members")
    world.cli("bruno", "bundle", "import", "old.bundle")  # a carrier that is behind: nothing is taken back
    equal(world.reads("bruno", "members")["roster_hash"], held["roster_hash"], "the roster after an older one came")

    (world.folder / "amina").rename(world.folder / "amina.true")
    (world.folder / "amina.old").rename(world.folder / "amina")
    world.join_by_files("dario", "reporter")
    world.cli("amina", "bundle", "export", "fork.bundle")
    done = world.cli("bruno", "bundle", "import", "fork.bundle", expect=None)
    check_refusal(done, TRUST, "two versions of the roster", "bundle import")
    check("show this to an admin" in done.err, done.err)
    equal(world.reads("bruno", "members")["roster_hash"], held["roster_hash"], "the roster after the fork")
    check(any("two versions of the roster" in notice for notice in world.reads("bruno", "status")["notices"]), "it stays in sight")
    new_report(world, "bruno", "police-incident", "title=Work goes on")
    shutil.rmtree(world.folder / "amina")
    (world.folder / "amina.true").rename(world.folder / "amina")


def another_root(world):
    """Another team's root and files. A roster that an insider signs with another root: tests/unit/vault/team_test.cc."""
    version = world.reads("amina", "members")["roster_version"]
    relay = ("team", "relay", "add", "http://127.0.0.1:9", "--relay-key", world.relay_key, "--root")
    world.refuses("amina", TRUST, "of another team", *relay, "other.key")
    world.refuses("amina", PASSPHRASE, "passphrase", *relay, "root.key", environment={"LYSOEN_ROOT_PASSPHRASE": "not this"})
    equal(world.reads("amina", "members")["roster_version"], version, "the roster after refusals")
    world.cli("other", "bundle", "export", "other.bundle")
    world.refuses("monitor", DAMAGED, "damaged or not for this team", "bundle", "import", "other.bundle")


# -- Invites ------------------------------------------------------------------------------------------------------------

def invite_messages(world):
    invite_used_twice(world)
    invite_expired(world)
    invite_for_another_team(world)
    link = world.reads("amina", "invite", "--name", "late")["link"]
    for damaged in ("lysoen://join#bm90IGFuIGludml0ZQ", link[:-1], link[:-20], link[:40] + ("A" if link[40] != "A" else "B") + link[41:]):
        world.refuses("joiner", REFUSED, "cannot read the invite", "join", damaged)
    check(not (world.folder / "joiner").exists(), "an invite that cannot be used makes no vault")


def invite_used_twice(world):
    world.cli("amina", "invite", "--name", "once", "--file", "once.invite")
    for vault in ("first", "second"):
        world.cli(vault, "join", "once.invite", "--request", f"{vault}.request")
    world.refuses("amina", REFUSED, "no such folder", "admit", "first.request", "--welcome", "no/such/first.welcome")
    world.cli("amina", "admit", "first.request", "--welcome", "first.welcome")  # the refusal did not use it up
    version = world.reads("amina", "members")["roster_version"]
    for request in ("first.request", "second.request"):
        world.refuses("amina", TRUST, "this invite was used already", "admit", request)
    equal(world.reads("amina", "members")["roster_version"], version, "the roster after refusals")
    world.refuses("second", TRUST, "welcome", "join", "--finish", "first.welcome")
    world.cli("first", "join", "--finish", "first.welcome")
    world.refuses("first", REFUSED, "belongs to a team already", "join", "--finish", "first.welcome")


def invite_expired(world):
    world.cli("amina", "invite", "--name", "slow", "--file", "slow.invite")
    world.refuses("slow", TRUST, "ran out on", "join", "slow.invite", environment=days_later(8))
    check(not (world.folder / "slow").exists(), "an invite that ran out makes no vault")
    world.cli("slow", "join", "slow.invite", "--request", "slow.request")
    world.refuses("amina", TRUST, "ran out on", "admit", "slow.request", environment=days_later(8))


def invite_for_another_team(world):
    world.cli("other", "invite", "--name", "lost", "--file", "other.invite")
    world.refuses("monitor", REFUSED, "belongs to a team already", "join", "other.invite")
    world.cli("lost", "join", "other.invite", "--request", "lost.request")
    world.refuses("amina", TRUST, "the invite was not made on this device", "admit", "lost.request")
    world.refuses("lost", TRUST, "welcome", "join", "--finish", "first.welcome")


# -- Answers ------------------------------------------------------------------------------------------------------------

def answers(world):
    before = reports(world, "monitor")
    new = ("report", "new", "--form", "police-incident", "--set")
    world.refuses("monitor", REFUSED, "no form 'no-such'", "report", "new", "--form", "no-such")
    world.refuses("monitor", REFUSED, "no question 'nothing'", *new, "nothing=1")
    world.refuses("monitor", REFUSED, "persons/sex.*choice", *new, "persons[1]/sex=green")
    world.refuses("monitor", REFUSED, "event_date", *new, "event_date=2026-02-30")
    world.refuses("monitor", REFUSED, "place.*latitude", *new, "place=91 10")
    secret = "not to be repeated anywhere"
    for given in ("officers=" + secret, "persons[1]/sex=" + secret, "event_date=" + secret):
        check(secret not in world.refuses("monitor", REFUSED, given.split("=")[0].replace("[1]", ""), *new, given).err,
              "an error repeats what was written")
    check(secret not in world.refuses("monitor", USAGE, "", *new, "title=T", secret).err, "an error repeats a stray word")
    world.refuses("monitor", USAGE, "PATH=VALUE", *new, "title")
    equal(reports(world, "monitor"), before, "reports after refusals")
    draft = new_report(world, "monitor", "police-incident", "settlement=Somewhere", submit=False)
    world.refuses("monitor", REFUSED, "title", "report", "submit", draft)
    world.refuses("monitor", REFUSED, "no question", "report", "edit", draft, "--set", "settlement=Elsewhere", "--set", "nothing=1")
    equal(world.reads("monitor", "report", "show", draft)["fields"]["settlement"][0]["value"], "Somewhere", "all or nothing")
    world.refuses("monitor", REFUSED, "no report", "report", "show", "ffffffff")
    world.cli("monitor", "report", "discard", draft)
    done = world.refuses("monitor", REFUSED, "title", *new, "settlement=Nowhere", "--submit")
    kept = re.search(r"saved as draft (\w+), not submitted", done.err)
    check(kept, done.err)
    world.cli("monitor", "report", "discard", kept[1])


# -- Imports ------------------------------------------------------------------------------------------------------------

HEADER = b"what,day,lat,lon\r\n"


def importing(world, content, *more):
    (world.folder / "in.csv").write_bytes(content)
    return ("import", "in.csv", "--mapping", "map.json", "--refused", "aside.csv", *more)


def import_messages(world):
    mapping = {"lysoen_mapping": 1, "form": "police-incident", "fields": [
        {"path": "title", "from": "what"}, {"path": "event_date", "from": "day"}, {"path": "place", "from": ["lat", "lon"]}]}
    (world.folder / "map.json").write_text(json.dumps(mapping))
    files_refused_whole(world)
    rows_set_aside(world)
    latin = HEADER + "Übergriff – Straße,2026-01-05,10,20\r\n".encode("cp1252")
    world.refuses("monitor", REFUSED, "line 2 is not UTF-8", *importing(world, latin))
    world.cli("monitor", *importing(world, latin, "--encoding", "windows-1252"))
    check(any(report["title"] == "Übergriff – Straße" for report in reports(world, "monitor")), "true Windows-1252 is decoded")
    mapping["fields"][0]["path"] = "nope"
    (world.folder / "map.json").write_text(json.dumps(mapping))
    world.refuses("monitor", REFUSED, "no question 'nope'", *importing(world, HEADER))


def files_refused_whole(world):
    before = reports(world, "monitor")
    row = b"a,2026-01-01,1,2\r\n"
    for words, content in (("line 3 is not UTF-8", HEADER + row + b"caf\xe9,2026-01-01,1,2\r\n"),
                           ("line 2 has a byte that Windows-1252 does not define", HEADER + b"\x81,2026-01-01,1,2\r\n"),
                           ("quote.*line 6002 is never closed", HEADER + row * 6000 + b'"open,2026-01-01,1,2\r\n'),
                           ("no column 'day'", b"what,lat,lon\r\na,1,2\r\n")):
        encoding = ("--encoding", "windows-1252") if "1252" in words else ()
        world.refuses("monitor", REFUSED, words, *importing(world, content, *encoding))
    world.refuses("monitor", REFUSED, "no such file", "import", "missing.csv", "--mapping", "map.json")
    world.refuses("monitor", REFUSED, "no such file", "import", "in.csv", "--mapping", "missing.json")
    world.refuses("monitor", USAGE, "cannot go into a file that is read", "import", "in.csv", "--mapping", "map.json", "--refused", "in.csv")
    check((world.folder / "in.csv").stat().st_size > 0, "the source is as it was")
    equal(reports(world, "monitor"), before, "reports after refused files")
    check(not (world.folder / "aside.csv").exists(), "nothing is set aside of a refused file")


def rows_set_aside(world):
    before = len(reports(world, "monitor"))
    content = (HEADER + b"good,2026-01-05,10,20\r\nday,2026-02-30,1,2\r\nlat,2026-01-01,95,2\r\nlarge" + b"x" * 10_000_000 +
               b",2026-01-01,1,2\r\nalso good,,,\r\n")
    done = world.cli("monitor", "--json", *importing(world, content), expect=PARTLY)
    equal((done.json()["added"], done.json()["refused"]), (2, 3), "rows taken and set aside")
    check("rows do not fit; they are in aside.csv" in done.err, done.err)
    aside = (world.folder / "aside.csv").read_text()
    for words in ("event_date", "latitude", "64 KiB"):
        check(words in aside, f"the reasons name {words}: {aside[:400]}")
    again = world.cli("monitor", "--json", *importing(world, content), expect=PARTLY).json()
    equal((again["added"], again["known"]), (0, 2), "the same file again")
    equal(len(reports(world, "monitor")), before + 2, "reports")


# -- Bundles ------------------------------------------------------------------------------------------------------------

def bundle_messages(world):
    """A sample of cuts with real processes; every cut of a small bundle: tests/unit/bundle/bundle_test.cc."""
    world.cli("patrol", "bundle", "export", "whole.bundle")
    whole = (world.folder / "whole.bundle").read_bytes()
    before = reports(world, "amina")
    cuts = [0, 1, 31, len(whole) - 1] + [world.random.randrange(len(whole)) for _ in range(8)]
    for number, cut in enumerate(cuts):
        (world.folder / "cut.bundle").write_bytes(whole[:cut])
        done = world.cli("amina", "bundle", "import", "cut.bundle", expect=None)
        check_refusal(done, PARTLY if done.code == PARTLY else DAMAGED, "'cut.bundle'.* (damaged|cut short)", f"a bundle cut at {cut}")
    flipped = bytearray(whole)
    flipped[world.random.randrange(len(whole))] ^= 1 << world.random.randrange(8)
    (world.folder / "flipped.bundle").write_bytes(flipped)
    check_refusal(world.cli("amina", "bundle", "import", "flipped.bundle", expect=None), DAMAGED, "damaged", "a flipped bit")
    world.cli("amina", "bundle", "import", "whole.bundle")
    check(len(reports(world, "amina")) > len(before), "the whole bundle brings what the cut ones could not")
    world.refuses("patrol", REFUSED, "there already", "bundle", "export", "whole.bundle")
    equal((world.folder / "whole.bundle").read_bytes(), whole, "a bundle that is there is left alone")
    world.refuses("amina", REFUSED, "cannot open the bundle 'none.bundle': there is no such file", "bundle", "import", "none.bundle")


# -- The wire -----------------------------------------------------------------------------------------------------------

SYNC = ("sync", "--once")
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n<html>sign in</html>\r\n"


def flipped_body(answer, at):
    head = answer.index(b"\r\n\r\n") + 4
    at = head + at % (len(answer) - head)
    return answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1:]


def unreachable(world):
    """Nobody listens there; a proxy that must be used is down; a team without a relay."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refuses for as long as it is held
        port = nobody.getsockname()[1]
        world.cli("far", "team", "create", "Far team", "--root", "far.key", "--relay", f"http://127.0.0.1:{port}",
                  "--relay-key", world.relay_key)
        world.refuses("far", NETWORK, f"no exchange with the relay at http://127.0.0.1:{port}: connection refused", *SYNC)
        world.refuses("far", NETWORK, "the proxy that must be used does not answer", *SYNC, "--proxy", f"socks5://127.0.0.1:{port}")
    world.refuses("other", REFUSED, "the team has no relay", *SYNC)


def wire_messages(world):
    unreachable(world)
    new_report(world, "monitor", "police-incident", "title=Waits for a way")
    waiting = unsent(world, "monitor")
    check(waiting > 0, "there is something to send")
    portals(world)
    world.recorder.target = None
    world.refuses("monitor", NETWORK, "no exchange with the relay at http://127.0.0.1:.*the connection was closed", *SYNC)
    world.start_relay()
    world.refuses("monitor", TRUST, "the relay does not serve this team", *SYNC)
    world.admit_team()
    world.refuses("monitor", TRUST, "the relay does not know this device", *SYNC)
    world.cli("amina", "sync")
    answers_changed_on_the_way(world)
    equal(unsent(world, "monitor"), waiting, "nothing counts as sent that no receipt speaks of")
    delivered_twice(world)
    wrong_clocks(world)
    another_key(world)


def portals(world):
    """What stands on the way and answers in the relay's place: each is told apart, with a hint what to do."""
    def status(line, *more):
        return "\r\n".join((f"HTTP/1.1 {line}", "Content-Length: 0", *more, "", "")).encode()

    for words, hint, page in (
            ("a page instead of a relay's answer", "log in", PAGE),
            ("it was redirected elsewhere .302.", "log in", status("302 Found", "Location: http://login.invalid/")),
            ("it was redirected elsewhere .307.", "log in", status("307 Temporary Redirect", "Location: http://login.invalid/")),
            ("a proxy on the way wants a login .407.", "log in", status("407 Proxy Authentication Required", "Proxy-Authenticate: Basic")),
            ("it is too busy .429.", "try again later", status("429 Too Many Requests", "Retry-After: 60")),
            ("it refused the request .511.", "check the relay's address", status("511 Network Authentication Required")),
            ("something answered that does not speak HTTP", "log in", b"220 mail.example ESMTP\r\n")):
        world.recorder.instead = lambda request, ask: page
        done = world.refuses("monitor", NETWORK, words, *SYNC)
        check(hint in done.err, f"the hint for '{words}': {done.err}")
    world.recorder.instead = None


def wrong_clocks(world):
    """Ten years wrong on the device, either way: the exchange does not judge by clocks."""
    for days in (3650, -3650):
        new_report(world, "patrol", "police-incident", "title=Written by a wrong clock")
        world.cli("patrol", "sync", environment=days_later(days))
        equal(unsent(world, "patrol"), 0, f"entries left with a clock that is wrong by {days} days")
        world.cli("bruno", "sync", environment=days_later(-days))
    titles = [report["title"] for report in reports(world, "bruno")]
    equal(titles.count("Written by a wrong clock"), 2, "reports that came whatever the clocks said")


def answers_changed_on_the_way(world):
    place, noise = world.random.randrange(1 << 30), world.random.randbytes(40)
    changed = "something between this device and the relay answered, or changed the answer: it does not open"
    for words, harm in (("the connection was closed before an answer came", lambda answer: b""),
                        ("the answer was cut after 20 bytes", lambda answer: answer[: answer.index(b"\r\n\r\n") + 24]),
                        (changed, lambda answer: flipped_body(answer, place)),
                        (changed, lambda answer: answer[:-40] + noise)):
        world.recorder.instead = lambda request, ask: harm(ask(request))
        world.refuses("monitor", NETWORK, words, *SYNC)
    world.recorder.instead = None


def delivered_twice(world):
    """A proxy delivers every request twice; the device gets the first answer, then, in another sync, the second."""
    for which in (0, 1):
        title = f"Delivered twice, answer {which}"
        new_report(world, "monitor", "police-incident", f"title={title}")
        world.recorder.instead = lambda request, ask: [ask(request), ask(request)][which]
        world.cli("monitor", "sync")
        world.recorder.instead = None
        equal(unsent(world, "monitor"), 0, "entries left")
        world.cli("amina", "sync")
        equal([report["title"] for report in reports(world, "amina")].count(title), 1, f"'{title}' at the coordinator")
    check(world.relay("check", "--store", "relay", "--json").json()["sound"], "the relay's store")
    equal(world.reads("monitor", "status")["forks"], 0, "forks")


def another_key(world):
    """Another relay at the same address."""
    new_report(world, "monitor", "police-incident", "title=Not for this relay")
    world.stop_relay()
    (world.folder / "relay").rename(world.folder / "relay.first")
    world.relay("keygen", "--store", "relay")
    world.start_relay()
    world.refuses("monitor", NETWORK, "refused the request", *SYNC)
    world.stop_relay()
    shutil.rmtree(world.folder / "relay")
    (world.folder / "relay.first").rename(world.folder / "relay")
    check(unsent(world, "monitor") > 0, "nothing counts as sent")


# -- The relay's store --------------------------------------------------------------------------------------------------

def relay_store_messages(world, may_mount):
    if not may_mount:
        print("SKIPPED: full disks on either side, a read-only relay store (mounting is not allowed here)")
        return
    with SmallDisk(world.folder / "small", "64m") as disk:
        world.start_relay()
        full_device(world, disk)
        world.stop_relay()
    with SmallDisk(world.folder / "disk", "16m") as disk:
        kept = world.folder / "relay.kept"
        (world.folder / "relay").rename(kept)
        shutil.copytree(kept, disk.folder / "relay")
        (world.folder / "relay").symlink_to(disk.folder / "relay")
        try:
            full_relay_store(world, disk)
            read_only_relay_store(world, disk)
        finally:
            world.stop_relay()
            (world.folder / "relay").unlink()
            kept.rename(world.folder / "relay")


def full_device(world, disk):
    """The disk of who reads is full when reports come: what does not fit is not taken, and comes once there is room."""
    vault = disk.folder / "bruno"
    shutil.copytree(world.folder / "bruno", vault)
    world.cli("patrol", "sync")
    for number in range(40):
        text = "what_happened=zq" + world.random.randbytes(20_000).hex()
        new_report(world, "patrol", "police-incident", f"title=Large {number}", text)
    world.cli("patrol", "sync")
    disk.fill()
    done = world.refuses(vault, STORAGE, "full|No space left", *SYNC)
    check("zq" not in done.err, "an error repeats what was written")
    disk.make_room()
    world.cli(vault, "sync")
    titles = {report["title"] for report in reports(world, vault)}
    check({f"Large {number}" for number in range(40)} <= titles, "once there is room, all of it comes")
    shutil.rmtree(vault)


def full_relay_store(world, disk):
    world.start_relay()
    world.cli("patrol", "sync")
    disk.fill()
    new_report(world, "patrol", "police-incident", "title=The disk is full")
    waiting = unsent(world, "patrol")
    world.refuses("patrol", STORAGE, "the relay's disk is full", *SYNC)
    equal(unsent(world, "patrol"), waiting, "nothing counts as held that is not stored")
    disk.make_room()
    world.cli("patrol", "sync")
    equal(unsent(world, "patrol"), 0, "once there is room, it goes")
    world.stop_relay()
    check(world.relay("check", "--store", "relay", "--json").json()["sound"], "the store after it was full")


def read_only_relay_store(world, disk):
    disk.make("ro")
    for order in (("serve", "--listen", "127.0.0.1:0"), ("team", "list"), ("check",)):
        done = world.relay(*order, "--store", "relay", expect=None)
        check_refusal(done, STORAGE, "cannot be written|read-only", " ".join(order))
    disk.make("rw")
    world.start_relay()
    new_report(world, "patrol", "police-incident", "title=Writable again")
    world.cli("patrol", "sync")
    equal(unsent(world, "patrol"), 0, "once it can be written, it goes on")


def main(build):
    may_mount = alone(__file__)
    began = time.monotonic()
    with World(build) as world:
        world.make_team("amina")
        world.join_by_files("bruno", "coordinator")
        for reporter in ("monitor", "patrol"):
            world.join_by_files(reporter, "reporter")
        world.cli("other", "team", "create", "Another team", "--root", "other.key")
        new_report(world, "patrol", "police-incident", "title=Only on this device")
        for part in (vault_messages, expired_roster, rolled_back_roster, another_root, invite_messages, answers, import_messages,
                     bundle_messages, wire_messages, lambda world: relay_store_messages(world, may_mount)):
            part(world)
        print(f"bad input: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
