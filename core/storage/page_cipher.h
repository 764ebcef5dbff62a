// How bytes of a database and its write-ahead log are sealed (docs/formats/vault.md). Pure: no files here.
//
//   page   nonce 24 ‖ AEAD(first 4,056 bytes of the page) ‖ tag 16                      = 4,096
//   header nonce 24 ‖ AEAD(WAL header 32) ‖ tag 16                                      =    72
//   frame  nonce 24 ‖ AEAD(frame header 24 ‖ first 4,056 bytes of the page) ‖ tag 16    = 4,120
//
// The last 40 bytes of every page are SQLite's reserved bytes: zero when written, zero when read.
// Threads: one strand. Not to be used on both sides of a fork (nonces are drawn in advance).
#pragma once
#include <lysoen/environment.h>

#include <array>

#include "core/crypto/cipher.h"

namespace lysoen::storage {

/// Names one vault (or relay store); random; binds every sealed byte to it. Containers of one vault differ by key.
using VaultId = Id<struct VaultTag>;

inline constexpr size_t kPageSize = 4096;
inline constexpr size_t kReservedSize = crypto::kNonceSize + crypto::kTagSize;           // 40
inline constexpr size_t kPagePlain = kPageSize - kReservedSize;                          // 4,056
inline constexpr size_t kWalHeader = 32, kWalHeaderSealed = kWalHeader + kReservedSize;  // 72
inline constexpr size_t kFrameHeader = 24, kFrameSize = kFrameHeader + kPageSize;  // 4,120: plain and sealed alike

// Of a sealed database, 128 GiB: the first byte of a page number is 0 or 1, so that of a page tells b-tree pages from
// the others.
inline constexpr uint32_t kPagesMax = (uint32_t{1} << 25) - 1;

using WalSalts = std::array<uint8_t, 8>;  // bytes 16..23 of the WAL header

/// Nonces, drawn from the system some dozens at a time.
class NonceSource {
 public:
  explicit NonceSource(Random& random) : random_(random) {}
  void next(std::span<uint8_t, crypto::kNonceSize> out);

 private:
  Random& random_;
  std::array<uint8_t, 42 * crypto::kNonceSize> drawn_{};
  size_t used_ = sizeof drawn_;
};

/// References outlive it.
class PageCipher {
 public:
  PageCipher(const crypto::Key32& key, const VaultId& vault, Random& random)
      : key_(key), vault_(vault), nonces_(random) {}

  void seal_page(uint32_t number, std::span<const uint8_t, kPageSize> page, std::span<uint8_t, kPageSize> sealed);
  [[nodiscard]] bool open_page(uint32_t number, std::span<const uint8_t, kPageSize> sealed,
                               std::span<uint8_t, kPageSize> page) const;

  void seal_wal_header(std::span<const uint8_t, kWalHeader> header, std::span<uint8_t, kWalHeaderSealed> sealed);
  [[nodiscard]] bool open_wal_header(std::span<const uint8_t, kWalHeaderSealed> sealed,
                                     std::span<uint8_t, kWalHeader> header) const;

  /// `frame` is header and page in one; frames count from 0.
  void seal_frame(const WalSalts& salts, uint32_t index, std::span<const uint8_t, kFrameSize> frame,
                  std::span<uint8_t, kFrameSize> sealed);
  [[nodiscard]] bool open_frame(const WalSalts& salts, uint32_t index, std::span<const uint8_t, kFrameSize> sealed,
                                std::span<uint8_t, kFrameSize> frame) const;

 private:
  const crypto::Key32& key_;
  VaultId vault_;
  NonceSource nonces_;
};

}  // namespace lysoen::storage
