// Requests: the sieve on any thread, group commits and answers on the writer strand.
#include <algorithm>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/try.h"
#include "sync/relay/relay_impl.h"

namespace lysoen::relay {

using session::Intake;

namespace {

// Ids are hashes: their bits are as good as drawn.
template <class IdType>
uint64_t mark_of(const IdType& id) {
  return uint64_t{1} << (id.bytes[0] % 64);
}

}  // namespace

// -- Any thread -----------------------------------------------------------------------------------------------------

std::unique_ptr<RelayRequest> RelayImpl::begin() {
  std::shared_ptr<const session::RelayKeys> keys;
  {
    std::lock_guard guard(mutex_);
    keys = keys_;
    ++metrics_.requests;
  }
  session::RelayExchange exchange(std::move(keys), environment_.clock.wall(), environment_.random);
  return std::make_unique<Request>(*this, std::move(exchange));
}

Request::~Request() {
  if (held_) --relay_.held_now_;
}

Sift Request::take(ByteView piece) {
  bool was_open = intake_ == Intake::opened;
  intake_ = exchange_.take(piece);
  if (intake_ == Intake::more) return Sift::unknown;
  if (intake_ == Intake::refused) return sift_ = Sift::refused;
  return was_open ? sift_ : sift_ = sift();
}

Sift Request::end() {
  if (ended_) return sift_;
  ended_ = true;
  intake_ = exchange_.finish();
  if (intake_ == Intake::refused) sift_ = Sift::refused;
  return sift_;
}

Hash Request::sender() const {
  return exchange_.is_join() ? Hash{exchange_.invite_key()} : Hash{exchange_.device().bytes};
}

bool Request::brings() const {
  return intake_ == Intake::opened &&
         (exchange_.batch_bytes() > 0 || exchange_.brings_objects() || exchange_.is_begun());
}

Sift Request::sift() {
  std::shared_ptr<const Store::Admitted> admitted;
  {
    std::lock_guard guard(relay_.mutex_);
    admitted = relay_.admitted_;
  }
  auto team = admitted->teams.find(exchange_.team());
  if (team == admitted->teams.end()) return Sift::stranger;
  if (exchange_.is_join()) {
    Hash invite{exchange_.invite_key()};
    const auto& invites = team->second.invites;
    auto at = std::lower_bound(invites.begin(), invites.end(), std::pair(invite, WallTime::min()));
    return at != invites.end() && at->first == invite ? Sift::admitted : Sift::stranger;
  }
  const auto& devices = team->second.devices;
  bool known = team->second.open || std::binary_search(devices.begin(), devices.end(), exchange_.device());
  return known ? Sift::admitted : Sift::stranger;
}

// -- The writer strand ----------------------------------------------------------------------------------------------

/// One transaction of the container. If it fails nothing of it stands and the caches are dropped.
Result<void> RelayImpl::commit(Kind kind, const std::function<Result<void>()>& work) {
  if (LYSOEN_FAULT(receipts_before_durable)) kind = Kind::plain;
  auto counted = [&]() -> Result<void> {
    LYSOEN_TRY(work());
    LYSOEN_TRY(blobs_->sync());
    return kind == Kind::plain ? Result<void>() : store_->count_commit();
  };
  Result<void> done;
  if (kind == Kind::save) {
    auto saved = container_->save([&](storage::Database&, uint64_t) -> Result<Bytes> {
      LYSOEN_TRY(counted());
      return store_->take_record();
    });
    if (!saved) done = std::move(saved).error();
  } else if (kind == Kind::durable) {
    done = container_->durable([&](storage::Database&) { return counted(); });
  } else {
    done = container_->plain([&](storage::Database&) { return counted(); });
  }
  (void)store_->take_record();
  if (done && kind != Kind::plain && state_file_) {
    auto epoch = store_->epoch();
    auto commits = store_->commits();
    if (epoch && commits) done = state_file_->write({*epoch, *commits});
  }
  if (!done) store_->forget();
  std::lock_guard guard(mutex_);
  unhealthy_ = done ? std::string() : done.error().message;
  ++(done ? metrics_.commits : metrics_.commit_failures);
  return done;
}

void RelayImpl::commit_group(Kind kind, const std::vector<Request*>& group) {
  if (group.empty()) return;
  auto done = commit(kind, [&]() -> Result<void> {
    for (auto* request : group) LYSOEN_TRY(request->exchange_.apply(*store_));
    return {};
  });
  for (auto* request : group)
    if (!done) request->failure_ = done.error();
  settle_counts();
}

Store::Counts RelayImpl::settle_counts() {
  auto counts = store_->take_counts();
  if (counts.entries > 0 || store_->admission_changed()) ++news_;
  note_news();
  refresh_admitted();
  std::lock_guard guard(mutex_);
  metrics_.entries_stored += counts.entries;
  metrics_.bytes_stored += counts.bytes;
  metrics_.forks += counts.forks;
  metrics_.stale_counters += counts.stale_counters;
  metrics_.two_places += counts.two_places;
  metrics_.receipts += counts.receipts;
  metrics_.chunks_stored += counts.chunks;
  metrics_.blobs_whole += counts.blobs;
  return counts;
}

uint64_t RelayImpl::interests(const RelayRequest& held) const {
  const auto& request = static_cast<const Request&>(held);
  uint64_t marks = mark_of(request.exchange_.team());
  for (const auto& mailbox : request.watched_) marks |= mark_of(mailbox);
  return marks;
}

void RelayImpl::note_news() {
  auto news = store_->take_news();
  if (news.mailboxes.empty() && news.teams.empty()) return;
  uint64_t number = news_ + 1;
  for (const auto& mailbox : news.mailboxes) mailbox_news_[mailbox] = number, news_marks_ |= mark_of(mailbox);
  for (const auto& team : news.teams) team_news_[team] = number, news_marks_ |= mark_of(team);
  news_ = number;
}

/// What may bring a held request news from now on.
Result<void> RelayImpl::watch(Request& request) {
  request.looked_at_ = news_;
  request.watched_.clear();
  LYSOEN_ASSIGN(auto readable, store_->mailboxes(request.exchange_.team(), request.exchange_.device()));
  for (const auto& mailbox : readable) request.watched_.push_back(mailbox.audience);
  return {};
}

std::vector<Handled> RelayImpl::handle(std::span<RelayRequest* const> requests, size_t answer_max) {
  std::vector<Request*> objects, polls, group;
  std::vector<std::vector<Request*>> saves;
  size_t group_size = 0, size_max = container_->payload_max();
  for (auto* given : requests) {
    auto* request = static_cast<Request*>(given);
    request->failure_.reset();
    if ((!request->portion_ && request->end() == Sift::refused) || request->intake_ != Intake::opened) continue;
    size_t size = request->exchange_.batch_bytes();
    if (request->exchange_.brings_objects() || size > size_max) {
      objects.push_back(request);
    } else if (size == 0) {
      polls.push_back(request);
    } else {
      if (group_size + size > size_max) saves.push_back(std::exchange(group, {})), group_size = 0;
      group.push_back(request);
      group_size += size;
    }
  }
  saves.push_back(std::move(group));
  commit_group(Kind::durable, objects);
  for (const auto& save : saves) commit_group(Kind::save, save);
  commit_group(Kind::plain, polls);

  std::vector<Handled> handled;
  for (auto* given : requests) {
    auto* request = static_cast<Request*>(given);
    Handled result;
    if (std::exchange(request->portion_, false)) {
      request->exchange_.settle(!request->failure_);
      handled.push_back({});
      continue;
    }
    if (request->intake_ == Intake::opened && request->sift_ != Sift::refused) {
      auto hold = request->failure_ ? Result<bool>(false) : request->exchange_.may_hold(*store_);
      if (hold && *hold && watch(*request)) {
        result.hold = request->exchange_.wait();
        if (!request->held_) request->held_ = true, ++held_now_;
      } else {
        result.answer = answer(*request, answer_max);
      }
    }
    if (result.answer.empty() && result.hold.count() == 0) {
      std::lock_guard guard(mutex_);
      ++metrics_.refused;
    }
    handled.push_back(std::move(result));
  }
  settle_counts();
  return handled;
}

Bytes RelayImpl::answer(Request& request, size_t answer_max) {
  auto answer = request.exchange_.answer(*store_, request.failure_ ? &*request.failure_ : nullptr, answer_max);
  std::lock_guard guard(mutex_);
  if (!answer) {
    unhealthy_ = answer.error().message;
    return {};
  }
  ++metrics_.answered;
  return std::move(*answer);
}

bool RelayImpl::has_news(RelayRequest& held) {
  auto& request = static_cast<Request&>(held);
  uint64_t since = request.looked_at_;
  auto newer = [&](const auto& all, const auto& key) {
    auto at = all.find(key);
    return at != all.end() && at->second > since;
  };
  bool touched = newer(team_news_, request.exchange_.team());
  for (const auto& mailbox : request.watched_) touched = touched || newer(mailbox_news_, mailbox);
  if (!touched) return false;
  auto hold = request.exchange_.may_hold(*store_);
  return !hold || !*hold || !watch(request);
}

Bytes RelayImpl::answer_held(RelayRequest& held) {
  auto& request = static_cast<Request&>(held);
  if (request.held_) request.held_ = false, --held_now_;
  return answer(request);
}

}  // namespace lysoen::relay
