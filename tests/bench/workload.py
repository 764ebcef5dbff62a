"""The reports that benchmarks of the exchange carry: those of ../shared/tools/workload, run from there, never copied. As
they are (JSON, for peers), as answers to one of our forms, and as the smallest bytes that hold them (for floors)."""
import ctypes
import datetime
import hashlib
import json
import uuid

from links import shared_folder
from steps import DATA, fail, install, run, say

SIZE = 100_000
FORM = "human-rights-violation"
# Columns without a question of their own go where text goes. Id and device are what an entry has by itself.
FIELDS = {"title": "case_ref", "category": "category", "event_date": "event_date", "event_hour": "event_hour",
          "reported_at": "created", "place": "point", "place_name": "place", "clarity_code": "severity",
          "actor_type": "perpetrator", "weapons": "method", "sources[i-1]/type": "source", "sources[i-1]/reliability": "confidence",
          "harmed_group": "target", "interventions": "need", "killed": "killed", "injured": "injured", "detained": "detained",
          "tags": "lang", "what_happened": "narrative"}
CODES = {"category": {"assault": "excessive_force", "property_destruction": "property", "access_denial": "livelihood"},
         "perpetrator": {"state_police": "police", "private_security": "company", "border_guard": "border"},
         "method": {"baton": "blunt", "tear_gas": "chemical_irritant", "arson": "fire"},
         "source": {"ngo_partner": "organisation"},
         "confidence": {"low": "doubtful", "medium": "plausible", "high": "corroborated", "confirmed": "direct"}}


def made():
    """The file of 100,000 reports, one JSON document a line."""
    file = DATA / "workload/r100k.jsonl"
    generator = shared_folder() and shared_folder() / "tools/workload/gen_reports.py"
    if not generator or not generator.exists():
        fail("the workload is not there: ../shared/tools/workload, or LYSOEN_SHARED")
    if not file.exists():
        install("debian-handbook", "/usr/share/doc/debian-handbook/html/en-US/index.html")
        say("making the workload")
        file.parent.mkdir(parents=True, exist_ok=True)
        run(["python3", generator, file.parent])
    return file


def reports(first, count):
    """Reports by number from 0. Behind the last one they begin again, as other reports: with other ids."""
    number = 0
    while number < first + count:
        with open(made(), encoding="utf-8") as lines:
            for line in lines:
                if first <= number < first + count:
                    report = json.loads(line)
                    yield {**report, "id": str(uuid.UUID(int=uuid.UUID(report["id"]).int ^ number // SIZE))}
                number += 1


def write_documents(file, first, count):
    """Lines of JSON, as a peer takes them."""
    with open(file, "w", encoding="utf-8") as out:
        for report in reports(first, count):
            out.write(json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n")


def answers(report):
    """(path, value) of each answer."""
    told = {name: CODES.get(name, {}).get(value, value) for name, value in report.items()}
    at = datetime.datetime.fromtimestamp(report["event_time"] // 1000, datetime.timezone.utc)
    made_at = datetime.datetime.fromtimestamp(report["created"] // 1000, datetime.timezone.utc)
    told.update(event_date=at.strftime("%Y-%m-%d"), event_hour=at.strftime("%H:%M:%S"),
                created=made_at.strftime("%Y-%m-%dT%H:%M:%SZ"), point=f"{report['lat']:.6f} {report['lon']:.6f} 0 {report['accuracy']}")
    return [(path, told[column]) for path, column in FIELDS.items()]


def write_answers(file, first, count):
    """What bench_fill reads."""
    with open(file, "w", encoding="utf-8") as out:
        for report in reports(first, count):
            out.writelines(f"{path}\t{value}\n" for path, value in answers(report))
            out.write("\n")


def photographs(count):
    """So many real ones of a telephone's size, from ../shared/data; noise of that size where they are absent."""
    shared = shared_folder()
    found = [path for path in sorted((shared / "data/photos").glob("*.jpg")) if path.stat().st_size > 100_000] if shared else []
    if found:
        return [path.read_bytes() for path in (found * (count // len(found) + 1))[:count]]
    say("the shared photographs are absent: noise stands for them")
    return [hashlib.shake_256(bytes([number])).digest(150_000) for number in range(count)]


# -- The smallest bytes -------------------------------------------------------------------------------------------------
def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


KNOWN = {}


def protobuf(report):
    """The report as the workload's report.proto has it: codes as numbers, places in millionths, ids as bytes."""
    def code(name):
        known = KNOWN.setdefault(name, {})
        return known.setdefault(report[name], len(known) + 1)

    def zigzag(value):
        return value << 1 ^ value >> 63

    fields = [uuid.UUID(report["id"]).bytes, bytes.fromhex(report["device"]), report["case_ref"], code("category"),
              report["event_time"], zigzag(report["created"] - report["event_time"]), round(report["lat"] * 1e6) & (1 << 64) - 1,
              round(report["lon"] * 1e6) & (1 << 64) - 1, round(report["accuracy"] * 10), report["place"], report["severity"],
              *map(code, ("perpetrator", "method", "source", "confidence", "target", "need")), report["killed"], report["injured"],
              report["detained"], report["lang"], report["narrative"]]
    out = b""
    for number, value in enumerate(fields, 1):
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif value:
            out += varint(number << 3) + varint(value)
    return out


def compressed(data):
    """One zstd frame, level 19."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = library.ZSTD_compressBound.restype = ctypes.c_size_t
    library.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    out = ctypes.create_string_buffer(library.ZSTD_compressBound(len(data)))
    return out.raw[: library.ZSTD_compress(out, len(out), data, len(data), 19)]


def floor(first, count):
    """What any exchange of single records has to carry."""
    return b"".join(compressed(protobuf(report)) for report in reports(first, count))
