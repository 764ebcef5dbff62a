#!/usr/bin/env python3
"""The ways to a relay with real processes: TLS that is pinned, trusted or hijacked; proxies that work, hang, refuse or are away;
Tor where it can reach nobody; names that must not be asked for; waiting for news; money and quiet hours; many pending reports.
Runs in a network of its own that has nothing but loopback, where that is allowed. Usage: carriers.py BUILD"""
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from main_job import new_report, reports
from world import PASSPHRASE, SOURCE, World, alone, check, check_refusal, equal, whole_message

USAGE, REFUSED, NETWORK, PARTLY, TRUST = 2, 3, 5, 7, 9
ONCE = ("sync", "--once")
LONG = bool(os.environ.get("LYSOEN_LONG"))


def unsent(world, vault):
    return world.reads(vault, "status")["unsent_entries"]


# -- A network of its own -----------------------------------------------------------------------------------------------

def only_loopback():
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def make_network(folder):
    """Loopback up; names are asked of 127.0.0.1, where `Names` listens, but for those in the hosts file. Also a /proc that knows
    the processes in here."""
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sH22x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS
    for name, text in (("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:2\n"),
                       ("hosts", "127.0.0.1 localhost known.test\n")):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", folder / name, pathlib.Path("/etc", name).resolve()], check=True)


class Names:
    """Keeps every question that reaches the resolver; says that there is no such name, or says nothing."""

    def __init__(self):
        self.asked, self.silent = [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            question, sender = self.socket.recvfrom(1500)
            name, at = [], 12
            while question[at]:
                name.append(question[at + 1 : at + 1 + question[at]].decode("latin-1"))
                at += 1 + question[at]
            self.asked.append(".".join(name))
            if not self.silent:
                self.socket.sendto(question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12 : at + 5], sender)

    def take(self):
        asked, self.asked = self.asked, []
        return asked


# -- Proxies ------------------------------------------------------------------------------------------------------------

