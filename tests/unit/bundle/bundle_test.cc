#include <lysoen/sync/bundle.h>

#include "core/crypto/parts.h"
#include "plain_peer.h"
#include "sync/bundle/format.h"
#include "sync/wire/codec.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/seed.h"
#include "tests/support/temp_folder.h"

using namespace lysoen;
using test::content_of;
using test::PlainPeer;
using test::PlainStore;
using test::write_content;

namespace {

CarrierKey key_of(uint8_t number) {
  CarrierKey key;
  key.fill(number);
  return key;
}

struct Desk {
  PlainPeer peer;
  PlainStore store;
  Desk() { peer.attached = &peer.attachments; }
  Result<BundleTaken> take(const std::filesystem::path& file) {
    const std::vector<CarrierKey> keys = {key_of(4), key_of(3), key_of(2), key_of(1)};
    return import_bundle(file, peer, store, keys);
  }
};

struct Author {
  explicit Author(uint64_t salt = 0) : random(test::generator(salt)), entropy(random()) {}
  std::mt19937_64 random;
  test::SeededRandom entropy;
  PlainStore store;

  // Feeds of entries of about `size` bytes.
  void write(uint8_t feed, size_t entries, size_t size) {
    for (size_t i = 0; i < entries; ++i) store.write(test::feed_of(feed), 256 + random() % size, random);
  }
  BundleContent all() { return {.rosters = {{7, {}, Bytes(900, 0x55)}}, .runs = whole_feeds(store.heads())}; }
  BundleWritten export_to(const std::filesystem::path& file, const BundleContent& content) {
    auto written = export_bundle(file, store, key_of(1), content, entropy);
    REQUIRE(written.ok());
    return *written;
  }
};

// A bundle made by hand: one last part with these records behind the head of a piece.
void seal_by_hand(const std::filesystem::path& file, ByteView records, uint8_t version = bundle::kVersion) {
  Bytes content = Writer().u8(version).u16(bundle::kPieceHead).raw(records).bytes();
  Bytes bytes(bundle::kSaltSize, 0x11);
  auto keys = bundle::derive(key_of(1), bytes);
  bytes.insert(bytes.end(), keys.commitment.begin(), keys.commitment.end());
  Bytes sealed(content.size());
  std::array<uint8_t, 16> tag{};
  crypto::aead_seal(keys.parts, crypto::part_nonce(0, true), {}, content, sealed, tag);
  bytes.insert(bytes.end(), sealed.begin(), sealed.end());
  bytes.insert(bytes.end(), tag.begin(), tag.end());
  write_content(file, bytes);
}

}  // namespace

TEST_CASE("Bundle: what one device carries another takes, and taking it again changes nothing", "[bundle]") {
  test::TempFolder folder;
  Author author;
  author.write(1, 300, 900), author.write(2, 40, 30000), author.write(3, 1, 100);
  auto written = author.export_to(folder.path() / "b", author.all());
  CHECK(written.entries == 341);
  CHECK(written.left.empty());
  CHECK(written.carried == author.store.heads());
  CHECK(written.bytes == std::filesystem::file_size(folder.path() / "b"));

  Desk desk;
  auto taken = desk.take(folder.path() / "b");
  REQUIRE(taken.ok());
  CHECK(taken->entries_stored == 341);
  CHECK_FALSE(taken->damage);
  CHECK(desk.store == author.store);
  REQUIRE(desk.peer.rosters.size() == 1);
  CHECK(desk.peer.rosters[0].sealed == Bytes(900, 0x55));
  CHECK(desk.peer.intakes_open == 0);

  auto again = desk.take(folder.path() / "b");
  REQUIRE(again.ok());
  CHECK(again->entries_stored == 0);
  CHECK(again->entries_known == 341);
  CHECK(desk.store == author.store);
}

