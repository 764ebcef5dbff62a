#include "sync/net/listener.h"

#include <lysoen/sync/http.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "core/base/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "wire_end.h"

using namespace lysoen;
using namespace std::chrono_literals;
using net::Answer;
using net::Piece;
using test::Wire;

namespace {

// Answers with what was sent. A body that begins with 'h' is held until release(); with 'n' it stays unknown; with 's'
// its sender is a stranger; with 'r' refused.
class EchoService final : public net::Service {
 public:
  class Echo final : public net::Incoming {
   public:
    explicit Echo(EchoService& service) : service_(service) { ++service_.alive; }
    ~Echo() override { --service_.alive; }
    void take(Bytes piece, Next next) override {
      body_.insert(body_.end(), piece.begin(), piece.end());
      service_.largest_piece = std::max<size_t>(service_.largest_piece, piece.size());
      switch (body_[0]) {
        case 'n':
          return next(Piece::unknown);
        case 's':
          return next(Piece::enough);
        case 'r':
          return next(Piece::refused);
        case 'b':
          return next(Piece::busy);
        case 'c':
          return next(Piece::crowded);
        default:
          break;
      }
      // From another thread, as a busy service would.
      std::thread([next] { next(Piece::admitted); }).detach();
    }
    void end(bool whole, Reply reply) override {
      if (!whole) ++service_.cut;
      Answer answer{200, body_};
      if (body_.empty() || body_[0] == 'n') answer = {404, {}};
      if (!body_.empty() && body_[0] == 'h') {
        std::lock_guard lock(service_.mutex);
        service_.held.push_back([reply, answer] { reply(answer); });
      } else {
        reply(std::move(answer));
      }
    }

   private:
    EchoService& service_;
    Bytes body_;
  };

  std::shared_ptr<net::Incoming> begin() override { return std::make_shared<Echo>(*this); }
  std::string unhealthy() override { return sick; }
  std::string metrics(const net::ListenerCounts& listener) override {
    return "echo_metric 1\necho_accepted " + std::to_string(listener.accepted) + "\n";
  }
  void release() {
    std::lock_guard lock(mutex);
    for (auto& answer : held) answer();
    held.clear();
  }
  bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 6000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
    return condition();
  }
  bool holds(size_t count) {
    return eventually([&] {
      std::lock_guard lock(mutex);
      return held.size() == count;
    });
  }

  std::atomic<int> alive{0}, cut{0};
  std::atomic<size_t> largest_piece{0};
  std::string sick;
  std::mutex mutex;
  std::vector<std::function<void()>> held;
};

struct Site {
  EchoService service;
  std::unique_ptr<net::Listener> listener;

  explicit Site(net::ListenerOptions options = {}) {
    auto started = net::Listener::start(options, service);
    REQUIRE(started.ok());
    listener = std::move(*started);
  }
  ~Site() {
    std::lock_guard lock(service.mutex);
    service.held.clear();
  }
  Wire wire() { return Wire::to(listener->port()); }
  std::string url(const char* scheme = "http") {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(listener->port());
  }
  std::string ask(const std::string& text) {
    auto out = wire();
    out.send(text);
    return out.read_to_end();
  }
};

std::string post(const std::string& body, const std::string& more = "") {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

CarrierAnswer send(const HttpOptions& options, const std::string& url, Bytes body) {
  auto stack = HttpStack::make(options);
  REQUIRE(stack.ok());
  CarrierAnswer got;
  (*stack)->carrier().send({url, std::move(body), 10s, 20'000'000}, [&](CarrierAnswer answer) {
    got = std::move(answer);
    (*stack)->stop();
  });
  (*stack)->run();
  return got;
}

}  // namespace

TEST_CASE("Listener: a request comes in pieces, its answer goes out, the connection stays", "[net]") {
  Site site;
  Bytes body(5'000'000);
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<uint8_t>(i * 31 % 251);
  auto got = send({}, site.url(), body);
  REQUIRE_FALSE(got.failure);
  CHECK(got.body == body);
  CHECK(site.service.largest_piece <= 64 * 1024);
  auto wire = site.wire();
  for (int i = 0; i < 3; ++i) {
    wire.send(post("abc"));
    CHECK(wire.read_message() ==
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store, no-transform\r\n"
          "Content-Length: 3\r\n\r\nabc");
  }
  wire.send(post("one") + post("two"));  // pipelined
  auto both = wire.read_message();
  while (both.find("two") == std::string::npos) both += wire.read_message();
  CHECK(both.find("one") < both.find("two"));
  wire.hang_up();
  CHECK(site.service.eventually([&] { return site.service.alive == 0; }));
}

