#include "sync/client/sync_run.h"

#include <algorithm>

#include "core/base/fault.h"

namespace lysoen::client {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kCancelPoll = 200ms;
constexpr auto kDeadlineGrace = 250ms;  // for the carrier, which gives up at the deadline too, to say why
constexpr size_t kRefusedMax = 100;
constexpr int kIdleAnswersMax = 16;  // answers in a row that promise more and bring nothing of use
constexpr int kTurnsInARow = 16;     // exchanges, then another relay that is ready has as many
// What a relay may make a device carry for nothing. Beside each byte of use there may be another (padding, proofs,
// lists) and of each exchange that was of use these; what goes beyond adds up to the limit, or to a quarter of a data
// budget.
constexpr uint64_t kBesideUse = 4 * 1024, kOfNoUseMax = 2 * 1024 * 1024, kOfNoUseMin = 16 * 1024;
constexpr size_t kProbeAbove = 16 * 1024;  // what may go again unasked: one batch. After a cut with more under way, ask
constexpr size_t kExchangeMin = 4 * 1024;  // bytes of a budget that carry an exchange with nothing new
constexpr size_t kAnswerSlack = 512 * 1024;  // answer_max is advice: an entry, a roster part and padding may exceed it

/// Plain HTTP that a network gets to see.
bool stands_out(std::string_view url) {
  if (!url.starts_with("http://")) return false;
  auto host = url.substr(7);
  if (host.starts_with("[::1]")) return false;
  host = host.substr(0, host.find_first_of(":/"));
  return host != "localhost" && !host.ends_with(".onion") &&
         !(host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

milliseconds to_ms(nanoseconds time) {
  return std::chrono::ceil<milliseconds>(time);
}

}  // namespace

SyncRun::SyncRun(std::vector<RelayInfo> relays, MakeExchanger make, Carrier& carrier, Loop& loop,
                 Environment environment, SyncOptions options)
    : make_(std::move(make)), carrier_(carrier), loop_(loop), environment_(environment), options_(std::move(options)) {
  for (auto& relay : relays) {
    RelayLine line{
        .info = std::move(relay), .exchanger = nullptr, .window = Window(options_.window_min, options_.window_max)};
    line.outcome.relay = line.info.id;
    if (!line.info.urls.empty()) line.outcome.url = line.info.urls.front();
    if (!options_.plain_http) line.passed_over = std::erase_if(line.info.urls, stands_out) > 0;
    lines_.push_back(std::move(line));
  }
}

void SyncRun::start(Client::Done done) {
  done_ = std::move(done);
  marked_ = now();
  deadline_ = now() + options_.deadline;
  std::weak_ptr<SyncRun> self = weak_from_this();
  deadline_timer_ = loop_.after(options_.deadline + kDeadlineGrace, [self] {
    auto run = self.lock();
    if (!run) return;
    run->deadline_timer_ = 0;
    run->out_of_time();
  });
  if (options_.cancelled) watch_cancel();
  step_soon();
}

void SyncRun::out_of_time() {
  end(verdict(make_error(ErrorCode::no_network, "sync is not finished within its time; what was exchanged stays",
                         "sync again to go on from there")));
}

void SyncRun::watch_cancel() {
  std::weak_ptr<SyncRun> self = weak_from_this();
  cancel_timer_ = loop_.after(kCancelPoll, [self] {
    auto run = self.lock();
    if (!run || run->ended_) return;
    run->cancel_timer_ = 0;
    if (run->options_.cancelled())
      return run->end(make_error(ErrorCode::cancelled, "sync was cancelled; nothing is lost"));
    run->watch_cancel();
  });
}

void SyncRun::step_soon() {
  std::weak_ptr<SyncRun> self = weak_from_this();
  loop_.post([self] {
    if (auto run = self.lock()) run->step();
  });
}

void SyncRun::drop() {
  ended_ = true;
  carrier_.cancel(std::exchange(ticket_, 0));
  for (auto* timer : {&timer_, &deadline_timer_, &cancel_timer_}) loop_.cancel(std::exchange(*timer, 0));
}

void SyncRun::end(std::optional<Error> failure) {
  if (ended_) return;
  drop();
  outcome_.failure = std::move(failure);
  if (!outcome_.failure) {  // another relay finished; of this one a person should know all the same
    for (const auto& line : lines_)
      if (line.babbled) note(line.outcome.failure->message);
  }
  for (auto& line : lines_) outcome_.relays.push_back(std::move(line.outcome));
  auto done = std::move(done_);
  auto outcome = std::move(outcome_);
  if (done) done(std::move(outcome));
}

bool SyncRun::finished_one() const {
  return std::any_of(lines_.begin(), lines_.end(), [](const RelayLine& line) { return line.outcome.finished; });
}

// Why nothing was finished: what the first relay said, unless a later one said something that time does not heal;
// `otherwise` if none failed.
std::optional<Error> SyncRun::verdict(Error otherwise) const {
  if (finished_one()) return std::nullopt;
  const Error* why = nullptr;
  for (const auto& line : lines_) {
    if (!line.outcome.failure) continue;
    if (!why || (why->code == ErrorCode::no_network && line.outcome.failure->code != ErrorCode::no_network)) {
      why = &*line.outcome.failure;
    }
  }
  return why ? *why : std::move(otherwise);
}

void SyncRun::step() {
  if (ended_) return;
  if (now() >= deadline_) return out_of_time();
  if (options_.scope == SyncScope::nothing)
    return end(make_error(ErrorCode::cancelled, "nothing may be sent just now; all of it waits on this device"));
  if (auto* line = next_ready()) return exchange(*line);
  // Once one relay has finished, the others have had their chance when each was tried once.
  bool waiting = std::any_of(lines_.begin(), lines_.end(), [](const RelayLine& line) { return line.open(); });
  if (!waiting || finished_one())
    return end(verdict(make_error(ErrorCode::not_found, "cannot sync: the team has no relay",
                                  "an admin adds one with `lysoen team relay add`")));
  wait_for_next();
}

/// In the order of the roster, but none for ever: a relay that always has more must not keep another from its turn.
RelayLine* SyncRun::next_ready() {
  // Holding one open comes after the others had their turn.
  for (bool poll : {false, true}) {
    std::vector<RelayLine*> ready;
    for (auto& line : lines_)
      if (line.open() && line.poll == poll && line.ready_at <= now()) ready.push_back(&line);
    if (ready.empty()) continue;
    for (auto* line : ready)
      if (line->turns < kTurnsInARow || LYSOEN_FAULT(turns_not_taken)) return line;
    for (auto* line : ready) line->turns = 0;
    return ready.front();
  }
  return nullptr;
}

void SyncRun::wait_for_next() {
  nanoseconds at = deadline_;
  for (const auto& line : lines_)
    if (line.open()) at = std::min(at, line.ready_at);
  auto delay = to_ms(at - now());
  report("no answer, trying again in " + std::to_string((delay.count() + 999) / 1000) + " s");
  std::weak_ptr<SyncRun> self = weak_from_this();
  timer_ = loop_.after(delay, [self] {
    auto run = self.lock();
    if (!run) return;
    run->timer_ = 0;
    run->step();
  });
}

void SyncRun::exchange(RelayLine& line) {
  ++line.turns;
  if (line.info.urls.empty() && line.passed_over) {
    return abandon(line, make_error(ErrorCode::trust_refused,
                                    "cannot sync with the relay at " + line.outcome.url +
                                        ": the team's policy allows this device no plain HTTP",
                                    "an admin gives the relay an https address: `lysoen team relay add`"));
  }
  if (line.info.urls.empty()) {
    return abandon(line, make_error(ErrorCode::not_found, "cannot sync: the team's relay has no address",
                                    "an admin gives it one in the team's roster"));
  }
  auto budget = budget_left();
  if (budget && *budget < kExchangeMin) {
    return end(
        verdict(make_error(ErrorCode::partly_done, "the data budget of this sync is used up; what was exchanged stays",
                           "sync again with another budget: it goes on from there")));
  }
  if (!line.exchanger) line.exchanger = make_(line.info);
  auto wait = line.poll ? std::min<milliseconds>(options_.poll, 10min) : 0ms;
  // Half of what is left each way, since which way the bytes will go is not known, less what heads and padding add.
  uint64_t each_way = UINT64_MAX;
  if (budget) each_way = *budget / 16 * 7 - std::min<uint64_t>(*budget / 16 * 7, 1024);
  // Before this relay has said what it holds, a request that it has already may go again: what came of the last sync
  // nobody knows who was killed in it.
  const uint64_t window =
      line.outcome.exchanges > 0 ? line.window.request() : std::min(line.window.request(), kProbeAbove);
  session::RequestOptions request_options{
      .window = std::min(window, each_way),
      .wait_ms = static_cast<uint32_t>(wait.count()),
      .answer_max = static_cast<uint32_t>(std::min<uint64_t>(line.window.answer(), each_way)),
      .probe = line.probe,
      .attachments = options_.scope == SyncScope::everything,
      .list_only = !line.poll && another_finished(line)};
  auto request = line.exchanger->request(request_options);
  if (!request.ok()) return end(request.error());  // the vault's own trouble: no other relay will heal it
  auto sent = request->size();
  line.outcome.url = line.info.urls[line.url];
  auto left = std::max(to_ms(deadline_ - now()), milliseconds(1));
  std::weak_ptr<SyncRun> self = weak_from_this();
  auto index = static_cast<size_t>(&line - lines_.data());
  const auto number = ++asked_;
  ticket_ = carrier_.send({.url = line.outcome.url,
                           .body = std::move(*request),
                           .deadline = std::min(options_.exchange_deadline + wait, left),
                           .answer_max = line.window.answer() + kAnswerSlack,
                           .part =
                               [self, index, number](ByteView so_far) {
                                 if (auto run = self.lock()) run->coming(index, number, so_far);
                               }},
                          [self, index, sent, began = now()](CarrierAnswer answer) {
                            auto run = self.lock();
                            if (!run || run->ended_) return;
                            run->ticket_ = 0;
                            run->answered(run->lines_[index], sent, began, std::move(answer));
                          });
}

/// What the team wrote most relays have: who has read one asks the next for its list.
bool SyncRun::another_finished(const RelayLine& line) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const RelayLine& other) { return &other != &line && other.outcome.finished; });
}

