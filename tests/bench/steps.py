"""What every benchmark needs: where things are, one line of progress, programs run, what is lacking installed."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD, DATA = ROOT / "build/bench", ROOT / "build/bench/data"


def fail(why):
    sys.exit(f"error: {why}")


def say(what):
    """One line of progress, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{what}")
        sys.stderr.flush()


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, **{"text": True, **options})
    if done.returncode:
        say("")
        fail(f"{command[0]} {command[1] if len(command) > 1 else ''}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def install(package, present=None):
    """A Debian package that only benchmarks need; `present`: a program or file of it."""
    present = present or package
    if shutil.which(present) or pathlib.Path(present).exists():
        return
    say(f"installing {package}")
    as_root = ["sudo"] if os.geteuid() else []
    run([*as_root, "apt-get", "install", "-y", "--no-install-recommends", package])


def fresh(name):
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
