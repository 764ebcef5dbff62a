// Sync and joining as a machine that the app drives: Client and JoinClient on a PullStack.
#include <lysoen/sync/sync.h>

#include "platforms/c/handle.h"
#include "platforms/c/pull_stack.h"

using namespace lysoen;
using namespace lysoen::c;
using std::chrono::milliseconds;

struct lysoen_sync {
  explicit lysoen_sync(std::shared_ptr<Vault> shared)
      : vault(std::move(shared)), stack(system_environment().clock), step(), shown() {}

  std::shared_ptr<Vault> vault;
  PullStack stack;
  SyncProgress progress;
  std::string forecast;  // as shown
  uint64_t exchanges = 0, refused = 0, join_requests = 0;
  bool done = false, joined = false;
  std::optional<Error> failure;
  lysoen_sync_step step;
  lysoen_sync_progress shown;
  // Last, so that they go first: they use what is above.
  std::unique_ptr<Client> client;
  std::unique_ptr<JoinClient> join;
};

namespace {

constexpr milliseconds kWaitMax = std::chrono::seconds(60);
constexpr lysoen_sync_step kDone = {LYSOEN_SYNC_DONE, 0, nullptr, nullptr, 0, 0, 0, 0};

void finish(lysoen_sync& sync, std::optional<Error> failure) {
  sync.done = true;
  sync.failure = std::move(failure);
}

void start_sync(lysoen_sync& sync, SyncOptions options) {
  options.progress = [&sync](const SyncProgress& progress) { sync.progress = progress; };
  sync.client = std::make_unique<Client>(sync.vault->sync_peer(), sync.vault->entries(), sync.stack, sync.stack,
                                         system_environment(), std::move(options));
  sync.client->start([&sync](SyncOutcome outcome) {
    sync.exchanges = outcome.exchanges;
    sync.refused = outcome.refused.size() + outcome.refused_more;
    sync.join_requests = outcome.join_requests;
    sync.progress.entries_sent = outcome.entries_sent;
    sync.progress.entries_received = outcome.entries_received;
    sync.progress.bytes_up = outcome.bytes_up;
    sync.progress.bytes_down = outcome.bytes_down;
    sync.progress.waiting.clear();
    sync.progress.bytes_left = outcome.failure ? sync.progress.bytes_left : 0;
    finish(sync, std::move(outcome.failure));
  });
}

void welcomed(lysoen_sync& sync, JoinOutcome outcome) {
  sync.progress.bytes_up = outcome.bytes_up;
  sync.progress.bytes_down = outcome.bytes_down;
  if (!outcome.welcome) return finish(sync, std::move(outcome.failure));
  auto member = sync.vault->finish_join(*outcome.welcome);
  sync.joined = member.ok();
  finish(sync, member.ok() ? std::nullopt : std::optional(member.error()));
}

void start_join(lysoen_sync& sync, Vault::Joining joining, milliseconds wait) {
  JoinErrand errand{.relays = std::move(joining.relays),
                    .team = joining.team,
                    .invite_id = joining.invite_id,
                    .request = std::move(joining.request)};
  errand.sign = [&sync](std::string_view label, ByteView message) {
    return sync.vault->sign_as_invited(label, message);
  };
  sync.join = std::make_unique<JoinClient>(std::move(errand), sync.stack, sync.stack, system_environment(),
                                           JoinOptions{.wait = wait});
  sync.join->start([&sync](JoinOutcome outcome) { welcomed(sync, std::move(outcome)); });
}

lysoen_sync_step post_step(const PullStack::Out& out) {
  auto& request = *out.request;
  return {LYSOEN_SYNC_POST,    out.ticket,
          request.url.c_str(), request.body.data(),
          request.body.size(), request.deadline.count(),
          request.answer_max,  0};
}

lysoen_sync_step next_step(lysoen_sync& sync) {
  sync.stack.run(sync.done);
  if (sync.done) return kDone;
  if (auto out = sync.stack.take()) return post_step(*out);
  return {LYSOEN_SYNC_WAIT, 0, nullptr, nullptr, 0, 0, 0, sync.stack.next_timer(kWaitMax).count()};
}

}  // namespace

