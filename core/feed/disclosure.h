// A disclosure: entry keys of chosen entries with the batches that prove them, as JSON, for a second implementation and
// for evidence. Whoever has it reads those entries and nothing else. docs/formats/disclosure.md.
#pragma once
#include "core/crypto/secret.h"
#include "core/feed/batch.h"

namespace lysoen::feed {

struct DisclosedKey {
  uint64_t seq = 0;
  uint32_t epoch = 1;  // of the audience: in the entry's header
  crypto::Key32 entry_key;
};

struct DisclosedFeed {
  FeedKey feed;
  std::vector<Batch> batches;      // ascending; runs of one feed, not touching where stubs would add nothing
  std::vector<DisclosedKey> keys;  // ascending by seq; each seq lies in a batch, whole
};

struct Disclosure {
  TeamId team;
  std::vector<DisclosedFeed> feeds;
};

/// One JSON document, UTF-8, with a line feed at the end.
std::string write_disclosure(const Disclosure& disclosure);

}  // namespace lysoen::feed
