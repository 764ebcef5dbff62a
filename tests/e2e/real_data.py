#!/usr/bin/env python3
"""Four public registers (11,045 incidents) imported on three devices, synced through a relay that is killed three times, read
by two coordinators: every row once, every mapped field as an independent reading of the source says, nothing of it in
clear anywhere. Skips with a message where the shared material is absent. Usage: real_data.py BUILD"""
import csv
import datetime
import hashlib
import json
import pathlib
import random
import re
import signal
import sys
import time
import zlib

import zstandard
from world import SEED, SOURCE, World, check, equal, shared_folder

sys.path.insert(0, str(SOURCE / "tests/interop"))
import feed

MAPPINGS = pathlib.Path(__file__).resolve().parent / "mappings"
SOURCES = {  # mapping: (file below data/incidents, device, rows, points)
    "missing_migrants": ("missing_migrants/MissingMigrants-Global-2020-01-08.csv", "monitor", 6249, 6249),
    "pb2020": ("pb2020/all-locations-v2.json", "patrol", 1340, 1336),
    "ucdp_ukraine": ("ucdp_ukraine_hxl/conflict_data_ukr.csv", "mines", 2989, 2989),
    "police_killings": ("police_killings_538/police_killings.csv", "patrol", 467, 467),
}


# -- An independent reading of mapping and source -----------------------------------------------------------------------

def source_rows(mapping, path):
    if mapping.get("format") == "json":
        return json.loads(path.read_text("utf-8"))[mapping["records"]]
    encoding = {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}[mapping.get("encoding", "utf-8")]
    rows = list(csv.DictReader(open(path, encoding=encoding, newline="")))
    return rows[mapping.get("skip_rows", 0):]


def cell(value):
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)


def answer(rule, record):
    parts = [cell(record[name]).strip(" \t\r\n") for name in ([rule["from"]] if isinstance(rule["from"], str) else rule["from"])]
    text = rule.get("join", " ").join(part for part in parts if part)
    if not text:
        return None
    if "date" in rule:
        literal = rule["date"].endswith("00:00:00.000")
        text = text[:10] if literal else datetime.datetime.strptime(text, rule["date"]).strftime("%Y-%m-%d")
    if rule.get("number"):
        text = text.replace(",", "")
    if rule.get("point"):
        text = " ".join(text.replace(",", " ").split())
    return rule.get("codes", {}).get(text, text)


def wanted_answers(mapping, record):
    """Path without item ids -> list of texts (several only for items of a repeat)."""
    wanted = {path: [value] for path, value in mapping.get("set", {}).items()}
    for rule in mapping["fields"]:
        if "repeat" in rule:
            for item in record[rule["from"]]:
                for inner in rule["fields"]:
                    text = answer(inner, item)
                    if text is not None:
                        wanted.setdefault(rule["repeat"] + "/" + inner["path"], []).append(text)
        else:
            text = answer(rule, record)
            if text is not None:
                wanted[rule["path"]] = [text]
    return wanted


def found_answers(feature):
    found = {}
    for path, value in feature["properties"]["answers"].items():
        if not isinstance(value, str):
            raise AssertionError(f"{path}: a conflict where there is none")
        if value != "" or not path.endswith("]"):
            found.setdefault(re.sub(r"\[[^\]]*\]", "", path), []).append(value)
    return found


def compare(world, coordinator, sources):
    out = world.folder / f"{coordinator}.geojson"
    world.cli(coordinator, "export", out.name)
    features = {}
    for feature in json.loads(out.read_text("utf-8"))["features"]:
        origin = feature["properties"]["origin"]
        check(origin not in features, f"{coordinator}: a row twice")
        features[origin] = feature
    points = sum(1 for feature in features.values() if feature["geometry"])
    equal(len(features), sum(rows for _, _, rows, _ in SOURCES.values()), f"{coordinator}: rows")
    equal(points, 11041, f"{coordinator}: points")
    fields = 0
    for name, (mapping, path, records) in sources.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for number, record in enumerate(records, 1):
            feature = features.pop(f"{digest}:{number}")
            wanted, found = wanted_answers(mapping, record), found_answers(feature)
            if wanted != found:
                different = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
                raise AssertionError(f"{coordinator}: {name} row {number} differs in {different}")
            fields += sum(map(len, wanted.values()))
    check(not features, "reports that no source has")
    return fields