def read_exactly(end, size):
    data = b""
    while len(data) < size:
        more = end.recv(size - len(data))
        if not more:
            raise OSError("the connection was closed")
        data += more
    return data


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Port:
    """A port on loopback; `_serve` has each connection, on a thread of its own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()


class Socks(Port):
    """A SOCKS5 proxy that knows every name: all lead to `target`. `manner`: way, hang, 407."""

    def __init__(self, target):
        self.target, self.manner, self.asked = target, "way", []
        super().__init__()
        self.url = f"socks5://127.0.0.1:{self.port}"

    def _serve(self, client):
        try:
            read_exactly(client, read_exactly(client, 2)[1])
            if self.manner == "407":
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return client.close()
            client.sendall(b"\x05\x00")
            head = read_exactly(client, 5)
            equal(head[:4], b"\x05\x01\x00\x03", "a name is sent as a name")
            self.asked.append(read_exactly(client, head[4] + 2)[:-2].decode())
            if self.manner == "hang":
                return
            with socket.create_connection(("127.0.0.1", self.target()), timeout=60) as relay:
                client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                back = threading.Thread(target=pump, args=(relay, client), daemon=True)
                back.start()
                pump(client, relay)
                back.join(60)
        except OSError:
            pass
        finally:
            if self.manner == "hang":
                self.held = client  # open, and silent
            else:
                client.close()


class Counted(Port):
    """A port that takes connections and counts them: where nobody should come."""

    def __init__(self):
        self.connections = 0
        super().__init__()

    def _serve(self, client):
        self.connections += 1
        client.close()


def far_team(world, vault, url):
    """A team of one whose relay is said to be at `url`."""
    made = world.reads(vault, "team", "create", vault, "--root", f"{vault}.key", "--relay", url, "--relay-key", world.relay_key)
    world.relay("team", "add", made["team_key"], "--store", "relay")


def through_proxies(world, names):
    far_team(world, "far", "http://relay.invalid:8470")
    proxy = Socks(lambda: world.recorder.target)
    world.cli("far", *ONCE, "--proxy", proxy.url)
    equal(unsent(world, "far"), 0, "entries left after a sync through the proxy")
    check(set(proxy.asked) == {"relay.invalid"}, f"the proxy is asked for the name: {proxy.asked}")
    new_report(world, "far", "police-incident", "title=Waits for its way")

    relay = Counted()
    far_team(world, "near", f"http://127.0.0.1:{relay.port}")
    proxy.manner = "407"
    for vault in ("far", "near"):
        words = "the proxy that must be used gives no way: it is no SOCKS5 proxy without login"
        world.refuses(vault, NETWORK, words, *ONCE, "--proxy", proxy.url)
    proxy.manner = "hang"
    world.refuses("far", NETWORK, "relay.invalid:8470", "sync", "--deadline", "2", "--proxy", proxy.url)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refuses for as long as it is held
        down = f"socks5://127.0.0.1:{nobody.getsockname()[1]}"
        away = "the proxy that must be used does not answer: connection refused"
        for vault in ("far", "near"):
            world.refuses(vault, NETWORK, away, *ONCE, "--proxy", down)
            world.refuses(vault, NETWORK, away, *ONCE, environment={"LYSOEN_PROXY": down})
        joining_goes_the_same_way(world, proxy, down, away)
    equal(relay.connections, 0, "connections around a proxy that is down")
    if names:
        equal(names.take(), [], "names asked of anybody but the proxy")
        world.refuses("far", NETWORK, "the name is not known", *ONCE)
        check("relay.invalid" in names.take(), "without a proxy the resolver is asked, so it would have been seen")
    for given in ("http://127.0.0.1:1", "socks5://127.0.0.1", "socks5://:1"):
        world.refuses("far", REFUSED, "cannot use this (proxy|address)", *ONCE, "--proxy", given)
    world.refuses("far", USAGE, "64 hexadecimal digits", *ONCE, "--pin", "abc")


def plain_http_by_policy(world, names):
    """An address without TLS that a network would get to see: used or passed over, as the team's policy says."""
    if not names:
        return print("SKIPPED: plain HTTP to a name (no network of its own can be made here)")
    far_team(world, "open", f"http://known.test:{world.recorder.port}")
    world.cli("open", *ONCE)
    equal(unsent(world, "open"), 0, "entries left over plain HTTP")
    world.cli("open", "team", "policy", "set", "--role", "admin", "--plain-http", "no")
    before = world.recorder.up
    world.refuses("open", TRUST, "the team's policy allows this device no plain HTTP", *ONCE)
    equal(world.recorder.up, before, "bytes that left")
    world.cli("open", "team", "policy", "set", "--role", "admin", "--plain-http", "yes")
    world.cli("open", *ONCE)


def joining_goes_the_same_way(world, proxy, down, away):
    link = world.reads("far", "invite", "--name", "late")["link"]
    world.refuses("late", NETWORK, away, "join", link, environment={"LYSOEN_PROXY": down})
    proxy.manner = "way"
    world.cli("far", "sync", "--proxy", proxy.url)
    check(not world.reads("late", "join", "--proxy", proxy.url)["joined"], "nobody has admitted the joiner yet")
    waiting = world.reads("far", "sync", "--proxy", proxy.url)["join_requests"]
    equal(waiting, 1, "requests to join that came through the proxy")


def onion_names(world, names):
    far_team(world, "hidden", "http://abcdefghij.onion:8470")
    world.refuses("hidden", NETWORK, "a .onion address is reached through Tor alone", *ONCE)
    if names:
        equal(names.take(), [], "names asked of the resolver for a .onion address")


