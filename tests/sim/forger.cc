#include "forger.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/feed/batch.h"
#include "core/feed/receipt.h"
#include "run.h"
#include "sync/relay/keys.h"
#include "sync/session/compact.h"

namespace lysoen::sim {

using session::Frame;
using session::FrameKey;
using wire::FrameType;

namespace {

constexpr size_t kSeenMax = 200;
constexpr size_t kNothing = 2048;  // bytes of babble

void flip_a_bit(Bytes& bytes, Dice& dice) {
  if (!bytes.empty()) bytes[dice.below(bytes.size())] ^= static_cast<uint8_t>(1u << dice.below(8));
}

template <class Message>
void rewrite(Frame& frame, const std::function<void(Message&)>& change) {
  auto message = wire::decode<Message>(frame.body);
  if (!message) return;
  change(*message);
  frame.body = wire::encode(*message);
}

}  // namespace

struct Forger::Reader {
  PublicKey encapsulation{};
  crypto::Key32 answer_key;
};

std::optional<Forger::Reader> Forger::reader_of(ByteView request) const {
  constexpr size_t kHead = session::kGateSize + session::kEncapsulationSize;
  if (request.size() < kHead) return std::nullopt;
  Reader reader;
  std::copy_n(request.begin() + session::kGateSize, reader.encapsulation.size(), reader.encapsulation.begin());
  auto file = must(relay::read_key_file(key_file_), "read the relay's key file");
  std::vector<const crypto::KemKeyPair*> pairs;
  for (const auto& key : file.keys.exchange) pairs.push_back(&key.pair);
  pairs.push_back(&file.keys.fallback);
  for (const auto* pair : pairs) {
    auto receive = [&] {
      return crypto::hpke_receive(*pair, reader.encapsulation, session::request_info(file.keys.id(), pair->public_key));
    };
    auto context = receive();
    if (!context) continue;
    session::FrameOpener opener(FrameKey::of_request(std::move(*context)));
    Frame frame;
    size_t at = kHead;
    if (opener.next(request, at, frame) != session::FrameOpener::Step::frame) continue;
    reader.answer_key = session::export_answer_key(*receive());
    return reader;
  }
  return std::nullopt;
}

Bytes Forger::seal(const Reader& reader, const std::vector<Frame>& frames, bool more, bool ends) {
  Bytes nonce(session::kNonceSize);
  for (auto& byte : nonce) byte = static_cast<uint8_t>(dice_.below(256));
  session::FrameSealer out(FrameKey::of_answer(reader.answer_key, reader.encapsulation, nonce), nonce);
  for (const auto& frame : frames) out.add_frame(frame.type, frame.body);
  return ends ? out.finish({more}) : std::move(out).unfinished();
}

Bytes Forger::babble(ByteView request) {
  auto reader = reader_of(request);
  if (!reader) return {};
  return seal(*reader, {Frame{static_cast<uint8_t>(FrameType::pad), false, Bytes(kNothing)}}, true, true);
}

Bytes Forger::forge(ByteView request, Bytes answer) {
  auto reader = reader_of(request);
  if (!reader || answer.size() < session::kNonceSize) return answer;
  session::FrameOpener opener(
      FrameKey::of_answer(reader->answer_key, reader->encapsulation, ByteView(answer).first(session::kNonceSize)));
  std::vector<Frame> frames;
  bool more = false;
  size_t at = session::kNonceSize;
  for (Frame frame; opener.next(answer, at, frame) == session::FrameOpener::Step::frame;) {
    auto type = static_cast<FrameType>(frame.type);
    if (type == FrameType::end) {
      auto end = wire::decode<wire::End>(frame.body);
      more = end && end->more;
    } else if (type != FrameType::pad) {
      frames.push_back(frame);
    }
  }
  remember(frames);
  for (uint64_t lies = dice_.between(1, 3); lies > 0; --lies) lie(frames);
  return seal(*reader, frames, more != dice_.percent(20), dice_.percent(90));
}

void Forger::remember(const std::vector<Frame>& frames) {
  for (const auto& frame : frames)
    if (frame.type != static_cast<uint8_t>(FrameType::chunk)) seen_.push_back(frame);
  while (seen_.size() > kSeenMax) seen_.pop_front();
}

const Frame* Forger::seen(uint8_t type) {
  std::vector<const Frame*> fitting;
  for (const auto& frame : seen_)
    if (frame.type == type) fitting.push_back(&frame);
  return fitting.empty() ? nullptr : dice_.of(fitting);
}

uint64_t Forger::other_number(uint64_t number) {
  switch (dice_.below(4)) {
    case 0:
      return number + 1;
    case 1:
      return number > 1 ? number - 1 : number + 2;
    case 2:
      return 1;
    default:
      return number + dice_.below(1'000'000);
  }
}

/// One lie of the whole: what is there, in which order, from whom.
void Forger::lie(std::vector<Frame>& frames) {
  if (frames.empty() || dice_.percent(10)) return frames.push_back(verdict());
  size_t one = dice_.below(frames.size()), other = dice_.below(frames.size());
  switch (dice_.below(8)) {
    case 0:
      frames.erase(frames.begin() + static_cast<ptrdiff_t>(one));
      return;
    case 1:
      frames.push_back(Frame(frames[one]));
      return;
    case 2:
      std::swap(frames[one], frames[other]);
      return;
    case 3:
      if (const auto* foreign = seen(frames[one].type)) frames[one] = *foreign;
      return;
    case 4:
      if (!seen_.empty())
        frames.insert(frames.begin() + static_cast<ptrdiff_t>(one), Frame(seen_[dice_.below(seen_.size())]));
      return;
    default:
      return lie_in(frames[one]);
  }
}

Frame Forger::verdict() {
  wire::Verdict verdict;
  verdict.object = static_cast<wire::VerdictObject>(dice_.between(1, 8));
  verdict.code = static_cast<wire::VerdictCode>(dice_.between(1, 24));
  verdict.number = dice_.percent(50) ? dice_.below(50) : dice_.below(UINT64_MAX);
  verdict.first_seq = dice_.between(1, 20), verdict.last_seq = verdict.first_seq + dice_.below(5);
  if (const auto* frame = seen(static_cast<uint8_t>(FrameType::batch)))
    if (auto batch = wire::decode<Batch>(frame->body)) verdict.feed = batch->feed;
  return {static_cast<uint8_t>(FrameType::verdict), false, wire::encode(verdict)};
}

void Forger::lie_in(Frame& frame) {
  if (dice_.percent(10)) return flip_a_bit(frame.body, dice_);
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::batch:
      return lie_in_batch(frame);
    case FrameType::receipt:
      return lie_in_receipt(frame);
    case FrameType::mailbox_items:
      return lie_in_items(frame);
    case FrameType::mailbox_points:
      return lie_in_points(frame);
    case FrameType::frontier:
      return lie_in_frontier(frame);
    case FrameType::blob_states:
      return lie_in_blob_states(frame);
    case FrameType::chunk:
      return rewrite<wire::Chunk>(frame, [&](auto& chunk) { flip_a_bit(chunk.data, dice_); });
    case FrameType::roster_update:
      return rewrite<wire::RosterUpdate>(frame, [&](auto& roster) {
        dice_.percent(50) ? flip_a_bit(roster.part, dice_) : void(roster.version = other_number(roster.version));
      });
    default:
      return flip_a_bit(frame.body, dice_);
  }
}

