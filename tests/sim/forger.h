// Answers of a relay that lies: it has its own keys, so what it says opens; it has nobody else's, so what it says must
// not be believed. Parts are taken out, doubled, put in another order, taken from answers to others, and changed.
#pragma once
#include <deque>
#include <filesystem>

#include "dice.h"
#include "sync/session/frames.h"

namespace lysoen::sim {

class Forger {
 public:
  Forger(std::filesystem::path key_file, Dice& dice) : key_file_(std::move(key_file)), dice_(dice) {}

  /// The same answer with some lies in it; as it was if the request opens for nobody.
  Bytes forge(ByteView request, Bytes answer);
  /// Promises more, and brings so much of nothing that it looks like something.
  Bytes babble(ByteView request);

 private:
  struct Reader;  // who can read the answer to this request
  std::optional<Reader> reader_of(ByteView request) const;
  Bytes seal(const Reader& reader, const std::vector<session::Frame>& frames, bool more, bool ends);
  void remember(const std::vector<session::Frame>& frames);
  void lie(std::vector<session::Frame>& frames);
  void lie_in(session::Frame& frame);
  void lie_in_batch(session::Frame& frame);
  void lie_in_receipt(session::Frame& frame);
  void lie_in_items(session::Frame& frame);
  void lie_in_points(session::Frame& frame);
  void lie_in_frontier(session::Frame& frame);
  void lie_in_blob_states(session::Frame& frame);
  session::Frame verdict();
  const session::Frame* seen(uint8_t type);
  uint64_t other_number(uint64_t number);

  std::filesystem::path key_file_;
  Dice& dice_;
  std::deque<session::Frame> seen_;  // in answers to anybody
};

}  // namespace lysoen::sim
