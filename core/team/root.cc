#include "core/team/root.h"

#include "core/base/try.h"
#include "core/crypto/cipher.h"
#include "core/team/layout.h"
#include "core/team/text_key.h"

// Root key file, 137 bytes, big-endian:
//   0   format u8 = 0
//   1   memory of Argon2id in KiB u32, passes u32
//   9   salt 16
//   25  nonce 24 ‖ XChaCha20-Poly1305(root seed 32 ‖ team id 32) ‖ tag 16; AAD = label ‖ 0x00 ‖ bytes 0..24
//   129 first 8 bytes of SHA-256 over bytes 0..128: tells a damaged file from a wrong passphrase
namespace lysoen::team {
namespace {

constexpr std::string_view kLabel = "lysoen/1 root file";
constexpr size_t kHeader = 25, kChecksum = 8;

Bytes additional_data(ByteView header) {
  return layout::context(kLabel).raw(header).bytes();
}

ByteView checksum_of(ByteView file, Hash& hash) {
  hash = crypto::sha256(file);
  return ByteView(hash.bytes).first(kChecksum);
}

}  // namespace

RootKey RootKey::found(Random& random) {
  auto key = crypto::SigningKey::generate(random);
  TeamId team = team_id(key.public_key());
  return RootKey{team, std::move(key)};
}

Result<Bytes> seal_root(const RootKey& root, std::string_view passphrase, const crypto::Argon2Cost& cost,
                        Random& random) {
  if (passphrase.empty())
    return make_error(ErrorCode::input_refused, "cannot seal the root key: the passphrase is empty");
  std::array<uint8_t, crypto::kSaltSize> salt;
  random.fill(salt);
  LYSOEN_ASSIGN(auto key, crypto::derive_key(passphrase, salt, cost));
  Writer out;
  out.u8(kFormat).u32(cost.memory_kib).u32(cost.passes).raw(salt);
  Bytes inner = to_bytes(root.key.seed().view());
  inner.insert(inner.end(), root.team.bytes.begin(), root.team.bytes.end());
  out.raw(crypto::aead_seal_box(key, additional_data(out.bytes()), inner, random));
  crypto::wipe(inner);
  Hash hash;
  Bytes sum = to_bytes(checksum_of(out.bytes(), hash));
  return std::move(out.raw(sum)).bytes();
}

Result<RootKey> open_root(ByteView file, std::string_view passphrase) {
  constexpr uint8_t kPlausibleFormats = 16;  // other first bytes are some other file's
  if (file.size() >= kRootFileSize && file[0] < kPlausibleFormats)
    LYSOEN_TRY(layout::check_format(file, "the root key file"));
  if (file.size() != kRootFileSize || file[0] != kFormat)
    return make_error(ErrorCode::input_refused, "cannot open the root key: the file is not a root key file (" +
                                                    std::to_string(file.size()) + " bytes, expected " +
                                                    std::to_string(kRootFileSize) + ")");
  Hash hash;
  ByteView sealed_part = file.first(kRootFileSize - kChecksum);
  if (!crypto::equal(checksum_of(sealed_part, hash), file.last(kChecksum)))
    return make_error(ErrorCode::damaged, "cannot open the root key: the file is damaged", "use another copy of it");
  Reader in(sealed_part);
  in.u8();
  crypto::Argon2Cost cost;
  cost.memory_kib = in.u32();
  cost.passes = in.u32();
  auto salt = in.array<crypto::kSaltSize>();
  LYSOEN_ASSIGN(auto key, crypto::derive_key(passphrase, salt, cost));
  auto inner = crypto::aead_open_box(key, additional_data(file.first(kHeader)), in.raw(in.left()));
  if (!inner)
    return make_error(ErrorCode::wrong_passphrase, "cannot open the root key: wrong passphrase",
                      "this is the passphrase given when the team was made, not the vault's");
  auto seed = crypto::Key32::from(ByteView(*inner).first(32));
  auto team = TeamId::from(ByteView(*inner).subspan(32));
  crypto::wipe(*inner);
  if (!seed || !team) return layout::damaged("the root key file");
  return RootKey{*team, crypto::SigningKey::from_seed(*seed)};
}

}  // namespace lysoen::team
