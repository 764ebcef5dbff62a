"""Links between a device and a server: two network namespaces joined by the emulator of the material beside the source
tree, or plain loopback; and a counter in front of the server that sees every byte. Whatever is made here ends with it."""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

from steps import BUILD, ROOT, run

CLONE_NEWNET = 0x40000000
DEVICE, SERVER = "10.77.0.1", "10.77.0.2"


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    up_kbit: int
    down_kbit: int
    delay_ms: int
    loss: float
    queue: int  # packets


LAN = Kind("LAN", 100_000, 100_000, 1, 0, 1000)
TWO_G = Kind("2G", 50, 100, 300, 2, 30)
SATELLITE = Kind("satellite", 256, 256, 300, 0, 100)


def shared_folder():
    """The material beside the source tree, or None."""
    folder = pathlib.Path(os.environ.get("LYSOEN_SHARED", ROOT.parent / "shared"))
    return folder if (folder / "tools").is_dir() else None


def emulator():
    """(the program, None), or (None, why not)."""
    shared = shared_folder()
    source = shared and shared / "tools/link/linkemu.c"
    if not source or not source.exists():
        return None, "the link emulator is not there: ../shared/tools/link, or LYSOEN_SHARED"
    if os.geteuid():
        return None, "network namespaces need root"
    if not shutil.which("ip") or not os.path.exists("/dev/net/tun"):
        return None, "network namespaces need iproute2 and /dev/net/tun"
    name = f"lysoen-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return None, "network namespaces cannot be made here"
    run(["ip", "netns", "del", name])
    program = BUILD / "linkemu"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        run(["cc", "-O2", "-w", "-o", program, source])
    return program, None


def inside(namespace, call):
    """Runs a call in a network namespace: sockets that it makes stay there. None: here."""
    if namespace is None:
        return call()
    done = {}

    def there():
        try:
            with open(f"/var/run/netns/{namespace}") as handle:
                if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            done["value"] = call()
        except BaseException as error:
            done["error"] = error

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if "error" in done:
        raise done["error"]
    return done["value"]


class Link:
    """A way from a device to a server. Without an emulator: loopback, uncounted by the system."""

    def __init__(self, kind, program, folder):
        self.kind, self.program, self.folder = kind, program, folder
        self.device_side = self.server_side = self.process = None
        self.address = "127.0.0.1"

    def __enter__(self):
        if self.program:
            try:
                self.make()
            except BaseException:
                self.__exit__()
                raise
        return self

    def make(self):
        name = f"lysoen-{os.getpid()}-{self.kind.name.lower()}"
        self.device_side, self.server_side, self.address = f"{name}-d", f"{name}-s", SERVER
        for side in (self.device_side, self.server_side):
            run(["ip", "netns", "add", side])
            run(["ip", "-n", side, "link", "set", "lo", "up"])
        kind = self.kind
        words = [self.program, self.device_side, self.server_side, kind.up_kbit, kind.down_kbit, kind.delay_ms, kind.loss,
                 kind.queue, 1, self.folder / f"{kind.name}.link"]
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL)
        for side, own in ((self.device_side, DEVICE), (self.server_side, SERVER)):
            for _ in range(100):
                if subprocess.run(["ip", "-n", side, "link", "show", "lk0"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.05)
            run(["ip", "-n", side, "addr", "add", f"{own}/24", "dev", "lk0"])
            run(["ip", "-n", side, "link", "set", "lk0", "up"])

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()
        for side in (self.device_side, self.server_side):
            if side:
                subprocess.run(["ip", "netns", "del", side], capture_output=True)

    @staticmethod
    def there(side, words):
        return ["ip", "netns", "exec", side, *words] if side else list(words)

    def at_device(self, words):
        return self.there(self.device_side, words)

    def at_server(self, words):
        return self.there(self.server_side, words)

    def carried(self):
        """Bytes of packets so far on the device's side, both ways; lost ones are counted where they were sent. None: unknown."""
        if not self.device_side:
            return None
        found, = json.loads(run(["ip", "-n", self.device_side, "-j", "-s", "link", "show", "lk0"]))
        return found["stats64"]["tx"]["bytes"] + found["stats64"]["rx"]["bytes"]


class Counter:
    """Takes connections where the server is, and counts what goes through: what TCP carries, so with TLS its records."""

    def __init__(self, link):
        self.link, self.target = link, None
        self.up = self.down = self.connections = self.open = 0
        self.first = None  # when the first connection came, by the monotonic clock; who asks sets it back
        self.watch = None  # (bytes up and down so far, what is called when they are reached)
        self.lock = threading.Lock()
        self.listener = inside(link.server_side, lambda: socket.create_server((link.address, 0)))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def connect(self):
        return inside(self.link.server_side, lambda: socket.create_connection(("127.0.0.1", self.target), timeout=10))

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.first is None:
                self.first = time.monotonic()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = self.connect()
        except OSError:
            return client.close()
        with self.lock:
            self.connections, self.open = self.connections + 1, self.open + 1
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self.pump, args=(server, client, False), daemon=True)
        back.start()
        self.pump(client, server, True)
        back.join()
        client.close()
        server.close()
        with self.lock:
            self.open -= 1

    def settle(self):
        """Until what is under way has come or is given up: connections of a process that ended."""
        deadline = time.monotonic() + 30
        while self.open and time.monotonic() < deadline:
            time.sleep(0.02)

    def pump(self, source, sink, up):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self.lock:
                    self.up += len(data) if up else 0
                    self.down += 0 if up else len(data)
                    watch = self.watch if self.watch and self.up + self.down >= self.watch[0] else None
                    if watch:
                        self.watch = None
                if watch:
                    watch[1]()
                sink.sendall(data)
        for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            with contextlib.suppress(OSError):
                end.shutdown(how)


