"""Real processes for end-to-end tests: vaults, a relay, and a recorder on the wire between them.

Everything lives in one temporary folder and talks to 127.0.0.1 only. Every wait is bounded. Processes that a World starts
are stopped by their own id when it ends."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PASSPHRASE = "correct horse, tested only"
SEED = int(os.environ.get("LYSOEN_SEED", random.SystemRandom().randrange(2**32)))


def shared_folder():
    """The material of others beside the source tree, or None."""
    folder = pathlib.Path(os.environ.get("LYSOEN_SHARED", SOURCE.parent / "shared"))
    return folder if (folder / "data").is_dir() else None


class Finished:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


def whole_message(end):
    """One HTTP message from a socket: a head and as many bytes as it announces, or what came before the end."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        announced = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if found and announced and len(body) >= int(announced[1]):
            return data
        more = end.recv(65536)
        if not more:
            return data
        data += more


class Recorder:
    """A TCP proxy in front of the relay: keeps every byte of both directions and can do harm on request."""

    def __init__(self, folder):
        self.path = folder / "wire.capture"
        self.capture = open(self.path, "wb")
        self.target = None
        self.instead = None  # called with a request and how to ask the relay; answers what the client gets
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rate = None  # bytes a second in each direction; as fast as it goes
        self.up = self.down = 0
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _keep(self, data, up):
        with self.lock:
            self.capture.write(data)
            self.up += len(data) if up else 0
            self.down += 0 if up else len(data)

    def _ask(self, request):
        """The relay's answer to one request, through a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.target), timeout=10) as relay:
            relay.sendall(request)
            return whole_message(relay)

    def _serve_instead(self, client):
        with client:
            try:
                client.sendall(self.instead(whole_message(client), self._ask))
            except OSError:
                pass

    def _serve(self, client):
        if self.instead:
            return self._serve_instead(client)
        try:
            relay = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except (OSError, TypeError):
            client.close()
            return
        back = threading.Thread(target=self._pump, args=(relay, client, False), daemon=True)
        back.start()
        self._pump(client, relay, True)
        back.join(60)
        for end in (client, relay):
            end.close()

    def _pump(self, source, sink, up):
        source.settimeout(60)
        try:
            # Slow: in small pieces, as a slow link has little under way.
            while data := source.recv(max(1024, self.rate // 100) if self.rate else 65536):
                self._keep(data, up)
                if self.rate:
                    time.sleep(len(data) / self.rate)
                sink.sendall(data)
        except OSError:
            pass
        for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                end.shutdown(how)
            except OSError:
                pass

    def close(self):
        self.closing = True
        self.listener.close()
        with self.lock:
            self.capture.flush()


class World:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.lysoen = self.build / "tools/lysoen/lysoen"
        self.relay_program = self.build / "tools/relayd/lysoen-relay"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lysoen-e2e-"))
        self.recorder = Recorder(self.folder)
        self.relay_process = None
        self.relay_log = open(self.folder / "relay.log", "ab")
        self.environment = dict(os.environ, LYSOEN_PASSPHRASE=PASSPHRASE, LYSOEN_ROOT_PASSPHRASE=PASSPHRASE + " root",
                                LYSOEN_TEST_KEY_MEMORY="64", LYSOEN_TEST_KEY_PASSES="1")
        self.environment.pop("LYSOEN_VAULT", None)
        self.random = random.Random(SEED)
        print(f"LYSOEN_SEED={SEED}", flush=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop_relay()
        self.recorder.close()
        self.relay_log.close()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"kept for a look: {self.folder}")

    # -- processes ----------------------------------------------------------------------------------------------
    def surroundings(self, changes):
        """The environment with some variables changed, or removed where the value is None."""
        changed = {**self.environment, **(changes or {})}
        return {name: value for name, value in changed.items() if value is not None}

    def run(self, program, *arguments, expect=0, environment=None, timeout=170, cwd=None):
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                              cwd=cwd or self.folder, stdin=subprocess.DEVNULL, env=self.surroundings(environment))
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{' '.join(map(str, arguments))}\nexit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
        return Finished(done.returncode, done.stdout, done.stderr)

    def cli(self, vault, *arguments, **options):
        return self.run(self.lysoen, "--vault", vault, *arguments, **options)

    def refuses(self, vault, code, words, *arguments, **options):
        """The command fails with this code, one error line that says `words`, one hint, and nothing on standard output."""
        done = self.cli(vault, *arguments, expect=None, **options)
        check_refusal(done, code, words, " ".join(map(str, arguments)))
        return done

    def reads(self, vault, *arguments, **options):
        return self.cli(vault, "--json", *arguments, **options).json()

    def start(self, vault, *arguments, environment=None, pipes=False, terminal=None):
        """A command in the background, with its output in pipes or on a terminal; the caller waits for it or kills it."""
        out = subprocess.PIPE if pipes else subprocess.DEVNULL if terminal is None else terminal
        return subprocess.Popen([str(self.lysoen), "--vault", vault, *map(str, arguments)], cwd=self.folder, text=True,
                                env=self.surroundings(environment), stdout=out, stderr=out,
                                stdin=subprocess.DEVNULL if terminal is None else terminal)

    def relay(self, *arguments, **options):
        return self.run(self.relay_program, *arguments, **options)

    # -- the relay ----------------------------------------------------------------------------------------------
    def make_relay(self):
        """Keys and the URL that devices use: the recorder's."""
        out = self.relay("keygen", "--store", "relay").out
        self.relay_key = next(word for word in out.split() if word.startswith("lysoen-relay:1:"))
        self.url = f"http://127.0.0.1:{self.recorder.port}"

    def serve(self, store, *options):
        """A relay over this store that answers, and the port at which it does."""
        port_file = self.folder / f"{store}.port"
        port_file.unlink(missing_ok=True)
        process = subprocess.Popen(
            [str(self.relay_program), "serve", "--store", store, "--port-file", str(port_file), *options],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.relay_log, stderr=self.relay_log)
        for _ in range(200):
            if port_file.exists() and port_file.read_text().strip():
                return process, int(port_file.read_text())
            if process.poll() is not None:
                break
            time.sleep(0.05)
        process.kill()
        raise AssertionError("the relay did not start:\n" + (self.folder / "relay.log").read_text(errors="replace"))

    def start_relay(self, *options):
        self.relay_process, self.recorder.target = self.serve("relay", "--listen", "127.0.0.1:0", *options)

    def stop_relay(self, how=signal.SIGTERM):
        if self.relay_process:
            self.relay_process.send_signal(how)
            self.relay_process.wait(30)
            self.relay_process = None

    # -- a team -------------------------------------------------------------------------------------------------
    def make_team(self, founder, name="Test team"):
        self.make_relay()
        made = self.reads(founder, "team", "create", name, "--as", founder, "--relay", self.url, "--relay-key", self.relay_key,
                          "--root", "root.key")
        self.team_key = made["team_key"]
        self.founder = founder

    def join_by_files(self, vault, role):
        self.cli(self.founder, "invite", "--role", role, "--name", vault, "--file", f"{vault}.invite")
        self.cli(vault, "join", f"{vault}.invite", "--request", f"{vault}.request")
        self.cli(self.founder, "admit", f"{vault}.request", "--welcome", f"{vault}.welcome")
        self.cli(vault, "join", "--finish", f"{vault}.welcome")

    def admit_team(self):
        self.relay("team", "add", self.team_key, "--store", "relay")


