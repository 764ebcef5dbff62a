"""Who exchanges reports in `tools/bench sync`: Lysoen's programs, PouchDB with its server, and a bare TLS stream. Each has
a device's side and a server's behind a Counter, and does the same: add, push, pull. Times run from the first connection to
the end of the device's process, what its handshake took added, so that opening a vault or starting node is not in them."""
import contextlib
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import workload
from links import Cost, Counter, Measured, inside, stop
from steps import BUILD, ROOT, fail, install, run, say

PACKAGES = ("pouchdb@9", "express-pouchdb@4", "express@4")
PASSPHRASE = "correct horse, benchmarked only"


def certificate(folder):
    """(key, certificate) of the servers, for their address."""
    key, made = folder / "server.key", folder / "server.crt"
    install("openssl")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key,
         "-out", made, "-subj", "/CN=benchmark", "-addext", "subjectAltName=IP:10.77.0.2,IP:127.0.0.1"])
    return key, made


def children_time(call):
    """Processor time of the processes that a call waited for."""
    before = os.times()
    call()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def took(counter, link, ended):
    """Seconds since the first connection was asked for: it was taken when three packets had crossed the link."""
    return ended - counter.first + 3 * link.kind.delay_ms / 1000 if counter.first else 0


class Contestant:
    """Processes of one contestant on one link, in a folder of their own."""

    def __init__(self, link, folder, tls):
        self.link, self.folder, self.tls = link, folder, tls
        folder.mkdir(parents=True)
        self.counter, self.server = Counter(link), None
        self.environment = dict(os.environ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server:
            stop(self.server)
        self.counter.__exit__()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.link.address}:{self.counter.port}"

    def serve(self, words, port_file):
        log = open(self.folder / "server.log", "ab")
        self.server = subprocess.Popen(self.link.at_server(map(str, words)), cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(400):
            if port_file.exists() and port_file.read_text().strip():
                self.counter.target = int(port_file.read_text())
                return
            if self.server.poll() is not None:
                break
            time.sleep(0.05)
        fail(f"a server did not start: {(self.folder / 'server.log').read_text(errors='replace')[-1000:]}")

    def here(self, words, **options):
        """A command that does not exchange."""
        return run(words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, **options)

    def exchange(self, words, kill_at=None):
        """One command of the device's side: its Cost. `kill_at`: killed once so many bytes went either way."""
        opening = self.opening(words)
        measured = Measured(self.counter, self.server.pid)
        self.counter.first = None
        with open(self.folder / "device.log", "ab") as log, open(self.folder / "device.out", "wb") as out:
            process = subprocess.Popen(self.link.at_device(map(str, words)), cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        if kill_at:
            self.counter.watch = self.counter.up + self.counter.down + kill_at, lambda: process.send_signal(signal.SIGKILL)
        code = measured.follow(process)
        ended = time.monotonic()
        if code != (-signal.SIGKILL if kill_at else 0):
            why = (self.folder / "device.log").read_text(errors="replace")[-1000:]
            fail(f"{' '.join(map(str, words[:6]))}: exit {code}: {why}")
        self.counter.settle()
        cost = measured.end()
        cost.seconds = took(self.counter, self.link, ended)
        cost.processor = max(0, cost.processor - opening)
        told = (self.folder / "device.out").read_text()
        cost.exchanges = json.loads(told).get("exchanges") if told else None
        return cost


# -- Lysoen -----------------------------------------------------------------------------------------------------------
class Lysoen(Contestant):
    def __init__(self, link, folder, tls):
        super().__init__(link, folder, tls)
        self.lysoen, self.relay = BUILD / "tools/lysoen/lysoen", BUILD / "tools/relayd/lysoen-relay"
        self.environment.update(LYSOEN_PASSPHRASE=PASSPHRASE, LYSOEN_ROOT_PASSPHRASE=PASSPHRASE + " root",
                                LYSOEN_KEY_COST="least")
        told = self.here([self.relay, "keygen", "--store", "relay"])
        key = next(word for word in told.split() if word.startswith("lysoen-relay:1:"))
        team = json.loads(self.cli("amina", "--json", "team", "create", "Bench", "--as", "amina", "--root", "root.key",
                                   "--relay", self.url, "--relay-key", key))
        self.cli("amina", "invite", "--role", "reporter", "--name", "monitor", "--file", "monitor.invite")
        self.cli("monitor", "join", "monitor.invite", "--request", "monitor.request")
        self.cli("amina", "admit", "monitor.request", "--welcome", "monitor.welcome")
        self.cli("monitor", "join", "--finish", "monitor.welcome")
        self.here([self.relay, "team", "add", team["team_key"], "--store", "relay"])
        secure = ["--tls-cert", tls[1], "--tls-key", tls[0]] if tls else []
        serve = [self.relay, "serve", "--store", "relay", "--listen", "127.0.0.1:0", "--port-file", "port"]
        self.serve([*serve, *secure], folder / "port")
        self.options = []
        if tls:
            told = run(["openssl", "x509", "-in", tls[1], "-outform", "DER"], text=False)
            self.options = ["--pin", hashlib.sha256(told).hexdigest()]
        self.exchange(self.sync("amina"))

    def cli(self, vault, *words):
        return self.here([self.lysoen, "--vault", vault, *words])

    def sync(self, vault):
        return [self.lysoen, "--vault", vault, "--json", "sync", "--deadline", "3600", *self.options]

    def opening(self, words):
        """Processor time of opening this vault."""
        return children_time(lambda: self.cli(words[2], "status"))

    def add(self, first, count):
        file = self.folder / "answers"
        workload.write_answers(file, first, count)
        with open(file) as answers:
            run([BUILD / "tests/bench/bench_fill", self.folder / "monitor", workload.FORM, first], stdin=answers)
        file.unlink()

    def add_photographs(self, photographs):
        """One report with all of them."""
        report = json.loads(self.cli("monitor", "--json", "report", "new", "--form", workload.FORM, "--set", "title=Photographs"))["id"]
        for number, photograph in enumerate(photographs):
            file = self.folder / f"{number}.jpg"
            file.write_bytes(photograph)
            self.cli("monitor", "report", "attach", report, file)
            file.unlink()
        self.cli("monitor", "report", "submit", report)

    def push(self, **options):
        return self.exchange(self.sync("monitor"), **options)

    def pull(self, **options):
        return self.exchange(self.sync("amina"), **options)

    def nothing(self):
        """A device that has everything asks."""
        return self.push()

    def settle(self):
        """What a push and a pull leave to say: acknowledgements."""
        self.push()
        self.pull()


# -- PouchDB ----------------------------------------------------------------------------------------------------------
class Pouch(Contestant):
    SCRIPT = ROOT / "tests/bench/pouchdb.js"

    @staticmethod
    def fetch():
        """Its packages, into the build folder; never committed."""
        folder = BUILD / "peers"
        if not (folder / "done").exists():
            install("npm")
            say(f"fetching {' '.join(PACKAGES)}")
            folder.mkdir(parents=True, exist_ok=True)
            run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, *PACKAGES])
            (folder / "done").touch()
        return folder / "node_modules"

    def __init__(self, link, folder, tls):
        super().__init__(link, folder, tls)
        self.environment.update(NODE_PATH=str(self.fetch()))
        if tls:
            self.environment.update(NODE_EXTRA_CA_CERTS=str(tls[1]))
        (folder / "stored").mkdir()
        self.serve(["node", self.SCRIPT, "serve", folder / "stored", "127.0.0.1", folder / "port", *(tls or [])], folder / "port")

    def opening(self, words):
        return children_time(lambda: self.here(["node", self.SCRIPT, "open", words[3]]))

    def add(self, first, count):
        file = self.folder / "documents"
        workload.write_documents(file, first, count)
        self.here(["node", self.SCRIPT, "fill", "device", file])
        file.unlink()

    def add_photographs(self, photographs):
        """One document with all of them."""
        files = []
        for number, photograph in enumerate(photographs):
            files.append(self.folder / f"{number}.jpg")
            files[-1].write_bytes(photograph)
        self.here(["node", self.SCRIPT, "attach", "device", hashlib.sha256(b"".join(photographs)).hexdigest(), *files])
        for file in files:
            file.unlink()

    def push(self, **options):
        return self.exchange(["node", self.SCRIPT, "push", "device", self.url + "/reports"], **options)

    def pull(self, **options):
        return self.exchange(["node", self.SCRIPT, "pull", "reader", self.url + "/reports"], **options)

    def nothing(self):
        return self.push()

    def settle(self):
        pass


