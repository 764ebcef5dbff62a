#include "tests/unit/feed/vectors.h"

#include "core/feed/receipt.h"
#include "core/feed/warrant.h"
#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

class SignedVectors : public VectorMaker {
 public:
  void make() {
    forks();
    warrants();
    receipts();
    mailboxes();
  }

 private:
  // -- Forks and warrants ---------------------------------------------------------------------------------------------
  void forks() {
    SeededRandom random(20260109);
    Author first(random), stranger(random);
    first.save(5), stranger.save(8);
    Author second = first.clone();
    first.save(3), second.save(2);
    auto proof = [](const Author& author, uint64_t seq) {
      return feed::prove_entry(author.feed(), author.block_of(seq), seq, author.entry(seq));
    };
    auto fork = [&](const std::string& name, const std::string& expect, const std::string& about,
                    const feed::Fork& value) {
      Lines lines{{"fork", hex(feed::encode_fork(value))}};
      if (expect == "ok")
        lines.emplace_back("held", hex(first.hash(6))), lines.emplace_back("other", hex(second.hash(6)));
      add("fork_" + name, expect, about, lines);
    };
    fork("good", "ok", "two entries at seq 6", {6, proof(first, 6), proof(second, 6)});
    fork("by_prev", "ok", "one side shows the hash at seq 6 by the entry behind it",
         {6, proof(first, 6), proof(second, 7)});
    fork("same_entry", "same", "the same entry under two signatures", {5, proof(first, 5), proof(second, 5)});
    fork("of_two_feeds", "form", "the sides are of two devices", {6, proof(first, 6), proof(stranger, 6)});
    fork("of_another_place", "form", "one side speaks of another seq", {6, proof(first, 6), proof(first, 8)});
    auto forged = proof(second, 6);
    forged.entries[0].ciphertext_hash.bytes[0] ^= 1;
    fork("forged", "signature", "one side was not signed", {6, proof(first, 6), forged});
    add("fork_cut", "form", "the last byte is missing",
        {{"fork", [&] {
            Bytes bytes = feed::encode_fork({6, proof(first, 6), proof(second, 6)});
            bytes.pop_back();
            return hex(bytes);
          }()}});
  }

  void warrants() {
    SeededRandom random(20260110);
    auto relay = crypto::SigningKey::generate(random), unknown = crypto::SigningKey::generate(random);
    auto team = random_id<TeamId>(random);
    Author author(random), other(random);
    author.save(4);
    WallTime now(std::chrono::milliseconds(1767225600123));
    feed::EntryPoint place{author.feed(), 3, author.hash(3)};
    auto warrant = [&](const std::string& name, const std::string& expect, const std::string& about, StubReason reason,
                       Bytes bytes) {
      auto batch = author.batch(3, 3);
      batch.entries[0] = feed::stub_of(batch.entries[0], reason, std::move(bytes));
      add("warrant_" + name, expect, about,
          {{"team", hex(team)}, {"relay", hex(relay.public_key())}, {"batch", hex(feed::encode_batch(batch))}});
    };
    auto elsewhere = place;
    elsewhere.seq = 2;
    auto theirs = place;
    theirs.feed.device = other.feed().device;
    Bytes refusal = feed::sign_refusal(team, place, 9, now, relay), forged = refusal;
    forged[138] = 8;
    warrant("refused", "ok", "a relay of the roster refused the entry", StubReason::refused, refusal);
    warrant("rotten", "ok", "the author says that it lost the entry", StubReason::rotten,
            feed::sign_rotten(team, place, now, author.key()));
    warrant("of_another_entry", "other", "a refusal of the entry before", StubReason::refused,
            feed::sign_refusal(team, elsewhere, 9, now, relay));
    warrant("of_another_team", "other", "a refusal for another team", StubReason::refused,
            feed::sign_refusal(random_id<TeamId>(random), place, 9, now, relay));
    warrant("rotten_by_another_device", "other", "another device says that the entry is lost", StubReason::rotten,
            feed::sign_rotten(team, theirs, now, other.key()));
    warrant("under_another_reason", "other", "a refusal given for a rotten entry", StubReason::rotten, refusal);
    warrant("changed", "other", "the code was changed after signing", StubReason::refused, forged);
    warrant("of_an_unknown_relay", "unread", "a relay that the roster does not name", StubReason::refused,
            feed::sign_refusal(team, place, 9, now, unknown));
    warrant("purged", "unread", "a reserved kind", StubReason::purged, Bytes{4, 1, 2, 3});
  }

