#!/usr/bin/env python3
"""The main job with real processes: join by files and through the relay, write offline, die, carry a bundle, conflict,
sync, levels, retract, status, resolve, exports. Usage: main_job.py BUILD"""
import csv
import json
import signal
import sys
import time

from world import World, check, equal


def id_of(finished):
    return finished.json()["id"]


def new_report(world, vault, form, *sets, submit=True, **options):
    arguments = [part for set_ in sets for part in ("--set", set_)]
    sent = ["--submit"] if submit else []
    return id_of(world.cli(vault, "--json", "report", "new", "--form", form, *arguments, *sent, **options))


def everyone_syncs(world, *vaults, rounds=2):
    for _ in range(rounds):
        for vault in vaults:
            world.cli(vault, "sync")


def reports(world, vault, **options):
    return world.reads(vault, "report", "list", "--limit", "0", **options)["reports"]


def writing_survives_kills(world):
    draft = new_report(world, "patrol", "police-incident", "title=Market stall robbed", submit=False)
    acknowledged = 0
    for turn in range(8):
        writer = world.start("patrol", "report", "edit", draft, "--set", f"officers={turn + 1}")
        time.sleep(world.random.uniform(0, 0.08))
        writer.send_signal(signal.SIGKILL) if turn % 2 else None
        if writer.wait(20) == 0:
            acknowledged = turn + 1
        shown = world.reads("patrol", "report", "show", draft)["fields"].get("officers")
        on_device = int(shown[0]["value"]) if shown else 0
        check(on_device >= acknowledged, f"edit {acknowledged} was acknowledged, the device has {on_device}")
    world.cli("patrol", "report", "edit", draft, "--set", "event_date=2026-11-21", "--set", "place=48.1512 37.7631", "--submit")


def conflict_through_bundle(world):
    violation = new_report(world, "monitor", "human-rights-violation", "title=House searched at night", "event_date=2026-11-20",
                           "place=48.1400 37.7400", "place_name=North quarter", "detained=2")
    world.cli("monitor", "bundle", "export", "stick.bundle")
    for _ in range(2):  # a second time changes nothing
        taken = world.reads("amina", "bundle", "import", "stick.bundle")
    equal(taken["stored"], 0, "entries of a bundle imported twice")
    equal(world.reads("monitor", "report", "show", violation)["level"], "carried", "level after a bundle")
    world.cli("monitor", "report", "edit", violation, "--set", "detained=3")
    world.cli("amina", "report", "edit", violation, "--set", "detained=1", "--set", "cause=raid")
    return violation


def one_conflict_everywhere(world, violation):
    for vault in ("amina", "bruno"):
        differing = world.reads(vault, "report", "conflicts")["reports"]
        equal([report["id"] for report in differing], [violation], f"{vault}: reports that differ")
        values = differing[0]["fields"]["detained"]
        equal(sorted(value["value"] for value in values), ["1", "3"], f"{vault}: both values")
        authors = {value["value"]: value["author"].replace(" (this device)", "") for value in values}
        equal(authors, {"1": "amina", "3": "monitor"}, f"{vault}: who wrote which")


def joining_through_the_relay(world):
    link = world.reads("amina", "invite", "--role", "reporter", "--name", "late")["link"]
    world.cli("amina", "sync")  # the relay learns of the invite
    asked = world.reads("late", "join", link)
    check(not asked["joined"], "nobody has admitted the joiner yet")
    world.cli("amina", "sync")
    waiting = world.reads("amina", "admit")
    equal([request["check_words"] for request in waiting], [asked["check_words"]], "the same words on both sides")
    world.cli("amina", "admit", waiting[0]["id"][:12])
    world.cli("amina", "sync")
    check(world.reads("late", "join")["joined"], "the welcome came through the relay")
    new_report(world, "late", "mine-hazard", "title=Shell in a field")
    everyone_syncs(world, "late", "bruno", "late", rounds=1)
    check(any(report["title"] == "Shell in a field" for report in reports(world, "bruno")), "a late joiner's report arrives")
    used = world.cli("second", "join", link, "--request", "second.request")
    refused = world.cli("amina", "admit", "second.request", expect=None)
    equal(refused.code, 9, "exit code for an invite used twice")
    check("used" in refused.err, f"the message says that the invite was used: {refused.err}")


