// Ids are types, never strings or integers: a ReportId cannot be passed where a DeviceId is meant.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lysoen {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// The bytes, or nothing if `text` is not an even number of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);

/// 32 bytes with a meaning. All-zero is "none".
template <class Tag>
struct Id {
  static constexpr size_t kSize = 32;
  std::array<uint8_t, kSize> bytes{};

  auto operator<=>(const Id&) const = default;
  bool is_none() const { return *this == Id{}; }
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }

  /// Requires exactly 32 bytes.
  static std::optional<Id> from(ByteView raw) {
    if (raw.size() != kSize) return std::nullopt;
    Id id;
    std::memcpy(id.bytes.data(), raw.data(), kSize);
    return id;
  }
  static std::optional<Id> from_hex(std::string_view text) {
    auto raw = lysoen::from_hex(text);
    return raw ? from(*raw) : std::nullopt;
  }
};

using Hash = Id<struct HashTag>;            // SHA-256 of something
using TeamId = Id<struct TeamTag>;          // hash of the founding root key
using DeviceId = Id<struct DeviceTag>;      // the device's Ed25519 public key
using AudienceId = Id<struct AudienceTag>;  // hash of team, kind and name (or device, for an inbox)
using FeedId = Id<struct FeedTag>;          // hash of device, audience, incarnation
using EditId = Id<struct EditTag>;          // hash of device, salt, edit bytes
using ReportId = Id<struct ReportTag>;      // id of the creating edit; random while the report is a draft
using BlobId = Id<struct BlobTag>;          // hash of a blob's ciphertext
using RelayId = Id<struct RelayTag>;        // the relay's Ed25519 identity key

using Signature = std::array<uint8_t, 64>;  // Ed25519
using PublicKey = std::array<uint8_t, 32>;  // X25519

}  // namespace lysoen

template <class Tag>
struct std::hash<lysoen::Id<Tag>> {
  size_t operator()(const lysoen::Id<Tag>& id) const noexcept {
    size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};
