#include "tools/relayd/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace lysoen::relayd {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                          0.1,   0.2,   0.5,   1,    2,    5};
const prometheus::Histogram::BucketBoundaries kRequests = {1, 2, 4, 8, 16, 32, 64, 128, 256};

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Metrics::Metrics() : commit_requests_(kRequests), commit_seconds_(kSeconds), answer_seconds_(kSeconds) {}

void Metrics::committed(size_t requests, std::chrono::nanoseconds took) {
  commit_requests_.Observe(static_cast<double>(requests));
  commit_seconds_.Observe(seconds(took));
}

void Metrics::answered(std::chrono::nanoseconds took) {
  answer_seconds_.Observe(seconds(took));
}

std::string Metrics::text(const relay::Metrics& relay, const net::ListenerCounts& listener, uint64_t waiting_bytes,
                          bool healthy) const {
  std::vector<MetricFamily> all;
  auto counter = [&](const char* name, const char* help, uint64_t value) {
    ClientMetric metric;
    metric.counter.value = static_cast<double>(value);
    all.push_back({name, help, MetricType::Counter, {metric}});
  };
  auto gauge = [&](const char* name, const char* help, uint64_t value) {
    ClientMetric metric;
    metric.gauge.value = static_cast<double>(value);
    all.push_back({name, help, MetricType::Gauge, {metric}});
  };
  auto histogram = [&](const char* name, const char* help, const prometheus::Histogram& from) {
    all.push_back({name, help, MetricType::Histogram, {from.Collect()}});
  };
  gauge("lysoen_connections_open", "connections now", listener.open);
  counter("lysoen_connections_total", "connections taken", listener.accepted);
  counter("lysoen_connections_turned_away_total", "closed at once: all places were taken", listener.turned_away);
  counter("lysoen_connections_displaced_total", "that waited longest and gave way to a new one", listener.displaced);
  counter("lysoen_connections_late_total", "closed by a deadline", listener.late);
  counter("lysoen_http_answered_total", "requests answered", listener.answered);
  counter("lysoen_http_refused_total", "requests refused before or without an exchange", listener.refused);
  counter("lysoen_http_cut_total", "requests that broke off", listener.cut);
  counter("lysoen_relay_requests_total", "exchanges begun", relay.requests);
  counter("lysoen_relay_requests_refused_total", "exchanges that did not open", relay.refused);
  counter("lysoen_relay_requests_answered_total", "exchanges answered", relay.answered);
  counter("lysoen_relay_commits_total", "group commits", relay.commits);
  counter("lysoen_relay_commit_failures_total", "group commits that failed", relay.commit_failures);
  counter("lysoen_relay_entries_stored_total", "entries stored", relay.entries_stored);
  counter("lysoen_relay_bytes_stored_total", "bytes of entries stored, as quotas count them", relay.bytes_stored);
  counter("lysoen_relay_receipts_total", "receipts given", relay.receipts);
  gauge("lysoen_relay_held", "long polls that wait for news", relay.held_now);
  gauge("lysoen_relay_waiting_bytes", "requests and answers under way", waiting_bytes);
  counter("lysoen_relay_forks_total", "forks of feeds noted", relay.forks);
  counter("lysoen_relay_stale_counters_total", "requests with a counter used before", relay.stale_counters);
  counter("lysoen_relay_two_places_total", "identities seen in two places", relay.two_places);
  gauge("lysoen_relay_healthy", "1 while commits succeed", healthy ? 1 : 0);
  histogram("lysoen_relay_commit_requests", "requests of one group commit", commit_requests_);
  histogram("lysoen_relay_commit_seconds", "one group commit", commit_seconds_);
  histogram("lysoen_relay_answer_seconds", "from a request's last byte to its answer, long polls left out",
            answer_seconds_);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace lysoen::relayd
