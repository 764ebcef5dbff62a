// Fields of the wire protobufs <-> our types, with sizes checked. Private to this module: it includes the generated
// code.
#pragma once
#include <lysoen/result.h>

#include <string>

#include "core/base/bytes.h"
#include "lysoen/wire/wire.pb.h"
#include "sync/wire/limits.h"
#include "sync/wire/message.h"

namespace lysoen::wire::fields {

inline std::string text_of(ByteView bytes) {
  return std::string(as_text(bytes));
}
inline Bytes bytes_of(const std::string& text) {
  return to_bytes(as_bytes(text));
}
template <class IdType>
std::string text_of_id(const IdType& id) {
  return text_of(id.view());
}

/// One after another.
std::string text_of_hashes(const std::vector<Hash>& hashes);

/// Collects the first thing that is wrong, so that a decoder reads top to bottom and checks once.
class Check {
 public:
  explicit Check(const char* what) : what_(what) {}

  void require(bool condition, const char* why) {
    if (!condition && !why_) why_ = why;
  }
  void limit(size_t size, size_t size_max, const char* why) {
    if (size > size_max && !why_) why_ = why, over_limit_ = true;
  }
  /// Exactly 32 bytes, or none when empty and allowed.
  template <class IdType>
  IdType id(const std::string& text, const char* why, bool optional = false) {
    if (text.empty() && optional) return IdType{};
    auto read = IdType::from(as_bytes(text));
    require(read.has_value(), why);
    return read.value_or(IdType{});
  }
  template <size_t N>
  std::array<uint8_t, N> array(const std::string& text, const char* why) {
    std::array<uint8_t, N> out{};
    require(text.size() == N, why);
    if (text.size() == N) std::memcpy(out.data(), text.data(), N);
    return out;
  }
  Bytes bytes(const std::string& text, size_t size_max, const char* why) {
    limit(text.size(), size_max, why);
    return text.size() > size_max ? Bytes{} : bytes_of(text);
  }
  /// At most `count_max`.
  std::vector<Hash> hashes(const std::string& text, size_t count_max, const char* why);
  uint8_t byte(uint32_t value, const char* why) {
    require(value <= 255, why);
    return static_cast<uint8_t>(value);
  }

  bool ok() const { return why_ == nullptr; }
  Error error() const {
    return make_error(over_limit_ ? ErrorCode::limit_exceeded : ErrorCode::input_refused,
                      std::string("cannot read a ") + what_ + " from the other side: " + why_);
  }
  template <class Message>
  Result<Message> result(Message message) const {
    if (!ok()) return error();
    return message;
  }

 private:
  const char* what_;
  const char* why_ = nullptr;
  bool over_limit_ = false;
};

template <class Proto>
bool parse(Proto& out, ByteView bytes) {
  return bytes.size() <= kFrameMax && out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <class Proto>
Bytes serialize(const Proto& message) {
  Bytes out(message.ByteSizeLong());
  message.SerializeToArray(out.data(), static_cast<int>(out.size()));
  return out;
}

/// Total, offset and part of something larger than a frame.
template <class Message, class Proto>
void put_part(Proto& out, const Message& message) {
  out.set_total(message.total);
  out.set_offset(message.offset);
  out.set_part(text_of(message.part));
}
template <class Message, class Proto>
void take_part(Message& message, const Proto& in, size_t total_max, Check& check) {
  check.limit(in.total(), total_max, "the whole is larger than its limit");
  message.total = in.total();
  message.offset = in.offset();
  message.part = check.bytes(in.part(), kPartMax, "a part is larger than 192 KiB");
  check.require(
      !message.part.empty() && message.offset <= message.total && message.part.size() <= message.total - message.offset,
      "a part lies outside the whole");
}

void put(pb::FeedKey& out, const FeedKey& key);
/// Device and audience may be absent (none).
FeedKey feed_key(const pb::FeedKey& in, Check& check);

}  // namespace lysoen::wire::fields
