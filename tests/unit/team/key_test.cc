#include "core/base/base64url.h"
#include "core/team/text_key.h"
#include "tests/unit/team/fixture.h"

using namespace lysoen;
using namespace lysoen::test;

TEST_CASE("base64url: RFC 4648 examples, and one spelling for each byte string", "[team]") {
  CHECK(to_base64url(as_bytes("")) == "");
  CHECK(to_base64url(as_bytes("f")) == "Zg");
  CHECK(to_base64url(as_bytes("fo")) == "Zm8");
  CHECK(to_base64url(as_bytes("foobar")) == "Zm9vYmFy");
  CHECK(to_base64url(Bytes{0xFB, 0xFF}) == "-_8");
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "Zm 8", "Zm8\n", "+/8", "Zm9vY"}) CHECK_FALSE(from_base64url(bad));
  auto engine = generator(1);
  for (int i = 0; i < 500; ++i) {
    Bytes bytes(engine() % 70);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(engine());
    CHECK(from_base64url(to_base64url(bytes)) == bytes);
  }
}

TEST_CASE("Team: roles read as words and back", "[team]") {
  CHECK(describe(Role::admin | Role::coordinator) == "admin, coordinator");
  CHECK(describe(Role::none) == "none");
  for (uint8_t bits = 1; bits < 16; ++bits)
    CHECK(role_from(describe(static_cast<Role>(bits))) == static_cast<Role>(bits));
  CHECK_FALSE(role_from("boss"));
  CHECK_FALSE(role_from("admin,"));
  CHECK_FALSE(role_from(""));
}

TEST_CASE("Team: a relay key and a team key survive copying, and a typing mistake is noticed", "[team]") {
  SeededRandom random(seed());
  RelayInfo relay = relay_with(random, "");
  relay.urls.clear();
  auto text = relay_key_text(relay);
  CHECK(text.starts_with("lysoen-relay:1:"));
  REQUIRE(parse_relay_key("  " + text + "\r\n").ok());
  CHECK(*parse_relay_key(text) == relay);

  auto root = RootKey::found(random).key.public_key();
  auto team_text = team_key_text(root);
  REQUIRE(parse_team_key(team_text).ok());
  CHECK(*parse_team_key(team_text) == root);

  for (size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(parse_relay_key(wrong).ok());
    CHECK_FALSE(parse_relay_key(text.substr(0, i)).ok());
  }
  auto cut = parse_relay_key(text.substr(0, 80));
  CHECK(cut.error().code == ErrorCode::input_refused);
  CHECK(cut.error().message == "cannot read relay key: it is cut short or mistyped");
  CHECK(cut.error().hint == "copy the whole line again from where it came");
  CHECK(parse_relay_key(team_text).error().message == "cannot read relay key: it does not begin with 'lysoen-relay:'");
  auto newer = parse_team_key("lysoen-team:2:AAAA");
  CHECK(newer.error().code == ErrorCode::newer_version);
  CHECK(newer.error().message == "cannot read team key: made by a newer version (2, this one reads up to 1)");
}

TEST_CASE("Root key: the file opens with its passphrase only", "[team]") {
  SeededRandom random(seed());
  auto root = RootKey::found(random);
  crypto::Argon2Cost cost{8, 1};
  auto file = seal_root(root, "correct horse", cost, random);
  REQUIRE(file.ok());
  CHECK(file->size() == kRootFileSize);
  auto opened = open_root(*file, "correct horse");
  REQUIRE(opened.ok());
  CHECK(opened->team == root.team);
  CHECK(opened->key.public_key() == root.key.public_key());
  CHECK(opened->team == team_id(root.key.public_key()));

  auto wrong = open_root(*file, "correct horze");
  CHECK(wrong.error().code == ErrorCode::wrong_passphrase);
  CHECK(wrong.error().message == "cannot open the root key: wrong passphrase");
  CHECK(wrong.error().hint == "this is the passphrase given when the team was made, not the vault's");
  CHECK(seal_root(root, "", cost, random).error().message == "cannot seal the root key: the passphrase is empty");
  CHECK(open_root(as_bytes("hello"), "x").error().message ==
        "cannot open the root key: the file is not a root key file (5 bytes, expected 137)");
}

TEST_CASE("Root key: a damaged file says so and is not called a wrong passphrase", "[team]") {
  SeededRandom random(seed());
  auto file = seal_root(RootKey::found(random), "p", {8, 1}, random);
  REQUIRE(file.ok());
  each_mutation(*file, [](ByteView bytes) {
    auto opened = open_root(bytes, "p");
    REQUIRE_FALSE(opened.ok());
    REQUIRE(opened.error().code != ErrorCode::wrong_passphrase);
  });
  Bytes flipped = *file;
  flipped[60] ^= 1;
  CHECK(open_root(flipped, "p").error().message == "cannot open the root key: the file is damaged");
  flipped = *file;
  flipped[0] = 1;
  CHECK(open_root(flipped, "p").error().message ==
        "cannot read the root key file: made by a newer version (1, this one reads up to 0)");
}