# -- Floor ------------------------------------------------------------------------------------------------------------
class Bare:
    """One TLS connection, the bytes, a short answer: what no exchange over TLS can be faster than."""

    RECEIPT, ASKS, ANSWERS = 32, 512, 256

    def __init__(self, link, folder, tls):
        self.link, self.tls, self.counter = link, tls, Counter(link)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(tls[1], tls[0])
        self.context, self.listener = server, inside(link.server_side, lambda: socket.create_server(("127.0.0.1", 0)))
        self.counter.target = self.listener.getsockname()[1]
        self.device = ssl.create_default_context(cafile=tls[1])
        threading.Thread(target=self.answer, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.counter.__exit__()

    def answer(self):
        while True:
            try:
                plain, _ = self.listener.accept()
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.context.wrap_socket(plain, server_side=True) as end:
                    up, down = (int.from_bytes(self.read(end, 4), "big") for _ in range(2))
                    self.read(end, up)
                    end.sendall(bytes(down))
                    with contextlib.suppress(OSError):
                        end.unwrap()
            except OSError:
                if self.listener.fileno() < 0:
                    return

    @staticmethod
    def read(end, size):
        data = b""
        while len(data) < size:
            more = end.recv(min(65536, size - len(data)))
            if not more:
                raise ConnectionError
            data += more
        return data

    def exchange(self, up, down):
        counter = self.counter
        before = counter.up, counter.down, self.link.carried()
        plain = inside(self.link.device_side, socket.socket)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        counter.first = None
        plain.connect((self.link.address, counter.port))
        with self.device.wrap_socket(plain, server_hostname=self.link.address) as end:
            end.sendall(len(up).to_bytes(4, "big") + down.to_bytes(4, "big") + up)
            self.read(end, down)
            ended = time.monotonic()
        counter.settle()
        carried = self.link.carried()
        return Cost(took(counter, self.link, ended), counter.up - before[0], counter.down - before[1],
                    carried and carried - before[2], *[None] * 5)

    def add(self, first, count):
        self.payload = workload.floor(first, count)

    def add_photographs(self, photographs):
        self.payload = b"".join(photographs)

    def push(self):
        return self.exchange(self.payload, self.RECEIPT)

    def pull(self):
        return self.exchange(bytes(self.RECEIPT), len(self.payload))

    def nothing(self):
        return self.exchange(bytes(self.ASKS), self.ANSWERS)

    def settle(self):
        pass
