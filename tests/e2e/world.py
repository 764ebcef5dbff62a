"""Real processes for end-to-end tests: vaults, a relay, and a recorder on the wire between them.

Everything lives in one temporary folder and talks to 127.0.0.1 only. Every wait is bounded. Processes that a World starts
are stopped by their own id when it ends."""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
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


class Recorder:
    """A TCP proxy in front of the relay: keeps every byte of both directions and can do harm on request."""

    def __init__(self, folder):
        self.path = folder / "wire.capture"
        self.capture = open(self.path, "wb")
        self.target = None
        self.harm = None  # called with the relay's answer bytes, answers what the client gets; or None
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
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

    def _serve(self, client):
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
            while data := source.recv(65536):
                self._keep(data, up)
                if not up and self.harm:
                    data = self.harm(data)
                if data:
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
    def run(self, program, *arguments, expect=0, environment=None, timeout=170):
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                              cwd=self.folder, stdin=subprocess.DEVNULL, env={**self.environment, **(environment or {})})
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{' '.join(map(str, arguments))}\nexit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
        return Finished(done.returncode, done.stdout, done.stderr)

    def cli(self, vault, *arguments, **options):
        return self.run(self.lysoen, "--vault", vault, *arguments, **options)

    def reads(self, vault, *arguments, **options):
        return self.cli(vault, "--json", *arguments, **options).json()

    def start(self, vault, *arguments):
        """A command in the background; the caller waits for it or kills it."""
        return subprocess.Popen([str(self.lysoen), "--vault", vault, *map(str, arguments)], cwd=self.folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def relay(self, *arguments, **options):
        return self.run(self.relay_program, *arguments, **options)

    # -- the relay ----------------------------------------------------------------------------------------------
    def make_relay(self):
        """Keys and the URL that devices use: the recorder's."""
        out = self.relay("keygen", "--store", "relay").out
        self.relay_key = next(word for word in out.split() if word.startswith("lysoen-relay:1:"))
        self.url = f"http://127.0.0.1:{self.recorder.port}"

    def start_relay(self, *options):
        port_file = self.folder / "relay.port"
        port_file.unlink(missing_ok=True)
        self.relay_process = subprocess.Popen(
            [str(self.relay_program), "serve", "--store", "relay", "--listen", "127.0.0.1:0", "--port-file", str(port_file), *options],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.relay_log, stderr=self.relay_log)
        for _ in range(200):
            if port_file.exists() and port_file.read_text().strip():
                self.recorder.target = int(port_file.read_text())
                return
            if self.relay_process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError("the relay did not start:\n" + (self.folder / "relay.log").read_text(errors="replace"))

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


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")
