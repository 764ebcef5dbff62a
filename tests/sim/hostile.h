// A relay that is not on anybody's side. It has the team's entries and its own keys, and does what it can with them: it
// keeps messages back, delays them, answers with what it said before or to somebody else, forges, shows some devices
// another store than others, and forgets what it signed for. Which of these, the seed says.
#pragma once
#include "forger.h"
#include "station.h"

namespace lysoen::sim {

enum class Art : uint32_t {
  keeps_back = 1,  // requests and answers that go no further
  delays = 2,      //
  replays = 4,     // an answer that was given before, or to somebody else
  forges = 8,      // forger.h
  two_faces = 16,  // a second store under the same name, for some
  forgets = 32,    // its store is empty again, or that of an older day, and it does not say so
  babbles = 64,    // answers that promise more without end
};

class Hostile {
 public:
  /// `face`: the store that it began with.
  Hostile(const Founded& founded, size_t which, Station& face, std::filesystem::path home, Clock& world, Dice& dice,
          uint32_t arts);

  std::optional<std::vector<Reply>> handle(const std::vector<Letter>& letters);
  /// It goes on lying, and loses nothing more.
  void settle() { arts_ &= ~static_cast<uint32_t>(Art::forgets); }
  std::string describe() const;
  void look_into_stores(const PlaintextWatch& watch) const;

 private:
  bool can(Art art) const { return (arts_ & static_cast<uint32_t>(art)) != 0; }
  bool does(Art art, uint64_t percent) { return can(art) && dice_.percent(percent); }
  void forget();
  Reply reply_to(const Letter& letter, Bytes answer);

  Dice& dice_;
  Station& first_;
  std::unique_ptr<Station> second_;
  Forger forger_;
  uint32_t arts_;
  std::vector<test::MemoryDisk::Image> older_;
  std::vector<Bytes> said_;
};

}  // namespace lysoen::sim
