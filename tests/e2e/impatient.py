#!/usr/bin/env python3
"""As an impatient user meets the programs: wrong words and options, files that are missing or cannot be written, full
disks, Ctrl-C. Each ends with a documented exit code and says what to do. Usage: impatient.py BUILD"""
import json
import os
import pty
import re
import shutil
import signal
import sys
import termios
import threading
import time

from main_job import new_report, reports
from world import SOURCE, SmallDisk, World, alone, check, check_refusal, equal

USAGE, REFUSED, PASSPHRASE, NETWORK, DAMAGED, PARTLY, IN_USE, TRUST, STORAGE = 2, 3, 4, 5, 6, 7, 8, 9, 10


# -- Words and options --------------------------------------------------------------------------------------------------

def commands_of(world, program, path=()):
    """Every command of a program with its help, by what the help itself lists."""
    text = world.run(program, *path, "--help").out
    yield path, text
    for block in re.findall(r"(?m)^Subcommands:\n((?: .*\n?)+)", text, re.IGNORECASE):
        for name in re.findall(r"(?m)^  (\w+)", block):
            yield from commands_of(world, program, (*path, name))


def every_command_explains_itself(world):
    for program, least in ((world.lysoen, 25), (world.relay_program, 9)):
        commands = list(commands_of(world, program))
        check(len(commands) >= least, f"{program.name} lists {len(commands)} commands")
        check("exit codes: 0 done" in commands[0][1].lower(), f"the exit codes of {program.name}")
        for path, _ in commands:
            words = " ".join((program.name, *path))
            done = world.run(program, *path, "--no-such-option", expect=None)
            check_refusal(done, USAGE, "required|does not take|command is missing|not expected|needs", f"{words} --no-such-option")
            check(f"`{words} --help`" in done.err, f"the hint of '{words}': {done.err}")


def usage_messages(world):
    world.refuses("vault", USAGE, "a command is missing, or there is none of that name", "dance")
    world.refuses("vault", USAGE, "--deadline", "sync", "--deadline", "-5")
    world.refuses("vault", USAGE, "no export format 'doc'", "export", "reports.doc")
    world.refuses("vault", REFUSED, "no role 'king'", "invite", "--role", "king")
    done = world.run(world.lysoen, "status", expect=None)
    check_refusal(done, USAGE, "no vault was named", "status without a vault")
    none = {"LYSOEN_PASSPHRASE": None}
    world.refuses("vault", USAGE, "no passphrase was given and there is no terminal", "status", environment=none)
    for file in ("missing", "/", "/dev/null"):
        world.refuses("vault", USAGE, "cannot read the passphrase file", "--passphrase-file", file, "status")
    (world.folder / "word").write_text("not the right one\n")
    world.refuses("vault", PASSPHRASE, "wrong passphrase", "--passphrase-file", "word", "status")
    world.refuses("vault", REFUSED, "4 to 64 hexadecimal digits", "--json", "report", "show", "zz")
    world.refuses("vault", REFUSED, "'missing': there is no such file", "join", "--finish", "missing")
    world.refuses("vault", REFUSED, "it is a folder", "join", "--finish", "/")


def relay_usage_messages(world):
    def refuses(code, words, *arguments):
        check_refusal(world.relay(*arguments, expect=None), code, words, "lysoen-relay " + " ".join(arguments))

    refuses(USAGE, "a command is missing", "dance")
    refuses(USAGE, "folder is not named", "serve")
    refuses(REFUSED, "its key file is not there", "serve", "--store", "nowhere")
    refuses(STORAGE, "cannot make the relay's folder", "keygen", "--store", "/proc/relay")
    refuses(REFUSED, "the port is missing", "serve", "--store", "relay", "--listen", "127.0.0.1")
    refuses(REFUSED, "not a number from 1 to 65535", "serve", "--store", "relay", "--listen", "127.0.0.1:99999")
    refuses(REFUSED, "this is no team key", "team", "add", "x", "--store", "relay")
    refuses(REFUSED, "knows no such team", "team", "remove", "ffffffff", "--store", "relay")


# -- The vault's folder -------------------------------------------------------------------------------------------------

def odd_folders(world):
    (world.folder / "file").write_text("no folder")
    (world.folder / "empty").mkdir()
    for command in (("status",), ("sync",), ("report", "list"), ("init",)):
        world.refuses("file", REFUSED, "a file is there, not a folder", *command)
    equal((world.folder / "file").read_text(), "no folder", "the file after all that")
    for command in (("status",), ("sync",), ("report", "list"), ("members",)):
        world.refuses("empty", REFUSED, "there is no vault in this folder", *command)
    equal(list((world.folder / "empty").iterdir()), [], "what looking leaves in an empty folder")
    world.refuses("vault", REFUSED, "the folder is not empty", "init")


