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
    if (type == FrameType::batch || type == FrameType::chunk) waiting += frame.body.size();
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

  size_t waiting = 0;  // bytes of batches and chunks

  void take_chunks(bool last) {
    waiting = 0;
    out_.chunks = last ? runs_.take() : runs_.take_so_far();
    std::erase_if(out_.chunks, [](const ProvenChunks& run) { return run.chunks.empty(); });
  }

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

struct AnswerReader::State {
  crypto::Key32 key;
  PublicKey encapsulation{};
  std::optional<FrameOpener> opener;  // once the nonce is here
  size_t at = kNonceSize;
  Answer answer;
  Decoder decoder{answer};
  bool spoiled = false;
  std::optional<Error> nonsense;
};

AnswerReader::AnswerReader(const crypto::Key32& answer_key, const PublicKey& encapsulation)
    : state_(new State{.key = answer_key.copy(), .encapsulation = encapsulation}) {}
AnswerReader::~AnswerReader() = default;

bool AnswerReader::read(ByteView bytes) {
  auto& s = *state_;
  s.spoiled = s.spoiled || bytes.size() > wire::kRequestMax + kNonceSize;
  while (!s.spoiled && !s.nonsense && bytes.size() > s.at) {
    if (!s.opener) s.opener.emplace(FrameKey::of_answer(s.key, s.encapsulation, bytes.first(kNonceSize)));
    Frame frame;
    auto step = s.opener->next(bytes, s.at, frame);
    if (step == FrameOpener::Step::more) break;
    s.spoiled =
        step == FrameOpener::Step::spoiled || frame.final != (frame.type == static_cast<uint8_t>(FrameType::end));
    if (s.spoiled) break;
    if (auto taken = s.decoder.take(frame); !taken) s.nonsense = std::move(taken).error();
  }
  return !s.spoiled && !s.nonsense;
}

size_t AnswerReader::waiting() const {
  return state_->decoder.waiting;
}

Answer& AnswerReader::answer() {
  return state_->answer;
}

void AnswerReader::take_chunks() {
  state_->decoder.take_chunks(false);
}

Result<void> AnswerReader::finish(ByteView bytes) {
  auto& s = *state_;
  (void)read(bytes);
  if (s.spoiled) return not_from_relay(bytes);
  if (s.nonsense) return *s.nonsense;
  if (!s.opener || s.opener->count() == 0)
    return bytes.size() < kNonceSize + kFrameHeaderSize ? not_from_relay(bytes) : cut_too_early();
  s.decoder.take_chunks(true);
  s.answer.ended = s.opener->ended();
  return {};
}

Result<Answer> open_answer(const crypto::Key32& answer_key, const PublicKey& encapsulation, ByteView bytes) {
  AnswerReader reader(answer_key, encapsulation);
  LYSOEN_TRY(reader.finish(bytes));
  return std::move(reader.answer());
}

}  // namespace lysoen::session
