#include "core/feed/receipt.h"

#include "core/base/check.h"
#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen::feed {

namespace {

constexpr std::string_view kReceiptLabel = "lysoen/1 receipt", kPointsLabel = "lysoen/1 mailbox points",
                           kBlobLabel = "lysoen/1 blob receipt";
constexpr uint8_t kSuite = 1;
constexpr size_t kReceiptFixed = 1 + 32 + 68 + 8 + 32 + 8 + 76 + 2 + 8 + 8 + 32 + 64;
constexpr size_t kReceiptSizeMax = kReceiptFixed + 16 * kRangesMax;

void write_point(Writer& out, const MailboxCursor& point) {
  out.id(point.mailbox).u32(point.store_epoch).u64(point.counter).id(point.running);
}

MailboxCursor read_point(Reader& in) {
  MailboxCursor point;
  point.mailbox = in.id<AudienceId>();
  point.store_epoch = in.u32();
  point.counter = in.u64();
  point.running = in.id<Hash>();
  return point;
}

Bytes encode_unsigned(const Receipt& receipt) {
  Writer out;
  out.u8(kSuite).id(receipt.team);
  out.id(receipt.feed.device).id(receipt.feed.audience).u32(receipt.feed.incarnation);
  out.u64(receipt.seq).id(receipt.head).u64(static_cast<uint64_t>(receipt.time.time_since_epoch().count()));
  write_point(out, receipt.point);
  write_ranges(out, receipt.missing);
  out.u64(receipt.leaf_index).u64(receipt.log_size).id(receipt.log_root);
  return std::move(out).bytes();
}

Receipt read_fields(Reader& in) {
  Receipt receipt;
  receipt.team = in.id<TeamId>();
  receipt.feed.device = in.id<DeviceId>();
  receipt.feed.audience = in.id<AudienceId>();
  receipt.feed.incarnation = in.u32();
  receipt.seq = in.u64();
  receipt.head = in.id<Hash>();
  receipt.time = WallTime(std::chrono::milliseconds(static_cast<int64_t>(in.u64())));
  receipt.point = read_point(in);
  receipt.missing = read_ranges(in, receipt.seq);
  receipt.leaf_index = in.u64();
  receipt.log_size = in.u64();
  receipt.log_root = in.id<Hash>();
  return receipt;
}

Bytes encode_points(const TeamId& team, std::span<const MailboxCursor> points) {
  LYSOEN_CHECK(points.size() <= kPointsMax);
  Writer out;
  out.u8(kSuite).id(team).u16(static_cast<uint16_t>(points.size()));
  for (const auto& point : points) write_point(out, point);
  return std::move(out).bytes();
}

}  // namespace

// -- Mailbox and log ------------------------------------------------------------------------------------------------

Bytes encode_item(const MailboxItem& item) {
  Writer missing;
  write_ranges(missing, item.missing);
  Writer out;
  out.u64(item.n).id(item.feed).u64(item.first_seq).u64(item.last_seq).id(item.head);
  out.id(crypto::sha256(missing.bytes()));
  return std::move(out).bytes();
}

Hash running_hash(const Hash& before, const MailboxItem& item) {
  Writer fields;
  fields.id(before).raw(encode_item(item));
  return crypto::labelled_hash("lysoen/1 mailbox", fields.bytes());
}

Hash log_leaf(const FeedId& feed, uint64_t seq, const Hash& head) {
  Writer fields;
  fields.id(feed).u64(seq).id(head);
  return crypto::merkle_leaf(crypto::labelled_hash("lysoen/1 log leaf", fields.bytes()).view());
}

// -- Receipts -------------------------------------------------------------------------------------------------------

Bytes sign_receipt(const Receipt& receipt, const crypto::SigningKey& relay) {
  Bytes bytes = encode_unsigned(receipt);
  Signature signature = relay.sign(kReceiptLabel, bytes);
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  return bytes;
}

Result<Receipt> decode_receipt(ByteView bytes) {
  if (bytes.size() > kReceiptSizeMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read receipt: it is too large");
  Reader in(bytes);
  if (uint8_t suite = in.u8(); in.ok() && suite != kSuite)
    return make_error(ErrorCode::newer_version, "cannot read receipt: unknown suite " + std::to_string(suite));
  Receipt receipt = read_fields(in);
  in.raw(sizeof(Signature));
  bool sensible =
      receipt.seq >= 1 && receipt.seq <= kSeqMax && receipt.point.counter >= 1 && receipt.leaf_index < receipt.log_size;
  if (!in.done() || !sensible)
    return make_error(ErrorCode::input_refused, "cannot read receipt: its bytes are not one");
  return receipt;
}

namespace {
/// The signature is what the bytes end with.
Result<void> check_signed(std::string_view label, const RelayId& relay, ByteView bytes) {
  Signature signature;
  ByteView tail = bytes.last(signature.size());
  std::copy(tail.begin(), tail.end(), signature.begin());
  if (crypto::verify(relay.bytes, label, bytes.first(bytes.size() - signature.size()), signature)) return {};
  return make_error(ErrorCode::trust_refused, "cannot take receipt: the relay's signature does not fit");
}
}  // namespace

Result<Receipt> read_receipt(const RelayId& relay, ByteView bytes) {
  LYSOEN_ASSIGN(Receipt receipt, decode_receipt(bytes));
  LYSOEN_TRY(check_signed(kReceiptLabel, relay, bytes));
  return receipt;
}

Bytes sign_blob_receipt(const BlobReceipt& receipt, const crypto::SigningKey& relay) {
  Writer out;
  out.u8(kSuite).id(receipt.team).id(receipt.name.blob).u64(receipt.name.size);
  out.u64(static_cast<uint64_t>(receipt.time.time_since_epoch().count())).u32(receipt.store_epoch);
  Signature signature = relay.sign(kBlobLabel, out.bytes());
  out.raw(signature);
  return std::move(out).bytes();
}

Result<BlobReceipt> read_blob_receipt(const RelayId& relay, ByteView bytes) {
  Reader in(bytes);
  if (uint8_t suite = in.u8(); in.ok() && suite != kSuite)
    return make_error(ErrorCode::newer_version, "cannot read receipt: unknown suite " + std::to_string(suite));
  BlobReceipt receipt;
  receipt.team = in.id<TeamId>();
  receipt.name.blob = in.id<BlobId>();
  receipt.name.size = in.u64();
  receipt.time = WallTime(std::chrono::milliseconds(static_cast<int64_t>(in.u64())));
  receipt.store_epoch = in.u32();
  in.raw(sizeof(Signature));
  if (!in.done() || receipt.name.size == 0)
    return make_error(ErrorCode::input_refused, "cannot read receipt: its bytes are not one");
  LYSOEN_TRY(check_signed(kBlobLabel, relay, bytes));
  return receipt;
}

Signature sign_points(const TeamId& team, std::span<const MailboxCursor> points, const crypto::SigningKey& relay) {
  return relay.sign(kPointsLabel, encode_points(team, points));
}

bool verify_points(const RelayId& relay, const TeamId& team, std::span<const MailboxCursor> points,
                   const Signature& signature) {
  if (points.size() > kPointsMax) return false;
  return crypto::verify(relay.bytes, kPointsLabel, encode_points(team, points), signature);
}

}  // namespace lysoen::feed