# -- Looking for plaintext ----------------------------------------------------------------------------------------------

class Zstd:
    """Frames wherever they begin, and those of bodies with a form's dictionary: its name, a salt, a frame without magic."""
    MAGIC, SALT = b"\x28\xb5\x2f\xfd", 16

    def __init__(self):
        self.plain = zstandard.ZstdDecompressor()
        self.with_dictionary = {name: zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))
                                for name, dictionary in feed.DICTIONARIES.items()}

    @staticmethod
    def inflate(decompressor, frame):
        try:
            return decompressor.decompressobj().decompress(frame)
        except zstandard.ZstdError:
            return b""

    def pieces(self, data):
        for found in re.finditer(re.escape(self.MAGIC), data):
            yield self.inflate(self.plain, data[found.start() : found.start() + 300_000])
        for name, decompressor in self.with_dictionary.items():
            for found in re.finditer(re.escape(name), data):
                begin = found.end() + self.SALT
                yield self.inflate(decompressor, self.MAGIC + data[begin : begin + 300_000])


def inflated(data, zstd):
    """What compressed streams inside hold: zstd frames, and zlib and gzip streams, wherever they begin."""
    pieces = list(zstd.pieces(data))
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            pieces.append(zlib.decompressobj(47).decompress(data[found.start():found.start() + 300_000], 1 << 20))
        except zlib.error:
            pass
    return b"\n".join(pieces)


def secrets_from(sources, generator, count=300):
    """Random stretches of at least 12 bytes of what people wrote."""
    texts = []
    for mapping, _, records in sources.values():
        for record in records:
            for values in wanted_answers(mapping, record).values():
                texts += [value for value in values if len(value.encode()) >= 16 and not value.startswith("http")]
    found = set()
    while len(found) < count:
        text = generator.choice(texts).encode()
        size = generator.randint(12, min(32, len(text)))
        start = generator.randint(0, len(text) - size)
        found.add(text[start:start + size])
    return sorted(found)


def leaks(paths, secrets, zstd):
    """(file, kind) of the first secret found in each place."""
    found = []
    for path in paths:
        data = path.read_bytes()
        for kind, content in (("in clear", data), ("inside a compressed stream", inflated(data, zstd))):
            if any(secret in content for secret in secrets):
                found.append((path.name, kind))
    return found


