"""Pages, saves, intake, open and queries of a vault, beside plain SQLite and SQLite3MultipleCiphers chacha20; --short: one
round and 10,000 reports only. The built vault of 100,000 reports stays under build/bench for the next run."""
import hashlib
import shutil
import subprocess
import tarfile

from steps import BUILD, DATA, ROOT, fresh, install, run, say
from table import Line, count, kilobytes, rate, seconds

PROGRAMS = BUILD / "tests/bench"
CIPHERS = "better-sqlite3-multiple-ciphers@12.4.1"
COLUMNS = ["lysoen", "plain", "chacha20"]
BESIDE = "plain"  # what the ratio is to


def fetch_ciphers():
    """The amalgamation of SQLite3MultipleCiphers, from the npm package that carries it. Never committed, never linked
    into anything but one benchmark."""
    target = BUILD / "ciphers"
    if (target / "sqlite3.c").exists():
        return
    install("npm")
    say(f"fetching {CIPHERS}")
    target.mkdir(parents=True, exist_ok=True)
    run(["npm", "pack", "--silent", CIPHERS], cwd=target)
    package = next(target.glob("*.tgz"))
    with tarfile.open(package) as archive:
        for name in ("sqlite3.h", "sqlite3.c"):
            (target / name).write_bytes(archive.extractfile(f"package/deps/sqlite3/{name}").read())
    package.unlink()


class Measures:
    """What the programs told: number by (row, column); of several rounds the smallest, of rates the greatest."""

    def __init__(self):
        self.told = {}

    def take(self, program, *words, best=min):
        for line in run([PROGRAMS / program, *words]).splitlines():
            row, column, number = line.split("\t")
            known = self.told.get((row, column))
            self.told[row, column] = float(number) if known is None else best(known, float(number))

    def get(self, row, column):
        return self.told.get((row, column))


def measure(rounds, sizes):
    found = Measures()
    for turn in range(rounds):
        for who, program in (("plain", "bench_pages"), ("lysoen", "bench_pages"), ("chacha20", "bench_pages_ciphers")):
            say(f"pages, {who}, round {turn + 1} of {rounds}")
            found.take(program, who, fresh("pages"), 10000)
        say(f"saves, round {turn + 1} of {rounds}")
        found.take("bench_vault", "save", fresh("save"), 300)
        say(f"import and intake, round {turn + 1} of {rounds}")
        found.take("bench_vault", "intake", fresh("intake"), 10240, best=max)
    for name in ("pages", "save", "intake"):
        shutil.rmtree(DATA / name)
    kind = hashlib.sha256((ROOT / "core/vault/schema.cc").read_bytes() + (ROOT / "tests/bench/workload.cc").read_bytes())
    for size in sizes:
        kept = DATA / f"{size}-{kind.hexdigest()[:12]}"
        if not kept.exists():
            for old in DATA.glob(f"{size}-*"):
                shutil.rmtree(old)
            building = fresh("building")
            say(f"building a vault of {size:,} reports")
            subprocess.run([PROGRAMS / "bench_vault", "build", building, str(size)], check=True)
            building.rename(kept)
        say(f"open and queries, {size:,} reports")
        for turn in range(max(2, rounds)):
            found.take("bench_vault", "query", kept, size)
    say("")
    return found


# -- The table --------------------------------------------------------------------------------------------------------
def rows(sizes):
    """(title, row, unit, target in words, whether it is met: by ours, plain, chacha20)."""
    beside_plain = lambda times: lambda ours, plain, _: ours <= times * plain
    at_most = lambda most: lambda ours, plain, _: ours <= most
    yield "pages: all statements, processor", "pages all processor", seconds, "<= 1.4x plain, <= 0.8x chacha20", \
        lambda ours, plain, other: ours <= 1.4 * plain and ours <= 0.8 * other
    for part, title in (("batches", "10,000 reports, 100 at once"), ("single", "500 alone, durable"), ("reads", "reads")):
        yield f"  {title}, processor", f"pages {part} processor", seconds, None, None
        yield f"  {title}, wall", f"pages {part} wall", seconds, None, None
    yield "report of the workload, as JSON", "report bytes", count, None, None
    yield "durable save, signed and sealed (submit)", "submit wall", seconds, "<= 2x plain", beside_plain(2)
    yield "  processor", "submit processor", seconds, None, None
    yield "  written", "submit bytes", kilobytes, "<= 50 KB", at_most(50000)
    yield "  syncs", "submit syncs", count, "2", lambda ours, plain, _: ours == 2
    for name, title in (("begin", "durable save of a draft, first answers"), ("save", "durable save of one more answer")):
        yield title, f"{name} wall", seconds, None, None
        yield "  processor", f"{name} processor", seconds, None, None
        yield "  written", f"{name} bytes", kilobytes, "<= 50 KB", at_most(50000)
        yield "  syncs", f"{name} syncs", count, "2", lambda ours, plain, _: ours == 2
    yield "put off, of each report: text index at lock, written", "at lock index bytes", kilobytes, None, None
    yield "  checkpoints, written", "checkpoint bytes", kilobytes, None, None
    yield "  processor at lock", "at lock processor", seconds, None, None
    yield "import, 256 at once, of processor time", "import processor", rate, None, None
    yield "coordinator's intake, of processor time", "intake processor", rate, ">= 0.5x plain", \
        lambda ours, plain, _: ours >= 0.5 * plain
    yield "  of the clock", "intake wall", rate, None, None
    for size in sizes:
        large = size >= 100000
        yield f"{size:,} reports: open, after key derivation", f"open {size}", seconds, *(("<= 1 s", at_most(1)) if large else (None, None))
        yield "  key derivation", f"key derivation {size}", seconds, None, None
        for name, most in (("latest 50", 2e-3), ("text, common word", 10e-3), ("text, rare word", 10e-3),
                           ("map box", 10e-3), ("circle", 10e-3), ("by id", 50e-6), ("count all", None), ("facets", None),
                           ("facets of a search", None)):
            yield f"  {name}", f"{name} {size}", seconds, \
                *((f"<= {seconds(most)}", at_most(most)) if large and most else (None, None))


def lines(found, sizes):
    for title, row, unit, target, met in rows(sizes):
        values = [found.get(row, column) for column in COLUMNS]
        if values[0] is not None or values[1] is not None:
            yield Line(title, row, unit, values, target, bool(met(*values)) if met else None)


def main(short):
    rounds, sizes = (1, [10000]) if short else (3, [10000, 100000])
    fetch_ciphers()
    say("building")
    run([ROOT / "tools/setup", "build"])
    run([ROOT / "tools/build", "bench"])
    return list(lines(measure(rounds, sizes), sizes))
