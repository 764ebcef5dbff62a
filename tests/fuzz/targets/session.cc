// Exchanges past their cryptography: the input is a row of frames (type u8, size u16, body) that the target seals as
// the other side would. The first byte chooses the side that reads them, and from 0x80 on the last frame is cut off.
#include "sync/session/answer.h"
#include "sync/session/device.h"
#include "sync/session/hello.h"
#include "sync/session/join.h"
#include "sync/session/relay.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/field_device.h"

using namespace lysoen;
using namespace lysoen::session;
using fuzz::require;
using wire::FrameType;

namespace {

constexpr size_t kFramesMax = 200;

/// Takes what it is given, and has one mailbox.
class MemoryRelay final : public RelayStore {
 public:
  MemoryRelay(const crypto::SigningKey& identity, AudienceId mailbox) : identity_(identity), mailbox_(mailbox) {}

  Result<Standing> standing(const TeamId&, const DeviceId&) override { return Standing{true, true, true}; }
  Result<CounterState> take_counter(const TeamId&, const DeviceId&, uint64_t counter, const PublicKey&) override {
    return CounterState{true, false, counter};
  }
  Result<StoreVerdict> append(const TeamId&, const DeviceId&, const Batch& batch) override {
    auto verdict = store_.append(batch);
    bool fits = verdict->outcome == AppendOutcome::stored || verdict->outcome == AppendOutcome::known;
    if (verdict->outcome == AppendOutcome::stored) {
      auto& feed = store_.feeds[batch.feed];
      items_.push_back({items_.size() + 1, batch.feed, 1, feed.entries.size(), verdict->head.hash, {}});
    }
    return StoreVerdict{*verdict, fits ? wire::VerdictCode::stored : wire::VerdictCode::does_not_verify};
  }
  Result<std::vector<FeedHead>> heads_of(const TeamId&, const DeviceId& device) override {
    std::vector<FeedHead> heads;
    for (const auto& [feed, held] : store_.feeds)
      if (feed.device == device && !held.entries.empty()) heads.push_back(*store_.head(feed));
    return heads;
  }
  Result<std::optional<Bytes>> receipt(const TeamId& team, const FeedKey& key) override {
    auto head = store_.head(key);
    if (head->seq == 0) return std::optional<Bytes>();
    feed::Receipt receipt;
    receipt.team = team, receipt.feed = key, receipt.seq = head->seq, receipt.head = head->hash;
    receipt.point = {mailbox_, 1, items_.size(), running(items_.size())};
    receipt.log_size = 1;
    return std::optional(feed::sign_receipt(receipt, identity_));
  }
  Result<std::optional<Batch>> read(const TeamId&, const FeedKey& feed, uint64_t first, uint64_t,
                                    size_t size_max) override {
    return store_.read(feed, first, size_max);
  }
  Result<ChunkRanges> blob_held(const TeamId&, const BlobName& name) override {
    auto known = blobs_.all.find(name);
    return known == blobs_.all.end() ? ChunkRanges() : known->second.held;
  }
  Result<Bytes> blob_receipt(const TeamId& team, const BlobName& name) override {
    return feed::sign_blob_receipt({team, name, WallTime{}, 1}, identity_);
  }
  Result<Refusal> put_chunks(const TeamId&, const DeviceId&, const ProvenChunks& chunks) override {
    if (chunks.name.chunks() > 64) return Refusal(wire::VerdictCode::too_large);
    auto& blob = blobs_.all[chunks.name];
    blob.leaves.resize(chunks.name.chunks());
    std::copy(chunks.leaves.begin(), chunks.leaves.end(), blob.leaves.begin() + chunks.first);
    auto taken = blobs_.take_chunks(chunks);
    require(taken.ok(), "chunks that were proved are taken");
    return Refusal();
  }
  Result<ChunkRun> read_run(const TeamId&, const BlobName& name, uint32_t first, uint32_t count) override {
    return blobs_.read_run(name, first, count);
  }
  Result<Bytes> read_chunk(const TeamId&, const BlobName& name, uint32_t index) override {
    return blobs_.read_chunk(name, index);
  }
  Result<std::vector<MailboxState>> mailboxes(const TeamId&, const DeviceId&) override {
    return std::vector<MailboxState>{{mailbox_, 1, items_.size(), running(items_.size())}};
  }
  Result<std::vector<StoredItem>> items(const TeamId&, const AudienceId& mailbox, uint64_t after, size_t count_max,
                                        uint64_t, const DeviceId&) override {
    std::vector<StoredItem> found;
    for (const auto& item : items_)
      if (mailbox == mailbox_ && item.counter > after && found.size() < count_max) found.push_back(item);
    return found;
  }
  Result<std::optional<Hash>> running_at(const TeamId&, const AudienceId& mailbox, uint64_t counter) override {
    if (mailbox != mailbox_ || counter > items_.size()) return std::optional<Hash>();
    return std::optional(running(counter));
  }
  Result<Signature> sign_points(const TeamId& team, const std::vector<MailboxState>& points) override {
    std::vector<MailboxCursor> cursors;
    for (const auto& point : points)
      cursors.push_back({point.audience, point.store_epoch, point.counter, point.running});
    return feed::sign_points(team, cursors, identity_);
  }
  Result<Refusal> take_admission_list(const TeamId&, ByteView) override { return Refusal(); }
  Result<Refusal> take_roster(const TeamId&, const SealedRoster& roster) override {
    rosters_.push_back(roster);
    return Refusal();
  }
  Result<Refusal> take_welcome(const TeamId&, ByteView welcome) override {
    welcome_ = to_bytes(welcome);
    return Refusal();
  }
  Result<std::vector<SealedRoster>> rosters_after(const TeamId&, uint64_t version, uint64_t, size_t) override {
    std::vector<SealedRoster> found;
    for (const auto& roster : rosters_)
      if (roster.version > version) found.push_back(roster);
    return found;
  }
  Result<JoinState> join(const TeamId&, const PublicKey&, ByteView request) override {
    if (!request.empty()) requests_ = {to_bytes(request)};
    return requests_.empty() ? JoinState::not_posted : JoinState::waiting;
  }
  Result<Bytes> welcome_for(const TeamId&, const PublicKey&) override { return welcome_; }
  Result<std::vector<Bytes>> join_requests(const TeamId&) override { return requests_; }

