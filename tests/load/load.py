#!/usr/bin/env python3
"""A real relay under load: honest members push, others wait in long polls, and slow, silent, flooding and oversized clients
come again and again. Nobody honest is refused, what is slow is cut, memory stays bounded, and nothing is logged about it.
  load.py BUILD            500 honest and 200 slow ones; counts and invariants only
  load.py BUILD long       10,000 long polls and 1,000 slow ones, and how far they move the others' median and p99
Talks to 127.0.0.1 only. LYSOEN_SEED repeats keys, pauses and noise."""
import atexit
import http.client
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SEED = int(os.environ.get("LYSOEN_SEED", random.SystemRandom().randrange(2**32)))
CONNECTION_MAX = 64 * 1024  # bytes of memory for one connection that waits (the target of docs; allocator's slack included)


class Relay:
    def __init__(self, build, settings=""):
        self.program, self.driver = build / "tools/relayd/lysoen-relay", build / "tests/load/load_driver"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lysoen-load-"))
        (self.folder / "relay.toml").write_text(f'store = "{self.folder}/relay"\n[listen]\naddress = "127.0.0.1:0"\n{settings}')
        self.key = self.order("keygen").strip()
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([self.program, "serve", "--config", self.folder / "relay.toml"], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http"), line
        self.port = int(line.rsplit(":", 1)[1])
        self.rss_max, self.watching = 0, True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        atexit.register(self.process.kill)  # a test that failed; after an end it does nothing

    def order(self, *words):
        done = subprocess.run([self.program, *words, "--config", self.folder / "relay.toml"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def words(self, verb, *words):
        return [str(word) for word in (self.driver, verb, SEED, self.port, self.key, *words)]

    def run(self, verb, *words):
        """One part of the load to its end: what it told."""
        done = subprocess.run(self.words(verb, *words), capture_output=True, text=True, timeout=1200)
        told = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
        assert done.returncode == 0, f"{verb}: exit {done.returncode}: {told} {done.stderr}"
        return told

    def begin(self, verb, *words):
        """One part that goes on beside others: the process, once all of it is connected."""
        # Behind the relay and the honest in the queue for the processor: in life its work is done elsewhere.
        process = subprocess.Popen(["nice", "-n", "10", *self.words(verb, *words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline()
        return process

    def finish(self, process):
        process.stdin.close()
        told = json.loads(process.stdout.readline())
        assert process.wait(120) == 0, told
        return told

    def admit(self, members, readers):
        key = subprocess.run([self.driver, "key", str(SEED)], capture_output=True, text=True, check=True).stdout.strip()
        self.order("team", "add", key)
        done = subprocess.run(self.words("setup", members, readers), timeout=120)
        assert done.returncode == 0, f"setup: exit {done.returncode}; the relay: {self.process.poll()}"

    def rss(self):
        try:
            return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024
        except (OSError, TypeError):
            return 0

    def watch(self):
        while self.watching:
            self.rss_max = max(self.rss_max, self.rss())
            time.sleep(0.05)

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return {name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.e+]+)$", text, re.M)}

    def until(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what}: never; {self.metrics()}"
            time.sleep(0.1)

    def end(self):
        self.watching = False
        self.watcher.join()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        logged = (self.folder / "log").read_text()
        # A handful of events, however many clients came; and nothing of who they were.
        assert len(logged.splitlines()) < 20, logged
        assert "127.0.0.1" not in logged, logged
        assert json.loads(self.order("check", "--json"))["sound"]
        shutil.rmtree(self.folder)


def short(build):
    honest, slow, floods, polls = 500, 200, 40, 100
    relay = Relay(build, "[limits]\nmemory_mib = 64\nstranger_seconds = 3\nhead_seconds = 3\npiece_seconds = 3\nidle_seconds = 6\n"
                         "exchange_seconds = 8\n")
    relay.admit(slow + floods + polls + honest, slow)
    waiting = relay.begin("polls", slow + floods + 1, polls)
    relay.until("all polls are held", lambda: relay.metrics()["lysoen_relay_held"] == polls)
    before = relay.rss()
    hostile = relay.begin("slow", 1, slow)
    flooding = relay.begin("flood", slow + 1, floods)
    saving = subprocess.Popen([relay.program, "backup", relay.folder / "saved", "--config", relay.folder / "relay.toml"],
                              stdout=subprocess.DEVNULL)
    pushed = relay.run("honest", slow + floods + polls + 1, honest, 3, 4, 400)
    assert saving.wait(120) == 0
    assert pushed["exchanges"] == honest * 3 and pushed["failed"] == 0 and pushed["reasons"] == [], pushed
    assert pushed["confirmed"] == pushed["written"] == honest * 12, pushed
    told = relay.finish(hostile) | relay.finish(flooding)
    assert told.pop("left") == 0 and len(told) == 7, told
    for kind, counts in told.items():
        assert 0 < counts["cut"] == counts["opened"], f"{kind}: {told}"
        # Never an answer to what deserves none; an oversized one may be reset before it reads that it is.
        allowed = {"flood": {"404"}, "oversized": {"413"}, "silent": set(), "head": {"404"}, "stranger": {"404"},
                   "body": {"200", "404"}, "reader": {"200"}}[kind]
        assert set(counts["answers"] or {}) <= allowed, f"{kind}: {told}"
    numbers = relay.metrics()
    assert numbers["lysoen_relay_held"] == polls, "a long poll was lost"
    assert numbers["lysoen_relay_entries_stored_total"] >= honest * 12
    assert numbers["lysoen_connections_late_total"] > 0 and numbers["lysoen_connections_turned_away_total"] == 0, numbers
    assert numbers["lysoen_relay_commits_total"] < numbers["lysoen_relay_requests_answered_total"] / 2, "commits are for many at once"
    # All of the memory for requests under way, and what each connection may have.
    assert relay.rss_max - before < (64 << 20) + (honest + slow + floods) * CONNECTION_MAX, (before, relay.rss_max)
    subprocess.run(relay.words("wake"), check=True, timeout=60)
    assert waiting.wait(60) == 0
    assert json.loads(waiting.stdout.readline()) == {"answered": polls, "entries": polls, "lost": 0}
    # What was saved while all of them came: as whole as the store itself.
    (relay.folder / "old").mkdir(mode=0o700)
    shutil.copy(relay.folder / "relay/relay.key", relay.folder / "old/relay.key")
    shutil.copytree(relay.folder / "saved", relay.folder / "old/store")
    old = subprocess.run([relay.program, "check", "--store", relay.folder / "old", "--json"], capture_output=True, text=True)
    assert old.returncode == 0 and json.loads(old.stdout)["sound"], old.stdout
    relay.until("nothing is under way", lambda: relay.metrics()["lysoen_relay_waiting_bytes"] == 0)
    relay.end()
    print(f"seed {SEED}: {honest} honest pushed {pushed['written']} entries in {pushed['seconds']:.1f} s beside {slow} slow and {floods} flooding ones, "
          f"{polls} polls woke; memory {before >> 20} to {relay.rss_max >> 20} MiB")


def mebibytes(size):
    return f"{size / (1 << 20):.0f} MiB"


def long(build):
    honest, slow, floods, polls, rounds = 100, 1000, 100, 10000, 30
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < polls + 2 * slow:
        print(f"skipped: this system allows {hard} open files to a process")
        return
    relay = Relay(build, "[limits]\npiece_seconds = 10\nexchange_seconds = 30\nidle_seconds = 20\n")
    relay.admit(slow + floods + polls + 5 * honest, slow)
    at = [slow + floods + 1]

    def push(title):
        told = relay.run("honest", at[0], honest, rounds, 4, 400)
        at[0] += honest
        assert told["confirmed"] == told["written"], told
        print(f"{title:58} p50 {told['p50_ms']:7.1f} ms   p99 {told['p99_ms']:7.1f} ms   max {told['max_ms']:7.1f} ms   "
              f"{mebibytes(relay.rss()):>8}", flush=True)
        return told

    push(f"{honest} honest ones, once, to warm up")
    alone = push(f"{honest} honest ones alone")
    empty = relay.rss()
    waiting = relay.begin("polls", at[0], polls)
    at[0] += polls
    relay.until("all polls are held", lambda: relay.metrics()["lysoen_relay_held"] == polls, 300)
    idle = relay.rss()
    print(f"{polls:,} long polls: {mebibytes(idle - empty)} more, {(idle - empty) / polls / 1024:.1f} KiB each", flush=True)
    with_polls = push(f"beside {polls:,} long polls")
    hostile = relay.begin("slow", 1, slow)
    beside = push(f"beside {polls:,} long polls and {slow:,} slow ones")
    flooding = relay.begin("flood", slow + 1, floods)
    flooded = push(f"and {floods:,} that flood with requests of nobody")
    told = relay.finish(hostile) | relay.finish(flooding)
    told.pop("left")
    for kind, counts in told.items():
        print(f"  {kind:10} {counts['opened']:6} opened, {counts['cut']:6} cut, answers {counts['answers']}")
    numbers = relay.metrics()
    assert numbers["lysoen_relay_held"] == polls, "a long poll was lost"
    began = time.monotonic()
    subprocess.run(relay.words("wake"), check=True, timeout=120)
    woken = json.loads(waiting.stdout.readline())
    assert waiting.wait(300) == 0 and woken == {"answered": polls, "entries": polls, "lost": 0}, woken
    print(f"all {polls:,} woken, answered and read in {time.monotonic() - began:.1f} s; memory at most {mebibytes(relay.rss_max)}")
    relay.end()
    print(f"p99 beside all of them is {beside['p99_ms'] / alone['p99_ms']:.2f} times that of the honest alone "
          f"(beside the polls {with_polls['p99_ms'] / alone['p99_ms']:.2f}, "
          f"with the floods {flooded['p99_ms'] / alone['p99_ms']:.2f}); seed {SEED}, {os.cpu_count()} cores shared with the load")


if __name__ == "__main__":
    build = pathlib.Path(sys.argv[1]).resolve()
    (long if sys.argv[2:] == ["long"] else short)(build)
