// A Loop and a Carrier that do nothing by themselves: tasks and timers run when asked to, requests wait to be taken
// away and answered. So an app syncs with its own HTTP and its own event loop, without a thread or socket in the
// library.
#pragma once
#include <lysoen/sync/sync.h>

#include <deque>
#include <map>

namespace lysoen::c {

class PullStack final : public Loop, public Carrier {
 public:
  explicit PullStack(Clock& clock) : clock_(clock) {}

  /// Runs what was posted and every timer that is due, until there is neither or `stop` is true.
  void run(const bool& stop);
  /// Until the next timer, or `none` if there is none.
  std::chrono::milliseconds next_timer(std::chrono::milliseconds none) const;

  struct Out {
    Ticket ticket = 0;
    const CarrierRequest* request = nullptr;  // until it is answered, cancelled or too old
  };
  /// The oldest request that was not taken yet.
  std::optional<Out> take();
  /// Gives a request its answer, on the next run. A ticket that is not out any more is ignored.
  void answer(Ticket ticket, ByteView body);
  /// All that came of an answer so far.
  void part(Ticket ticket, ByteView so_far);
  void fail(Ticket ticket, ByteView before, std::string why);

  void post(Task task) override { posted_.push_back(std::move(task)); }
  Timer after(std::chrono::milliseconds delay, Task task) override;
  /// Of Loop and of Carrier, which look the same: timers and tickets are numbered in one row.
  void cancel(uint64_t number) override;
  Ticket send(CarrierRequest request, Done done) override;

 private:
  struct Request {
    CarrierRequest request;
    Done done;
    Timer deadline = 0;
    bool taken = false;
  };
  void finish(Ticket ticket, CarrierAnswer answer);

  Clock& clock_;
  uint64_t last_ = 0;  // number of a timer or ticket
  std::deque<Task> posted_;
  std::map<std::pair<std::chrono::nanoseconds, Timer>, Task> timers_;
  std::map<Ticket, Request> requests_;
};

}  // namespace lysoen::c
