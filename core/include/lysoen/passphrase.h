// What a passphrase is worth, in words. The estimate is zxcvbn's; the time is that of somebody who has the device and
// much hardware, against the cost of the vault's key derivation.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lysoen {

/// Cost of the passphrase's key derivation. The floor (64 MiB, 3 passes) holds in every build but the test build.
struct KeyCost {
  uint32_t memory_kib = 64 * 1024;
  uint32_t passes = 3;
};

struct PassphraseStrength {
  // How long it would hold.
  enum class Level : uint8_t { at_once, hours, days, months, years, lifetimes };
  Level level = Level::at_once;
  double guesses = 0;    // until it is found
  std::string sentence;  // "would be guessed in hours by somebody who has this device"
  std::string hint;      // how to do better; empty if it is good
};

/// `known`: words that somebody who knows the user would try first: names of the team, its members, the device.
/// Passphrases of level at_once are to be refused. Beyond 1,024 bytes nothing is gained.
PassphraseStrength passphrase_strength(std::string_view passphrase, const KeyCost& cost,
                                       std::span<const std::string> known = {});

}  // namespace lysoen
