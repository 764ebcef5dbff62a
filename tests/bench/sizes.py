"""tools/bench sizes: what a report takes from its JSON to the wire, in bytes, with the dictionary that is made as those in the
forms that ship are (`shipped`), and with one from the workload's own training reports (`own`), which lie in no measured report.
The reports are those of ../shared/tools/workload, made there, never copied. bench_sizes (sizes.cc) does the work."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, DATA = ROOT / "build/bench/tests/bench/bench_sizes", ROOT / "build/bench/data/workload"
HANDBOOK = pathlib.Path("/usr/share/doc/debian-handbook/html/en-US/index.html")  # what the generator draws its texts from
COLUMNS = ("shipped", "own")
TARGETS = {"on the wire, up": (500, 430), "on the wire, down": (520, 450)}
ROWS = ("raw JSON", "protobuf", "zstd", "+ dictionary", "+ padding", "+ entry", "+ exchange, up", "on the wire, up",
        "+ exchange, down", "on the wire, down")
BESIDE = (("answers while pushing", "{:.1f} bytes a report"), ("requests while pulling", "{:.1f} bytes a report"),
          ("dictionary size", "{:,.0f} bytes"), ("time to pack", "{:.1e} s"), ("time to unpack", "{:.1e} s"))


def call(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {command[0]}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def workload():
    shared = pathlib.Path(os.environ.get("LYSOEN_SHARED", ROOT.parent / "shared"))
    generator = shared / "tools/workload/gen_reports.py"
    if not generator.exists():
        sys.exit("error: the workload is not there: ../shared/tools/workload, or LYSOEN_SHARED")
    if not (DATA / "train5k.jsonl").exists() or not (DATA / "r10k.jsonl").exists():
        if not HANDBOOK.exists():
            call((["sudo"] if os.geteuid() else []) + ["apt-get", "install", "-y", "--no-install-recommends", "debian-handbook"])
        DATA.mkdir(parents=True, exist_ok=True)
        call(["python3", generator, DATA])
    return DATA / "train5k.jsonl", DATA / "r10k.jsonl"


def run(words):
    if set(words) - {"--json", "--short"}:
        sys.exit("usage: tools/bench sizes [--json] [--short]")
    training, reports = workload()
    call([ROOT / "tools/setup", "build"])
    call([ROOT / "tools/build", "bench", "bench_sizes"])
    told = {}
    for line in call([PROGRAM, training, reports, 2000 if "--short" in words else 10000]).splitlines():
        row, column, number = line.split("\t")
        told[row, column] = float(number)
    met = {row: [told[row, column] <= most for column, most in zip(COLUMNS, mosts)] for row, mosts in TARGETS.items()}
    missed = sum(not one for row in met.values() for one in row)
    if "--json" in words:
        rows = [{"row": row, **{column: told[row, column] for column in COLUMNS}, "target": TARGETS.get(row), "met": met.get(row)}
                for row in ROWS + tuple(row for row, _ in BESIDE)]
        print(json.dumps({"benchmark": "sizes", "missed": missed, "rows": rows}, indent=1))
        return 0
    print(f"{'bytes a report, mean of ' + format(int(told['reports', 'own']), ','):36}{'shipped':>10}{'own':>10}   target")
    for row in ROWS:
        target = f"<= {TARGETS[row][0]}, <= {TARGETS[row][1]}: {'yes' if all(met[row]) else 'NO'}" if row in TARGETS else ""
        print(f"{row:36}{told[row, 'shipped']:10.1f}{told[row, 'own']:10.1f}   {target}".rstrip())
    for row, shape in BESIDE:
        print(f"{row}: " + ", ".join(f"{column} {shape.format(told[row, column])}" for column in COLUMNS))
    print(f"{missed} targets missed" if missed else "all targets met")
    return 0
