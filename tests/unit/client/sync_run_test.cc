#include "sync/client/sync_run.h"

#include "tests/support/catch.h"
#include "tests/support/sim_link.h"

using namespace lysoen;
using namespace std::chrono_literals;
using client::Exchanger;
using session::ExchangeOutcome;
using session::RequestOptions;
using test::SimCarrier;

namespace {

// What an exchange would do, by script: `left` bytes to send, each request carries at most a window of them.
struct Script {
  std::vector<RequestOptions> asked;
  std::vector<Bytes> answers;
  size_t left = 0;
  std::function<Result<ExchangeOutcome>(ByteView)> respond;
  std::optional<Error> request_error;
};

class ScriptedExchanger final : public Exchanger {
 public:
  explicit ScriptedExchanger(Script& script) : script_(script) {}
  Result<Bytes> request(const RequestOptions& options) override {
    script_.asked.push_back(options);
    if (script_.request_error) return *script_.request_error;
    sent_ = options.probe ? 0 : std::min(options.window, script_.left);
    return Bytes(std::max<size_t>(sent_, 256), 0x2a);
  }
  Result<ExchangeOutcome> response(ByteView answer) override {
    script_.answers.emplace_back(answer.begin(), answer.end());
    if (script_.respond) return script_.respond(answer);
    if (answer.empty()) return make_error(ErrorCode::no_network, "the answer does not open");
    script_.left -= sent_;
    ExchangeOutcome outcome;
    outcome.entries_sent = sent_ > 0 ? 1 : 0, outcome.useful = sent_;
    outcome.entries_left = script_.left / 100;
    outcome.more_to_send = script_.left > 0;
    return outcome;
  }

 private:
  Script& script_;
  size_t sent_ = 0;
};

RelayInfo relay_of(uint8_t number, std::vector<std::string> urls) {
  RelayInfo relay;
  relay.id.bytes.fill(number);
  relay.urls = std::move(urls);
  return relay;
}

struct Field {
  test::ManualClock clock;
  test::SeededRandom random{test::seed()};
  test::SimLoop loop{clock};
  SimCarrier carrier{loop, clock};
  std::map<RelayId, Script> scripts;
  std::optional<SyncOutcome> outcome;
  std::shared_ptr<client::SyncRun> run;
  std::chrono::nanoseconds began{};

  Field() {
    carrier.respond = [](const CarrierRequest& request) {
      return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size())};
    };
  }
  Script& script(uint8_t number) { return scripts[relay_of(number, {}).id]; }

  void start(std::vector<RelayInfo> relays, SyncOptions options = {}) {
    began = clock.monotonic();
    run = std::make_shared<client::SyncRun>(
        std::move(relays),
        [this](const RelayInfo& relay) { return std::make_unique<ScriptedExchanger>(scripts[relay.id]); }, carrier,
        loop, Environment{clock, random}, std::move(options));
    run->start([this](SyncOutcome done) { outcome = std::move(done); });
  }
  const SyncOutcome& finish(std::vector<RelayInfo> relays, SyncOptions options = {}) {
    start(std::move(relays), std::move(options));
    REQUIRE(loop.run());
    REQUIRE(outcome);
    return *outcome;
  }
  std::chrono::milliseconds at(size_t i) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(carrier.seen[i].at - began);
  }
};

const std::vector<RelayInfo> kOne = {relay_of(1, {"http://a"})};

SimCarrier::Reply refused_connection(const CarrierRequest&) {
  return {SimCarrier::failure("connection refused", 0, 0), 10ms};
}

}  // namespace