 private:
  Hash running(uint64_t counter) const {
    Hash hash;
    for (const auto& item : items_)
      if (item.counter <= counter)
        hash = feed::running_hash(
            hash, {item.counter, feed::feed_id(item.feed), item.first_seq, item.last_seq, item.head, {}});
    return hash;
  }
  const crypto::SigningKey& identity_;
  AudienceId mailbox_;
  test::FieldStore store_;
  test::FieldBlobs blobs_;
  std::vector<StoredItem> items_;
  std::vector<SealedRoster> rosters_;
  Bytes welcome_ = Bytes(60, 1);
  std::vector<Bytes> requests_;
};

/// A relay with one member and one joiner, the same each time.
struct World {
  World() {
    for (int i = 0; i < 3; ++i) device.write(audience, 60);
    device.mailboxes = {audience};
    device.todo.rosters = {{1, Hash{{2}}, Bytes(80, 3)}};
    device.todo.admission_lists = {Bytes(90, 4)};
    device.todo.fetch_join_requests = true;
    device.media.make(random, 100);
    device.media.make(random, 3 * kChunkSize);
    test::FieldBlobs other;
    device.media.want(other.make(random, 2 * kChunkSize));
    auto& fallback = keys->fallback;
    info = {keys->id(), fallback.public_key, keys->gate_keys[0], {"http://127.0.0.1:1"}, true};
  }
  Environment environment() { return {clock, random}; }

  DeviceExchange exchange() { return DeviceExchange(device, device.store, info, environment()); }
  JoinTicket ticket() {
    return {info, team, joiner.public_key(), [this](std::string_view label, ByteView message) {
              return Result<Signature>(joiner.sign(label, message));
            }};
  }

  struct Opened {
    PublicKey encapsulation{};
    crypto::HpkeContext context;
  };
  /// What the relay makes of a request's front.
  Opened open(ByteView request) {
    PublicKey encapsulation = Reader(request.subspan(kGateSize)).array<32>();
    auto context =
        crypto::hpke_receive(keys->fallback, encapsulation, request_info(keys->id(), keys->fallback.public_key));
    require(context.ok(), "a request is sealed to its relay");
    return {encapsulation, std::move(*context)};
  }

