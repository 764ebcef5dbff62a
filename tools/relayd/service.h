// Between the listener's many threads and the relay's one writer: requests are opened where they arrive, collected, and
// handed to the writer all together, so that one durable commit serves all that wait.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sync/net/listener.h"
#include "sync/relay/relay.h"
#include "tools/relayd/log.h"

namespace lysoen::relayd {

/// One request from its first byte to its answer.
struct Job {
  std::unique_ptr<relay::RelayRequest> request;
  net::Incoming::Reply reply;         // null: cut, nobody waits
  std::atomic<bool> gone{false};      // the connection broke
  uint64_t bytes = 0;                 // of its body so far
  std::chrono::nanoseconds until{0};  // held: answer by then
};

class RelayService final : public net::Service {
 public:
  /// References outlive the object.
  RelayService(relay::Relay& relay, Environment environment, Log& log);
  ~RelayService() override;

  // From any thread.
  std::shared_ptr<net::Incoming> begin() override;
  std::string unhealthy() override { return relay_.unhealthy(); }
  std::string metrics() override;
  /// Runs on the writer's thread between commits and returns when it has.
  void on_writer(const std::function<void()>& task);
  /// From now on nothing is held for news; what is held is answered.
  void finish_holds();
  /// Drops what is still waiting, without answers; returns when the writer has ended.
  void stop();

 private:
  class Exchange;
  void enqueue(std::shared_ptr<Job> job);
  void write();
  void handle(std::vector<std::shared_ptr<Job>>& jobs);
  void sweep();
  void answer(Job& job, Bytes bytes);
  void tend_when_due();
  void note_health();
  std::chrono::nanoseconds now() { return environment_.clock.monotonic(); }

  relay::Relay& relay_;
  Environment environment_;
  Log& log_;
  std::atomic<uint64_t> bytes_pending_{0};
  std::atomic<bool> stopping_{false}, holding_{true};

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<std::shared_ptr<Job>> waiting_;  // under mutex_
  std::vector<std::function<void()>> tasks_;   // under mutex_

  // The writer's own.
  std::vector<std::shared_ptr<Job>> held_;
  uint64_t news_seen_ = 0;
  std::chrono::nanoseconds tended_{0};
  std::string health_;
  std::thread writer_;
};

}  // namespace lysoen::relayd
