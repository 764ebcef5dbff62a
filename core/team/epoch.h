// Epochs of an audience: an X25519 pair whose private half every reader holds. It travels wrapped (HPKE) to each
// reader's inbox key; all wraps made at once are one object, signed over its Merkle root, so that each reader can be
// given only its own wrap with the path. docs/formats/team.md, "Epochs".
#pragma once
#include "core/crypto/hpke.h"
#include "core/team/roster.h"

namespace lysoen::team {

struct Epoch {
  AudienceId audience;
  uint32_t number = 1;
  crypto::KemKeyPair keys;

  static Epoch generate(const AudienceId& audience, uint32_t number, Random& random);
  Epoch copy() const { return {audience, number, keys.copy()}; }
};

inline constexpr size_t kWrapSize = 80;  // encapsulation 32 ‖ sealed key 32 ‖ tag 16

struct WrapHeader {
  TeamId team;
  AudienceId audience;
  uint32_t number = 1;
  PublicKey public_key{};  // of the epoch
  uint32_t count = 0;
  Hash root;        // over the wraps, sorted by device id
  DeviceId signer;  // a device that reads the team's audience
  Signature signature{};
  bool operator==(const WrapHeader&) const = default;
};

struct Wrap {
  DeviceId device;
  std::array<uint8_t, kWrapSize> sealed{};
  bool operator==(const Wrap&) const = default;
};

/// All wraps made at once: at a new epoch one for each reader, at a new member one.
struct EpochWraps {
  WrapHeader header;
  std::vector<Wrap> wraps;
  bool operator==(const EpochWraps&) const = default;
};

/// One reader's part.
struct OwnWrap {
  WrapHeader header;
  Wrap wrap;
  LeafProof proof;
  bool operator==(const OwnWrap&) const = default;
};

struct WrapReader {
  DeviceId device;
  PublicKey inbox{};
};

/// Who reads an audience by this roster: coordinators and auditors `team`, every member `all`.
std::vector<WrapReader> readers_of(const Roster& roster, AudienceKind kind);

/// Errors: trust_refused (an inbox key is of low order), limit_exceeded, input_refused (nobody, or somebody twice).
Result<EpochWraps> wrap_epoch(const TeamId& team, const Epoch& epoch, std::vector<WrapReader> readers,
                              const crypto::SigningKey& signer, Random& random);
std::optional<OwnWrap> own_wrap(const EpochWraps& wraps, const DeviceId& device);

/// The epoch, if the wrap is for this device, its signer reads the team's audience by `roster`, and the private key
/// fits the public key that the roster names. Errors: trust_refused with the reason: stop sealing and show it.
Result<Epoch> open_wrap(const OwnWrap& wrap, const RosterState& roster, const DeviceId& device,
                        const crypto::KemKeyPair& inbox);

Bytes encode_wraps(const EpochWraps& wraps);
Result<EpochWraps> decode_wraps(ByteView bytes);  // checks root and order. Errors: damaged, newer_version
Bytes encode_own_wrap(const OwnWrap& wrap);
Result<OwnWrap> decode_own_wrap(ByteView bytes);  // checks the path

}  // namespace lysoen::team
