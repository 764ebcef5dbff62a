// Rosters, lists, keys, verdicts and mailboxes.
#include "sync/wire/codec.h"
#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

using namespace fields;

Bytes encode(const RosterUpdate& message) {
  pb::RosterUpdate out;
  out.set_version(message.version);
  out.set_hash(text_of_id(message.hash));
  put_part(out, message);
  return serialize(out);
}

template <>
Result<RosterUpdate> decode<RosterUpdate>(ByteView bytes) {
  pb::RosterUpdate in;
  Check check("roster");
  check.require(parse(in, bytes), "it is no such message");
  RosterUpdate update;
  update.version = in.version();
  update.hash = check.id<Hash>(in.hash(), "its hash is not 32 bytes");
  take_part(update, in, kRosterMax, check);
  return check.result(std::move(update));
}

Bytes encode(const AdmissionList& message) {
  pb::AdmissionList out;
  put_part(out, message);
  return serialize(out);
}

template <>
Result<AdmissionList> decode<AdmissionList>(ByteView bytes) {
  pb::AdmissionList in;
  Check check("admission list");
  check.require(parse(in, bytes), "it is no such message");
  AdmissionList list;
  take_part(list, in, kAdmissionListMax, check);
  return check.result(std::move(list));
}

Bytes encode(const ExchangeKey& message) {
  pb::ExchangeKey out;
  out.set_certified(text_of(message.certified));
  return serialize(out);
}

template <>
Result<ExchangeKey> decode<ExchangeKey>(ByteView bytes) {
  pb::ExchangeKey in;
  Check check("exchange key");
  check.require(parse(in, bytes), "it is no such message");
  ExchangeKey key{check.bytes(in.certified(), kCertifiedKeyMax, "it is larger than 256 bytes")};
  return check.result(std::move(key));
}

Bytes encode(const Verdict& message) {
  pb::Verdict out;
  out.set_object(static_cast<uint32_t>(message.object));
  out.set_code(static_cast<uint32_t>(message.code));
  if (message.feed != FeedKey{}) fields::put(*out.mutable_feed(), message.feed);
  out.set_first_seq(message.first_seq);
  out.set_last_seq(message.last_seq);
  out.set_hash8(message.hash8);
  out.set_number(message.number);
  return serialize(out);
}

template <>
Result<Verdict> decode<Verdict>(ByteView bytes) {
  pb::Verdict in;
  Check check("verdict");
  check.require(parse(in, bytes), "it is no such message");
  check.require(in.object() >= 1 && in.object() <= static_cast<uint32_t>(VerdictObject::blob),
                "it is about an unknown kind of object");
  check.require(in.code() >= 1 && in.code() <= static_cast<uint32_t>(VerdictCode::not_held), "its code is unknown");
  Verdict verdict;
  verdict.object = static_cast<VerdictObject>(in.object());
  verdict.code = static_cast<VerdictCode>(in.code());
  verdict.feed = feed_key(in.feed(), check);
  verdict.first_seq = in.first_seq();
  verdict.last_seq = in.last_seq();
  verdict.hash8 = in.hash8();
  verdict.number = in.number();
  return check.result(verdict);
}

Bytes encode(const MailboxPoints& message) {
  pb::MailboxPoints out;
  for (const auto& point : message.changed) {
    auto& row = *out.add_changed();
    row.set_mailbox8(point.mailbox8);
    row.set_store_epoch(point.store_epoch);
    row.set_counter(point.counter);
    row.set_running(text_of_id(point.running));
  }
  out.set_signature(text_of(message.signature));
  return serialize(out);
}

template <>
Result<MailboxPoints> decode<MailboxPoints>(ByteView bytes) {
  pb::MailboxPoints in;
  Check check("list of mailbox points");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.changed_size()), kMailboxesMax, "it names more than 256 mailboxes");
  if (!check.ok()) return check.error();
  MailboxPoints points;
  for (const auto& row : in.changed())
    points.changed.push_back({row.mailbox8(), row.store_epoch(), row.counter(),
                              check.id<Hash>(row.running(), "a running hash is not 32 bytes")});
  points.signature = check.array<64>(in.signature(), "the signature is not 64 bytes");
  return check.result(std::move(points));
}

Bytes encode(const MailboxItems& message) {
  pb::MailboxItems out;
  out.set_mailbox(text_of_id(message.mailbox));
  out.set_store_epoch(message.store_epoch);
  out.set_first(message.first);
  for (auto feed : message.feeds) {
    if (feed.audience == message.mailbox) feed.audience = {};
    fields::put(*out.add_feeds(), feed);
  }
  for (const auto& item : message.items) {
    auto& row = *out.add_items();
    row.set_feed(item.feed);
    row.set_first_seq(item.first_seq);
    if (item.last_seq != item.first_seq) row.set_last_seq(item.last_seq);
    if (!item.head.is_none()) row.set_head(text_of_id(item.head));
    if (!item.missing.empty()) row.set_missing(text_of(item.missing));
  }
  return serialize(out);
}

template <>
Result<MailboxItems> decode<MailboxItems>(ByteView bytes) {
  pb::MailboxItems in;
  Check check("list of mailbox items");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.items_size()), kItemsMax, "it has more than 2,048 items");
  check.limit(static_cast<size_t>(in.feeds_size()), kItemsMax, "it has more than 2,048 feeds");
  check.require(in.first() > 0, "its first number is zero");
  if (!check.ok()) return check.error();
  MailboxItems items;
  items.mailbox = check.id<AudienceId>(in.mailbox(), "a mailbox id is not 32 bytes");
  items.store_epoch = in.store_epoch();
  items.first = in.first();
  for (const auto& feed : in.feeds()) {
    items.feeds.push_back(feed_key(feed, check));
    if (items.feeds.back().audience.is_none()) items.feeds.back().audience = items.mailbox;
    check.require(!items.feeds.back().device.is_none(), "a feed lacks its device");
  }
  for (const auto& row : in.items()) {
    Item item{row.feed(), row.first_seq(), row.last_seq() == 0 ? row.first_seq() : row.last_seq(),
              check.id<Hash>(row.head(), "a head is not 32 bytes", true),
              check.bytes(row.missing(), kMissingMax, "an item misses too much")};
    check.require(item.feed < items.feeds.size(), "an item names no feed");
    check.require(item.first_seq > 0 && item.first_seq <= item.last_seq && item.last_seq <= kSeqMax,
                  "an item's sequence numbers are out of range");
    items.items.push_back(item);
  }
  return check.result(std::move(items));
}

}  // namespace lysoen::wire
