// Choices drawn from the seed, the same on every platform; and the trace of what came of them.
#pragma once
#include <cstdio>
#include <random>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/hash.h"

namespace lysoen::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  /// 0 .. n-1; n > 0.
  uint64_t below(uint64_t n) { return engine_() % n; }
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
  bool percent(uint64_t chance) { return below(100) < chance; }
  template <class T>
  T& of(std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

/// A running hash of everything that happened. With `aloud` each line is printed, too.
class Trace {
 public:
  explicit Trace(bool aloud) : aloud_(aloud) {}
  void note(std::string_view what, ByteView bytes = {}) {
    Hash of_bytes = crypto::sha256(bytes);
    hash_ = crypto::sha256(Writer().id(hash_).field(what).id(of_bytes).bytes());
    if (aloud_)
      std::printf("%s %.*s %s\n", hash_.hex().substr(0, 8).c_str(), static_cast<int>(what.size()), what.data(),
                  bytes.empty() ? "" : of_bytes.hex().substr(0, 8).c_str());
  }
  const Hash& hash() const { return hash_; }

 private:
  bool aloud_;
  Hash hash_;
};

}  // namespace lysoen::sim