TEST_CASE("Client: exchanges go on until nothing is left", "[client]") {
  Field field;
  field.script(1).left = 100'000;
  auto& outcome = field.finish(kOne);
  CHECK_FALSE(outcome.failure);
  CHECK(field.script(1).left == 0);
  REQUIRE(outcome.relays.size() == 1);
  CHECK(outcome.relays[0].finished);
  CHECK(outcome.exchanges == field.carrier.seen.size());
  CHECK(outcome.bytes_up >= 100'000);
}

TEST_CASE("Client: the window starts at 8 KiB and doubles while the link is quick, up to its limit", "[client]") {
  Field field;
  field.script(1).left = 4'000'000;
  field.finish(kOne, {.window_max = 64 * 1024});
  auto& asked = field.script(1).asked;
  REQUIRE(asked.size() > 10);
  CHECK(asked[0].window == 8 * 1024);
  CHECK(asked[1].window == 16 * 1024);
  CHECK(asked[3].window == 64 * 1024);
  CHECK(asked[9].window == 64 * 1024);
}

TEST_CASE("Client: on a slow link the window settles at what it carries in 2 to 5 seconds", "[client]") {
  Field field;
  field.script(1).left = 2'000'000;
  const double bytes_per_ms = 12;  // about 100 kbit/s
  field.carrier.respond = [&](const CarrierRequest& request) {
    auto time =
        std::chrono::milliseconds(300 + static_cast<int>(static_cast<double>(request.body.size()) / bytes_per_ms));
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), time};
  };
  field.finish(kOne);
  auto& asked = field.script(1).asked;
  REQUIRE(asked.size() > 20);
  for (size_t i = 10; i < asked.size(); ++i) {
    auto seconds = (300 + static_cast<double>(asked[i].window) / bytes_per_ms) / 1000;
    CHECK(seconds >= 2);
    CHECK(seconds <= 5.5);
  }
}

TEST_CASE("Client: a stall halves the window, and before sending more the client asks what arrived", "[client]") {
  Field field;
  field.script(1).left = 1'000'000;
  int n = 0;
  field.carrier.respond = [&](const CarrierRequest& request) {
    bool stall = ++n == 5;
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), stall ? 24h : 100ms};
  };
  auto& outcome = field.finish(kOne);
  CHECK_FALSE(outcome.failure);
  auto& asked = field.script(1).asked;
  CHECK(asked[4].window == 128 * 1024);
  CHECK(asked[5].window == 64 * 1024);
  CHECK(asked[5].probe);
  CHECK_FALSE(asked[6].probe);
  CHECK(field.carrier.seen[4].deadline == 60s);
}

TEST_CASE("Client: what came of a cut answer is taken before anything is tried again", "[client]") {
  Field field;
  field.script(1).left = 8 * 1024 * 3;
  int n = 0;
  field.carrier.respond = [&](const CarrierRequest& request) {
    SimCarrier::Reply reply{SimCarrier::success(Bytes(100), request.body.size())};
    if (++n == 1) reply.answer.failure = make_error(ErrorCode::no_network, "the answer was cut after 100 bytes");
    return reply;
  };
  auto& outcome = field.finish(kOne);
  CHECK_FALSE(outcome.failure);
  CHECK(field.script(1).answers[0].size() == 100);
  CHECK(field.at(1) == 100ms);  // at once: it was progress
}

TEST_CASE("Client: a relay that is away is tried again after growing, jittered waits, then left with its reason",
          "[client]") {
  Field field;
  field.carrier.respond = refused_connection;
  std::vector<std::string> waits;
  SyncOptions options{.tries = 6};
  options.progress = [&](const SyncProgress& progress) {
    if (!progress.waiting.empty()) waits.push_back(progress.waiting);
  };
  auto& outcome = field.finish(kOne, options);
  REQUIRE(field.carrier.seen.size() == 6);
  for (size_t i = 1; i < 6; ++i) {
    auto wait = field.at(i) - field.at(i - 1) - 10ms;
    auto full = std::chrono::milliseconds(1000 << (i - 1));
    CAPTURE(i, wait.count());
    CHECK(wait >= full / 2);
    CHECK(wait <= full);
  }
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::no_network);
  CHECK(outcome.failure->message == "connection refused");
  CHECK_FALSE(outcome.any_progress());
  REQUIRE(waits.size() == 5);
  CHECK(waits[0] == "no answer, trying again in 1 s");
}

TEST_CASE("Client: two devices that lose a relay together do not come back together", "[client]") {
  test::SeededRandom one(test::seed()), two(test::seed() + 1);
  int equal = 0;
  for (int failures = 1; failures <= 12; ++failures) {
    auto a = client::backoff(failures, one), b = client::backoff(failures, two);
    equal += a == b;
    CHECK(a <= 60s);
    CHECK(a >= 500ms);
  }
  CHECK(equal < 6);
}

TEST_CASE("Client: a relay's addresses are tried in turn without waiting", "[client]") {
  Field field;
  field.carrier.respond = [](const CarrierRequest& request) {
    if (request.url != "http://c") return refused_connection(request);
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), 256), 10ms};
  };
  auto& outcome = field.finish({relay_of(1, {"http://a", "http://b", "http://c"})});
  CHECK_FALSE(outcome.failure);
  REQUIRE(field.carrier.seen.size() == 3);
  CHECK(field.at(2) == 20ms);
  CHECK(outcome.relays[0].url == "http://c");
}

