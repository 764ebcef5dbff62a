#include "core/team/text_key.h"

#include <lysoen/exchange.h>

#include <algorithm>

#include "core/base/base64url.h"
#include "core/base/try.h"
#include "core/crypto/hash.h"

namespace lysoen {
namespace {

constexpr size_t kChecksum = 4;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// "<kind>:1:" ‖ base64url(bytes ‖ checksum).
std::string key_text(std::string_view kind, ByteView bytes) {
  Bytes all = to_bytes(bytes);
  Hash sum = crypto::sha256(bytes);
  all.insert(all.end(), sum.bytes.begin(), sum.bytes.begin() + kChecksum);
  return std::string(kind) + ":1:" + to_base64url(all);
}

/// The `size` bytes that stand in `text`. `what` is "relay key", `kind` "lysoen-relay".
Result<Bytes> parse_key(std::string_view text, std::string_view kind, const std::string& what, size_t size) {
  text = trimmed(text);
  std::string start = std::string(kind) + ":";
  if (!text.starts_with(start))
    return make_error(ErrorCode::input_refused, "cannot read " + what + ": it does not begin with '" + start + "'",
                      "copy the whole line, from '" + start + "1:' to its end");
  text.remove_prefix(start.size());
  auto colon = text.find(':');
  auto version = text.substr(0, colon);
  if (version != "1" && !version.empty() && version.size() <= 3 &&
      version.find_first_not_of("0123456789") == version.npos && colon != text.npos)
    return make_error(ErrorCode::newer_version, "cannot read " + what + ": made by a newer version (" +
                                                    std::string(version) + ", this one reads up to 1)");
  std::optional<Bytes> bytes;
  if (version == "1" && colon != text.npos) bytes = from_base64url(text.substr(colon + 1));
  if (bytes && bytes->size() == size + kChecksum) {
    Hash sum = crypto::sha256(ByteView(*bytes).first(size));
    if (std::equal(bytes->begin() + static_cast<std::ptrdiff_t>(size), bytes->end(), sum.bytes.begin()))
      return bytes->resize(size), std::move(*bytes);
  }
  return make_error(ErrorCode::input_refused, "cannot read " + what + ": it is cut short or mistyped",
                    "copy the whole line again from where it came");
}

}  // namespace

std::string relay_key_text(const RelayInfo& relay) {
  Writer out;
  out.id(relay.id).raw(relay.fallback_key).raw(relay.gate_key);
  return key_text("lysoen-relay", out.bytes());
}

Result<RelayInfo> parse_relay_key(std::string_view text) {
  LYSOEN_ASSIGN(Bytes bytes, parse_key(text, "lysoen-relay", "relay key", 96));
  Reader in(bytes);
  RelayInfo relay;
  relay.id = in.id<RelayId>();
  relay.fallback_key = in.array<32>();
  relay.gate_key = in.array<32>();
  return relay;
}

namespace team {

TeamId team_id(const crypto::SignPublic& founding_root) {
  return crypto::labelled_id<TeamId>("lysoen/1 team", founding_root);
}

std::string team_key_text(const crypto::SignPublic& root) {
  return key_text("lysoen-team", root);
}

Result<crypto::SignPublic> parse_team_key(std::string_view text) {
  LYSOEN_ASSIGN(Bytes bytes, parse_key(text, "lysoen-team", "team key", 32));
  return Reader(bytes).array<32>();
}

}  // namespace team
}  // namespace lysoen
