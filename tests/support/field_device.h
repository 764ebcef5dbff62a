// A device for exchange tests: feeds made by core/feed, a store in memory, and everything that a vault would give to an
// exchange. No encryption of content: entries are random bytes.
#pragma once
#include <lysoen/exchange.h>

#include <map>
#include <set>

#include "core/feed/batch.h"
#include "core/feed/receipt.h"
#include "tests/support/field_blobs.h"
#include "tests/support/seed.h"

namespace lysoen::test {

/// An EntryStore in memory.
class FieldStore final : public EntryStore {
 public:
  struct Feed {
    std::map<uint64_t, feed::BlockState> blocks;
    std::vector<SealedEntry> entries;
    bool operator==(const Feed& other) const { return entries == other.entries; }
  };

  Result<AppendVerdict> append(const Batch& batch) override {
    auto hashes = feed::verify_batch(batch);
    FeedHead now = *head(batch.feed);
    if (!hashes) return AppendVerdict{AppendOutcome::refused, now, hashes.error().message};
    auto& feed = feeds[batch.feed];
    auto plan = feed::plan_merge(block_for(batch.feed, feed, batch.first_seq), held_stubs(feed), held_stubs(feed),
                                 batch, *hashes);
    if (plan.outcome == AppendOutcome::stored) {
      for (size_t i : plan.replace) feed.entries[batch.first_seq + i - 1] = batch.entries[i];
      for (size_t i = plan.new_from; i < batch.entries.size(); ++i) feed.entries.push_back(batch.entries[i]);
      feed.blocks[plan.after->first_seq] = *plan.after;
    }
    if (plan.outcome == AppendOutcome::forked) ++forks;
    return AppendVerdict{plan.outcome, *head(batch.feed), plan.reason};
  }

  Result<FeedHead> head(const FeedKey& key) override {
    auto at = feeds.find(key);
    if (at == feeds.end() || at->second.entries.empty()) return FeedHead{key, 0, {}};
    uint64_t seq = at->second.entries.size();
    return FeedHead{key, seq, at->second.blocks.at(feed::block_first(seq)).hash_at(seq)};
  }

  Result<std::optional<Batch>> read(const FeedKey& key, uint64_t first, size_t size_max) override {
    if (unreadable.count(key))
      return make_error(ErrorCode::damaged, "cannot read a feed: the disk returned another one");
    auto at = feeds.find(key);
    if (at == feeds.end() || first > at->second.entries.size()) return std::optional<Batch>();
    std::vector<SealedEntry> run;
    size_t size = 0;
    for (uint64_t seq = first; seq <= std::min<uint64_t>(at->second.entries.size(), feed::block_last(first)); ++seq) {
      size += at->second.entries[seq - 1].ciphertext.size() + at->second.entries[seq - 1].warrant.size();
      if (!run.empty() && size > size_max) break;
      run.push_back(at->second.entries[seq - 1]);
    }
    return std::optional(feed::make_batch(key, at->second.blocks.at(feed::block_first(first)), first, std::move(run)));
  }

  /// The author's own entry, signed.
  void write(const FeedKey& key, const crypto::SigningKey& author, Bytes ciphertext,
             EntryKind kind = EntryKind::sealed) {
    auto& feed = feeds[key];
    auto id = feed::feed_id(key);
    uint64_t seq = feed.entries.size() + 1;
    auto& block = feed.blocks.try_emplace(feed::block_first(seq), block_for(key, feed, seq)).first->second;
    auto entry = feed::whole_entry(kind, std::move(ciphertext));
    feed::append_own(block, id, entry);
    feed::sign_block(block, id, author);
    feed.entries.push_back(std::move(entry));
  }

  std::map<FeedKey, Feed> feeds;
  std::set<FeedKey> unreadable;
  uint64_t forks = 0;

 private:
  static feed::BlockState block_for(const FeedKey& key, const Feed& feed, uint64_t seq) {
    uint64_t first = feed::block_first(seq);
    if (auto known = feed.blocks.find(first); known != feed.blocks.end()) return known->second;
    if (first == 1) return feed::first_block(feed::feed_id(key));
    if (!feed.blocks.empty() && feed.blocks.rbegin()->second.full() &&
        feed.blocks.rbegin()->first + feed::kBlockSize == first)
      return feed::next_block(feed.blocks.rbegin()->second);
    return feed::BlockState{.first_seq = first};
  }
  static feed::SeqRanges held_stubs(const Feed& feed) {
    std::vector<uint64_t> seqs;
    for (size_t i = 0; i < feed.entries.size(); ++i)
      if (feed.entries[i].is_stub()) seqs.push_back(i + 1);
    return feed::ranges_of(seqs);
  }
};

class FieldDevice final : public SyncPeer {
 public:
  FieldDevice(TeamId team, Random& random)
      : random_(random), key(crypto::SigningKey::generate(random)), team_(team), id(DeviceId{key.public_key()}) {}
  /// The same identity with what it has now: a copied folder.
  FieldDevice(const FieldDevice& other)
      : random_(other.random_),
        key(other.key.copy()),
        team_(other.team_),
        id(other.id),
        store(other.store),
        media(other.media),
        relay_list(other.relay_list),
        mailboxes(other.mailboxes),
        counter(other.counter),
        exchange_keys(other.exchange_keys),
        confirmed_seq(other.confirmed_seq),
        cursor(other.cursor),
        rosters(other.rosters) {}