def qr_codes_are_read(world):
    """A reader that is not ours (zbar) reads one invite off the picture and off the terminal, and it is a good one."""
    made = world.cli("amina", "invite", "--name", "by camera", "--qr-png", "invite.png", "--qr").out
    rows = [line.removeprefix("\033[30;107m").removesuffix("\033[0m") for line in made.splitlines() if line.startswith("\033[30;107m")]
    pixels = [[0 if mark in dark else 255 for mark in row for _ in range(6)] for row in rows for dark in ("█▀", "█▄") for _ in range(6)]
    with open(world.folder / "terminal.pgm", "wb") as picture:
        picture.write(b"P5 %d %d 255\n" % (len(pixels[0]), len(pixels)) + bytes(value for line in pixels for value in line))
    links = [world.run("zbarimg", "--quiet", "--raw", name).out.strip() for name in ("invite.png", "terminal.pgm")]
    equal(links[0], links[1], "what a QR reader sees in the picture and on the terminal")
    world.cli("camera", "join", links[0], "--request", "camera.request")
    world.cli("amina", "admit", "camera.request", "--welcome", "camera.welcome")
    check(world.reads("camera", "join", "--finish", "camera.welcome")["joined"], "an invite read by a camera is good")


def exports_agree(world):
    world.cli("bruno", "export", "out.geojson")
    world.cli("bruno", "export", "out.csv")
    world.cli("bruno", "export", "out.html")
    features = json.loads((world.folder / "out.geojson").read_text())["features"]
    rows = list(csv.DictReader(open(world.folder / "out.csv", newline="")))
    equal(sorted(feature["id"] for feature in features), sorted(row["report"] for row in rows), "GeoJSON and CSV hold the same reports")
    page = (world.folder / "out.html").read_text()
    check("http://" not in page.split('<script type="application/json"')[0], "the page loads nothing")
    check('[37.7400,48.1400]' in (world.folder / "out.geojson").read_text().replace(" ", ""), "coordinates keep their digits")


def main(build):
    with World(build) as world:
        world.make_team("amina")
        world.join_by_files("bruno", "coordinator")
        for reporter in ("monitor", "patrol", "mines"):
            world.join_by_files(reporter, "reporter")
        unreachable = world.cli("monitor", "sync", "--deadline", "3", expect=5)
        check("hint:" in unreachable.err, "an unreachable relay comes with a hint")

        writing_survives_kills(world)
        violation = conflict_through_bundle(world)
        withdrawn = new_report(world, "mines", "mine-hazard", "title=Written by mistake")
        world.cli("mines", "report", "retract", withdrawn, "--reason", "wrong place")
        new_report(world, "mines", "mine-hazard", "title=Row of mines", "event_date=2026-11-22", "place=48.2034 37.8120 0 4",
                   "victims[1]/age=14", "victims[1]/sex=male", "victims[2]/age=40")

        world.start_relay()
        before = world.cli("monitor", "sync", expect=None)
        equal(before.code, 9, "a relay that was not told of the team refuses it")
        world.admit_team()
        everyone_syncs(world, "amina", "monitor", "patrol", "mines", "bruno")
        everyone_syncs(world, "amina", "bruno", "monitor", "patrol", "mines", rounds=1)

        for vault in ("amina", "bruno"):
            seen = reports(world, vault)
            equal(len(seen), 3, f"{vault}: reports, each once, without the retracted one")
            equal(len({report["id"] for report in seen}), 3, f"{vault}: ids differ")
        one_conflict_everywhere(world, violation)
        equal(world.reads("monitor", "report", "show", violation)["level"], "opened", "the reporter sees that it was opened")
        world.cli("bruno", "report", "read", violation[:8])
        everyone_syncs(world, "bruno", "monitor", rounds=1)
        equal(world.reads("monitor", "report", "show", violation)["level"], "read", "the reporter sees that a person read it")

        world.cli("bruno", "report", "resolve", violation, "detained", "3")
        world.cli("bruno", "report", "status", violation, "verified", "--reason", "two sources")
        everyone_syncs(world, "bruno", "amina", rounds=1)
        shown = world.reads("amina", "report", "show", violation)
        equal([value["value"] for value in shown["fields"]["detained"]], ["3"], "settled at both coordinators")
        equal(shown["status"], "verified", "status arrives")
        equal(shown["fields"]["cause"][0]["value"], "raid", "an edit of another field needs no decision")

        joining_through_the_relay(world)
        qr_codes_are_read(world)
        exports_agree(world)
        world.cli("amina", "sync")
        again = world.reads("amina", "sync")
        equal((again["entries_sent"], again["entries_received"]), (0, 0), "a sync with nothing new moves nothing")
        world.stop_relay()
        known = world.run(world.lysoen, "--json", "inspect", "relay").out
        check("House searched" not in known and "amina" not in known, "the relay's store names nobody")
        check(json.loads(known)["feeds"], "inspect lists the feeds")
        print("main job: done")


if __name__ == "__main__":
    main(sys.argv[1])
