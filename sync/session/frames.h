// Frames: how messages lie in a request and in an answer (docs/protocol/exchange.md, "Frames").
//
//   frame  = header 8 ‖ sealed body (body + 16)
//   header = (length u24 ‖ type u8 with the final bit 0x80) XOR mask 4 ‖ check 4
//   mask ‖ check come from HMAC-SHA-256(header key, ...): neither types nor lengths show, and a damaged header is told
//   from a cut
//   body   = sealed under the i-th nonce, AAD = type with the final bit
//
// A FrameOpener says of each frame: here it is, more bytes are needed, or somebody changed it.
#pragma once
#include <functional>

#include "core/crypto/hpke.h"
#include "sync/wire/codec.h"

namespace lysoen::session {

inline constexpr size_t kGateSize = 8, kEncapsulationSize = 32, kNonceSize = 32;
inline constexpr size_t kFrameHeaderSize = 8, kFrameOverhead = kFrameHeaderSize + crypto::HpkeContext::kTag;
inline constexpr uint8_t kFinalBit = 0x80;

/// Key of one direction: seals message i. For requests an HPKE context, for answers a key and a counter.
class FrameKey {
 public:
  static FrameKey of_request(crypto::HpkeContext context);
  /// HKDF(salt = encapsulation ‖ nonce, Export(context)); `exported` as given by export_answer_key.
  static FrameKey of_answer(const crypto::Key32& exported, const PublicKey& encapsulation, ByteView nonce);
  Bytes seal(uint8_t type, ByteView body);
  std::optional<Bytes> open(uint8_t type, ByteView sealed);
  void skip(uint64_t messages);
  const crypto::Key32& header_key() const { return header_key_; }

 private:
  FrameKey() = default;
  std::optional<crypto::HpkeContext> context_;
  crypto::Key32 key_, header_key_;
  uint64_t sequence_ = 0;
};

crypto::Key32 export_answer_key(const crypto::HpkeContext& context);
/// What HPKE is bound to: "lysoen/1 exchange" ‖ 0x00 ‖ suite ‖ relay identity ‖ key.
Bytes request_info(const RelayId& relay, const PublicKey& key);

class FrameSealer {
 public:
  /// `prefix` goes in front of the frames and counts for the padding.
  FrameSealer(FrameKey key, Bytes prefix) : key_(std::move(key)), bytes_(std::move(prefix)) {}

  template <class Message>
  void add(wire::FrameType type, const Message& message) {
    add_frame(static_cast<uint8_t>(type), wire::encode(message));
  }
  void add_frame(uint8_t type, ByteView body);
  size_t size() const { return bytes_.size(); }
  /// Pad frames, then End: the whole is as long as crypto::transport_size says.
  Bytes finish(const wire::End& end);
  /// As it is: what a cut request or answer looks like.
  Bytes unfinished() && { return std::move(bytes_); }

 private:
  FrameKey key_;
  Bytes bytes_;
  uint32_t count_ = 0;
};

struct Frame {
  uint8_t type = 0;  // may be one that this version does not know
  bool final = false;
  Bytes body;
};

class FrameOpener {
 public:
  /// `passed`: frames that were taken before with another opener of the same key.
  explicit FrameOpener(FrameKey key, uint32_t passed = 0) : key_(std::move(key)), count_(passed) { key_.skip(passed); }
  enum class Step { frame, more, spoiled };
  /// Takes the next frame off `bytes` from `at` on, which moves behind it. `spoiled` is final. After the final frame
  /// any byte spoils.
  Step next(ByteView bytes, size_t& at, Frame& out);
  bool ended() const { return ended_; }
  uint32_t count() const { return count_; }

 private:
  FrameKey key_;
  uint32_t count_ = 0;
  bool ended_ = false;
};

/// Puts parts of a roster, list or welcome together; they come in order, without gaps.
class Assembler {
 public:
  /// The whole after its last part. Errors: input_refused (parts out of order).
  template <class Message>
  Result<std::optional<Bytes>> add(const Message& message) {
    return add_part(message.total, message.offset, message.part);
  }
  bool empty() const { return whole_.empty(); }

 private:
  Result<std::optional<Bytes>> add_part(uint32_t total, uint32_t offset, ByteView part);
  Bytes whole_;
  uint32_t total_ = 0;
};

/// The parts of `whole`, each as a Message with these fields set.
template <class Message>
std::vector<Message> split(ByteView whole, const Message& model = {}) {
  std::vector<Message> parts;
  for (size_t at = 0; at < whole.size(); at += wire::kPartMax) {
    Message part = model;
    auto bytes = whole.subspan(at, std::min(wire::kPartMax, whole.size() - at));
    part.total = static_cast<uint32_t>(whole.size());
    part.offset = static_cast<uint32_t>(at);
    part.part.assign(bytes.begin(), bytes.end());
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace lysoen::session