  FeedKey feed_for(const AudienceId& audience) const { return {id, audience, 1}; }
  void write(const AudienceId& audience, size_t size = 300) {
    Bytes ciphertext(size);
    random_.fill(ciphertext);
    store.write(feed_for(audience), key, std::move(ciphertext));
  }
  uint64_t written(const AudienceId& audience) { return store.head(feed_for(audience))->seq; }

  // -- SyncPeer ---------------------------------------------------------------------------------------------------
  TeamId team() const override { return team_; }
  DeviceId device() const override { return id; }
  Result<Signature> sign(std::string_view label, ByteView message) override { return key.sign(label, message); }
  Result<std::vector<RelayInfo>> relays() override { return relay_list; }
  Result<uint64_t> next_counter(const RelayId&) override { return ++counter; }
  Result<void> raise_counter(const RelayId&, uint64_t seen) override {
    counter = std::max(counter, seen);
    return {};
  }
  Result<Bytes> exchange_key(const RelayId& relay) override { return exchange_keys[relay]; }
  Result<void> set_exchange_key(const RelayId& relay, ByteView certified) override {
    exchange_keys[relay] = to_bytes(certified);
    return {};
  }
  Result<RosterPoint> roster_point() override {
    if (rosters.empty()) return RosterPoint{};
    return RosterPoint{rosters.back().version, rosters.back().hash};
  }
  Result<void> take_roster(const SealedRoster& roster) override {
    rosters.push_back(roster);
    return {};
  }
  Result<std::vector<FeedHead>> outgoing_heads() override {
    std::vector<FeedHead> heads;
    for (const auto& [feed, held] : store.feeds)
      if (feed.device == id) heads.push_back(*store.head(feed));
    return heads;
  }
  Result<uint64_t> confirmed(const RelayId&, const FeedKey& feed) override { return confirmed_seq[feed]; }
  Result<void> take_receipt(const RelayId& relay, ByteView bytes) override {
    auto receipt = feed::read_receipt(relay, bytes);
    if (!receipt) return std::move(receipt).error();
    FeedHead here = *store.head(receipt->feed);
    if (receipt->seq > here.seq ||
        receipt->head != store.feeds[receipt->feed].blocks.at(feed::block_first(receipt->seq)).hash_at(receipt->seq))
      return make_error(ErrorCode::trust_refused, "the relay's receipt is refused: not what is here");
    receipts.push_back(*receipt);
    auto& seq = confirmed_seq[receipt->feed];
    seq = std::max(seq, receipt->seq);
    return {};
  }
  Result<void> take_refusal(const RelayId&, const FeedKey& feed, uint64_t first_seq, uint64_t last_seq,
                            std::string_view reason) override {
    refusals.push_back({feed, first_seq, last_seq, std::string(reason)});
    return {};
  }
  Result<std::vector<MailboxCursor>> cursors(const RelayId&) override {
    std::vector<MailboxCursor> list;
    for (const auto& mailbox : mailboxes) {
      auto known = cursor.find(mailbox);
      list.push_back(known == cursor.end() ? MailboxCursor{mailbox, 0, 0, {}} : known->second);
    }
    return list;
  }
  Result<std::vector<EntryRange>> gaps(size_t ranges_max) override {
    std::vector<EntryRange> ranges;
    for (const auto& [of, feed] : store.feeds)
      for (size_t i = 0; i < feed.entries.size() && ranges.size() < ranges_max; ++i)
        if (feed.entries[i].is_stub()) ranges.push_back({of, i + 1, i + 1});
    return ranges;
  }
  Result<void> set_cursor(const RelayId&, const MailboxCursor& to) override {
    cursor[to.mailbox] = to;
    return {};
  }
  Result<RelayErrands> errands(const RelayId&) override { return todo; }
  Result<void> errands_done(const RelayId&, const RelayErrands& done) override {
    auto drop = [](auto& list, const auto& gone, auto same) {
      std::erase_if(list, [&](const auto& one) {
        for (const auto& other : gone)
          if (same(one, other)) return true;
        return false;
      });
    };
    auto equal = [](const Bytes& a, const Bytes& b) { return a == b; };
    drop(todo.admission_lists, done.admission_lists, equal);
    drop(todo.welcomes, done.welcomes, equal);
    drop(todo.rosters, done.rosters, [](const auto& a, const auto& b) { return a.hash == b.hash; });
    return {};
  }
  Result<void> errands_undone(const RelayId&) override {
    ++undone;
    todo = on_undone;
    return {};
  }
  Result<void> take_join_request(ByteView request) override {
    join_requests.insert(to_bytes(request));
    return {};
  }
  BlobPeer* blobs() override { return &media; }
  Result<void> begin_intake() override { return {}; }
  Result<void> end_intake() override { return {}; }

 private:
  Random& random_;

 public:
  crypto::SigningKey key;

 private:
  TeamId team_;

 public:
  DeviceId id;
  FieldStore store;
  FieldBlobs media;
  std::vector<RelayInfo> relay_list;
  std::vector<AudienceId> mailboxes;
  uint64_t counter = 0;
  std::map<RelayId, Bytes> exchange_keys;
  std::map<FeedKey, uint64_t> confirmed_seq;
  std::map<AudienceId, MailboxCursor> cursor;
  std::vector<SealedRoster> rosters;
  std::vector<feed::Receipt> receipts;
  struct Refusal {
    FeedKey feed;
    uint64_t first_seq = 0, last_seq = 0;
    std::string reason;
  };
  std::vector<Refusal> refusals;
  RelayErrands todo, on_undone;
  uint64_t undone = 0;
  std::set<Bytes> join_requests;
};

}  // namespace lysoen::test
