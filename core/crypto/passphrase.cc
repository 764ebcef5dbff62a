#include "core/crypto/passphrase.h"

#include <sodium.h>

#include <algorithm>
#include <string>

namespace lysoen::crypto {

namespace {

#if defined(LYSOEN_TEST_BUILD)
constexpr uint32_t kMemoryKibLeast = 8, kPassesLeast = 1;
#else
constexpr uint32_t kMemoryKibLeast = kMemoryKibFloor, kPassesLeast = kPassesFloor;
#endif

static_assert(kSaltSize == crypto_pwhash_argon2id_SALTBYTES);

}  // namespace

bool Argon2Cost::allowed() const {
  return memory_kib >= kMemoryKibLeast && memory_kib <= kMemoryKibCeiling && passes >= kPassesLeast &&
         passes <= kPassesCeiling;
}

Result<Key32> derive_key(std::string_view passphrase, std::span<const uint8_t, kSaltSize> salt,
                         const Argon2Cost& cost) {
  if (!cost.allowed())
    return make_error(ErrorCode::input_refused,
                      "cannot derive a key: cost outside the bounds (" + std::to_string(cost.memory_kib) + " KiB, " +
                          std::to_string(cost.passes) + " passes; allowed are " + std::to_string(kMemoryKibLeast) +
                          " to " + std::to_string(kMemoryKibCeiling) + " KiB and " + std::to_string(kPassesLeast) +
                          " to " + std::to_string(kPassesCeiling) + " passes)");
  if (passphrase.empty()) passphrase = "";  // never null
  Key32 key;
  if (crypto_pwhash_argon2id(key.data(), key.kSize, passphrase.data(), passphrase.size(), salt.data(), cost.passes,
                             size_t{cost.memory_kib} * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
    return make_error(ErrorCode::storage_full,
                      "cannot derive a key: not enough memory for " + std::to_string(cost.memory_kib) + " KiB",
                      "close other programs and try again");
  return key;
}

Stopwatch stopwatch(Clock& clock) {
  return [&clock](const Argon2Cost& cost) -> Result<std::chrono::nanoseconds> {
    auto begin = clock.monotonic();
    auto key = derive_key("a passphrase to measure with", std::array<uint8_t, kSaltSize>{}, cost);
    if (!key) return std::move(key).error();
    return clock.monotonic() - begin;
  };
}

// Memory before passes: an attacker with special hardware pays for memory in money, for passes in time alone (RFC 9106,
// section 4). Passes are added only where a quarter of the memory is less than a second's worth. Time grows somewhat
// faster than memory, so the larger cost is measured and corrected once, downwards.
Result<Argon2Cost> calibrate(uint64_t memory_bytes, const Stopwatch& time) {
  using Seconds = std::chrono::duration<double>;
  constexpr double kTarget = 1, kTolerance = 1.25;
  Argon2Cost cost;
  auto first = time(cost);
  if (!first) return std::move(first).error();
  double seconds = std::max(Seconds(*first).count(), 1e-6);
  const uint64_t most = std::clamp<uint64_t>(memory_bytes / 4 / 1024, kMemoryKibFloor, kMemoryKibCeiling);
  auto scaled = [&](double factor) {
    double kib = std::min<double>(cost.memory_kib * factor, static_cast<double>(most));
    return std::max(static_cast<uint32_t>(kib) / 1024 * 1024, kMemoryKibFloor);
  };
  if (uint32_t wished = scaled(kTarget / seconds); wished > cost.memory_kib) {
    cost.memory_kib = wished;
    auto second = time(cost);
    if (!second) return std::move(second).error();
    seconds = std::max(Seconds(*second).count(), 1e-6);
    if (seconds > kTolerance * kTarget) cost.memory_kib = scaled(kTarget / seconds);
  }
  if (seconds < kTarget && cost.memory_kib + 1024 > most)
    cost.passes = static_cast<uint32_t>(std::min<double>(cost.passes * kTarget / seconds, kPassesCeiling));
  return cost;
}

}  // namespace lysoen::crypto
