// JoinClient: posts a join request through the first relay that takes it, then asks that relay for the welcome.
#include <lysoen/sync/sync.h>

#include <algorithm>

#include "sync/client/pace.h"
#include "sync/session/join.h"

namespace lysoen {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kCancelPoll = 200ms;
constexpr milliseconds kAskFirst = 2s, kAskMax = 30s;  // between questions for the welcome
constexpr size_t kAnswerMax = 512 * 1024;              // a welcome is far below

struct Address {
  size_t relay = 0;  // index in the errand
  std::string url;
};

}  // namespace

class JoinClient::State : public std::enable_shared_from_this<JoinClient::State> {
 public:
  State(JoinErrand errand, Carrier& carrier, Loop& loop, Environment environment, JoinOptions options)
      : errand_(std::move(errand)),
        carrier_(carrier),
        loop_(loop),
        environment_(environment),
        options_(std::move(options)) {
    for (size_t i = 0; i < errand_.relays.size(); ++i) {
      const auto& relay = errand_.relays[i];
      for (const auto& url : relay.urls) addresses_.push_back({i, url});
      exchanges_.emplace_back(
          session::JoinTicket{relay, errand_.team, PublicKey(errand_.invite_id.bytes), errand_.sign}, environment_);
    }
  }

  void start(Done done) {
    done_ = std::move(done);
    deadline_ = now() + options_.deadline;
    if (options_.cancelled) watch_cancel();
    again(0ms);
  }

  void end(std::optional<Error> failure) {
    if (ended_) return;
    drop();
    outcome_.failure = std::move(failure);
    auto done = std::move(done_);
    auto outcome = std::move(outcome_);
    if (done) done(std::move(outcome));
  }

  void drop() {
    ended_ = true;
    carrier_.cancel(std::exchange(ticket_, 0));
    loop_.cancel(std::exchange(timer_, 0));
    loop_.cancel(std::exchange(cancel_timer_, 0));
  }

 private:
  nanoseconds now() const { return environment_.clock.monotonic(); }

  // Tries again after `delay`, or at the deadline to say that it has passed.
  void again(milliseconds delay) {
    auto left = std::max(std::chrono::ceil<milliseconds>(deadline_ - now()), milliseconds(0));
    delay = std::min(delay, left);
    timer_ = loop_.after(delay, [self = weak_from_this()] {
      auto state = self.lock();
      if (!state) return;
      state->timer_ = 0;
      state->attempt();
    });
  }

  void watch_cancel() {
    cancel_timer_ = loop_.after(kCancelPoll, [self = weak_from_this()] {
      auto state = self.lock();
      if (!state || state->ended_) return;
      state->cancel_timer_ = 0;
      if (state->options_.cancelled())
        return state->end(make_error(ErrorCode::cancelled, "joining was cancelled; the request can be sent again"));
      state->watch_cancel();
    });
  }

  void attempt() {
    if (ended_) return;
    if (addresses_.empty()) {
      return end(last_error_ ? *last_error_
                             : make_error(ErrorCode::not_found, "cannot join through a relay: the invite names none",
                                          "hand the join request to the admin as a file"));
    }
    if (now() >= deadline_) return out_of_time();
    const auto& address = addresses_[at_];
    auto& exchange = exchanges_[address.relay];
    auto request = outcome_.posted ? exchange.poll() : exchange.post(errand_.request);
    if (!request.ok()) return end(request.error());
    auto left = std::max(std::chrono::ceil<milliseconds>(deadline_ - now()), milliseconds(1));
    ticket_ = carrier_.send({.url = address.url,
                             .body = std::move(*request),
                             .deadline = std::min(options_.exchange_deadline, left),
                             .answer_max = kAnswerMax},
                            [self = weak_from_this()](CarrierAnswer answer) {
                              auto state = self.lock();
                              if (!state || state->ended_) return;
                              state->ticket_ = 0;
                              state->answered(std::move(answer));
                            });
  }

  void answered(CarrierAnswer answer) {
    outcome_.bytes_up += answer.bytes_up;
    outcome_.bytes_down += answer.bytes_down;
    if (!answer.ok()) return failed(*answer.failure);
    auto taken = exchanges_[addresses_[at_].relay].response(answer.body);
    if (!taken.ok())
      return taken.error().code == ErrorCode::no_network ? failed(taken.error()) : refused(taken.error());
    failures_ = 0;
    if (taken->welcome) {
      outcome_.posted = true;
      outcome_.welcome = std::move(taken->welcome);
      return end(std::nullopt);
    }
    if (!outcome_.posted && taken->posted) {
      outcome_.posted = true;
      // From here on only this relay is asked, and the time to wait counts anew.
      auto relay = addresses_[at_].relay;
      addresses_.erase(
          std::remove_if(addresses_.begin(), addresses_.end(), [&](const Address& a) { return a.relay != relay; }),
          addresses_.end());
      at_ = 0;
      deadline_ = now() + options_.wait;
      ask_after_ = kAskFirst;
      if (options_.wait.count() == 0) return end(std::nullopt);
    }
    again(ask_after_);
    ask_after_ = std::min(ask_after_ * 3 / 2, kAskMax);
  }

  void failed(const Error& why) {
    last_error_ = why;
    at_ = (at_ + 1) % addresses_.size();
    if (at_ != 0) return again(0ms);
    if (!outcome_.posted && ++failures_ >= options_.tries) return end(why);
    if (outcome_.posted) ++failures_;
    again(client::backoff(failures_, environment_.random));
  }

  // This relay will not take it, however often it is asked; another may.
  void refused(const Error& why) {
    last_error_ = why;
    auto relay = addresses_[at_].relay;
    addresses_.erase(
        std::remove_if(addresses_.begin(), addresses_.end(), [&](const Address& a) { return a.relay == relay; }),
        addresses_.end());
    at_ = 0;
    if (addresses_.empty()) return end(why);
    again(0ms);
  }

  void out_of_time() {
    if (outcome_.posted) return end(std::nullopt);
    end(last_error_ ? *last_error_
                    : make_error(ErrorCode::no_network, "cannot join: no relay answered in time",
                                 "the same invite can be tried again"));
  }

  JoinErrand errand_;
  Carrier& carrier_;
  Loop& loop_;
  Environment environment_;
  JoinOptions options_;
  Done done_;
  JoinOutcome outcome_;
  std::vector<Address> addresses_;
  std::vector<session::JoinExchange> exchanges_;
  size_t at_ = 0;
  int failures_ = 0;
  milliseconds ask_after_ = kAskFirst;
  nanoseconds deadline_{0};
  std::optional<Error> last_error_;
  bool ended_ = false;
  Carrier::Ticket ticket_ = 0;
  Loop::Timer timer_ = 0, cancel_timer_ = 0;
};

JoinClient::JoinClient(JoinErrand errand, Carrier& carrier, Loop& loop, Environment environment, JoinOptions options)
    : state_(std::make_shared<State>(std::move(errand), carrier, loop, environment, std::move(options))) {}

JoinClient::~JoinClient() {
  state_->drop();
}
void JoinClient::start(Done done) {
  state_->start(std::move(done));
}
void JoinClient::cancel() {
  auto state = state_;
  state->end(make_error(ErrorCode::cancelled, "joining was cancelled; the request can be sent again"));
}

}  // namespace lysoen
