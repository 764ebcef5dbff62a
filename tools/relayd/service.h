// Between the listener's many threads and the relay's one writer: requests are opened where they arrive, collected, and
// handed to the writer all together, so that one durable commit serves all that wait.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "sync/net/listener.h"
#include "sync/relay/relay.h"
#include "tools/relayd/log.h"
#include "tools/relayd/metrics.h"

namespace lysoen::relayd {

class RelayService;

/// One request from its first byte until its answer is out or its connection broke. While it lives its bytes and its
/// sender's share are counted.
struct Job {
  explicit Job(RelayService& counted_by) : service(counted_by) {}
  ~Job();
  RelayService& service;
  std::unique_ptr<relay::RelayRequest> request;  // null once answered
  net::Incoming::Next next;                      // a portion of it is to be stored before it goes on
  std::chrono::nanoseconds portion_at{0};        // the last one, or its first byte
  uint64_t portion_bytes = 0;                    // of its body by then
  net::Incoming::Reply reply;                    // null: cut, nobody waits
  std::atomic<bool> gone{false};                 // the connection broke
  std::atomic<uint64_t> bytes{0};                // of its body so far, or of its answer
  std::atomic<bool> counted{false};              // among its sender's exchanges under way
  Hash sender;                                   // once admitted
  std::chrono::nanoseconds came{0};              // its last byte
  std::chrono::nanoseconds until{0};             // held: answer by then
};

struct ServiceLimits {
  uint64_t bytes_max = 256u * 1024 * 1024;  // of requests and answers under way; from half of it on only small ones
  uint64_t exchanges_per_sender = 16;       // under way; and as many long polls
};

class RelayService final : public net::Service {
 public:
  /// References outlive the object.
  RelayService(relay::Relay& relay, const ServiceLimits& limits, Environment environment, Log& log);
  ~RelayService() override;

  // From any thread.
  std::shared_ptr<net::Incoming> begin() override;
  std::string unhealthy() override { return relay_.unhealthy(); }
  std::string metrics(const net::ListenerCounts& listener) override;
  /// Runs on the writer's thread between commits and returns when it has.
  void on_writer(const std::function<void()>& task);
  /// From now on nothing is held for news; what is held is answered.
  void finish_holds();
  /// Drops what is still waiting, without answers; returns when the writer has ended.
  void stop();

 private:
  class Exchange;
  friend struct Job;
  bool has_room(const Job& job) const;
  bool begin_counting(Job& job);
  void end_counting(Job& job);
  void hold(std::shared_ptr<Job> job);
  void release(std::shared_ptr<Job> job);
  void answer_due();
  void enqueue(std::shared_ptr<Job> job);
  void write();
  void handle(const std::vector<std::shared_ptr<Job>>& jobs, size_t answer_max = 0);
  void sweep();
  void answer(Job& job, Bytes bytes);
  void tend_when_due();
  void note_health();
  std::chrono::nanoseconds now() { return environment_.clock.monotonic(); }

  relay::Relay& relay_;
  const ServiceLimits limits_;
  Environment environment_;
  Log& log_;
  Metrics metrics_;
  std::atomic<uint64_t> bytes_pending_{0};
  std::atomic<bool> stopping_{false}, holding_{true};

  std::mutex senders_mutex_;
  std::map<Hash, uint64_t> senders_;  // exchanges under way; under senders_mutex_

  std::mutex mutex_;
  std::condition_variable work_;
  // Under mutex_. Those that bring something and those that only ask, apart: reading for many who ask takes long, and
  // nobody's report waits for it.
  std::deque<std::shared_ptr<Job>> pushes_, pulls_;
  std::vector<std::function<void()>> tasks_;  // under mutex_

  // The writer's own.
  struct Held {
    uint64_t interests;  // see Relay::interests()
    std::shared_ptr<Job> job;
  };
  std::vector<Held> held_;                // in the order in which they came
  std::deque<std::shared_ptr<Job>> due_;  // held no more, to be answered a few at a time
  std::map<Hash, uint64_t> held_by_;      // how many of each sender
  uint64_t news_seen_ = 0;
  std::chrono::nanoseconds tended_{0}, swept_{0}, looked_{0};
  bool pull_alone_ = false;
  std::chrono::nanoseconds pushed_{-std::chrono::hours(1)}, pulls_from_{0};
  std::string health_;
  std::thread writer_;
};

}  // namespace lysoen::relayd
