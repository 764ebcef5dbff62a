#include "core/base/base64url.h"

#include "core/base/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

using namespace lysoen;

TEST_CASE("base64url: the examples of RFC 4648, without padding", "[base]") {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (auto [text, encoded] : examples) {
    REQUIRE(to_base64url(as_bytes(text)) == encoded);
    REQUIRE(from_base64url(encoded) == to_bytes(as_bytes(text)));
  }
  REQUIRE(to_base64url(Bytes{0xfb, 0xff}) == "-_8");
}

TEST_CASE("base64url: each byte string has one spelling, and any bytes come back", "[base]") {
  auto generator = test::generator(1);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(generator() % 70);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
    auto text = to_base64url(bytes);
    REQUIRE(from_base64url(text) == bytes);
    if (text.empty()) continue;
    auto changed = text;
    changed[generator() % text.size()] = static_cast<char>(generator());
    if (auto other = from_base64url(changed)) REQUIRE(to_base64url(*other) == changed);
    REQUIRE(from_base64url(text.substr(0, text.size() - 1)) != bytes);
  }
  for (auto text : {"Zg==", "Zh", "Zm9", "Z", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v"}) REQUIRE_FALSE(from_base64url(text));
}
