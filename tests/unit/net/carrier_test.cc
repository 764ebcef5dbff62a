#include <lysoen/sync/http.h>

#include <future>

#include "core/base/bytes.h"
#include "sync/net/url.h"
#include "tests/support/catch.h"
#include "wire_end.h"

using namespace lysoen;
using namespace std::chrono_literals;
using test::HandServer;
using test::Wire;

namespace {

// One stack for a test; every call waits for its answer.
struct Phone {
  std::unique_ptr<HttpStack> stack;

  explicit Phone(HttpOptions options = {}) {
    auto made = HttpStack::make(options);
    REQUIRE(made.ok());
    stack = std::move(*made);
  }

  CarrierAnswer send(const std::string& url, Bytes body = Bytes(300, 7), std::chrono::milliseconds deadline = 3s,
                     size_t answer_max = 100'000) {
    std::optional<CarrierAnswer> got;
    stack->carrier().send({url, std::move(body), deadline, answer_max}, [&](CarrierAnswer answer) {
      got = std::move(answer);
      stack->stop();
    });
    stack->run();
    return std::move(*got);
  }
};

std::string ok_head(size_t size, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n" + more +
         "Content-Length: " + std::to_string(size) + "\r\n\r\n";
}

// A server that reads one request and answers with `answer`, then hangs up.
std::function<void(Wire&)> says(std::string answer) {
  return [answer](Wire& wire) {
    wire.read_message();
    wire.send(answer);
  };
}

std::string failure_of(const std::string& answer, size_t answer_max = 100'000) {
  HandServer server(says(answer));
  Phone phone;
  auto got = phone.send(server.url(), Bytes(300, 7), 3s, answer_max);
  REQUIRE(got.failure);
  CHECK(got.failure->code == ErrorCode::no_network);
  CHECK(exit_code_for(got.failure->code) == 5);
  auto prefix = "no exchange with the relay at " + server.url() + ": ";
  REQUIRE(got.failure->message.substr(0, prefix.size()) == prefix);
  return got.failure->message.substr(prefix.size());
}

}  // namespace

