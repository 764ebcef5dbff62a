#!/usr/bin/env python3
"""A phone's folder is put back from an older copy, and its owner writes on: through a real relay, everything that was ever
submitted reaches the team once. Usage: restored.py BUILD"""
import shutil
import sys

from main_job import new_report, reports
from world import World, check, equal


def restored(world, device, writes_first):
    world.join_by_files(device, "reporter")
    world.cli("amina", "sync")
    before = len(reports(world, "amina"))
    new_report(world, device, "police-incident", "title=Before the copy")
    world.cli(device, "sync")
    copy = world.folder / f"{device}.copy"
    shutil.copytree(world.folder / device, copy)
    new_report(world, device, "police-incident", "title=After the copy")
    world.cli(device, "sync")
    shutil.rmtree(world.folder / device)
    copy.rename(world.folder / device)

    if not writes_first:
        world.cli(device, "sync")
    new_report(world, device, "police-incident", "title=On the copy")
    world.cli(device, "sync", expect=None)  # says that something was refused, if it wrote first
    equal(world.reads(device, "status")["unsent_entries"], 0, "entries that no relay holds")
    world.cli(device, "sync")
    notices = world.reads(device, "status")["notices"]
    check(any("older state of this vault was restored" in notice for notice in notices), notices)
    world.cli("amina", "sync")
    equal(len(reports(world, "amina")) - before, 3, "reports that reached the team")
    world.cli(device, "sync")
    levels = {report["title"]: report["level"] for report in reports(world, device)}
    equal(levels["On the copy"], "opened", "the level of what was written on the copy")
    # What was acknowledged together with entries that the device does not hold as others do counts as held only.
    equal(levels["Before the copy"], "held" if writes_first else "opened", "the level of what was written before")


def main(build):
    with World(build) as world:
        world.make_team("amina")
        world.start_relay()
        world.admit_team()
        restored(world, "careful", writes_first=False)
        restored(world, "hasty", writes_first=True)
        print("restored: done")


if __name__ == "__main__":
    main(sys.argv[1])