def stored_files(world):
    """Vaults, relay store, logs and the wire; not what was imported or exported on purpose."""
    folders = [world.folder / name for name in ("amina", "bruno", "monitor", "patrol", "mines", "relay")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return files + [world.folder / "relay.log", world.recorder.path]


def planted_fault_is_noticed(world, secrets, zstd, source):
    """A device whose entries are compressed but not sealed: the search must find it on the wire or in the relay."""
    before = world.recorder.path.stat().st_size
    world.cli("faulty", "report", "new", "--form", "police-incident", "--set", "title=" + source, "--submit",
              environment={"LYSOEN_TEST_FAULT": "entries_not_sealed"})
    world.cli("faulty", "sync", expect=None)
    world.recorder.capture.flush()
    planted = world.folder / "planted.capture"
    planted.write_bytes(world.recorder.path.read_bytes()[before:])
    world.stop_relay()  # so that its store is all on disk
    hits = leaks([planted, *(path for path in (world.folder / "relay").rglob("*") if path.is_file())], secrets, zstd)
    check(hits, "the planted fault 'compressed but not sealed' was not noticed: this search is blind")
    print(f"planted fault noticed: {hits[0][1]}")


# -- The job ------------------------------------------------------------------------------------------------------------

def timed(figures, name, began, amount=None):
    seconds = time.monotonic() - began
    figures[name] = f"{seconds:.1f} s" + (f", {amount / seconds:.0f} rows/s" if amount else "")


def import_everything(world, sources, figures):
    began = time.monotonic()
    for name, (_, path, records) in sources.items():
        device = SOURCES[name][1]
        if name == "missing_migrants":  # a device is killed in the middle and goes on where it was
            victim = world.start(device, "import", path, "--mapping", MAPPINGS / f"{name}.json")
            time.sleep(0.6)
            victim.send_signal(signal.SIGKILL)
            equal(victim.wait(20), -signal.SIGKILL, "how the first import ended")
        outcome = world.reads(device, "import", path, "--mapping", MAPPINGS / f"{name}.json", "--refused", f"{name}.refused")
        equal(outcome["added"] + outcome["known"], len(records), f"{name}: rows taken")
        equal(outcome["refused"], 0, f"{name}: rows refused")
    timed(figures, "import of 11,045 rows on three devices", began, 11045)
    again = world.reads("patrol", "import", sources["pb2020"][1], "--mapping", MAPPINGS / "pb2020.json")
    equal((again["added"], again["known"]), (0, 1340), "a second import")


def sync_through_kills(world, figures):
    began = time.monotonic()
    senders = [world.start(device, "sync") for device in ("monitor", "patrol", "mines")]
    for turn, sent in enumerate((1_000_000, 2_200_000, 3_400_000)):  # of more than 5 MB
        patience = time.monotonic() + 60
        while world.recorder.up < sent and time.monotonic() < patience:
            time.sleep(0.01)
        check(any(sender.poll() is None for sender in senders), "the sync was over before the relay was killed")
        world.stop_relay(signal.SIGKILL)
        if turn == 1:
            senders[0].send_signal(signal.SIGKILL)
            equal(senders[0].wait(20), -signal.SIGKILL, "how the first sync ended")
        world.start_relay()
    for sender in senders:
        sender.wait(120)
    for device in ("monitor", "patrol", "mines"):
        world.cli(device, "sync")
        equal(world.reads(device, "status")["unsent_entries"], 0, f"{device}: entries left")
    timed(figures, "sending, relay killed three times, one device once", began, 11045)
    figures["bytes up a report"] = str(round(world.recorder.up / 11045))


def main(build):
    shared = shared_folder()
    if not shared:
        print("SKIPPED: the shared material is not there")
        return 77
    generator = random.Random(SEED)
    zstd = Zstd()
    sources = {}
    for name, (file, _, rows, _) in SOURCES.items():
        mapping = json.loads((MAPPINGS / f"{name}.json").read_text())
        path = shared / "data/incidents" / file
        sources[name] = (mapping, path, source_rows(mapping, path))
        equal(len(sources[name][2]), rows, f"{name}: rows in the source")
    figures = {}
    with World(build) as world:
        world.make_team("amina")
        world.join_by_files("bruno", "coordinator")
        for reporter in ("monitor", "patrol", "mines", "faulty"):
            world.join_by_files(reporter, "reporter")
        world.start_relay()
        world.admit_team()
        world.cli("amina", "sync")
        import_everything(world, sources, figures)
        sync_through_kills(world, figures)
        down = world.recorder.down
        for coordinator in ("amina", "bruno"):
            began = time.monotonic()
            world.cli(coordinator, "sync")
            timed(figures, f"intake at {coordinator}", began, 11045)
        figures["bytes down a report"] = str(round((world.recorder.down - down) / 2 / 11045))
        before = world.recorder.up + world.recorder.down
        world.cli("bruno", "sync")
        world.cli("bruno", "sync")
        figures["two syncs with nothing new"] = f"{world.recorder.up + world.recorder.down - before} bytes"
        fields = [compare(world, coordinator, sources) for coordinator in ("amina", "bruno")]
        figures["fields compared at each coordinator"] = str(fields[0])
        world.cli("monitor", "sync")
        levels = world.reads("monitor", "report", "list", "--limit", "50")["reports"]
        equal({report["level"] for report in levels}, {"opened"}, "levels at the author")

        secrets = secrets_from(sources, generator)
        world.stop_relay()
        world.recorder.capture.flush()
        hits = leaks(stored_files(world), secrets, zstd)
        check(not hits, f"plaintext was found: {hits}")
        print(f"{len(secrets)} strings searched in {len(stored_files(world))} files: 0 found")
        world.start_relay()
        planted_fault_is_noticed(world, secrets + [b"a long secret of the planted report"], zstd,
                                 "a long secret of the planted report, repeated: a long secret of the planted report")
    for name, value in figures.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
