#!/usr/bin/env python3
"""What real programs wrote, read by a second implementation (tests/interop) that knows nothing but docs/formats: the
vault by its passphrase, the bundle by the carrier key, one entry by its disclosed key. Usage: interop.py BUILD"""
import hashlib
import json
import shutil
import signal
import sys
import time

from world import PASSPHRASE, SOURCE, World, check, equal

sys.path.insert(0, str(SOURCE / "tests/interop"))
import bundle
import feed
import hpke
import vault
from nacl.signing import SigningKey

PARTLY = 7
TITLE, NARRATIVE = "House searched at night", "Three men, no uniforms. Все вышли. " * 20


def refused(what, words, call, *arguments):
    try:
        call(*arguments)
    except feed.Refused as error:
        return check(error.word in words.split(), f"{what}: refused as {error}")
    raise AssertionError(f"{what}: not refused")


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def reheaded(slots, at):
    """A slot file whose header says something else, and carries its checksum."""
    header = flipped(slots[:68], at)
    return header + hashlib.sha256(header).digest() + slots[100:]


def opened(world, name):
    return vault.Vault(world.folder / name, PASSPHRASE.encode())


def roster_keys(world, name):
    keys = opened(world, name).secret_fact("team.roster_keys")
    return [keys[at : at + 32] for at in range(0, len(keys), 32)]


# -- Bundle and disclosure ------------------------------------------------------------------------------------------
def a_bundle_of_the_second_implementation_is_taken(world):
    """The same records, sealed again by it: the program takes them, and then knows all that its own bundle brings."""
    carrier = [bundle.carrier_key(key) for key in roster_keys(world, "monitor")]
    found = bundle.records(bundle.open_parts(carrier, (world.folder / "stick.bundle").read_bytes()))
    (world.folder / "second.bundle").write_bytes(bundle.write(carrier[0], found))
    taken = [world.reads("amina", "bundle", "import", file)["stored"] for file in ("second.bundle", "stick.bundle")]
    check(taken[0] > 0, "the program stores what the second implementation's bundle brings")
    equal(taken[1], 0, "new entries in the program's own bundle of the same")