TEST_CASE("Bundle: the file's size comes in steps and its bytes tell nothing", "[bundle]") {
  test::TempFolder folder;
  Author author;
  author.write(1, 3, 1000);
  for (int i = 0; i < 40; ++i) {
    author.write(1, 2, 3000);
    auto file = folder.path() / std::to_string(i);
    author.export_to(file, author.all());
    auto size = std::filesystem::file_size(file);
    CHECK(crypto::transport_size(size) == size);
  }
  // Two bundles of the same content share no run of bytes.
  author.export_to(folder.path() / "x", author.all());
  author.export_to(folder.path() / "y", author.all());
  auto x = content_of(folder.path() / "x"), y = content_of(folder.path() / "y");
  REQUIRE(x.size() == y.size());
  size_t equal = 0;
  for (size_t i = 0; i < x.size(); ++i) equal += x[i] == y[i];
  CHECK(equal < x.size() / 64);
}

TEST_CASE("Bundle: any content has a padded size that a file can have exactly", "[bundle]") {
  auto random = test::generator(11);
  for (int i = 0; i < 20000; ++i) {
    uint64_t content = i < 6000 ? i + 1 : 1 + random() % (64ull << 20);
    auto padded = content + crypto::parts_padding(bundle::kHeadSize, content);
    REQUIRE(bundle::file_size(padded) == bundle::padded_file_size(content));
    REQUIRE(bundle::padded_file_size(content) >= bundle::file_size(content));
    // No more than 13 % on top above the smallest sizes, so that padding never doubles a driver's stick.
    if (content > 16384) REQUIRE(bundle::padded_file_size(content) <= bundle::file_size(content) * 113 / 100);
  }
}

TEST_CASE("Bundle: cut anywhere, what is whole before the cut is taken and one sentence says so", "[bundle]") {
  test::TempFolder folder;
  Author author(1);
  author.write(1, 90, 2500);
  author.export_to(folder.path() / "b", author.all());
  auto bytes = content_of(folder.path() / "b");
  REQUIRE(bytes.size() > 3 * crypto::kSealedPartSize / 2);
  auto random = test::generator(2);
  std::vector<size_t> cuts = {0,
                              1,
                              31,
                              32,
                              63,
                              64,
                              65,
                              80,
                              bundle::kHeadSize + crypto::kSealedPartSize,
                              bundle::kHeadSize + crypto::kSealedPartSize + 1,
                              bytes.size() - 1};
  for (int i = 0; i < 40; ++i) cuts.push_back(random() % bytes.size());
  for (auto cut : cuts) {
    CAPTURE(cut);
    write_content(folder.path() / "cut", ByteView(bytes).first(cut));
    Desk desk;
    auto taken = desk.take(folder.path() / "cut");
    size_t parts = cut < bundle::kHeadSize ? 0 : (cut - bundle::kHeadSize) / crypto::kSealedPartSize;
    CHECK(desk.peer.intakes_open == 0);
    if (parts == 0) {
      REQUIRE_FALSE(taken.ok());
      CHECK(taken.error().code == ErrorCode::damaged);
      CHECK(exit_code_for(taken.error().code) == 6);
      CHECK(desk.store.entries() == 0);
      CHECK(taken.error().message.find(cut < bundle::kHeadSize
                                           ? "it is damaged or not for this team"
                                           : "is damaged or cut short: nothing of it could be taken") !=
            std::string::npos);
    } else {
      REQUIRE(taken.ok());
      REQUIRE(taken->damage);
      CHECK(taken->damage->code == ErrorCode::partly_done);
      CHECK(desk.store.entries() == taken->entries_stored);
      CHECK(taken->entries_stored > 0);
      CHECK(taken->damage->message.find(std::to_string(taken->entries_stored) +
                                        " entries that came whole were taken") != std::string::npos);
    }
    // The whole file heals it.
    REQUIRE(desk.take(folder.path() / "b").ok());
    CHECK(desk.store == author.store);
  }
}