  // -- What relays sign -----------------------------------------------------------------------------------------------
  void receipts() {
    SeededRandom random(20260111);
    auto relay = crypto::SigningKey::generate(random);
    Author author(random);
    author.save(9);
    feed::Receipt good;
    good.team = random_id<TeamId>(random);
    good.feed = author.feed();
    good.seq = 9;
    good.head = author.head();
    good.time = WallTime(std::chrono::milliseconds(1767225600123));
    good.point = {author.feed().audience, 1, 7, random_id<Hash>(random)};
    good.leaf_index = 3;
    good.log_size = 4;
    good.log_root = random_id<Hash>(random);
    auto receipt = [&](const std::string& name, const std::string& expect, const std::string& about,
                       const Bytes& bytes) {
      Lines lines{{"relay", hex(relay.public_key())}, {"receipt", hex(bytes)}};
      if (expect == "ok") lines.emplace_back("feed", hex(author.id())), lines.emplace_back("seq", "9");
      add("receipt_" + name, expect, about, lines);
    };
    auto signed_with = [&](auto change) {
      auto value = good;
      change(value);
      return feed::sign_receipt(value, relay);
    };
    using feed::Receipt;
    Bytes bytes = feed::sign_receipt(good, relay), cut = bytes, head = bytes;
    cut.pop_back();
    head[115] ^= 1;
    receipt("good", "ok", "nothing is missing", bytes);
    receipt("missing", "ok", "two entries are not held", signed_with([](Receipt& value) {
              value.missing = {{2, 2}, {4, 5}};
            }));
    receipt("head_changed", "signature", "another entry hash than was signed", head);
    receipt("by_another_relay", "signature", "signed by another key",
            feed::sign_receipt(good, crypto::SigningKey::generate(random)));
    receipt("cut", "form", "the last byte is missing", cut);
    receipt("missing_unordered", "form", "the list of what is missing descends", signed_with([](Receipt& value) {
              value.missing = {{4, 5}, {2, 2}};
            }));
    receipt("missing_beyond_seq", "form", "the list of what is missing reaches above seq",
            signed_with([](Receipt& value) {
              value.missing = {{9, 10}};
            }));
    receipt("leaf_beyond_log", "form", "the leaf index is the log's size",
            signed_with([](Receipt& value) { value.leaf_index = value.log_size; }));
    points(random, relay, good.team);
  }
  void points(SeededRandom& random, const crypto::SigningKey& relay, const TeamId& team) {
    std::vector<MailboxCursor> asked{{random_id<AudienceId>(random), 1, 17, random_id<Hash>(random)},
                                     {random_id<AudienceId>(random), 2, 3, random_id<Hash>(random)}};
    auto signature = feed::sign_points(team, asked, relay);
    auto write = [&](const std::string& name, const std::string& expect, const std::string& about) {
      Writer laid;
      for (const auto& point : asked)
        laid.id(point.mailbox).u32(point.store_epoch).u64(point.counter).id(point.running);
      add("points_" + name, expect, about,
          {{"relay", hex(relay.public_key())},
           {"team", hex(team)},
           {"points", hex(laid.bytes())},
           {"signature", hex(signature)}});
    };
    write("good", "ok", "two mailboxes under one signature");
    std::swap(asked[0], asked[1]);
    write("swapped", "signature", "two mailboxes in another order than asked");
  }

  void mailboxes() {
    SeededRandom random(20260112);
    feed::MailboxItem item{1, random_id<FeedId>(random), 1, 12, random_id<Hash>(random), {}};
    auto write = [&](const std::string& name, const std::string& about, const Hash& before) {
      Hash running = feed::running_hash(before, item);
      add("mailbox_" + name, "ok", about,
          {{"item", hex(feed::encode_item(item))}, {"before", hex(before)}, {"running", hex(running)}});
      return running;
    };
    Hash running = write("first", "the first item, from 32 zero bytes", {});
    item.n = 2, item.first_seq = 13, item.last_seq = 20, item.missing = {{14, 15}};
    write("with_gap", "the second item, with two entries not held", running);
  }
};

}  // namespace

std::vector<FeedVector> make_signed_vectors() {
  SignedVectors maker;
  maker.make();
  return maker.take();
}

}  // namespace lysoen::test
