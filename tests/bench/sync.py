"""Pushes, pulls, nothing new, one new, photographs, killed on its way: over a LAN (without TLS, so that what TCP carries is what the
programs say) and over 2G and a satellite (with TLS), beside PouchDB and a bare TLS stream of the reports as protobuf, each
compressed by zstd -19. --short: 1,000 reports at most. Links need root, namespaces and the emulator; without them there is
loopback alone."""
import statistics
import sys

import contestants
import workload
from links import LAN, SATELLITE, TWO_G, Cost, Link, emulator
from steps import DATA, ROOT, fresh, run, say
from table import Line, hundredths, megabytes, seconds, whole

COLUMNS = ["lysoen", "pouchdb", "bare TLS"]
BESIDE = "pouchdb"
WHO = dict(zip(COLUMNS, (contestants.Lysoen, contestants.Pouch, contestants.Bare)))


def middle(costs):
    """Of several rounds the middle one of each figure."""
    def of(name):
        values = [getattr(cost, name) for cost in costs]
        return None if None in values else statistics.median(values)

    return Cost(*map(of, Cost.__dataclass_fields__))


def other(photograph):
    """Another file that is the same picture but for a few blocks."""
    return photograph[:-99] + bytes([photograph[-99] ^ 1]) + photograph[-98:]