  test::SeededRandom random{1};
  test::ManualClock clock;
  std::shared_ptr<const RelayKeys> keys = std::make_shared<RelayKeys>(
      RelayKeys{crypto::SigningKey::generate(random), crypto::KemKeyPair::generate(random), {{5}}, {}});
  TeamId team{{6}};
  AudienceId audience{{7}};
  crypto::SigningKey joiner = crypto::SigningKey::generate(random);
  test::FieldDevice device{team, random};
  MemoryRelay relay{keys->identity, audience};
  RelayInfo info;
};

struct PlainFrame {
  uint8_t type = 0;
  Bytes body;
};

std::vector<PlainFrame> frames_in(ByteView input) {
  std::vector<PlainFrame> frames;
  Reader in(input);
  while (in.left() > 0 && frames.size() < kFramesMax) {
    uint8_t type = in.u8() & 0x7f;
    size_t size = in.u16();
    frames.push_back({type, to_bytes(in.raw(std::min(size, in.left())))});
  }
  return frames;
}

/// The end of a request or an answer, whole or cut by a few bytes.
Bytes ended(FrameSealer& sealer, bool cut) {
  if (!cut) return sealer.finish({false});
  auto bytes = std::move(sealer).unfinished();
  bytes.erase(bytes.end() - 3, bytes.end());  // there is the nonce or the encapsulation at least
  return bytes;
}

void add(FrameSealer& sealer, const PlainFrame& frame) {
  if (frame.type == static_cast<uint8_t>(FrameType::end)) return;  // only the last one carries the final bit
  sealer.add_frame(frame.type, frame.body);
}

// -- The relay reads ------------------------------------------------------------------------------------------------

/// A Hello or a join post in the name of this world's device or joiner, signed for this request.
Bytes signed_first(World& world, const PlainFrame& frame, const Envelope& envelope) {
  if (frame.type == static_cast<uint8_t>(FrameType::hello)) {
    auto hello = wire::decode<wire::Hello>(frame.body);
    if (!hello) return frame.body;
    hello->device = world.device.id;
    hello->signature = *world.device.sign(kHelloLabel, hello_message(envelope, *hello));
    return wire::encode(*hello);
  }
  auto post = wire::decode<wire::JoinPost>(frame.body);
  if (!post) return frame.body;
  post->invite_key = world.joiner.public_key();
  post->signature = world.joiner.sign(kJoinLabel, join_message(envelope, *post));
  return wire::encode(*post);
}

void relay_reads(ByteView input, bool cut) {
  World world;
  auto frames = frames_in(input);
  if (frames.empty()) return;
  const auto& key = world.keys->fallback.public_key;
  auto sender = crypto::hpke_send(key, request_info(world.keys->id(), key), world.random);
  require(sender.ok(), "a request is sealed to its relay");
  Bytes front = to_bytes(gate_mac(world.info.gate_key, sender->encapsulation));
  front.insert(front.end(), sender->encapsulation.begin(), sender->encapsulation.end());
  auto answer_key = export_answer_key(sender->context);
  FrameSealer sealer(FrameKey::of_request(std::move(sender->context)), std::move(front));
  frames[0].body = signed_first(world, frames[0], {world.keys->id(), key, sender->encapsulation});
  for (const auto& frame : frames) add(sealer, frame);
  auto answer = respond(world.relay, world.keys, ended(sealer, cut), world.clock.wall(), world.random);
  if (!answer) return;
  auto opened = open_answer(answer_key, sender->encapsulation, *answer);
  require(opened.ok() && opened->ended, "whatever a member sends, the relay's answer can be read");
}

// -- The device reads -----------------------------------------------------------------------------------------------

/// An answer of the relay to `request` with these frames.
Bytes answer_with(World& world, ByteView request, const std::vector<PlainFrame>& frames, bool cut) {
  auto opened = world.open(request);
  Bytes nonce(kNonceSize, 8);
  FrameSealer sealer(FrameKey::of_answer(export_answer_key(opened.context), opened.encapsulation, nonce), nonce);
  for (const auto& frame : frames) add(sealer, frame);
  return ended(sealer, cut);
}

/// What only the relay can sign, signed again after the input changed it.
void sign_again(World& world, std::vector<PlainFrame>& frames) {
  for (auto& frame : frames) {
    if (frame.type == static_cast<uint8_t>(FrameType::receipt)) {
      auto message = wire::decode<wire::Receipt>(frame.body);
      if (!message) continue;
      auto receipt = feed::decode_receipt(message->receipt);
      if (receipt.ok()) frame.body = wire::encode(wire::Receipt{feed::sign_receipt(*receipt, world.keys->identity)});
    }
    if (frame.type == static_cast<uint8_t>(FrameType::mailbox_points)) {
      auto message = wire::decode<wire::MailboxPoints>(frame.body);
      if (!message) continue;
      MailboxCursor point{world.audience, 0, 0, {}};
      for (const auto& changed : message->changed)
        if (changed.mailbox8 == wire::hash8(world.audience))
          point = {world.audience, changed.store_epoch, changed.counter, changed.running};
      message->signature = feed::sign_points(world.team, {&point, 1}, world.keys->identity);
      frame.body = wire::encode(*message);
    }
  }
}

void device_reads(ByteView input, bool cut) {
  World world;
  auto frames = frames_in(input);
  sign_again(world, frames);
  auto before = world.device.store.feeds;
  auto exchange = world.exchange();
  auto request = exchange.request({});
  require(request.ok(), "a device can always ask");
  auto outcome = exchange.response(answer_with(world, *request, frames, cut));
  require(outcome.ok() || outcome.error().code != ErrorCode::internal, "an answer is taken or refused");
  auto own = world.device.feed_for(world.audience);
  require(world.device.store.feeds[own] == before[own], "no answer changes what the device wrote");
  require(exchange.request({}).ok(), "a device can ask again after whatever answer");
}

void joiner_reads(ByteView input, bool cut) {
  World world;
  JoinExchange exchange(world.ticket(), world.environment());
  auto request = exchange.post(Bytes(90, 9));
  require(request.ok(), "a joiner can always ask");
  auto answer = exchange.response(answer_with(world, *request, frames_in(input), cut));
  require(answer.ok() || answer.error().code != ErrorCode::internal, "an answer is taken or refused");
  require(exchange.poll().ok(), "a joiner can ask again after whatever answer");
}

// -- Seeds: what real exchanges say ---------------------------------------------------------------------------------

Bytes frames_of(FrameKey key, ByteView bytes, size_t at) {
  FrameOpener opener(std::move(key));
  Writer out;
  for (Frame frame; opener.next(bytes, at, frame) == FrameOpener::Step::frame;) {
    if (frame.type == static_cast<uint8_t>(FrameType::pad)) continue;
    out.u8(frame.type).u16(static_cast<uint16_t>(frame.body.size())).raw(frame.body);
  }
  return out.bytes();
}

void seeds_of(World& world, const Bytes& request, ByteView answer, size_t answer_reader, std::vector<Bytes>& seeds) {
  auto opened = world.open(request);
  auto exported = export_answer_key(opened.context);
  seeds.push_back(fuzz::chosen(
      answer_reader,
      frames_of(FrameKey::of_answer(exported, opened.encapsulation, answer.first(kNonceSize)), answer, kNonceSize)));
  seeds.push_back(fuzz::chosen(
      0, frames_of(FrameKey::of_request(std::move(opened.context)), request, kGateSize + kEncapsulationSize)));
}

constexpr void (*kReaders[])(ByteView, bool) = {relay_reads, device_reads, joiner_reads};

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  World world;
  auto carried = [&](const Bytes& request) {
    auto answer = respond(world.relay, world.keys, request, world.clock.wall(), world.random);
    require(answer.ok(), "a real exchange is answered");
    return *answer;
  };
  test::FieldDevice reader(world.team, world.random);
  reader.mailboxes = {world.audience};
  auto exchange = world.exchange();
  DeviceExchange reading(reader, reader.store, world.info, world.environment());
  for (auto* each : {&exchange, &exchange, &reading}) {
    auto request = each->request({});
    auto answer = carried(*request);
    require(each->response(answer).ok(), "a real answer is taken");
    seeds_of(world, *request, answer, 1, seeds);
  }
  JoinExchange joining(world.ticket(), world.environment());
  for (auto request : {joining.post(Bytes(90, 9)), joining.poll()})
    seeds_of(world, *request, carried(*request), 2, seeds);
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  size_t choice = choices.byte();
  kReaders[choice % std::size(kReaders)](choices.rest(), choice >= 0x80);
}