def one_disclosed_entry_opens(world, report):
    """The bundle's batches verify; the disclosed keys open the report's entries, and no key opens another's."""
    carrier = [bundle.carrier_key(key) for key in roster_keys(world, "monitor")]
    data = (world.folder / "stick.bundle").read_bytes()
    _, layouts = bundle.read(carrier, data)
    batches = [feed.Batch(layout) for layout in layouts]

    written = world.cli("amina", "disclose", report).out
    (world.folder / "disclosure.json").write_text(written)
    equal(feed.disclosure(world.folder / "disclosure.json", False, None), 0, "the disclosure by itself")
    disclosure = json.loads(written)
    team, found = bytes.fromhex(disclosure["team"]), b""
    for part in disclosure["feeds"]:
        for key in part["keys"]:
            carried = next(at for at, batch in enumerate(batches) if batch.device.hex() == part["device"]
                           and batch.audience.hex() == part["audience"] and batch.holds(key["seq"]))
            entry_key = bytes.fromhex(key["entry_key"])
            payload = feed.open_entry(entry_key, team, key["epoch"], batches[carried], key["seq"])
            feed.check_payload(payload)
            found += payload
            secret = opened(world, "amina").epoch_key(batches[carried].audience, key["epoch"])
            equal(feed.stream_key(secret, team, key["epoch"], batches[carried], key["seq"]), entry_key, "the key out of the stream")
            harm(layouts[carried], batches[carried], team, key, entry_key)
    check(TITLE.encode() in found and NARRATIVE.encode() in found, "the text of the report stands in its entries")
    refused("a bundle with a flipped byte", "damaged", bundle.read, carrier, flipped(data, 64 + len(data) // 2))
    refused("a bundle with another's key", "open", bundle.read, [bytes(32)], data)


def a_bundle_for_the_relay_opens(world):
    """With the relay's fallback secret and nothing else; the same records in a file of the second implementation, signed by
    the same device, are what the relay stores."""
    world.admit_team()
    world.start_relay()
    world.cli("amina", "sync")
    world.cli("monitor", "report", "new", "--form", "human-rights-violation", "--set", "title=By stick", "--submit")
    written = world.reads("monitor", "bundle", "export", "--relay", world.url, "relay.bundle")
    data = (world.folder / "relay.bundle").read_bytes()
    key_file = (world.folder / "relay/relay.key").read_bytes()  # docs/protocol/relay-store.md
    identity = bytes(SigningKey(key_file[9:41]).verify_key)
    secret = key_file[41:73]
    relay = bundle.Relay(identity, hpke.public_key(secret))
    team, device, found = relay.open(secret, data)
    key = SigningKey(opened(world, "monitor").secret_fact("device.seed"))
    equal(device, bytes(key.verify_key), "the device that wrote it")
    entries = [feed.Batch(bundle.layout(body)) for kind, body in found if kind == 2]
    equal(sum(len(batch.entries) for batch in entries), written["entries"], "entries in it")
    refused("a bundle for another relay", "open", relay.open, bytes(range(32)), data)
    refused("a flipped byte of the commitment", "open", relay.open, secret, flipped(data, 40))
    refused("a flipped byte", "damaged", relay.open, secret, flipped(data, len(data) // 2))
    carrier = [bundle.carrier_key(key) for key in roster_keys(world, "monitor")]
    refused("a bundle for a relay, by the team's key", "open", bundle.read, carrier, data)

    def sign(label, message):
        return key.sign(label.encode() + b"\0" + message).signature

    (world.folder / "forged.bundle").write_bytes(relay.write(team, device, lambda *_: sign("lysoen/1 hello", b""), found))
    done = world.relay("import", "forged.bundle", "--store", "relay", expect=None)
    check(done.code != 0 and "did not sign it" in done.err, f"a bundle that its writer did not sign: {done.err}")
    (world.folder / "by_hand.bundle").write_bytes(relay.write(team, device, sign, found))
    for file, is_new in (("by_hand.bundle", True), ("relay.bundle", False)):
        taken = world.relay("import", file, "--store", "relay", "--json").json()
        equal((taken["stored"] > 0, taken["stored"] + taken["known"], taken["refused"], taken["damage"]),
              (is_new, written["entries"], [], None), f"what the relay took of {file}")
    world.stop_relay()


def the_roster_opens(world):
    """What an admin's bundle brings beside: each version of the roster, under the same roster key."""
    world.cli("amina", "bundle", "export", "rosters.bundle")
    keys = roster_keys(world, "amina")
    rosters, _ = bundle.read(map(bundle.carrier_key, keys), (world.folder / "rosters.bundle").read_bytes())
    root, = opened(world, "amina").database.execute("SELECT value FROM facts WHERE name = 'team.root'").fetchone()
    team = feed.labelled_hash("lysoen/1 team", root)
    check(rosters, "an admin's bundle brings the roster")
    for roster in rosters:
        check(b"Test team" in bundle.open_roster(keys[0], team, roster), "the team's name stands in its roster")
        refused("a roster of another team", "open", bundle.open_roster, keys[0], bytes(32), roster)


def harm(layout, batch, team, key, entry_key):
    """What must not pass: other bytes in ciphertext, chain or signature, and the key at any other entry of its batch."""
    entry = batch.entry(key["seq"])
    refused("a flipped byte of the ciphertext", "chain signature", feed.Batch, flipped(layout, layout.index(entry.ciphertext) + 40))
    refused("a flipped byte of prev", "chain signature", feed.Batch, flipped(layout, 78))
    refused("a flipped byte of the signature", "signature", feed.Batch, flipped(layout, layout.index(batch.signature)))
    changed = feed.Batch(layout)
    changed.entry(key["seq"]).ciphertext = flipped(entry.ciphertext, 40)
    refused("a ciphertext that is not the signed one", "open", feed.open_entry, entry_key, team, key["epoch"], changed, key["seq"])
    others = [seq for seq in range(batch.first_seq, batch.last_seq + 1) if seq != key["seq"] and batch.entry(seq).kind == 2]
    for seq in others:
        refused("the key at another entry", "open", feed.open_entry, entry_key, team, key["epoch"], batch, seq)
    check(others, "the bundle holds entries that were not disclosed")


# -- Vault ------------------------------------------------------------------------------------------------------------
def a_vault_at_rest_opens(world, report):
    seen = opened(world, "monitor")
    equal(seen.database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity of the decrypted database")
    missing = {"facts", "entries", "edits", "reports", "storage_state"} - set(seen.tables())
    check(not missing, f"tables are missing: {missing}")
    title, = seen.database.execute("SELECT title FROM reports WHERE report = ?", (bytes.fromhex(report),)).fetchone()
    equal(title, TITLE, "title of the report")
    save = newest_save_is_in_the_tables(seen)
    check(save["entries"] and save["heads"], "the newest save sealed entries")
    head = save["heads"][0]
    row = seen.database.execute("SELECT head_seq, head_hash, writer FROM feeds WHERE feed = ?", (feed.feed_id(*head["feed"]),))
    seq, hash_, writer = row.fetchone()
    equal((seq, hash_), (head["seq"], head["hash"]), "head of the feed that was written")
    equal(seen.stream(feed.feed_id(*head["feed"]), writer)[3], seq + 1, "the stream goes on behind the head")
    folder = world.folder / "monitor"
    slots = (folder / "slots").read_bytes()
    refused("a wrong passphrase", "open", vault.unlock, slots, b"another")
    for at in (15, 4096 + 300):  # header and slots are there twice
        equal(vault.unlock(flipped(slots, at), PASSPHRASE.encode())[0], seen.letter, "container by the other copy")
    refused("a header damaged twice", "form", vault.unlock, flipped(flipped(slots, 15), 2048 + 15), PASSPHRASE.encode())
    refused("a changed cost", "open", vault.unlock, reheaded(slots, 15), PASSPHRASE.encode())
    refused("a vault of a later version", "version", vault.unlock, reheaded(slots, 11), PASSPHRASE.encode())
    shutil.copytree(folder, world.folder / "harmed")
    pages = (folder / f"{seen.letter}.db").read_bytes()
    (world.folder / "harmed" / f"{seen.letter}.db").write_bytes(flipped(pages, 4096 + 100))
    refused("a page with a flipped byte", "damaged", opened, world, "harmed")
    (world.folder / "harmed" / f"{seen.letter}.db").write_bytes(pages[4096:8192] + pages[:4096] + pages[8192:])
    refused("two pages that changed places", "damaged", opened, world, "harmed")


def newest_save_is_in_the_tables(seen):
    """The newest record of the ring is that of the last save, and what it brought stands in the tables."""
    newest = seen.ring.newest
    check(newest and newest.payload is not None, "the newest record opens")
    equal(newest.counter, seen.counter, "counter of the newest record")
    save = vault.read_payload(newest.payload)
    for entry in save.get("entries", []):
        place, = seen.database.execute("SELECT id FROM feeds WHERE feed = ?", (feed.feed_id(*entry["feed"]),)).fetchone()
        row = seen.database.execute("SELECT ciphertext FROM entries WHERE place = ?", (place << 40 | entry["seq"],)).fetchone()
        equal(row[0], entry["ciphertext"], "an entry of the newest record")
    return save


def an_attachment_opens(world):
    """A file of several chunks, by the second implementation and by the program, byte for byte; harmed, by neither."""
    file = world.folder / "tones.bin"
    file.write_bytes(bytes(range(256)) * 200)
    draft = world.reads("monitor", "report", "new", "--form", "police-incident", "--set", "title=With a file")["id"]
    world.cli("monitor", "report", "attach", draft, file)
    seen = opened(world, "monitor")
    (blob, data), = seen.attachments().items()
    equal(data, file.read_bytes(), "the file that was attached")
    world.cli("monitor", "report", "extract", draft, "--output", world.folder / "again.bin")
    equal((world.folder / "again.bin").read_bytes(), data, "the file that was given back")
    name, sealed = seen.files.popitem()
    seen.files[name] = flipped(sealed, 20000)
    refused("a blob with a flipped byte", "damaged", seen.attachments)


def a_bundle_carries_attachments(world):
    """Chunks of a bundle prove their place to the second implementation; sealed again by it they reach another device, first
    without the report that names them, which loses nothing."""
    file = world.folder / "long.bin"
    file.write_bytes(world.random.randbytes(400_001))
    draft = world.reads("monitor", "report", "new", "--form", "police-incident", "--set", "title=Carried with its file")["id"]
    world.cli("monitor", "report", "attach", draft, file)
    report = world.reads("monitor", "report", "submit", draft)["id"]
    world.cli("monitor", "bundle", "export", "media.bundle")
    carrier = [bundle.carrier_key(key) for key in roster_keys(world, "monitor")]
    found = bundle.records(bundle.open_parts(carrier, (world.folder / "media.bundle").read_bytes()))
    blobs = {name: chunks for name, chunks in bundle.attachments(found).items() if name[1] > 400_001}
    (_, size), chunks = blobs.popitem()
    check(not blobs and len(chunks) == -(-size // 16384), "the attachment is there whole, once")
    wrong = [(kind, flipped(body, 0) if kind == 4 else body) for kind, body in found]
    refused("a bundle with a chunk that is another", "proof", bundle.attachments, wrong)
    for name, kinds in (("chunks.bundle", (3, 4)), ("text.bundle", (1, 2))):
        (world.folder / name).write_bytes(bundle.write(carrier[0], [record for record in found if record[0] in kinds]))
    (world.folder / "wrong.bundle").write_bytes(bundle.write(carrier[0], wrong))
    early = world.cli("amina", "--json", "bundle", "import", "chunks.bundle", expect=PARTLY).json()
    check(early["bytes_not_placed"] >= size and early["chunks_stored"] == 0, f"chunks that came too early are said: {early}")
    world.cli("amina", "bundle", "import", "text.bundle")
    harmed = world.cli("amina", "--json", "bundle", "import", "wrong.bundle", expect=PARTLY).json()
    check(harmed["refused_batches"] > 0 and harmed["chunks_stored"] == 0, f"a chunk that is another is not taken: {harmed}")
    equal(world.reads("amina", "bundle", "import", "chunks.bundle")["chunks_stored"], len(chunks), "chunks taken")
    again = world.reads("amina", "bundle", "import", "chunks.bundle", "media.bundle")
    equal((again["chunks_stored"], again["stored"]), (0, 0), "new in what was taken before")
    world.cli("amina", "report", "extract", report, "long.bin", "--output", world.folder / "carried.bin")
    equal((world.folder / "carried.bin").read_bytes(), file.read_bytes(), "the file that was carried")


def killed_in_an_import(world):
    """The vault as a writer left it that died while its log held saves that the database does not."""
    log = world.folder / "patrol/A.db-wal"
    for _ in range(5):  # a kill may fall right behind a checkpoint
        began = time.time()
        writer = world.start("patrol", "import", "rows.csv", "--mapping", "rows.json")
        while writer.poll() is None and time.time() < began + 30:
            if log.exists() and log.stat().st_mtime > began and log.stat().st_size > 100 * vault.FRAME:
                break
            time.sleep(0.005)
        writer.send_signal(signal.SIGKILL)
        equal(writer.wait(20), -signal.SIGKILL, "the import was killed in its middle")
        seen = opened(world, "patrol")
        if seen.log.frames and not seen.ring.done(seen.log):
            return seen
    raise AssertionError("no kill left a log that counts")


def a_killed_writer_leaves_a_log_that_reads(world):
    """Database, log and ring are read as they lie after a kill, and the program agrees."""
    rows = "".join(f"Incident {row},2026-11-20\n" for row in range(20000))
    (world.folder / "rows.csv").write_text("title,date\n" + rows)
    mapping = {"lysoen_mapping": 1, "form": "police-incident", "format": "csv",
               "fields": [{"path": "title", "from": "title"}, {"path": "event_date", "from": "date", "date": "%Y-%m-%d"}]}
    (world.folder / "rows.json").write_text(json.dumps(mapping))
    (world.folder / "few.csv").write_text("title,date\n" + rows[: rows.index("Incident 600,")])
    world.cli("patrol", "import", "few.csv", "--mapping", "rows.json")  # enough for a long bundle, however soon the kill comes
    seen = killed_in_an_import(world)
    check(seen.ring.newest.counter - seen.counter in (-1, 0), "the ring is at most one save behind")
    reports, = seen.database.execute("SELECT count(*) FROM reports WHERE stage < 2").fetchone()
    equal(world.reads("patrol", "status")["reports"], reports, "reports after the kill")
    newest_save_is_in_the_tables(opened(world, "patrol"))
    world.cli("patrol", "bundle", "export", "many.bundle")
    data = (world.folder / "many.bundle").read_bytes()
    _, layouts = bundle.read([bundle.carrier_key(key) for key in roster_keys(world, "patrol")], data)
    carried = sum(len(feed.Batch(layout).entries) for layout in layouts)
    check(len(data) > 2 * bundle.PART and carried > reports, "a bundle of several parts carries them all")
    print(f"killed with {seen.log.frames} frames in the log and {reports} reports")


def main(build):
    with World(build) as world:
        world.make_team("amina")
        for reporter in ("monitor", "patrol"):
            world.join_by_files(reporter, "reporter")
        ids = [world.reads("monitor", "report", "new", "--form", "human-rights-violation", "--set", f"title={title}", "--set",
                           f"what_happened={NARRATIVE}", "--submit")["id"] for title in ("Another", TITLE)]
        world.cli("monitor", "bundle", "export", "stick.bundle")
        a_bundle_of_the_second_implementation_is_taken(world)
        one_disclosed_entry_opens(world, ids[1])
        a_bundle_for_the_relay_opens(world)
        the_roster_opens(world)
        a_vault_at_rest_opens(world, ids[1])
        an_attachment_opens(world)
        a_bundle_carries_attachments(world)
        a_killed_writer_leaves_a_log_that_reads(world)
        print("interop: done")


if __name__ == "__main__":
    main(sys.argv[1])
