#include "core/storage/vfs_state.h"

#include <cstring>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/fault.h"

namespace lysoen::storage {

namespace {

bool all_zero(ByteView bytes) {
  for (uint8_t byte : bytes)
    if (byte != 0) return false;
  return true;
}

// Whether what SQLite writes as a page keeps the reserved bytes empty, and page 1 says that there are 40 of them.
bool page_fits(uint32_t number, ByteView page) {
  return all_zero(page.subspan(kPagePlain)) && (number != 1 || page[20] == kReservedSize);
}

uint32_t number_at(ByteView bytes) {
  Reader reader(bytes.first(4));
  return reader.u32();
}

/// Between the places of a b-tree page's cells and the cells SQLite leaves what stood there before it moved them,
/// `secure_delete` or not. Other pages begin with a page's number (kPagesMax).
void clear_unallocated(uint32_t number, std::span<uint8_t, kPageSize> page) {
  const size_t header = number == 1 ? 100 : 0;  // sqlite.org/fileformat2.html#b_tree_pages
  auto two_bytes = [&](size_t at) { return size_t{page[header + at]} << 8 | page[header + at + 1]; };
  const uint8_t type = page[header];
  const bool leaf = type == 10 || type == 13, interior = type == 2 || type == 5;
  if (!leaf && !interior) return;
  const size_t begin = header + (leaf ? 8 : 12) + 2 * two_bytes(3), end = two_bytes(5);
  if (begin < end && end <= kPagePlain) std::memset(page.data() + begin, 0, end - begin);
}

}  // namespace

Vfs::State::State(Files& files_in, std::filesystem::path path, Random& random)
    : files(files_in), main_path(std::move(path)) {
  wal_path = main_path;
  wal_path += "-wal";
  std::array<uint8_t, 16> tag{};
  random.fill(tag);
  vfs_name = "lysoen-" + to_hex(tag);
}

Vfs::State::~State() {
  crypto::wipe(plain);
  crypto::wipe(held);
}

int Vfs::State::read_raw(File& file, std::span<uint8_t> out, uint64_t offset) {
  auto got = file.read_at(offset, out);
  if (!got) return failed(got.error(), SQLITE_IOERR_READ);
  if (*got == out.size()) return SQLITE_OK;
  std::memset(out.data() + *got, 0, out.size() - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int Vfs::State::write_raw(File& file, ByteView bytes, uint64_t offset) {
  auto done = file.write_at(offset, bytes);
  return done ? SQLITE_OK : failed(done.error(), SQLITE_IOERR_WRITE);
}

int Vfs::State::sync(File* file) {
  if (stopped()) return stopped_code();
  if (!file) return SQLITE_OK;
  if (held_index) return refused(SQLITE_IOERR_FSYNC);
  if (file == wal.get() ? LYSOEN_FAULT(log_sync_skipped) : LYSOEN_FAULT(database_sync_skipped)) return SQLITE_OK;
  auto done = file->sync();
  if (done) return SQLITE_OK;
  sync_has_failed = !LYSOEN_FAULT(failed_sync_forgotten);
  return failed(done.error(), SQLITE_IOERR_FSYNC);
}

int Vfs::State::read_main(std::span<uint8_t> out, uint64_t offset) {
  just_read.reset();
  if (!cipher) return read_raw(*main, out, offset);
  const uint64_t page = offset / kPageSize;
  const size_t within = static_cast<size_t>(offset % kPageSize);
  if (within + out.size() > kPageSize || page >= UINT32_MAX) return refused(SQLITE_IOERR_READ);
  std::span<uint8_t, kPageSize> raw(sealed.data(), kPageSize), clear(plain.data(), kPageSize);
  auto got = main->read_at(page * kPageSize, raw);
  if (!got) return failed(got.error(), SQLITE_IOERR_READ);
  if (*got == 0) {  // beyond the end: SQLite asks for the first 100 bytes of an empty file
    std::memset(out.data(), 0, out.size());
    return SQLITE_IOERR_SHORT_READ;
  }
  if (*got < kPageSize || !cipher->open_page(static_cast<uint32_t>(page + 1), raw, clear)) return damaged();
  if (page == 0 && clear[20] != kReservedSize) return damaged();
  std::memcpy(out.data(), clear.data() + within, out.size());
  return SQLITE_OK;
}

int Vfs::State::write_main(ByteView bytes, uint64_t offset) {
  if (!cipher) return write_raw(*main, bytes, offset);
  const uint64_t page = offset / kPageSize;
  if (offset % kPageSize != 0 || bytes.size() != kPageSize || page >= kPagesMax) return refused(SQLITE_IOERR_WRITE);
  const auto number = static_cast<uint32_t>(page + 1);
  if (!page_fits(number, bytes)) return refused(SQLITE_IOERR_WRITE);
  just_read.reset();
  std::span<uint8_t, kPageSize> clear(plain.data(), kPageSize), out(sealed.data(), kPageSize);
  std::memcpy(clear.data(), bytes.data(), kPageSize);
  if (!LYSOEN_FAULT(page_gap_kept)) clear_unallocated(number, clear);
  cipher->seal_page(number, clear, out);
  return write_raw(*main, out, offset);
}

int Vfs::State::load_frame(uint32_t index) {
  if (int code = read_raw(*wal, sealed, kWalHeaderSealed + uint64_t{index} * kFrameSize)) return code;
  return salts && cipher->open_frame(*salts, index, sealed, plain) ? SQLITE_OK : damaged();
}

int Vfs::State::store_frame(uint32_t index) {
  ByteView frame(plain);
  // Once a transaction has written over a page of its own, SQLite leaves salts and checksum zero until it corrects them
  // all.
  auto marks = frame.subspan(8, 16);
  if (!salts || !page_fits(number_at(frame), frame.subspan(kFrameHeader)) ||
      (std::memcmp(salts->data(), marks.data(), salts->size()) != 0 && !all_zero(marks)))
    return refused(SQLITE_IOERR_WRITE);
  cipher->seal_frame(*salts, index, plain, sealed);
  return write_raw(*wal, sealed, kWalHeaderSealed + uint64_t{index} * kFrameSize);
}

int Vfs::State::read_wal_header(std::span<uint8_t> out, uint64_t offset) {
  std::array<uint8_t, kWalHeaderSealed> raw{};
  std::array<uint8_t, kWalHeader> clear{};
  int code = read_raw(*wal, raw, 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
  if (code == SQLITE_OK && cipher->open_wal_header(raw, clear)) {
    salts.emplace();
    std::memcpy(salts->data(), clear.data() + 16, salts->size());
  } else if (!recovering) {
    return damaged();
  }
  std::memcpy(out.data(), clear.data() + offset, out.size());  // zeros if unreadable: SQLite takes the log as empty
  return SQLITE_OK;
}

int Vfs::State::read_wal(std::span<uint8_t> out, uint64_t offset) {
  if (!wal) {
    std::memset(out.data(), 0, out.size());
    return SQLITE_IOERR_SHORT_READ;
  }
  if (!cipher) {
    int code = read_raw(*wal, out, offset);
    if (code == SQLITE_OK && offset == 0 && out.size() == kWalHeader)
      std::memcpy(salts.emplace().data(), out.data() + 16, 8);
    return code;
  }
  just_read.reset();
  if (held_index) return refused(SQLITE_IOERR_READ);
  if ((offset == 0 && out.size() == kWalHeader) || (offset == 24 && out.size() == 8))
    return read_wal_header(out, offset);
  if (offset < kWalHeader) return refused(SQLITE_IOERR_READ);

  const uint64_t index = (offset - kWalHeader) / kFrameSize;
  const auto within = static_cast<size_t>((offset - kWalHeader) % kFrameSize);
  const bool whole = within == 0 && out.size() == kFrameSize;
  const bool page_alone = within == kFrameHeader && out.size() == kPageSize;
  const bool checksum = within == 16 && out.size() == 8;
  if ((!whole && !page_alone && !checksum) || index >= UINT32_MAX) return refused(SQLITE_IOERR_READ);
  if (page_alone) recovering = false;
  int code = load_frame(static_cast<uint32_t>(index));
  if (code == SQLITE_IOERR_DATA && recovering && whole && !LYSOEN_FAULT(bad_frame_is_an_error)) {
    error.reset();
    std::memset(out.data(), 0, out.size());
    return SQLITE_OK;
  }
  if (code != SQLITE_OK) return code;
  std::memcpy(out.data(), plain.data() + within, out.size());
  if (whole) just_read = static_cast<uint32_t>(index);
  return SQLITE_OK;
}

int Vfs::State::write_wal(ByteView bytes, uint64_t offset) {
  if (!wal) return refused(SQLITE_IOERR_WRITE);
  recovering = false;
  const auto corrected = std::exchange(just_read, std::nullopt);
  if (offset == 0 && bytes.size() == kWalHeader) {
    held_index.reset();  // of the generation that ends here
    std::memcpy(salts.emplace().data(), bytes.data() + 16, 8);
    if (!cipher) return write_raw(*wal, bytes, 0);
    std::array<uint8_t, kWalHeaderSealed> out{};
    cipher->seal_wal_header(bytes.first<kWalHeader>(), out);
    return write_raw(*wal, out, 0);
  }
  if (!cipher) return write_raw(*wal, bytes, offset);
  if (offset < kWalHeader) return refused(SQLITE_IOERR_WRITE);

  const auto index = static_cast<uint32_t>((offset - kWalHeader) / kFrameSize);
  const auto within = static_cast<size_t>((offset - kWalHeader) % kFrameSize);
  if (within == 0 && bytes.size() == kFrameHeader) {
    if (held_index) return refused(SQLITE_IOERR_WRITE);
    if (corrected == index) {  // at once: without a sync nothing may follow that would bring it out
      std::memcpy(plain.data(), bytes.data(), kFrameHeader);
      return store_frame(index);
    }
    std::memcpy(held.data(), bytes.data(), kFrameHeader);
    held_index = index;
    return SQLITE_OK;
  }
  if (within != kFrameHeader || bytes.size() != kPageSize) return refused(SQLITE_IOERR_WRITE);
  if (held_index == index) {
    std::memcpy(plain.data(), held.data(), kFrameHeader);
    held_index.reset();
  } else {  // a page that the same transaction wrote before; its header follows
    if (held_index) return refused(SQLITE_IOERR_WRITE);
    if (int code = load_frame(index)) return code;
  }
  std::memcpy(plain.data() + kFrameHeader, bytes.data(), kPageSize);
  const int stored = store_frame(index);
  if (LYSOEN_FAULT(tag_in_buffer_of_sqlite))
    std::memcpy(const_cast<uint8_t*>(bytes.data()) + kPagePlain, sealed.data() + kFrameSize - 16, 16);
  return stored;
}

}  // namespace lysoen::storage
