#!/usr/bin/env python3
"""lysoen-relay as an operator meets it: keys, serving, orders to a serving relay, messages, signals.
Usage: program.py PROGRAM"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="lysoen-relayd-"))


def run(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=90, cwd=FOLDER)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}: {done.stderr}"
    return done


def says(words, *arguments, code):
    done = run(*arguments, code=code)
    first = done.stderr.splitlines()[0]
    assert first == "error: " + words, f"{arguments}: {first}"
    assert any(line.startswith("hint: ") for line in done.stderr.splitlines()), done.stderr
    return done


def team_key():
    # The text of a fresh Ed25519 public key (docs/formats/team.md).
    key = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], capture_output=True,
                         input=subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True).stdout).stdout[-32:]
    raw = key + hashlib.sha256(key).digest()[:4]
    return "lysoen-team:1:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Serving:
    def __init__(self, *options, where=("--store", "relay")):
        self.port_file = FOLDER / "port"
        self.log = open(FOLDER / "log", "ab")
        self.process = subprocess.Popen([PROGRAM, "serve", *where, "--listen", "127.0.0.1:0", "--port-file", "port", *options],
                                        cwd=FOLDER, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http"), line
        self.port = int(line.rsplit(":", 1)[1])
        assert int(self.port_file.read_text()) == self.port

    def get(self, path, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/", body=body)
        return connection.getresponse().status

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)


def keys_and_usage():
    (FOLDER / "relay").mkdir(mode=0o700)
    missing = run("serve", "--store", "relay", code=3)
    assert missing.stderr == ("error: cannot open the relay: its key file is not there\n"
                                  "hint: make one with `lysoen-relay keygen`\n"), missing.stderr
    first = run("keygen", "--store", "relay").stdout
    assert first.startswith("lysoen-relay:1:"), first
    again = run("keygen", "--store", "relay")
    assert again.stdout == first, "a second keygen must show the same key, never make another"
    assert again.stderr == "the relay has its key already; this is it\n", again.stderr
    assert (FOLDER / "relay/relay.key").stat().st_mode & 0o77 == 0
    assert run("--help").stdout.count("lysoen-relay team add") == 1
    run(code=2)
    run("serve", code=2)
    run("serve", "--store", "relay", "--tls-cert", "x", code=2)
    run("dance", code=2)


EXAMPLE = pathlib.Path(__file__).resolve().parents[3] / "tools/relayd/lysoen-relay.toml"


def settings(text):
    """{(table, name): value} of a file in the plain form that both the example and `check` write."""
    found, table = {}, ""
    for line in text.splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        elif " = " in line:
            name, value = line.split(" = ", 1)
            found[table, name] = value.strip("'\"")
    return found


def configuration():
    file = FOLDER / "relay.toml"

    def refused(text, message, hint, code=3):
        file.write_text(text)
        for command in (["serve"], ["check", "--config-only"], ["team", "list"]):
            done = run(*command, "--config", "relay.toml", code=code)
            assert done.stderr == f"error: cannot use the configuration: {message}\nhint: {hint}\n", done.stderr

    good = 'store = "relay"\n'
    refused(good + "[limits]\nconections = 5\n", "line 3: 'limits.conections' is no setting",
            "[limits] takes connections, memory_mib, exchanges_per_device, stranger_seconds, head_seconds, piece_seconds, "
            "exchange_seconds, idle_seconds")
    refused(good + "threads = 5\n", "line 2: 'threads' is no setting",
            "at the top stand store, key_file, [listen], [limits], [quotas], [retention]")
    refused(good + '[limits]\nconnections = "5"\n', "line 3: 'limits.connections' takes a whole number",
            "from 1 to 1000000, without quotes; its unit is in its name")
    for odd in ("0", "-1", "2.5", "true", "1000001", "99999999999999999"):
        refused(good + f"[limits]\n\nconnections = {odd}\n", "line 4: 'limits.connections' takes a whole number",
                "from 1 to 1000000, without quotes; its unit is in its name")
    refused("store = 5\n", "line 1: 'store' takes a text", 'in quotes: "..."')
    refused(good + "quotas = 5\n", "line 2: 'quotas' is a table", "write [quotas] on a line of its own")
    file.write_text(good + "[limits\n")
    broken = run("check", "--config", "relay.toml", "--config-only", code=3)
    assert broken.stderr.startswith("error: cannot use the configuration: line 2: "), broken.stderr
    file.write_text("")
    says("the relay's folder is not named", "serve", "--config", "relay.toml", code=2)
    run("check", "--config", "none.toml", code=3)
    file.write_text(good + '[listen]\naddress = "somewhere"\n')
    run("check", "--config", "relay.toml", "--config-only", code=3)
    file.write_text(good + '[listen]\ntls_certificate = "none"\ntls_key = "none"\n')
    says("cannot use the TLS certificate: No such file or directory", "check", "--config", "relay.toml", code=3)

    # The example: what it says beside its comments is what holds without it, and it names every setting.
    shown = EXAMPLE.read_text()
    for line in shown.splitlines():
        assert len(line) <= 124, line
    file.write_text(shown.replace("/var/lib/lysoen", "relay"))
    holds = settings(run("check", "--config", "relay.toml", "--config-only").stdout)
    commented = {}
    table = ""
    for line in shown.splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        elif " = " in line and not line.startswith("#  "):
            name, value = line.removeprefix("# ").split(" = ", 1)
            commented[table, name] = value.split("#")[0].strip().strip('"')
    unsaid = {("", "store"), ("", "key_file"), ("listen", "tls_certificate"), ("listen", "tls_key")}
    assert {key: value for key, value in commented.items() if key not in unsaid} == \
        {key: value for key, value in holds.items() if key not in unsaid}, (commented, holds)
    assert unsaid <= set(commented)

    # What is said holds, the command line before the file.
    file.write_text(good + "[listen]\nthreads = 3\n[quotas]\nteam_mib = 7\n")
    holds = settings(run("check", "--config", "relay.toml", "--config-only").stdout)
    assert holds["listen", "threads"] == "3" and holds["quotas", "team_mib"] == "7", holds
    holds = settings(run("check", "--config", "relay.toml", "--store", "other", "--config-only").stdout)
    assert holds["", "store"] == "other", holds
    assert "sound" in run("check", "--config", "relay.toml").stdout
    assert run("team", "list", code=2).stderr.startswith("error: the relay's folder is not named\n")


def orders():
    key = team_key()
    listed = json.loads(run("team", "list", "--store", "relay", "--json").stdout)
    assert listed == {"teams": []}, listed
    added = json.loads(run("team", "add", key, "--store", "relay", "--json").stdout)
    assert added["admitted"]
    teams = json.loads(run("team", "list", "--store", "relay", "--json").stdout)["teams"]
    assert [team["root_key"] for team in teams] == [key] and teams[0]["team"] == added["team"] and not teams[0]["removed"], teams
    says("cannot add the team: this is no team key", "team", "add", "lysoen-relay:1:abc", "--store", "relay", code=3)
    run("team", "add", key[:-3] + "abc", "--store", "relay", code=3)
    says("this relay knows no such team", "team", "remove", "ffffffff", "--store", "relay", code=3)
    removed = run("team", "remove", added["team"][:12], "--store", "relay")
    assert removed.stdout == f"removed {added['team']}; what it stored is kept until 'team purge'\n", removed.stdout
    run("team", "add", key, "--store", "relay")
    token = run("token", "--store", "relay").stdout.strip()
    assert token.startswith("lysoen-token:1:")
    second = team_key()
    run("team", "add", second, "--token", token, "--store", "relay")
    run("team", "add", team_key(), "--token", token, "--store", "relay", code=9)
    assert json.loads(run("check", "--store", "relay", "--json").stdout)["sound"]
    saved = json.loads(run("backup", "saved", "--store", "relay", "--json").stdout)
    assert saved["backup"] == str(FOLDER / "saved") and saved["bytes"] == (FOLDER / "saved/relay.db").stat().st_size, saved
    assert sorted(path.name for path in (FOLDER / "saved").iterdir()) == ["relay.db"]
    assert (FOLDER / "saved").stat().st_mode & 0o77 == 0 and (FOLDER / "saved/relay.db").stat().st_mode & 0o77 == 0
    says("cannot make a backup: something of that name is there already", "backup", "saved", "--store", "relay", code=3)
    seen = json.loads(run("inspect", "--store", "relay", "--json").stdout)
    assert len(seen["teams"]) == 2 and seen["feeds"] == [], seen
    assert "no key that opens an entry" in run("inspect", "--store", "relay").stdout
    assert list((FOLDER / "relay/orders").iterdir()) == [], "orders and answers are cleared away"


def odd_orders():
    folder = FOLDER / "relay/orders"
    (folder / "a.order").write_text("not json")
    (folder / "b.order").write_text("x" * 100000)
    (folder / "c.order").symlink_to("/etc/hostname")
    (folder / "d.order").write_text('{"verb": 5}')
    time.sleep(1)
    run("team", "list", "--store", "relay")


def web(serving):
    assert serving.get("/healthz") == (200, "ok\n")
    status, metrics = serving.get("/metrics")
    assert status == 200
    for name in ("lysoen_relay_commits_total", "lysoen_connections_open", "lysoen_relay_commit_seconds_bucket"):
        assert re.search(rf"^{name}[ {{]", metrics, re.M), name
    # Prometheus' text format, line by line.
    for line in metrics.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{\w+=\"[^\"]*\"\})? [-+0-9.eInf]+", line), line
    assert serving.get("/metrics", {"X-Forwarded-For": "192.0.2.7"})[0] == 404
    assert serving.get("/")[0] == 404
    assert serving.post(os.urandom(600)) == 404
    assert serving.post(os.urandom(50000)) == 404


def main():
    keys_and_usage()
    configuration()
    serving = Serving()
    web(serving)
    orders()
    odd_orders()
    run("serve", "--store", "relay", "--listen", "127.0.0.1:0", code=8)
    assert serving.end() == 0
    assert not serving.port_file.exists()
    # The same orders without a serving process; then one that was killed.
    assert len(json.loads(run("team", "list", "--store", "relay", "--json").stdout)["teams"]) == 2
    run("backup", "saved_at_rest", "--store", "relay")
    # The saved one in the place of the store: noticed as of an older day, and sound.
    newer = json.loads(run("inspect", "--store", "relay", "--json").stdout)
    run("team", "add", team_key(), "--store", "relay")
    # Looked at beside the store, with its key file: nothing of either changes.
    (FOLDER / "aside").mkdir(mode=0o700)
    shutil.copytree(FOLDER / "saved_at_rest", FOLDER / "aside/store")
    mark = (FOLDER / "relay/relay.key.state").read_bytes()
    beside = ("--store", "aside", "--key-file", "relay/relay.key", "--json")
    assert json.loads(run("check", *beside).stdout)["sound"]
    assert json.loads(run("inspect", *beside).stdout)["store_epoch"] == newer["store_epoch"]
    assert (FOLDER / "relay/relay.key.state").read_bytes() == mark, "a look at a backup moved the mark of the store"
    assert len(json.loads(run("team", "list", "--store", "relay", "--json").stdout)["teams"]) == 3
    assert json.loads(run("inspect", "--store", "relay", "--json").stdout)["store_epoch"] == newer["store_epoch"]
    shutil.move(FOLDER / "relay/store", FOLDER / "replaced")
    shutil.copytree(FOLDER / "saved_at_rest", FOLDER / "relay/store")
    run("team", "list", "--store", "relay")  # opens it to work with it; a look would not
    seen = json.loads(run("inspect", "--store", "relay", "--json").stdout)
    assert seen["store_epoch"] == newer["store_epoch"] + 1 and len(seen["teams"]) == 2, seen
    assert json.loads(run("check", "--store", "relay", "--json").stdout)["sound"]
    serving = Serving()
    assert serving.end(signal.SIGKILL) != 0
    assert len(json.loads(run("team", "list", "--store", "relay", "--json").stdout)["teams"]) == 2
    (FOLDER / "relay.toml").write_text('store = "relay"\n[limits]\nconnections = 50\n')
    serving = Serving(where=("--config", "relay.toml"))
    run("keygen", "--store", "other")
    taken = run("serve", "--store", "other", "--listen", f"127.0.0.1:{serving.port}", code=3)
    assert f"error: cannot listen: port {serving.port} is taken\n" in taken.stderr, taken.stderr
    assert serving.end(signal.SIGINT) == 0
    for line in (FOLDER / "log").read_text().splitlines():
        event = json.loads(line)
        assert "127.0.0.1" not in line and "lysoen-team" not in line and "event" in event, line
    shutil.rmtree(FOLDER)
    print("lysoen-relay: done")


main()
