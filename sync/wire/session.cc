// The frames that open an exchange and ask: Hello, Want, the joiner's post; and End.
#include "sync/wire/codec.h"
#include "sync/wire/proto_fields.h"

namespace lysoen::wire {

using namespace fields;

Bytes encode(const Hello& message) {
  pb::Hello out;
  out.set_team(text_of_id(message.team));
  out.set_device(text_of_id(message.device));
  out.set_counter(message.counter);
  out.set_version_min(message.version_min);
  out.set_version_max(message.version_max);
  out.set_roster_version(message.roster_version);
  out.set_roster_hash8(message.roster_hash8);
  out.set_heads_hash8(message.heads_hash8);
  out.set_heads_count(message.heads_count);
  for (const auto& head : message.heads) {
    auto& row = *out.add_heads();
    row.set_feed8(head.feed8);
    row.set_seq(head.seq);
    row.set_hash8(head.hash8);
  }
  out.set_log_size(message.log_size);
  out.set_log_root8(message.log_root8);
  out.set_signature(text_of(message.signature));
  return serialize(out);
}

template <>
Result<Hello> decode<Hello>(ByteView bytes) {
  pb::Hello in;
  Check check("hello");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.heads_size()), kHelloHeadsMax, "it names more than 16 heads");
  if (!check.ok()) return check.error();
  Hello hello;
  hello.team = check.id<TeamId>(in.team(), "the team id is not 32 bytes");
  hello.device = check.id<DeviceId>(in.device(), "the device id is not 32 bytes");
  hello.counter = in.counter();
  check.require(hello.counter > 0, "its counter is zero");
  hello.version_min = check.byte(in.version_min(), "a version is out of range");
  hello.version_max = check.byte(in.version_max(), "a version is out of range");
  check.require(hello.version_min <= hello.version_max, "its versions are the wrong way round");
  hello.roster_version = in.roster_version();
  hello.roster_hash8 = in.roster_hash8();
  hello.heads_hash8 = in.heads_hash8();
  hello.heads_count = in.heads_count();
  for (const auto& row : in.heads()) hello.heads.push_back({row.feed8(), row.seq(), row.hash8()});
  hello.log_size = in.log_size();
  hello.log_root8 = in.log_root8();
  hello.signature = check.array<64>(in.signature(), "the signature is not 64 bytes");
  return check.result(std::move(hello));
}

Bytes encode(const Want& message) {
  pb::Want out;
  for (const auto& ask : message.mailboxes) {
    auto& row = *out.add_mailboxes();
    row.set_mailbox8(ask.mailbox8);
    row.set_store_epoch(ask.store_epoch);
    row.set_counter(ask.counter);
    row.set_running8(ask.running8);
    row.set_list_only(ask.list_only);
  }
  for (const auto& ask : message.feeds) {
    auto& row = *out.add_feeds();
    fields::put(*row.mutable_feed(), ask.feed);
    row.set_first_seq(ask.first_seq);
    row.set_last_seq(ask.last_seq);
  }
  out.set_wait_ms(message.wait_ms);
  out.set_answer_max(message.answer_max);
  out.set_join_requests(message.join_requests);
  return serialize(out);
}

template <>
Result<Want> decode<Want>(ByteView bytes) {
  pb::Want in;
  Check check("want");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.mailboxes_size()), kMailboxesMax, "it names more than 256 mailboxes");
  check.limit(static_cast<size_t>(in.feeds_size()), kFeedsAskedMax, "it names more than 256 feeds");
  check.limit(in.wait_ms(), kWaitMaxMs, "it would wait longer than 10 minutes");
  if (!check.ok()) return check.error();
  Want want;
  for (const auto& row : in.mailboxes())
    want.mailboxes.push_back({row.mailbox8(), row.store_epoch(), row.counter(), row.running8(), row.list_only()});
  for (const auto& row : in.feeds()) {
    check.require(row.first_seq() > 0, "a sequence number is zero");
    want.feeds.push_back({feed_key(row.feed(), check), row.first_seq(), row.last_seq()});
  }
  want.wait_ms = in.wait_ms();
  want.answer_max = in.answer_max();
  want.join_requests = in.join_requests();
  return check.result(std::move(want));
}

Bytes encode(const JoinPost& message) {
  pb::JoinPost out;
  out.set_team(text_of_id(message.team));
  out.set_invite_key(text_of(message.invite_key));
  out.set_version_min(message.version_min);
  out.set_version_max(message.version_max);
  out.set_request(text_of(message.request));
  out.set_signature(text_of(message.signature));
  return serialize(out);
}

template <>
Result<JoinPost> decode<JoinPost>(ByteView bytes) {
  pb::JoinPost in;
  Check check("join request");
  check.require(parse(in, bytes), "it is no such message");
  JoinPost post;
  post.team = check.id<TeamId>(in.team(), "the team id is not 32 bytes");
  post.invite_key = check.array<32>(in.invite_key(), "the invite key is not 32 bytes");
  post.version_min = check.byte(in.version_min(), "a version is out of range");
  post.version_max = check.byte(in.version_max(), "a version is out of range");
  check.require(post.version_min <= post.version_max, "its versions are the wrong way round");
  post.request = check.bytes(in.request(), kJoinRequestMax, "it is larger than 1 KiB");
  post.signature = check.array<64>(in.signature(), "the signature is not 64 bytes");
  return check.result(std::move(post));
}

Bytes encode(const Welcome& message) {
  pb::Welcome out;
  put_part(out, message);
  return serialize(out);
}

template <>
Result<Welcome> decode<Welcome>(ByteView bytes) {
  pb::Welcome in;
  Check check("welcome");
  check.require(parse(in, bytes), "it is no such message");
  Welcome welcome;
  take_part(welcome, in, kWelcomeMax, check);
  return check.result(std::move(welcome));
}

Bytes encode(const JoinRequests& message) {
  pb::JoinRequests out;
  for (const auto& request : message.requests) out.add_requests(text_of(request));
  return serialize(out);
}

template <>
Result<JoinRequests> decode<JoinRequests>(ByteView bytes) {
  pb::JoinRequests in;
  Check check("list of join requests");
  check.require(parse(in, bytes), "it is no such message");
  check.limit(static_cast<size_t>(in.requests_size()), kJoinRequestsPerFrame, "it has more than 128");
  if (!check.ok()) return check.error();
  JoinRequests list;
  for (const auto& request : in.requests())
    list.requests.push_back(check.bytes(request, kJoinRequestMax, "one is larger than 1 KiB"));
  return check.result(std::move(list));
}

Bytes encode(const End& message) {
  pb::End out;
  out.set_more(message.more);
  return serialize(out);
}

template <>
Result<End> decode<End>(ByteView bytes) {
  pb::End in;
  Check check("end");
  check.require(parse(in, bytes), "it is no such message");
  return check.result(End{in.more()});
}

}  // namespace lysoen::wire
