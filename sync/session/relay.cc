// Taking a request in and applying it to the store.
#include "sync/session/relay.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/try.h"
#include "sync/session/compact.h"
#include "sync/session/relay_state.h"

namespace lysoen::session {

using wire::FrameType;
using wire::VerdictCode;
using wire::VerdictObject;
using State = RelayExchange::State;

namespace {
constexpr size_t kHeadSize = kGateSize + kEncapsulationSize;
constexpr size_t kFirstMax = kHeadSize + kFrameOverhead + wire::kJoinFrameMax;
}  // namespace

RelayExchange::RelayExchange(std::shared_ptr<const RelayKeys> keys, WallTime now, Random& random)
    : state_(std::make_unique<State>(std::move(keys), now, random)) {}
RelayExchange::~RelayExchange() = default;
RelayExchange::RelayExchange(RelayExchange&&) noexcept = default;

const TeamId& RelayExchange::team() const {
  return state_->join ? state_->post.team : state_->hello.team;
}
const DeviceId& RelayExchange::device() const {
  return state_->hello.device;
}
bool RelayExchange::is_join() const {
  return state_->join;
}
const PublicKey& RelayExchange::invite_key() const {
  return state_->post.invite_key;
}
bool RelayExchange::whole() const {
  return state_->whole;
}
size_t RelayExchange::batch_bytes() const {
  size_t size = 0;
  for (const auto& batch : state_->batches) {
    size += 1024;  // the fixed layout around the entries, and who brought it
    for (const auto& entry : batch.entries) size += entry.ciphertext.size() + entry.warrant.size() + 64;
  }
  return size + state_->chunks.size() * 256;  // of runs the record holds only where they lie
}
bool RelayExchange::is_begun() const {
  return state_->begun;
}
bool RelayExchange::brings_objects() const {
  const auto& s = *state_;
  return !s.admission_lists.empty() || !s.rosters.empty() || !s.welcomes.empty() || !s.post.request.empty();
}

// -- Intake ---------------------------------------------------------------------------------------------------------

Intake RelayExchange::take(ByteView piece) {
  auto& s = *state_;
  if (s.refused || s.received + piece.size() > wire::kRequestMax) {
    s.refused = true;
    return Intake::refused;
  }
  bool gate_open = s.buffer.size() >= kHeadSize;
  s.received += piece.size();
  s.buffer.insert(s.buffer.end(), piece.begin(), piece.end());
  if (s.opened) return Intake::opened;
  if (s.buffer.size() < kHeadSize) return Intake::more;
  if (!gate_open && !s.passes_gate()) s.refused = true;
  if (!s.refused && s.buffer.size() >= kHeadSize + kFrameHeaderSize && !s.open_first()) s.refused = true;
  if (!s.refused && !s.opened && s.buffer.size() > kFirstMax) s.refused = true;
  if (s.refused) return Intake::refused;
  return s.opened ? Intake::opened : Intake::more;
}

bool RelayExchange::portion() {
  auto& s = *state_;
  if (!s.opened || s.refused || s.join || s.finished) return false;
  s.open_rest();
  if (s.refused || s.whole || brings_objects() || !s.list_parts.empty() || !s.roster_parts.empty() ||
      !s.welcome_parts.empty())
    return false;
  s.take_runs(s.runs.take_so_far());
  return s.portion = !s.batches.empty() || !s.chunks.empty();
}

void RelayExchange::settle(bool stands) {
  auto& s = *state_;
  s.portion = false;
  if (!stands) return;
  s.batches.clear();
  s.chunks.clear();
  if (s.turned_away) return;
  s.begun = true;
  s.settled = {s.verdicts, s.touched, s.told};
}

Intake RelayExchange::finish() {
  auto& s = *state_;
  if (!s.opened) s.refused = true;
  if (!s.refused) s.open_rest();
  s.take_runs(s.runs.take());
  s.finished = true;
  s.buffer = {};
  return s.refused ? Intake::refused : Intake::opened;
}

void State::take_runs(std::vector<ProvenChunks> runs_taken) {
  for (auto& run : runs_taken) chunks.push_back(std::move(run));
}

bool State::passes_gate() const {
  PublicKey sent;
  std::copy_n(buffer.begin() + kGateSize, sent.size(), sent.begin());
  ByteView mac = ByteView(buffer).first(kGateSize);
  return std::any_of(keys->gate_keys.begin(), keys->gate_keys.end(),
                     [&](const auto& key) { return crypto::equal(gate_mac(key, sent), mac); });
}

Result<crypto::HpkeContext> State::context_of(int index) const {
  const auto& key = key_at(index);
  return crypto::hpke_receive(key, encapsulation, request_info(keys->id(), key.public_key));
}

/// Tries the keys (at most three) and takes as many frames as are here. False: nothing here opens.
bool State::open_first() {
  std::copy_n(buffer.begin() + kGateSize, encapsulation.size(), encapsulation.begin());
  int from = std::max(key_index, 0);
  int to = key_index >= 0 ? key_index : static_cast<int>(keys->exchange.size());
  for (int index = from; index <= to; ++index) {
    auto context = context_of(index);
    if (!context) return false;
    FrameOpener opener(FrameKey::of_request(std::move(*context)));
    Frame frame;
    size_t at = kHeadSize;
    auto step = opener.next(buffer, at, frame);
    if (step == FrameOpener::Step::spoiled) continue;
    key_index = index;
    if (step == FrameOpener::Step::more) return true;
    if (!take_first(frame)) return false;
    opened = true;
    return read_frames(opener, at);
  }
  return false;
}

/// With the context again, from where the frames that were read end.
void State::open_rest() {
  if (buffer.empty()) return;
  if (whole) return void(refused = true);
  auto context = context_of(key_index);
  if (!context) return void(refused = true);
  FrameOpener opener(FrameKey::of_request(std::move(*context)), frames);
  size_t at = 0;
  if (!read_frames(opener, at)) refused = true;
}

bool State::read_frames(FrameOpener& opener, size_t& at) {
  for (;;) {
    Frame frame;
    auto step = opener.next(buffer, at, frame);
    if (step == FrameOpener::Step::spoiled) return false;
    if (step == FrameOpener::Step::more) break;
    auto type = static_cast<FrameType>(frame.type);
    if (frame.final != (type == FrameType::end)) return false;
    if (type == FrameType::hello || type == FrameType::join_post) return false;
    take_frame(frame);
    if (frame.final) whole = true;
  }
  frames = opener.count();
  buffer.erase(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(at));
  return true;
}

bool State::take_first(const Frame& frame) {
  Envelope envelope{keys->id(), key_at(key_index).public_key, encapsulation};
  if (frame.final) return false;
  if (frame.type == static_cast<uint8_t>(FrameType::hello)) {
    auto read = wire::decode<wire::Hello>(frame.body);
    if (!read || frame.body.size() > wire::kFirstFrameMax) return false;
    hello = std::move(*read);
    return crypto::verify(hello.device.bytes, kHelloLabel, hello_message(envelope, hello), hello.signature);
  }
  if (frame.type != static_cast<uint8_t>(FrameType::join_post)) return false;
  auto read = wire::decode<wire::JoinPost>(frame.body);
  if (!read || frame.body.size() > wire::kJoinFrameMax) return false;
  post = std::move(*read);
  join = true;
  return crypto::verify(post.invite_key, kJoinLabel, join_message(envelope, post), post.signature);
}

template <class Message>
std::optional<Message> State::read(const Frame& frame, VerdictObject object) {
  auto message = wire::decode<Message>(frame.body);
  if (message) return std::move(*message);
  bool large = message.error().code == ErrorCode::limit_exceeded;
  malformed.push_back({object, large ? VerdictCode::too_large : VerdictCode::malformed});
  return std::nullopt;
}

void State::take_frame(const Frame& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::want:
      if (auto message = read<wire::Want>(frame, VerdictObject::exchange)) want = std::move(*message), wants = true;
      return;
    case FrameType::batch:
      if (auto message = read<Batch>(frame, VerdictObject::batch)) {
        auto whole_batch = complete(std::move(*message), hello.device);
        if (whole_batch)
          batches.push_back(std::move(*whole_batch));
        else
          malformed.push_back({VerdictObject::batch, VerdictCode::malformed});
      }
      return;
    case FrameType::blob_offer:
      if (auto message = read<wire::BlobOffer>(frame, VerdictObject::blob))
        for (const auto& name : message->blobs)
          if (offered.size() < wire::kBlobsMax) offered.push_back(name);
      return;
    case FrameType::blob_ask:
      if (auto message = read<wire::BlobAsk>(frame, VerdictObject::blob)) asked = std::move(message->blobs);
      return;
    case FrameType::chunk_run:
      if (auto message = read<ChunkRun>(frame, VerdictObject::blob))
        if (!runs.begin(std::move(*message))) malformed.push_back({VerdictObject::blob, VerdictCode::does_not_verify});
      return;
    case FrameType::chunk:
      if (auto message = read<wire::Chunk>(frame, VerdictObject::blob))
        if (!runs.add(std::move(message->data)))
          malformed.push_back({VerdictObject::blob, VerdictCode::does_not_verify});
      return;
    case FrameType::admission_list:
      if (auto message = read<wire::AdmissionList>(frame, VerdictObject::admission_list)) {
        auto list = list_parts.add(*message);
        if (list && *list) admission_lists.push_back(std::move(**list));
        if (!list) malformed.push_back({VerdictObject::admission_list, VerdictCode::malformed});
      }
      return;
    case FrameType::welcome:
      if (auto message = read<wire::Welcome>(frame, VerdictObject::welcome)) {
        auto welcome = welcome_parts.add(*message);
        if (welcome && *welcome) welcomes.push_back(std::move(**welcome));
        if (!welcome) malformed.push_back({VerdictObject::welcome, VerdictCode::malformed});
      }
      return;
    case FrameType::roster_update:
      if (auto message = read<wire::RosterUpdate>(frame, VerdictObject::roster)) {
        auto roster = roster_parts.add(*message);
        if (roster && *roster) rosters.push_back({message->version, message->hash, std::move(**roster)});
        if (!roster) malformed.push_back({VerdictObject::roster, VerdictCode::malformed});
      }
      return;
    default:
      return;  // padding, what answers use, and what a later version adds: passed over
  }
}

