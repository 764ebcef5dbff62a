// What GET /metrics shows, by Prometheus' client library: the counts of relay and listener as they stand, and how long
// commits and answers took. Numbers over all teams; no id, no address.
#pragma once
#include <prometheus/histogram.h>

#include <chrono>

#include "sync/net/listener.h"
#include "sync/relay/relay.h"

namespace lysoen::relayd {

/// Threads: any.
class Metrics {
 public:
  Metrics();
  /// One group commit of so many requests.
  void committed(size_t requests, std::chrono::nanoseconds took);
  /// An exchange that was not held, from its last byte to its answer.
  void answered(std::chrono::nanoseconds took);
  /// Prometheus' text format. `waiting_bytes`: of requests and answers under way.
  std::string text(const relay::Metrics& relay, const net::ListenerCounts& listener, uint64_t waiting_bytes,
                   bool healthy) const;

 private:
  prometheus::Histogram commit_requests_, commit_seconds_, answer_seconds_;
};

}  // namespace lysoen::relayd
