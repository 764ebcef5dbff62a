#include "core/storage/page_cipher.h"
#include "core/base/fault.h"

#include <cstring>

namespace lysoen::storage {

namespace {

using crypto::kNonceSize;
using crypto::kTagSize;

// What every sealed piece is bound to: vault ‖ label ‖ place. Small and on the stack: this is the hot path.
class Aad {
 public:
  Aad(const VaultId& vault, std::string_view label) {
    put(vault.view());
    put(as_bytes(label));
  }
  Aad& put(ByteView bytes) {
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return *this;
  }
  Aad& u32(uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_[size_++] = static_cast<uint8_t>(value >> shift);
    return *this;
  }
  ByteView view() const { return {bytes_.data(), size_}; }

 private:
  std::array<uint8_t, 64> bytes_{};
  size_t size_ = 0;
};

// nonce ‖ ciphertext ‖ tag, filling `sealed` exactly.
void seal_into(NonceSource& nonces, const crypto::Key32& key, const Aad& aad, ByteView plain,
               std::span<uint8_t> sealed) {
  auto nonce = sealed.first<kNonceSize>();
  nonces.next(nonce);
  crypto::aead_seal(key, nonce, aad.view(), plain, sealed.subspan(kNonceSize, plain.size()),
                    std::span<uint8_t, kTagSize>(sealed.last<kTagSize>()));
}

bool open_from(const crypto::Key32& key, const Aad& aad, ByteView sealed, std::span<uint8_t> plain) {
  return crypto::aead_open(key, sealed.first<kNonceSize>(), aad.view(), sealed.subspan(kNonceSize, plain.size()),
                           sealed.last<kTagSize>(), plain);
}

}  // namespace

void NonceSource::next(std::span<uint8_t, kNonceSize> out) {
  if (used_ == drawn_.size()) {
    random_.fill(drawn_);
    used_ = 0;
  }
  std::memcpy(out.data(), drawn_.data() + used_, kNonceSize);
  used_ += kNonceSize;
}

void PageCipher::seal_page(uint32_t number, std::span<const uint8_t, kPageSize> page,
                           std::span<uint8_t, kPageSize> sealed) {
  if (LYSOEN_FAULT(page_number_not_bound)) number = 0;
  seal_into(nonces_, key_, Aad(vault_, "main").u32(number), page.first<kPagePlain>(), sealed);
}

bool PageCipher::open_page(uint32_t number, std::span<const uint8_t, kPageSize> sealed,
                           std::span<uint8_t, kPageSize> page) const {
  if (LYSOEN_FAULT(page_number_not_bound)) number = 0;
  std::memset(page.data() + kPagePlain, 0, kReservedSize);
  return open_from(key_, Aad(vault_, "main").u32(number), sealed, page.first<kPagePlain>());
}

void PageCipher::seal_wal_header(std::span<const uint8_t, kWalHeader> header,
                                 std::span<uint8_t, kWalHeaderSealed> sealed) {
  seal_into(nonces_, key_, Aad(vault_, "wal-header"), header, sealed);
}

bool PageCipher::open_wal_header(std::span<const uint8_t, kWalHeaderSealed> sealed,
                                 std::span<uint8_t, kWalHeader> header) const {
  return open_from(key_, Aad(vault_, "wal-header"), sealed, header);
}

void PageCipher::seal_frame(const WalSalts& salts, uint32_t index, std::span<const uint8_t, kFrameSize> frame,
                            std::span<uint8_t, kFrameSize> sealed) {
  seal_into(nonces_, key_, Aad(vault_, "wal").put(salts).u32(index), frame.first<kFrameSize - kReservedSize>(), sealed);
}

bool PageCipher::open_frame(const WalSalts& salts, uint32_t index, std::span<const uint8_t, kFrameSize> sealed,
                            std::span<uint8_t, kFrameSize> frame) const {
  std::memset(frame.data() + kFrameSize - kReservedSize, 0, kReservedSize);
  return open_from(key_, Aad(vault_, "wal").put(salts).u32(index), sealed, frame.first<kFrameSize - kReservedSize>());
}

}  // namespace lysoen::storage
