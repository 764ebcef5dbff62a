#!/usr/bin/env python3
"""What is left behind: in memory once a vault is locked, in files. Canaries are planted in everything a person writes, and
keys are taken from the vault itself; then every place is searched. Usage: forensics.py BUILD"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from main_job import new_report
from world import PASSPHRASE, SOURCE, World, check, equal

sys.path.insert(0, str(SOURCE / "tests/interop"))
import vault  # the second implementation: it opens what it finds, dead or alive

DRAFT, SENT, NAME, TERM = "canary of a draft, kept", "canary of a sent report", "canary of a member", "canary of a search"
FILE, BYTES = "canary of a file's name", "canary of a file's bytes"


def spellings(text):
    return {text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()}


def keys_of(world, name):
    """What must never stand in the memory of a program but in its locked arena, which a core leaves out."""
    seen = vault.Vault(world.folder / name, PASSPHRASE.encode())
    roster = seen.secret_fact("team.roster_keys")
    keys = {"container key": seen.key, "wrap key": seen.wrap_key(), "device key": seen.secret_fact("device.seed"),
            "inbox key": seen.secret_fact("device.inbox"), "roster key": roster[:32]}
    for audience, number in seen.database.execute("SELECT audience, epoch FROM epoch_keys"):
        keys[f"epoch key {len(keys)}"] = seen.epoch_key(audience, number)
    return {what: {key, key.hex().encode()} for what, key in keys.items()}


def hits(data, needles):
    """How often each needle is there."""
    return {what: sum(data.count(form) for form in forms) for what, forms in needles.items()}


# -- Memory -------------------------------------------------------------------------------------------------------------

def dump_at(world, moment, vault, *arguments, environment=None):
    """The core of a command that stops at that moment."""
    process = world.start(vault, "--passphrase-file", "passphrase", *arguments,
                          environment={"LYSOEN_TEST_STOP": moment, "LYSOEN_PASSPHRASE": None, "LYSOEN_ROOT_PASSPHRASE": None,
                                       **(environment or {})})
    try:
        for _ in range(600):
            state = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                break
            check(process.poll() is None, f"'{arguments[0]}' ended before it was {moment}")
            time.sleep(0.05)
        core = world.folder / "core"
        done = subprocess.run(["gcore", "-o", core, str(process.pid)], capture_output=True, text=True, timeout=120)
        equal(done.returncode, 0, f"gcore: {done.stdout[-300:]}{done.stderr[-300:]}")
        written = world.folder / f"core.{process.pid}"
        data = written.read_bytes()
        written.unlink()
        check(len(data) > 1_000_000, "a core that holds the process")
        return data
    finally:
        process.send_signal(signal.SIGCONT)
        process.wait(60)


def may_dump(world):
    if not shutil.which("gcore"):
        print("SKIPPED: memory (gcore is not installed)")
        return False
    sleeper = subprocess.Popen(["sleep", "60"])
    done = subprocess.run(["gcore", "-o", world.folder / "probe", str(sleeper.pid)], capture_output=True, timeout=120)
    sleeper.kill()
    sleeper.wait()
    if done.returncode != 0:
        print("SKIPPED: memory (gcore may not attach to a process here)")
    return done.returncode == 0


def memory(world, draft, sent):
    text = {what: spellings(what) for what in (DRAFT, SENT, NAME, TERM, FILE, BYTES)}
    secrets = {"passphrase": spellings(PASSPHRASE), **keys_of(world, "monitor")}
    for arguments in (("report", "show", sent), ("report", "show", draft), ("report", "list", "--text", TERM),
                      ("members",), ("report", "attach", draft, "outside.bin"), ("report", "extract", draft, FILE, "--output", "again.bin"),
                      ("report", "edit", draft, "--set", f"settlement={DRAFT} again"), ("vault", "check")):
        found = hits(dump_at(world, "locked", "monitor", *arguments), {**text, **secrets})
        given = {one for one in text if any(one in argument for argument in arguments)}  # stands in the command line
        found = {what: count for what, count in found.items() if what not in given}
        equal({what: count for what, count in found.items() if count}, {}, f"left in memory by '{' '.join(arguments[:2])}'")
    for name in ("monitor", "amina"):
        secrets = {"passphrase": spellings(PASSPHRASE), **keys_of(world, name)}
        opened = hits(dump_at(world, "opened", name, "status"), secrets)
        equal({what: count for what, count in opened.items() if count}, {}, f"secrets in memory while the vault of {name} is open")
    kept = hits(dump_at(world, "locked", "monitor", "report", "show", sent,
                        environment={"LYSOEN_TEST_FAULT": "freed_memory_kept"}), text)
    check(kept[SENT] > 0, "a program that does not wipe what it frees would be noticed")


def main(build):
    began = time.monotonic()
    with World(build) as world:
        passphrase_file = world.folder / "passphrase"
        passphrase_file.write_text(PASSPHRASE + "\n")
        world.make_team("amina")
        world.cli("amina", "invite", "--role", "reporter", "--name", NAME, "--file", "monitor.invite")
        world.cli("monitor", "join", "monitor.invite", "--request", "monitor.request")
        world.cli("amina", "admit", "monitor.request", "--welcome", "monitor.welcome")
        world.cli("monitor", "join", "--finish", "monitor.welcome")
        sent = new_report(world, "monitor", "police-incident", f"title={SENT}", f"settlement={NAME}")
        draft = new_report(world, "monitor", "police-incident", f"title={DRAFT}", submit=False)
        (world.folder / "outside.bin").write_text(BYTES * 4000)
        world.cli("monitor", "report", "attach", draft, "outside.bin", "--name", FILE)
        if may_dump(world):
            memory(world, draft, sent)
        print(f"forensics: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