// -- Applying -------------------------------------------------------------------------------------------------------

void State::refuse(VerdictObject object, VerdictCode code, uint64_t hash8, uint64_t number) {
  wire::Verdict verdict;
  verdict.object = object, verdict.code = code, verdict.hash8 = hash8, verdict.number = number;
  verdicts.push_back(verdict);
}

void State::touch(const FeedKey& feed) {
  if (std::find(touched.begin(), touched.end(), feed) == touched.end()) touched.push_back(feed);
}

void State::tell(const BlobName& name) {
  if (told.size() < wire::kBlobsMax && std::find(told.begin(), told.end(), name) == told.end()) told.push_back(name);
}

Result<void> RelayExchange::apply(RelayStore& store) {
  auto& s = *state_;
  if (!s.finished && !s.portion) finish();
  LYSOEN_CHECK(s.opened && !s.refused);
  s.verdicts = s.settled.verdicts;
  if (!s.portion) s.verdicts.insert(s.verdicts.begin(), s.malformed.begin(), s.malformed.end());
  s.touched = s.settled.touched;
  s.told = s.settled.told;
  s.turned_away = false;
  s.applied = true;
  if (s.join) return s.apply_join(store);

  if (!s.whole && !s.portion) s.refuse(VerdictObject::exchange, VerdictCode::cut);
  LYSOEN_ASSIGN(bool admitted, s.admit(store));
  if (!admitted) {
    s.turned_away = true;
    return {};
  }
  if (!s.begun) {
    LYSOEN_ASSIGN(s.counter, store.take_counter(s.hello.team, s.hello.device, s.hello.counter, s.encapsulation));
    LYSOEN_ASSIGN(auto heads, store.heads_of(s.hello.team, s.hello.device));
    s.heads_differ = heads_digest(heads) != s.hello.heads_hash8;
  }
  LYSOEN_TRY(s.apply_objects(store));
  for (const auto& batch : s.batches) LYSOEN_TRY(s.apply_batch(store, batch));
  return s.apply_chunks(store);
}

