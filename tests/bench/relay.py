#!/usr/bin/env python3
"""tools/bench relay: entries that a relay takes in durably on one core, in batches of 64 and one by one, beside plain SQLite
storing the same bytes in the same groups; and what idle long polls cost in memory, in a real relay.
Times of the processor are for a machine that does other things as well; of the clock the best of several rounds counts."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"
sys.path.insert(0, str(ROOT / "tests/load"))
sys.dont_write_bytecode = True
import load


def commits(devices, batch, rounds, turns):
    """{(what, column): the best rate of several turns}, on one core."""
    best = {}
    for _ in range(turns):
        folder = tempfile.mkdtemp(prefix="lysoen-bench-", dir=BUILD)
        core = str(max(os.sched_getaffinity(0)))
        told = subprocess.run(["taskset", "-c", core, BUILD / "tests/load/load_commits", folder, str(devices), str(batch), str(rounds)],
                              check=True, capture_output=True, text=True).stdout
        shutil.rmtree(folder)
        for line in told.splitlines():
            what, column, rate = line.split("\t")
            best[what, column] = max(best.get((what, column), 0), float(rate))
    return best


def idle(polls):
    """Memory of a relay before and with so many long polls."""
    relay = load.Relay(BUILD)
    relay.admit(polls + 1, 0)
    relay.run("honest", polls + 1, 1, 1, 1, 0)
    before = relay.rss()
    waiting = relay.begin("polls", 1, polls)
    relay.until("all polls are held", lambda: relay.metrics()["lysoen_relay_held"] == polls, 300)
    after = relay.rss()
    relay.finish(waiting)
    relay.end()
    return before, after


def main(words):
    if set(words) - {"--json", "--short"}:
        print(__doc__)
        return 2
    turns, polls = (1, 2000) if "--short" in words else (3, 10000)
    for command in ([ROOT / "tools/setup", "build"], [ROOT / "tools/build", "bench", "lysoen-relay", "load_driver", "load_commits"]):
        subprocess.run(command, check=True)
    before_load = os.getloadavg()[0]
    lines = []
    for title, devices, batch, rounds in (("batches of 64 entries, 32 requests to a commit", 32, 64, 16),
                                          ("batches of 64 entries, each in its own commit", 1, 64, 256),
                                          ("single entries, 256 requests to a commit", 256, 1, 32)):
        rates = commits(devices, batch, rounds, turns)
        for what, words_for in (("processor", "of processor time"), ("wall", "of the clock")):
            target = 20000 if what == "processor" and devices == 32 else None
            lines.append({"measure": f"{title}, {words_for}", "unit": "entries/s", "lysoen": rates[what, "lysoen"],
                          "plain": rates[what, "plain"], "target": target and f">= {target:,}",
                          "met": None if target is None else rates[what, "lysoen"] >= target})
    before, after = idle(polls)
    lines.append({"measure": f"{polls:,} idle long polls: all of the relay's memory", "unit": "MiB", "lysoen": after / 2**20, "plain": None,
                  "target": f"<= {polls * 64 // 1000} MiB", "met": after <= polls * 64 / 1000 * 2**20})
    lines.append({"measure": "  each", "unit": "KiB", "lysoen": (after - before) / polls / 1024, "plain": None, "target": None, "met": None})
    loads = [round(load_now, 1) for load_now in (before_load, os.getloadavg()[0])]
    if "--json" in words:
        print(json.dumps({"benchmark": "relay", "cores": os.cpu_count(), "load": loads, "rows": lines}, indent=1))
        return 0
    print(f"{'':60} {'lysoen':>20} {'plain SQLite':>20}  {'target':12} met")
    for line in lines:
        number = lambda value: "" if value is None else f"{value:,.0f} {line['unit']}" if value >= 100 else f"{value:.1f} {line['unit']}"
        print(f"{line['measure']:60} {number(line['lysoen']):>20} {number(line['plain']):>20}  {line['target'] or '':12} "
              f"{ {True: 'yes', False: 'NO', None: ''}[line['met']]}".rstrip())
    print(f"{os.cpu_count()} cores, load {loads[0]} before and {loads[1]} after")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
