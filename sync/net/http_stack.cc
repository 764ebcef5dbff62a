// The HTTP carrier on Boost.Asio. Requests are written by hand (six header lines), answers are read by http_read.cc.
// The only file that speaks HTTP as a client; listener.cc is the only one that speaks it as a server.
#include <lysoen/sync/http.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <map>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "sync/net/http_read.h"
#include "sync/net/names.h"
#include "sync/net/url.h"

namespace lysoen {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using net::Url;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// -- Loop ------------------------------------------------------------------------------------------------------------

class AsioLoop final : public Loop {
 public:
  explicit AsioLoop(asio::io_context& io) : io_(io) {}

  void post(Task task) override { asio::post(io_, std::move(task)); }

  Timer after(std::chrono::milliseconds delay, Task task) override {
    auto id = ++last_;
    auto& timer = *timers_.emplace(id, std::make_unique<asio::steady_timer>(io_, delay)).first->second;
    timer.async_wait([this, id, task = std::move(task)](error_code error) {
      if (error || timers_.erase(id) == 0) return;
      task();
    });
    return id;
  }

  void cancel(Timer timer) override { timers_.erase(timer); }

 private:
  asio::io_context& io_;
  Timer last_ = 0;
  std::map<Timer, std::unique_ptr<asio::steady_timer>> timers_;
};

// -- One connection --------------------------------------------------------------------------------------------------

// TCP, with TLS over it where the URL says so. Counts bytes above TCP and TLS.
struct Connection {
  explicit Connection(asio::io_context& io) : socket(io), named(io, asio::steady_timer::time_point::max()) {}

  tcp::socket socket;
  asio::steady_timer named;  // cancelled when the name is known, or not wanted any more
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
  uint64_t up = 0, down = 0;

  void close() {
    error_code ignored;
    named.cancel();
    socket.close(ignored);
  }

  asio::awaitable<error_code> write(ByteView bytes) {
    auto buffer = asio::buffer(bytes.data(), bytes.size());
    error_code error;
    size_t done = 0;
    if (tls) {
      std::tie(error, done) = co_await asio::async_write(*tls, buffer, kAwait);
    } else {
      std::tie(error, done) = co_await asio::async_write(socket, buffer, kAwait);
    }
    up += done;
    co_return error;
  }

  asio::awaitable<std::tuple<error_code, size_t>> read_some(std::span<uint8_t> into) {
    auto buffer = asio::buffer(into.data(), into.size());
    error_code error;
    size_t done = 0;
    if (tls) {
      std::tie(error, done) = co_await tls->async_read_some(buffer, kAwait);
    } else {
      std::tie(error, done) = co_await socket.async_read_some(buffer, kAwait);
    }
    down += done;
    co_return std::tuple(error, done);
  }
};

struct Attempt {
  CarrierRequest request;
  Carrier::Done done;
  std::shared_ptr<Connection> connection;
  bool timed_out = false, cancelled = false;
  CarrierAnswer answer;

  void close() {
    if (connection) connection->close();
  }
};

// -- Sentences -------------------------------------------------------------------------------------------------------

Error no_network(const Attempt& attempt, const std::string& why, std::string hint = {}) {
  return make_error(ErrorCode::no_network, "no exchange with the relay at " + attempt.request.url + ": " + why,
                    std::move(hint));
}

std::string seconds_of(std::chrono::milliseconds time) {
  auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " s";
}

std::string sentence(const error_code& error) {
  if (error == asio::error::connection_refused) return "connection refused";
  if (error == asio::error::host_not_found || error == asio::error::host_not_found_try_again)
    return "the name is not known";
  if (error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe ||
      error == asio::ssl::error::stream_truncated) {
    return "the connection was closed";
  }
  return error.message();
}

constexpr const char* kPortalHint = "if this network has a login page, open a web page and log in, then try again";

// What a status that is no relay's says.
Error other_status(const Attempt& attempt, int status) {
  if (status >= 300 && status < 400) {
    return no_network(attempt, "it was redirected elsewhere (" + std::to_string(status) + ")", kPortalHint);
  }
  if (status == 407) return no_network(attempt, "a proxy on the way wants a login (407)", kPortalHint);
  if (status == 429 || status == 503) {
    return no_network(attempt, "it is too busy (" + std::to_string(status) + ")", "try again later; nothing is lost");
  }
  return no_network(attempt, "it refused the request (" + std::to_string(status) + ")",
                    "check the relay's address and key; a relay hangs up on devices that it does not know");
}

// -- Carrier ---------------------------------------------------------------------------------------------------------

class AsioCarrier final : public Carrier {
 public:
  AsioCarrier(asio::io_context& io, HttpOptions options, std::optional<net::HostPort> proxy, asio::ssl::context tls)
      : io_(io), options_(std::move(options)), proxy_(std::move(proxy)), tls_(std::move(tls)), names_(io) {}

