#include "core/storage/wal_scan.h"

#include <cstring>

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen::storage {

namespace {

constexpr uint32_t kMagicLittle = 0x377f0682, kMagicBig = 0x377f0683, kWalVersion = 3007000;

struct Checksum {
  uint32_t first = 0, second = 0;
  bool operator==(const Checksum&) const = default;

  void add(ByteView bytes, bool big_endian) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += word(bytes, at, big_endian) + second;
      second += word(bytes, at + 4, big_endian) + first;
    }
  }
  static uint32_t word(ByteView bytes, size_t at, bool big_endian) {
    auto byte = [&](size_t i) { return static_cast<uint32_t>(bytes[at + (big_endian ? i : 3 - i)]); };
    return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  }
};

struct Header {
  bool big_endian = false;
  WalSalts salts{};
  Checksum checksum;
};

std::optional<Header> parse_header(ByteView bytes) {
  Reader reader(bytes);
  uint32_t magic = reader.u32(), version = reader.u32(), page_size = reader.u32();
  (void)reader.u32();  // how often the log was begun anew
  Header header;
  header.salts = reader.array<8>();
  Checksum stored;
  stored.first = reader.u32();
  stored.second = reader.u32();
  if (!reader.done() || (magic != kMagicLittle && magic != kMagicBig)) return std::nullopt;
  if (version != kWalVersion || page_size != kPageSize) return std::nullopt;
  header.big_endian = magic == kMagicBig;
  header.checksum.add(bytes.first(24), header.big_endian);
  if (header.checksum != stored) return std::nullopt;
  return header;
}

Result<std::optional<Header>> read_header(File& wal, const PageCipher* cipher) {
  std::array<uint8_t, kWalHeader> plain{};
  if (!cipher) {
    LYSOEN_ASSIGN(size_t got, wal.read_at(0, plain));
    if (got < plain.size()) return std::optional<Header>();
    return parse_header(plain);
  }
  std::array<uint8_t, kWalHeaderSealed> sealed{};
  LYSOEN_ASSIGN(size_t got, wal.read_at(0, sealed));
  if (got < sealed.size() || !cipher->open_wal_header(sealed, plain)) return std::optional<Header>();
  return parse_header(plain);
}

// How one frame continues the ones before it.
enum class Next { good, stale, unreadable };

Next judge(const Header& header, ByteView frame, Checksum& chain, uint32_t& page, uint32_t& database_pages) {
  Reader reader(frame.first(kFrameHeader));
  page = reader.u32();
  database_pages = reader.u32();
  auto salts = reader.array<8>();
  Checksum stored;
  stored.first = reader.u32();
  stored.second = reader.u32();
  if (salts != header.salts) return Next::stale;
  Checksum next = chain;
  next.add(frame.first(8), header.big_endian);
  next.add(frame.subspan(kFrameHeader), header.big_endian);
  if (page == 0 || next != stored) return Next::unreadable;
  chain = next;
  return Next::good;
}

}  // namespace

Result<WalScan> scan_wal(File& wal, const PageCipher* cipher) {
  WalScan scan;
  LYSOEN_ASSIGN(uint64_t size, wal.size());
  scan.empty = size == 0;
  LYSOEN_ASSIGN(auto header, read_header(wal, cipher));
  if (!header) return scan;
  scan.header_readable = true;
  scan.salts = header->salts;

  const uint64_t begin = cipher ? kWalHeaderSealed : kWalHeader;
  std::array<uint8_t, kFrameSize> raw{}, frame{};
  std::optional<std::array<uint8_t, kPageSize>> page_one;
  Checksum chain = header->checksum;
  bool ended = false;
  for (uint32_t index = 0; begin + (index + uint64_t{1}) * kFrameSize <= size; ++index) {
    LYSOEN_ASSIGN(size_t got, wal.read_at(begin + index * uint64_t{kFrameSize}, raw));
    if (got < raw.size()) break;
    bool authentic = !cipher || cipher->open_frame(scan.salts, index, raw, frame);
    if (!cipher) frame = raw;
    if (ended) {  // only looking for more of this generation
      scan.cut |= cipher ? authentic : std::memcmp(frame.data() + 8, scan.salts.data(), scan.salts.size()) == 0;
      if (scan.cut) break;
      continue;
    }
    uint32_t page = 0, database_pages = 0;
    auto next = authentic ? judge(*header, frame, chain, page, database_pages) : Next::unreadable;
    // An authentic frame that does not continue the chain is what a rolled back transaction left: the log ends there.
    if (next == Next::stale || (cipher && authentic && next != Next::good)) break;
    if (next != Next::good) {
      ended = true;
      continue;
    }
    if (page == 1) {
      page_one.emplace();
      std::memcpy(page_one->data(), frame.data() + kFrameHeader, kPageSize);
    }
    if (database_pages != 0) {
      scan.last_commit = index + 1;
      if (page_one) scan.page_one = page_one;
    }
  }
  crypto::wipe(frame);
  return scan;
}

}  // namespace lysoen::storage