extern "C" {

lysoen_code lysoen_sync_begin(lysoen_vault* vault, const lysoen_sync_options* options, lysoen_sync** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(out);
    LYSOEN_ASSIGN(auto chosen, read_struct(options, lysoen_sync_options(LYSOEN_SYNC_OPTIONS_INIT)));
    if (chosen.deadline_ms <= 0 || chosen.exchange_deadline_ms <= 0 || chosen.tries <= 0)
      return make_error(ErrorCode::usage, "deadlines and tries are above zero");
    if (chosen.wait_ms < 0) return make_error(ErrorCode::usage, "the time to wait is not below zero");
    auto sync = std::make_unique<lysoen_sync>(vault->vault);
    start_sync(*sync, {.scope = chosen.text_only ? SyncScope::text : SyncScope::everything,
                       .bytes_max = chosen.bytes_max,
                       .deadline = milliseconds(chosen.deadline_ms),
                       .exchange_deadline = milliseconds(chosen.exchange_deadline_ms),
                       .tries = chosen.tries,
                       .poll = milliseconds(chosen.wait_ms)});
    *out = sync.release();
    return {};
  });
}

lysoen_code lysoen_sync_begin_join(lysoen_vault* vault, int64_t wait_ms, lysoen_sync** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(out);
    if (wait_ms < 0) return make_error(ErrorCode::usage, "the time to wait is not below zero");
    LYSOEN_ASSIGN(auto joining, vault->vault->joining());
    if (!joining)
      return make_error(ErrorCode::not_found, "no join request waits in this vault", "take an invite first");
    auto sync = std::make_unique<lysoen_sync>(vault->vault);
    start_join(*sync, std::move(*joining), milliseconds(wait_ms));
    *out = sync.release();
    return {};
  });
}

const lysoen_sync_step* lysoen_sync_next(lysoen_sync* sync) {
  if (!sync) return &kDone;
  auto code = guarded([&]() -> Result<void> {
    sync->step = next_step(*sync);
    return {};
  });
  if (code == LYSOEN_OK) return &sync->step;
  // Only for want of memory: the error is this thread's last one, and lysoen_sync_result says so again.
  sync->done = true;
  sync->failure = Error{ErrorCode::internal, "out of memory", {}};  // short enough to need none
  return &kDone;
}

lysoen_code lysoen_sync_answer(lysoen_sync* sync, uint64_t ticket, const uint8_t* body, size_t size) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(sync);
    LYSOEN_C_REQUIRE(body || size == 0);
    sync->stack.answer(ticket, bytes_of(body, size));
    return {};
  });
}

lysoen_code lysoen_sync_part(lysoen_sync* sync, uint64_t ticket, const uint8_t* so_far, size_t size) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(sync);
    LYSOEN_C_REQUIRE(so_far || size == 0);
    sync->stack.part(ticket, bytes_of(so_far, size));
    return {};
  });
}

lysoen_code lysoen_sync_no_answer(lysoen_sync* sync, uint64_t ticket, const uint8_t* body, size_t size) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(sync);
    LYSOEN_C_REQUIRE(body || size == 0);
    sync->stack.fail(ticket, bytes_of(body, size), "the relay did not answer");
    return {};
  });
}

const lysoen_sync_progress* lysoen_sync_get_progress(lysoen_sync* sync) {
  if (!sync) return nullptr;
  auto& progress = sync->progress;
  sync->forecast = forecast_text(progress);
  sync->shown = {progress.entries_sent,
                 progress.entries_received,
                 progress.entries_left,
                 progress.bytes_up,
                 progress.bytes_down,
                 progress.more_to_come && !sync->done,
                 sync->joined,
                 progress.waiting.c_str(),
                 sync->exchanges,
                 sync->refused,
                 sync->join_requests,
                 progress.bytes_left,
                 progress.bytes_per_second,
                 sync->forecast.c_str()};
  return &sync->shown;
}

lysoen_code lysoen_sync_result(lysoen_sync* sync) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(sync);
    if (!sync->done) return make_error(ErrorCode::usage, "the sync is not done", "go on with lysoen_sync_next");
    if (sync->failure) return *sync->failure;
    return {};
  });
}

void lysoen_sync_free(lysoen_sync* sync) {
  delete sync;
}

}  // extern "C"
