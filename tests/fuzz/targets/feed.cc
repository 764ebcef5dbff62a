// Fixed layouts of feeds: what decodes has this one encoding; whatever a batch claims, verifying it only answers.
#include "core/crypto/cipher.h"
#include "core/feed/body.h"
#include "core/feed/disclosure.h"
#include "core/feed/fork.h"
#include "core/feed/receipt.h"
#include "core/feed/stream.h"
#include "core/feed/warrant.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/seed.h"
#include "tests/support/small_dictionary.h"

using namespace lysoen;
using namespace lysoen::feed;
using fuzz::require;

namespace {

constexpr const char* kOneEncoding = "what decodes is exactly what its encoder writes";

bool same(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

void read_batch(ByteView bytes) {
  auto batch = decode_batch(bytes);
  if (!batch) return;
  require(same(encode_batch(*batch), bytes), kOneEncoding);
  require(batch->entries.size() <= kBatchEntriesMax, "a batch keeps to its limit");
  Disclosure disclosure;
  disclosure.feeds.emplace_back().batches = {*batch};
  require(!write_disclosure(disclosure).empty(), "every batch can be disclosed");
  auto hashes = verify_batch(*batch);
  if (!hashes) return;
  require(batch->last_seq() < kSeqMax + kBlockSize, "a verified batch lies within a feed");
  require(hashes_of(*batch) == *hashes, "the hashes of a verified batch are those that were verified");
  bool first = block_first(batch->first_seq) == 1;
  auto held = first ? first_block(feed_id(batch->feed)) : BlockState{.first_seq = block_first(batch->first_seq)};
  auto plan = plan_merge(held, {}, {}, *batch, *hashes);
  require(plan.new_from <= batch->entries.size(), "a plan speaks of entries that are there");
  for (size_t i = 0; i < batch->entries.size(); ++i)
    require(verify_proof(prove_entry(*batch, *hashes, i)).ok(), "each entry of a verified batch can be proved");
}

void read_fork(ByteView bytes) {
  auto fork = decode_fork(bytes);
  if (!fork) return;
  require(same(encode_fork(*fork), bytes), kOneEncoding);
  if (auto sides = verify_fork(*fork); sides.ok()) require(sides->first != sides->second, "a fork has two sides");
}

void read_receipt_bytes(ByteView bytes) {
  auto receipt = decode_receipt(bytes);
  if (!receipt) return;
  test::SeededRandom random(1);
  auto signed_bytes = sign_receipt(*receipt, crypto::SigningKey::generate(random));
  size_t body = signed_bytes.size() - sizeof(Signature);
  require(signed_bytes.size() == bytes.size() && same(ByteView(signed_bytes).first(body), bytes.first(body)),
          kOneEncoding);
  require(receipt->leaf_index < receipt->log_size, "a receipt's leaf lies in its log");
}

void read_warrant(ByteView bytes) {
  Reader in(bytes);
  auto reason = static_cast<StubReason>(in.u8() % 6);
  EntryPoint entry{{DeviceId{in.array<32>()}, {}, 1}, 2, {}};
  std::array<RelayId, 1> relays{in.id<RelayId>()};
  auto warrant = in.raw(in.left());
  auto state = check_warrant({}, entry, reason, warrant, relays);
  if (warrant.empty()) require(state != WarrantState::valid, "nothing is no warrant");
}

void read_body(ByteView bytes) {
  auto payload = decode_body(bytes);
  if (!payload) return;
  require(!payload->empty() && payload->size() <= kPayloadSizeMax, "a payload keeps to its limit");
  auto body = encode_body(*payload);
  require(body.ok(), "a payload that came can go");
  auto again = decode_body(*body);
  require(again.ok() && *again == *payload, "a body says its payload");
}

/// A body of a hostile author under a hostile dictionary: size of the dictionary, the dictionary, salt and frame.
void read_dictionary_body(ByteView bytes) {
  Reader in(bytes);
  auto dictionary = in.raw(in.u16());
  Dictionaries held;
  auto taken = held.add(dictionary);
  if (!in.ok() || !taken) return;
  require(held.find((*taken)->name()) == *taken, "a dictionary goes by its name");
  Writer body;
  body.u8(2).raw((*taken)->name()).raw(in.raw(in.left()));
  auto payload = decode_body(body.bytes(), &held);
  if (!payload) return;
  require(payload->size() > 17 && payload->size() <= kPayloadSizeMax, "a payload keeps to its limit");
  require(!decode_body(body.bytes()).ok(), "nothing is read without its dictionary");
  auto again = encode_body(*payload, *taken);
  require(again.ok(), "a payload that came can go");
  auto decoded = decode_body(*again, &held);
  require(decoded.ok() && *decoded == *payload, "a body says its payload");
}

void read_payload(ByteView bytes) {
  if (auto edit = decode_edit_payload(bytes); edit.ok()) require(same(encode_payload(*edit), bytes), kOneEncoding);
  if (auto told = decode_acknowledgement(bytes); told.ok()) {
    auto again = encode_payload(*told);
    require(again.ok() && same(*again, bytes), kOneEncoding);
  }
  if (auto marks = decode_read_marks(bytes); marks.ok()) {
    auto again = encode_payload(*marks);
    require(again.ok() && same(*again, bytes), kOneEncoding);
  }
}

void read_range_list(ByteView bytes) {
  Reader in(bytes);
  auto ranges = read_ranges(in, kSeqMax);
  if (!in.done()) return;
  Writer out;
  write_ranges(out, ranges);
  require(same(out.bytes(), bytes), kOneEncoding);
  require(ranges.size() <= kRangesMax, "a list keeps to its limit");
  for (size_t i = 0; i < ranges.size(); ++i) {
    require(ranges[i].first <= ranges[i].last && ranges[i].last <= kSeqMax, "a range lies within a feed");
    require(i == 0 || ranges[i - 1].last + 1 < ranges[i].first, "ranges ascend and do not touch");
    require(contains(ranges, ranges[i].first) && contains(ranges, ranges[i].last), "a list contains its ranges");
  }
}

void read_padding(ByteView bytes) {
  auto size = crypto::unpadded_size(bytes);
  if (size) require(same(crypto::pad(bytes.first(*size)), bytes), kOneEncoding);
}

/// An entry whose seal holds around whatever stands in it.
void read_entry(ByteView bytes) {
  test::SeededRandom random(1);
  auto key = crypto::Key32::random(random);
  EntryHeader header;
  header.seq = 2;
  auto sealed = crypto::siv_seal(key, encode_header(header, bytes.size()), bytes);
  if (sealed.size() > kEntrySizeMax) return;
  auto payload = open_entry(key, header, whole_entry(EntryKind::sealed, sealed));
  if (payload.ok()) require(seal_entry(key, header, *payload).ok(), "a payload that came can go");
}

/// A stream entry sealed to this reader around whatever stands in it.
void read_stream(ByteView bytes) {
  test::SeededRandom random(1);
  auto epoch = crypto::KemKeyPair::generate(random);
  StreamPlace place;
  place.epoch_key = epoch.public_key;
  auto reader = StreamReader::open(place, 1, whole_entry(EntryKind::stream, to_bytes(bytes)), epoch);
  require(!reader.ok(), "nobody makes a stream without its keys");
}

constexpr void (*kReaders[])(ByteView) = {read_batch, read_fork,    read_receipt_bytes,  read_warrant,
                                          read_body,  read_payload, read_range_list,     read_padding,
                                          read_entry, read_stream,  read_dictionary_body};

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  auto add = [&](size_t reader, std::string_view prefix, std::string_view key) {
    for (const auto& value : vector_values("feed", prefix, key)) seeds.push_back(chosen(reader, value));
  };
  add(0, "batch_", "batch");
  add(1, "fork_", "fork");
  add(2, "receipt_", "receipt");
  add(4, "body_", "body");
  add(5, "payload_", "payload");
  for (const auto& body : vector_values("feed", "body_", "body")) seeds.push_back(chosen(8, crypto::pad(body)));
  test::SeededRandom random(2);
  auto relay = crypto::SigningKey::generate(random), author = crypto::SigningKey::generate(random);
  EntryPoint entry{{DeviceId{author.public_key()}, {}, 1}, 2, {}};
  auto warrant = [&](uint8_t reason, const Bytes& statement) {
    Writer out;
    out.u8(3).u8(reason).id(entry.feed.device).raw(relay.public_key()).raw(statement);
    seeds.push_back(out.bytes());
  };
  warrant(2, sign_refusal({}, entry, 9, WallTime{}, relay));
  warrant(3, sign_rotten({}, entry, WallTime{}, author));
  Writer ranges;
  write_ranges(ranges, {{1, 1}, {5, 900}});
  seeds.push_back(chosen(6, ranges.bytes()));
  seeds.push_back(chosen(7, crypto::pad(Bytes(300, 1))));
  seeds.push_back(chosen(9, Bytes(kStreamEntrySize, 1)));
  const Bytes dictionary = test::small_dictionary();
  Writer packed;
  packed.u16(static_cast<uint16_t>(dictionary.size())).raw(dictionary).raw(Salt{}).raw(*from_hex(test::kPackedEdit));
  seeds.push_back(chosen(10, packed.bytes()));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  kReaders[choices.below(std::size(kReaders))](choices.rest());
}