class Section:
    """One link, so many reports at once, so many rounds: costs by (operation, column)."""

    def __init__(self, kind, count, rounds, program, tls):
        self.kind, self.count, self.rounds, self.program, self.tls = kind, count, rounds, program, tls
        self.killed_count = min(count, 1000)  # of more, what windows and padding differ by hides what is sent again
        self.photographs = workload.photographs(10 if kind is LAN else 2)
        self.costs = {}

    def run(self):
        for column, who in WHO.items():
            if who is contestants.Bare and not self.tls:
                continue
            with Link(self.kind, self.program, DATA) as link, who(link, fresh("sync") / column.split()[-1], self.tls) as one:
                self.measure(column, one)
        return self

    def measure(self, column, one):
        def told(operation, costs):
            self.costs[operation, column] = middle(costs)

        def doing(what):
            say(f"{self.kind.name}, {self.count:,} reports, {column}: {what}")

        at, pushes, pulls = 0, [], []
        for turn in range(self.rounds):
            doing(f"push and pull, round {turn + 1} of {self.rounds}")
            one.add(at, self.count)
            at += self.count
            pushes.append(one.push())
            pulls.append(one.pull())
        told("push", pushes)
        told("pull", pulls)
        doing("nothing new, one new")
        one.settle()
        told("nothing", [one.nothing() for _ in range(self.rounds)])
        news = []
        for _ in range(self.rounds):
            one.add(at, 1)
            at += 1
            news.append(one.push())
        told("one", news)
        one.settle()
        doing("photographs")
        one.add_photographs(self.photographs)
        told("photographs up", [one.push()])
        told("photographs down", [one.pull()])
        if isinstance(one, contestants.Bare):
            return
        one.settle()
        undisturbed_push, undisturbed_pull = self.costs["push", column].up, self.costs["pull", column].down
        if self.killed_count != self.count:
            one.add(at, self.killed_count)
            at += self.killed_count
            undisturbed_push, undisturbed_pull = one.push().up, one.pull().down
            one.settle()
        one.add(at, self.killed_count)
        self.kill_twice(column, one, undisturbed_push, undisturbed_pull)
        doing("photographs, killed")
        one.settle()
        one.add_photographs(list(map(other, self.photographs)))
        self.kill_twice(column, one, self.costs["photographs up", column].up, self.costs["photographs down", column].down,
                        " of photographs")

    def kill_twice(self, column, one, undisturbed_push, undisturbed_pull, of_what=""):
        """What is sent again by a push that is killed half-way and done again, and by a pull."""
        for operation, call, way, undisturbed in (("push", one.push, "up", undisturbed_push),
                                                  ("pull", one.pull, "down", undisturbed_pull)):
            say(f"{self.kind.name}, {column}: killed in a {operation}{of_what}, and again")
            halves = [getattr(cost, way) for cost in (call(kill_at=int(undisturbed / 2)), call())]
            self.costs[f"killed {operation}{of_what}", column] = Cost(up=max(0, sum(halves) - undisturbed))

    # -- The table ----------------------------------------------------------------------------------------------------
    def value(self, operation, column, figure):
        cost = self.costs.get((operation, column))
        return None if cost is None else figure(cost)

    def line(self, title, operation, name, unit, figure, target=None, met=None):
        values = [self.value(operation, column, figure) for column in COLUMNS]
        row = f"{self.kind.name} {self.count} {operation} {name}"
        return Line(title, row, unit, values, target, None if met is None or values[0] is None else bool(met(values[0])))

    def lines(self):
        two_g = self.kind is TWO_G and self.count == 100
        each = 1 / self.count
        title = f"{self.kind.name}, {self.count:,} reports"
        for operation, way, most in (("push", "up", 500), ("pull", "down", 520)):
            bounds = ("<= 11.5 s", lambda found: found <= 11.5) if two_g and operation == "push" else ()
            yield self.line(f"{title}: {operation}", operation, "seconds", seconds, lambda cost: cost.seconds, *bounds)
            bounds = (f"<= {most}", lambda found: found <= most) if not self.tls and self.count >= 1000 else ()
            yield self.line(f"  bytes {way}, each", operation, way, whole, lambda cost: getattr(cost, way) * each, *bounds)
            other = "down" if way == "up" else "up"
            yield self.line(f"  bytes {other}", operation, other, whole, lambda cost: getattr(cost, other))
            if self.program:
                yield self.line("  bytes of packets, both ways, each", operation, "packets", whole,
                                lambda cost: cost.carried and cost.carried * each)
            yield self.line("  exchanges", operation, "exchanges", whole, lambda cost: cost.exchanges)
            yield self.line("  connections", operation, "connections", whole, lambda cost: cost.connections)
            yield self.line("  processor, device", operation, "processor", seconds, lambda cost: cost.processor)
            yield self.line("  processor, server", operation, "server processor", seconds, lambda cost: cost.server_processor)
            bounds = ("<= 16.8 MB", lambda found: found <= 16 << 20) if operation == "push" else ()
            yield self.line("  memory, device", operation, "memory", megabytes, lambda cost: cost.memory, *bounds)
            yield self.line("  memory, server", operation, "server memory", megabytes, lambda cost: cost.server_memory)
        for operation, words in (("nothing", "nothing new"), ("one", "one new")):
            bounds = ("<= 2.8 s", lambda found: found <= 2.8) if two_g and operation == "nothing" else ()
            yield self.line(f"{title}: {words}", operation, "seconds", seconds, lambda cost: cost.seconds, *bounds)
            bounds = ("<= 1,100", lambda found: found <= 1100) if not self.tls and operation == "nothing" else ()
            yield self.line("  bytes both ways", operation, "bytes", whole, lambda cost: cost.up + cost.down, *bounds)
            if self.program:
                yield self.line("  bytes of packets, both ways", operation, "packets", whole, lambda cost: cost.carried)
        size = sum(map(len, self.photographs))
        for way in ("up", "down"):
            operation = f"photographs {way}"
            yield self.line(f"{title}: {len(self.photographs)} photographs {way}, {size:,} bytes", operation, "seconds", seconds,
                            lambda cost: cost.seconds)
            yield self.line("  bytes that way for each of theirs", operation, "share", hundredths,
                            lambda cost: getattr(cost, way) / size)
            yield self.line("  memory, device", operation, "memory", megabytes, lambda cost: cost.memory, "<= 16.8 MB",
                            lambda found: found <= 16 << 20)
            yield self.line("  memory, server", operation, "server memory", megabytes, lambda cost: cost.server_memory)
            killed = "push" if way == "up" else "pull"
            yield self.line(f"  killed half-way in a {killed}, bytes again", f"killed {killed} of photographs", "again", whole,
                            lambda cost: cost.up, "<= 16,384", lambda found: found <= 16384)
        for operation in ("push", "pull"):
            yield self.line(f"{self.kind.name}, {self.killed_count:,} reports: killed half-way in a {operation}, bytes again",
                            f"killed {operation}", "again", whole, lambda cost: cost.up, "<= 16,384",
                            lambda found: found <= 16384)


def main(short):
    workload.made()
    contestants.Pouch.fetch()
    say("building")
    run([ROOT / "tools/setup", "build"])
    run([ROOT / "tools/build", "bench", "lysoen", "lysoen-relay"])
    program, why = emulator()
    if why:
        say("")
        print(f"loopback alone, no 2G and no satellite: {why}", file=sys.stderr)
    sections = [Section(LAN, count, 1, program, None) for count in ([1000] if short else [10_000, 100_000])]
    if program:
        tls = contestants.certificate(fresh("certificate"))
        sections += [Section(TWO_G, 100, 1 if short else 3, program, tls), Section(SATELLITE, 100 if short else 1000, 1, program, tls)]
    lines = [line for section in sections for line in section.run().lines()]
    fresh("sync").rmdir()
    say("")
    return [line for line in lines if any(value is not None for value in line.values)]
