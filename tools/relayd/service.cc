#include "tools/relayd/service.h"

#include <algorithm>
#include <future>

namespace lysoen::relayd {

namespace {

using namespace std::chrono_literals;

constexpr size_t kTogetherMax = 256;     // requests in one commit
constexpr size_t kPullsTogether = 8;     // that only ask, between two commits; one after some that took long
constexpr size_t kPullBusy = 64 * 1024;  // bytes of an answer to one that only asks, while reports come in
constexpr int kPullRest = 3;             // times as long as it took others go first, after one that
constexpr auto kPullLong = 2ms;          // took this long, while there are
constexpr auto kPushedLately = 1s;       // reports to take in
// A request that comes slowly is stored as it comes: at most so often, since each is a commit that others share.
constexpr auto kPortionEvery = 20ms;
constexpr uint64_t kPortionMin = 16 * 1024;
constexpr size_t kDueTogether = 32;     // held until now, between two commits
constexpr size_t kWaitingMax = 8192;    // requests waiting for the writer
constexpr uint64_t kSmall = 64 * 1024;  // a request that goes on when memory runs short
constexpr auto kSweepEvery = 100ms;     // looks for hang-ups and deadlines among held requests
constexpr auto kNewsEvery = 20ms;       // for all who wait; a burst of commits is one look
constexpr auto kTick = 500ms;
constexpr auto kTendEvery = 15min;

}  // namespace

Job::~Job() {
  service.bytes_pending_ -= bytes;
  service.end_counting(*this);
}

class RelayService::Exchange final : public net::Incoming {
 public:
  explicit Exchange(RelayService& service) : service_(service), job_(std::make_shared<Job>(service)) {
    job_->request = service.relay_.begin();
    job_->portion_at = service.now();
  }
  ~Exchange() override { job_->gone = true; }

