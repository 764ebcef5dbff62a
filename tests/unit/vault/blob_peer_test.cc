// Attachments on their way between vaults: offered once their report is sent, wanted once it is read, whole in the end,
// whatever is cut and killed.
#include <fstream>

#include "core/blob/run.h"
#include "core/vault/vault_impl.h"
#include "tests/support/memory_disk.h"
#include "tests/support/pictures.h"
#include "tests/unit/vault/people.h"
#include "tests/unit/vault/relay_key.h"

using namespace lysoen;
using namespace lysoen::test;
using namespace lysoen::vault;

namespace {

constexpr std::string_view kPath = "files[new1]/file";

Bytes noise(size_t size, uint64_t salt) {
  auto random = generator(salt);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

BlobPeer& blobs(Vault& vault) {
  return *vault.sync_peer().blobs();
}

/// A reporter and the coordinator of her team, and a relay that is durable.
struct Pair {
  Pair() : relay(Relay::make(3)) {
    relay.info.durable = true;
    must(team.admin()->add_relay(relay.info, team.root_file, "root words"));
    reporter = &team.add(Role::reporter, "Amina");
  }
  Vault& from() { return **reporter; }
  Vault& to() { return **team.devices.front(); }
  ReportId send(const Bytes& file, BlobId* blob = nullptr) {
    const auto before = must(blobs(from()).outgoing_blobs(relay.info.id, 99)).size();
    auto draft = must(from().begin("police-incident", "en", std::vector<Change>{{"title", text("At the ford")}}));
    auto change = must(from().attach(draft, kPath, source_of(file)));
    CHECK(must(blobs(from()).outgoing_blobs(relay.info.id, 99)).size() == before);  // nothing of a draft leaves
    if (blob) *blob = change.value->file()->blob;
    return draft;
  }
  /// Up to `count` chunks from the first that is missing. False: nothing is wanted.
  bool step(uint32_t count) {
    auto wanted = must(blobs(to()).wanted_blobs(1));
    if (wanted.empty()) return false;
    const auto& name = wanted.front().name;
    auto missing = blob::first_missing(wanted.front().held, 0, name.chunks());
    auto run = must(blobs(from()).read_run(name, missing.first, std::min(count, missing.end - missing.first)));
    blob::RunReader reader;
    REQUIRE(reader.begin(run));
    for (uint32_t i = 0; i < run.leaves.size(); ++i)
      REQUIRE(reader.add(must(blobs(from()).read_chunk(name, run.first + i))));
    for (const auto& chunks : reader.take()) must(blobs(to()).take_chunks(chunks));
    return true;
  }
  Bytes receipt(const BlobName& name, const RelayInfo&) {
    return feed::sign_blob_receipt({from().sync_peer().team(), name, WallTime{}, 1}, relay.key);
  }

  Team team;
  Relay relay;
  Device* reporter = nullptr;
};

}  // namespace

TEST_CASE("Blob peer: an attachment is offered once its report is sent, until the relay has signed for it",
          "[vault][blobs]") {
  Pair pair;
  const auto file = noise(70'000, 1);
  BlobId blob;
  auto draft = pair.send(file, &blob);
  auto states = must(pair.from().attachments(draft));
  REQUIRE(states.size() == 1);
  CHECK(!states.front().sent);
  auto report = must(pair.from().submit(draft));
  carry(pair.to(), pair.from());  // the relay, in the roster
  auto names = must(blobs(pair.from()).outgoing_blobs(pair.relay.info.id, 9));
  REQUIRE(names.size() == 1);
  CHECK(names.front().blob == blob);
  CHECK(must(blobs(pair.from()).blobs_left(pair.relay.info.id)).to_send == names.front().size);
  CHECK(must(pair.from().status()).unsent_files == 1);
  states = must(pair.from().attachments(report));
  CHECK(states.front().sent);
  CHECK(!states.front().held);

  auto& peer = blobs(pair.from());
  auto receipt = pair.receipt(names.front(), pair.relay.info);
  auto changed = receipt;
  changed[70] ^= 1;
  CHECK(peer.take_blob_receipt(pair.relay.info.id, changed).error().code == ErrorCode::trust_refused);
  auto other = names.front();
  other.size += 1;
  CHECK(peer.take_blob_receipt(pair.relay.info.id, pair.receipt(other, pair.relay.info)).error().code ==
        ErrorCode::trust_refused);
  CHECK(must(peer.outgoing_blobs(pair.relay.info.id, 9)).size() == 1);
  must(peer.take_blob_receipt(pair.relay.info.id, receipt));
  CHECK(must(peer.outgoing_blobs(pair.relay.info.id, 9)).empty());
  CHECK(must(peer.outgoing_blobs(RelayId{{9}}, 9)).size() == 1);  // another relay has it not
  CHECK(must(pair.from().attachments(report)).front().held);
  CHECK(must(pair.from().status()).unsent_files == 0);
}

TEST_CASE("Blob peer: the text is there before its picture, which comes in pieces and survives kills",
          "[vault][blobs]") {
  Pair pair;
  auto random = generator(2);
  const auto file = noise(500'000, 2);
  BlobId blob;
  auto report = must(pair.from().submit(pair.send(file, &blob)));
  carry(pair.from(), pair.to());
  CHECK(must(pair.to().read(report)).field("title")->values.front().value->text() == "At the ford");
  auto early = read_back(pair.to(), report, blob);
  REQUIRE(!early.ok());
  CHECK(early.error().message == "cannot read the attachment: it is still on the way, 0 % is here");
  CHECK(must(pair.to().status()).wanted_files == 1);
  uint64_t here = 0;
  for (int i = 0; pair.step(1 + static_cast<uint32_t>(random() % 5)); ++i) {
    REQUIRE(i < 100);
    if (random() % 2 == 0) pair.team.devices.front()->reopen();
    if (random() % 4 == 0) pair.reporter->reopen();
    auto state = must(pair.to().attachments(report)).front();
    CHECK(state.here > here);
    here = state.here;
  }
  CHECK(here == file.size());
  CHECK(must(read_back(pair.to(), report, blob)) == file);
  CHECK(must(pair.to().status()).wanted_files == 0);
  auto checked = must(pair.to().check());
  CHECK(checked.attachments == 1);
  for (const auto& finding : checked.findings) FAIL_CHECK(finding);
  // Whoever got it can hand it on: its tree is there.
  CHECK(must(pair.to().attachments(report)).front().here == file.size());
}

TEST_CASE("Blob peer: thumbnails go and come before any original, sealed beside them", "[vault][blobs]") {
  Pair pair;
  const auto first = jpeg_of_scene({1600, 1200}), second = jpeg_of_scene({2400, 1800}), film = noise(60'000, 5);
  REQUIRE(std::min(first.size(), second.size()) > kThumbnailSizeMax * 2);
  const auto small = jpeg_of_scene({40, 30});  // goes in one chunk itself
  BlobId film_id, first_id, second_id, small_id;
  std::vector<ReportId> reports = {
      must(pair.from().submit(pair.send(film, &film_id))), must(pair.from().submit(pair.send(first, &first_id))),
      must(pair.from().submit(pair.send(second, &second_id))), must(pair.from().submit(pair.send(small, &small_id)))};
  CHECK(must(pair.from().status()).unsent_files == 4);  // a thumbnail is no file of its own to whoever counts
  auto names = must(blobs(pair.from()).outgoing_blobs(RelayId{{9}}, 99));
  REQUIRE(names.size() == 6);
  for (size_t i = 0; i < 3; ++i) CHECK(names[i].size <= kChunkSize);
  CHECK(names[3].blob == film_id);  // then the oldest

  carry(pair.from(), pair.to());
  CHECK(must(pair.to().status()).wanted_files == 4);
  for (int i = 0; i < 3; ++i) REQUIRE(pair.step(99));
  for (const auto& [report, original] : {std::pair(reports[1], first_id), std::pair(reports[2], second_id)}) {
    auto state = must(pair.to().attachments(report));
    REQUIRE(state.size() == 1);
    CHECK(state[0].blob == original);
    CHECK(state[0].here == 0);
    REQUIRE(state[0].thumbnail);
    auto thumbnail = must(read_back(pair.to(), report, *state[0].thumbnail));
    CHECK(thumbnail == must(read_back(pair.from(), report, *must(pair.from().attachments(report))[0].thumbnail)));
    auto pixels = jpeg_pixels(thumbnail);
    REQUIRE(pixels);
    CHECK(pixels->width == 160);
    // As another's answer it cannot be taken: only what was attached can.
    auto changed = pair.from().save(
        report, std::vector<Change>{
                    {std::string(kPath), value(ValueType::attachment, state[0].thumbnail->hex() + " 9 image/jpeg x")}});
    CHECK(changed.error().code == ErrorCode::input_refused);
  }
  CHECK_FALSE(must(pair.to().attachments(reports[0]))[0].thumbnail);
  CHECK_FALSE(must(pair.to().attachments(reports[3]))[0].thumbnail);
  while (pair.step(99)) {
  }
  CHECK(must(read_back(pair.to(), reports[1], first_id)) == first);
  CHECK(must(pair.to().check()).attachments == 6);
}

TEST_CASE("Blob peer: files of every size come byte for byte, also an empty one", "[vault][blobs]") {
  Pair pair;
  auto random = generator(3);
  for (size_t size : {size_t{0}, size_t{1}, size_t{240}, size_t{241}, size_t{16'368}, size_t{16'369},
                      static_cast<size_t>(random() % 300'000)}) {
    CAPTURE(size);
    const auto file = noise(size, 3 + size);
    BlobId blob;
    auto report = must(pair.from().submit(pair.send(file, &blob)));
    carry(pair.from(), pair.to());
    while (pair.step(3)) {
    }
    CHECK(must(read_back(pair.to(), report, blob)) == file);
  }
}

TEST_CASE("Blob peer: a changed attachment of a report that was sent goes with the change", "[vault][blobs]") {
  Pair pair;
  const auto first = noise(3'000, 5), second = noise(40'000, 6);
  auto report = must(pair.from().submit(pair.send(first)));
  carry(pair.from(), pair.to());
  auto change = must(pair.from().attach(report, kPath, source_of(second)));
  carry(pair.from(), pair.to());
  CHECK(must(blobs(pair.to()).wanted_blobs(9)).size() == 1);
  CHECK(must(blobs(pair.from()).outgoing_blobs(pair.relay.info.id, 9)).size() == 1);
  must(pair.from().submit(report));
  CHECK(must(blobs(pair.from()).outgoing_blobs(pair.relay.info.id, 9)).size() == 2);
  carry(pair.from(), pair.to());
  while (pair.step(8)) {
  }
  CHECK(must(read_back(pair.to(), report, change.value->file()->blob)) == second);
  CHECK(must(pair.to().attachments(report)).size() == 2);
}

TEST_CASE("Blob peer: a power cut at any call while pieces come loses no more than the newest of them",
          "[vault][blobs]") {
  Pair pair;
  const auto file = noise(120'000, 7);
  BlobId blob;
  auto report = must(pair.from().submit(pair.send(file, &blob)));
  carry(pair.from(), pair.to());
  const auto name = must(blobs(pair.to()).wanted_blobs(1)).front().name;
  std::vector<ProvenChunks> pieces;
  for (uint32_t at = 0; at < name.chunks(); at += 3) {
    auto run = must(blobs(pair.from()).read_run(name, at, 3));
    blob::RunReader reader;
    REQUIRE(reader.begin(run));
    for (uint32_t i = 0; i < run.leaves.size(); ++i)
      REQUIRE(reader.add(must(blobs(pair.from()).read_chunk(name, at + i))));
    pieces.push_back(reader.take().front());
  }
  // The coordinator's vault goes on on a disk that can break.
  must(pair.to().lock());
  DiskImage begin;
  for (const auto& entry : std::filesystem::directory_iterator(pair.team.admin().folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    begin[entry.path().filename()] = Bytes(std::istreambuf_iterator<char>(in), {});
  }
  MemoryDisk disk;
  ManualClock clock;
  SeededRandom random(seed() + 7);
  std::unique_ptr<Vault> vault;
  auto open = [&] {
    clock.advance(std::chrono::hours(24));
    vault = must(VaultImpl::open(Place{"x", disk, 64 * 1024, 64 * 1024}, kPassphrase, {clock, random}));
  };
  auto engine = generator(7);
  disk.set_fault({});
  uint64_t calls = 0;
  for (uint64_t at = 0; at <= calls; at += calls == 0 ? 1 : std::max<uint64_t>(1, calls / 30)) {
    CAPTURE(at, calls);
    disk.restore(begin);
    open();
    MemoryDisk::Fault fault;
    fault.at = at;
    fault.forever = true;
    disk.set_fault(fault);
    size_t taken = 0;
    while (taken < pieces.size() && vault->sync_peer().blobs()->take_chunks(pieces[taken]).ok()) ++taken;
    if (at == 0) calls = disk.counted();
    if (taken == pieces.size() && at == 0) CHECK(must(read_back(*vault, report, name.blob)) == file);
    disk.lose_power(engine);
    const auto left = disk.image();
    vault.reset();
    disk.restore(left);
    open();
    for (const auto& piece : pieces) must(vault->sync_peer().blobs()->take_chunks(piece));
    CHECK(must(read_back(*vault, report, name.blob)) == file);
    auto checked = must(vault->check());
    for (const auto& finding : checked.findings) FAIL_CHECK(finding);
    vault.reset();
  }
}
