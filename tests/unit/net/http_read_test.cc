// Limits of what is read as HTTP, on both sides; hostile bytes of every other kind are in tests/fuzz/corpus/http.
#include "sync/net/http_read.h"

#include "core/base/bytes.h"
#include "tests/support/catch.h"

using namespace lysoen;
using namespace lysoen::net;

namespace {

constexpr size_t kPieces[] = {1, 7, 1000, 1 << 20};

RequestHeadReader::State request_of(const std::string& text, size_t piece) {
  RequestHeadReader reader;
  Bytes held;
  auto state = RequestHeadReader::State::more;
  for (size_t at = 0; at < text.size() && state == RequestHeadReader::State::more; at += piece) {
    auto next = as_bytes(text).subspan(at, std::min(piece, text.size() - at));
    held.insert(held.end(), next.begin(), next.end());
    state = reader.take(held);
  }
  return state;
}

Answered answer_of(const std::string& text, size_t piece) {
  AnswerReader reader(1 << 20);
  auto answered = Answered::more;
  for (size_t at = 0; answered == Answered::more;) {
    auto room = reader.room();
    REQUIRE(!room.empty());
    size_t came = std::min({room.size(), piece, text.size() - at});
    std::copy_n(text.begin() + static_cast<ptrdiff_t>(at), came, room.begin());
    at += came;
    answered = reader.take(came, came == 0);
  }
  return answered;
}

// A head of exactly this size.
std::string filled(const std::string& begin, size_t size) {
  const std::string end = "\r\n\r\n", field = "X: ";
  return begin + field + std::string(size - begin.size() - field.size() - end.size(), 'x') + end;
}

}  // namespace

TEST_CASE("HTTP: a head has the same limit however its bytes come", "[net]") {
  const std::string post = "POST / HTTP/1.1\r\nContent-Length: 0\r\n",
                    ok = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n";
  for (size_t piece : kPieces) {
    CAPTURE(piece);
    CHECK(request_of(filled(post, kHeadMax), piece) == RequestHeadReader::State::whole);
    CHECK(request_of(filled(post, kHeadMax) + "more", piece) == RequestHeadReader::State::whole);
    CHECK(request_of(filled(post, kHeadMax + 1), piece) == RequestHeadReader::State::bad);
    CHECK(request_of(std::string(kHeadMax + 1, 'x'), piece) == RequestHeadReader::State::bad);
    CHECK(answer_of(filled(ok, kHeadMax) + "hello", piece) == Answered::whole);
    CHECK(answer_of(filled(ok, kHeadMax + 1) + "hello", piece) == Answered::head_too_long);
    CHECK(answer_of(ok + "X: " + std::string(3 * kAnswerPiece, 'x'), piece) == Answered::head_too_long);
  }
}

TEST_CASE("HTTP: a chunk whose own head does not end, ends the answer", "[net]") {
  const std::string ok =
      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t piece : kPieces) {
    CAPTURE(piece);
    CHECK(answer_of(ok + "1;a=" + std::string(3 * kAnswerPiece, 'b'), piece) == Answered::head_too_long);
    CHECK(answer_of(ok + "1;a=b\r\nx\r\n0\r\n\r\n", piece) == Answered::whole);
  }
}