TEST_CASE("Carrier: a body is shown while it comes, and nothing of what is no answer", "[net]") {
  const bool refused = GENERATE(false, true);
  std::promise<void> seen;
  HandServer server([&](Wire& wire) {
    wire.read_message();
    auto head = ok_head(10);
    if (refused) head.replace(9, 3, "403");
    wire.send(head + "first");
    if (!refused) seen.get_future().wait();  // the second half waits until the first was shown
    wire.send("later");
  });
  Phone phone;
  std::vector<std::string> shown;
  std::optional<CarrierAnswer> got;
  CarrierRequest request{server.url(), Bytes(300, 7), 60s, 100'000};
  request.part = [&](ByteView so_far) {
    if (shown.empty()) seen.set_value();
    shown.emplace_back(as_text(so_far));
  };
  phone.stack->carrier().send(std::move(request), [&](CarrierAnswer answer) {
    got = std::move(answer);
    phone.stack->stop();
  });
  phone.stack->run();
  CHECK(got->failure.has_value() == refused);
  if (refused) CHECK(shown.empty());
  if (refused) return;
  CHECK(as_text(got->body) == "firstlater");
  REQUIRE(shown.size() >= 2);
  CHECK(shown.front() == std::string("firstlater").substr(0, shown.front().size()));
  CHECK(shown.back() == "firstlater");
}

TEST_CASE(
    "Carrier: a request goes as one POST that no cache may keep, and its answer comes back with every byte counted",
    "[net]") {
  std::string request;
  std::string answer = ok_head(5) + "hello";
  HandServer server([&](Wire& wire) {
    request = wire.read_message();
    wire.send(answer);
  });
  Phone phone;
  auto got = phone.send(server.url() + "/lysoen", Bytes(300, 'x'));
  CHECK_FALSE(got.failure);
  CHECK(as_text(got.body) == "hello");
  CHECK(request == "POST /lysoen HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port) +
                       "\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store, no-transform\r\n"
                       "Content-Length: 300\r\n\r\n" +
                       std::string(300, 'x'));
  CHECK(got.bytes_up == request.size());
  CHECK(got.bytes_down == answer.size());
}

TEST_CASE("Carrier: whatever is no relay's answer is one clear sentence", "[net]") {
  CHECK(failure_of("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>log in</html>.") ==
        "something else answered, with a page instead of a relay's answer");
  CHECK(failure_of("HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n") ==
        "it was redirected elsewhere (302)");
  CHECK(failure_of("HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n") ==
        "it was redirected elsewhere (307)");
  CHECK(failure_of("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") ==
        "a proxy on the way wants a login (407)");
  CHECK(failure_of("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n") == "it is too busy (429)");
  CHECK(failure_of("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") == "it is too busy (503)");
  CHECK(failure_of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") == "it refused the request (404)");
  CHECK(failure_of("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") == "it refused the request (500)");
  CHECK(failure_of("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") == "something answered that does not speak HTTP");
  CHECK(failure_of("") == "the connection was closed before an answer came");
  CHECK(failure_of("HTTP/1.1 200 OK\r\nContent-Ty") == "the answer was cut after 0 bytes");
}

TEST_CASE("Carrier: a cut answer is a failure, and what came of it is handed on", "[net]") {
  HandServer server(says(ok_head(1000) + std::string(400, 'a')));
  Phone phone;
  auto got = phone.send(server.url());
  REQUIRE(got.failure);
  CHECK(got.failure->message ==
        "no exchange with the relay at " + server.url() + ": the answer was cut after 400 bytes");
  CHECK(got.body == Bytes(400, 'a'));
}

TEST_CASE("Carrier: an answer larger than asked for is cut there", "[net]") {
  CHECK(failure_of(ok_head(5000) + std::string(5000, 'a'), 4096) == "the answer is larger than 4096 bytes");
  // Without a length in the head, and without an end.
  HandServer server([](Wire& wire) {
    wire.read_message();
    wire.send("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string chunk = "4000\r\n" + std::string(0x4000, 'a') + "\r\n";
    for (int i = 0; i < 10000 && wire.send(chunk); ++i) {
    }
  });
  Phone phone;
  auto got = phone.send(server.url(), Bytes(10), 3s, 100'000);
  REQUIRE(got.failure);
  CHECK(got.failure->message ==
        "no exchange with the relay at " + server.url() + ": the answer is larger than 100000 bytes");
  CHECK(got.bytes_down < 200'000);
  // A head without an end.
  HandServer heads([](Wire& wire) {
    wire.read_message();
    wire.send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10000 && wire.send("X-Filler: " + std::string(1000, 'a') + "\r\n"); ++i) {
    }
  });
  CHECK(phone.send(heads.url()).failure);
}

TEST_CASE("Carrier: a server that hangs is left at the deadline", "[net]") {
  for (bool answers_a_little : {false, true}) {
    std::atomic<bool> over{false};
    HandServer server([&](Wire& wire) {
      wire.read_message();
      if (answers_a_little) wire.send(ok_head(100) + "some");
      while (!over) std::this_thread::sleep_for(5ms);
    });
    Phone phone;
    auto got = phone.send(server.url(), Bytes(10), 300ms);
    over = true;
    REQUIRE(got.failure);
    CHECK(got.failure->message == "no exchange with the relay at " + server.url() + ": no whole answer within 0.3 s");
  }
}

TEST_CASE("Carrier: nobody listens", "[net]") {
  Phone phone;
  auto url = "http://127.0.0.1:" + std::to_string(test::closed_port());
  auto got = phone.send(url);
  REQUIRE(got.failure);
  CHECK(got.failure->code == ErrorCode::no_network);
  CHECK(got.failure->message == "no exchange with the relay at " + url + ": connection refused");
  CHECK(sentence_for(got.failure->advice()) == "try again when there is a connection; nothing is lost");
  CHECK(got.bytes_up == 0);
}

TEST_CASE("Carrier: an address that is none is refused with what does not fit", "[net]") {
  Phone phone;
  auto got = phone.send("ftp://relay");
  REQUIRE(got.failure);
  CHECK(got.failure->code == ErrorCode::input_refused);
  CHECK(got.failure->message == "cannot use this address: it begins neither with http:// nor with https://");
}

TEST_CASE("Carrier: a connection is kept for the next request, and replaced if it has gone meanwhile", "[net]") {
  std::atomic<bool> keep{true};
  std::atomic<int> requests{0};
  HandServer server([&](Wire& wire) {
    do {
      if (wire.read_message().empty()) return;
      ++requests;
      wire.send(ok_head(2) + "ok");
    } while (keep);
  });
  Phone phone;
  CHECK_FALSE(phone.send(server.url()).failure);
  CHECK_FALSE(phone.send(server.url()).failure);
  CHECK(server.connections == 1);
  keep = false;
  CHECK_FALSE(phone.send(server.url()).failure);  // the server hangs up after this one
  CHECK_FALSE(phone.send(server.url()).failure);
  CHECK(server.connections == 2);
  CHECK(requests == 4);
}

TEST_CASE("Carrier: a cancelled request calls nobody back", "[net]") {
  HandServer server([&](Wire& wire) { wire.read_to_end(); });
  Phone phone;
  bool called = false;
  auto ticket = phone.stack->carrier().send({server.url(), Bytes(10), 3s, 1000}, [&](CarrierAnswer) { called = true; });
  auto& loop = phone.stack->loop();
  loop.after(50ms, [&] { phone.stack->carrier().cancel(ticket); });
  auto never = loop.after(60ms, [&] { called = true; });
  loop.cancel(never);
  loop.after(200ms, [&] { phone.stack->stop(); });
  phone.stack->run();
  CHECK_FALSE(called);
}

TEST_CASE("Carrier: a request that is cancelled before it began leaves nothing on the wire", "[net]") {
  HandServer server([&](Wire& wire) { wire.read_to_end(); });
  Phone phone;
  phone.stack->carrier().cancel(phone.stack->carrier().send({server.url(), Bytes(10), 3s, 1000}, [](CarrierAnswer) {}));
  CHECK(phone.send("http://127.0.0.1:" + std::to_string(test::closed_port())).failure);
  CHECK(server.connections == 0);
}

TEST_CASE("Carrier: a .onion address is asked of nobody but Tor", "[net]") {
  Phone phone;
  for (const char* url : {"http://abcdefgh.onion:8470", "https://ABCDEFGH.Onion", "http://abcdefgh.onion./x"}) {
    auto got = phone.send(url);
    REQUIRE(got.failure);
    CHECK(got.failure->message ==
          "no exchange with the relay at " + std::string(url) + ": a .onion address is reached through Tor alone");
    CHECK(got.failure->hint == "start Tor and name it: --proxy socks5://127.0.0.1:9050");
  }
  for (const char* other : {"http://onion", "http://x.onion.example", "http://xonion"})
    CHECK_FALSE(net::parse_url(other)->is_onion());
  // With a proxy it is a name like any other.
  Phone tor({.proxy = "socks5://127.0.0.1:" + std::to_string(test::closed_port())});
  CHECK_THAT(tor.send("http://abcdefgh.onion").failure->message, Catch::Contains("the proxy that must be used"));
}

TEST_CASE("Carrier: a name of this machine is found, also after one whose answer nobody waited for", "[net]") {
  HandServer server(says(ok_head(2) + "ok"));
  Phone phone;
  auto url = "http://localhost:" + std::to_string(server.port);
  for (int i = 0; i < 20; ++i) phone.stack->carrier().cancel(phone.stack->carrier().send({url, {}, 3s, 9}, {}));
  CHECK_FALSE(phone.send(url).failure);
  // Its stack ends while names are looked up.
  for (int i = 0; i < 20; ++i) {
    Phone gone;
    gone.stack->carrier().send({url, {}, 3s, 9}, [](CarrierAnswer) {});
    gone.stack->loop().post([&] { gone.stack->stop(); });
    gone.stack->run();
  }
}

TEST_CASE("Proxy: the connection goes through it and the relay's name is resolved by it", "[net]") {
  std::string greeting, asked, request;
  HandServer proxy([&](Wire& wire) {
    greeting = wire.read_exactly(3);
    wire.send(std::string("\x05\x00", 2));
    asked = wire.read_exactly(4 + 1 + 13 + 2);
    wire.send(std::string("\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34", 10));
    request = wire.read_message();
    wire.send(ok_head(2) + "ok");
  });
  Phone phone({.proxy = "socks5://127.0.0.1:" + std::to_string(proxy.port)});
  auto got = phone.send("http://relay.invalid:8470");
  CHECK_FALSE(got.failure);
  CHECK(greeting == std::string("\x05\x01\x00", 3));
  CHECK(asked == std::string("\x05\x01\x00\x03\x0drelay.invalid\x21\x16", 20));
  CHECK(request.find("Host: relay.invalid:8470\r\n") != std::string::npos);
  CHECK(got.bytes_up == request.size());
}

TEST_CASE("Proxy: one that is down or refuses means no connection at all", "[net]") {
  HandServer relay(says(ok_head(2) + "ok"));
  Phone down({.proxy = "socks5://127.0.0.1:" + std::to_string(test::closed_port())});
  auto got = down.send(relay.url());
  REQUIRE(got.failure);
  CHECK(got.failure->message == "no exchange with the relay at " + relay.url() +
                                    ": the proxy that must be used does not answer: connection refused");
  HandServer proxy([](Wire& wire) {
    wire.read_exactly(3);
    wire.send(std::string("\x05\x00", 2));
    wire.read_exactly(10);
    wire.send(std::string("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", 10));
  });
  Phone refused({.proxy = "socks5://127.0.0.1:" + std::to_string(proxy.port)});
  got = refused.send(relay.url());
  REQUIRE(got.failure);
  CHECK(got.failure->message ==
        "no exchange with the relay at " + relay.url() +
            ": the proxy that must be used gives no way: it cannot reach the relay (SOCKS reply 5)");
  CHECK(relay.connections == 0);
  CHECK_FALSE(HttpStack::make({.proxy = "http://127.0.0.1:1"}).ok());
  CHECK_FALSE(HttpStack::make({.proxy = "socks5://127.0.0.1"}).ok());
}

TEST_CASE("Proxy: one that is no SOCKS5 proxy, wants a login, hangs or hangs up is told apart, and none is gone around",
          "[net]") {
  HandServer relay(says(ok_head(2) + "ok"));
  auto through = [&](std::function<void(Wire&)> serve) {
    HandServer proxy(std::move(serve));
    Phone phone({.proxy = "socks5://127.0.0.1:" + std::to_string(proxy.port), .connect_deadline = 1s});
    auto got = phone.send(relay.url(), Bytes(300, 7), 5s);
    REQUIRE(got.failure);
    CHECK(got.failure->code == ErrorCode::no_network);
    CHECK(got.bytes_up == 0);
    auto prefix = "no exchange with the relay at " + relay.url() + ": ";
    REQUIRE(got.failure->message.substr(0, prefix.size()) == prefix);
    return got.failure->message.substr(prefix.size());
  };
  const std::string no_way = "the proxy that must be used gives no way: ";
  CHECK(through([](Wire& wire) {
          wire.read_exactly(3);
          wire.send("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        }) == no_way + "it is no SOCKS5 proxy without login");
  CHECK(through([](Wire& wire) {
          wire.read_exactly(3);
          wire.send(std::string("\x05\xff", 2));
        }) == no_way + "it is no SOCKS5 proxy without login");
  CHECK(through([](Wire& wire) { wire.read_exactly(3); }) == no_way + "the connection was closed");
  CHECK(through([](Wire& wire) {
          wire.read_exactly(3);
          wire.send(std::string("\x05\x00", 2));
          wire.read_exactly(10);
          wire.send(std::string("\x05\x00\x00\x09\x00", 5));
        }) == no_way + "its reply is malformed");
  std::atomic<bool> over{false};
  CHECK(through([&](Wire& wire) {
          wire.read_exactly(3);
          while (!over && !wire.is_closed()) {
          }
        }) == "no connection within 1 s");
  over = true;
  CHECK(relay.connections == 0);
}

TEST_CASE("Url: what may be said and what not", "[net]") {
  auto url = net::parse_url("https://relay.example.org:8470/a/b");
  REQUIRE(url.ok());
  CHECK(url->tls);
  CHECK(url->host == "relay.example.org");
  CHECK(url->port == 8470);
  CHECK(url->target == "/a/b");
  CHECK(url->authority() == "relay.example.org:8470");
  CHECK(net::parse_url("http://[::1]:80")->authority() == "[::1]");
  CHECK(net::parse_url("https://a")->port == 443);
  for (const char* bad :
       {"", "relay:80", "http://", "http://a b", "http://a\r\nX: y", "http://user@host", "http://a:0", "http://a:65536",
        "http://a:8x", "http://a?b", "http://a/#c", "http://[::1", "http://[::1]x", "http://a/\x7f"}) {
    CAPTURE(bad);
    auto refused = net::parse_url(bad);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::input_refused);
  }
  CHECK_FALSE(net::parse_url("http://" + std::string(600, 'a')).ok());
}
