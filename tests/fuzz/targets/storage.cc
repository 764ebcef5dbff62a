// What a vault's folder may hold after damage: a ring and a write-ahead log of any bytes are read to an answer.
#include "core/storage/ring.h"
#include "core/storage/wal_scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_disk.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::storage;
using fuzz::require;

namespace {

constexpr size_t kSmallRing = 64 * 1024, kLogHeader = 32, kFrameHeader = 24;

crypto::Key32 ring_key() {
  test::SeededRandom random(1);
  return crypto::Key32::random(random);
}

/// A ring of two records over which the input is laid at the place that it names.
void read_ring(ByteView input) {
  test::MemoryDisk disk;
  test::SeededRandom random(2);
  auto key = ring_key();
  Ring::Setup setup{"ring", key, {}};
  {
    auto ring = Ring::create(disk, setup, kSmallRing, random);
    require(
        ring.ok() && (*ring)->append(1, as_bytes("one"), false).ok() && (*ring)->append(2, as_bytes("two"), false).ok(),
        "a ring can be made");
  }
  auto bytes = disk.content("ring");
  Reader in(input);
  size_t at = in.u16() % bytes.size();
  auto over = in.raw(in.left());
  if (over.size() > bytes.size() - at) bytes.resize(at + over.size());
  std::copy(over.begin(), over.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
  disk.set_content("ring", bytes);
  auto ring = Ring::open(disk, setup, random);
  if (!ring) return;
  for (uint64_t counter : (*ring)->counters_from(0)) {
    auto record = (*ring)->read(counter);
    require(record.ok(), "damage of a record is no error");
    if (!*record) continue;
    require((*record)->payload == to_bytes(as_bytes(counter == 1 ? "one" : "two")),
            "a record that opens is one that was written");
  }
}

/// The checksums that SQLite would write over the header and over each frame, so that what they cover is looked at.
/// Source: sqlite.org/fileformat2.html#walformat.
Bytes with_checksums(ByteView input) {
  Bytes log = to_bytes(input);
  uint32_t first = 0, second = 0;
  auto word = [&](size_t at) { return Reader(ByteView(log).subspan(at, 4)).u32(); };
  auto sum = [&](size_t at, size_t size) {
    for (size_t end = at + size; at < end; at += 8) first += word(at) + second, second += word(at + 4) + first;
  };
  auto put = [&](size_t at) {
    auto bytes = Writer().u32(first).u32(second).bytes();
    std::copy(bytes.begin(), bytes.end(), log.begin() + static_cast<ptrdiff_t>(at));
  };
  if (log.size() < kLogHeader) return log;
  sum(0, 24), put(24);
  for (size_t at = kLogHeader; at + kFrameHeader + kPageSize <= log.size(); at += kFrameHeader + kPageSize)
    sum(at, 8), sum(at + kFrameHeader, kPageSize), put(at + 16);
  return log;
}

void read_log(ByteView input) {
  test::MemoryDisk disk;
  disk.set_content("wal", to_bytes(input));
  auto file = disk.open("wal", OpenMode::read_only);
  require(file.ok(), "the disk holds the log");
  auto scan = scan_wal(**file, nullptr);
  require(scan.ok(), "whatever the bytes of a log are is an answer");
  require(scan->last_commit <= input.size() / kPageSize, "a log does not hold more frames than its size allows");
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  Writer log;  // two frames that commit
  log.u32(0x377f0683).u32(3007000).u32(kPageSize).u32(0).u32(1).u32(2).u64(0);
  for (uint32_t page : {1, 2}) log.u32(page).u32(2).u32(1).u32(2).u64(0).raw(Bytes(kPageSize));
  Bytes nothing;
  return {chosen(0, Bytes(40, 9)), chosen(0, nothing), chosen(1, nothing), chosen(1, with_checksums(log.bytes())),
          chosen(2, log.bytes())};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  switch (choices.below(3)) {
    case 0:
      return read_ring(choices.rest());
    case 1:
      return read_log(choices.rest());
    default:
      return read_log(with_checksums(choices.rest()));
  }
}
