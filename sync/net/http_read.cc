#include "sync/net/http_read.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <utility>

namespace lysoen::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

// -- A request's head -------------------------------------------------------------------------------------------------

struct RequestHeadReader::Parser {
  http::request_parser<http::empty_body> beast;
  size_t taken = 0;  // bytes of the head so far
};

RequestHeadReader::RequestHeadReader() : parser_(std::make_unique<Parser>()) {
  parser_->beast.header_limit(2 * kHeadMax);  // of its own; depends on how the bytes were cut
  parser_->beast.body_limit(boost::none);     // who reads the body has a limit of its own
}
RequestHeadReader::~RequestHeadReader() = default;
RequestHeadReader::RequestHeadReader(RequestHeadReader&&) noexcept = default;

RequestHeadReader::State RequestHeadReader::take(Bytes& held) {
  auto& beast = parser_->beast;
  if (held.empty()) return State::more;
  error_code parse;
  auto used = beast.put(asio::const_buffer(held.data(), held.size()), parse);
  held.erase(held.begin(), held.begin() + static_cast<ptrdiff_t>(used));
  parser_->taken += used;
  if (beast.is_header_done()) return parser_->taken <= kHeadMax ? State::whole : State::bad;
  if (parse && parse != http::error::need_more) return State::bad;
  return parser_->taken + held.size() <= kHeadMax ? State::more : State::bad;
}

RequestHead RequestHeadReader::head() const {
  const auto& beast = parser_->beast;
  const auto& said = beast.get();
  RequestHead head;
  if (said.method() == http::verb::get) head.method = RequestHead::Method::get;
  if (said.method() == http::verb::post) head.method = RequestHead::Method::post;
  head.target = std::string(said.target());
  head.keep = beast.keep_alive();
  head.chunked = beast.chunked();
  if (auto size = beast.content_length()) head.size = *size;
  head.expects_continue = said[http::field::expect] == "100-continue";
  head.forwarded = !said["X-Forwarded-For"].empty() || !said["Forwarded"].empty();
  return head;
}

// -- An answer
// ---------------------------------------------------------------------------------------------------------

struct AnswerReader::Parser {
  http::response_parser<http::vector_body<uint8_t>> beast;
  Bytes buffer = Bytes(kAnswerPiece);
  size_t held = 0;  // of the buffer: came, and not taken by the parser yet
  size_t head = 0;  // bytes of it so far
  bool judged = false;

  // Gives the parser what it takes and moves the rest to the buffer's beginning.
  void feed(error_code& parse) {
    size_t taken = 0;
    while (taken < held && !parse && !beast.is_done()) {
      const bool in_head = !beast.is_header_done();
      auto used = beast.put(asio::const_buffer(buffer.data() + taken, held - taken), parse);
      taken += used;
      if (in_head) head += used;
      if (in_head && beast.is_header_done()) beast.eager(true);  // from here on bytes of the body, as they come
      if (used == 0) break;
    }
    std::copy(buffer.begin() + static_cast<ptrdiff_t>(taken), buffer.begin() + static_cast<ptrdiff_t>(held),
              buffer.begin());
    held -= taken;
  }
};

AnswerReader::AnswerReader(uint64_t body_max) : parser_(std::make_unique<Parser>()) {
  parser_->beast.header_limit(2 * kHeadMax);  // of its own; depends on how the bytes were cut
  parser_->beast.body_limit(body_max);
}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;

std::span<uint8_t> AnswerReader::room() {
  return std::span(parser_->buffer).subspan(parser_->held);
}

Answered AnswerReader::take(size_t came, bool ended) {
  auto& p = *parser_;
  auto& beast = p.beast;
  error_code parse;
  p.held += came;
  if (p.held > 0) p.feed(parse);
  if (parse == http::error::need_more) parse = {};
  if (p.head + (beast.is_header_done() ? 0 : p.held) > kHeadMax) return Answered::head_too_long;
  if (ended && !parse && beast.got_some() && !beast.is_done()) beast.put_eof(parse);
  if (beast.is_header_done() && !std::exchange(p.judged, true)) {
    const auto& head = beast.get().base();
    if (head.result_int() != 200) return Answered::other_status;
    if (head[http::field::content_type] != "application/octet-stream") return Answered::other_content;
  }
  if (parse == http::error::body_limit) return Answered::too_large;
  if (parse || (ended && !beast.is_done())) {
    if (!beast.got_some()) return Answered::nothing;
    const bool no_head = !beast.is_header_done() && parse && parse != http::error::partial_message;
    return no_head ? Answered::not_http : Answered::cut;
  }
  if (beast.is_done()) return Answered::whole;
  return p.held == p.buffer.size() ? Answered::head_too_long : Answered::more;  // the head of a chunk
}

int AnswerReader::status() const {
  return static_cast<int>(parser_->beast.get().result_int());
}
bool AnswerReader::keep() const {
  return parser_->beast.keep_alive() && parser_->held == 0;
}
ByteView AnswerReader::so_far() const {
  return parser_->beast.get().body();
}
Bytes AnswerReader::body() && {
  return std::move(parser_->beast.get().body());
}

}  // namespace lysoen::net