def check_refusal(done, code, words, what):
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    hints = [line for line in done.err.splitlines() if line.startswith("hint: ")]
    equal(done.code, code, f"exit code of '{what}' ({done.err.strip()})")
    equal((len(errors), len(hints)), (1, 1), f"error lines and hints of '{what}': {done.err}")
    check(len(hints[0]) > len("hint: "), f"the hint of '{what}' says nothing")
    check(re.search(words, errors[0]), f"'{what}' should say '{words}': {errors[0]}")
    equal(done.out, "", f"standard output of '{what}'")
    check(not re.search(r"terminate called|check failed|runtime error|Traceback", done.err), done.err)


def alone(script, network=False):
    """Runs the script again in namespaces of its own, where that is allowed: mounts and processes end with it, whatever
    happens; with `network` there is no way out of it but its own loopback. Answers whether it is so."""
    if os.environ.get("LYSOEN_E2E_ALONE"):
        return os.environ["LYSOEN_E2E_ALONE"] == "yes"
    for user in ([], ["--map-root-user"]):
        command = ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", *(["--net"] if network else [])]
        probe = [*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0:
            os.environ["LYSOEN_E2E_ALONE"] = "yes"
            os.execvp("unshare", [*command, sys.executable, script, *sys.argv[1:]])
    os.environ["LYSOEN_E2E_ALONE"] = "no"
    return False


class SmallDisk:
    """A file system of its own, that can be filled or made read-only."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        self.folder.rmdir()

    def fill(self):
        with open(self.folder / "filler", "wb", buffering=0) as out:
            for size in (1 << 20, 4096):
                try:
                    while out.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def make_room(self):
        (self.folder / "filler").unlink()

    def make(self, how):
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(found, wanted, what):
    if found != wanted:
        if isinstance(found, set) and isinstance(wanted, set):
            found, wanted = found - wanted, wanted - found
        raise AssertionError(f"{what}: found {found!r:.1000}, wanted {wanted!r:.1000}")
