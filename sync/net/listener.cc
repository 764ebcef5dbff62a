// The listener on Boost.Asio: one coroutine for each connection, each on a strand of its own. Heads are read by
// http_read.cc, bodies by their Content-Length and handed on in pieces.
#include "sync/net/listener.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "sync/net/http_read.h"

namespace lysoen::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kPieceMax = 64 * 1024, kWriteSlice = 64 * 1024;
constexpr size_t kTlsPieceMax = 16 * 1024;  // a record; what a connection that waits for a piece has in memory
constexpr size_t kDrainMax = 512 * 1024;    // read and thrown away so that a sender still sending sees our refusal
constexpr milliseconds kDrainDeadline{2000};
constexpr size_t kClosingMax = 128;  // connections that give way and have not closed yet

// What all connections share. Outlives them.
struct Shared {
  Shared(const ListenerOptions& opts, Service& svc) : options(opts), service(svc), io(opts.threads) {}
  const ListenerOptions options;
  Service& service;
  std::optional<asio::ssl::context> tls;
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> accepted{0}, turned_away{0}, displaced{0}, late{0}, ok{0}, refused{0}, cut{0};

  std::mutex mutex;
  std::condition_variable emptied;
  std::set<class Connection*> open;  // under mutex
  // Those that may be displaced, the one that has waited longest first. Under mutex.
  std::map<uint64_t, class Connection*> waiting;
  uint64_t places = 0;  // given out; under mutex
  asio::io_context io;  // last: what it still holds ends while the rest is there
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Shared& shared, tcp::socket socket)
      : shared_(shared), socket_(std::move(socket)), guard_(socket_.get_executor()), bell_(socket_.get_executor()) {
    std::lock_guard lock(shared_.mutex);
    shared_.open.insert(this);
    shared_.waiting.emplace(place_ = ++shared_.places, this);
  }
  ~Connection() {
    std::lock_guard lock(shared_.mutex);
    shared_.open.erase(this);
    shared_.waiting.erase(place_);
    if (shared_.open.empty()) shared_.emptied.notify_all();
  }

  void start() {
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this()] { return self->serve(); }, asio::detached);
  }

  // From any thread: a connection between requests has nothing to lose.
  void close_if_idle() {
    asio::post(socket_.get_executor(), [weak = weak_from_this()] {
      auto self = weak.lock();
      if (self && self->idle_) self->close();
    });
  }

  // From any thread, for a connection that was taken from `waiting`.
  void give_way() {
    asio::post(socket_.get_executor(), [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || self->admitted_) return;  // began an exchange meanwhile
      ++self->shared_.displaced;
      self->close();
    });
  }

 private:
  enum class Next { keep, close };

  // An admitted exchange is under way, or not any more.
  void set_admitted(bool admitted) {
    if (std::exchange(admitted_, admitted) == admitted) return;
    known_ = true;
    std::lock_guard lock(shared_.mutex);
    shared_.waiting.erase(place_);
    if (!admitted) shared_.waiting.emplace(place_ = ++shared_.places, this);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    bell_.cancel();
  }

  // From now on the connection lives this long, unless armed again.
  void arm(milliseconds time) {
    guard_.expires_after(time);
    guard_.async_wait([weak = weak_from_this()](error_code error) {
      auto self = weak.lock();
      if (error || !self) return;
      self->late_ = true;
      ++self->shared_.late;
      self->close();
    });
  }

  asio::awaitable<void> serve() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    if (shared_.tls) {
      arm(shared_.options.head_deadline);
      tls_.emplace(socket_, *shared_.tls);
      auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
      if (error) co_return;
    }
    for (;;) {
      auto next = co_await one_request();
      if (next == Next::close || shared_.stopping) break;
    }
    guard_.cancel();
    close();
  }

  asio::awaitable<std::tuple<error_code, size_t>> read_some(std::span<uint8_t> into) {
    auto buffer = asio::buffer(into.data(), into.size());
    error_code error;
    size_t done = 0;
    if (tls_) {
      std::tie(error, done) = co_await tls_->async_read_some(buffer, kAwait);
    } else {
      std::tie(error, done) = co_await socket_.async_read_some(buffer, kAwait);
    }
    co_return std::tuple(error, done);
  }

  asio::awaitable<bool> write(ByteView bytes) {
    const auto began = asio::steady_timer::clock_type::now();
    while (!bytes.empty()) {
      auto slice = bytes.first(std::min(bytes.size(), kWriteSlice));
      auto elapsed = std::chrono::duration_cast<milliseconds>(asio::steady_timer::clock_type::now() - began);
      if (elapsed >= shared_.options.body_deadline) co_return false;
      arm(std::min(shared_.options.piece_deadline, shared_.options.body_deadline - elapsed));
      error_code error;
      size_t done = 0;
      auto buffer = asio::buffer(slice.data(), slice.size());
      if (tls_) {
        std::tie(error, done) = co_await asio::async_write(*tls_, buffer, kAwait);
      } else {
        std::tie(error, done) = co_await asio::async_write(socket_, buffer, kAwait);
      }
      if (error) co_return false;
      bytes = bytes.subspan(slice.size());
    }
    co_return true;
  }

  asio::awaitable<Next> one_request() {
    RequestHeadReader reader;
    if (!co_await read_head(reader)) co_return Next::close;
    const RequestHead head = reader.head();
    if (head.method == RequestHead::Method::get) {
      // Its body would be read as the next request, and a proxy in front would take the answers for somebody else's.
      if (head.chunked || head.size.value_or(0) > 0) co_return co_await refuse(400);
      // Named, not a temporary: g++ 12 destroys some temporaries of a co_await expression twice.
      const bool here = from_here(head);
      co_return co_await answer_operator(head.target, head.keep, here);
    }
    if (head.method != RequestHead::Method::post) co_return co_await refuse(404);
    if (head.chunked || !head.size) co_return co_await refuse(411);
    uint64_t size = *head.size;
    if (size > shared_.options.body_max) co_return co_await refuse(413);
    if (head.expects_continue && !co_await write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"))) co_return Next::close;
    auto next = co_await exchange(size, head.keep);
    set_admitted(false);
    co_return next;
  }

  // What was read beyond the head stays in held_.
  asio::awaitable<bool> read_head(RequestHeadReader& reader) {
    idle_ = held_.empty();
    arm(known_ ? shared_.options.idle_deadline : shared_.options.head_deadline);
    for (;;) {
      if (!held_.empty()) {
        if (idle_) arm(shared_.options.head_deadline);
        idle_ = false;
        auto state = reader.take(held_);
        if (state == RequestHeadReader::State::whole) co_return true;
        if (state == RequestHeadReader::State::bad) break;
      }
      auto old = held_.size();
      held_.resize(old + 2048);
      error_code error;
      size_t came = 0;
      std::tie(error, came) = co_await read_some(std::span(held_).subspan(old));
      held_.resize(old + came);
      if (error) co_return false;
    }
    co_await refuse(400);
    co_return false;
  }

  // -- One exchange
  // ----------------------------------------------------------------------------------------------------

  asio::awaitable<Next> exchange(uint64_t size, bool keep) {
    auto incoming = shared_.service.begin();
    auto [standing, whole] = co_await read_body(*incoming, size);
    if (standing == Piece::busy) co_return co_await refuse(503);
    if (standing == Piece::crowded) co_return co_await refuse(429);
    if (standing == Piece::refused) co_return co_await refuse(404);
    if (!whole && standing != Piece::enough) {
      // Cut: what came whole may still be of use, but nobody waits for an answer.
      ++shared_.cut;
      incoming->end(false, [](Answer) {});
      co_return Next::close;
    }
    auto answer = co_await reply_of(*incoming, whole);
    if (!answer) co_return Next::close;
    if (answer->status != 200) co_return co_await refuse(answer->status);
    ++shared_.ok;
    bool last = !keep || !whole || shared_.stopping;
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store, no-transform\r\n" +
        std::string(last ? "Connection: close\r\n" : "") + "Content-Length: " + std::to_string(answer->body.size()) +
        "\r\n\r\n";
    answer->body.insert(answer->body.begin(), head.begin(), head.end());
    if (!co_await write(answer->body)) co_return Next::close;
    if (!whole) co_await drain();
    co_return last ? Next::close : Next::keep;
  }

  // Hands the body on piece by piece. Answers the sender's standing and whether all of the body came.
  asio::awaitable<std::tuple<Piece, bool>> read_body(Incoming& incoming, uint64_t size) {
    const auto& options = shared_.options;
    auto standing = Piece::unknown;
    auto began = asio::steady_timer::clock_type::now();
    uint64_t done = 0;
    while (done < size) {
      auto elapsed = std::chrono::duration_cast<milliseconds>(asio::steady_timer::clock_type::now() - began);
      auto whole_deadline = standing == Piece::unknown ? options.unknown_deadline : options.body_deadline;
      if (elapsed >= whole_deadline) co_return std::tuple(standing, false);
      arm(std::min(options.piece_deadline, whole_deadline - elapsed));
      uint64_t budget = size - done;
      if (standing == Piece::unknown) {
        if (done >= options.unknown_body_max) co_return std::tuple(Piece::refused, false);
        budget = std::min(budget, options.unknown_body_max - done);
      }
      auto piece = co_await next_piece(budget);
      if (piece.empty()) co_return std::tuple(standing, false);
      done += piece.size();
      standing = co_await judged(incoming, std::move(piece));
      if (standing == Piece::admitted) set_admitted(true);
      if (standing != Piece::unknown && standing != Piece::admitted) co_return std::tuple(standing, done == size);
    }
    co_return std::tuple(standing, true);
  }

  // Empty: the connection broke or was too slow.
  asio::awaitable<Bytes> next_piece(uint64_t budget) {
    auto size = static_cast<size_t>(std::min<uint64_t>(budget, kPieceMax));
    Bytes piece;
    if (!held_.empty()) {
      auto taken = static_cast<ptrdiff_t>(std::min(held_.size(), size));
      piece.assign(held_.begin(), held_.begin() + taken);
      held_.erase(held_.begin(), held_.begin() + taken);
      co_return piece;
    }
    error_code error;
    // Memory for a piece only once there is one: who sends nothing has none.
    if (!tls_) {
      std::tie(error) = co_await socket_.async_wait(tcp::socket::wait_read, kAwait);
      if (error) co_return piece;
      size = std::clamp<size_t>(socket_.available(error), 1, size);
    }
    piece.resize(tls_ ? std::min(size, kTlsPieceMax) : size);
    size_t came = 0;
    std::tie(error, came) = co_await read_some(piece);
    piece.resize(error ? 0 : came);
    co_return piece;
  }

  // What the service says to a piece. It may answer from any thread; the word is put down on this strand.
  asio::awaitable<Piece> judged(Incoming& incoming, Bytes piece) {
    auto word = std::make_shared<std::optional<Piece>>();
    incoming.take(std::move(piece), [word, ring = ringer()](Piece said) { ring([word, said] { *word = said; }); });
    arm(shared_.options.answer_deadline);
    while (!*word && socket_.is_open()) co_await wait_for_bell();
    co_return word->value_or(Piece::refused);
  }

  // Nothing: the service took too long or the client has gone.
  asio::awaitable<std::optional<Answer>> reply_of(Incoming& incoming, bool whole) {
    auto word = std::make_shared<std::optional<Answer>>();
    incoming.end(whole, [word, ring = ringer()](Answer said) {
      auto answer = std::make_shared<Answer>(std::move(said));
      ring([word, answer] { *word = std::move(*answer); });
    });
    arm(shared_.options.answer_deadline);
    if (whole && held_.empty()) watch_for_hangup();
    while (!*word && socket_.is_open() && !gone_) co_await wait_for_bell();
    error_code ignored;
    socket_.cancel(ignored);
    if (late_ || gone_) co_return std::nullopt;
    co_return std::move(*word);
  }

  // A function that, called from any thread, runs `put` on this strand and wakes who waits for the bell.
  std::function<void(std::function<void()>)> ringer() {
    return [weak = weak_from_this(), executor = socket_.get_executor()](std::function<void()> put) {
      asio::post(executor, [weak, put = std::move(put)] {
        auto self = weak.lock();
        if (!self) return;
        put();
        self->bell_.cancel();
      });
    };
  }

  asio::awaitable<void> wait_for_bell() {
    bell_.expires_at(asio::steady_timer::time_point::max());
    auto [ignored] = co_await bell_.async_wait(kAwait);
    (void)ignored;
  }

  // While an answer is held, a client that hangs up frees its place.
  void watch_for_hangup() {
    socket_.async_wait(tcp::socket::wait_read, [weak = weak_from_this()](error_code error) {
      auto self = weak.lock();
      if (error || !self) return;
      // The word may be of bytes that were read since: only a look tells the end from nothing.
      uint8_t next = 0;
      const auto seen = ::recv(self->socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
      if (seen > 0) return;
      if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch_for_hangup();
      self->gone_ = true;
      self->bell_.cancel();
    });
  }

  // -- Everything else
  // -------------------------------------------------------------------------------------------------

  // Monitoring is for who sits on this machine and did not come through a proxy.
  bool from_here(const RequestHead& head) const {
    error_code error;
    auto peer = socket_.remote_endpoint(error);
    return !error && peer.address().is_loopback() && !head.forwarded;
  }

  asio::awaitable<Next> answer_operator(const std::string& target, bool keep, bool here) {
    if (target == "/healthz") {
      auto why = shared_.service.unhealthy();
      const int status = why.empty() ? 200 : 503;
      const std::string body = (why.empty() ? std::string("ok") : why) + "\n";
      co_return co_await text(status, body, keep);
    }
    if (target == "/metrics" && here) {
      const std::string body = shared_.service.metrics(counts());
      co_return co_await text(200, body, keep);
    }
    co_return co_await refuse(404);
  }

  ListenerCounts counts() {
    std::lock_guard lock(shared_.mutex);
    return {shared_.open.size(), shared_.accepted, shared_.turned_away, shared_.displaced,
            shared_.late,        shared_.ok,       shared_.refused,     shared_.cut};
  }

  static const char* reason(int status) {
    switch (status) {
      case 200:
        return "OK";
      case 400:
        return "Bad Request";
      case 411:
        return "Length Required";
      case 413:
        return "Content Too Large";
      case 429:
        return "Too Many Requests";
      case 503:
        return "Service Unavailable";
      default:
        return "Not Found";
    }
  }

  asio::awaitable<Next> text(int status, const std::string& body, bool keep) {
    std::string out = "HTTP/1.1 " + std::to_string(status) + " " + reason(status) +
                      "\r\nContent-Type: text/plain; version=0.0.4\r\n" + (keep ? "" : "Connection: close\r\n") +
                      "Cache-Control: no-store\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    bool written = co_await write(as_bytes(out));
    co_return written&& keep ? Next::keep : Next::close;
  }

  asio::awaitable<Next> refuse(int status) {
    ++shared_.refused;
    std::string out = "HTTP/1.1 " + std::to_string(status) + " " + reason(status) +
                      "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (co_await write(as_bytes(out))) co_await drain();
    co_return Next::close;
  }

  // Closing a socket with unread bytes resets the connection and takes our answer with it.
  asio::awaitable<void> drain() {
    error_code error;
    if (!tls_) socket_.shutdown(tcp::socket::shutdown_send, error);
    arm(kDrainDeadline);
    Bytes sink(16 * 1024);
    for (size_t drained = 0; drained < kDrainMax && !error;) {
      size_t came = 0;
      std::tie(error, came) = co_await read_some(sink);
      drained += came;
    }
  }

  Shared& shared_;
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  asio::steady_timer guard_;  // closes the socket when a deadline passes
  asio::steady_timer bell_;   // wakes the coroutine when the service has spoken
  Bytes held_;                // read and not used yet
  uint64_t place_ = 0;        // in shared_.waiting; under its mutex
  bool admitted_ = false;     // an admitted exchange is under way
  bool known_ = false;        // one was
  bool idle_ = true, late_ = false, gone_ = false;
};

// -- Starting
// ---------------------------------------------------------------------------------------------------------

Result<asio::ip::address> address_of(const ListenerOptions& options) {
  error_code error;
  auto address = asio::ip::make_address(options.address, error);
  if (error)
    return make_error(ErrorCode::input_refused, "cannot listen: the address is no IP address",
                      "for example 127.0.0.1:8470");
  return address;
}

Result<void> set_up_tls(const ListenerOptions& options, asio::ssl::context& tls) {
  if (options.certificate_file.empty() || options.key_file.empty()) {
    return make_error(ErrorCode::usage, "cannot start TLS: it takes both a certificate and a key");
  }
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_3_VERSION);
  SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  error_code error;
  if (tls.use_certificate_chain_file(options.certificate_file, error)) {
    return make_error(ErrorCode::input_refused, "cannot use the TLS certificate: " + error.message(),
                      "it must be a PEM file");
  }
  if (tls.use_private_key_file(options.key_file, asio::ssl::context::pem, error)) {
    return make_error(ErrorCode::input_refused, "cannot use the TLS key: " + error.message(),
                      "it must be a PEM file without passphrase that belongs to the certificate");
  }
  return {};
}

