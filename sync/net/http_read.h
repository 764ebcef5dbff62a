// HTTP as both sides read it, without I/O, so that hostile bytes can be tried against it alone (tests/fuzz): the head
// of a request at the relay, an answer at a device. Parsed by Beast, within the limits below. Private to this module.
#pragma once
#include <lysoen/ids.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace lysoen::net {

inline constexpr size_t kHeadMax = 8 * 1024;       // of a request or an answer
inline constexpr size_t kAnswerPiece = 16 * 1024;  // read at once of an answer

/// What a request's head says, as far as a relay cares.
struct RequestHead {
  enum class Method { get, post, other };
  Method method = Method::other;
  std::string target;
  bool keep = false;             // the connection may serve another request
  bool chunked = false;          // its length is not known before it ends
  std::optional<uint64_t> size;  // of the body; none: not said
  bool expects_continue = false;
  bool forwarded = false;  // came through a proxy that says so
  bool operator==(const RequestHead&) const = default;
};

class RequestHeadReader {
 public:
  RequestHeadReader();
  ~RequestHeadReader();
  RequestHeadReader(RequestHeadReader&&) noexcept;

  enum class State { more, whole, bad };
  /// Takes off the front of `held` what belongs to the head. `whole`: the body, if any, begins where `held` does now.
  /// The other two are final.
  State take(Bytes& held);
  /// Requires that take() said `whole`.
  RequestHead head() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// How an answer ended.
enum class Answered {
  more,           // not yet
  whole,          // a relay's: 200 and application/octet-stream
  other_status,   // see status()
  other_content,  // a page
  too_large,      // more than `body_max`
  nothing,        // the connection ended before a byte came
  not_http,
  cut,            // what came of the body is in body()
  head_too_long,  // its own, or that of a chunk
};

class AnswerReader {
 public:
  explicit AnswerReader(uint64_t body_max);
  ~AnswerReader();
  AnswerReader(AnswerReader&&) noexcept;

  /// Where the next bytes go; not empty while take() says `more`.
  std::span<uint8_t> room();
  /// So many came into the room; `ended`: and no more will. All answers but `more` are final.
  Answered take(size_t came, bool ended);

  int status() const;
  /// The connection may serve another request: the answer said so and nothing came behind it.
  bool keep() const;
  Bytes body() &&;
  /// What came of a relay's body; empty before its head was read.
  ByteView so_far() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace lysoen::net
