#include "tools/relayd/service.h"

#include <algorithm>
#include <future>

namespace lysoen::relayd {

namespace {

using namespace std::chrono_literals;

constexpr size_t kTogetherMax = 256;                       // requests in one commit
constexpr size_t kWaitingMax = 8192;                       // requests waiting for the writer
constexpr uint64_t kBytesPendingMax = 256u * 1024 * 1024;  // bodies that wait, over all connections
constexpr auto kTick = 500ms;
constexpr auto kTendEvery = 15min;

}  // namespace

class RelayService::Exchange final : public net::Incoming {
 public:
  explicit Exchange(RelayService& service) : service_(service), job_(std::make_shared<Job>()) {
    job_->request = service.relay_.begin();
  }
  ~Exchange() override {
    job_->gone = true;
    service_.bytes_pending_ -= job_->bytes;
  }

  void take(Bytes piece, Next next) override {
    job_->bytes += piece.size();
    if ((service_.bytes_pending_ += piece.size()) > kBytesPendingMax) return next(net::Piece::busy);
    switch (job_->request->take(piece)) {
      case relay::Sift::unknown:
        return next(net::Piece::unknown);
      case relay::Sift::admitted:
        return next(net::Piece::admitted);
      case relay::Sift::stranger:
        return next(net::Piece::enough);
      case relay::Sift::refused:
        return next(net::Piece::refused);
    }
  }

  void end(bool, Reply reply) override {
    // Opened here, not by the writer: this is the costly part, and there are many network threads.
    if (job_->request->end() == relay::Sift::refused) return reply({.status = 404, .body = {}});
    job_->reply = std::move(reply);  // of a cut request: goes nowhere
    service_.enqueue(job_);
  }

 private:
  RelayService& service_;
  std::shared_ptr<Job> job_;
};

RelayService::RelayService(relay::Relay& relay, Environment environment, Log& log)
    : relay_(relay), environment_(environment), log_(log), writer_([this] { write(); }) {}

RelayService::~RelayService() {
  stop();
}

std::shared_ptr<net::Incoming> RelayService::begin() {
  return std::make_shared<Exchange>(*this);
}

void RelayService::enqueue(std::shared_ptr<Job> job) {
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    full = waiting_.size() >= kWaitingMax || stopping_;
    if (!full) waiting_.push_back(job);
  }
  if (full && job->reply) return job->reply({.status = 503, .body = {}});
  work_.notify_one();
}

void RelayService::on_writer(const std::function<void()>& task) {
  auto done = std::make_shared<std::promise<void>>();
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back([task, done] {
      task();
      done->set_value();
    });
  }
  work_.notify_one();
  done->get_future().wait();
}

void RelayService::finish_holds() {
  holding_ = false;
  work_.notify_one();
}

void RelayService::stop() {
  if (!writer_.joinable()) return;
  stopping_ = true;
  work_.notify_one();
  writer_.join();
  std::lock_guard lock(mutex_);
  waiting_.clear();
  held_.clear();
}

void RelayService::write() {
  tended_ = now();
  while (!stopping_) {
    std::vector<std::shared_ptr<Job>> jobs;
    std::vector<std::function<void()>> tasks;
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, kTick, [&] {
        return stopping_ || !waiting_.empty() || !tasks_.empty() || (!holding_ && !held_.empty());
      });
      auto count = static_cast<ptrdiff_t>(std::min(waiting_.size(), kTogetherMax));
      jobs.assign(waiting_.begin(), waiting_.begin() + count);
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
      tasks.swap(tasks_);
    }
    for (auto& task : tasks) task();
    if (!jobs.empty()) handle(jobs);
    sweep();
    note_health();
    if (jobs.empty()) tend_when_due();
  }
}

void RelayService::handle(std::vector<std::shared_ptr<Job>>& jobs) {
  std::vector<relay::RelayRequest*> requests;
  for (auto& job : jobs) requests.push_back(job->request.get());
  auto handled = relay_.handle(requests);
  for (size_t i = 0; i < jobs.size(); ++i) {
    auto& job = jobs[i];
    if (!job->reply) continue;
    if (handled[i].hold.count() > 0 && handled[i].answer.empty()) {
      job->until = now() + handled[i].hold;
      held_.push_back(job);
    } else {
      answer(*job, std::move(handled[i].answer));
    }
  }
}

// Held requests whose time has come: news, deadline, hang-up, end of service.
void RelayService::sweep() {
  auto news = relay_.news();
  bool changed = std::exchange(news_seen_, news) != news;
  auto at = now();
  std::erase_if(held_, [&](const std::shared_ptr<Job>& job) {
    if (job->gone) return true;
    if (holding_ && at < job->until && !(changed && relay_.has_news(*job->request))) return false;
    answer(*job, relay_.answer_held(*job->request));
    return true;
  });
}

void RelayService::answer(Job& job, Bytes bytes) {
  auto reply = std::exchange(job.reply, nullptr);
  int status = bytes.empty() ? 404 : 200;
  reply({.status = status, .body = std::move(bytes)});
}

void RelayService::tend_when_due() {
  if (now() - tended_ < kTendEvery) return;
  tended_ = now();
  auto tended = relay_.tend();
  if (!tended.ok()) log_.event("tending_failed", {{"why", tended.error().message}});
}

void RelayService::note_health() {
  auto health = relay_.unhealthy();
  if (health == health_) return;
  log_.event(health.empty() ? "healthy_again" : "unhealthy",
             health.empty() ? nlohmann::ordered_json::object() : nlohmann::ordered_json{{"why", health}});
  health_ = health;
}

std::string RelayService::metrics() {
  auto m = relay_.metrics();
  std::string out;
  auto line = [&](const char* name, const char* type, uint64_t value) {
    out += std::string("# TYPE lysoen_relay_") + name + " " + type + "\nlysoen_relay_" + name + " " +
           std::to_string(value) + "\n";
  };
  line("requests_total", "counter", m.requests);
  line("requests_refused_total", "counter", m.refused);
  line("requests_answered_total", "counter", m.answered);
  line("commits_total", "counter", m.commits);
  line("commit_failures_total", "counter", m.commit_failures);
  line("entries_stored_total", "counter", m.entries_stored);
  line("bytes_stored_total", "counter", m.bytes_stored);
  line("receipts_total", "counter", m.receipts);
  line("held", "gauge", m.held_now);
  line("forks_total", "counter", m.forks);
  line("stale_counters_total", "counter", m.stale_counters);
  line("two_places_total", "counter", m.two_places);
  line("healthy", "gauge", relay_.unhealthy().empty() ? 1 : 0);
  return out;
}

}  // namespace lysoen::relayd
