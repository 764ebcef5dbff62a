#include <bit>

#include "core/crypto/hash.h"
#include "tests/support/seed.h"
#include "tests/support/vector_file.h"

using namespace lysoen;
using namespace lysoen::crypto;

namespace {

/// RFC 6962, 2.1, word for word.
Hash tree_hash(std::span<const Hash> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return leaves[0];
  size_t half = std::bit_floor(leaves.size() - 1);
  return merkle_node(tree_hash(leaves.first(half)), tree_hash(leaves.subspan(half)));
}

std::vector<Hash> make_leaves(size_t count, std::mt19937_64& generator) {
  std::vector<Hash> leaves(count);
  for (auto& leaf : leaves) leaf = merkle_leaf(Writer().u64(generator()).bytes());
  return leaves;
}

void check_range(std::span<const Hash> leaves, size_t first, size_t last) {
  auto proof = merkle_range_proof(leaves, first, last);
  auto root = merkle_root_from_range(leaves.subspan(first, last - first + 1), first, leaves.size(), proof);
  INFO("leaves " << first << " to " << last << " of " << leaves.size());
  REQUIRE(root);
  REQUIRE(*root == tree_hash(leaves));
}

}  // namespace

TEST_CASE("Merkle: the roots over the eight leaves that certificate logs test with", "[merkle]") {
  const char* const data[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  std::vector<Hash> leaves;
  MerkleLog log;
  REQUIRE(merkle_root({}).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (size_t i = 0; i < 8; ++i) {
    leaves.push_back(merkle_leaf(*from_hex(data[i])));
    log.append(leaves.back());
    REQUIRE(merkle_root(leaves).hex() == roots[i]);
    REQUIRE(log.root().hex() == roots[i]);
  }
}

TEST_CASE("Merkle: a log that keeps only its peaks has the root of the whole tree, also after a restart", "[merkle]") {
  auto generator = test::generator(2);
  std::vector<Hash> leaves;
  MerkleLog log;
  for (int i = 0; i < 300; ++i) {
    REQUIRE(log.root() == tree_hash(leaves));
    REQUIRE(log.peaks().size() == static_cast<size_t>(std::popcount(log.size())));
    leaves.push_back(make_leaves(1, generator)[0]);
    if (i % 3 == 0) log = MerkleLog::from(log.size(), log.peaks()).value();
    log.append(leaves.back());
  }
  REQUIRE_FALSE(MerkleLog::from(3, {leaves[0]}));
  REQUIRE_FALSE(MerkleLog::from(0, {leaves[0]}));
}

TEST_CASE("Merkle: every run of every small tree proves the root", "[merkle]") {
  auto generator = test::generator(3);
  auto leaves = make_leaves(17, generator);
  for (size_t size = 1; size <= leaves.size(); ++size)
    for (size_t first = 0; first < size; ++first)
      for (size_t last = first; last < size; ++last) check_range(std::span(leaves).first(size), first, last);
}

TEST_CASE("Merkle: runs of large trees prove the root, with 8 and 14 hashes at most in a block", "[merkle]") {
  auto generator = test::generator(4);
  auto leaves = make_leaves(600, generator);
  for (int round = 0; round < 150; ++round) {
    size_t size = 1 + generator() % (round % 2 ? 256 : leaves.size());
    size_t first = generator() % size, last = first + generator() % (size - first);
    check_range(std::span(leaves).first(size), first, last);
    if (size > 256) continue;
    auto proof = merkle_range_proof(std::span(leaves).first(size), first, last);
    REQUIRE(proof.left.size() <= 8);
    REQUIRE(proof.right.size() <= 14);
  }
}

TEST_CASE("Merkle: no change to a run, its place or its proof keeps the root", "[merkle]") {
  auto generator = test::generator(5);
  for (int round = 0; round < 60; ++round) {
    auto leaves = make_leaves(2 + generator() % 64, generator);
    size_t first = generator() % leaves.size(), last = first + generator() % (leaves.size() - first);
    auto root = tree_hash(leaves);
    auto good = merkle_range_proof(leaves, first, last);
    std::vector<Hash> run(leaves.begin() + static_cast<std::ptrdiff_t>(first),
                          leaves.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    auto implies = [&](const std::vector<Hash>& of, uint64_t at, uint64_t size, const RangeProof& proof) {
      return merkle_root_from_range(of, at, size, proof) == root;
    };
    REQUIRE(implies(run, first, leaves.size(), good));

    for (auto* side : {&good.left, &good.right}) {
      for (auto& hash : *side) {
        auto kept = hash;
        hash.bytes[generator() % 32] ^= 1;
        REQUIRE_FALSE(implies(run, first, leaves.size(), good));
        hash = kept;
      }
      side->push_back(root);
      REQUIRE_FALSE(implies(run, first, leaves.size(), good));
      side->pop_back();
    }
    for (auto& leaf : run) {
      auto kept = leaf;
      leaf.bytes[generator() % 32] ^= 128;
      REQUIRE_FALSE(implies(run, first, leaves.size(), good));
      leaf = kept;
    }
    for (uint64_t at = 0; at <= leaves.size() + 1; ++at)
      if (at != first) REQUIRE_FALSE(implies(run, at, leaves.size(), good));
    REQUIRE_FALSE(implies({}, first, leaves.size(), good));
  }
}

TEST_CASE("Merkle: absurd places and sizes are refused, not computed", "[merkle]") {
  std::vector<Hash> run(3);
  for (uint64_t first : {uint64_t{0}, uint64_t{1}, UINT64_MAX - 1, UINT64_MAX})
    for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{2}, UINT64_MAX - 1, UINT64_MAX})
      REQUIRE_FALSE(merkle_root_from_range(run, first, size, RangeProof{}));
}

TEST_CASE("Merkle: range proofs agree with the second implementation", "[merkle][vectors]") {
  for (const auto& vector : test::vector_files("crypto", "range_")) {
    INFO(vector.name());
    auto hashes = [&](std::string_view key) {
      std::vector<Hash> out;
      for (const auto& bytes : vector.all_bytes(key)) out.push_back(Hash::from(bytes).value());
      return out;
    };
    std::vector<Hash> run;
    for (const auto& leaf : vector.all_bytes("leaf")) run.push_back(merkle_leaf(leaf));
    auto root =
        merkle_root_from_range(run, vector.number("first"), vector.number("size"), {hashes("left"), hashes("right")});
    std::string got = !root ? "refused" : root->hex() == vector.text("root") ? "equal" : "differs";
    REQUIRE(got == vector.expect());
  }
}