def missing_files(world):
    """Each file of a vault away, one by one: it opens with all that was saved, or says which file is missing."""
    before = reports(world, "vault")
    needed = {"slots", "A.db"}
    for name in sorted(path.name for path in (world.folder / "vault").iterdir()):
        shutil.copytree(world.folder / "vault", world.folder / "harmed")
        (world.folder / "harmed" / name).unlink()
        if name in needed:
            world.refuses("harmed", DAMAGED, f"its file '{name}' is missing", "status")
            world.refuses("harmed", REFUSED, "the folder is not empty", "init")
        else:
            equal(reports(world, "harmed"), before, f"reports without {name}")
        shutil.rmtree(world.folder / "harmed")


# -- Disks --------------------------------------------------------------------------------------------------------------

def nothing_written_nothing_done(world, disk):
    """Where the outcome cannot be written, the deed is not done."""
    there = disk.folder
    disk.make("ro")
    version = world.reads("vault", "members")["roster_version"]
    world.cli("vault", "invite", "--name", "joiner", "--file", "joiner.invite")
    world.cli("joiner", "join", "joiner.invite", "--request", "joiner.request")
    for command in (("export", there / "out.csv"), ("bundle", "export", there / "out.bundle"), ("invite", "--name", "x", "--file", there / "x"),
                    ("admit", "joiner.request", "--welcome", there / "welcome"), ("invite", "--name", "x", "--qr-png", there / "x.png")):
        world.refuses("vault", STORAGE, "cannot write|cannot be written|does not allow", *command)
    equal(world.reads("vault", "members")["roster_version"], version, "the roster after refusals")
    world.refuses("second", STORAGE, "cannot write 'root.key'", "team", "create", "Second", "--root", there / "root.key")
    check(not (world.folder / "second").exists(), "no team without its root key")
    world.refuses(there / "made", STORAGE, "cannot make a vault", "init")
    rows_cannot_be_set_aside(world, there)
    disk.make("rw")
    equal(list(there.iterdir()), [], "what refusals leave on the disk")


def rows_cannot_be_set_aside(world, there):
    (world.folder / "rows.csv").write_text("what,dead\nfits,1\ndoes not,many\n")
    (world.folder / "map.json").write_text(json.dumps({"lysoen_mapping": 1, "form": "police-incident", "fields": [
        {"path": "title", "from": "what"}, {"path": "killed", "from": "dead", "number": True}]}))
    command = ("import", "rows.csv", "--mapping", "map.json", "--refused")
    world.refuses("vault", STORAGE, "cannot write the file of refused rows", *command, there / "aside.csv")
    again = world.cli("vault", "--json", *command, "aside.csv", expect=PARTLY).json()
    equal((again["added"], again["known"], again["refused"]), (0, 1, 1), "the same import with a place for refused rows")


def unwritable_working_folder(world, disk):
    """The default names (root key, refused rows) are in the working folder."""
    disk.make("ro")
    at = dict(cwd=disk.folder)
    done = world.run(world.lysoen, "--vault", world.folder / "third", "team", "create", "Third", expect=None, **at)
    check_refusal(done, STORAGE, "cannot write 'team-root.lysoen'", "team create in a folder that cannot be written")
    equal(len(reports(world, world.folder / "vault", **at)), len(reports(world, "vault")), "reading works from anywhere")
    disk.make("rw")


def read_only_vault(world, disk):
    shutil.copytree(world.folder / "vault", disk.folder / "vault")
    disk.make("ro")
    for command in (("status",), ("report", "new", "--form", "police-incident")):
        world.refuses(disk.folder / "vault", STORAGE, "its folder cannot be written", *command)
    disk.make("rw")
    equal(reports(world, disk.folder / "vault"), reports(world, "vault"), "reports once it can be written")
    shutil.rmtree(disk.folder / "vault")


def full_disk(world, disk):
    """Writes until the disk is full: what was acknowledged is there, and writing goes on once there is room."""
    vault = disk.folder / "vault"
    world.cli(vault, "init")
    saved = {report["id"] for report in reports(world, vault)}
    disk.fill()
    for number in range(400):
        text = f"what_happened={number} " + "word " * 3000
        done = world.cli(vault, "--json", "report", "new", "--form", "police-incident", "--set", f"title={number}", "--set", text, expect=None)
        if done.code != 0:
            break
        saved.add(done.json()["id"])
    check_refusal(done, STORAGE, "full", "writing on a full disk")
    check("word" not in done.err, "an error repeats what was written")
    disk.make_room()
    equal({report["id"] for report in reports(world, vault)}, saved, "reports after the disk was full")
    new_report(world, vault, "police-incident", "title=There is room again", submit=False)
    print(f"{len(saved)} reports were saved before the disk was full")
    shutil.rmtree(vault)


