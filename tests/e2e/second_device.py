#!/usr/bin/env python3
"""Devices of a second implementation (tests/interop), which knows nothing but docs/protocol and docs/formats, in a team
of real programs: they join through the real relay, push, pull, acknowledge, and go on after every cut; the programs read
what they wrote, and they what the programs wrote. Usage: second_device.py BUILD"""
import copy
import sys
import time

from world import SOURCE, World, check, equal

sys.path.insert(0, str(SOURCE / "tests/interop"))
import exchange
import team
from device import Device, NoAnswer, Spoiled, StoreWentBack, edits
from exchange import FRONTIER, RECEIPT, Cut

FORM = "human-rights-violation"
ONE_BATCH = 29  # entries that a batch of the second implementation holds at most
ANSWER = 16384  # bytes that the reader asks for at once


def joined(world, role, name):
    """A member who asked through the relay; on both sides the same words."""
    invite, device = team.Invite(world.reads("amina", "invite", "--role", role, "--name", name)["link"]), Device()
    equal(device.ask_to_join(invite, world.url), ["join: unknown invite"], "before the relay knows the invite")
    world.cli("amina", "sync")
    equal(device.ask_to_join(invite, world.url), ["join: waiting"], "after the request was posted")
    world.cli("amina", "sync")
    waiting, = world.reads("amina", "admit")
    words = invite.check_words(device.kept.request)
    equal(waiting["check_words"], words, "the same words on both sides")
    world.cli("amina", "admit", waiting["id"][:12], "--words", words)
    world.cli("amina", "sync")
    equal(device.ask_to_join(invite, world.url), ["joined"], "after the admin admitted it")
    other = Device()
    equal(other.ask_to_join(invite, world.url), ["join: invite used"], "another who has the invite")
    return device


def killed(device):
    """The same device after a kill: it has what it kept, and nothing else."""
    return Device(copy.deepcopy(device.kept))


