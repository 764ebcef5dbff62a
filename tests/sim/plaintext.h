// Looks for report text where none may be: every text of the simulation begins with one marker, and whatever leaves a
// device is searched for it, inside zstd frames too. Keys that must stay inside are searched for as they are.
#pragma once
#include <string>
#include <vector>

#include "run.h"

namespace lysoen::sim {

inline constexpr std::string_view kMarker = "kanarie7Q";

class PlaintextWatch {
 public:
  void guard(ByteView secret) { secrets_.emplace_back(secret.begin(), secret.end()); }
  /// Breaks `no_plaintext` if these bytes show any.
  void look(ByteView bytes, std::string_view where) const;
  bool shows(ByteView bytes) const;

 private:
  bool shows_as_it_is(std::string_view bytes) const;
  std::vector<std::string> secrets_{std::string(kMarker)};
};

}  // namespace lysoen::sim
