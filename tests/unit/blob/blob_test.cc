// Blobs in pieces: in whatever order chunks come, what proves nothing is not kept, and a whole file proves each chunk.
#include <algorithm>

#include "core/blob/file.h"
#include "tests/support/catch.h"
#include "tests/support/memory_disk.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

struct Sealed {
  BlobName name;
  std::vector<Bytes> chunks;
  std::vector<Hash> leaves;

  /// As a sender without a file would make it.
  ChunkRun run(uint32_t first, uint32_t count) const {
    ChunkRun run{name, first, {leaves.begin() + first, leaves.begin() + first + count}, {}, {}};
    auto proof = crypto::merkle_range_proof(leaves, first, first + count - 1);
    run.left = proof.left, run.right = proof.right;
    return run;
  }
};

template <class Generator>
Sealed sealed(Generator& random, uint64_t size) {
  Sealed blob;
  blob.name.size = size;
  for (uint32_t i = 0; i < blob.name.chunks(); ++i) {
    Bytes chunk(blob.name.chunk_size(i));
    for (auto& byte : chunk) byte = static_cast<uint8_t>(random());
    blob.leaves.push_back(crypto::merkle_leaf(chunk));
    blob.chunks.push_back(std::move(chunk));
  }
  blob.name.blob.bytes = crypto::merkle_root(blob.leaves).bytes;
  return blob;
}

std::unique_ptr<storage::File> open(MemoryDisk& disk) {
  auto file = disk.open("blob", storage::OpenMode::open_or_create);
  REQUIRE(file.ok());
  return std::move(*file);
}

}  // namespace

TEST_CASE("Chunk ranges: any order of additions gives the same, and what is missing is what was not added", "[blob]") {
  auto random = generator(1);
  for (int round = 0; round < 200; ++round) {
    const uint32_t chunks = 1 + static_cast<uint32_t>(random() % 60);
    std::vector<bool> model(chunks);
    ChunkRanges ranges;
    for (int i = 0; i < 20; ++i) {
      uint32_t first = static_cast<uint32_t>(random() % chunks);
      uint32_t end = first + static_cast<uint32_t>(random() % 5);
      end = std::min(end, chunks);
      blob::add(ranges, {first, end});
      for (uint32_t at = first; at < end; ++at) model[at] = true;
      REQUIRE(blob::in_order(ranges, chunks));
      CHECK(blob::count(ranges) == static_cast<uint64_t>(std::count(model.begin(), model.end(), true)));
      auto again = blob::decode(blob::encode(ranges), chunks);
      REQUIRE(again);
      CHECK(*again == ranges);
      uint32_t from = static_cast<uint32_t>(random() % chunks);
      auto missing = blob::first_missing(ranges, from, chunks);
      auto gap = std::find(model.begin() + from, model.end(), false);
      auto behind = std::find(gap, model.end(), true);
      CHECK(missing.first == static_cast<uint32_t>(gap - model.begin()));
      CHECK(missing.end == static_cast<uint32_t>(behind - model.begin()));
    }
  }
  CHECK(!blob::decode(Bytes{}, 5));
  CHECK(!blob::decode(blob::encode({{0, 6}}), 5));
  CHECK(!blob::in_order({{3, 4}, {1, 2}}, 5));
  CHECK(!blob::in_order({{1, 2}, {2, 4}}, 5));
  CHECK(!blob::in_order({{2, 2}}, 5));
}