  Ticket send(CarrierRequest request, Done done) override {
    auto ticket = ++last_;
    auto attempt = std::make_shared<Attempt>();
    attempt->request = std::move(request);
    attempt->done = std::move(done);
    attempts_.emplace(ticket, attempt);
    asio::co_spawn(io_, run(attempt, ticket), asio::detached);
    return ticket;
  }

  void cancel(Ticket ticket) override {
    auto found = attempts_.find(ticket);
    if (found == attempts_.end()) return;
    found->second->cancelled = true;
    found->second->close();
    attempts_.erase(found);
  }

 private:
  struct Idle {
    std::string origin;
    std::shared_ptr<Connection> connection;
    asio::steady_timer timer;
  };

  asio::awaitable<void> run(std::shared_ptr<Attempt> attempt, Ticket ticket) {
    if (attempt->cancelled) co_return;  // before it began
    asio::steady_timer deadline(io_, attempt->request.deadline);
    deadline.async_wait([attempt](error_code error) {
      if (error) return;
      attempt->timed_out = true;
      attempt->close();
    });
    auto failure = co_await exchange(*attempt);
    deadline.cancel();
    if (attempt->cancelled) co_return;
    attempts_.erase(ticket);
    if (failure && attempt->timed_out) {
      failure = no_network(*attempt, "no whole answer within " + seconds_of(attempt->request.deadline));
    }
    attempt->answer.failure = std::move(failure);
    attempt->done(std::move(attempt->answer));
  }

  asio::awaitable<std::optional<Error>> exchange(Attempt& attempt) {
    auto parsed = net::parse_url(attempt.request.url);
    if (!parsed.ok()) co_return parsed.error();
    const Url url = *parsed;
    const std::string origin = (url.tls ? "https://" : "http://") + url.authority();
    attempt.connection = take_idle(origin);
    bool kept = attempt.connection != nullptr;
    for (;;) {
      if (!attempt.connection) {
        attempt.connection = std::make_shared<Connection>(io_);
        auto failure = co_await open(attempt, url);
        if (failure) co_return failure;
      }
      bool again = false;
      auto failure = co_await post(attempt, url, origin, kept, again);
      if (!again) co_return failure;
      // A kept connection had gone meanwhile. An exchange may be delivered twice, so it may be sent again.
      kept = false;
      attempt.connection.reset();
    }
  }

  asio::awaitable<std::optional<Error>> open(Attempt& attempt, const Url& url) {
    auto connection = attempt.connection;
    auto late = std::make_shared<bool>(false);
    asio::steady_timer timer(io_, options_.connect_deadline);
    timer.async_wait([connection, late](error_code error) {
      if (error) return;
      *late = true;
      connection->close();
    });
    auto failure = co_await open_layers(attempt, url);
    timer.cancel();
    if (failure && *late) {
      failure = no_network(attempt, "no connection within " + seconds_of(options_.connect_deadline));
    }
    co_return failure;
  }

  asio::awaitable<std::optional<Error>> open_layers(Attempt& attempt, const Url& url) {
    // Asking the system for such a name would tell the network whom one wants to reach (RFC 7686).
    if (!proxy_ && url.is_onion()) {
      co_return no_network(attempt, "a .onion address is reached through Tor alone",
                           "start Tor and name it: --proxy socks5://127.0.0.1:9050");
    }
    auto& connection = *attempt.connection;
    const std::string host = proxy_ ? proxy_->host : url.host;
    const uint16_t port = proxy_ ? proxy_->port : url.port;
    auto error = co_await connect_tcp(attempt.connection, host, port);
    if (error) {
      co_return no_network(attempt, (proxy_ ? "the proxy that must be used does not answer: " : "") + sentence(error));
    }
    if (proxy_) {
      auto refused = co_await ask_proxy(connection, url);
      if (!refused.empty()) co_return no_network(attempt, "the proxy that must be used gives no way: " + refused);
    }
    if (url.tls) co_return co_await shake_hands(attempt, url);
    co_return std::nullopt;
  }