TEST_CASE("Client: a relay that is away does not keep another from finishing, and costs one try", "[client]") {
  Field field;
  field.script(2).left = 30'000, field.script(3).left = 1000;
  field.carrier.respond = [](const CarrierRequest& request) {
    if (request.url == "http://away") return refused_connection(request);
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), 256), 10ms};
  };
  auto& outcome = field.finish({relay_of(1, {"http://away"}), relay_of(2, {"http://b"}), relay_of(3, {"http://c"})});
  CHECK_FALSE(outcome.failure);
  REQUIRE(outcome.relays.size() == 3);
  CHECK_FALSE(outcome.relays[0].finished);
  CHECK(outcome.relays[0].failure->message == "connection refused");
  CHECK(outcome.relays[1].finished);
  CHECK(outcome.relays[2].finished);
  auto tries = std::count_if(field.carrier.seen.begin(), field.carrier.seen.end(),
                             [](auto& seen) { return seen.url == "http://away"; });
  CHECK(tries == 1);
}

TEST_CASE("Client: a captive portal changes nothing but the back-off, and the other key is tried at once", "[client]") {
  Field field;
  int n = 0;
  field.carrier.respond = [&](const CarrierRequest& request) {
    if (++n <= 5)
      return SimCarrier::Reply{SimCarrier::failure("a page instead of a relay's answer", request.body.size(), 400),
                               50ms};
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), 256), 50ms};
  };
  field.script(1).left = 5000;
  auto& outcome = field.finish(kOne);
  CHECK_FALSE(outcome.failure);
  CHECK(field.script(1).left == 0);
  CHECK(field.at(1) == 50ms);           // the other key, at once
  CHECK(field.at(2) >= 100ms + 500ms);  // then with a wait
  CHECK(field.script(1).answers[0].empty());
  CHECK(field.script(1).asked.back().window == 8 * 1024);
}

TEST_CASE("Client: a relay that does not know the team is not asked again, and its reason stands", "[client]") {
  Field field;
  field.script(1).respond = [](ByteView) -> Result<ExchangeOutcome> {
    return make_error(ErrorCode::trust_refused, "the relay does not serve this team");
  };
  field.script(2).respond = [](ByteView) -> Result<ExchangeOutcome> {
    return make_error(ErrorCode::no_network, "does not open");
  };
  auto& outcome = field.finish({relay_of(2, {"http://b"}), relay_of(1, {"http://a"})}, {.tries = 2});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::trust_refused);
  CHECK(outcome.failure->message == "the relay does not serve this team");
  CHECK(field.script(1).asked.size() == 1);
}

TEST_CASE("Client: the vault's own trouble ends the sync", "[client]") {
  Field field;
  field.script(1).request_error = make_error(ErrorCode::locked, "the vault is locked");
  auto& outcome = field.finish({kOne[0], relay_of(2, {"http://b"})});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::locked);
  CHECK(field.carrier.seen.empty());
}

TEST_CASE("Client: a team without a relay says so", "[client]") {
  Field field;
  auto& outcome = field.finish({});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::not_found);
  CHECK(outcome.failure->message == "cannot sync: the team has no relay");
}

TEST_CASE("Client: the whole sync ends at its deadline, and what was exchanged stays", "[client]") {
  Field field;
  field.script(1).left = 50'000'000;
  field.carrier.respond = [](const CarrierRequest& request) {
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), 3s};
  };
  auto& outcome = field.finish(kOne, {.deadline = 20s});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "sync is not finished within its time; what was exchanged stays");
  CHECK(outcome.exchanges == 6);
  CHECK(field.clock.monotonic() - field.began == 20s);
  CHECK(field.carrier.seen.back().deadline <= 2s);
}

TEST_CASE("Client: a deadline that passes while a relay does not answer says why it does not", "[client]") {
  Field field;
  field.script(1).left = 1;
  field.carrier.respond = [](const CarrierRequest&) {
    return SimCarrier::Reply{SimCarrier::failure("no route", 0, 0), 1s};
  };
  auto& outcome = field.finish(kOne, {.deadline = 5s, .tries = 100});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::no_network);
  CHECK_THAT(outcome.failure->message, Catch::Contains("no route"));
}

