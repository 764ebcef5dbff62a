// One sync over any exchange: which relay next, when, how large, when to stop. Client (sync.h) is this over
// session::DeviceExchange; tests put a scripted exchange in its place.
#pragma once
#include <lysoen/sync/sync.h>

#include "sync/client/pace.h"
#include "sync/session/device.h"

namespace lysoen::client {

/// What session::DeviceExchange does, for one relay.
class Exchanger {
 public:
  virtual ~Exchanger() = default;
  virtual Result<Bytes> request(const session::RequestOptions& options) = 0;
  virtual Result<session::ExchangeOutcome> response(ByteView answer) = 0;
  virtual void part(ByteView so_far) { (void)so_far; }
};
using MakeExchanger = std::function<std::unique_ptr<Exchanger>(const RelayInfo&)>;

/// The relay's URLs in turn, and how its last attempts went.
struct RelayLine {
  RelayInfo info;
  std::unique_ptr<Exchanger> exchanger;
  Window window;
  RelayOutcome outcome;
  size_t url = 0;                        // index of the next one to try
  int failures = 0, rounds = 0;          // in a row; rounds through all URLs
  std::chrono::nanoseconds ready_at{0};  // monotonic: not before
  bool passed_over = false;              // it has addresses that the policy forbids
  bool abandoned = false;                // final failure or all tries used
  bool probe = false;                    // ask what the relay has before sending more
  bool tried_other_key = false;          // after an answer that did not open
  int idle_answers = 0;                  // promised more and brought nothing of use, in a row
  uint64_t of_no_use = 0;                // bytes both ways beside what was of use
  bool babbled = false;                  // abandoned for that
  int turns = 0;                         // since all that were ready had had theirs
  bool poll = false;                     // nothing is left; one exchange is to be held open for news
  uint64_t entries_left = 0, bytes_left = 0, bytes_to_come = 0;

  bool open() const { return (!outcome.finished || poll) && !abandoned; }
};

class SyncRun : public std::enable_shared_from_this<SyncRun> {
 public:
  /// All references outlive the run. `relays` in the order to try.
  SyncRun(std::vector<RelayInfo> relays, MakeExchanger make, Carrier& carrier, Loop& loop, Environment environment,
          SyncOptions options);

  void start(Client::Done done);
  /// Ends with `failure`; done is called at once.
  void end(std::optional<Error> failure);
  /// Ends silently.
  void drop();

 private:
  void step();
  void out_of_time();
  RelayLine* next_ready();
  void wait_for_next();
  void exchange(RelayLine& line);
  void coming(size_t index, uint64_t number, ByteView so_far);
  void answered(RelayLine& line, size_t sent, std::chrono::nanoseconds began, CarrierAnswer answer);
  void took(RelayLine& line, const session::ExchangeOutcome& outcome, size_t carried);
  bool of_use(RelayLine& line, uint64_t useful, size_t carried);
  bool babbles(const RelayLine& line) const;
  void failed(RelayLine& line, const CarrierAnswer& answer, Error why);
  void abandon(RelayLine& line, Error why);
  void count(const session::ExchangeOutcome& outcome);
  void note(const std::string& text);
  void report(std::string waiting);
  void mark(uint64_t moved);
  std::optional<uint64_t> budget_left() const;
  bool another_finished(const RelayLine& line) const;
  void watch_cancel();
  std::optional<Error> verdict(Error otherwise) const;
  bool finished_one() const;
  std::chrono::nanoseconds now() const { return environment_.clock.monotonic(); }
  void step_soon();

  MakeExchanger make_;
  Carrier& carrier_;
  Loop& loop_;
  Environment environment_;
  SyncOptions options_;
  Client::Done done_;
  std::vector<RelayLine> lines_;
  SyncOutcome outcome_;
  bool ended_ = false, polled_ = false, more_to_come_ = true;
  Rate rate_;
  std::chrono::nanoseconds deadline_{0}, marked_{0};
  Carrier::Ticket ticket_ = 0;
  uint64_t asked_ = 0;  // exchanges begun
  Loop::Timer timer_ = 0, deadline_timer_ = 0, cancel_timer_ = 0;
};

}  // namespace lysoen::client