/// Versions, team, admission lists (which may admit this very device), device.
Result<bool> State::admit(RelayStore& store) {
  if (hello.version_min > wire::kVersion || hello.version_max < wire::kVersionMin) {
    refuse(VerdictObject::exchange, VerdictCode::versions, 0, wire::kVersion);
    return false;
  }
  LYSOEN_ASSIGN(standing, store.standing(hello.team, hello.device));
  if (!standing.team_admitted) {
    refuse(VerdictObject::exchange, VerdictCode::team_unknown);
    return false;
  }
  for (const auto& list : admission_lists) {
    LYSOEN_ASSIGN(auto refusal, store.take_admission_list(hello.team, list));
    if (refusal) refuse(VerdictObject::admission_list, *refusal, wire::hash8(crypto::sha256(list)));
  }
  if (!admission_lists.empty()) {
    LYSOEN_ASSIGN(standing, store.standing(hello.team, hello.device));
  }
  if (!standing.device_admitted) refuse(VerdictObject::exchange, VerdictCode::device_unknown);
  return standing.device_admitted;
}

Result<void> State::apply_objects(RelayStore& store) {
  for (const auto& roster : rosters) {
    Refusal refusal = VerdictCode::not_allowed;
    if (standing.may_admit) {
      LYSOEN_ASSIGN(refusal, store.take_roster(hello.team, roster));
    }
    if (refusal) refuse(VerdictObject::roster, *refusal, wire::hash8(roster.hash), roster.version);
  }
  for (const auto& welcome : welcomes) {
    Refusal refusal = VerdictCode::not_allowed;
    if (standing.may_admit) {
      LYSOEN_ASSIGN(refusal, store.take_welcome(hello.team, welcome));
    }
    if (refusal) refuse(VerdictObject::welcome, *refusal, wire::hash8(crypto::sha256(welcome)));
  }
  return {};
}