TEST_CASE("Client: a deadline that passes while the first relay is silent says which one", "[client]") {
  Field field;
  field.script(1).left = 1;
  field.carrier.respond = [](const CarrierRequest&) { return SimCarrier::Reply{SimCarrier::success(Bytes(100)), 24h}; };
  auto& outcome = field.finish(kOne, {.deadline = 5s});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "no whole answer in time");
  CHECK(field.carrier.seen.size() == 1);
  CHECK(field.clock.monotonic() - field.began == 5s);
}

TEST_CASE("Client: what the sync's own deadline cuts does not hide why a relay failed before", "[client]") {
  Field field;
  field.script(1).left = 1;
  field.carrier.respond = [n = 0](const CarrierRequest&) mutable {
    if (n++ == 0) return SimCarrier::Reply{SimCarrier::failure("no route", 0, 0), 1s};
    return SimCarrier::Reply{SimCarrier::success(Bytes(100)), 24h};
  };
  auto& outcome = field.finish(kOne, {.deadline = 5s, .tries = 100});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "no route");
  CHECK(field.carrier.seen.size() == 2);
}

TEST_CASE("Client: cancelling ends within a fifth of a second, whatever is under way", "[client]") {
  Field field;
  field.carrier.respond = [](const CarrierRequest&) {
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), 256), 50s};
  };
  SyncOptions options;
  options.cancelled = [&] { return field.clock.monotonic() - field.began >= 7s; };
  auto& outcome = field.finish(kOne, options);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::cancelled);
  CHECK(field.clock.monotonic() - field.began <= 7200ms);
  CHECK(field.carrier.cancelled == 1);
}

TEST_CASE("Client: one that is dropped calls nobody back", "[client]") {
  Field field;
  field.start(kOne);
  field.loop.run(1);
  REQUIRE(field.carrier.seen.size() == 1);
  field.run->drop();
  field.run.reset();
  CHECK(field.loop.run());
  CHECK_FALSE(field.outcome);
}

TEST_CASE("Client: once nothing is left one exchange is held open for news", "[client]") {
  Field field;
  field.script(1).left = 100;
  field.finish(kOne, {.poll = 90s});
  auto& asked = field.script(1).asked;
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].wait_ms == 0);
  CHECK(asked[1].wait_ms == 90'000);
  CHECK(field.carrier.seen[1].deadline == 150s);
}

TEST_CASE("Client: news are waited for at one relay, after every other had its turn", "[client]") {
  Field field;
  field.script(1).left = field.script(2).left = 20'000;
  CHECK_FALSE(field.finish({kOne[0], relay_of(2, {"http://b"})}, {.poll = 90s}).failure);
  CHECK(field.carrier.seen.back().url == "http://a");
  CHECK(field.script(1).asked.back().wait_ms == 90'000);
  CHECK(field.script(2).left == 0);
  for (const auto& asked : field.script(2).asked) CHECK(asked.wait_ms == 0);
}

TEST_CASE("Client: nothing is wrong when a wait for news breaks off or runs into the deadline", "[client]") {
  for (bool runs_out : {false, true}) {
    CAPTURE(runs_out);
    Field field;
    field.script(1).left = 100;
    field.carrier.respond = [&](const CarrierRequest& request) {
      if (field.script(1).asked.back().wait_ms == 0)
        return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size())};
      return SimCarrier::Reply{SimCarrier::failure("hung up", request.body.size(), 0), runs_out ? 24h : 5s};
    };
    auto& outcome = field.finish(kOne, {.deadline = 60s, .poll = 90s});
    CHECK_FALSE(outcome.failure);
    CHECK(outcome.relays[0].finished);
    CHECK(field.carrier.seen.size() == 2);
  }
}

TEST_CASE("Client: what news bring is fetched to its end", "[client]") {
  Field field;
  int n = 0;
  field.script(1).respond = [&](ByteView) -> Result<ExchangeOutcome> {
    ExchangeOutcome outcome;
    outcome.entries_received = outcome.useful = ++n > 1 ? 1 : 0;
    outcome.more_to_fetch = n == 2 || n == 3;
    return outcome;
  };
  auto& outcome = field.finish(kOne, {.poll = 90s});
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.entries_received == 3);
  auto& asked = field.script(1).asked;
  REQUIRE(asked.size() == 4);
  CHECK(asked[1].wait_ms == 90'000);
  CHECK(asked[2].wait_ms == 0);
  CHECK(asked[3].wait_ms == 0);
}

