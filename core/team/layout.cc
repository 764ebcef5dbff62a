#include "core/team/layout.h"

#include <algorithm>

namespace lysoen::team::layout {
namespace {

constexpr uint64_t kTimeMax = 253402300799999;  // 9999-12-31T23:59:59.999Z
constexpr uint8_t kDurable = 1;

/// Length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7); 0 if there is none.
size_t utf8_length(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  auto tail = [&](size_t i) { return at(i) >= 0x80 && at(i) <= 0xBF; };
  uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    uint8_t least = lead == 0xE0 ? 0xA0 : 0x80, most = lead == 0xED ? 0x9F : 0xBF;
    return at(1) >= least && at(1) <= most && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    uint8_t least = lead == 0xF0 ? 0x90 : 0x80, most = lead == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= least && at(1) <= most && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool is_url(std::string_view url) {
  return !url.empty() && url.size() <= kRelayUrlMax &&
         std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

void put_time(Writer& out, WallTime time) {
  out.u64(static_cast<uint64_t>(time.time_since_epoch().count()));
}

WallTime take_time(Reader& in) {
  uint64_t value = in.u64();
  if (value > kTimeMax) return in.fail(), WallTime{};
  return WallTime(std::chrono::milliseconds(value));
}

void put_optional(Writer& out, const Hash& hash) {
  hash.is_none() ? out.field(ByteView{}) : out.field(hash.view());
}

Hash take_optional(Reader& in) {
  auto bytes = in.field(Hash::kSize);
  if (bytes.empty()) return {};
  auto hash = Hash::from(bytes);
  if (!hash || hash->is_none()) return in.fail(), Hash{};
  return *hash;
}

bool is_text(std::string_view text, size_t size_max) {
  if (text.size() > size_max) return false;
  while (!text.empty()) {
    auto lead = static_cast<uint8_t>(text[0]);
    size_t length = utf8_length(text);
    if (length == 0 || lead < 0x20 || lead == 0x7F) return false;
    if (lead == 0xC2 && static_cast<uint8_t>(text[1]) < 0xA0) return false;  // C1 controls
    text.remove_prefix(length);
  }
  return true;
}

std::string take_text(Reader& in, size_t size_max) {
  std::string text(as_text(in.field(size_max)));
  if (!is_text(text, size_max)) return in.fail(), std::string{};
  return text;
}

bool is_sound(const RelayInfo& relay) {
  return !relay.id.is_none() && relay.urls.size() <= kRelayUrlsMax &&
         std::all_of(relay.urls.begin(), relay.urls.end(), is_url);
}

void put_relay(Writer& out, const RelayInfo& relay) {
  out.id(relay.id).raw(relay.fallback_key).raw(relay.gate_key).u8(relay.durable ? kDurable : 0);
  out.u8(static_cast<uint8_t>(relay.urls.size()));
  for (const auto& url : relay.urls) out.field(url);
}

RelayInfo take_relay(Reader& in) {
  RelayInfo relay;
  relay.id = in.id<RelayId>();
  relay.fallback_key = in.array<32>();
  relay.gate_key = in.array<32>();
  uint8_t flags = in.u8();
  relay.durable = flags == kDurable;
  size_t count = in.u8();
  for (size_t i = 0; i < count && in.ok(); ++i) relay.urls.emplace_back(as_text(in.field(kRelayUrlMax)));
  if (flags > kDurable || !is_sound(relay)) in.fail();
  return relay;
}

void put_proof(Writer& out, const LeafProof& proof) {
  out.u32(proof.index);
  for (const auto* side : {&proof.left, &proof.right}) {
    out.u8(static_cast<uint8_t>(side->size()));
    for (const auto& hash : *side) out.id(hash);
  }
}

LeafProof take_proof(Reader& in) {
  LeafProof proof;
  proof.index = in.u32();
  for (auto* side : {&proof.left, &proof.right}) {
    size_t count = in.u8();
    if (count > kProofMax) in.fail();
    for (size_t i = 0; i < count && in.ok(); ++i) side->push_back(in.id<Hash>());
  }
  return proof;
}

Error damaged(std::string_view what) {
  return make_error(ErrorCode::damaged, "cannot read " + std::string(what) + ": it is damaged or incomplete",
                    "get it again from where it came");
}

Result<void> check_format(ByteView bytes, std::string_view what) {
  if (bytes.empty()) return damaged(what);
  if (bytes[0] == kFormat) return {};
  return make_error(ErrorCode::newer_version, "cannot read " + std::string(what) + ": made by a newer version (" +
                                                  std::to_string(bytes[0]) + ", this one reads up to " +
                                                  std::to_string(kFormat) + ")");
}

Writer context(std::string_view label) {
  Writer out;
  out.raw(as_bytes(label)).u8(0);
  return out;
}

}  // namespace lysoen::team::layout
