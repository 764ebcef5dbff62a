// Secrets: in one locked arena, wiped when released, never copied by accident, never printable. The arena is a block of
// 48 KiB, which fits the usual limit for locked memory; a process with more keys than that (a relay, a simulation) gets
// further blocks, locked as far as the system allows.
// Threads: the arena takes a lock of its own; a Secret belongs to one thread at a time.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/ids.h>

#include <cstddef>
#include <span>

namespace lysoen::crypto {

/// Must be called once before anything else in this module (Secret's constructor does it): initialises libsodium,
/// makes the arena, turns core dumps off where the system allows. Ends the program if libsodium cannot start.
void init();

namespace detail {
uint8_t* arena_take(size_t size);                         // never null: beyond 12 MiB of keys the program ends
void arena_give_back(uint8_t* at, size_t size) noexcept;  // wipes
}  // namespace detail

/// N secret bytes. Move-only; `copy()` where a second holder is really meant.
template <size_t N>
class Secret {
 public:
  static constexpr size_t kSize = N;
  Secret() : at_(detail::arena_take(N)) {}  // zero
  explicit Secret(std::span<const uint8_t, N> bytes) : Secret() { std::memcpy(at_, bytes.data(), N); }
  ~Secret() { release(); }
  Secret(Secret&& other) noexcept : at_(other.at_) { other.at_ = nullptr; }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) release(), at_ = other.at_, other.at_ = nullptr;
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  static Secret random(Random& random) {
    Secret secret;
    random.fill(secret.span());
    return secret;
  }
  static std::optional<Secret> from(ByteView bytes) {
    if (bytes.size() != N) return std::nullopt;
    return Secret(std::span<const uint8_t, N>(bytes.data(), N));
  }
  Secret copy() const { return Secret(std::span<const uint8_t, N>(at_, N)); }

  std::span<uint8_t, N> span() { return std::span<uint8_t, N>(at_, N); }
  std::span<const uint8_t, N> view() const { return std::span<const uint8_t, N>(at_, N); }
  uint8_t* data() { return at_; }
  const uint8_t* data() const { return at_; }
  /// Constant time.
  bool equals(const Secret& other) const;

 private:
  void release() noexcept {
    if (at_) detail::arena_give_back(at_, N);
    at_ = nullptr;
  }
  uint8_t* at_;
};

using Key32 = Secret<32>;

/// Overwrites memory in a way the compiler keeps.
void wipe(std::span<uint8_t> bytes);
/// Constant-time comparison; false if sizes differ.
bool equal(ByteView a, ByteView b);

template <size_t N>
bool Secret<N>::equals(const Secret& other) const {
  return equal(view(), other.view());
}

}  // namespace lysoen::crypto