TEST_CASE("Listener: what is no exchange is turned away without a word more than needed", "[net]") {
  Site site;
  auto nothing = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  CHECK(site.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == nothing);
  CHECK(site.ask("GET /.env HTTP/1.1\r\nHost: x\r\n\r\n") == nothing);
  CHECK(site.ask("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc") == nothing);
  CHECK(site.ask(post("refused")) == "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(site.ask(post("")) == nothing);
  CHECK(site.ask(post("busy")).starts_with("HTTP/1.1 503 "));
  CHECK(site.ask(post("crowded")).starts_with("HTTP/1.1 429 "));
  CHECK(site.ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .starts_with("HTTP/1.1 411 "));
  CHECK(site.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\n\r\n").starts_with("HTTP/1.1 413 "));
  CHECK(site.ask("\x16\x03\x01 this is no http\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(site.ask("POST / HTTP/1.1\r\nX: " + std::string(20000, 'a')).starts_with("HTTP/1.1 400 "));
  CHECK(
      site.ask("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("Listener: who is not known yet gets 4 KiB and a few seconds", "[net]") {
  Site site({.unknown_deadline = 300ms});
  CHECK(site.ask(post("n" + std::string(5000, 'x'))).starts_with("HTTP/1.1 404 "));
  CHECK(site.ask(post("n")).starts_with("HTTP/1.1 404 "));
  auto slow = site.wire();
  slow.send("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nn");
  CHECK(slow.is_closed());
}

TEST_CASE("Listener: a stranger is answered though it is still sending, and not read on", "[net]") {
  Site site;
  auto wire = site.wire();
  wire.send("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + ("s" + std::string(2000, 'x')));
  auto answer = wire.read_message();
  CHECK(answer.starts_with("HTTP/1.1 200 OK"));
  CHECK(answer.find("Connection: close") != std::string::npos);
}

TEST_CASE("Listener: slow clients are cut and others do not notice", "[net]") {
  Site site({.head_deadline = 200ms, .piece_deadline = 200ms, .idle_deadline = 200ms});
  std::vector<Wire> slow;
  for (int i = 0; i < 30; ++i) {
    slow.push_back(site.wire());
    if (i % 3 == 1) slow.back().send("POST / HT");
    if (i % 3 == 2) slow.back().send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  }
  for (int i = 0; i < 20; ++i) CHECK_FALSE(send({}, site.url(), Bytes(1000, 'a')).failure);
  for (auto& wire : slow) CHECK(wire.is_closed());
  CHECK(site.service.eventually([&] { return site.service.cut == 10; }));
  CHECK(site.service.eventually([&] { return site.service.alive == 0; }));
}

TEST_CASE("Listener: when all places are taken, who waited longest gives way, and nobody with an exchange", "[net]") {
  Site site({.connections_max = 5});
  auto stranger = site.wire();  // longest of all
  std::vector<Wire> busy, idle;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(site.wire());
    busy.back().send(post("hold"));
    REQUIRE(site.service.holds(busy.size()));
  }
  for (int i = 0; i < 2; ++i) {
    idle.push_back(site.wire());
    idle.back().send(post("abc"));
    CHECK(idle.back().read_message().ends_with("abc"));
  }
  std::vector<Wire> more;
  for (int i = 0; i < 3; ++i) {
    more.push_back(site.wire());
    more.back().send(post("hold"));
    CHECK(site.service.holds(3 + static_cast<size_t>(i)));
    CHECK((i == 0 ? stranger : idle[static_cast<size_t>(i) - 1]).is_closed());
  }
  // Nobody is left that could give way.
  auto extra = site.wire();
  extra.send(post("abc"));
  CHECK(extra.is_closed());
  site.service.release();
  for (auto* wires : {&busy, &more})
    for (auto& wire : *wires) CHECK(wire.read_message().ends_with("hold"));
}

TEST_CASE("Listener: who has shown nothing yet is cut sooner than who is known and idle", "[net]") {
  Site site({.head_deadline = 200ms, .idle_deadline = 60s});
  auto known = site.wire(), stranger = site.wire();
  known.send(post("abc"));
  CHECK(known.read_message().ends_with("abc"));
  CHECK(stranger.is_closed());
  CHECK(known.read_some(300).empty());
  known.send(post("abc"));
  CHECK(known.read_message().ends_with("abc"));
}

TEST_CASE("Listener: who reads its answer slowly is cut in the end, whatever it says meanwhile", "[net]") {
  Site site({.piece_deadline = 400ms, .body_deadline = 900ms});
  auto slow = site.wire();
  slow.send(post("abc" + std::string(8'000'000, 'x')));
  size_t came = 0;
  for (int i = 0; i < 400; ++i) {
    auto some = slow.read_some();
    if (some.empty()) break;
    came += some.size();
    std::this_thread::sleep_for(25ms);  // always within the deadline of a piece
  }
  CHECK(came < 8'000'000);
  CHECK(site.service.eventually([&] { return site.service.alive == 0; }));
}

TEST_CASE("Listener: an answer may be held, and a client that hangs up meanwhile frees its place", "[net]") {
  Site site;
  auto patient = site.wire(), impatient = site.wire();
  patient.send(post("hold"));
  impatient.send(post("hold"));
  REQUIRE(site.service.holds(2));
  CHECK(patient.read_some(50).empty());
  impatient.hang_up();
  CHECK(site.service.eventually([&] { return site.service.alive == 1; }));
  site.service.release();
  CHECK(patient.read_message().ends_with("hold"));
}

TEST_CASE("Listener: stopping lets a request in progress end and closes what is idle", "[net]") {
  Site site;
  auto idle = site.wire(), busy = site.wire();
  idle.send(post("abc"));
  idle.read_message();
  busy.send(post("hold"));
  REQUIRE(site.service.holds(1));
  std::thread stopping([&] { site.listener->stop(60s); });
  CHECK(idle.is_closed());
  site.service.release();
  CHECK(busy.read_to_end().ends_with("hold"));
  stopping.join();
  CHECK(site.wire().is_closed());
}

TEST_CASE("Listener: health and metrics are for who sits on this machine", "[net]") {
  Site site;
  CHECK(site.ask("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("\r\n\r\nok\n"));
  site.service.sick = "the store is read-only";
  auto sick = site.ask("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(sick.starts_with("HTTP/1.1 503 "));
  CHECK(sick.ends_with("the store is read-only\n"));
  auto metrics = site.ask("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(metrics.find("echo_accepted 3\n") != std::string::npos);
  CHECK(metrics.find("echo_metric 1\n") != std::string::npos);
  // What a proxy passes on as a body is not taken for a request of its own.
  for (auto* framing : {"Content-Length: 44", "Transfer-Encoding: chunked"}) {
    auto smuggled = site.ask("GET /healthz HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n" + std::string(framing) +
                             "\r\n\r\nGET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(smuggled.starts_with("HTTP/1.1 400 "));
    CHECK(smuggled.find("echo_metric") == std::string::npos);
  }
  CHECK(site.ask("GET /metrics HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 404"));
}

TEST_CASE("Listener: a port that is taken and an address that is none are said", "[net]") {
  Site site;
  EchoService service;
  auto taken = net::Listener::start({.port = site.listener->port()}, service);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().message == "cannot listen: port " + std::to_string(site.listener->port()) + " is taken");
  auto odd = net::Listener::start({.address = "somewhere"}, service);
  REQUIRE_FALSE(odd.ok());
  CHECK(odd.error().message == "cannot listen: the address is no IP address");
}

TEST_CASE("TLS: a relay with its own certificate is reached by its pin, and by nothing else", "[net]") {
  test::TempFolder folder;
  auto at = [&](const char* name) { return (folder.path() / name).string(); };
  auto run = [](const std::string& command) { return std::system(command.c_str()); };
  REQUIRE(run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
              "-addext subjectAltName=IP:127.0.0.1 -keyout " +
              at("key") + " -out " + at("cert") + " 2>/dev/null") == 0);
  REQUIRE(run("openssl x509 -in " + at("cert") + " -outform DER | openssl dgst -sha256 -binary > " + at("pin")) == 0);
  FILE* file = std::fopen(at("pin").c_str(), "rb");
  Hash pin;
  REQUIRE(std::fread(pin.bytes.data(), 1, 32, file) == 32);
  std::fclose(file);

  Site site({.certificate_file = at("cert"), .key_file = at("key")});
  HttpOptions pinned;
  pinned.pinned_certificate = pin;
  auto got = send(pinned, site.url("https"), Bytes(200'000, 'a'));
  CHECK_FALSE(got.failure);
  CHECK(got.body == Bytes(200'000, 'a'));
  CHECK(site.service.eventually([&] { return site.service.alive == 0; }));

  HttpOptions other;
  other.pinned_certificate = pin;
  other.pinned_certificate->bytes[3] ^= 1;
  auto refused = send(other, site.url("https"), Bytes(10, 'a'));
  REQUIRE(refused.failure);
  CHECK(refused.failure->code == ErrorCode::trust_refused);
  CHECK(refused.failure->message ==
        "cannot trust the certificate of the relay at " + site.url("https") + ": it is not the pinned certificate");
  CHECK(refused.bytes_up == 0);

  auto unknown = send({}, site.url("https"), Bytes(10, 'a'));
  REQUIRE(unknown.failure);
  CHECK(unknown.failure->code == ErrorCode::trust_refused);
  CHECK(unknown.failure->message ==
        "cannot trust the certificate of the relay at " + site.url("https") + ": self-signed certificate");

  HttpOptions authority;
  authority.authorities_file = at("cert");
  CHECK_FALSE(send(authority, site.url("https"), Bytes(10, 'a')).failure);
  // The certificate is for an address, not for this name.
  auto name = "https://localhost:" + std::to_string(site.listener->port());
  auto wrong_name = send(authority, name, Bytes(10, 'a'));
  REQUIRE(wrong_name.failure);
  CHECK(wrong_name.failure->code == ErrorCode::trust_refused);

  auto plain = send({}, site.url("http"), Bytes(10, 'a'));
  REQUIRE(plain.failure);
  CHECK(plain.failure->code == ErrorCode::no_network);
  EchoService service;
  auto no_key = net::Listener::start({.certificate_file = at("cert")}, service);
  REQUIRE_FALSE(no_key.ok());
  CHECK(no_key.error().message == "cannot start TLS: it takes both a certificate and a key");
  auto no_file = net::Listener::start({.certificate_file = at("none"), .key_file = at("key")}, service);
  REQUIRE_FALSE(no_file.ok());
  CHECK(no_file.error().message.starts_with("cannot use the TLS certificate: "));
}
