#include "core/base/bytes.h"

#include "tests/support/catch.h"
#include "tests/support/seed.h"

using namespace lysoen;

namespace {

/// What one varint reads as, if it takes all of the bytes.
std::optional<uint64_t> varint_in(const Bytes& bytes) {
  Reader reader(bytes);
  uint64_t value = reader.varint();
  if (!reader.done()) return std::nullopt;
  return value;
}

}  // namespace

TEST_CASE("Layout: integers are big-endian and come back", "[base]") {
  Writer writer;
  writer.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f).field(std::string_view("ab")).raw(Bytes{0xff});
  REQUIRE(to_hex(writer.bytes()) == "0102030405060708090a0b0c0d0e0f026162ff");
  Reader reader(writer.bytes());
  REQUIRE(reader.u8() == 0x01);
  REQUIRE(reader.u16() == 0x0203);
  REQUIRE(reader.u32() == 0x04050607);
  REQUIRE(reader.u64() == 0x08090a0b0c0d0e0f);
  REQUIRE(as_text(reader.field(2)) == "ab");
  REQUIRE_FALSE(reader.done());
  REQUIRE(reader.left() == 1);
  REQUIRE(to_hex(reader.raw(1)) == "ff");
  REQUIRE(reader.done());
}

TEST_CASE("Varint: every value has one spelling, the shortest", "[base]") {
  auto generator = test::generator(1);
  std::vector<uint64_t> values = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
  for (int bit = 0; bit < 64; ++bit)
    for (uint64_t around : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, generator() >> bit}) values.push_back(around);
  for (uint64_t value : values) {
    INFO("value " << value);
    auto shortest = Writer().varint(value).bytes();
    REQUIRE(varint_in(shortest) == value);
    auto longer = shortest;  // the same value with a needless zero group
    longer.back() |= 0x80;
    longer.push_back(0x00);
    REQUIRE_FALSE(varint_in(longer));
    for (size_t size = 0; size < shortest.size(); ++size)
      REQUIRE_FALSE(varint_in(Bytes(shortest.begin(), shortest.begin() + static_cast<std::ptrdiff_t>(size))));
  }
}

TEST_CASE("Varint: what would not fit 64 bits is refused", "[base]") {
  REQUIRE(varint_in({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}) == UINT64_MAX);
  REQUIRE_FALSE(varint_in({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}));
  REQUIRE_FALSE(varint_in({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}));
  REQUIRE_FALSE(varint_in({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00}));
  REQUIRE_FALSE(varint_in(Bytes(100, 0x80)));
}

TEST_CASE("Varint: bytes that read as a value are what the value writes", "[base]") {
  auto generator = test::generator(2);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(1 + generator() % 11);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(generator() | (generator() % 4 ? 0x80 : 0));
    bytes.back() &= 0x7f;
    if (auto value = varint_in(bytes)) REQUIRE(Writer().varint(*value).bytes() == bytes);
  }
}

TEST_CASE("Reader: after the first thing that does not fit, nothing more is given", "[base]") {
  Bytes bytes{1, 2, 3, 4, 5};
  Reader reader(bytes);
  REQUIRE(reader.u16() == 0x0102);
  REQUIRE(reader.u32() == 0);  // three bytes left
  REQUIRE_FALSE(reader.ok());
  REQUIRE(reader.u8() == 0);
  REQUIRE(reader.raw(0).empty());
  REQUIRE(reader.id<Hash>().is_none());
  REQUIRE(reader.array<4>() == std::array<uint8_t, 4>{});
  REQUIRE(reader.left() == 0);
  REQUIRE_FALSE(reader.done());
}

TEST_CASE("Reader: a length beyond its limit or beyond the bytes is refused, however large", "[base]") {
  for (uint64_t length : {uint64_t{4}, uint64_t{5}, uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX}) {
    auto bytes = Writer().varint(length).raw(Bytes(4, 7)).bytes();
    Reader limited(bytes), unlimited(bytes);
    REQUIRE(limited.field(3).empty());
    REQUIRE_FALSE(limited.ok());
    REQUIRE((unlimited.field(SIZE_MAX).size() == 4) == (length == 4));
    REQUIRE(unlimited.ok() == (length == 4));
  }
}

TEST_CASE("Reader: a layout that is cut or changed is never read past its end", "[base]") {
  auto generator = test::generator(3);
  Hash hash;
  hash.bytes.fill(0xab);
  auto good = Writer().u8(1).id(hash).varint(300).field(Bytes(300, 5)).u64(7).field(Bytes{}).bytes();
  auto read = [](ByteView bytes) {
    Reader reader(bytes);
    size_t taken = 0;
    reader.u8();
    reader.id<Hash>();
    reader.varint();
    taken += reader.field(1000).size();
    reader.u64();
    taken += reader.field(10).size();
    REQUIRE(taken <= bytes.size());
    return reader.done();
  };
  REQUIRE(read(good));
  for (size_t size = 0; size < good.size(); ++size) REQUIRE_FALSE(read(ByteView(good).first(size)));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    read(changed);
  }
  for (int round = 0; round < 5000; ++round) {
    Bytes noise(generator() % 64);
    for (auto& byte : noise) byte = static_cast<uint8_t>(generator());
    read(noise);
  }
}

TEST_CASE("Hexadecimal: reads both cases, writes lower case, refuses everything else", "[base]") {
  auto generator = test::generator(4);
  Bytes bytes(100);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
  REQUIRE(from_hex(to_hex(bytes)) == bytes);
  REQUIRE(to_hex(Bytes{0x00, 0x0f, 0xa0, 0xff}) == "000fa0ff");
  REQUIRE(from_hex("0AfF") == Bytes{0x0a, 0xff});
  REQUIRE(from_hex("") == Bytes{});
  for (auto text : {"0", "000", "0g", " 00", "00 ", "0x00", "-1", "\xc3\xa9"}) REQUIRE_FALSE(from_hex(text));
  for (int c = 0; c < 256; ++c) {
    bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    REQUIRE(from_hex(std::string{'0', static_cast<char>(c)}).has_value() == digit);
  }
}

TEST_CASE("Id: exactly 32 bytes, and only zero is none", "[base]") {
  REQUIRE(Hash{}.is_none());
  REQUIRE_FALSE(Hash::from(Bytes(31)));
  REQUIRE_FALSE(Hash::from(Bytes(33)));
  REQUIRE_FALSE(Hash::from_hex(std::string(62, '0')));
  auto id = Hash::from_hex(std::string(63, '0') + "1").value();
  REQUIRE_FALSE(id.is_none());
  REQUIRE(id > Hash{});
  REQUIRE(Hash::from_hex(id.hex()) == id);
}
