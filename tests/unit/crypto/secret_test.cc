#include "core/crypto/secret.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <ostream>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::crypto;

namespace {

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

template <class T, class = void>
struct Printable : std::false_type {};
template <class T>
struct Printable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> : std::true_type {
};

static_assert(!std::is_copy_constructible_v<Key32> && !std::is_copy_assignable_v<Key32>);
static_assert(std::is_nothrow_move_constructible_v<Key32> && std::is_nothrow_move_assignable_v<Key32>);
static_assert(!Printable<Key32>::value && Printable<int>::value);

}  // namespace

TEST_CASE("Secret: what was released is zero before the memory is used again", "[secret]") {
  test::SeededRandom random(test::seed());
  const uint8_t* where = nullptr;
  {
    auto key = Key32::random(random);
    REQUIRE_FALSE(all_zero(key.view()));
    where = key.data();
  }
#if !defined(__SANITIZE_ADDRESS__)
  REQUIRE(all_zero(ByteView(where, 32)));
#endif
  Key32 next;
  REQUIRE(next.data() == where);  // first fit: the same place
  REQUIRE(all_zero(next.view()));
}

TEST_CASE("Secret: moving hands over the place, assigning releases and wipes the old one", "[secret]") {
  test::SeededRandom random(test::seed());
  auto first = Key32::random(random), second = Key32::random(random);
  auto expected = second.copy();
  const uint8_t* released = first.data();
  const uint8_t* kept = second.data();
  first = std::move(second);
  REQUIRE(first.data() == kept);
  REQUIRE(first.equals(expected));
  REQUIRE(first.data() != expected.data());
#if !defined(__SANITIZE_ADDRESS__)
  REQUIRE(all_zero(ByteView(released, 32)));
#else
  (void)released;
#endif
}

TEST_CASE("Secret: more keys than one block of the arena holds have places of their own", "[secret]") {
  test::SeededRandom random(test::seed());
  auto generator = test::generator(1);
  std::vector<Key32> keys;
  std::vector<Bytes> copies;
  auto make = [&] {
    keys.push_back(Key32::random(random));
    copies.emplace_back(keys.back().view().begin(), keys.back().view().end());
  };
  for (int i = 0; i < 8000; ++i) make();
  for (int i = 0; i < 2000; ++i) {  // holes, filled again
    size_t gone = generator() % keys.size();
    keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(gone));
    copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(gone));
    make();
  }
  std::set<const uint8_t*> places;
  bool same = true;
  for (size_t i = 0; i < keys.size(); ++i) {
    places.insert(keys[i].data());
    same = same && equal(keys[i].view(), copies[i]);
  }
  REQUIRE(same);
  REQUIRE(places.size() == keys.size());
  const uint8_t* before = nullptr;
  size_t closest = SIZE_MAX;
  for (auto* place : places) {
    if (before) closest = std::min(closest, static_cast<size_t>(place - before));
    before = place;
  }
  REQUIRE(closest >= 32);
}

TEST_CASE("Secret: threads take and release at the same time", "[secret]") {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint8_t id = 1; id <= 4; ++id)
    threads.emplace_back([id, &wrong] {
      for (int round = 0; round < 3000; ++round) {
        Key32 a;
        Secret<64> b;
        if (!all_zero(a.view()) || !all_zero(b.view())) ++wrong;
        std::fill(a.span().begin(), a.span().end(), id);
        std::fill(b.span().begin(), b.span().end(), id);
        for (uint8_t byte : b.view()) wrong += byte != id;
        for (uint8_t byte : a.view()) wrong += byte != id;
      }
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(wrong == 0);
}

TEST_CASE("Secret: core dumps are off once the module has started", "[secret]") {
  init();
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_CORE, &limit) == 0);
  REQUIRE(limit.rlim_cur == 0);
  REQUIRE(limit.rlim_max == 0);
}

TEST_CASE("Secret: comparison sees every bit and every length", "[secret]") {
  test::SeededRandom random(test::seed());
  auto key = Key32::random(random);
  for (size_t bit = 0; bit < 256; ++bit) {
    auto other = key.copy();
    REQUIRE(other.equals(key));
    other.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    REQUIRE_FALSE(other.equals(key));
  }
  REQUIRE_FALSE(equal(key.view(), ByteView(key.view()).first(31)));
  REQUIRE(equal({}, {}));
  REQUIRE_FALSE(Key32::from(Bytes(31)));
  REQUIRE_FALSE(Key32::from(Bytes(33)));
  REQUIRE(Key32::from(Bytes(32)));
}