/// Stored while it comes. Of an exchange that is over, or before the carrier has said which it is, nothing is.
void SyncRun::coming(size_t index, uint64_t number, ByteView so_far) {
  if (!ended_ && ticket_ != 0 && number == asked_) lines_[index].exchanger->part(so_far);
}

void SyncRun::answered(RelayLine& line, size_t sent, nanoseconds began, CarrierAnswer answer) {
  outcome_.bytes_up += answer.bytes_up;
  outcome_.bytes_down += answer.bytes_down;
  bool long_poll = std::exchange(line.poll, false);
  if (long_poll) marked_ = now();  // held for news: says nothing of the link
  // Bytes of an answer are worth reading even if it was cut: what came whole is taken. Bytes that are no answer at all
  // (a relay that could not open the request hangs up) tell the exchange to try its other key.
  bool something_came = answer.bytes_down > 0;
  if (!answer.ok() && !something_came) return failed(line, answer, *answer.failure);
  auto outcome = line.exchanger->response(answer.body);
  if (!outcome.ok()) {
    auto why = outcome.error().code == ErrorCode::no_network && answer.failure ? *answer.failure : outcome.error();
    if (why.code != ErrorCode::no_network && outcome.error().code != ErrorCode::no_network) return abandon(line, why);
    return failed(line, answer, why);
  }
  if (!answer.ok() || outcome->cut) {
    line.window.stalled();
    line.probe = sent > kProbeAbove;
  } else {
    line.probe = false;
    if (!long_poll) line.window.carried(sent, answer.body.size(), now() - began);
  }
  mark(sent);
  took(line, *outcome, sent + answer.body.size());
}

