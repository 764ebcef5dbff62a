#include "core/feed/body.h"

#include <zstd.h>

#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

TEST_CASE("Body: what is encoded is decoded, and text becomes shorter", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(5);
  for (int i = 0; i < 300; ++i) {
    auto payload = random_bytes(random, 1 + pick() % 2000);
    if (pick() % 2)
      for (auto& byte : payload) byte = static_cast<uint8_t>('a' + byte % 4);
    auto body = feed::encode_body(payload);
    REQUIRE(body.ok());
    CHECK(body->size() <= payload.size() + 1);
    auto decoded = feed::decode_body(*body);
    REQUIRE(decoded.ok());
    CHECK(*decoded == payload);
  }
  CHECK(feed::encode_body(Bytes(5000, 'a'))->size() < 40);
  CHECK(feed::encode_body(random_bytes(random, 300))->at(0) == 0);
}

TEST_CASE("Body: a bomb is refused before it grows", "[feed]") {
  Bytes zeros(100 * 1024 * 1024);
  Bytes bomb(1 + ZSTD_compressBound(zeros.size()));
  bomb[0] = 1;
  bomb.resize(1 + ZSTD_compress(bomb.data() + 1, bomb.size() - 1, zeros.data(), zeros.size(), 1));
  REQUIRE(bomb.size() < 16 * 1024);
  CHECK(feed::decode_body(bomb).error().code == ErrorCode::limit_exceeded);
  CHECK(feed::decode_body(bomb).error().message == "cannot read body: its payload is larger than 256 KiB");
  Bytes raw(feed::kPayloadSizeMax + 2);
  CHECK(feed::decode_body(raw).error().code == ErrorCode::limit_exceeded);

  // The same, with a header that claims a small size: the frame does not fit its claim.
  ByteView data = ByteView(bomb).subspan(1);
  REQUIRE((data[4] & 0xC0) == 0x80);  // content size in 4 bytes
  Bytes liar = bomb;
  size_t at = 1 + 5 + ((data[4] & 0x20) ? 0 : 1);
  liar[at] = 0, liar[at + 1] = 1, liar[at + 2] = 0, liar[at + 3] = 0;
  CHECK(feed::decode_body(liar).error().code == ErrorCode::input_refused);
}

TEST_CASE("Body: frames without a size, several frames, dictionaries and unknown codecs are refused", "[feed]") {
  Bytes payload(400, 'b');
  auto body = *feed::encode_body(payload);
  REQUIRE(body[0] == 1);
  Bytes twice = body;
  twice.insert(twice.end(), body.begin() + 1, body.end());
  CHECK(feed::decode_body(twice).error().code == ErrorCode::input_refused);
  Bytes longer = body;
  longer.push_back(0);
  CHECK_FALSE(feed::decode_body(longer).ok());

  Bytes without_size(600);
  without_size[0] = 1;
  auto context = std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)>(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  without_size.resize(1 + ZSTD_compress2(context.get(), without_size.data() + 1, without_size.size() - 1,
                                         payload.data(), payload.size()));
  CHECK(feed::decode_body(without_size).error().code == ErrorCode::input_refused);

  CHECK(feed::decode_body(Bytes{3, 1, 2, 3}).error().code == ErrorCode::newer_version);
  CHECK(feed::decode_body(Bytes{}).error().code == ErrorCode::input_refused);
  CHECK(feed::decode_body(Bytes{0}).error().code == ErrorCode::input_refused);
  CHECK(feed::decode_body(Bytes{1}).error().code == ErrorCode::input_refused);
}

TEST_CASE("Body: damaged zstd never decodes to more than the limit and never crashes", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(6);
  Bytes payload(3000);
  for (auto& byte : payload) byte = static_cast<uint8_t>('a' + pick() % 6);
  auto body = *feed::encode_body(payload);
  for (size_t size = 1; size < body.size(); ++size) REQUIRE_FALSE(feed::decode_body(ByteView(body).first(size)).ok());
  for (int i = 0; i < 4000; ++i) {
    Bytes mutated = body;
    for (uint64_t flips = 1 + pick() % 4; flips > 0; --flips)
      mutated[pick() % mutated.size()] ^= static_cast<uint8_t>(1 << pick() % 8);
    auto decoded = feed::decode_body(mutated);
    if (decoded.ok()) REQUIRE(decoded->size() <= feed::kPayloadSizeMax);
  }
}