  asio::awaitable<error_code> connect_tcp(const std::shared_ptr<Connection>& connection, const std::string& host,
                                          uint16_t port) {
    error_code error;
    auto address = asio::ip::make_address(host, error);
    if (!error) {
      std::tie(error) = co_await connection->socket.async_connect({address, port}, kAwait);
    } else {
      net::Names::Addresses found;
      std::tie(error, found) = co_await look_up(connection, host, port);
      if (error) co_return error;
      tcp::endpoint reached;
      std::tie(error, reached) = co_await asio::async_connect(connection->socket, found, kAwait);
    }
    if (error) co_return error;
    error_code ignored;
    connection->socket.set_option(tcp::no_delay(true), ignored);
    co_return error;
  }

  // Until the answer or until the connection is closed, whichever comes first.
  asio::awaitable<std::tuple<error_code, net::Names::Addresses>> look_up(const std::shared_ptr<Connection>& connection,
                                                                         const std::string& host, uint16_t port) {
    struct Answer {
      error_code error = asio::error::operation_aborted;
      net::Names::Addresses found;
    };
    auto answer = std::make_shared<Answer>();
    names_.look_up(host, port, [answer, waiting = std::weak_ptr(connection)](error_code error, auto found) {
      auto here = waiting.lock();
      if (!here) return;
      *answer = {error, std::move(found)};
      here->named.cancel();
    });
    co_await connection->named.async_wait(kAwait);
    co_return std::tuple(answer->error, std::move(answer->found));
  }

  // SOCKS5 (RFC 1928) without authentication, the name sent as a name. Answers why not, or nothing.
  asio::awaitable<std::string> ask_proxy(Connection& connection, const Url& url) {
    constexpr uint8_t kGreeting[] = {5, 1, 0};
    std::array<uint8_t, 262> in{};
    if (co_await connection.write(kGreeting)) co_return "the connection was closed";
    if (!co_await read_exactly(connection, std::span(in).first(2))) co_return "the connection was closed";
    if (in[0] != 5 || in[1] != 0) co_return "it is no SOCKS5 proxy without login";
    auto request = proxy_request(url);
    if (co_await connection.write(request)) co_return "the connection was closed";
    if (!co_await read_exactly(connection, std::span(in).first(5))) co_return "the connection was closed";
    if (in[0] != 5) co_return "it is no SOCKS5 proxy";
    if (in[1] != 0) co_return "it cannot reach the relay (SOCKS reply " + std::to_string(in[1]) + ")";
    // One byte of the bound address was read with the head: the rest of it and the port are of no use.
    size_t address = in[3] == 1 ? 3 : in[3] == 4 ? 15 : in[3] == 3 ? in[4] : 0;
    if (address == 0 || !co_await read_exactly(connection, std::span(in).first(address + 2)))
      co_return "its reply is malformed";
    connection.up = connection.down = 0;
    co_return "";
  }

  static Bytes proxy_request(const Url& url) {
    Writer out;
    out.u8(5).u8(1).u8(0);
    error_code error;
    auto address = asio::ip::make_address(url.host, error);
    if (error) {
      out.u8(3).u8(static_cast<uint8_t>(url.host.size())).raw(as_bytes(url.host));
    } else if (address.is_v4()) {
      out.u8(1).raw(address.to_v4().to_bytes());
    } else {
      out.u8(4).raw(address.to_v6().to_bytes());
    }
    out.u16(url.port);
    return std::move(out).bytes();
  }

  static asio::awaitable<bool> read_exactly(Connection& connection, std::span<uint8_t> into) {
    auto [error, done] = co_await asio::async_read(connection.socket, asio::buffer(into.data(), into.size()), kAwait);
    co_return !error;
  }