# -- Processes --------------------------------------------------------------------------------------------------------
TICK = os.sysconf("SC_CLK_TCK")


def processor_time(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def own_memory(pid):
    """Bytes of memory that are the process's own: not pages of its program or of files."""
    with contextlib.suppress(OSError, StopIteration):
        return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon"))
    return 0


@dataclasses.dataclass
class Cost:
    """What one operation took."""
    seconds: float = 0
    up: int = 0
    down: int = 0
    carried: int = None  # bytes of packets on the link, both ways
    processor: float = 0
    server_processor: float = 0
    memory: int = 0      # most at once, while it exchanged
    server_memory: int = 0
    connections: int = 0
    exchanges: int = None  # as the device's program tells them


class Measured:
    """Measures one operation: a process at the device, and the server's beside it. Memory counts from the first byte on the
    way, so that what opening costs is not in it."""

    def __init__(self, counter, server_pid):
        self.counter, self.server_pid, self.cost = counter, server_pid, Cost()
        self.begin()

    def begin(self):
        counter = self.counter
        self.before = counter.up, counter.down, counter.connections, counter.link.carried(), processor_time(self.server_pid)

    def follow(self, process):
        """Until the process ends; answers its exit code."""
        done = {}
        waiting = threading.Thread(target=lambda: done.update(zip(("pid", "status", "usage"), os.wait4(process.pid, 0))))
        waiting.start()
        while waiting.is_alive():
            if (self.counter.up, self.counter.down) != self.before[:2]:
                self.cost.memory = max(self.cost.memory, own_memory(process.pid))
                self.cost.server_memory = max(self.cost.server_memory, own_memory(self.server_pid))
            waiting.join(0.01)
        process.returncode = os.waitstatus_to_exitcode(done["status"])
        self.cost.processor += done["usage"].ru_utime + done["usage"].ru_stime
        return process.returncode

    def end(self):
        counter, cost = self.counter, self.cost
        up, down, connections, carried, server_processor = self.before
        cost.up, cost.down, cost.connections = counter.up - up, counter.down - down, counter.connections - connections
        if carried is not None:
            cost.carried = counter.link.carried() - carried
        cost.server_processor = processor_time(self.server_pid) - server_processor
        return cost


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
