// Devices of one team for the vault's tests: made, joined by files, and exchanging batches hand to hand.
#pragma once
#include <lysoen/vault.h>

#include <memory>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/support/temp_folder.h"

namespace lysoen::test {

inline constexpr std::string_view kPassphrase = "a passphrase of several words";

/// The value, or the test fails with the error's words.
template <class T>
T must(Result<T> result) {
  INFO((result.ok() ? std::string() : result.error().message + " / " + result.error().hint));
  REQUIRE(result.ok());
  return std::move(*result);
}
inline void must(Result<void> result) {
  INFO((result.ok() ? std::string() : result.error().message + " / " + result.error().hint));
  REQUIRE(result.ok());
}

CreateOptions cheap();
Value text(std::string words);
Value value(ValueType type, std::string_view text);

class Device {
 public:
  explicit Device(std::filesystem::path folder);
  Vault& operator*() { return *vault; }
  Vault* operator->() { return vault.get(); }
  void reopen();

  std::filesystem::path folder;
  ManualClock clock;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<Vault> vault;

  Environment environment() { return {clock, *random}; }
};

/// One admin who is the first coordinator; others join by files.
class Team {
 public:
  Team();
  Device& admin() { return *devices.front(); }
  Device& add(Role role, std::string name);

  TempFolder folder;
  std::vector<std::unique_ptr<Device>> devices;
  Bytes root_file;
};

/// What `from` holds and `to` lacks: rosters, then batches of at most `size_max` bytes of ciphertext.
void carry(Vault& from, Vault& to, size_t size_max = 64 * 1024);
std::vector<Batch> batches_of(Vault& from, size_t size_max);
/// A report of the police form with these answers, submitted.
ReportId submitted(Vault& vault, std::string_view title, std::vector<Change> more = {});

std::vector<ReportId> ids_of(Vault& vault);

/// A file to attach; the bytes outlive it.
AttachmentSource source_of(const Bytes& bytes, std::string name = "photo 1.jpg");
/// All of an attachment.
Result<Bytes> read_back(Vault& vault, const ReportId& report, const BlobId& blob);

}  // namespace lysoen::test