  asio::awaitable<std::optional<Error>> shake_hands(Attempt& attempt, const Url& url) {
    auto& connection = *attempt.connection;
    auto& tls = connection.tls.emplace(connection.socket, tls_);
    error_code not_an_address;
    asio::ip::make_address(url.host, not_an_address);
    if (not_an_address) SSL_set_tlsext_host_name(tls.native_handle(), url.host.c_str());
    if (!options_.pinned_certificate) tls.set_verify_callback(asio::ssl::host_name_verification(url.host));
    auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, kAwait);
    if (attempt.timed_out || error == asio::error::operation_aborted)
      co_return no_network(attempt, "no TLS connection");
    if (error) co_return tls_failure(attempt, error, tls.native_handle());
    if (options_.pinned_certificate && !pin_fits(tls.native_handle())) {
      co_return not_trusted(attempt, "it is not the pinned certificate");
    }
    co_return std::nullopt;
  }

  static Error tls_failure(const Attempt& attempt, const error_code& error, SSL* ssl) {
    bool from_tls = error.category() == asio::error::get_ssl_category();
    switch (from_tls ? ERR_GET_REASON(static_cast<unsigned long>(error.value())) : 0) {
      case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return not_trusted(attempt, X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
      case SSL_R_WRONG_VERSION_NUMBER:
        return no_network(attempt, "no TLS connection: something answered that does not speak TLS", kPortalHint);
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return no_network(attempt, "no TLS connection: it speaks an older TLS than 1.3",
                          "if it is the relay, its operator has to offer TLS 1.3");
      default:
        return no_network(attempt, "no TLS connection: " + sentence(error));
    }
  }

  static Error not_trusted(const Attempt& attempt, const std::string& why) {
    return make_error(ErrorCode::trust_refused,
                      "cannot trust the certificate of the relay at " + attempt.request.url + ": " + why, kPortalHint);
  }

  bool pin_fits(SSL* ssl) const {
    std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
    Hash digest;
    unsigned size = 0;
    return certificate && X509_digest(certificate.get(), EVP_sha256(), digest.bytes.data(), &size) == 1 &&
           size == Hash::kSize && digest == *options_.pinned_certificate;
  }

  static Bytes request_head(const Attempt& attempt, const Url& url) {
    std::string head = "POST " + url.target + " HTTP/1.1\r\nHost: " + url.authority() +
                       "\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store, no-transform\r\n"
                       "Content-Length: " +
                       std::to_string(attempt.request.body.size()) + "\r\n\r\n";
    return to_bytes(as_bytes(head));
  }

  // Sends the request and takes the answer. `again` asks for a fresh connection: a kept one broke without an answer.
  asio::awaitable<std::optional<Error>> post(Attempt& attempt, const Url& url, const std::string& origin, bool kept,
                                             bool& again) {
    auto& connection = *attempt.connection;
    const auto up = connection.up, down = connection.down;
    auto bytes = request_head(attempt, url);
    bytes.insert(bytes.end(), attempt.request.body.begin(), attempt.request.body.end());
    auto error = co_await connection.write(bytes);
    attempt.answer.bytes_up += connection.up - up;
    // A relay that refuses early answers before it has read everything: the answer is read all the same.
    bool keep = false;
    auto failure = co_await read_answer(attempt, error, keep);
    attempt.answer.bytes_down += connection.down - down;
    if (failure && kept && connection.down == down && !attempt.timed_out && !attempt.cancelled) {
      again = true;
      co_return std::nullopt;
    }
    if (!failure && keep) {
      keep_idle(origin, attempt.connection);
    } else {
      connection.close();
    }
    co_return failure;
  }

  asio::awaitable<std::optional<Error>> read_answer(Attempt& attempt, error_code sent, bool& keep) {
    net::AnswerReader reader(attempt.request.answer_max);
    error_code error;
    auto answered = net::Answered::more;
    while (answered == net::Answered::more) {
      size_t came = 0;
      std::tie(error, came) = co_await attempt.connection->read_some(reader.room());
      answered = reader.take(came, static_cast<bool>(error));
      const bool goes_on = answered == net::Answered::more || answered == net::Answered::whole;
      if (goes_on && attempt.request.part && !attempt.cancelled && !attempt.timed_out && !reader.so_far().empty())
        attempt.request.part(reader.so_far());
    }
    if (answered != net::Answered::whole)
      co_return bad_answer(attempt, std::move(reader), answered, sent ? sent : error);
    keep = reader.keep() && !sent;
    attempt.answer.body = std::move(reader).body();
    co_return std::nullopt;
  }

  static Error bad_answer(Attempt& attempt, net::AnswerReader reader, net::Answered how, const error_code& error) {
    switch (how) {
      case net::Answered::other_status:
        return other_status(attempt, reader.status());
      case net::Answered::other_content:
        return no_network(attempt, "something else answered, with a page instead of a relay's answer", kPortalHint);
      case net::Answered::too_large:
        return no_network(attempt,
                          "the answer is larger than " + std::to_string(attempt.request.answer_max) + " bytes");
      case net::Answered::nothing:
        return no_network(attempt, error ? sentence(error) + " before an answer came" : "no answer");
      case net::Answered::not_http:
        return no_network(attempt, "something answered that does not speak HTTP", kPortalHint);
      case net::Answered::head_too_long:
        return no_network(attempt, "the answer's head is too long");
      default:
        attempt.answer.body = std::move(reader).body();
        return no_network(attempt, "the answer was cut after " + std::to_string(attempt.answer.body.size()) + " bytes");
    }
  }

  std::shared_ptr<Connection> take_idle(const std::string& origin) {
    for (auto idle = idle_.begin(); idle != idle_.end(); ++idle) {
      if (idle->origin != origin) continue;
      auto connection = idle->connection;
      idle_.erase(idle);
      return connection;
    }
    return nullptr;
  }

  void keep_idle(const std::string& origin, std::shared_ptr<Connection> connection) {
    idle_.push_front(Idle{origin, connection, asio::steady_timer(io_, options_.idle_max)});
    idle_.front().timer.async_wait([this, connection](error_code error) {
      if (!error) idle_.remove_if([&](const Idle& idle) { return idle.connection == connection; });
    });
  }

  asio::io_context& io_;
  HttpOptions options_;
  std::optional<net::HostPort> proxy_;
  asio::ssl::context tls_;
  net::Names names_;
  Ticket last_ = 0;
  std::map<Ticket, std::shared_ptr<Attempt>> attempts_;
  std::list<Idle> idle_;
};

// -- Stack -----------------------------------------------------------------------------------------------------------

class AsioStack final : public HttpStack {
 public:
  AsioStack(const HttpOptions& options, std::optional<net::HostPort> proxy, asio::ssl::context tls)
      : io_(1), loop_(io_), carrier_(io_, options, std::move(proxy), std::move(tls)) {}

