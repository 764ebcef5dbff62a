#include "core/crypto/passphrase.h"

#include "tests/support/catch.h"

#ifdef LYSOEN_TEST_BUILD
#error "this program stands for the release build"
#endif

using namespace lysoen;
using namespace lysoen::crypto;

TEST_CASE("Release: a key derivation cheaper than the floor is refused, whatever asks for it", "[release]") {
  constexpr std::array<uint8_t, kSaltSize> salt{};
  for (auto cost : {Argon2Cost{8, 1}, Argon2Cost{kMemoryKibFloor - 1, 3}, Argon2Cost{kMemoryKibFloor, 2},
                    Argon2Cost{0, 0}, Argon2Cost{UINT32_MAX, 3}}) {
    CHECK_FALSE(cost.allowed());
    auto key = derive_key("a passphrase", salt, cost);
    REQUIRE_FALSE(key.ok());
    CHECK(key.error().code == ErrorCode::input_refused);
    CHECK_THAT(key.error().message, Catch::Contains("allowed are 65536 to 1048576 KiB and 3 to 16 passes"));
  }
  CHECK(derive_key("a passphrase", salt, Argon2Cost{}).ok());
}