TEST_CASE("Client: a relay that promises more and brings nothing is left", "[client]") {
  Field field;
  field.script(1).respond = [](ByteView) -> Result<ExchangeOutcome> {
    ExchangeOutcome outcome;
    outcome.more_to_fetch = true;
    return outcome;
  };
  auto& outcome = field.finish(kOne);
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message ==
        "the relay at http://a promises more and brings nothing of use; left for this time");
  CHECK(field.carrier.seen.size() < 30);
}

TEST_CASE("Client: a relay that always has more does not keep another from its turn", "[client]") {
  Field field;
  field.script(1).respond = [](ByteView) {
    ExchangeOutcome outcome;
    outcome.entries_received = 1, outcome.useful = 100;
    outcome.more_to_fetch = true;
    return outcome;
  };
  field.script(2).left = 400'000;
  auto& outcome = field.finish({relay_of(1, {"http://a"}), relay_of(2, {"http://b"})}, {.deadline = 60s});
  CHECK(field.script(2).left == 0);
  CHECK(outcome.relays[1].finished);
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("Client: what a relay may make a device carry for nothing is bounded, and the next relay has its turn first",
          "[client]") {
  Field field;
  constexpr size_t kMuch = 300'000;
  int every = GENERATE(0, 5);  // of its answers, which one brings a little that is of use
  CAPTURE(every);
  field.carrier.respond = [](const CarrierRequest& request) {
    const size_t size = request.url == "http://b" ? 100 : kMuch;
    return SimCarrier::Reply{SimCarrier::success(Bytes(size), request.body.size())};
  };
  field.script(1).respond = [every, n = 0](ByteView) mutable {
    ExchangeOutcome outcome;
    outcome.receipts = outcome.rosters = outcome.join_requests = 1;  // of which a relay has as many as it likes
    outcome.more_to_fetch = outcome.more_to_send = true;
    if (every != 0 && ++n % every == 0) outcome.useful = 500;
    return outcome;
  };
  field.script(2).left = 100'000;
  auto& outcome = field.finish({relay_of(1, {"http://a"}), relay_of(2, {"http://b"})});
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.relays[1].finished);
  CHECK_FALSE(outcome.relays[0].finished);
  const std::string said = "the relay at http://a promises more and brings nothing of use; left for this time";
  REQUIRE(outcome.relays[0].failure);
  CHECK(outcome.relays[0].failure->message == said);
  REQUIRE(outcome.notes.size() == 1);  // though the sync as a whole did what it should
  CHECK(outcome.notes[0] == said);
  CHECK(outcome.relays[0].exchanges * kMuch <= 2 * 1024 * 1024 + 2 * kMuch);
  CHECK(field.carrier.seen[1].url == "http://b");
}

TEST_CASE("Client: a relay that brings nothing of use leaves most of a data budget to the next", "[client]") {
  Field field;
  field.carrier.respond = [](const CarrierRequest& request) {
    const size_t size = request.url == "http://b" ? 100 : 20'000;
    return SimCarrier::Reply{SimCarrier::success(Bytes(size), request.body.size())};
  };
  field.script(1).respond = [](ByteView) {
    ExchangeOutcome outcome;
    outcome.more_to_fetch = true;
    return outcome;
  };
  field.script(2).left = 120'000;
  auto& outcome = field.finish({relay_of(1, {"http://a"}), relay_of(2, {"http://b"})}, {.bytes_max = 200'000});
  CHECK_FALSE(outcome.failure);
  CHECK(field.script(2).left == 0);
  CHECK(outcome.relays[0].exchanges == 3);
}

TEST_CASE("Client: pages instead of answers do not cost more for being long", "[client]") {
  Field field;
  constexpr size_t kPage = 400'000;
  int n = 0;
  field.carrier.respond = [&](const CarrierRequest& request) {
    if (++n % 3 == 0) return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size())};
    return SimCarrier::Reply{SimCarrier::failure("a page", request.body.size(), kPage)};
  };
  field.script(1).respond = [](ByteView answer) -> Result<ExchangeOutcome> {
    if (answer.empty()) return make_error(ErrorCode::no_network, "does not open");
    ExchangeOutcome outcome;
    outcome.more_to_fetch = true;
    return outcome;
  };
  auto& outcome = field.finish(kOne);
  REQUIRE(outcome.failure);
  CHECK(outcome.bytes_down <= 2 * 1024 * 1024 + 2 * kPage);
}