/// An entry in whose place nothing but its hash comes, with no warrant or a worthless one; entries of somebody else; a
/// place or a signature that is another's.
void Forger::lie_in_batch(Frame& frame) {
  auto message = wire::decode<Batch>(frame.body);
  if (!message) return;
  auto whole = session::complete(std::move(*message), {});
  if (!whole || whole->entries.empty()) return;
  auto& entry = whole->entries[dice_.below(whole->entries.size())];
  std::optional<Batch> foreign;
  if (const auto* other = seen(frame.type))
    if (auto read = wire::decode<Batch>(other->body)) foreign = std::move(*read);
  switch (dice_.below(7)) {
    case 0:
    case 1:
      entry = feed::stub_of(entry, StubReason::gap, {});
      break;
    case 2:
      entry = feed::stub_of(entry, static_cast<StubReason>(dice_.between(2, 5)), Bytes(dice_.between(1, 200)));
      break;
    case 3:
      flip_a_bit(entry.ciphertext, dice_);
      break;
    case 4:
      if (foreign) whole->signature = foreign->signature, whole->signed_seq = foreign->signed_seq;
      break;
    case 5:
      if (foreign) whole->entries = foreign->entries;
      break;
    default:
      whole->first_seq = other_number(whole->first_seq);
  }
  frame.body = wire::encode(session::elide(std::move(*whole), {}));
}

