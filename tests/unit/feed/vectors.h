// The vectors of tests/vectors/feed and tests/vectors/disclosure, made from fixed seeds. To write them anew after the
// format changed:
//
//   build/dev/tests/unit/feed/unit_feed "[.write_vectors]"
#pragma once
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace lysoen::test {

struct FeedVector {
  std::string name;  // of the file, without ending
  std::string text;  // of the file
};
std::vector<FeedVector> make_batch_vectors();   // batch_
std::vector<FeedVector> make_sealed_vectors();  // entry_, stream_, body_, payload_
std::vector<FeedVector> make_signed_vectors();  // fork_, warrant_, receipt_, points_, mailbox_
/// Documents as core/feed/disclosure.h writes them; all but "good" have one defect.
std::vector<FeedVector> make_disclosures();

/// Collects files; the makers of vectors are made of it.
class VectorMaker {
 public:
  std::vector<FeedVector> take() { return std::move(made_); }

 protected:
  using Lines = std::vector<std::pair<std::string, std::string>>;

  void add(const std::string& name, const std::string& expect, const std::string& about, const Lines& lines) {
    std::string text = "expect: " + expect + "\nabout: " + about + "\n";
    for (const auto& [key, value] : lines) text += key + ": " + value + "\n";
    made_.push_back({name, text});
  }
  static std::string hex(ByteView bytes) { return to_hex(bytes); }
  template <class Tag>
  static std::string hex(const Id<Tag>& id) {
    return id.hex();
  }

 private:
  std::vector<FeedVector> made_;
};

}  // namespace lysoen::test
