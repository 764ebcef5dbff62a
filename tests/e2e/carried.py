#!/usr/bin/env python3
"""What reaches a relay or a reader by other hands: a stick, a mule that cannot read what it carries, a pocket relay on a laptop
that meets the other relay later, and all of them in circles. Usage: carried.py BUILD"""
import signal
import socket
import sys

from main_job import new_report
from world import SmallDisk, World, alone, check, check_refusal, equal

REFUSED, PARTLY, STORAGE = 3, 7, 10


class Pocket:
    """A second relay, at an address of its own that devices reach without the recorder."""

    def __init__(self, world):
        self.world, self.process = world, None
        out = world.relay("keygen", "--store", "pocket").out
        self.key = next(word for word in out.split() if word.startswith("lysoen-relay:1:"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self):
        self.process, _ = self.world.serve("pocket", "--listen", self.address)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


def report_with_file(world, vault, title, size):
    content = world.random.randbytes(size)
    (world.folder / "attached.bin").write_bytes(content)
    draft = new_report(world, vault, "police-incident", f"title={title}", submit=False)
    world.cli(vault, "report", "attach", draft, "attached.bin")
    return world.reads(vault, "report", "submit", draft)["id"], content


def level(world, vault, report):
    shown = world.reads(vault, "report", "show", report)
    return shown["level"], all(file["held"] for file in shown["files"])


def title_at(world, vault, report):
    return next((one["title"] for one in world.reads(vault, "report", "list")["reports"] if one["id"] == report), None)


def same_at(world, vault, report, title, content):
    equal(title_at(world, vault, report), title, f"{vault}: the text")
    world.cli(vault, "report", "extract", report, "attached.bin", "-o", "out.bin")
    equal((world.folder / "out.bin").read_bytes(), content, f"{vault}: the attachment")
    (world.folder / "out.bin").unlink()


def a_mule_carries_what_it_cannot_read(world):
    """A stick from one reporter to another, who has a connection. The attachment waits for the stick itself."""
    report, content = report_with_file(world, "mon", "By another's hands", 200_000)
    equal(level(world, "mon", report), ("saved", False), "before anything left")
    world.cli("mon", "bundle", "export", "mon.bundle")
    equal(level(world, "mon", report), ("carried", False), "once it is on the stick")
    taken = world.cli("patrol", "--json", "bundle", "import", "mon.bundle", expect=PARTLY).json()
    check(taken["stored"] > 0 and taken["bytes_not_placed"] > len(content), f"what the mule took: {taken}")
    equal(title_at(world, "patrol", report), None, "what the mule can read of it")
    world.cli("patrol", "bundle", "export", "patrol.bundle")  # it hands on what it cannot read
    world.cli("desk", "bundle", "import", "patrol.bundle")
    equal(title_at(world, "desk", report), "By another's hands", "the text by two sticks")
    sent = world.reads("patrol", "sync")
    check(sent["entries_sent"] > 0, "the mule sends the others' entries to the relay")
    equal(world.reads("patrol", "sync")["entries_sent"], 0, "what the mule sends twice")
    world.cli("second", "sync")
    equal(title_at(world, "second", report), "By another's hands", "the text by stick, mule and relay")
    equal(world.reads("second", "report", "show", report)["files"][0]["here"], 0, "of the attachment, so far")
    world.cli("second", "bundle", "import", "mon.bundle")  # the stick itself brings the attachment
    same_at(world, "second", report, "By another's hands", content)
    # Who holds it whole gives it to the relay, for all.
    world.cli("second", "sync")
    world.cli("desk", "sync")
    same_at(world, "desk", report, "By another's hands", content)
    before = world.reads("mon", "status")["unsent_files"]
    up = world.recorder.up
    world.cli("mon", "sync")
    equal((before, world.reads("mon", "status")["unsent_files"]), (1, 0), "attachments that the author still has to send")
    check(world.recorder.up - up < 16_000, "the author sends nothing that is there")
    check(level(world, "mon", report)[1], "a durable relay holds the attachment")


def a_pocket_relay_meets_the_other_later(world, pocket):
    """No connection but to a coordinator's laptop; the laptop's owner carries on what it got, and the pocket relay gives no
    'held'."""
    world.stop_relay()
    pocket.start()
    world.cli("desk", "sync")
    report, content = report_with_file(world, "mon", "Where there is no net", 300_000)
    world.cli("mon", "sync")
    equal(level(world, "mon", report), ("carried", False), "at a relay that is not durable")
    world.cli("desk", "sync")
    same_at(world, "desk", report, "Where there is no net", content)
    pocket.stop()
    # Later, elsewhere.
    world.start_relay()
    sent = world.reads("desk", "sync")
    check(sent["entries_sent"] > 0 and sent["files_sent"] > 0, f"the coordinator's device hands on: {sent}")
    world.cli("second", "sync")
    same_at(world, "second", report, "Where there is no net", content)
    up = world.recorder.up
    for device in ("desk", "second", "desk", "second"):
        again = world.reads(device, "sync")
        equal(again["files_sent"], 0, f"attachments that {device} sends again")
    check(world.recorder.up - up < 16_000, "what the relay has is not sent again")
    up = world.recorder.up
    world.cli("mon", "sync")
    check(world.recorder.up - up < 16_000, "the author sends nothing that is there")
    levels = world.reads("mon", "report", "show", report)["levels"]
    equal(levels["held"], levels["entries"], "entries that a durable relay signed for")
    check(level(world, "mon", report)[1], "it signed for the attachment too")


def circles(world, pocket):
    """Sticks, both relays, everybody, in any order, again and again: all of it arrives once."""
    pocket.start()
    devices, made = ("mon", "patrol", "desk", "second"), {}
    for step in range(36):
        what = world.random.randrange(6)
        one, other = world.random.sample(devices, 2)
        if what == 0 or step == 0:
            writer = world.random.choice(("mon", "patrol"))
            title = f"Circle {step}"
            made[report_with_file(world, writer, title, world.random.randrange(40_000))[0]] = title
        elif what < 3:
            world.cli(one, "sync", expect=None)
        elif what < 5:
            name = f"circle{step}.bundle"
            world.cli(one, "bundle", "export", name)
            for _ in range(world.random.randrange(1, 3)):
                check(world.cli(other, "bundle", "import", name, expect=None).code in (0, PARTLY), "a sound bundle is taken")
        else:
            (pocket.start if not pocket.process else pocket.stop)()
    if not pocket.process:
        pocket.start()
    for device in devices * 2:
        world.cli(device, "sync")
    up = world.recorder.up
    for device in devices:
        done = world.reads(device, "sync")
        equal((done["entries_received"], done["files_sent"], done["notes"]), (0, 0, []), f"{device}: nothing moves any more")
    check(world.recorder.up - up < 16_000, "nothing goes round in circles")
    for reader in ("desk", "second"):
        listed = [(one["id"], one["title"]) for one in world.reads(reader, "report", "list")["reports"]]
        check(len(listed) == len(set(listed)), f"{reader}: every report once")
        for report, title in made.items():
            check((report, title) in listed, f"{reader}: '{title}' arrived")
            files = world.reads(reader, "report", "show", report)["files"]
            check(all(file["here"] == file["size"] for file in files), f"{reader}: the attachment of '{title}' arrived")
    for device in devices:
        equal(world.reads(device, "status")["unsent_entries"], 0, f"{device}: entries left")
    for store in ("relay", "pocket"):
        check(world.relay("check", "--store", store, "--json").json()["sound"], f"the store '{store}' is sound")


def a_stick_to_the_relay(world, pocket):
    """A device that never had a network, a stick, and the relay's operator: what a coordinator pulls and the author sees."""
    world.join_by_files("hills", "reporter")
    report, content = report_with_file(world, "hills", "From the hills", 300_000)
    world.cli("hills", "bundle", "export", "--relay", world.url, "early.bundle")
    refused = world.relay("import", "early.bundle", "--store", "relay", expect=None)
    check_refusal(refused, 9, "does not know the device that wrote it", "a bundle before an admin told the relay of its writer")
    world.cli("desk", "sync")
    written = world.reads("hills", "bundle", "export", "--relay", world.url, "stick", "--size-max", "260K")
    check(len(written["files"]) > 1, "parts of a size")
    equal(level(world, "hills", report), ("carried", False), "once it is on the stick")
    world.refuses("desk", 6, "damaged or not for this team", "bundle", "import", *written["files"])
    elsewhere = world.relay("import", *written["files"], "--store", "pocket", expect=None)
    check_refusal(elsewhere, 6, "damaged or not for this relay", "a bundle at another relay")

    # While it serves; in any order, and then again.
    orders = [file for file in reversed(written["files"])]
    taken = world.relay("import", *orders, "--store", "relay", "--json").json()
    equal((taken["stored"], taken["waiting"], taken["refused"], taken["damage"]), (written["entries"], 0, [], None), "what the relay took")
    again = world.relay("import", *orders, "--store", "relay", "--json").json()
    equal((again["stored"], again["chunks_stored"], again["known"]), (0, 0, written["entries"]), "what it took of it again")
    world.cli("desk", "sync")
    same_at(world, "desk", report, "From the hills", content)

    # The author's first exchange: receipts for all, and no more than a probe goes up.
    up, down = world.recorder.up, world.recorder.down
    world.cli("hills", "sync", "--once")
    check(world.recorder.up - up < 16_000, f"the author sends nothing that is there: {world.recorder.up - up} bytes")
    print(f"the author's exchange after the stick: {world.recorder.up - up} bytes up, {world.recorder.down - down} down")
    levels = world.reads("hills", "report", "show", report)["levels"]
    equal(levels["held"], levels["entries"], "entries that the relay signed for")
    check(level(world, "hills", report)[1], "it signed for the attachment too")
    world.refuses("hills", REFUSED, "everything is where it should go", "bundle", "export", "--relay", world.url, "empty")
    world.refuses("hills", REFUSED, "no relay 'beef'", "bundle", "export", "--relay", "beef", "empty")

    # While nobody serves; half of a file, a flipped bit, and the device's quota.
    world.stop_relay()
    report_with_file(world, "hills", "Again from the hills", 400_000)
    relays = world.reads("hills", "members")["relays"]
    named = next(relay["id"] for relay in relays if world.url in relay["urls"])[:8]
    world.cli("hills", "bundle", "export", "--relay", named, "whole")
    whole = (world.folder / "whole").read_bytes()
    (world.folder / "half").write_bytes(whole[: len(whole) // 2])
    half = world.relay("import", "half", "--store", "relay", "--json", expect=PARTLY)
    check("damaged or cut short" in half.json()["damage"] and half.json()["stored"] > 0, f"half of a file: {half.out}")
    (world.folder / "flipped").write_bytes(whole[:30] + bytes([whole[30] ^ 1]) + whole[31:])
    flipped = world.relay("import", "flipped", "--store", "relay", expect=None)
    check_refusal(flipped, 6, "damaged or not for this relay", "a flipped bit in the head")
    (world.folder / "small.toml").write_text("store = 'relay'\n[quotas]\ndevice_mib_per_day = 1\n")
    report_with_file(world, "hills", "Too much for a day", 1_500_000)
    world.cli("hills", "bundle", "export", "--relay", named, "much")
    much = world.relay("import", "much", "--config", "small.toml", "--json", expect=PARTLY).json()
    check(any("quota" in one["why"] for one in much["refused"]), f"a device over its quota: {much}")
    equal(world.relay("import", "much", "--store", "relay", "--json").json()["refused"], [], "refused with room")
    check(world.relay("check", "--store", "relay", "--json").json()["sound"], "the store is sound")
    world.start_relay()
    world.cli("desk", "sync")
    equal(len([one for one in world.reads("desk", "report", "list")["reports"] if one["title"] == "Too much for a day"]), 1, "its report")


def a_stick_for_one_reader(world):
    """A coordinator's stick to one reporter holds the words to that reporter, not the team's reports; the way back is whole."""
    report, _ = report_with_file(world, "mon", "Seen by a coordinator", 100_000)
    world.cli("mon", "bundle", "export", "--for", "coordinators", "to_desk")
    world.cli("desk", "bundle", "import", "to_desk")
    equal(title_at(world, "desk", report), "Seen by a coordinator", "what a stick for coordinators brings")
    check(all(file["here"] == file["size"] for file in world.reads("desk", "report", "show", report)["files"]), "and its attachment")
    all_of_it = world.reads("desk", "bundle", "export", "for_all")
    for reader, name in (("mon", "to_mon"), ("patrol", "to_patrol"), ("second", "to_second")):
        written = world.reads("desk", "bundle", "export", "--for", reader, name)
        print(f"of {all_of_it['entries']} entries and {all_of_it['attachments']} attachments for {reader}: "
              f"{written['entries']} and {written['attachments']}, {written['bytes']} of {all_of_it['bytes']} bytes")
        check(written["entries"] < all_of_it["entries"], f"less for {reader}")
        equal(written["attachments"], all_of_it["attachments"] if reader == "second" else 0, f"attachments for {reader}")
    before = world.reads("mon", "report", "show", report)["level"]
    world.cli("mon", "bundle", "import", "to_patrol")
    equal(world.reads("mon", "report", "show", report)["level"], before, "another's stick tells nothing")
    world.cli("mon", "bundle", "import", "to_mon")
    equal((before, world.reads("mon", "report", "show", report)["level"]), ("carried", "opened"), "the coordinator's word on its stick")
    world.refuses("desk", REFUSED, "no member is called", "bundle", "export", "--for", "nobody", "none")


def parts_and_full_disks(world, may_mount):
    report, content = report_with_file(world, "patrol", "In small parts", 900_000)
    files = world.reads("patrol", "bundle", "export", "parts", "--size-max", "300K")["files"]
    check(len(files) > 3 and all((world.folder / file).stat().st_size <= 300 << 10 for file in files), "parts of a size")
    world.random.shuffle(files)
    for file in files:
        world.cli("desk", "bundle", "import", file, expect=None)
    world.cli("desk", "bundle", "import", *files)
    same_at(world, "desk", report, "In small parts", content)
    world.refuses("patrol", REFUSED, "so small a bundle: the limit must be at least 256 KiB", "bundle", "export", "tiny", "--size-max", "10K")
    world.refuses("patrol", REFUSED, "parts.1-of-[0-9]*': a file of this name is there", "bundle", "export", "parts", "--size-max", "300K")
    if not may_mount:
        return print("no disk of one's own can be mounted here: a full one was not tried")
    with SmallDisk(world.folder / "stick", "700k") as disk:
        for size in ((), ("--size-max", "300K")):
            world.refuses("patrol", STORAGE, "the disk is full", "bundle", "export", "stick/one", *size)
            equal(list(disk.folder.iterdir()), [], "what an export leaves on a full disk")


def main(build):
    may_mount = alone(__file__)
    with World(build) as world:
        world.make_team("desk")
        for vault, role in (("mon", "reporter"), ("patrol", "reporter"), ("second", "coordinator")):
            world.join_by_files(vault, role)
        pocket = Pocket(world)
        world.cli("desk", "team", "relay", "add", f"http://{pocket.address}", "--relay-key", pocket.key, "--root", "root.key")
        world.relay("team", "add", world.team_key, "--store", "pocket")
        try:
            world.start_relay()
            world.admit_team()
            for vault in ("desk", "mon", "patrol", "second"):
                world.cli(vault, "sync")
            a_mule_carries_what_it_cannot_read(world)
            a_pocket_relay_meets_the_other_later(world, pocket)
            circles(world, pocket)
            a_stick_to_the_relay(world, pocket)
            a_stick_for_one_reader(world)
            parts_and_full_disks(world, may_mount)
        finally:
            pocket.stop()
        print("carried: done")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