TEST_CASE("Bundle: a small one cut at every byte or with any bit flipped is damaged and gives nothing", "[bundle]") {
  test::TempFolder folder;
  Author author(3);
  author.write(1, 2, 300);
  author.export_to(folder.path() / "b", author.all());
  auto bytes = content_of(folder.path() / "b");
  auto file = folder.path() / "m";
  auto refused = [&](ByteView mutant) {
    write_content(file, mutant);
    Desk desk;
    auto taken = desk.take(file);
    return !taken.ok() && taken.error().code == ErrorCode::damaged && desk.store.entries() == 0 &&
           desk.peer.rosters.empty();
  };
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(refused(ByteView(bytes).first(cut)));
  }
  auto random = test::generator(4);
  for (size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at);
    auto mutant = bytes;
    mutant[at] ^= static_cast<uint8_t>(1 << random() % 8);
    REQUIRE(refused(mutant));
  }
}

TEST_CASE("Bundle: lengthened it is damaged behind its end, and of parts that were swapped nothing is taken",
          "[bundle]") {
  test::TempFolder folder;
  Author author(5);
  author.write(1, 120, 4000);
  author.export_to(folder.path() / "b", author.all());
  auto bytes = content_of(folder.path() / "b");
  auto longer = bytes;
  longer.push_back(0);
  write_content(folder.path() / "longer", longer);
  Desk first;
  auto taken = first.take(folder.path() / "longer");
  REQUIRE(taken.ok());
  CHECK(taken->damage);

  auto swapped = bytes;
  auto part = [&](size_t i) {
    return swapped.begin() + static_cast<ptrdiff_t>(bundle::kHeadSize + i * crypto::kSealedPartSize);
  };
  std::swap_ranges(part(0), part(1), part(1));
  swapped.resize(bundle::kHeadSize + 2 * crypto::kSealedPartSize);
  write_content(folder.path() / "swapped", swapped);
  Desk second;
  auto none = second.take(folder.path() / "swapped");
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::damaged);
}

TEST_CASE("Bundle: a damaged part loses itself, and what is behind it is read on", "[bundle]") {
  test::TempFolder folder;
  Author author(14);
  for (uint8_t feed = 1; feed <= 60; ++feed) author.write(feed, 4, 4000);
  author.export_to(folder.path() / "b", author.all());
  auto bytes = content_of(folder.path() / "b");
  auto random = test::generator(15);
  const size_t parts = (bytes.size() - bundle::kHeadSize) / crypto::kSealedPartSize;
  REQUIRE(parts >= 6);
  for (size_t part = 0; part < parts; ++part) {
    CAPTURE(part);
    auto harmed = bytes;
    harmed[bundle::kHeadSize + part * crypto::kSealedPartSize + random() % crypto::kSealedPartSize] ^=
        static_cast<uint8_t>(1 << random() % 8);
    write_content(folder.path() / "harmed", harmed);
    Desk desk;
    auto taken = desk.take(folder.path() / "harmed");
    REQUIRE(taken.ok());
    REQUIRE(taken->damage);
    CHECK(taken->damage->code == ErrorCode::partly_done);
    CHECK(desk.store.entries() == taken->entries_stored);
    CHECK(desk.store.entries() > 100);
    CHECK(desk.store.entries() < 240);
    REQUIRE(desk.take(folder.path() / "b").ok());
    CHECK(desk.store == author.store);
  }
}

