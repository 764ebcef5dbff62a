// A device without cryptography, for carriers: feeds in memory whose batches are taken as they are, in order.
#pragma once
#include <lysoen/exchange.h>

#include <map>
#include <random>

#include "core/crypto/hash.h"
#include "tests/support/field_blobs.h"

namespace lysoen::test {

inline FeedKey feed_of(uint8_t number) {
  FeedKey key;
  key.device.bytes.fill(number);
  key.audience.bytes.fill(0xa0);
  return key;
}

class PlainStore final : public EntryStore {
 public:
  void write(const FeedKey& feed, size_t size, std::mt19937_64& random) {
    Bytes text(size);
    for (auto& byte : text) byte = static_cast<uint8_t>(random());
    SealedEntry entry;
    entry.length = static_cast<uint32_t>(size);
    entry.ciphertext_hash = crypto::sha256(text);
    entry.ciphertext = std::move(text);
    feeds_[feed].push_back(std::move(entry));
  }

  Result<AppendVerdict> append(const Batch& batch) override {
    auto& entries = feeds_[batch.feed];
    AppendVerdict verdict;
    if (batch.feed == refused_feed) {
      verdict = {AppendOutcome::refused, head_of(batch.feed), "not a member of this team"};
    } else if (batch.first_seq > entries.size() + 1) {
      verdict = {AppendOutcome::gap_before, head_of(batch.feed), {}};
    } else {
      bool fresh = batch.last_seq() > entries.size();
      while (entries.size() < batch.last_seq()) entries.push_back(batch.entries[entries.size() + 1 - batch.first_seq]);
      verdict = {fresh ? AppendOutcome::stored : AppendOutcome::known, head_of(batch.feed), {}};
    }
    return verdict;
  }

  Result<FeedHead> head(const FeedKey& feed) override { return head_of(feed); }

  Result<std::optional<Batch>> read(const FeedKey& feed, uint64_t first_seq, size_t size_max) override {
    const auto& entries = feeds_[feed];
    if (first_seq > entries.size()) return std::optional<Batch>();
    Batch batch;
    batch.feed = feed;
    batch.first_seq = first_seq;
    batch.prev.bytes.fill(static_cast<uint8_t>(first_seq - 1));
    auto block_end = (first_seq - 1) / 256 * 256 + 256;
    for (size_t size = 0, seq = first_seq; seq <= std::min<uint64_t>(entries.size(), block_end); ++seq) {
      size += entries[seq - 1].ciphertext.size();
      if (size > size_max && !batch.entries.empty()) break;
      batch.entries.push_back(entries[seq - 1]);
    }
    batch.signed_seq = batch.last_seq();
    batch.signed_head.bytes.fill(7);
    batch.signature.fill(8);
    return std::optional(std::move(batch));
  }

  std::vector<FeedHead> heads() {
    std::vector<FeedHead> heads;
    for (const auto& [feed, entries] : feeds_) heads.push_back(head_of(feed));
    return heads;
  }
  bool operator==(const PlainStore& other) const { return feeds_ == other.feeds_; }
  size_t entries() const {
    size_t sum = 0;
    for (const auto& [feed, list] : feeds_) sum += list.size();
    return sum;
  }

  FeedKey refused_feed;

 private:
  FeedHead head_of(const FeedKey& feed) {
    FeedHead head{feed, feeds_[feed].size(), {}};
    head.hash.bytes.fill(static_cast<uint8_t>(head.seq));
    return head;
  }
  std::map<FeedKey, std::vector<SealedEntry>> feeds_;
};

class PlainPeer final : public SyncPeer {
 public:
  TeamId team() const override { return {}; }
  DeviceId device() const override { return {}; }
  Result<Signature> sign(std::string_view, ByteView) override { return Signature{}; }
  Result<std::vector<RelayInfo>> relays() override { return relays_; }
  Result<uint64_t> next_counter(const RelayId&) override { return ++counter_; }
  Result<void> raise_counter(const RelayId&, uint64_t seen) override {
    counter_ = std::max(counter_, seen);
    return {};
  }
  Result<Bytes> exchange_key(const RelayId&) override { return Bytes(); }
  Result<void> set_exchange_key(const RelayId&, ByteView) override { return {}; }
  Result<RosterPoint> roster_point() override { return RosterPoint(); }
  Result<void> take_roster(const SealedRoster& roster) override {
    rosters.push_back(roster);
    return {};
  }
  Result<std::vector<FeedHead>> outgoing_heads() override { return std::vector<FeedHead>(); }
  Result<uint64_t> confirmed(const RelayId&, const FeedKey& feed) override { return confirmed_seq[feed]; }
  Result<void> take_receipt(const RelayId&, ByteView) override { return {}; }
  Result<std::vector<MailboxCursor>> cursors(const RelayId&) override { return std::vector<MailboxCursor>(); }
  Result<void> set_cursor(const RelayId&, const MailboxCursor&) override { return {}; }
  Result<RelayErrands> errands(const RelayId&) override { return RelayErrands(); }
  Result<void> errands_done(const RelayId&, const RelayErrands&) override { return {}; }
  Result<void> take_join_request(ByteView) override { return {}; }
  BlobPeer* blobs() override { return attached; }
  Result<void> begin_intake() override {
    ++intakes_open;
    return {};
  }
  Result<void> end_intake() override {
    --intakes_open;
    return {};
  }

  std::vector<SealedRoster> rosters;
  std::map<FeedKey, uint64_t> confirmed_seq;
  int intakes_open = 0;
  std::vector<RelayInfo> relays_;
  FieldBlobs attachments;
  BlobPeer* attached = nullptr;

 private:
  uint64_t counter_ = 0;
};

}  // namespace lysoen::test