Result<void> State::apply_batch(RelayStore& store, const Batch& batch) {
  LYSOEN_ASSIGN(auto outcome, store.append(hello.team, hello.device, batch));
  if (outcome.verdict.outcome == AppendOutcome::stored || outcome.verdict.outcome == AppendOutcome::known) {
    touch(batch.feed);
    return {};
  }
  wire::Verdict verdict;
  verdict.object = VerdictObject::batch;
  verdict.code = outcome.code;
  verdict.feed = batch.feed;
  if (verdict.feed.device == hello.device) verdict.feed.device = {};
  verdict.first_seq = batch.first_seq;
  verdict.last_seq = batch.last_seq();
  verdict.number = outcome.verdict.head.seq;
  verdicts.push_back(verdict);
  return {};
}

Result<void> State::apply_chunks(RelayStore& store) {
  for (const auto& name : offered) tell(name);
  for (const auto& run : chunks) {
    LYSOEN_ASSIGN(auto refusal, store.put_chunks(hello.team, hello.device, run));
    if (refusal) refuse(VerdictObject::blob, *refusal, wire::hash8(run.name.blob));
    tell(run.name);
  }
  return {};
}

Result<void> State::apply_join(RelayStore& store) {
  if (post.version_min > wire::kVersion || post.version_max < wire::kVersionMin) {
    refuse(VerdictObject::exchange, VerdictCode::versions, 0, wire::kVersion);
    return {};
  }
  LYSOEN_ASSIGN(standing, store.standing(post.team, {}));
  if (!standing.team_admitted) {
    refuse(VerdictObject::exchange, VerdictCode::team_unknown);
    return {};
  }
  LYSOEN_ASSIGN(join_state, store.join(post.team, post.invite_key, post.request));
  switch (join_state) {
    case JoinState::unknown_invite:
      refuse(VerdictObject::join, VerdictCode::unknown_invite);
      break;
    case JoinState::used_otherwise:
      refuse(VerdictObject::join, VerdictCode::invite_used);
      break;
    case JoinState::not_posted:
      refuse(VerdictObject::join, VerdictCode::not_posted);
      break;
    case JoinState::waiting:
    case JoinState::welcomed:
      refuse(VerdictObject::join, VerdictCode::waiting);
      break;
    case JoinState::too_many:
      refuse(VerdictObject::join, VerdictCode::over_quota);
      break;
  }
  return {};
}

Result<Bytes> respond(RelayStore& store, std::shared_ptr<const RelayKeys> keys, ByteView request, WallTime now,
                      Random& random) {
  RelayExchange exchange(std::move(keys), now, random);
  if (exchange.take(request) != Intake::opened || exchange.finish() != Intake::opened)
    return make_error(ErrorCode::trust_refused, "cannot answer a request: it does not open");
  auto applied = exchange.apply(store);
  return exchange.answer(store, applied ? nullptr : &applied.error());
}

}  // namespace lysoen::session
