#include "tests/support/decrypted.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/storage/ring.h"
#include "core/vault/slots.h"

namespace lysoen::test {

namespace {

constexpr size_t kFileMax = size_t{1} << 30;

size_t occurrences(const std::vector<Bytes>& parts, ByteView bytes) {
  size_t count = 0;
  for (const auto& part : parts)
    for (auto at = part.begin();; ++at, ++count) {
      at = std::search(at, part.end(), bytes.begin(), bytes.end());
      if (at == part.end()) break;
    }
  return count;
}

}  // namespace

Decrypted::Decrypted(storage::Files& files, std::filesystem::path container, const crypto::Key32& key,
                     const storage::VaultId& vault, Random& random)
    : files_(files), container_(std::move(container)), key_(key.copy()), vault_(vault), random_(random) {}

Decrypted Decrypted::unlock(storage::Files& files, const std::filesystem::path& folder, std::string_view passphrase,
                            WallTime now, Random& random) {
  auto slots = vault::SlotFile::open(files, folder / "slots");
  LYSOEN_CHECK(slots.ok());
  auto opened = (*slots)->attempt(passphrase, now, random);
  LYSOEN_CHECK(opened.ok());
  LYSOEN_CHECK(!opened->content.guarded);  // the slot's secret is the container's key
  auto letter = opened->content.container == vault::ContainerName::a ? "A" : "B";
  return Decrypted(files, folder / letter, opened->content.secret, (*slots)->vault(), random);
}

Bytes Decrypted::file(std::string_view suffix) const {
  auto path = container_;
  path += suffix;
  auto bytes = storage::read_file(files_, path, kFileMax);
  LYSOEN_CHECK(bytes.ok());
  return std::move(*bytes);
}

void Decrypted::look() {
  read_pages(file(".db"));
  read_log(file(".db-wal"));
  read_ring(file(".ring"));
}

void Decrypted::read_pages(ByteView file) {
  pages_.clear();
  storage::PageCipher cipher(key_, vault_, random_);
  for (size_t at = 0; at + storage::kPageSize <= file.size(); at += storage::kPageSize) {
    Bytes page(storage::kPageSize);
    auto number = static_cast<uint32_t>(at / storage::kPageSize + 1);
    if (cipher.open_page(number, file.subspan(at).first<storage::kPageSize>(),
                         std::span<uint8_t, storage::kPageSize>(page)))
      pages_.push_back(std::move(page));
  }
}

void Decrypted::read_log(ByteView file) {
  frames_.clear();
  if (file.size() < storage::kWalHeaderSealed) return;
  storage::PageCipher cipher(key_, vault_, random_);
  std::array<uint8_t, storage::kWalHeader> header;
  if (cipher.open_wal_header(file.first<storage::kWalHeaderSealed>(), header)) {
    storage::WalSalts salts;
    std::copy_n(header.begin() + 16, salts.size(), salts.begin());
    salts_.insert(salts);
  }
  for (size_t at = storage::kWalHeaderSealed; at + storage::kFrameSize <= file.size(); at += storage::kFrameSize) {
    auto index = static_cast<uint32_t>((at - storage::kWalHeaderSealed) / storage::kFrameSize);
    Bytes frame(storage::kFrameSize);
    for (const auto& salts : salts_) {
      if (!cipher.open_frame(salts, index, file.subspan(at).first<storage::kFrameSize>(),
                             std::span<uint8_t, storage::kFrameSize>(frame)))
        continue;
      frames_.push_back(std::move(frame));
      break;
    }
  }
}

// docs/formats/vault.md, "Ring": from each border, whatever was there before and after.
void Decrypted::read_ring(ByteView file) {
  constexpr size_t kBoxed = crypto::kNonceSize + crypto::kTagSize, kPrefix = 32 + kBoxed;
  records_.clear();
  auto prefix_aad = Writer().id(vault_).raw(as_bytes("ring-prefix")).bytes();
  for (size_t at = storage::kRingBlock; at + kPrefix <= file.size(); at += storage::kRingBlock) {
    auto prefix = crypto::aead_open_box(key_, prefix_aad, file.subspan(at, kPrefix));
    if (!prefix) continue;
    Reader reader(*prefix);
    uint64_t counter = reader.u64();
    uint32_t length = reader.u32();
    reader.raw(4);
    auto before = reader.raw(16);
    if (at + kPrefix + length + kBoxed > file.size()) continue;
    auto aad = Writer().id(vault_).raw(as_bytes("ring")).u64(counter).u32(length).raw(before).bytes();
    if (auto payload = crypto::aead_open_box(key_, aad, file.subspan(at + kPrefix, length + kBoxed)))
      records_.push_back(std::move(*payload));
  }
}

Decrypted::Hits Decrypted::hits(ByteView bytes) const {
  return {occurrences(pages_, bytes), occurrences(frames_, bytes), occurrences(records_, bytes)};
}

Decrypted::Hits Decrypted::hits(std::string_view text) const {
  return hits(as_bytes(text));
}

std::set<std::string> Decrypted::texts(std::string_view beginning, size_t length) const {
  std::set<std::string> found;
  for (const auto* parts : {&pages_, &frames_, &records_})
    for (const auto& part : *parts) {
      const auto whole = as_text(part);
      for (size_t at = whole.find(beginning); at != whole.npos; at = whole.find(beginning, at + 1))
        found.emplace(whole.substr(at, length));
    }
  return found;
}

Decrypted::Hits Decrypted::hits(double degrees) const {
  auto found = hits(Writer().u64(std::bit_cast<uint64_t>(degrees)).bytes());
  const auto near = static_cast<float>(degrees);
  for (float edge : {std::nextafter(near, -1000.0f), near, std::nextafter(near, 1000.0f)})
    found = found + hits(Writer().u32(std::bit_cast<uint32_t>(edge)).bytes());
  return found;
}

}  // namespace lysoen::test
