#include "sync/session/answer.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/try.h"

namespace lysoen::session {

using wire::FrameType;

namespace {

// Begins as HTML or JSON does and goes on as text: a sealed answer may begin with '<', but has control bytes soon.
bool is_page(ByteView answer) {
  auto text = as_text(answer.first(std::min<size_t>(answer.size(), 256)));
  auto begin = text.find_first_not_of(" \r\n\t\xEF\xBB\xBF");
  if (begin == std::string_view::npos || (text[begin] != '<' && text[begin] != '{')) return false;
  return std::none_of(text.begin(), text.end(), [](char byte) {
    auto value = static_cast<uint8_t>(byte);
    return value == 0x7f || (value < ' ' && byte != '\r' && byte != '\n' && byte != '\t');
  });
}

Error not_from_relay(ByteView answer) {
  if (answer.empty())
    return make_error(ErrorCode::no_network, "something between this device and the relay answered with nothing",
                      "try again later; if it stays, try another network");
  if (is_page(answer))
    return make_error(ErrorCode::no_network,
                      "something between this device and the relay answered with a page of its own",
                      "open a web page to see whether this network asks you to sign in first");
  return make_error(ErrorCode::no_network,
                    "something between this device and the relay answered, or changed the answer: it does not open",
                    "nothing was lost; try again, and if it stays, check the relay's key with your admin");
}

Error cut_too_early() {
  return make_error(ErrorCode::no_network, "the relay's answer was cut before anything of it could be read",
                    "nothing was lost; try again");
}

class Decoder {
 public:
  explicit Decoder(Answer& out) : out_(out) {}

  Result<void> take(const Frame& frame) {
    auto type = static_cast<FrameType>(frame.type);
    switch (type) {
      case FrameType::verdict:
        return each<wire::Verdict>(frame, [&](auto m) { out_.verdicts.push_back(m); });
      case FrameType::exchange_key:
        return each<wire::ExchangeKey>(frame, [&](auto m) { out_.keys.push_back(std::move(m.certified)); });
      case FrameType::receipt:
        return each<wire::Receipt>(frame, [&](auto m) { out_.receipts.push_back(std::move(m.receipt)); });
      case FrameType::frontier:
        return each<wire::Frontier>(frame, [&](auto m) { out_.frontiers.push_back(std::move(m)); });
      case FrameType::join_requests:
        return each<wire::JoinRequests>(frame, [&](auto m) {
          for (auto& request : m.requests) out_.join_requests.push_back(std::move(request));
        });
      case FrameType::batch:
        return each<Batch>(frame, [&](auto m) { out_.pieces.emplace_back(std::move(m)); });
      case FrameType::mailbox_items:
        return each<wire::MailboxItems>(frame, [&](auto m) { out_.pieces.emplace_back(std::move(m)); });
      case FrameType::mailbox_points:
        return each<wire::MailboxPoints>(frame, [&](auto m) { out_.points = std::move(m); });
      case FrameType::end:
        return each<wire::End>(frame, [&](auto m) { out_.more = m.more; });
      case FrameType::roster_update:
        return take_roster(frame);
      case FrameType::welcome:
        return take_welcome(frame);
      case FrameType::blob_states:
        return each<wire::BlobStates>(frame, [&](auto m) {
          for (auto& state : m.blobs) out_.blobs.push_back(std::move(state));
        });
      case FrameType::chunk_run:
        return each<ChunkRun>(frame, [&](auto m) { out_.false_chunks |= !runs_.begin(std::move(m)); });
      case FrameType::chunk:
        return each<wire::Chunk>(frame, [&](auto m) { out_.false_chunks |= !runs_.add(std::move(m.data)); });
      case FrameType::pad:
        return {};
      default:
        return ++out_.unknown, Result<void>();
    }
  }

  void finish() { out_.chunks = runs_.take(); }

 private:
  template <class Message, class Use>
  Result<void> each(const Frame& frame, Use use) {
    LYSOEN_ASSIGN(auto message, wire::decode<Message>(frame.body));
    use(std::move(message));
    return {};
  }
  Result<void> take_roster(const Frame& frame) {
    LYSOEN_ASSIGN(auto message, wire::decode<wire::RosterUpdate>(frame.body));
    LYSOEN_ASSIGN(auto sealed, roster_parts_.add(message));
    if (sealed) out_.rosters.push_back({message.version, message.hash, std::move(*sealed)});
    return {};
  }
  Result<void> take_welcome(const Frame& frame) {
    LYSOEN_ASSIGN(auto message, wire::decode<wire::Welcome>(frame.body));
    LYSOEN_ASSIGN(auto whole, welcome_parts_.add(message));
    if (whole) out_.welcomes.push_back(std::move(*whole));
    return {};
  }
  Answer& out_;
  blob::RunReader runs_;
  Assembler roster_parts_, welcome_parts_;
};

}  // namespace

Result<Answer> open_answer(const crypto::Key32& answer_key, const PublicKey& encapsulation, ByteView bytes) {
  if (bytes.size() > wire::kRequestMax + kNonceSize || bytes.size() < kNonceSize) return not_from_relay(bytes);
  FrameOpener opener(FrameKey::of_answer(answer_key, encapsulation, bytes.first(kNonceSize)));
  Answer answer;
  Decoder decoder(answer);
  size_t at = kNonceSize;
  for (;;) {
    Frame frame;
    auto step = opener.next(bytes, at, frame);
    if (step == FrameOpener::Step::spoiled) return not_from_relay(bytes);
    if (step == FrameOpener::Step::more) break;
    if (frame.final != (frame.type == static_cast<uint8_t>(FrameType::end))) return not_from_relay(bytes);
    LYSOEN_TRY(decoder.take(frame));
  }
  if (opener.count() == 0)
    return bytes.size() < kNonceSize + kFrameHeaderSize ? not_from_relay(bytes) : cut_too_early();
  decoder.finish();
  answer.ended = opener.ended();
  return answer;
}

}  // namespace lysoen::session