/// So much went through since the last mark.
void SyncRun::mark(uint64_t moved) {
  rate_.passed(now() - std::exchange(marked_, now()), moved);
}

std::optional<uint64_t> SyncRun::budget_left() const {
  if (options_.bytes_max == 0) return std::nullopt;
  return options_.bytes_max - std::min(options_.bytes_max, outcome_.bytes_up + outcome_.bytes_down);
}

void SyncRun::took(RelayLine& line, const session::ExchangeOutcome& outcome, size_t carried) {
  ++line.outcome.exchanges;
  line.outcome.failure.reset();
  line.failures = line.rounds = 0;
  line.tried_other_key = false;
  line.entries_left = outcome.entries_left;
  line.bytes_left = outcome.bytes_left + outcome.blobs_left.to_send;
  line.bytes_to_come = outcome.blobs_left.to_fetch;
  count(outcome);
  bool moved = of_use(line, outcome.useful, carried);
  line.idle_answers = moved ? 0 : line.idle_answers + 1;
  more_to_come_ = outcome.more_to_fetch;
  line.outcome.finished = !outcome.more();
  line.babbled = !line.outcome.finished && (line.idle_answers > kIdleAnswersMax || babbles(line));
  if (line.babbled) {
    return abandon(line, make_error(ErrorCode::no_network,
                                    "the relay at " + line.outcome.url +
                                        " promises more and brings nothing of use; left for this time",
                                    "nothing is lost; tell the relay's operator if it stays"));
  }
  if (!moved) line.turns = kTurnsInARow;  // another one first
  if (line.outcome.finished && options_.poll.count() > 0) line.poll = !std::exchange(polled_, true);
  report({});
  step_soon();
}

