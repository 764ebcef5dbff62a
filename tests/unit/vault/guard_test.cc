#include <lysoen/key_guard.h>

#include <map>

#include "tests/unit/vault/people.h"

using namespace lysoen;
using namespace lysoen::test;

namespace {

/// What a phone's keystore would do.
struct Keystore {
  std::map<GuardId, std::array<uint8_t, 32>> keys;
  std::unique_ptr<KeyGuard> guard =
      callback_key_guard({[this](const GuardId& id) -> Result<void> {
                            keys[id].fill(static_cast<uint8_t>(keys.size()));
                            return {};
                          },
                          [this](const GuardId& id, std::span<uint8_t, 32> secret) -> Result<void> {
                            auto found = keys.find(id);
                            if (found == keys.end()) return make_error(ErrorCode::not_found, "no such key");
                            std::copy(found->second.begin(), found->second.end(), secret.begin());
                            return {};
                          },
                          [this](const GuardId& id) -> Result<void> {
                            keys.erase(id);
                            return {};
                          }});
};

}  // namespace

TEST_CASE("KeyGuard: a guarded vault opens with its guard's key and its passphrase, and with nothing less",
          "[vault][guard]") {
  TempFolder folder;
  ManualClock clock;
  SeededRandom random(seed());
  Keystore keystore, stranger;
  auto open = [&](KeyGuard* guard) { return Vault::open(folder.path() / "v", kPassphrase, {clock, random, guard}); };
  {
    auto vault = must(Vault::create(folder.path() / "v", kPassphrase, cheap(), {clock, random, keystore.guard.get()}));
    must(vault->begin("police-incident", "en"));
    must(vault->add_passphrase("another one of several words"));
  }
  CHECK(keystore.keys.size() == 2);  // one for each container, used or not
  CHECK(must(must(open(keystore.guard.get()))->count({})) == 1);
  CHECK(Vault::open(folder.path() / "v", "another one of several words", {clock, random, keystore.guard.get()}).ok());
  auto without = open(nullptr);
  CHECK(without.error().code == ErrorCode::not_found);
  CHECK_THAT(without.error().message, Catch::Contains("held outside of it and was not given"));
  CHECK_THAT(open(stranger.guard.get()).error().message, Catch::Contains("cannot be opened any more"));
  stranger.keys = keystore.keys;
  for (auto& [id, key] : stranger.keys) key[0] ^= 1;
  CHECK(open(stranger.guard.get()).error().code == ErrorCode::damaged);
  for (const auto& [id, key] : std::map(keystore.keys)) must(keystore.guard->destroy(id));
  CHECK_THAT(open(keystore.guard.get()).error().message, Catch::Contains("cannot be opened any more"));
}

TEST_CASE("KeyGuard: one of files keeps each secret in a file of its own until it is destroyed", "[vault][guard]") {
  TempFolder folder;
  SeededRandom random(seed());
  auto guard = file_key_guard(folder.path(), random);
  GuardId one, two;
  one.bytes.fill(1), two.bytes.fill(2);
  must(guard->make(one));
  must(guard->make(two));
  CHECK(guard->make(one).error().code == ErrorCode::already_exists);
  std::array<uint8_t, 32> first{}, again{}, second{};
  must(guard->use(one, first));
  must(file_key_guard(folder.path(), random)->use(one, again));
  must(guard->use(two, second));
  CHECK(first == again);
  CHECK(first != second);
  using std::filesystem::perms;
  CHECK(std::filesystem::status(folder.path() / one.hex()).permissions() == (perms::owner_read | perms::owner_write));
  must(guard->destroy(one));
  must(guard->destroy(one));
  CHECK(guard->use(one, again).error().code == ErrorCode::not_found);
  must(guard->use(two, second));
  std::filesystem::resize_file(folder.path() / two.hex(), 20);
  CHECK(guard->use(two, second).error().code == ErrorCode::damaged);
  auto nowhere = file_key_guard(folder.path() / "stick", random);
  CHECK_THAT(nowhere->make(one).error().message, Catch::StartsWith("cannot make the vault's guard key"));
}
