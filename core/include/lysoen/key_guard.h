// A KeyGuard holds one secret for each container of a vault outside of the vault's folder, best in hardware that can
// destroy it (Android Keystore, Secure Enclave, a smart card). The container's key is made from it and from what a
// passphrase opens: without it no passphrase opens the vault, and destroying it wipes the vault at once, whatever a
// flash medium keeps of the files. Without a guard a wipe is as strong as the passphrase.
//
// The secret must not hang on the user's authentication: phones destroy such keys when the screen lock changes. Whoever
// loses the guard's secret loses the vault.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/ids.h>
#include <lysoen/result.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <span>

namespace lysoen {

using GuardId = Id<struct GuardTag>;  // says nothing about the vault or its user

/// Called from the thread that owns the vault.
class KeyGuard {
 public:
  virtual ~KeyGuard() = default;
  /// Makes a random secret under this name; it lasts once this returns. already_exists if there is one.
  virtual Result<void> make(const GuardId& id) = 0;
  /// not_found if there is none, or none any more. The caller wipes `secret`.
  virtual Result<void> use(const GuardId& id, std::span<uint8_t, 32> secret) = 0;
  /// Gone for good once this returns. None there is not an error.
  virtual Result<void> destroy(const GuardId& id) = 0;
};

/// One file of 32 bytes for each secret, in a folder that exists, best on another medium than the vault. Destroying
/// overwrites and removes it; what a flash medium keeps of it is up to that medium. `random` outlives the guard.
std::unique_ptr<KeyGuard> file_key_guard(const std::filesystem::path& folder, Random& random);

/// A guard of three functions, for bindings: a phone's keystore, a token. Each is called as the method of its name.
struct KeyGuardCalls {
  std::function<Result<void>(const GuardId&)> make;
  std::function<Result<void>(const GuardId&, std::span<uint8_t, 32>)> use;
  std::function<Result<void>(const GuardId&)> destroy;
};
std::unique_ptr<KeyGuard> callback_key_guard(KeyGuardCalls calls);

}  // namespace lysoen