  Loop& loop() override { return loop_; }
  Carrier& carrier() override { return carrier_; }
  void run() override {
    auto work = asio::make_work_guard(io_);
    io_.restart();
    io_.run();
  }
  void stop() override { io_.stop(); }

 private:
  asio::io_context io_;  // first: what is below ends before it
  AsioLoop loop_;
  AsioCarrier carrier_;
};

Result<asio::ssl::context> make_tls(const HttpOptions& options) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  error_code error;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_3_VERSION);
  if (options.pinned_certificate) {
    // Any chain passes here; the certificate itself is compared after the handshake, before a byte is sent.
    tls.set_verify_mode(asio::ssl::verify_none, error);
    return tls;
  }
  tls.set_verify_mode(asio::ssl::verify_peer, error);
  tls.set_default_verify_paths(error);
  if (!options.authorities_file.empty() && tls.load_verify_file(options.authorities_file, error)) {
    return make_error(ErrorCode::input_refused, "cannot use the file of authorities: " + error.message());
  }
  return tls;
}

Result<std::optional<net::HostPort>> parse_proxy(std::string_view text) {
  if (text.empty()) return std::optional<net::HostPort>();
  for (std::string_view scheme : {"socks5://", "socks5h://"}) {
    if (!text.starts_with(scheme)) continue;
    LYSOEN_ASSIGN(auto at, net::parse_host_port(text.substr(scheme.size())));
    return std::optional(std::move(at));
  }
  return make_error(ErrorCode::input_refused, "cannot use this proxy: only socks5 is spoken",
                    "give it as socks5://host:port");
}

}  // namespace

Result<std::unique_ptr<HttpStack>> HttpStack::make(const HttpOptions& options) {
  LYSOEN_ASSIGN(auto proxy, parse_proxy(options.proxy));
  try {
    LYSOEN_ASSIGN(auto tls, make_tls(options));
    return std::unique_ptr<HttpStack>(std::make_unique<AsioStack>(options, std::move(proxy), std::move(tls)));
  } catch (const std::exception&) {
    return make_error(ErrorCode::internal, "cannot set up the network: TLS or the event loop does not start");
  }
}

}  // namespace lysoen
