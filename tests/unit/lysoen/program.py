#!/usr/bin/env python3
"""lysoen where somebody else is hostile: the folder that it writes into, the words that it prints.
Usage: program.py PROGRAM"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="lysoen-program-"))
WORLD = {**os.environ, "LYSOEN_PASSPHRASE": "words for a test", "LYSOEN_ROOT_PASSPHRASE": "other words", "LYSOEN_VAULT": "vault",
         "LYSOEN_TEST_KEY_MEMORY": "8", "LYSOEN_TEST_KEY_PASSES": "1"}


def run(*arguments, code=0, **environment):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=FOLDER,
                          env={**WORLD, **environment})
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}: {done.stderr}"
    return done


def mode(name):
    return (FOLDER / name).stat().st_mode & 0o777


def a_team_has_its_root_key_or_is_not_made():
    refused = run("team", "create", "Monitors", "--root", "no/such/folder/root", code=3)
    assert refused.stderr.startswith("error: cannot write 'root': there is no such folder\nhint: "), refused.stderr
    assert not (FOLDER / "vault").exists(), "no team without its root key"
    (FOLDER / "taken").write_text("something else")
    run("team", "create", "Monitors", "--root", "taken", code=3)
    run("team", "create", "Monitors", "--root", "root")
    assert mode("root") == 0o600 and not (FOLDER / "root.part").exists()
    assert (FOLDER / "taken").read_text() == "something else"


def files_are_the_users_alone_and_links_are_not_followed():
    # Somebody who may write into the same folder lays a link and a file of his own where the temporary file will be.
    (FOLDER / "elsewhere").write_text("")
    (FOLDER / "reports.csv.part").symlink_to("elsewhere")
    run("export", "reports.csv")
    assert (FOLDER / "elsewhere").read_text() == ""
    (FOLDER / "reports.html.part").write_text("")
    (FOLDER / "reports.html.part").chmod(0o666)
    theirs = open(FOLDER / "reports.html.part")
    run("export", "reports.html")
    assert theirs.read() == ""
    (FOLDER / "invite.part").symlink_to("elsewhere")
    (FOLDER / "invite.png.part").symlink_to("elsewhere")
    run("invite", "--name", "Ben", "--file", "invite", "--qr-png", "invite.png")
    assert (FOLDER / "elsewhere").read_text() == ""
    for name in ("reports.csv", "reports.html", "invite", "invite.png"):
        assert mode(name) == 0o600 and not (FOLDER / name).is_symlink(), name
    (FOLDER / "link.csv").symlink_to("elsewhere")
    run("export", "link.csv", code=3)
    run("export", "link.csv", "--replace")
    assert (FOLDER / "elsewhere").read_text() == ""
    run("export", "reports.csv", code=3)


def words_of_others_do_not_look_like_the_programs_own():
    title = "Quiet\n0123abcd  2026-01-01  police-incident         verified    opened  Nothing happened"
    begun = json.loads(run("--json", "report", "new", "--form", "police-incident", "--set", "title=" + title).stdout)
    run("report", "submit", begun["id"])
    lines = run("report", "list").stdout.splitlines()
    assert len(lines) == 1, lines
    shown = run("report", "show", lines[0].split()[0]).stdout.splitlines()
    assert not any(line.startswith("0123abcd") for line in shown), shown
    assert any("Nothing happened" in line for line in shown), shown


def passphrases_are_added_changed_and_removed():
    passphrase = lambda *words, **more: run("--vault", "mine", "vault", "passphrase", *words, **more)
    weak = run("--vault", "mine", "init", code=3, LYSOEN_PASSPHRASE="password")
    assert weak.stderr.startswith("error: cannot take the passphrase: it would be guessed at once"), weak.stderr
    assert "password:" not in weak.stderr and not (FOLDER / "mine").exists()
    run("--vault", "mine", "--weak", "init", LYSOEN_PASSPHRASE="password")
    first = {"LYSOEN_PASSPHRASE": "password"}
    (FOLDER / "new").write_text("gannet ledger oblique\r\nnot this line\n")
    passphrase("change", "--new-passphrase-file", "new", **first)
    wrong = passphrase("list", code=4, **first)
    assert wrong.stderr.startswith("error: cannot open vault: wrong passphrase"), wrong.stderr
    now = {"LYSOEN_PASSPHRASE": "gannet ledger oblique"}
    passphrase("add", **now, LYSOEN_NEW_PASSPHRASE="thimble fresco amber", code=0)
    again = passphrase("add", **now, LYSOEN_NEW_PASSPHRASE="gannet ledger oblique", code=3)
    assert "in use on this device already" in again.stderr, again.stderr
    passphrase("add", **now, LYSOEN_NEW_PASSPHRASE="x" * 2000, code=3)
    listed = json.loads(run("--vault", "mine", "--json", "vault", "passphrase", "list", **now).stdout)["passphrases"]
    assert [(one["number"], one["current"]) for one in listed] == [(1, False), (2, True)], listed
    passphrase("remove", 1, **now)
    last = passphrase("remove", 2, code=3, **now)
    assert last.stderr.startswith("error: cannot remove the passphrase: it is the last one"), last.stderr
    for code in (4, 4, 4, 4):
        passphrase("list", code=code, LYSOEN_PASSPHRASE="wrong")
    waits = passphrase("list", code=4, **now)
    assert "4 wrong passphrases in a row" in waits.stderr and "hint: try again in 1 s" in waits.stderr, waits.stderr


def a_guarded_vault_needs_its_guard():
    (FOLDER / "stick").mkdir()
    run("--vault", "guarded", "--guard", "stick", "init")
    run("--vault", "guarded", "--guard", "stick", "status")
    without = run("--vault", "guarded", "status", code=3)
    assert "half of its key is held outside of it" in without.stderr, without.stderr
    shutil.rmtree(FOLDER / "stick")
    gone = run("--vault", "guarded", "--guard", "stick", "status", code=3)
    assert "cannot be opened any more" in gone.stderr, gone.stderr


def who_does_not_speak_the_words_is_not_admitted():
    run("invite", "--name", "Cleo", "--file", "second")
    asked = json.loads(run("--vault", "joiner", "--json", "join", "second", "--request", "request").stdout)
    refused = run("admit", "request", "--words", "four other words here", code=9)
    assert refused.stderr.startswith("error: not admitted: the words are not those of this request"), refused.stderr
    assert len(json.loads(run("--json", "members").stdout)["members"]) == 1
    run("admit", "request", "--words", asked["check_words"], "--welcome", "welcome")
    assert len(json.loads(run("--json", "members").stdout)["members"]) == 2


def picture(*said):
    """A PNG of one pixel with these chunks beside it."""
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    parts = [chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0])), *(chunk(*one) for one in said),
             chunk(b"IDAT", zlib.compress(b"\0abc")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def a_shareable_copy_says_nothing_of_place_and_device():
    taken = picture((b"tEXt", b"Location\0at the well of Amina"), (b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0"))
    (FOLDER / "well.png").write_bytes(taken)
    (FOLDER / "words.pdf").write_bytes(b"%PDF-1.7 by Amina")
    draft = json.loads(run("--json", "report", "new", "--form", "police-incident", "--set", "title=Well").stdout)["id"]
    for name in ("well.png", "words.pdf"):
        run("report", "attach", draft, name)
    run("report", "extract", draft, "well.png", "-o", "as-it-was.png")
    assert (FOLDER / "as-it-was.png").read_bytes() == taken
    told = json.loads(run("--json", "report", "extract", draft, "well.png", "--shareable", "-o", "copy.png").stdout)
    assert (FOLDER / "copy.png").read_bytes() == picture() and mode("copy.png") == 0o600
    assert told["shareable"] and told["size"] == len(picture()), told
    refused = run("report", "extract", draft, "words.pdf", "--shareable", "-o", "copy.pdf", code=3)
    assert refused.stderr.startswith("error: no shareable copy can be made: "), refused.stderr
    assert "hint: --original writes it as it was attached" in refused.stderr, refused.stderr
    assert not any((FOLDER / name).exists() for name in ("copy.pdf", "copy.pdf.part")), "nothing half-written"
    run("report", "extract", draft, "words.pdf", "--original", "-o", "words-again.pdf")
    run("report", "extract", draft, "well.png", "--shareable", "--original", "-o", "both.png", code=2)
    assert not (FOLDER / "both.png").exists()


def main():
    a_team_has_its_root_key_or_is_not_made()
    words_of_others_do_not_look_like_the_programs_own()
    files_are_the_users_alone_and_links_are_not_followed()
    who_does_not_speak_the_words_is_not_admitted()
    passphrases_are_added_changed_and_removed()
    a_guarded_vault_needs_its_guard()
    a_shareable_copy_says_nothing_of_place_and_device()
    shutil.rmtree(FOLDER)
    print("lysoen: done")


main()