TEST_CASE("Blob file: runs in any order make it whole, and then it proves every run to somebody else", "[blob]") {
  auto random = generator(2);
  for (int round = 0; round < 40; ++round) {
    auto blob = sealed(random, 1 + random() % (40 * kChunkSize));
    const uint32_t chunks = blob.name.chunks();
    CAPTURE(round, blob.name.size);
    MemoryDisk disk;
    blob::ChunkFile file(open(disk), blob.name);
    ChunkRanges held;
    while (!blob::whole(blob.name, held)) {
      uint32_t first = static_cast<uint32_t>(random() % chunks);
      uint32_t count = 1 + static_cast<uint32_t>(random() % (chunks - first));
      blob::RunReader reader;
      REQUIRE(reader.begin(blob.run(first, count)));
      uint32_t came = static_cast<uint32_t>(random() % (count + 1));  // and then the line was cut
      uint32_t taken = 0;
      auto keep = [&](const std::vector<ProvenChunks>& runs) {
        for (const auto& proven : runs) {
          CHECK(proven.first == first + taken);
          taken += static_cast<uint32_t>(proven.chunks.size());
          REQUIRE(file.write(proven).ok());
          blob::add(held, {proven.first, first + taken});
        }
      };
      for (uint32_t i = 0; i < came; ++i) {
        REQUIRE(reader.add(blob.chunks[first + i]));
        if (random() % 4 == 0) keep(reader.take_so_far());  // while the run goes on
      }
      keep(reader.take());
      CHECK(taken == came);
    }
    CHECK(blob::bytes_of(blob.name, held) == blob.name.size);
    REQUIRE(file.finish().ok());
    CHECK(*file.has_tree());
    for (int i = 0; i < 10; ++i) {
      uint32_t first = static_cast<uint32_t>(random() % chunks);
      uint32_t count = 1 + static_cast<uint32_t>(random() % (chunks - first));
      auto run = file.run(first, count);
      REQUIRE(run.ok());
      CHECK(*run == blob.run(first, count));
      CHECK(*file.chunk(first) == blob.chunks[first]);
    }
  }
}

TEST_CASE("Blob file: the tree of a file that has only its chunks is grown, of another blob it is refused", "[blob]") {
  auto random = generator(3);
  auto blob = sealed(random, 9 * kChunkSize + 77);
  MemoryDisk disk;
  auto raw = open(disk);
  for (uint32_t i = 0; i < blob.name.chunks(); ++i) REQUIRE(raw->write_at(i * kChunkSize, blob.chunks[i]).ok());
  blob::ChunkFile file(std::move(raw), blob.name);
  CHECK(!*file.has_tree());
  REQUIRE(file.grow_tree().ok());
  CHECK(*file.has_tree());
  CHECK(*file.run(2, 3) == blob.run(2, 3));

  auto other = blob.name;
  other.blob.bytes[5] ^= 1;
  blob::ChunkFile wrong(open(disk), other);
  auto grown = wrong.grow_tree();
  REQUIRE(!grown.ok());
  CHECK(grown.error().code == ErrorCode::damaged);
}

TEST_CASE("Runs: one bit in a hash, a place, a size or a chunk proves nothing", "[blob]") {
  auto random = generator(4);
  for (int round = 0; round < 300; ++round) {
    auto blob = sealed(random, 1 + random() % (20 * kChunkSize));
    const uint32_t chunks = blob.name.chunks();
    uint32_t first = static_cast<uint32_t>(random() % chunks);
    uint32_t count = 1 + static_cast<uint32_t>(random() % (chunks - first));
    auto run = blob.run(first, count);
    blob::RunReader reader;
    REQUIRE(reader.begin(run));
    auto flip = [&](auto& hashes) {
      if (hashes.empty()) return false;
      hashes[random() % hashes.size()].bytes[random() % 32] ^= static_cast<uint8_t>(1u << random() % 8);
      return true;
    };
    auto changed = run;
    switch (random() % 6) {
      case 0:
        flip(changed.leaves);
        break;
      case 1:
        if (!flip(changed.left)) flip(changed.leaves);
        break;
      case 2:
        if (!flip(changed.right)) flip(changed.leaves);
        break;
      case 3:
        ++changed.first;
        break;
      case 4:
        changed.leaves.pop_back();
        break;
      default: {
        auto chunk = blob.chunks[first];
        chunk[random() % chunk.size()] ^= static_cast<uint8_t>(1u << random() % 8);
        CHECK(!reader.add(std::move(chunk)));
        CHECK(!reader.add(blob.chunks[first]));  // the run has ended
        CHECK(reader.take().empty());
        continue;
      }
    }
    CHECK(!blob::proves(changed));
    CHECK(!reader.begin(changed));
    CHECK(!reader.add(blob.chunks[first]));
  }
}