TEST_CASE("Bundle: attachments come behind the entries, in steps that can be taken again", "[bundle][blob]") {
  test::TempFolder folder;
  Author author(16);
  author.write(1, 5, 900);
  test::FieldBlobs from;
  std::vector<BlobName> names;
  for (uint64_t size : {uint64_t{1}, uint64_t{16384}, uint64_t{16385}, uint64_t{700'000}, uint64_t{2'000'000}})
    names.push_back(from.make(author.entropy, size));
  auto content = author.all();
  content.blobs = whole_blobs(names);
  auto written = export_bundle(folder.path() / "b", {author.store, &from}, key_of(1), content, author.entropy);
  REQUIRE(written.ok());
  CHECK(written->blobs == 5);
  CHECK(written->all());

  SECTION("taken whole, and again") {
    Desk desk;
    for (const auto& name : names) desk.peer.attachments.want(name);
    auto taken = desk.take(folder.path() / "b");
    REQUIRE(taken.ok());
    CHECK(taken->chunks_stored == written->chunks);
    CHECK(taken->bytes_not_placed == 0);
    for (const auto& name : names) CHECK(desk.peer.attachments.same(from, name));
    auto again = desk.take(folder.path() / "b");
    REQUIRE(again.ok());
    CHECK(again->chunks_stored == 0);
    CHECK(again->chunks_known == written->chunks);
    CHECK(desk.peer.attachments.came_twice == 0);
  }

  SECTION("what no report names is said, and comes with the next time") {
    Desk desk;
    desk.peer.attachments.want(names[0]);
    auto taken = desk.take(folder.path() / "b");
    REQUIRE(taken.ok());
    CHECK(taken->chunks_stored == 1);
    CHECK(taken->bytes_not_placed == 16384 + 16385 + 700'000 + 2'000'000);
    for (size_t i = 1; i < names.size(); ++i) desk.peer.attachments.want(names[i]);
    REQUIRE(desk.take(folder.path() / "b").ok());
    for (const auto& name : names) CHECK(desk.peer.attachments.same(from, name));
  }

  SECTION("a flipped bit anywhere costs its part and a run, and a second copy brings only what lacks") {
    auto bytes = content_of(folder.path() / "b");
    auto random = test::generator(17);
    for (int i = 0; i < 12; ++i) {
      auto harmed = bytes;
      size_t at = bundle::kHeadSize + random() % (bytes.size() - bundle::kHeadSize);
      CAPTURE(at);
      harmed[at] ^= static_cast<uint8_t>(1 << random() % 8);
      write_content(folder.path() / "harmed", harmed);
      Desk desk;
      for (const auto& name : names) desk.peer.attachments.want(name);
      auto taken = desk.take(folder.path() / "harmed");
      REQUIRE(taken.ok());
      REQUIRE(taken->damage);
      // A part of 64 KiB and a run on each side of it.
      CHECK(taken->chunks_stored + 5 + 2 * bundle::kRunChunksWritten >= written->chunks);
      auto again = desk.take(folder.path() / "b");
      REQUIRE(again.ok());
      CHECK(again->chunks_stored == written->chunks - taken->chunks_stored);
      CHECK(desk.peer.attachments.came_twice == 0);
      for (const auto& name : names) CHECK(desk.peer.attachments.same(from, name));
    }
  }

  SECTION("a full disk keeps the text, and the next attempt goes on") {
    Desk desk;
    for (const auto& name : names) desk.peer.attachments.want(name);
    desk.peer.attachments.full = true;
    auto taken = desk.take(folder.path() / "b");
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().code == ErrorCode::storage_full);
    CHECK(desk.store == author.store);
    CHECK(desk.peer.intakes_open == 0);
    desk.peer.attachments.full = false;
    REQUIRE(desk.take(folder.path() / "b").ok());
    for (const auto& name : names) CHECK(desk.peer.attachments.same(from, name));
  }

  SECTION("one that cannot be read here is left out, and said") {
    auto odd = from.all.at(names[3]).chunks;
    from.damaged.insert(names[3]);
    auto rest = export_bundle(folder.path() / "c", {author.store, &from}, key_of(1), content, author.entropy);
    REQUIRE(rest.ok());
    CHECK(rest->blobs_damaged == 1);
    CHECK(rest->blobs == 4);
  }
}

TEST_CASE("Bundle: chunks that prove nothing, or that nobody announced, are never stored", "[bundle][blob]") {
  test::TempFolder folder;
  Author author(18);
  test::FieldBlobs from;
  auto name = from.make(author.entropy, 100'000);
  auto record = [](uint8_t type, ByteView body) {
    return Writer().u8(type).u32(static_cast<uint32_t>(body.size())).raw(body).bytes();
  };
  auto run = *from.read_run(name, 1, 3);
  auto with = [&](const ChunkRun& announced, std::vector<uint32_t> chunks) {
    Bytes records = record(3, wire::encode(announced));
    for (auto index : chunks) {
      Bytes one = record(4, from.all[name].chunks[index]);
      records.insert(records.end(), one.begin(), one.end());
    }
    records.push_back(0);
    // Of less than a part, so that one piece holds it.
    REQUIRE(records.size() < bundle::kPieceRoom);
    seal_by_hand(folder.path() / "b", records);
    Desk desk;
    desk.peer.attachments.want(name);
    auto taken = desk.take(folder.path() / "b");
    REQUIRE(taken.ok());
    CHECK(taken->chunks_stored == blob::count(desk.peer.attachments.all[name].held));
    std::filesystem::remove(folder.path() / "b");
    return std::pair(taken->chunks_stored, taken->batches_refused);
  };
  CHECK(with(run, {1, 2, 3}) == std::pair(uint64_t{3}, uint64_t{0}));
  CHECK(with(run, {1, 3}) == std::pair(uint64_t{1}, uint64_t{1}));
  CHECK(with(run, {2}) == std::pair(uint64_t{0}, uint64_t{1}));
  auto moved = run;
  moved.first = 2;
  CHECK(with(moved, {2, 3}) == std::pair(uint64_t{0}, uint64_t{1}));
  auto other = run;
  other.leaves[1].bytes[5] ^= 1;
  CHECK(with(other, {1, 2}) == std::pair(uint64_t{0}, uint64_t{1}));
}

TEST_CASE("Bundle: another team's key does not open it", "[bundle]") {
  test::TempFolder folder;
  Author author(6);
  author.write(1, 5, 300);
  author.export_to(folder.path() / "b", author.all());
  Desk desk;
  const std::vector<CarrierKey> keys = {key_of(9)};
  auto taken = import_bundle(folder.path() / "b", desk.peer, desk.store, keys);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().code == ErrorCode::damaged);
  CHECK(taken.error().message == "cannot open the bundle 'b': it is damaged or not for this team");
  CHECK(taken.error().hint == "ask for it to be written again; nothing was changed here");
}

TEST_CASE("Bundle: a limit splits what is carried over several files, which may come in any order", "[bundle]") {
  test::TempFolder folder;
  Author author(7);
  author.write(1, 400, 2000), author.write(2, 200, 6000), author.write(3, 30, 60000);
  std::vector<std::filesystem::path> files;
  auto content = author.all();
  content.size_max = 400 * 1024;
  std::map<FeedKey, uint64_t> carried;
  while (!content.runs.empty()) {
    REQUIRE(files.size() < 50);
    files.push_back(folder.path() / std::to_string(files.size()));
    auto written = author.export_to(files.back(), content);
    CHECK(written.bytes <= content.size_max);
    CHECK(written.entries > 0);
    for (const auto& head : written.carried) carried[head.feed] = std::max(carried[head.feed], head.seq);
    content.runs = written.left;
  }
  REQUIRE(files.size() > 3);
  for (const auto& head : author.store.heads()) CHECK(carried[head.feed] == head.seq);

  std::shuffle(files.begin(), files.end(), author.random);
  Desk desk;
  const std::vector<CarrierKey> keys = {key_of(1)};
  auto taken = import_bundles(files, desk.peer, desk.store, keys);
  REQUIRE(taken.ok());
  CHECK(taken->entries_waiting == 0);
  CHECK(taken->entries_stored == 630);
  CHECK(desk.store == author.store);
}

TEST_CASE("Bundle: several files of one export come in any order, one at a time, and again", "[bundle][blob]") {
  test::TempFolder folder;
  Author author(19);
  author.write(1, 200, 2000), author.write(2, 20, 60000);
  test::FieldBlobs from;
  std::vector<BlobName> names;
  for (uint64_t size : {uint64_t{100}, uint64_t{1'500'000}, uint64_t{300'000}})
    names.push_back(from.make(author.entropy, size));
  auto content = author.all();
  content.blobs = whole_blobs(names);
  content.size_max = 300 * 1024;
  auto set = export_bundles(folder.path() / "b", {author.store, &from}, key_of(1), content, author.entropy);
  REQUIRE(set.ok());
  REQUIRE(set->files.size() > 5);
  CHECK(set->blobs == 3);
  CHECK(set->entries == 220);
  uint64_t bytes = 0;
  for (size_t i = 0; i < set->files.size(); ++i) {
    CHECK(set->files[i].filename() == "b." + std::to_string(i + 1) + "-of-" + std::to_string(set->files.size()));
    auto size = std::filesystem::file_size(set->files[i]);
    CHECK(size <= content.size_max);
    CHECK(crypto::transport_size(size) == size);
    bytes += size;
  }
  CHECK(bytes == set->bytes);
  const auto there = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  CHECK(static_cast<size_t>(there) == set->files.size());

  Desk desk;
  for (const auto& name : names) desk.peer.attachments.want(name);
  auto files = set->files;
  size_t rounds = 0;
  for (uint64_t waiting = 1; waiting > 0; ++rounds) {
    waiting = 0;
    std::shuffle(files.begin(), files.end(), author.random);
    for (const auto& file : files) {
      auto taken = desk.take(file);
      REQUIRE(taken.ok());
      CHECK_FALSE(taken->damage);
      waiting += taken->entries_waiting;
    }
    REQUIRE(rounds <= files.size());
  }
  CHECK(desk.store == author.store);
  for (const auto& name : names) CHECK(desk.peer.attachments.same(from, name));
  CHECK(desk.peer.attachments.came_twice == 0);

  // One that is there stops all of them before a name is given.
  std::filesystem::remove(set->files[0]);
  auto again = export_bundles(folder.path() / "b", {author.store, &from}, key_of(1), content, author.entropy);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == ErrorCode::already_exists);
  CHECK(again.error().message.find("b.2-of-") != std::string::npos);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == there - 1);
  content.size_max = 200 * 1024;
  auto small = export_bundles(folder.path() / "s", {author.store, &from}, key_of(1), content, author.entropy);
  REQUIRE_FALSE(small.ok());
  CHECK(small.error().message == "cannot write so small a bundle: the limit must be at least 256 KiB");
}

TEST_CASE("Bundle: what a relay has confirmed stays out, and one that came too early says how many entries wait",
          "[bundle]") {
  test::TempFolder folder;
  Author author(8);
  author.write(1, 50, 400), author.write(2, 10, 400);
  PlainPeer peer;
  peer.confirmed_seq[test::feed_of(1)] = 20;
  peer.confirmed_seq[test::feed_of(2)] = 10;
  auto runs = unconfirmed_by(peer, RelayId(), author.store.heads());
  REQUIRE(runs.ok());
  REQUIRE(runs->size() == 1);
  CHECK(author.export_to(folder.path() / "b", {.rosters = {}, .runs = *runs}).entries == 30);
  Desk desk;
  auto taken = desk.take(folder.path() / "b");
  REQUIRE(taken.ok());
  CHECK(taken->entries_waiting == 30);
  CHECK(desk.store.entries() == 0);
}

TEST_CASE("Bundle: a refused feed does not hold up the others", "[bundle]") {
  test::TempFolder folder;
  Author author(9);
  author.write(1, 3, 400), author.write(2, 3, 400);
  author.export_to(folder.path() / "b", author.all());
  Desk desk;
  desk.store.refused_feed = test::feed_of(1);
  auto taken = desk.take(folder.path() / "b");
  REQUIRE(taken.ok());
  CHECK(taken->batches_refused == 1);
  CHECK(taken->entries_stored == 3);
  CHECK(taken->reasons == std::vector<std::string>{"not a member of this team"});
}

TEST_CASE("Bundle: one of a newer Lysoen is kept aside, its unknown records are passed over", "[bundle]") {
  test::TempFolder folder;
  auto file = folder.path() / "b";
  Desk desk;
  seal_by_hand(file, Writer().u8(0).bytes(), 1);
  auto newer = desk.take(file);
  REQUIRE_FALSE(newer.ok());
  CHECK(newer.error().code == ErrorCode::newer_version);
  CHECK(newer.error().message == "cannot take the bundle: it was made by a newer version of Lysoen");
  CHECK(newer.error().hint == "update Lysoen and take it then; keep the file");
  CHECK(std::filesystem::exists(file));

  Author author(10);
  author.write(1, 1, 10);
  auto batch = author.store.read(test::feed_of(1), 1, 1000);
  REQUIRE(batch.ok());
  auto body = wire::encode(**batch);
  seal_by_hand(
      file,
      Writer().u8(99).u32(5).raw(Bytes(5, 1)).u8(2).u32(static_cast<uint32_t>(body.size())).raw(body).u8(0).bytes());
  auto taken = desk.take(file);
  REQUIRE(taken.ok());
  CHECK(taken->records_unknown == 1);
  CHECK(taken->entries_stored == 1);
}

TEST_CASE("Bundle: content that is sealed but malformed is refused, never believed", "[bundle]") {
  test::TempFolder folder;
  auto file = folder.path() / "b";
  auto random = test::generator(12);
  const std::vector<Bytes> contents = {
      Bytes(),                                               // no end
      Writer().u8(2).u32(300 * 1024).bytes(),                // larger than any batch
      Writer().u8(2).u32(50).raw(Bytes(10)).bytes(),         // cut inside a record
      Writer().u8(0).u8(1).bytes(),                          // something after the end
      Writer().u8(99).u32(0xffffffff).raw(Bytes(9)).bytes()  // unknown and longer than the file
  };
  for (const auto& content : contents) {
    seal_by_hand(file, content);
    Desk desk;
    auto taken = desk.take(file);
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().code == ErrorCode::damaged);
  }
  for (int i = 0; i < 300; ++i) {
    Bytes noise(1 + random() % 200);
    for (auto& byte : noise) byte = static_cast<uint8_t>(random() % 4);
    seal_by_hand(file, noise);
    Desk desk;
    (void)desk.take(file).ok();
    CHECK(desk.peer.intakes_open == 0);
  }
}

TEST_CASE("Bundle: a file is whole or absent, and one that is there is not overwritten", "[bundle]") {
  test::TempFolder folder;
  Author author(13);
  author.write(1, 2, 300);
  auto file = folder.path() / "b";
  author.export_to(file, author.all());
  auto before = content_of(file);
  auto second = export_bundle(file, author.store, key_of(1), author.all(), author.entropy);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::already_exists);
  CHECK(second.error().message == "cannot write the bundle 'b': a file of this name is there already");
  CHECK(content_of(file) == before);

  auto huge = author.all();
  huge.rosters[0].sealed.resize(600 * 1024);
  huge.size_max = 300 * 1024;
  auto failed = export_bundle(folder.path() / "c", author.store, key_of(1), huge, author.entropy);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::input_refused);
  CHECK(failed.error().message == "cannot write so small a bundle: the limit must be at least 736 KiB");
  CHECK(failed.error().hint == "the team's roster goes into every file");
  auto nowhere = export_bundle(folder.path() / "no" / "c", author.store, key_of(1), author.all(), author.entropy);
  REQUIRE_FALSE(nowhere.ok());
  CHECK(nowhere.error().code == ErrorCode::not_found);
  auto nothing = export_bundle(folder.path() / "d", author.store, key_of(1), {}, author.entropy);
  REQUIRE_FALSE(nothing.ok());
  CHECK(nothing.error().message == "nothing to put into a bundle: everything is where it should go");
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::directory_iterator(folder.path())) names.push_back(item.path().filename());
  CHECK(names == std::vector<std::string>{"b"});
}
