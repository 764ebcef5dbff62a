#!/usr/bin/env python3
"""A recording of an hour: attached, sent, kept by the relay, fetched and written out again byte for byte, in constant memory everywhere.
Usage: large_files.py BUILD; LYSOEN_LONG: 1 GiB, then the largest that may be attached, 4 GiB; one byte more is refused."""
import hashlib
import os
import pathlib
import re
import sys
import time

from main_job import new_report
from world import World, check, equal

LONG = bool(os.environ.get("LYSOEN_LONG"))
REFUSED = 3
MIB = 1 << 20
SIZES = [1024 * MIB, 4096 * MIB] if LONG else [48 * MIB]
GROWTH_MAX = 8 * MIB  # of what a program needs beside what it needs for a small file


def write_noise(world, path, size):
    """Its SHA-256. A gigabyte of noise costs more than its copies, none of which compresses or repeats within a chunk run."""
    block, digest = world.random.randbytes(8 * MIB), hashlib.sha256()
    with open(path, "wb") as out:
        for number in range(-(-size // len(block))):
            piece = (number.to_bytes(8, "big") + block[8:])[: size - number * len(block)]
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Peaks:
    """Peak memory (bytes) and seconds of each command and of the relay, for one file."""

    def __init__(self, world):
        self.world, self.peak, self.seconds = world, {}, {}

    def run(self, name, vault, *arguments):
        began = time.monotonic()
        process = self.world.start(vault, *arguments)
        while process.poll() is None:
            self.look(name, process)
            time.sleep(0.01)
        equal(process.returncode, 0, name)
        self.seconds[name] = time.monotonic() - began

    def look(self, name, process):
        """The peak so far, as the system keeps it; what getrusage() says would begin with that of this script."""
        told = re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc", str(process.pid), "status").read_text())
        if told:  # else it has ended
            self.peak[name] = int(told[1]) * 1024


def there_and_back(world, name, size):
    """From the reporter's file to the coordinator's."""
    peaks = Peaks(world)
    told = write_noise(world, world.folder / name, size)
    report = new_report(world, "monitor", "police-incident", f"title=With {name}", submit=False)
    peaks.run("attach", "monitor", "report", "attach", report, name)
    (world.folder / name).unlink()
    report = world.reads("monitor", "report", "submit", report)["id"]
    peaks.run("send", "monitor", "sync", "--deadline", "3000")
    check(all(file["held"] for file in world.reads("monitor", "report", "show", report)["files"]), "the relay signed for it")
    peaks.run("fetch", "desk", "sync", "--deadline", "3000")
    peaks.look("relay", world.relay_process)
    peaks.run("extract", "desk", "report", "extract", report, "--original", "-o", "out.bin")
    equal(sha256_of(world.folder / "out.bin"), told, f"{name} byte for byte")
    (world.folder / "out.bin").unlink()
    return peaks


def main(build):
    with World(build) as world:
        world.recorder.capture = open(os.devnull, "wb")  # other tests look at what travels
        world.make_team("desk")
        world.join_by_files("monitor", "reporter")
        world.start_relay()
        world.admit_team()
        for vault in ("desk", "monitor"):
            world.cli(vault, "sync")
        small = there_and_back(world, "small.bin", 20_000)
        for size in SIZES:
            large = there_and_back(world, f"recording-{size}.bin", size)
            for name, peak in large.peak.items():
                took = f", {large.seconds[name]:.1f} s, {size / MIB / large.seconds[name]:.0f} MiB/s" if name in large.seconds else ""
                print(f"{size // MIB:5} MiB {name:8} peak {peak / MIB:6.1f} MiB, {small.peak[name] / MIB:5.1f} for a small file{took}")
                check(peak - small.peak[name] <= GROWTH_MAX, f"{name} in constant memory")
        if LONG:
            with open(world.folder / "too-large.bin", "wb") as out:
                out.truncate(4096 * MIB + 1)
            report = new_report(world, "monitor", "police-incident", "title=Too large", submit=False)
            world.refuses("monitor", REFUSED, "4 GiB", "report", "attach", report, "too-large.bin", timeout=900)
            equal(world.reads("monitor", "report", "show", report)["files"], [], "what is left of it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