TEST_CASE("Payload: an edit's id depends on device, salt and every byte", "[feed]") {
  SeededRandom random(12);
  auto device = random_id<DeviceId>(random);
  feed::EditPayload edit{{1, 2, 3}, random_bytes(random, 50)};
  Bytes payload = feed::encode_payload(edit);
  CHECK(payload.size() == 1 + 16 + 50);
  CHECK(*feed::decode_edit_payload(payload) == edit);
  auto id = feed::edit_id(device, edit.salt, edit.edit);
  auto other_device = device;
  other_device.bytes[3] ^= 1;
  CHECK(feed::edit_id(other_device, edit.salt, edit.edit) != id);
  for (size_t at = 1; at < payload.size(); ++at) {
    Bytes mutated = payload;
    mutated[at] ^= 1;
    auto decoded = *feed::decode_edit_payload(mutated);
    REQUIRE(feed::edit_id(device, decoded.salt, decoded.edit) != id);
  }
  for (size_t size = 0; size <= 17; ++size) CHECK_FALSE(feed::decode_edit_payload(ByteView(payload).first(size)).ok());
}

TEST_CASE("Payload: acknowledgements and read marks have one encoding each", "[feed]") {
  SeededRandom random(seed());
  auto pick = generator(7);
  feed::Acknowledgement sent;
  for (int i = 0; i < 5; ++i) {
    feed::Acknowledged item{random_id<FeedId>(random), 1 + pick() % 1000, random_id<Hash>(random), {}};
    if (item.seq > 20) item.not_opened = {{2, 4}, {7, 7}, {9, item.seq}};
    sent.feeds.push_back(item);
  }
  auto payload = feed::encode_payload(sent);
  REQUIRE(payload.ok());
  auto received = feed::decode_acknowledgement(*payload);
  REQUIRE(received.ok());
  CHECK(received->feeds.size() == 5);
  CHECK(std::is_permutation(sent.feeds.begin(), sent.feeds.end(), received->feeds.begin()));

  feed::ReadMarks marks;
  for (int i = 0; i < 4; ++i) marks.reports.push_back(random_id<ReportId>(random));
  auto marked = feed::encode_payload(marks);
  std::sort(marks.reports.begin(), marks.reports.end());
  CHECK(*feed::decode_read_marks(*marked) == marks);

  // What decodes at all is what would be written for it: no second spelling, no bytes over.
  auto canonical = [](ByteView bytes) {
    if (auto acknowledgement = feed::decode_acknowledgement(bytes); acknowledgement.ok())
      return *feed::encode_payload(*acknowledgement) == to_bytes(bytes);
    if (auto read = feed::decode_read_marks(bytes); read.ok()) return *feed::encode_payload(*read) == to_bytes(bytes);
    return true;
  };
  for (const Bytes& original : {*payload, *marked}) {
    for (size_t size = 0; size < original.size(); ++size) {
      CHECK_FALSE(feed::decode_acknowledgement(ByteView(original).first(size)).ok());
      CHECK_FALSE(feed::decode_read_marks(ByteView(original).first(size)).ok());
    }
    for (int i = 0; i < 3000; ++i) {
      Bytes mutated = original;
      mutated[pick() % mutated.size()] = static_cast<uint8_t>(pick());
      REQUIRE(canonical(mutated));
    }
  }
}

TEST_CASE("Payload: lists beyond their limits are refused when written and when read", "[feed]") {
  SeededRandom random(13);
  feed::Acknowledgement many;
  for (size_t i = 0; i <= feed::kAcknowledgedFeedsMax; ++i)
    many.feeds.push_back({random_id<FeedId>(random), 1, random_id<Hash>(random), {}});
  CHECK(feed::encode_payload(many).error().code == ErrorCode::limit_exceeded);
  many.feeds.pop_back();
  CHECK(feed::encode_payload(many).ok());
  feed::ReadMarks marks;
  for (size_t i = 0; i <= feed::kReadMarksMax; ++i) marks.reports.push_back(random_id<ReportId>(random));
  CHECK(feed::encode_payload(marks).error().code == ErrorCode::limit_exceeded);
  CHECK(feed::encode_payload(feed::ReadMarks{}).error().code == ErrorCode::input_refused);
  CHECK(feed::encode_payload(feed::Acknowledgement{}).error().code == ErrorCode::input_refused);
  CHECK(feed::payload_type(Bytes{9}).error().code == ErrorCode::newer_version);
  CHECK(feed::payload_type(Bytes{0}).error().code == ErrorCode::newer_version);
  CHECK_FALSE(feed::payload_type({}).ok());
}

}  // namespace
}  // namespace lysoen::test
