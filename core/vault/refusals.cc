// What relays would not take, kept so that it is seen after the sync that met it. The fact `sync.refused`, newest last:
//
//   relay 32 ‖ feed id 32 ‖ first seq u64 ‖ last seq u64 ‖ reason as a field        at most kRefusalsMax of them
#include <algorithm>

#include "core/base/try.h"
#include "core/vault/vault_impl.h"

namespace lysoen::vault {

namespace {

constexpr std::string_view kRefusedFact = "sync.refused";
constexpr size_t kRefusalsMax = 100, kReasonMax = 200;

struct Refusal {
  RelayId relay;
  FeedId feed;
  uint64_t first = 0, last = 0;
  std::string reason;
  bool same_place(const Refusal& other) const {
    return relay == other.relay && feed == other.feed && first == other.first;
  }
};

// A fact that cannot be read is none: the next sync meets what it said again.
std::vector<Refusal> decode(ByteView bytes) {
  Reader in(bytes);
  std::vector<Refusal> list;
  while (in.left() > 0) {
    Refusal one{in.id<RelayId>(), in.id<FeedId>(), in.u64(), in.u64(), {}};
    one.reason = as_text(in.field(kReasonMax));
    if (!in.ok()) return {};
    list.push_back(std::move(one));
  }
  return list;
}

Bytes encode(const std::vector<Refusal>& list) {
  Writer out;
  for (const auto& one : list) out.id(one.relay).id(one.feed).u64(one.first).u64(one.last).field(one.reason);
  return std::move(out).bytes();
}

}  // namespace

Result<void> VaultImpl::take_refusal(const RelayId& relay, const FeedKey& feed, uint64_t first_seq, uint64_t last_seq,
                                     std::string_view reason) {
  return plain([&](storage::Database& database) -> Result<void> {
    LYSOEN_ASSIGN(auto held, fact(database, kRefusedFact));
    auto list = decode(held);
    Refusal fresh{relay, feed::feed_id(feed), first_seq, last_seq, std::string(reason.substr(0, kReasonMax))};
    std::erase_if(list, [&](const Refusal& one) { return one.same_place(fresh); });
    list.push_back(std::move(fresh));
    if (list.size() > kRefusalsMax) list.erase(list.begin());
    return set_fact(database, kRefusedFact, encode(list));
  });
}

// Derived when it is asked for: what a receipt covers since, or a relay that the roster names no more, is left out.
Result<std::vector<RefusedEntries>> VaultImpl::refusals() {
  LYSOEN_ASSIGN(auto held, fact(database(), kRefusedFact));
  std::vector<RefusedEntries> standing;
  if (!membership_.in_team()) return standing;
  const auto& relays = membership_.roster().head.relays;
  for (auto& one : decode(held)) {
    if (std::none_of(relays.begin(), relays.end(), [&](const RelayInfo& relay) { return relay.id == one.relay; }))
      continue;
    LYSOEN_ASSIGN(auto row, feeds().find(one.feed));
    if (!row) continue;
    LYSOEN_ASSIGN(uint64_t taken, confirmed(one.relay, row->key));
    if (taken >= one.last) continue;
    standing.push_back({one.relay, row->key.device, std::max(one.first, taken + 1), one.last, std::move(one.reason)});
  }
  return standing;
}

}  // namespace lysoen::vault