def flipped(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def titles_of(payloads):
    found = set()
    for payload in payloads:
        if payload[0] == 1:
            found |= {one.text for group in edits.Edit.FromString(payload[17:]).groups for one in group.sets if one.path == "title"}
    return found


def titles_at(world, vault):
    return {report["title"] for report in world.reads(vault, "report", "list", "--limit", "0")["reports"]}


def own(device):
    """The feed of its reports."""
    return device.kept.authors[device.audience(team.TEAM)]


def write(device, version, word, count):
    titles = [f"{word} {number}" for number in range(count)]
    device.write_reports(FORM, version, titles)
    return set(titles)


# -- Pushing --------------------------------------------------------------------------------------------------------
def pushes(world, device, version):
    """Across the end of a block and of a stream; each entry once, and the receipt says so."""
    written = write(device, version, "First", 300)
    device.sync(world.url)
    equal(device.entries_sent, own(device).last_seq, "entries sent, each once")
    equal(device.kept.confirmed[own(device).feed], own(device).last_seq, "entries that the receipt covers")
    world.cli("amina", "sync")
    equal(titles_at(world, "amina"), written, "titles at the coordinator")
    return written


def entries_whole(request, runs, at):
    """Entries of the batches that are whole in the first `at` bytes of a request: Hello and Want stand before them."""
    return sum(last - first + 1 for (_, first, last), end in zip(runs, request.ends[2:]) if end <= at)


def comes_to_hold(world, device, seq):
    """What a request brought that was lost on its way back is committed when the relay sees the end of the connection."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        device.exchange(world.url)
        if device.kept.confirmed.get(own(device).feed, 0) >= seq:
            break
        time.sleep(0.05)
    equal(device.kept.confirmed[own(device).feed], seq, "entries that the relay holds of a cut request")


def goes_on_after_a_cut_request(world, device, version):
    """Cut anywhere, with the device killed in the same moment, whether the connection was lost or somebody on the way
    shortened the request: the batches that came whole are held, and only the others are sent again."""
    written = set()
    for turn in range(8):
        written |= write(device, version, f"Cut {turn}", 100)
        before, runs, came = device.kept.confirmed[own(device).feed], device.pending(), []

        def somewhere(request):
            at = world.random.randrange(request.ends[1], len(request.bytes))
            came.append(entries_whole(request, runs, at))
            return Cut(up=at) if turn % 2 else Cut(shorten=at)

        try:
            answer = device.exchange(world.url, runs, cut=somewhere)
            equal(answer.verdicts(), ["exchange: cut"], "verdicts on a shortened request")
        except NoAnswer:
            check(turn % 2, "a shortened request has an answer")
        device = killed(device)
        comes_to_hold(world, device, before + came[0])
        device.sync(world.url)
        equal(device.entries_sent, own(device).last_seq - before - came[0], "entries sent after the cut")
        equal(device.kept.confirmed[own(device).feed], own(device).last_seq, "entries that the receipt covers")
    world.cli("amina", "sync")
    check(written <= titles_at(world, "amina"), "what was cut on its way has arrived")
    return device


def learns_what_a_lost_connection_brought(world, device, version):
    """All batches reached the relay, the answer did not reach the device: nothing is sent again."""
    write(device, version, "Answer lost", 100)
    device.exchange(world.url, device.pending(), cut=lambda _: Cut(down=0))
    device = killed(device)
    device.sync(world.url)
    equal(device.entries_sent, 0, "entries sent again although the relay has them")
    equal(device.kept.confirmed[own(device).feed], own(device).last_seq, "entries that the receipt covers")
    return device


def a_changed_request_brings_nothing(world, device, version):
    """One bit of any frame, the last one too: no answer, and the relay stores nothing of it."""
    write(device, version, "Changed", 10)
    before = device.kept.confirmed[own(device).feed]
    for at in (3, 20, 41, 60, -300, -1):
        request = device.request(device.pending())
        try:
            answer = exchange.Answer(request, exchange.post(world.url, flipped(request.bytes, at)))
            raise AssertionError(f"byte {at} changed, and there was an answer: {answer.messages}")
        except NoAnswer:
            continue
    device.exchange(world.url)
    equal(device.kept.confirmed[own(device).feed], before, "entries that the relay holds")
    device.sync(world.url)


def a_used_counter_is_told(world, device, version):
    """A request that arrives twice, and another one under a counter that was used: stored all the same, and told."""
    for counter, verdict in ((None, "exchange: stale counter"), (1, "exchange: two places")):
        write(device, version, "Stale", 10)
        request = device.request(device.pending(), counter=counter)
        if counter is None:
            exchange.post(world.url, request.bytes)
        answer = exchange.Answer(request, exchange.post(world.url, request.bytes))
        said = answer.verdict(verdict)
        highest = device.kept.counter - 1 if counter else device.kept.counter
        check(said and said.number == highest, f"the answer tells the highest counter: {answer.messages}")
        check(answer.of(FRONTIER) and answer.of(RECEIPT), "with the heads, and receipts: the batches prove themselves")
        device.take(answer)
        equal(device.pending(), [], "what is not confirmed")


def a_device_that_went_back_learns_it(world, device, version):
    """Its storage is that of before: the relay's answer says so before it writes a number twice."""
    older = killed(device)
    write(device, version, "Before it went back", 5)
    device.sync(world.url)
    try:
        older.exchange(world.url)
    except StoreWentBack:
        return
    raise AssertionError("the older state was not told that the relay holds more")


# -- Pulling --------------------------------------------------------------------------------------------------------
def is_acknowledged(world, device):
    world.cli("amina", "sync")
    device.sync(world.url)
    seq, ranges = device.kept.opened[own(device).feed]
    equal((seq, ranges), (own(device).last_seq, []), "what the coordinator says it has opened")


def pulls_whatever_is_cut(world, reader, wanted):
    """The answer is cut anywhere, and the reader killed: it goes on, and gets everything. Of what came whole, only what
    shares an item with the place of the cut comes again."""
    cuts = new = again = 0
    for _ in range(400):
        try:
            cut = Cut(down=world.random.randrange(1, ANSWER + 8192))
            answer = reader.exchange(world.url, answer_max=ANSWER, cut=lambda _: cut)
        except NoAnswer:
            continue
        new, again, cuts = new + reader.entries_new, again + reader.entries_again, cuts + (not answer.ended)
        if not answer.more:
            break
        reader = killed(reader)
    else:
        raise AssertionError("a pull that does not end")
    check(cuts > 3, f"the pull was cut {cuts} times")
    held = [one for one in reader.kept.held.values() if one.audience == reader.audience(team.TEAM)]
    found = set().union(*(titles_of(one.payloads.values()) for one in held))
    equal(found, wanted, "titles that the second implementation opened")
    equal(new, sum(one.last_seq for one in reader.kept.held.values()), "new entries")
    check(again <= ONE_BATCH * cuts, f"entries that came again over {cuts} cuts: {again}")
    print(f"pulled {new} entries over {cuts} cuts, {again} of them again")
    return reader


def a_changed_answer_brings_nothing(world, reader):
    fresh = killed(reader)
    fresh.kept.cursors, fresh.kept.held = {}, {}
    for at in (0, 33, 200, -1):
        try:
            fresh.exchange(world.url, spoil=lambda answer: flipped(answer, at))
            raise AssertionError("a changed answer was taken")
        except Spoiled:
            cursors = {one.counter for one in fresh.kept.cursors.values()}
            equal((len(fresh.kept.held), cursors), (0, {0}), "taken of a changed answer")


def main(build):
    with World(build) as world:
        world.make_team("amina")
        world.join_by_files("monitor", "reporter")
        world.start_relay()
        world.admit_team()
        world.cli("amina", "sync")
        version = next(form["version"] for form in world.reads("amina", "forms") if form["id"] == FORM)
        device = joined(world, "reporter", "second")
        pushes(world, device, version)
        device = goes_on_after_a_cut_request(world, device, version)
        device = learns_what_a_lost_connection_brought(world, device, version)
        a_changed_request_brings_nothing(world, device, version)
        a_used_counter_is_told(world, device, version)
        is_acknowledged(world, device)

        by_program = world.reads("monitor", "report", "new", "--form", FORM, "--set", "title=By the program", "--submit")["id"]
        world.cli("monitor", "sync")
        world.cli("amina", "sync")
        reader = joined(world, "coordinator", "reader")
        reader = pulls_whatever_is_cut(world, reader, titles_at(world, "amina"))
        a_changed_answer_brings_nothing(world, reader)
        reader.acknowledge()
        reader.sync(world.url)
        world.cli("monitor", "sync")
        equal(world.reads("monitor", "report", "show", by_program)["level"], "opened", "level of the program's report")
        a_device_that_went_back_learns_it(world, device, version)
        print("second device: done")


if __name__ == "__main__":
    main(sys.argv[1])