# -- Ctrl-C -------------------------------------------------------------------------------------------------------------

def interrupt_import(world):
    rows = 4000
    (world.folder / "rows.csv").write_text("what\n" + "".join(f"row {n}\n" for n in range(rows)))
    (world.folder / "map.json").write_text(json.dumps(
        {"lysoen_mapping": 1, "form": "police-incident", "fields": [{"path": "title", "from": "what"}]}))
    command = ("--json", "import", "rows.csv", "--mapping", "map.json")
    log = world.folder / "vault/A.db-wal"
    size = log.stat().st_size if log.exists() else 0
    importing = world.start("vault", *command, pipes=True)
    for _ in range(2000):
        if importing.poll() is not None or (log.exists() and log.stat().st_size > size + 100_000):
            break
        time.sleep(0.005)
    importing.send_signal(signal.SIGINT)
    out, errors = importing.communicate(timeout=60)
    equal(importing.returncode, PARTLY, f"an interrupted import ({errors})")
    check("error: the import was interrupted" in errors and errors.count("hint: ") == 1, errors)
    first = json.loads(out)
    check(0 < first["added"] < rows and not first["complete"], out)
    second = world.reads("vault", *command[1:])
    equal((second["known"], second["added"]), (first["added"], rows - first["added"]), "rows of the second run")


def interrupt_sync(world):
    new_report(world, "vault", "police-incident", "title=On its way")
    arrived, release = threading.Event(), threading.Event()

    def hold(request, ask):
        arrived.set()
        release.wait(20)
        return b""

    world.recorder.instead = hold
    syncing = world.start("vault", "sync", pipes=True)
    check(arrived.wait(20), "the request arrived")
    syncing.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = syncing.communicate(timeout=20)
    release.set()
    world.recorder.instead = None
    check(time.monotonic() - began < 5, "Ctrl-C ends a sync soon")
    equal(syncing.returncode, PARTLY, f"an interrupted sync ({errors})")
    check("error: sync was cancelled; nothing is lost" in errors and errors.count("hint: ") == 1, errors)
    check(world.reads("vault", "status")["unsent_entries"] > 0, "it is still to be sent")


def interrupt_question(world):
    """Ctrl-C at the question for the passphrase: the terminal's echo comes back."""
    ours, theirs = pty.openpty()
    asking = world.start("vault", "status", environment={"LYSOEN_PASSPHRASE": None}, terminal=theirs)
    seen = b""
    while b"passphrase" not in seen:
        seen += os.read(ours, 1000)
    for _ in range(200):
        if not termios.tcgetattr(theirs)[3] & termios.ECHO:
            break
        time.sleep(0.01)
    check(not termios.tcgetattr(theirs)[3] & termios.ECHO, "what is typed is not shown")
    asking.send_signal(signal.SIGINT)
    equal(asking.wait(20), PARTLY, "a question that was interrupted")
    check(termios.tcgetattr(theirs)[3] & termios.ECHO, "the terminal shows again what is typed")
    for end in (ours, theirs):
        os.close(end)


# -- What only the test build has ---------------------------------------------------------------------------------------

def release_has_no_seams(world):
    presets = {preset["name"]: preset for preset in json.loads((SOURCE / "CMakePresets.json").read_text())["configurePresets"]}
    check("LYSOEN_TEST_BUILD" not in presets["release"]["cacheVariables"], "release is no test build")
    release = world.build.parent / "release/tools/lysoen/lysoen"
    if not release.exists():
        print("SKIPPED: the release program is not built here")
        return
    check(b"LYSOEN_TEST_" not in release.read_bytes(), "the release program knows variables of the test build")
    for option in ("--test-clock-days", "--test-key-memory"):
        check_refusal(world.run(release, option, "9", "forms", expect=None), USAGE, "does not take", option)


def main(build):
    may_mount = alone(__file__)
    began = time.monotonic()
    with World(build) as world:
        world.make_team("vault")
        new_report(world, "vault", "police-incident", "title=Here from the beginning", "place=48.1 37.7")
        for part in (every_command_explains_itself, usage_messages, relay_usage_messages, odd_folders, missing_files,
                     interrupt_import, interrupt_sync, interrupt_question, release_has_no_seams):
            part(world)
        if may_mount:
            for part in (nothing_written_nothing_done, unwritable_working_folder, read_only_vault, full_disk):
                with SmallDisk(world.folder / "disk", "24m") as disk:
                    part(world, disk)
        else:
            print("SKIPPED: full and read-only disks (mounting is not allowed here)")
        print(f"impatient: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