bool wants_tls(const ListenerOptions& options) {
  return !options.certificate_file.empty() || !options.key_file.empty();
}

// -- Accepting
// ---------------------------------------------------------------------------------------------------------

class AsioListener final : public Listener {
 public:
  AsioListener(const ListenerOptions& options, Service& service) : shared_(options, service), acceptor_(shared_.io) {}

  ~AsioListener() override { stop(milliseconds(0)); }

  Result<void> begin() {
    const auto& options = shared_.options;
    if (wants_tls(options)) LYSOEN_TRY(set_up_tls(options, shared_.tls.emplace(asio::ssl::context::tls_server)));
    LYSOEN_ASSIGN(auto address, address_of(options));
    error_code error;
    tcp::endpoint at(address, options.port);
    if (!acceptor_.open(at.protocol(), error)) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      return make_error(ErrorCode::already_exists, "cannot listen: port " + std::to_string(options.port) + " is taken",
                        "stop the program that has it or choose another port");
    }
    if (error) return make_error(ErrorCode::input_refused, "cannot listen: " + error.message());
    port_ = acceptor_.local_endpoint(error).port();
    asio::co_spawn(shared_.io, accept(), asio::detached);
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { shared_.io.run(); });
    return {};
  }

  uint16_t port() const override { return port_; }

  void stop(milliseconds patience) override {
    if (threads_.empty()) return;
    shared_.stopping = true;
    asio::post(shared_.io, [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    {
      std::unique_lock lock(shared_.mutex);
      for (auto* connection : shared_.open) connection->close_if_idle();
      shared_.emptied.wait_for(lock, patience, [&] { return shared_.open.empty(); });
    }
    shared_.io.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  asio::awaitable<void> accept() {
    while (!shared_.stopping) {
      auto strand = asio::make_strand(shared_.io);
      auto [error, socket] = co_await acceptor_.async_accept(strand, kAwait);
      if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
      if (error) {
        // Out of descriptors, most often: others end meanwhile.
        asio::steady_timer pause(shared_.io, milliseconds(100));
        co_await pause.async_wait(kAwait);
        continue;
      }
      ++shared_.accepted;
      if (!has_place()) {
        ++shared_.turned_away;
        continue;
      }
      auto connection = std::make_shared<Connection>(shared_, tcp::socket(std::move(socket)));
      connection->start();
    }
  }

  // One more may come: there is a place, or somebody gives way. Those asked to may still be closing, so that for a
  // moment there are a few more than the limit says.
  bool has_place() {
    std::lock_guard lock(shared_.mutex);
    if (shared_.open.size() < shared_.options.connections_max) return true;
    if (shared_.waiting.empty() || shared_.open.size() >= shared_.options.connections_max + kClosingMax) return false;
    auto longest = shared_.waiting.begin();
    longest->second->give_way();
    shared_.waiting.erase(longest);
    return true;
  }

  Shared shared_;
  tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::start(const ListenerOptions& options, Service& service) {
  try {
    auto listener = std::make_unique<AsioListener>(options, service);
    LYSOEN_TRY(listener->begin());
    return std::unique_ptr<Listener>(std::move(listener));
  } catch (const std::exception&) {
    return make_error(ErrorCode::internal, "cannot listen: the event loop does not start");
  }
}

Result<void> Listener::check(const ListenerOptions& options) {
  LYSOEN_ASSIGN(auto address, address_of(options));
  (void)address;
  if (!wants_tls(options)) return {};
  asio::ssl::context tls(asio::ssl::context::tls_server);
  return set_up_tls(options, tls);
}

}  // namespace lysoen::net