def a_proxy_that_others_wrote(world, names):
    """microsocks, on loopback; it resolves the name itself."""
    if not shutil.which("microsocks"):
        return print("SKIPPED: microsocks is not installed (tools/setup test)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    proxy = subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(proxy, port)
        far_team(world, "socks", f"http://localhost:{world.recorder.port}")
        before = world.recorder.up
        world.cli("socks", "sync", "--proxy", f"socks5://127.0.0.1:{port}")
        equal(unsent(world, "socks"), 0, "entries left after a sync through microsocks")
        check(world.recorder.up > before, "it went to the relay")
        far_team(world, "lost", "http://known.test:8470" if names else "http://127.0.0.1:1")
        world.refuses("lost", NETWORK, "gives no way: it cannot reach the relay .SOCKS reply [145]", *ONCE,
                      "--proxy", f"socks5://127.0.0.1:{port}")
    finally:
        proxy.kill()
        proxy.wait(10)


def wait_for_port(process, port):
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            check(process.poll() is None, "the proxy ended")
            time.sleep(0.05)
    raise AssertionError("the proxy does not listen")


def tor_that_reaches_nobody(world, names):
    """Tor itself, in a network that has nothing but loopback: it has no way, so there is none."""
    unpacked = SOURCE / "build/tor/usr/bin/tor"
    tor = str(unpacked) if unpacked.exists() else shutil.which("tor")
    if not tor:
        return print("SKIPPED: tor is not here (tools/setup test unpacks it)")
    if not names:
        return print("SKIPPED: tor (it is started in a network of its own only, and none can be made here)")
    check(only_loopback(), "tor is never started where it could dial out")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (world.folder / "torrc").write_text(f"SocksPort 127.0.0.1:{port}\nSocksTimeout 2\nDataDirectory {world.folder}/tor\nLog notice file "
                                        f"{world.folder}/tor.log\nRunAsDaemon 0\n")
    process = subprocess.Popen([tor, "-f", world.folder / "torrc"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(process, port)
        before = (world.recorder.up, names.take())
        for vault in ("hidden", "far"):
            done = world.cli(vault, *ONCE, "--deadline", "4", "--proxy", f"socks5://127.0.0.1:{port}", expect=None)
            print(f"through Tor: {done.err.splitlines()[0]}")
            check_refusal(done, NETWORK, "no exchange with the relay at .*(the proxy that must be used gives no way|no whole answer)",
                          f"a sync of '{vault}' through a Tor that has no way")
        equal((world.recorder.up, names.take()), (before[0], []), "what went out beside Tor")
        check("Opened Socks listener" in (world.folder / "tor.log").read_text(), "it was Tor that was asked")
    finally:
        process.kill()
        process.wait(10)


def a_resolver_that_says_nothing(world, names):
    """Neither the deadline nor Ctrl-C wait for it."""
    if not names:
        return print("SKIPPED: a resolver that does not answer (no network of its own can be made here)")
    names.silent = True
    began = time.monotonic()
    world.refuses("far", NETWORK, "relay.invalid", "sync", "--deadline", "1")
    syncing = world.start("far", "sync", pipes=True)
    names.take()
    for _ in range(400):
        if names.asked:
            break
        time.sleep(0.05)
    syncing.send_signal(signal.SIGINT)
    _, errors = syncing.communicate(timeout=50)
    equal(syncing.returncode, PARTLY, f"a sync interrupted while it waits for a name ({errors})")
    check(time.monotonic() - began < 30, "the resolver's own patience, a minute, is not waited for")
    names.silent = False
    names.take()


# -- TLS ----------------------------------------------------------------------------------------------------------------

class Certificates:
    """An authority and what it signs; made by openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.make("authority", "/CN=Test authority", ["-addext", "basicConstraints=critical,CA:TRUE"])

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder)

    def make(self, name, subject="/CN=relay", more=(), host="IP:127.0.0.1", signed=False):
        signer = ["-CA", "authority.pem", "-CAkey", "authority.key"] if signed else []
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3", "-subj", subject,
                     "-keyout", f"{name}.key", "-out", f"{name}.pem", *more,
                     *([] if more else ["-addext", f"subjectAltName={host}", "-addext", "basicConstraints=critical,CA:FALSE"]), *signer)
        return name

    def pin(self, name):
        pem = (self.folder / f"{name}.pem").read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


class Hijacker(Port):
    """Ends TLS in the relay's place, with a certificate of its own; passes on what it reads, or answers with a page."""

    def __init__(self, certificates, name, relay_port, page=False, newest=ssl.TLSVersion.TLSv1_3):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates.folder / f"{name}.pem", certificates.folder / f"{name}.key")
        self.context.maximum_version = newest
        self.relay_port, self.page, self.read = relay_port, page, b""
        super().__init__()

    def _serve(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as inside:
                while request := whole_message(inside):
                    self.read += request
                    inside.sendall(self._answer(request))
        except OSError:
            pass

    def _answer(self, request):
        if self.page:
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nsign in"
        trust_all = ssl.create_default_context()
        trust_all.check_hostname, trust_all.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.relay_port), timeout=20) as wire, trust_all.wrap_socket(wire) as relay:
            relay.sendall(request)
            answer = whole_message(relay)
            self.read += answer
            return answer


def over_tls(world):
    made = Certificates(world.folder)
    for name in ("own", "other"):
        made.make(name)
    made.make("signed", signed=True)
    made.make("elsewhere", host="DNS:elsewhere.test", signed=True)
    far_team(world, "secure", f"https://127.0.0.1:{world.recorder.port}")
    new_report(world, "secure", "police-incident", "title=Kept from everybody on the way")
    trusting = {"SSL_CERT_FILE": str(world.folder / "authority.pem")}
    world.stop_relay()
    world.start_relay("--tls-cert", "own.pem", "--tls-key", "own.key")
    relay_port = world.recorder.target
    pinned = ("--pin", made.pin("own"))

    world.refuses("secure", TRUST, "cannot trust the certificate of the relay at https://127.0.0.1:.*self.signed", *ONCE)
    world.refuses("secure", TRUST, "it is not the pinned certificate", *ONCE, "--pin", made.pin("other"))
    equal(world.reads("secure", *ONCE, *pinned)["unsent_entries"], 0, "entries left after a pinned sync")
    new_report(world, "secure", "police-incident", "title=Kept from everybody on the way")

    # Somebody ends TLS on the way.
    for name, words, options, environment in (
            ("other", "it is not the pinned certificate", pinned, None),
            ("signed", "it is not the pinned certificate", pinned, trusting),
            ("other", "cannot trust the certificate", (), trusting),
            ("elsewhere", "cannot trust the certificate", (), trusting)):
        hijacker = Hijacker(made, name, relay_port)
        world.recorder.target = hijacker.port
        world.refuses("secure", TRUST, words, *ONCE, *options, environment=environment)
        equal(hijacker.read, b"", f"what a hijacker with the certificate '{name}' reads")
    page = Hijacker(made, "signed", relay_port, page=True)
    world.recorder.target = page.port
    world.refuses("secure", NETWORK, "something else answered, with a page", *ONCE, environment=trusting)
    old = Hijacker(made, "signed", relay_port, newest=ssl.TLSVersion.TLSv1_2)
    world.recorder.target = old.port
    world.refuses("secure", NETWORK, "no TLS connection: it speaks an older TLS than 1.3", *ONCE, environment=trusting)
    equal(old.read, b"", "what is said over an older TLS")
    world.recorder.target = relay_port
    check(unsent(world, "secure") > 0, "nothing counts as sent")

    # One whom the device's system trusts reads what is sealed to the relay's own key, which is nothing.
    reader = Hijacker(made, "signed", relay_port)
    world.recorder.target = reader.port
    equal(world.reads("secure", *ONCE, environment=trusting)["unsent_entries"], 0, "entries left after a sync through it")
    check(b"POST / HTTP/1.1" in reader.read, "it read the exchange")
    check(b"Kept from everybody" not in reader.read and b"police-incident" not in reader.read, "what it read says something")
    world.recorder.target = relay_port
    world.refuses("secure", TRUST, "cannot trust the certificate", "sync", "--once")
    world.stop_relay()
    world.start_relay()


def a_page_where_tls_was_expected(world):
    """A portal speaks HTTP in clear, whatever was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    far_team(world, "portal", f"https://127.0.0.1:{listener.getsockname()[1]}")

    def serve():
        while True:
            client, _ = listener.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\nContent-Length: 0\r\n\r\n")
            client.close()

    threading.Thread(target=serve, daemon=True).start()
    done = world.refuses("portal", NETWORK, "no TLS connection: something answered that does not speak TLS", *ONCE)
    check("log in" in done.err, f"the hint says what to do: {done.err}")


# -- Waiting for news ---------------------------------------------------------------------------------------------------

def waits_for_news(world):
    world.cli("far", "sync", "--proxy", Socks(lambda: world.recorder.target).url)
    world.cli("amina", "sync")
    world.recorder.capture.flush()
    start = world.recorder.path.stat().st_size
    waiting = world.start("amina", "--json", "sync", "--wait", "120", pipes=True)

    def held():
        world.recorder.capture.flush()
        seen = world.recorder.path.read_bytes()[start:]
        return seen.count(b"POST /") == 2 and seen.count(b"HTTP/1.1 200") == 1

    for _ in range(600):
        if held():
            break
        time.sleep(0.05)
    check(held(), "the second exchange is held open")
    new_report(world, "monitor", "police-incident", "title=News")
    world.cli("monitor", "sync")
    out, errors = waiting.communicate(timeout=60)  # half of what it would wait
    equal(waiting.returncode, 0, f"a sync that waits for news ({errors})")
    check(json.loads(out)["entries_received"] >= 1, out)
    check(any(report["title"] == "News" for report in reports(world, "amina")), "the news are here")
    world.cli("amina", "sync", "--wait", "1")  # no news: no failure


# -- An app's own HTTP --------------------------------------------------------------------------------------------------

def own_http(world):
    """The example of platforms/examples, over libcurl, against the real relay."""
    program = world.build / "platforms/examples/own_http"
    if not program.exists():
        return print("SKIPPED: the example of an app's own HTTP is not built (tools/setup test installs libcurl)")

    def run(vault, *proxy):
        return subprocess.run([program, vault, *proxy], cwd=world.folder, input=PASSPHRASE + "\n", text=True, capture_output=True,
                              timeout=170, env={**world.environment, "http_proxy": "http://127.0.0.1:1"})

    new_report(world, "monitor", "police-incident", "title=Over the app's own HTTP")
    world.recorder.instead = lambda request, ask: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nsign in"
    portal = run("monitor")
    equal((portal.returncode, "something else answered" in portal.stderr), (NETWORK, True), f"a portal ({portal.stderr})")
    world.recorder.instead = None
    check(unsent(world, "monitor") > 0, "nothing counts as sent")
    proxy = Socks(lambda: world.recorder.target)
    new_report(world, "far", "police-incident", "title=Over the app's own HTTP and a proxy")
    for vault, *way in (("monitor",), ("far", f"socks5h://127.0.0.1:{proxy.port}")):
        done = run(vault, *way)
        equal(done.returncode, 0, f"a sync over libcurl ({done.stderr})")
        equal(unsent(world, vault), 0, "entries left")
    check(set(proxy.asked) == {"relay.invalid"}, "the name went to the proxy")
    world.cli("amina", "sync")
    check(any(report["title"] == "Over the app's own HTTP" for report in reports(world, "amina")), "it came")


# -- Money and hours ----------------------------------------------------------------------------------------------------

def money_and_hours(world):
    new_report(world, "monitor", "police-incident", "title=Waits for its hour")
    waiting = unsent(world, "monitor")
    now = datetime.datetime.now()
    around = [(now + datetime.timedelta(minutes=by)).strftime("%H:%M") for by in (-30, 30, 90)]
    before = world.recorder.up
    done = world.refuses("monitor", PARTLY, "nothing is sent now: these are quiet hours, until " + around[1], "sync", "--quiet",
                         f"{around[0]}-{around[1]}")
    check("without --quiet it goes now" in done.err, done.err)
    for given in ("22-6", "22:00", "25:00-06:00", "22:00-22:00", "-"):
        world.refuses("monitor", USAGE, "quiet hours are FROM-TO", "sync", f"--quiet={given}")
    world.refuses("monitor", PARTLY, "the data budget is used up", "sync", "--budget", "1kB")
    world.refuses("monitor", USAGE, "--budget", "sync", "--budget", "much")
    equal((unsent(world, "monitor"), world.recorder.up), (waiting, before), "entries left, and bytes that left")
    done = world.cli("monitor", "--json", "sync", "--metered", "--quiet", f"{around[1]}-{around[2]}", "--budget", "1MB")
    equal(done.json()["held_back"], ["this connection costs money: text goes, attachments wait"], "what is held back")
    check("attachments wait" in done.err, done.err)
    equal(unsent(world, "monitor"), 0, "text left")


# -- Many pending reports -----------------------------------------------------------------------------------------------

class Watched:
    """What a process holds, looked at while a request of it is on the way."""

    def __init__(self, world):
        self.world, self.process, self.files, self.memory = world, None, [], []

    def __call__(self, request, ask):
        proc = pathlib.Path("/proc", str(self.process.pid))
        self.files.append(len(list((proc / "fd").iterdir())))
        self.memory.append(int(re.search(r"VmHWM:\s+(\d+)", (proc / "status").read_text())[1]))
        return ask(request)


def sync_watched(world, vault, terminal=None):
    watched = Watched(world)
    arrived = threading.Event()

    def instead(request, ask):
        arrived.wait(20)
        return watched(request, ask)

    world.recorder.instead = instead
    process = watched.process = world.start(vault, "--json", "sync", "--deadline", "3600", pipes=terminal is None, terminal=terminal)
    arrived.set()
    return watched, process


def write_many(world, vault, count):
    (world.folder / "many.csv").write_text("what\n" + "".join(f"report {vault} {number} of many with some words of its own\n" for number in range(count)))
    (world.folder / "many.json").write_text(json.dumps(
        {"lysoen_mapping": 1, "form": "police-incident", "fields": [{"path": "title", "from": "what"}]}))
    world.cli(vault, "import", "many.csv", "--mapping", "many.json", timeout=3000)


def many_pending(world):
    few, many = 200, 100_000 if LONG else 2_000
    write_many(world, "patrol", few)
    watched, process = sync_watched(world, "patrol")
    _, errors = process.communicate(timeout=170)
    equal(process.returncode, 0, f"a sync of a few ({errors})")
    check("left" not in errors and "\r" not in errors, f"no bar where there is no terminal: {errors!r}")
    base_files, base_memory = max(watched.files), watched.memory[-1]

    write_many(world, "patrol", many)
    before = unsent(world, "patrol")
    check(before >= many, f"{before} entries are pending")
    ours, theirs = pty.openpty()
    watched, process = sync_watched(world, "patrol", terminal=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        shown = (shown + data)[-2_000_000:]
    equal(process.wait(60), 0, f"a sync of many ({shown[-500:]})")
    os.close(ours)
    world.recorder.instead = None
    equal(unsent(world, "patrol"), 0, "entries left")
    equal(max(watched.files), base_files, f"open files with {many} pending, as with {few}")
    grown = watched.memory[-1] - base_memory
    print(f"{before} pending: {len(watched.files)} exchanges, {max(watched.files)} open files, {watched.memory[-1]} KiB at most, "
          f"{grown} KiB more than with {few}")
    check(grown < (12 if LONG else 4) * 1024, f"memory grew by {grown} KiB")  # the windows and the page cache, then no more
    check(re.search(rb"[kM]B left, (about \d+ (s|min|h)|a few seconds) at the present rate", shown), f"the forecast: {shown[:2000]}")


def main(build):
    apart = alone(__file__, network=True)
    began = time.monotonic()
    with World(build) as world:
        names = None
        if apart:
            make_network(world.folder)
            check(only_loopback(), "nothing but loopback")
            names = Names()
        else:
            print("SKIPPED: what needs a network of its own (not allowed here)")
        world.make_team("amina")
        for vault in ("monitor", "patrol"):
            world.join_by_files(vault, "reporter")
        world.start_relay()
        world.admit_team()
        world.cli("amina", "sync")
        parts = (lambda: through_proxies(world, names), lambda: onion_names(world, names),
                 lambda: plain_http_by_policy(world, names), lambda: a_proxy_that_others_wrote(world, names),
                 lambda: tor_that_reaches_nobody(world, names), lambda: a_resolver_that_says_nothing(world, names),
                 lambda: over_tls(world), lambda: a_page_where_tls_was_expected(world), lambda: waits_for_news(world),
                 lambda: own_http(world), lambda: money_and_hours(world), lambda: many_pending(world))
        for part in parts:
            part()
        print(f"carriers: done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
