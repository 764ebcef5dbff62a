#include "core/crypto/sign.h"

#include <sodium.h>

#include "core/base/bytes.h"
#include "core/crypto/sodium_code.h"

namespace lysoen::crypto {

namespace {

Bytes labelled(std::string_view label, ByteView message) {
  Bytes bytes;
  bytes.reserve(label.size() + 1 + message.size());
  bytes.insert(bytes.end(), label.begin(), label.end());
  bytes.push_back(0);
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

}  // namespace

SigningKey SigningKey::generate(Random& random) {
  return from_seed(Key32::random(random));
}

SigningKey SigningKey::from_seed(const Key32& seed) {
  SigningKey key;
  key.seed_ = seed.copy();
  must_succeed(crypto_sign_ed25519_seed_keypair(key.public_.data(), key.expanded_.data(), seed.data()));
  return key;
}

Signature SigningKey::sign(std::string_view label, ByteView message) const {
  Bytes bytes = labelled(label, message);
  Signature signature;
  must_succeed(crypto_sign_ed25519_detached(signature.data(), nullptr, bytes.data(), bytes.size(), expanded_.data()));
  return signature;
}

bool verify(const SignPublic& key, std::string_view label, ByteView message, const Signature& signature) {
  return verify_raw(key, labelled(label, message), signature);
}

bool verify_raw(const SignPublic& key, ByteView message, const Signature& signature) {
  init();
  return crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

}  // namespace lysoen::crypto
