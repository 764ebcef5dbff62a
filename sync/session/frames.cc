#include "sync/session/frames.h"

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/crypto/cipher.h"

namespace lysoen::session {

namespace {

constexpr std::string_view kExchangeLabel = "lysoen/1 exchange", kAnswerExport = "lysoen/1 answer",
                           kRequestHeaderExport = "lysoen/1 request header", kAnswerKeyInfo = "lysoen/1 answer key",
                           kAnswerHeaderInfo = "lysoen/1 answer header";

using Header = std::array<uint8_t, kFrameHeaderSize>;

std::array<uint8_t, 12> nonce_of(uint64_t sequence) {
  std::array<uint8_t, 12> nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<uint8_t>(sequence >> (56 - 8 * i));
  return nonce;
}

std::array<uint8_t, 4> mask_of(const crypto::Key32& key, uint32_t index) {
  auto mac = crypto::hmac_sha256(key.view(), {as_bytes("mask"), Writer().u32(index).bytes()});
  return {mac[0], mac[1], mac[2], mac[3]};
}

std::array<uint8_t, 4> check_of(const crypto::Key32& key, uint32_t index, ByteView clear) {
  auto mac = crypto::hmac_sha256(key.view(), {as_bytes("check"), Writer().u32(index).bytes(), clear});
  return {mac[0], mac[1], mac[2], mac[3]};
}

Header make_header(const crypto::Key32& key, uint32_t index, uint8_t type, size_t size) {
  Header header{static_cast<uint8_t>(size >> 16), static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size), type};
  auto check = check_of(key, index, ByteView(header).first(4));
  auto mask = mask_of(key, index);
  for (size_t i = 0; i < 4; ++i) header[i] ^= mask[i], header[4 + i] = check[i];
  return header;
}

/// Length and type, or nothing if the header was changed.
std::optional<std::pair<size_t, uint8_t>> read_header(const crypto::Key32& key, uint32_t index, ByteView bytes) {
  auto mask = mask_of(key, index);
  std::array<uint8_t, 4> clear;
  for (size_t i = 0; i < 4; ++i) clear[i] = bytes[i] ^ mask[i];
  if (!crypto::equal(check_of(key, index, clear), bytes.subspan(4, 4))) return std::nullopt;
  size_t size = size_t{clear[0]} << 16 | size_t{clear[1]} << 8 | clear[2];
  return std::pair(size, clear[3]);
}

}  // namespace

FrameKey FrameKey::of_request(crypto::HpkeContext context) {
  FrameKey key;
  key.header_key_ = context.export_key(kRequestHeaderExport);
  key.context_ = std::move(context);
  return key;
}

FrameKey FrameKey::of_answer(const crypto::Key32& exported, const PublicKey& encapsulation, ByteView nonce) {
  auto derived = crypto::hkdf_extract(Writer().raw(encapsulation).raw(nonce).bytes(), exported.view());
  FrameKey key;
  key.key_ = crypto::hkdf_expand_key(derived, kAnswerKeyInfo);
  key.header_key_ = crypto::hkdf_expand_key(derived, kAnswerHeaderInfo);
  return key;
}

Bytes FrameKey::seal(uint8_t type, ByteView body) {
  if (context_) return context_->seal({&type, 1}, body);
  return crypto::ietf_seal(key_, nonce_of(sequence_++), {&type, 1}, body);
}

std::optional<Bytes> FrameKey::open(uint8_t type, ByteView sealed) {
  if (!context_) return crypto::ietf_open(key_, nonce_of(sequence_++), {&type, 1}, sealed);
  auto opened = context_->open({&type, 1}, sealed);
  if (!opened) return std::nullopt;
  return std::move(opened).value();
}

void FrameKey::skip(uint64_t messages) {
  if (context_) return context_->skip(messages);
  sequence_ += messages;
}

crypto::Key32 export_answer_key(const crypto::HpkeContext& context) {
  return context.export_key(kAnswerExport);
}

Bytes request_info(const RelayId& relay, const PublicKey& key) {
  Writer info;
  info.raw(as_bytes(kExchangeLabel)).u8(0).u8(crypto::kSuite1).id(relay).raw(key);
  return std::move(info).bytes();
}

void FrameSealer::add_frame(uint8_t type, ByteView body) {
  LYSOEN_CHECK(body.size() <= wire::kFrameMax);
  auto sealed = key_.seal(type, body);
  auto header = make_header(key_.header_key(), count_++, type, sealed.size());
  bytes_.insert(bytes_.end(), header.begin(), header.end());
  bytes_.insert(bytes_.end(), sealed.begin(), sealed.end());
}

Bytes FrameSealer::finish(const wire::End& end) {
  auto last = wire::encode(end);
  size_t bare = bytes_.size() + kFrameOverhead + last.size();
  if (crypto::transport_size(bare) != bare) {
    size_t target = crypto::transport_size(bare + kFrameOverhead);
    while (bare + kFrameOverhead <= target) {
      size_t zeros = std::min(target - bare - kFrameOverhead, wire::kFrameMax);
      // Never leave less than a frame's overhead for the next pad frame.
      if (size_t rest = target - bare - kFrameOverhead - zeros; rest > 0 && rest < kFrameOverhead)
        zeros -= kFrameOverhead;
      add_frame(static_cast<uint8_t>(wire::FrameType::pad), Bytes(zeros));
      bare += kFrameOverhead + zeros;
    }
  }
  add_frame(static_cast<uint8_t>(wire::FrameType::end) | kFinalBit, last);
  return std::move(bytes_);
}

FrameOpener::Step FrameOpener::next(ByteView bytes, size_t& at, Frame& out) {
  auto rest = bytes.subspan(at);
  if (ended_) return rest.empty() ? Step::more : Step::spoiled;
  if (rest.size() < kFrameHeaderSize) return Step::more;
  auto header = read_header(key_.header_key(), count_, rest.first(kFrameHeaderSize));
  if (!header || header->first < crypto::HpkeContext::kTag || count_ >= wire::kFramesMax) return Step::spoiled;
  auto [size, type] = *header;
  if (size > wire::kFrameMax + crypto::HpkeContext::kTag) return Step::spoiled;
  rest = rest.subspan(kFrameHeaderSize);
  if (rest.size() < size) return Step::more;
  auto body = key_.open(type, rest.first(size));
  if (!body) return Step::spoiled;
  out = Frame{static_cast<uint8_t>(type & ~kFinalBit), (type & kFinalBit) != 0, std::move(*body)};
  ended_ = out.final;
  ++count_;
  at += kFrameHeaderSize + size;
  return Step::frame;
}

Result<std::optional<Bytes>> Assembler::add_part(uint32_t total, uint32_t offset, ByteView part) {
  if (offset == 0) whole_.clear(), total_ = total;
  if (offset != whole_.size() || total != total_ || part.size() > total - offset) {
    whole_.clear();
    return make_error(ErrorCode::input_refused, "cannot put an object together: its parts are out of order");
  }
  whole_.insert(whole_.end(), part.begin(), part.end());
  if (whole_.size() < total_) return std::optional<Bytes>();
  return std::optional<Bytes>(std::move(whole_));
}

}  // namespace lysoen::session