/// Whether an exchange was of use; what it carried beside that is added up.
bool SyncRun::of_use(RelayLine& line, uint64_t useful, size_t carried) {
  const uint64_t allowed = useful > 0 ? 2 * useful + kBesideUse : 0;
  line.of_no_use += carried;
  line.of_no_use -= std::min(line.of_no_use, allowed);
  return useful > 0;
}

bool SyncRun::babbles(const RelayLine& line) const {
  uint64_t most = kOfNoUseMax;
  if (options_.bytes_max > 0) most = std::clamp(options_.bytes_max / 4, kOfNoUseMin, kOfNoUseMax);
  return line.of_no_use > most;
}

void SyncRun::count(const session::ExchangeOutcome& outcome) {
  ++outcome_.exchanges;
  outcome_.entries_sent += outcome.entries_sent;
  outcome_.entries_received += outcome.entries_received;
  outcome_.join_requests += outcome.join_requests;
  outcome_.files_sent += outcome.blobs_held;
  for (const auto& refused : outcome.refused) {
    if (outcome_.refused.size() < kRefusedMax) {
      outcome_.refused.push_back({refused.feed, refused.first_seq, refused.last_seq, refused.reason});
    } else {
      ++outcome_.refused_more;
    }
  }
  for (const auto& text : outcome.notes) note(text);
}

void SyncRun::note(const std::string& text) {
  bool said = std::find(outcome_.notes.begin(), outcome_.notes.end(), text) != outcome_.notes.end();
  if (!said && outcome_.notes.size() < kRefusedMax) outcome_.notes.push_back(text);
}

void SyncRun::failed(RelayLine& line, const CarrierAnswer& answer, Error why) {
  // An exchange that this sync's own deadline cut says nothing about a relay that had answered, or had failed before.
  bool known = line.outcome.exchanges > 0 || line.outcome.failure.has_value();
  if (now() < deadline_ || !known) line.outcome.failure = std::move(why);
  if (answer.bytes_up > 0) {
    line.window.stalled();
    line.probe = line.probe || answer.bytes_up > kProbeAbove;
  }
  ++line.failures;
  (void)of_use(line, 0, answer.bytes_down);
  // What answered did not hold our key: the same address once more, at once, with the relay's other key.
  if (answer.bytes_down > 0 && !std::exchange(line.tried_other_key, true)) return step_soon();
  line.tried_other_key = false;
  line.url = (line.url + 1) % line.info.urls.size();
  if (line.url == 0) {
    ++line.rounds;
    line.ready_at = now() + backoff(line.rounds, environment_.random);
  }
  if (line.rounds >= options_.tries || babbles(line)) line.abandoned = true;
  step_soon();
}

void SyncRun::abandon(RelayLine& line, Error why) {
  line.outcome.failure = std::move(why);
  line.abandoned = true;
  step_soon();
}

void SyncRun::report(std::string waiting) {
  if (!options_.progress) return;
  SyncProgress progress{.entries_sent = outcome_.entries_sent,
                        .entries_received = outcome_.entries_received,
                        .bytes_per_second = rate_.bytes_per_second(),
                        .bytes_up = outcome_.bytes_up,
                        .bytes_down = outcome_.bytes_down,
                        .more_to_come = more_to_come_,
                        .waiting = std::move(waiting)};
  for (const auto& line : lines_) {
    progress.entries_left = std::max(progress.entries_left, line.entries_left);
    progress.bytes_left = std::max(progress.bytes_left, line.bytes_left);
    progress.bytes_to_come = std::max(progress.bytes_to_come, line.bytes_to_come);
  }
  options_.progress(progress);
}

}  // namespace lysoen::client