/// Signed by the relay's own key: it may say what it likes of itself.
void Forger::lie_in_receipt(Frame& frame) {
  auto file = must(relay::read_key_file(key_file_), "read the relay's key file");
  rewrite<wire::Receipt>(frame, [&](wire::Receipt& message) {
    auto receipt = feed::decode_receipt(message.receipt);
    if (!receipt) return;
    std::optional<feed::Receipt> foreign;
    if (const auto* other = seen(frame.type))
      if (auto read = wire::decode<wire::Receipt>(other->body))
        if (auto decoded = feed::decode_receipt(read->receipt)) foreign = *decoded;
    switch (dice_.below(5)) {
      case 0:
        receipt->seq = other_number(receipt->seq);
        break;
      case 1:
        if (foreign) receipt->feed = foreign->feed;
        break;
      case 2:
        if (foreign) receipt->head = foreign->head;
        break;
      case 3:
        receipt->missing = {{1, 1}};
        break;
      default:
        receipt->point.counter = other_number(receipt->point.counter);
        receipt->log_size = std::max(other_number(receipt->log_size), receipt->leaf_index + 1);
    }
    message.receipt = feed::sign_receipt(*receipt, file.keys.identity);
  });
}

void Forger::lie_in_items(Frame& frame) {
  rewrite<wire::MailboxItems>(frame, [&](wire::MailboxItems& items) {
    if (items.items.empty()) return;
    auto& item = items.items[dice_.below(items.items.size())];
    switch (dice_.below(6)) {
      case 0:
        items.items.erase(items.items.begin() + static_cast<ptrdiff_t>(dice_.below(items.items.size())));
        break;
      case 1:
        std::swap(item, items.items[dice_.below(items.items.size())]);
        break;
      case 2:
        item.last_seq = std::max(item.first_seq, other_number(item.last_seq));
        break;
      case 3:
        items.store_epoch += 1;
        break;
      case 4:
        items.first = other_number(items.first);
        break;
      default:
        item.head = crypto::sha256(item.head.view());
    }
  });
}

void Forger::lie_in_points(Frame& frame) {
  rewrite<wire::MailboxPoints>(frame, [&](wire::MailboxPoints& points) {
    if (points.changed.empty() || dice_.percent(30)) {
      points.signature[dice_.below(points.signature.size())] ^= 1;
      return;
    }
    auto& point = points.changed[dice_.below(points.changed.size())];
    dice_.percent(50) ? void(point.counter = other_number(point.counter)) : void(point.store_epoch += 1);
  });
}

void Forger::lie_in_frontier(Frame& frame) {
  rewrite<wire::Frontier>(frame, [&](wire::Frontier& frontier) {
    if (frontier.heads.empty() || dice_.percent(30)) {
      frontier.highest_counter = dice_.percent(50) ? 0 : other_number(frontier.highest_counter);
      return;
    }
    auto& head = frontier.heads[dice_.below(frontier.heads.size())];
    dice_.percent(50) ? void(head.seq = other_number(head.seq)) : void(head.hash = crypto::sha256(head.hash.view()));
  });
}

void Forger::lie_in_blob_states(Frame& frame) {
  rewrite<wire::BlobStates>(frame, [&](wire::BlobStates& states) {
    if (states.blobs.empty()) return;
    auto& one = states.blobs[dice_.below(states.blobs.size())];
    auto& other = states.blobs[dice_.below(states.blobs.size())];
    switch (dice_.below(3)) {
      case 0:
        std::swap(one.receipt, other.receipt);
        std::swap(one.held, other.held);
        break;
      case 1:
        one.held = {{0, one.name.chunks()}};
        break;
      default:
        one.held = {};
    }
  });
}

}  // namespace lysoen::sim