TEST_CASE("Client: what a relay refuses is named and the rest goes on", "[client]") {
  Field field;
  int n = 0;
  field.script(1).respond = [&](ByteView) -> Result<ExchangeOutcome> {
    ExchangeOutcome outcome;
    outcome.entries_sent = 3, outcome.useful = 600;
    outcome.refused.push_back({.feed = {}, .first_seq = 5, .last_seq = 6, .reason = "over quota"});
    outcome.more_to_send = ++n < 3;
    return outcome;
  };
  auto& outcome = field.finish(kOne);
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.entries_sent == 9);
  REQUIRE(outcome.refused.size() == 3);
  CHECK(outcome.refused[0].reason == "over quota");
}

TEST_CASE("Client: what is left is forecast at the rate of late, waits and failures counted", "[client]") {
  Field field;
  field.script(1).left = 600'000;
  field.carrier.respond = [](const CarrierRequest& request) {
    auto time = std::chrono::milliseconds(static_cast<int64_t>(request.body.size()) / 4);  // 4,000 bytes a second
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), time};
  };
  field.script(1).respond = [&, left = size_t{600'000}](ByteView) mutable -> Result<ExchangeOutcome> {
    left -= std::min(left, field.carrier.seen.back().size);
    ExchangeOutcome outcome;
    outcome.entries_sent = 1, outcome.entries_left = (left + 599) / 600, outcome.bytes_left = left;
    outcome.useful = field.carrier.seen.back().size;
    outcome.more_to_send = left > 0;
    return outcome;
  };
  std::vector<SyncProgress> seen;
  SyncOptions options;
  options.progress = [&](const SyncProgress& progress) { seen.push_back(progress); };
  CHECK_FALSE(field.finish(kOne, options).failure);
  REQUIRE(seen.size() > 5);
  for (const auto& progress : seen) {
    CHECK(progress.bytes_per_second >= 3'990);
    CHECK(progress.bytes_per_second <= 4'010);
  }
  CHECK(seen[0].bytes_left == 600'000 - 8 * 1024);
  CHECK(forecast_text(seen[0]) == "592 kB left, about 2 min at the present rate");
  CHECK(forecast_text(seen.back()).empty());
}

TEST_CASE("Client: a link that keeps breaking is forecast as slow as it is", "[client]") {
  Field field;
  field.script(1).left = 1'000'000;
  int n = 0;
  field.carrier.respond = [&](const CarrierRequest& request) {
    if (++n % 2 == 0) return SimCarrier::Reply{SimCarrier::failure("no route", 0, 0), 1ms};
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), 1s};
  };
  field.script(1).respond = [&](ByteView) -> Result<ExchangeOutcome> {
    ExchangeOutcome outcome;
    outcome.entries_sent = 1, outcome.bytes_left = 1'000'000, outcome.more_to_send = n < 20;
    outcome.useful = 8 * 1024;
    return outcome;
  };
  std::vector<uint64_t> rates;
  SyncOptions options{.window_max = 8 * 1024};
  options.progress = [&](const SyncProgress& progress) { rates.push_back(progress.bytes_per_second); };
  CHECK_FALSE(field.finish(kOne, options).failure);
  CHECK(rates.front() == 8 * 1024);        // one second for 8 KiB
  CHECK(rates.back() < 8 * 1024 * 3 / 4);  // half a second or more of waiting with each
  CHECK(rates.back() > 8 * 1024 / 3);
}

TEST_CASE("Client: a forecast reads as one would say it", "[client]") {
  auto said = [](uint64_t left, uint64_t rate) {
    return forecast_text(SyncProgress{.bytes_left = left, .bytes_per_second = rate});
  };
  CHECK(said(0, 1000).empty());
  CHECK(said(640, 0) == "640 bytes left");
  CHECK(said(640, 1000) == "640 bytes left, a few seconds at the present rate");
  CHECK(said(4'120'000, 100'000) == "4.1 MB left, about 40 s at the present rate");
  CHECK(said(41'000'000, 3'800) == "41 MB left, about 3 h at the present rate");
  CHECK(said(999'700, 18'000) == "1.0 MB left, about 1 min at the present rate");
  CHECK(said(1'200'000'000, 3'800) == "1.2 GB left, about 4 days at the present rate");
}

TEST_CASE("Client: text alone goes when it is told so, and nothing when nothing may", "[client]") {
  Field field;
  field.script(1).left = 20'000;
  CHECK_FALSE(field.finish(kOne, {.scope = SyncScope::text}).failure);
  for (const auto& asked : field.script(1).asked) CHECK_FALSE(asked.attachments);
  Field all;
  all.finish(kOne);
  CHECK(all.script(1).asked[0].attachments);
  Field none;
  auto& outcome = none.finish(kOne, {.scope = SyncScope::nothing});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->message == "nothing may be sent just now; all of it waits on this device");
  CHECK(none.carrier.seen.empty());
}

TEST_CASE("Client: a data budget ends the sync before it is exceeded, and what was exchanged stays", "[client]") {
  for (uint64_t budget : {5'000ull, 50'000ull, 500'000ull, 1'999'999ull}) {
    CAPTURE(budget);
    Field field;
    field.script(1).left = 2'000'000;
    auto& outcome = field.finish(kOne, {.bytes_max = budget});
    REQUIRE(outcome.failure);
    CHECK(outcome.failure->code == ErrorCode::partly_done);
    CHECK(outcome.failure->message == "the data budget of this sync is used up; what was exchanged stays");
    CHECK(outcome.bytes_up + outcome.bytes_down <= budget);
    CHECK(outcome.bytes_up + outcome.bytes_down + 4'200 >= budget);  // nearly all of it was of use
    for (const auto& asked : field.script(1).asked) CHECK(asked.answer_max <= budget / 2);
  }
  Field enough;
  enough.script(1).left = 20'000;
  CHECK_FALSE(enough.finish(kOne, {.bytes_max = 60'000}).failure);
}

TEST_CASE("Client: failed attempts are paid from the data budget too", "[client]") {
  Field field;
  field.script(1).left = 100'000;
  field.carrier.respond = [](const CarrierRequest& request) {
    return SimCarrier::Reply{SimCarrier::failure("cut", request.body.size(), 0), 10ms};
  };
  auto& outcome = field.finish(kOne, {.bytes_max = 12'000, .tries = 100});
  REQUIRE(outcome.failure);
  CHECK(outcome.bytes_up <= 12'000);
  CHECK(outcome.failure->message == "cut");  // why nothing went says more than the budget
}

TEST_CASE("Client: an exchange that was held for news does not make the link look slow", "[client]") {
  Field field;
  field.script(1).left = 8'000;
  field.carrier.respond = [&](const CarrierRequest& request) {
    bool held = field.script(1).asked.back().wait_ms > 0;
    return SimCarrier::Reply{SimCarrier::success(Bytes(100), request.body.size()), held ? 90s : 1000ms};
  };
  uint64_t rate = 0;
  SyncOptions options{.poll = 90s};
  options.progress = [&](const SyncProgress& progress) { rate = progress.bytes_per_second; };
  CHECK_FALSE(field.finish(kOne, options).failure);
  CHECK(rate > 7'000);
}

TEST_CASE("Client: where plain HTTP is not allowed, only what no network sees is asked without TLS", "[client]") {
  const std::vector<std::string> passed_over{"http://relay.example", "http://10.0.0.1:80/x", "http://127.evil.example",
                                             "http://localhost.example"},
      asked{"https://relay.example", "http://127.0.0.1:8470", "http://localhost/x", "http://[::1]:80",
            "http://abcdef.onion:8470"};
  std::vector<std::string> all = passed_over;
  all.insert(all.end(), asked.begin(), asked.end());
  Field field;
  field.carrier.respond = refused_connection;
  field.finish({relay_of(1, all)}, {.tries = 1, .plain_http = false});
  std::vector<std::string> seen;
  for (const auto& one : field.carrier.seen) seen.push_back(one.url);
  CHECK(seen == asked);
  Field none;
  auto& outcome = none.finish({relay_of(1, passed_over)}, {.plain_http = false});
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->code == ErrorCode::trust_refused);
  CHECK(outcome.failure->message ==
        "cannot sync with the relay at http://relay.example: the team's policy allows this device no plain HTTP");
  CHECK(none.carrier.seen.empty());
  Field both;  // another relay is asked all the same
  CHECK_FALSE(both.finish({relay_of(1, passed_over), relay_of(2, asked)}, {.plain_http = false}).failure);
}
