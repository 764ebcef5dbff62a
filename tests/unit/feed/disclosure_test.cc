#include "core/feed/disclosure.h"

#include <fstream>
#include <sstream>

#include "core/feed/stream.h"
#include "tests/support/paths.h"
#include "tests/unit/feed/author.h"
#include "tests/unit/feed/vectors.h"

namespace lysoen::test {
namespace {

/// Two feeds of one team; of the first, entries 2 and 4 of five are disclosed, of the second its only sealed one.
feed::Disclosure make_disclosure(Random& random) {
  feed::Disclosure disclosure;
  disclosure.team = random_id<TeamId>(random);
  auto epoch = crypto::KemKeyPair::generate(random);
  for (size_t count : {5u, 2u}) {
    Author author(random);
    feed::DisclosedFeed disclosed{author.feed(), {}, {}};
    feed::StreamPlace place{disclosure.team, author.feed(), 1, epoch.public_key};
    auto begun = feed::StreamWriter::begin(place, 1, {}, random);
    author.write(begun->entry);
    for (uint64_t seq = 2; seq <= count; ++seq) {
      feed::EditPayload payload{{}, random_bytes(random, 90)};
      random.fill(payload.salt);
      auto sealed = begun->writer.seal(author.head(), feed::encode_payload(payload));
      author.write(sealed->entry);
      if (seq % 2 == 0) disclosed.keys.push_back({seq, 1, std::move(sealed->entry_key)});
    }
    author.sign();
    disclosed.batches.push_back(author.batch(1, 2));
    if (count == 5) disclosed.batches.push_back(author.batch(4, 5));
    for (auto& batch : disclosed.batches)
      for (size_t i = 0; i < batch.entries.size(); ++i)
        if ((batch.first_seq + i) % 2) batch.entries[i] = feed::stub_of(batch.entries[i], StubReason::gap, {});
    disclosure.feeds.push_back(std::move(disclosed));
  }
  return disclosure;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

std::vector<FeedVector> make_disclosures() {
  auto made = [](auto change) {
    SeededRandom random(20260120);
    auto disclosure = make_disclosure(random);
    change(disclosure);
    return feed::write_disclosure(disclosure);
  };
  using feed::Disclosure;
  std::string good = made([](Disclosure&) {});
  return {
      {"good", good},
      {"other_key", made([](Disclosure& it) { it.feeds[0].keys[1].entry_key.data()[5] ^= 1; })},
      {"other_team", made([](Disclosure& it) { it.team.bytes[0] ^= 1; })},
      {"other_feed", made([](Disclosure& it) { std::swap(it.feeds[0].batches[0], it.feeds[1].batches[0]); })},
      {"batch_changed", made([](Disclosure& it) { it.feeds[0].batches[1].entries[0].length ^= 1; })},
      {"stub", made([](Disclosure& it) { it.feeds[0].keys[0].seq = 1; })},
      {"later_version", replaced(good, "\"version\": 0", "\"version\": 1")},
  };
}

namespace {

std::filesystem::path disclosures() {
  return source_dir() / "tests/vectors/disclosure";
}

TEST_CASE("Disclosure: the documents are those that tests/interop/feed.py reads", "[feed]") {
  for (const auto& made : make_disclosures()) {
    std::ifstream file(disclosures() / (made.name + ".json"));
    std::stringstream text;
    text << file.rdbuf();
    INFO(made.name << ": run unit_feed \"[.write_vectors]\" if the format was meant to change");
    CHECK(text.str() == made.text);
  }
}

TEST_CASE("Disclosure: without feeds it is still a document", "[feed]") {
  feed::Disclosure nothing;
  CHECK(feed::write_disclosure(nothing) == "{\n  \"lysoen\": \"disclosure\",\n  \"version\": 0,\n  \"team\": \"" +
                                               std::string(64, '0') + "\",\n  \"feeds\": []\n}\n");
}

TEST_CASE("Disclosure: write them", "[.write_vectors]") {
  std::filesystem::create_directories(disclosures());
  for (const auto& made : make_disclosures()) {
    std::ofstream file(disclosures() / (made.name + ".json"));
    file << made.text;
    REQUIRE(file.good());
  }
}

}  // namespace
}  // namespace lysoen::test