  void take(Bytes piece, Next next) override {
    job_->bytes += piece.size();
    service_.bytes_pending_ += piece.size();
    if (!service_.has_room(*job_)) return next(net::Piece::busy);
    switch (job_->request->take(piece)) {
      case relay::Sift::unknown:
        return next(net::Piece::unknown);
      case relay::Sift::admitted:
        if (!service_.begin_counting(*job_)) return next(net::Piece::crowded);
        if (!portion_due() || !job_->request->portion()) return next(net::Piece::admitted);
        job_->portion_bytes = job_->bytes;
        job_->next = std::move(next);
        return service_.enqueue(job_);
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
    job_->came = service_.now();
    service_.enqueue(job_);
  }

 private:
  bool portion_due() const {
    return job_->bytes - job_->portion_bytes >= kPortionMin && service_.now() - job_->portion_at >= kPortionEvery;
  }
  RelayService& service_;
  std::shared_ptr<Job> job_;
};

RelayService::RelayService(relay::Relay& relay, const ServiceLimits& limits, Environment environment, Log& log)
    : relay_(relay), limits_(limits), environment_(environment), log_(log), writer_([this] { write(); }) {}

RelayService::~RelayService() {
  stop();
}

std::shared_ptr<net::Incoming> RelayService::begin() {
  return std::make_shared<Exchange>(*this);
}

// Large requests that come slowly must not take the place of small ones: from half of the memory on these alone go on.
bool RelayService::has_room(const Job& job) const {
  uint64_t most = job.bytes <= kSmall ? limits_.bytes_max : limits_.bytes_max / 2;
  return bytes_pending_ <= most;
}

// Nobody's requests may fill the queue: false if the sender has enough under way.
bool RelayService::begin_counting(Job& job) {
  if (job.counted) return true;
  job.sender = job.request->sender();
  std::lock_guard lock(senders_mutex_);
  auto& under_way = senders_[job.sender];
  if (under_way >= limits_.exchanges_per_sender) return false;
  ++under_way;
  job.counted = true;
  return true;
}

void RelayService::end_counting(Job& job) {
  if (!job.counted.exchange(false)) return;
  std::lock_guard lock(senders_mutex_);
  auto at = senders_.find(job.sender);
  if (--at->second == 0) senders_.erase(at);
}

void RelayService::enqueue(std::shared_ptr<Job> job) {
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    auto& queue = job->next || job->request->brings() ? pushes_ : pulls_;
    full = queue.size() >= kWaitingMax || stopping_;
    if (!full) queue.push_back(job);
  }
  if (full && job->next) return std::exchange(job->next, nullptr)(net::Piece::busy);
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
  pushes_.clear();
  pulls_.clear();
  held_.clear();
  due_.clear();
  held_by_.clear();
}

void RelayService::write() {
  tended_ = now();
  while (!stopping_) {
    std::vector<std::shared_ptr<Job>> pushes, pulls;
    std::vector<std::function<void()>> tasks;
    bool busy = false;
    {
      std::unique_lock lock(mutex_);
      std::chrono::nanoseconds tick = relay_.news() == news_seen_ ? std::chrono::milliseconds(kTick) : kNewsEvery;
      if (!pulls_.empty()) tick = std::clamp<std::chrono::nanoseconds>(pulls_from_ - now(), 0ns, tick);
      auto may_pull = [&] { return !pulls_.empty() && now() >= pulls_from_; };
      work_.wait_for(lock, tick, [&] {
        return stopping_ || !pushes_.empty() || may_pull() || !tasks_.empty() || !due_.empty() ||
               (!holding_ && !held_.empty());
      });
      auto take = [](auto& from, auto& to, size_t most) {
        auto end = from.begin() + static_cast<ptrdiff_t>(std::min(from.size(), most));
        to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
        from.erase(from.begin(), end);
      };
      take(pushes_, pushes, kTogetherMax);
      busy = !pushes.empty() || now() - pushed_ < kPushedLately;
      // Who only asked and has gone waits for nothing; readers that break off and come again would be a queue of
      // answers.
      while (!pulls_.empty() && pulls_.front()->gone) pulls_.pop_front();
      if (may_pull()) take(pulls_, pulls, pull_alone_ ? 1 : kPullsTogether);
      tasks.swap(tasks_);
    }
    for (auto& task : tasks) task();
    if (!pushes.empty()) pushed_ = now();
    handle(pushes);
    auto began = now();
    handle(pulls, busy ? kPullBusy : 0);
    auto took = now() - began;
    if (!pulls.empty()) pull_alone_ = took >= kPullLong;
    if (took >= kPullLong && began - pushed_ < kPushedLately) pulls_from_ = began + took * (1 + kPullRest);
    sweep();
    answer_due();
    note_health();
    tend_when_due();
  }
}

void RelayService::handle(const std::vector<std::shared_ptr<Job>>& jobs, size_t answer_max) {
  if (jobs.empty()) return;
  std::vector<relay::RelayRequest*> requests;
  for (auto& job : jobs) requests.push_back(job->request.get());
  auto began = now();
  auto handled = relay_.handle(requests, answer_max);
  auto done = now();
  metrics_.committed(jobs.size(), done - began);
  for (size_t i = 0; i < jobs.size(); ++i) {
    auto& job = jobs[i];
    if (job->next) {
      job->portion_at = done;
      std::exchange(job->next, nullptr)(net::Piece::admitted);
      continue;
    }
    if (!job->reply) continue;
    if (handled[i].hold.count() > 0 && handled[i].answer.empty()) {
      job->until = done + handled[i].hold;
      hold(job);
    } else {
      metrics_.answered(done - job->came);
      answer(*job, std::move(handled[i].answer));
    }
  }
}

// A long poll takes no place among its sender's exchanges. Of too many the oldest is answered: its connection has most
// likely been dead for long.
void RelayService::hold(std::shared_ptr<Job> job) {
  end_counting(*job);
  if (++held_by_[job->sender] > limits_.exchanges_per_sender) {
    auto oldest =
        std::find_if(held_.begin(), held_.end(), [&](const auto& held) { return held.job->sender == job->sender; });
    release(oldest->job);
    held_.erase(oldest);
  }
  uint64_t interests = relay_.interests(*job->request);
  held_.push_back({interests, std::move(job)});
}

// Held requests whose time has come: news, deadline, hang-up, end of service.
void RelayService::sweep() {
  auto at = now();
  bool all = !holding_ || at - swept_ >= kSweepEvery;
  bool news = relay_.news() != news_seen_ && at - looked_ >= kNewsEvery;
  if (!all && !news) return;
  if (all) swept_ = at;
  uint64_t marks = 0;
  if (news) looked_ = at, news_seen_ = relay_.news(), marks = relay_.news_marks();
  std::erase_if(held_, [&](Held& held) {
    auto& job = *held.job;
    bool due = all && (job.gone || !holding_ || at >= job.until);
    if (!due && (held.interests & marks)) {
      due = relay_.has_news(*job.request);
      held.interests = relay_.interests(*job.request);
    }
    if (due) release(held.job);
    return due;
  });
}

// A request that was held until now. Nobody waits for one whose connection broke.
void RelayService::release(std::shared_ptr<Job> job) {
  auto at = held_by_.find(job->sender);
  if (--at->second == 0) held_by_.erase(at);
  if (!job->gone) due_.push_back(std::move(job));
}

// A roster or a word to all wakes thousands: they are answered between the commits of others.
void RelayService::answer_due() {
  for (size_t i = 0; i < kDueTogether && !due_.empty(); ++i) {
    auto job = std::move(due_.front());
    due_.pop_front();
    if (!job->gone) answer(*job, relay_.answer_held(*job->request));
  }
}

void RelayService::answer(Job& job, Bytes bytes) {
  auto reply = std::exchange(job.reply, nullptr);
  int status = bytes.empty() ? 404 : 200;
  // What was asked is done with; the answer is what a slow reader keeps in memory now.
  job.request.reset();
  bytes_pending_ += bytes.size();
  bytes_pending_ -= job.bytes.exchange(bytes.size());
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

std::string RelayService::metrics(const net::ListenerCounts& listener) {
  return metrics_.text(relay_.metrics(), listener, bytes_pending_, relay_.unhealthy().empty());
}

}  // namespace lysoen::relayd
