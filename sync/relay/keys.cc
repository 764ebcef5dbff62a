#include "sync/relay/keys.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "core/storage/files.h"

namespace lysoen::relay {

namespace {

// magic 8 ‖ version u8 ‖ identity seed 32 ‖ fallback secret 32 ‖ store key 32 ‖ store id 32 ‖ count u8 ‖ gate keys 32
// each ‖ count u8 ‖ exchange keys (secret 32 ‖ from u64 ‖ use until u64 ‖ destroy at u64) each ‖ first 8 bytes of
// SHA-256 of it all
constexpr std::string_view kMagic = "LYSRELAY";
constexpr uint8_t kVersion = 0;
constexpr size_t kGateKeysMax = 8, kExchangeKeysMax = 2, kSizeMax = 4096, kChecksum = 8;

uint64_t now_ms(Environment& environment) {
  return static_cast<uint64_t>(std::max<int64_t>(environment.clock.wall().time_since_epoch().count(), 0));
}

session::RelayKeys::ExchangeKey fresh_exchange_key(const crypto::SigningKey& identity, Environment& environment) {
  using std::chrono::milliseconds;
  auto pair = crypto::KemKeyPair::generate(environment.random);
  uint64_t now = now_ms(environment);
  session::CertifiedKey validity{pair.public_key, now,
                                 now + static_cast<uint64_t>(milliseconds(session::kExchangeKeyUse).count()),
                                 now + static_cast<uint64_t>(milliseconds(session::kExchangeKeyLife).count())};
  auto certified = session::certify_exchange_key(identity, validity);
  return {std::move(pair), validity, std::move(certified)};
}

Bytes encode(const KeyFile& file) {
  Writer out;
  out.raw(as_bytes(kMagic)).u8(kVersion);
  out.raw(file.keys.identity.seed().view()).raw(file.keys.fallback.secret.view());
  out.raw(file.store_key.view()).id(file.store_id);
  out.u8(static_cast<uint8_t>(file.keys.gate_keys.size()));
  for (const auto& key : file.keys.gate_keys) out.raw(key);
  out.u8(static_cast<uint8_t>(file.keys.exchange.size()));
  for (const auto& key : file.keys.exchange) {
    out.raw(key.pair.secret.view()).u64(key.validity.from_ms).u64(key.validity.use_until_ms);
    out.u64(key.validity.destroy_at_ms);
  }
  out.raw(crypto::sha256(out.bytes()).view().first(kChecksum));
  return std::move(out).bytes();
}

Error damaged() {
  return make_error(ErrorCode::damaged, "cannot read the relay's key file: it is damaged",
                    "put back your copy of the key file; without it the teams need a new relay key");
}

crypto::Key32 secret_of(Reader& reader) {
  auto bytes = reader.raw(32);
  return crypto::Key32::from(bytes).value_or(crypto::Key32());
}

Result<KeyFile> decode(ByteView bytes) {
  if (bytes.size() < kMagic.size() + 1 + kChecksum || as_text(bytes.first(kMagic.size())) != kMagic) return damaged();
  if (bytes[kMagic.size()] != kVersion)
    return make_error(ErrorCode::newer_version, "cannot read the relay's key file: made by another version (" +
                                                    std::to_string(bytes[kMagic.size()]) + ", this one reads " +
                                                    std::to_string(kVersion) + ")");
  auto body = bytes.first(bytes.size() - kChecksum);
  if (!crypto::equal(crypto::sha256(body).view().first(kChecksum), bytes.last(kChecksum))) return damaged();
  Reader reader(body.subspan(kMagic.size() + 1));
  auto identity = crypto::SigningKey::from_seed(secret_of(reader));
  KeyFile file{{std::move(identity), crypto::KemKeyPair::from_secret(secret_of(reader)), {}, {}},
               secret_of(reader),
               reader.id<Hash>()};
  for (size_t left = reader.u8(); left > 0 && reader.ok(); --left) file.keys.gate_keys.push_back(reader.array<32>());
  for (size_t left = reader.u8(); left > 0 && reader.ok(); --left) {
    auto pair = crypto::KemKeyPair::from_secret(secret_of(reader));
    session::CertifiedKey validity{pair.public_key, reader.u64(), reader.u64(), reader.u64()};
    auto certified = session::certify_exchange_key(file.keys.identity, validity);
    file.keys.exchange.push_back({std::move(pair), validity, std::move(certified)});
  }
  bool sizes = !file.keys.gate_keys.empty() && file.keys.gate_keys.size() <= kGateKeysMax &&
               file.keys.exchange.size() <= kExchangeKeysMax;
  if (!reader.done() || !sizes) return damaged();
  return file;
}

Result<void> write(const std::filesystem::path& path, const KeyFile& file) {
  auto bytes = encode(file);
  auto written = storage::replace_file(storage::system_files(), path, bytes);
  crypto::wipe(bytes);
  return written;
}

}  // namespace

Result<void> make_key_file(const std::filesystem::path& path, Environment environment) {
  LYSOEN_ASSIGN(bool exists, storage::system_files().exists(path));
  if (exists)
    return make_error(ErrorCode::already_exists, "cannot make a relay key: the file is there already",
                      "a new key makes every invite and roster that names the old one useless; choose another file");
  KeyFile file{
      {crypto::SigningKey::generate(environment.random), crypto::KemKeyPair::generate(environment.random), {}, {}},
      crypto::Key32::random(environment.random),
      {}};
  environment.random.fill(file.store_id.bytes);
  file.keys.gate_keys.emplace_back();
  environment.random.fill(file.keys.gate_keys.back());
  file.keys.exchange.push_back(fresh_exchange_key(file.keys.identity, environment));
  return write(path, file);
}

Result<KeyFile> read_key_file(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  auto status = fs::status(path, failed);
  if (failed || !fs::is_regular_file(status))
    return make_error(ErrorCode::not_found, "cannot open the relay: its key file is not there",
                      "make one with `lysoen-relay keygen`");
  if ((status.permissions() & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none)
    return make_error(ErrorCode::trust_refused, "cannot open the relay: others than its owner may read its key file",
                      "chmod 600 the key file");
  LYSOEN_ASSIGN(auto bytes, storage::read_file(storage::system_files(), path, kSizeMax));
  auto file = decode(bytes);
  crypto::wipe(bytes);
  return file;
}

Result<bool> renew_exchange_keys(const std::filesystem::path& path, KeyFile& file, Environment environment) {
  uint64_t now = now_ms(environment);
  auto& current = file.keys.exchange;
  bool due = current.empty() || current.front().validity.use_until_ms <= now;
  bool old =
      std::any_of(current.begin(), current.end(), [&](const auto& key) { return key.validity.destroy_at_ms <= now; });
  if (!due && !old) return false;
  KeyFile next{{file.keys.identity.copy(), file.keys.fallback.copy(), file.keys.gate_keys, {}},
               file.store_key.copy(),
               file.store_id};
  if (due) next.keys.exchange.push_back(fresh_exchange_key(file.keys.identity, environment));
  for (auto& key : current)
    if (key.validity.destroy_at_ms > now && next.keys.exchange.size() < kExchangeKeysMax)
      next.keys.exchange.push_back({key.pair.copy(), key.validity, key.certified});
  LYSOEN_TRY(write(path, next));
  file = std::move(next);
  return true;
}

RelayInfo public_half(const session::RelayKeys& keys) {
  RelayInfo info;
  info.id = keys.id();
  info.fallback_key = keys.fallback.public_key;
  info.gate_key = keys.gate_keys.front();
  return info;
}

}  // namespace lysoen::relay
