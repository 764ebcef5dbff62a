// HTTP as both sides read it: requests, one behind the other, at the relay; an answer at a device. However the bytes
// are cut on their way, the same is read. The first byte chooses the side, the second how the bytes are cut; for an
// answer the third says how large its body may be.
#include <string>

#include "sync/net/http_read.h"
#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using namespace lysoen::net;
using fuzz::require;

namespace {

// Of pieces; 0: all at once.
constexpr size_t kCuts[] = {0, 1, 2, 3, 7, 64, 1000, 2048};
constexpr size_t kRequestsMax = 16;
constexpr uint64_t kBodyMax[] = {0, 1, 100, 1 << 20};

// Whether what does not parse is refused at once or when the connection ends depends on where the parser looks first.
struct Seen {
  std::vector<RequestHead> heads;
  std::vector<size_t> bodies;  // bytes of each that came
  bool operator==(const Seen&) const = default;
};

/// As the listener reads: heads by the reader, bodies by their size.
Seen serve(ByteView input, size_t cut) {
  Seen seen;
  Bytes held;
  size_t at = 0;
  auto next = [&] {
    auto piece = input.subspan(at, cut ? std::min(cut, input.size() - at) : input.size() - at);
    at += piece.size();
    held.insert(held.end(), piece.begin(), piece.end());
    return !piece.empty();
  };
  while (seen.heads.size() < kRequestsMax) {
    RequestHeadReader reader;
    auto state = RequestHeadReader::State::more;
    while (true) {
      state = reader.take(held);
      if (state != RequestHeadReader::State::more || !next()) break;
      require(held.size() <= 2 * kHeadMax + input.size(), "what is held is bounded");
    }
    if (state != RequestHeadReader::State::whole) return seen;
    auto head = reader.head();
    require(head.target.size() <= kHeadMax, "a target is no longer than a head may be");
    require(!head.chunked || !head.size, "a body has one length");
    const bool goes_on = head.method == RequestHead::Method::post && head.size && head.keep;
    const uint64_t size = head.size.value_or(0);
    seen.heads.push_back(std::move(head));
    if (!goes_on) break;
    uint64_t came = 0;
    while (came < size && (!held.empty() || next())) {
      auto taken = static_cast<size_t>(std::min<uint64_t>(held.size(), size - came));
      held.erase(held.begin(), held.begin() + static_cast<ptrdiff_t>(taken));
      came += taken;
    }
    seen.bodies.push_back(static_cast<size_t>(came));
    if (came < size) break;
  }
  return seen;
}

struct Outcome {
  Answered how = Answered::more;
  Bytes body;
  int status = 0;
};

Outcome ask(ByteView input, size_t cut, uint64_t body_max) {
  AnswerReader reader(body_max);
  Outcome outcome;
  for (size_t at = 0; outcome.how == Answered::more;) {
    auto room = reader.room();
    require(!room.empty(), "there is room while an answer goes on");
    size_t came = std::min({room.size(), input.size() - at, cut ? cut : input.size()});
    std::copy_n(input.begin() + static_cast<ptrdiff_t>(at), came, room.begin());
    at += came;
    outcome.how = reader.take(came, came == 0);
    require(came > 0 || outcome.how != Answered::more, "a connection that ended ends its answer");
  }
  if (outcome.how == Answered::whole || outcome.how == Answered::other_status) outcome.status = reader.status();
  if (outcome.how == Answered::whole) (void)reader.keep();
  outcome.body = std::move(reader).body();
  require(outcome.body.size() <= body_max, "a body is no larger than it may be");
  if (outcome.how == Answered::whole) require(outcome.status == 200, "only a relay's answer is taken");
  return outcome;
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  auto seed = [](uint8_t side, std::string_view text, uint8_t third = 3) {
    Bytes bytes{side, 3};
    if (side == 1) bytes.push_back(third);
    bytes.insert(bytes.end(), text.begin(), text.end());
    return bytes;
  };
  const std::string post =
      "POST / HTTP/1.1\r\nHost: relay.example\r\nContent-Type: application/octet-stream\r\n"
      "Cache-Control: no-store, no-transform\r\nContent-Length: 5\r\n\r\nhello";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\n";
  return {seed(0, post + post),
          seed(0, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"),
          seed(0, "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc"),
          seed(0, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
          seed(1, ok + "Content-Length: 5\r\n\r\nhello"),
          seed(1, ok + "\r\nuntil the end"),
          seed(1, ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\nTrailer: x\r\n\r\n"),
          seed(1, "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n"),
          seed(1, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
          seed(1, "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx")};
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  const bool answer = choices.flag();
  const size_t cut = kCuts[choices.below(std::size(kCuts))];
  if (!answer) {
    require(serve(choices.rest(), cut) == serve(choices.rest(), 0), "a request does not depend on how it is cut");
    return;
  }
  const uint64_t body_max = kBodyMax[choices.below(std::size(kBodyMax))];
  auto cut_up = ask(choices.rest(), cut, body_max), whole = ask(choices.rest(), 0, body_max);
  require((cut_up.how == Answered::whole) == (whole.how == Answered::whole), "an answer is whole however it is cut");
  if (whole.how == Answered::whole) require(cut_up.body == whole.body, "a body does not depend on how it is cut");
}
