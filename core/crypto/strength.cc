#include <lysoen/passphrase.h>
#include <zxcvbn.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/secret.h"

namespace lysoen {

namespace {

using Holds = PassphraseStrength::Level;

constexpr double kGuessesLeast = 1e6;  // below: refused
// Argon2id is bound by memory: each pass reads two blocks and writes one. A hundred graphics cards move 10^14 bytes a
// second; that is what a laboratory spends on one device, not what a country could.
constexpr double kAttackerBytesPerSecond = 1e14, kTrafficPerByte = 3;
constexpr double kDay = 24 * 3600, kMonth = 30 * kDay, kYear = 365 * kDay;

Holds level_of(double guesses, double seconds) {
  if (guesses < kGuessesLeast) return Holds::at_once;
  if (seconds < kDay) return Holds::hours;
  if (seconds < kMonth) return Holds::days;
  if (seconds < kYear) return Holds::months;
  return seconds < 100 * kYear ? Holds::years : Holds::lifetimes;
}

std::string sentence_for(Holds level) {
  constexpr std::string_view kHow[] = {"be guessed at once",  "be guessed in hours or less",
                                       "be guessed in days",  "be guessed in months",
                                       "be guessed in years", "not be guessed in a lifetime"};
  return "would " + std::string(kHow[static_cast<size_t>(level)]) + " by somebody who has this device";
}

}  // namespace

PassphraseStrength passphrase_strength(std::string_view passphrase, const KeyCost& cost,
                                       std::span<const std::string> known) {
  std::array<char, 1025> text{};  // ends in zero, as the library wants it
  std::memcpy(text.data(), passphrase.data(), std::min(passphrase.size(), text.size() - 1));
  std::vector<const char*> words;
  for (const auto& word : known) words.push_back(word.c_str());
  words.push_back(nullptr);
  double bits = ZxcvbnMatch(text.data(), words.data(), nullptr);
  crypto::wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});

  PassphraseStrength strength;
  strength.guesses = std::exp2(bits);
  double bytes_a_guess = double{1024} * cost.memory_kib * cost.passes * kTrafficPerByte;
  strength.level = level_of(strength.guesses, strength.guesses * bytes_a_guess / kAttackerBytesPerSecond);
  strength.sentence = sentence_for(strength.level);
  if (strength.level < Holds::years)
    strength.hint = "take five or six words that do not belong together, picked by dice or from a book at random";
  return strength;
}

}  // namespace lysoen
