// Our own vectors: the files are what the vectors_*.cc make, and each says what it expects. tests/interop/feed.py reads
// the same files with nothing but the documents in docs/formats.
#include <fstream>
#include <sstream>

#include "core/feed/receipt.h"
#include "core/feed/warrant.h"
#include "tests/support/vector_file.h"
#include "tests/unit/feed/author.h"
#include "tests/unit/feed/vectors.h"

namespace lysoen::test {
namespace {

std::filesystem::path folder() {
  return source_dir() / "tests/vectors/feed";
}

template <class IdType>
IdType id_of(const VectorFile& file, std::string_view key) {
  return IdType::from(file.bytes(key)).value();
}
crypto::Key32 key_of(const VectorFile& file, std::string_view key) {
  return crypto::Key32::from(file.bytes(key)).value();
}

bool says(const Error& error, std::string_view what) {
  return error.message.find(what) != std::string::npos;
}

/// The word for an error of form, chain, proof or signature.
std::string word_for(const Error& error) {
  if (error.code == ErrorCode::newer_version) return "version";
  if (error.code == ErrorCode::input_refused && says(error, "show the same entry")) return "same";
  if (error.code != ErrorCode::trust_refused) return "form";
  return says(error, "shape") ? "shape" : says(error, "signature") ? "signature" : "chain";
}

std::string word_for_opening(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return "stub";
    case ErrorCode::trust_refused:
      return "open";
    case ErrorCode::newer_version:
      return "version";
    default:
      return says(error, "its size is none") || says(error, "does not begin a stream") ? "form" : "body";
  }
}

Batch batch_of(const VectorFile& file) {
  auto batch = feed::decode_batch(file.bytes("batch"));
  REQUIRE(batch.ok());
  REQUIRE(feed::verify_batch(*batch).ok());
  return *batch;
}

std::string check_batch(const VectorFile& file) {
  auto batch = feed::decode_batch(file.bytes("batch"));
  if (!batch.ok()) return word_for(batch.error());
  auto hashes = feed::verify_batch(*batch);
  if (!hashes.ok()) return word_for(hashes.error());
  CHECK(hashes->back() == id_of<Hash>(file, "head"));
  return "ok";
}

std::string check_entry(const VectorFile& file) {
  auto batch = batch_of(file);
  auto index = file.number("seq") - batch.first_seq;
  auto hashes = feed::hashes_of(batch);
  feed::EntryHeader header{
      id_of<TeamId>(file, "team"), batch.feed.audience, static_cast<uint32_t>(file.number("epoch")),
      feed::feed_id(batch.feed),   file.number("seq"),  index ? hashes[index - 1] : batch.prev};
  auto payload = feed::open_entry(key_of(file, "entry_key"), header, batch.entries[index]);
  if (!payload.ok()) return word_for_opening(payload.error());
  CHECK(*payload == file.bytes("payload"));
  return "ok";
}

std::string check_stream(const VectorFile& file) {
  auto batch = batch_of(file);
  feed::StreamPlace place{id_of<TeamId>(file, "team"), batch.feed, static_cast<uint32_t>(file.number("epoch")), {}};
  auto epoch = crypto::KemKeyPair::from_secret(key_of(file, "epoch_secret"));
  place.epoch_key = epoch.public_key;
  CHECK(Bytes(place.epoch_key.begin(), place.epoch_key.end()) == file.bytes("epoch_key"));
  auto reader = feed::StreamReader::open(place, batch.first_seq, batch.entries[0], epoch);
  if (!reader.ok()) return word_for_opening(reader.error());
  auto key = reader->entry_key(file.number("seq"));
  REQUIRE(key.ok());
  CHECK(key->equals(key_of(file, "entry_key")));
  return "ok";
}

std::string check_body(const VectorFile& file) {
  feed::Dictionaries dictionaries;
  if (file.has("dictionary")) REQUIRE(dictionaries.add(file.bytes("dictionary")).ok());
  auto payload = feed::decode_body(file.bytes("body"), &dictionaries);
  if (!payload.ok()) return payload.error().code == ErrorCode::newer_version ? "version" : "body";
  CHECK(*payload == file.bytes("payload"));
  return "ok";
}

std::string check_payload(const VectorFile& file) {
  auto bytes = file.bytes("payload");
  auto type = feed::payload_type(bytes);
  if (!type.ok()) return word_for(type.error());
  if (*type == feed::PayloadType::edit) {
    auto edit = feed::decode_edit_payload(bytes);
    if (!edit.ok()) return word_for(edit.error());
    CHECK(feed::edit_id(id_of<DeviceId>(file, "device"), edit->salt, edit->edit) == id_of<EditId>(file, "edit_id"));
    return "ok";
  }
  if (*type == feed::PayloadType::acknowledgement) {
    auto acknowledgement = feed::decode_acknowledgement(bytes);
    return acknowledgement.ok() ? "ok" : word_for(acknowledgement.error());
  }
  auto marks = feed::decode_read_marks(bytes);
  return marks.ok() ? "ok" : word_for(marks.error());
}

std::string check_fork(const VectorFile& file) {
  auto fork = feed::decode_fork(file.bytes("fork"));
  if (!fork.ok()) return word_for(fork.error());
  auto pair = feed::verify_fork(*fork);
  if (!pair.ok()) return word_for(pair.error());
  CHECK(pair->first == id_of<Hash>(file, "held"));
  CHECK(pair->second == id_of<Hash>(file, "other"));
  return "ok";
}

std::string check_warrant(const VectorFile& file) {
  auto batch = batch_of(file);
  std::vector<RelayId> relays{id_of<RelayId>(file, "relay")};
  const auto& stub = batch.entries[0];
  feed::EntryPoint entry{batch.feed, batch.first_seq, feed::hashes_of(batch)[0]};
  switch (feed::check_warrant(id_of<TeamId>(file, "team"), entry, stub.reason, stub.warrant, relays)) {
    case feed::WarrantState::valid:
      return "ok";
    case feed::WarrantState::unread:
      return "unread";
    case feed::WarrantState::invalid:
      return "other";
    default:
      return "gap";
  }
}

std::string check_receipt(const VectorFile& file) {
  auto receipt = feed::read_receipt(id_of<RelayId>(file, "relay"), file.bytes("receipt"));
  if (!receipt.ok()) return word_for(receipt.error());
  CHECK(feed::feed_id(receipt->feed) == id_of<FeedId>(file, "feed"));
  CHECK(receipt->seq == file.number("seq"));
  return "ok";
}

std::string check_points(const VectorFile& file) {
  Bytes laid = file.bytes("points");
  Reader in(laid);
  std::vector<MailboxCursor> points;
  while (in.left() > 0) {
    MailboxCursor point;
    point.mailbox = in.id<AudienceId>();
    point.store_epoch = in.u32();
    point.counter = in.u64();
    point.running = in.id<Hash>();
    points.push_back(point);
  }
  Signature signature;
  auto bytes = file.bytes("signature");
  std::copy_n(bytes.begin(), signature.size(), signature.begin());
  bool holds = feed::verify_points(id_of<RelayId>(file, "relay"), id_of<TeamId>(file, "team"), points, signature);
  return holds ? "ok" : "signature";
}

std::vector<FeedVector> make_feed_vectors() {
  auto all = make_batch_vectors();
  for (auto* make : {make_sealed_vectors, make_signed_vectors})
    for (auto& vector : make()) all.push_back(std::move(vector));
  return all;
}

TEST_CASE("Vectors: every file of tests/vectors/feed ends as it expects", "[feed]") {
  const std::map<std::string, std::string (*)(const VectorFile&)> checks{
      {"batch", check_batch},     {"entry", check_entry},     {"stream", check_stream},
      {"body", check_body},       {"payload", check_payload}, {"fork", check_fork},
      {"warrant", check_warrant}, {"receipt", check_receipt}, {"points", check_points},
  };
  size_t count = 0;
  for (const auto& file : vector_files("feed")) {
    auto kind = file.name().substr(0, file.name().find('_'));
    if (kind == "mailbox") continue;
    INFO(file.name());
    REQUIRE(checks.count(kind) == 1);
    CHECK(checks.at(kind)(file) == file.expect());
    ++count;
  }
  CHECK(count > 100);
}

TEST_CASE("Vectors: the files are those that the vectors_*.cc make", "[feed]") {
  auto made = make_feed_vectors();
  size_t files = vector_files("feed").size();
  CHECK(made.size() == files);
  for (const auto& vector : made) {
    std::ifstream file(folder() / (vector.name + ".txt"));
    std::stringstream text;
    text << file.rdbuf();
    INFO(vector.name << ": run unit_feed \"[.write_vectors]\" if the format was meant to change");
    CHECK(text.str() == vector.text);
  }
}

TEST_CASE("Vectors: write them", "[.write_vectors]") {
  std::filesystem::create_directories(folder());
  for (const auto& vector : make_feed_vectors()) {
    std::ofstream file(folder() / (vector.name + ".txt"));
    file << vector.text;
    REQUIRE(file.good());
  }
}

}  // namespace
}  // namespace lysoen::test
