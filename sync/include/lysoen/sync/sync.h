// Sync: exchanges with relays until nothing is left. Start with `sync_now` in http.h; an app that has its own HTTP
// stack or event loop implements Carrier and Loop and uses Client.
//
// Everything here runs on the thread of the Loop it is given; nothing blocks, sleeps or starts a thread.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/exchange.h>

#include <functional>
#include <memory>

namespace lysoen {

// -- What the app brings --------------------------------------------------------------------------------------------

/// Where the client's work runs: an Asio strand in life, simulated time in tests. Callbacks never run inside the call
/// that asked for them.
class Loop {
 public:
  using Task = std::function<void()>;
  using Timer = uint64_t;  // 0 is none
  virtual ~Loop() = default;
  virtual void post(Task task) = 0;
  virtual Timer after(std::chrono::milliseconds delay, Task task) = 0;
  /// The task will not run; a timer that already ran or is 0 is ignored.
  virtual void cancel(Timer timer) = 0;
};

/// One request to one URL.
struct CarrierRequest {
  std::string url;                     // as in RelayInfo::urls
  Bytes body;                          // sent with POST, application/octet-stream, no-store, no-transform
  std::chrono::milliseconds deadline;  // for everything: connecting, sending, waiting, receiving
  size_t answer_max = 0;               // a longer answer is cut there and reported as a failure
  /// If the carrier can: while the body of an answer comes, all of it that is here so far, on the loop, as often as it
  /// grows; before `done`, which has all of it again. Only of a status of 200, and not after cancel(). A carrier that
  /// brings whole bodies alone never calls it; then a device that is killed meanwhile asks for the whole answer again.
  std::function<void(ByteView so_far)> part = {};
};

/// What came of it. A failure is whatever was not "200 with a binary body received to its end": refused connection,
/// deadline, redirect, a page of a captive portal, a cut answer. It changes nothing but the back-off.
struct CarrierAnswer {
  std::optional<Error> failure;
  Bytes body;                             // with a failure: the part of an answer that came before it, or empty
  uint64_t bytes_up = 0, bytes_down = 0;  // on the wire above TCP and TLS, HTTP heads included
  bool ok() const { return !failure; }
};

/// Sends byte strings and brings answers. Three calls.
class Carrier {
 public:
  using Ticket = uint64_t;  // 0 is none
  using Done = std::function<void(CarrierAnswer)>;
  virtual ~Carrier() = default;
  /// `done` is called exactly once, on the loop, at the deadline plus a little at the latest, unless cancelled.
  virtual Ticket send(CarrierRequest request, Done done) = 0;
  /// `done` will not be called. A ticket that is finished or 0 is ignored.
  virtual void cancel(Ticket ticket) = 0;
};

// -- One sync -------------------------------------------------------------------------------------------------------

/// How far a sync is. Computed from what is stored, so it never runs ahead of the truth.
struct SyncProgress {
  uint64_t entries_sent = 0, entries_received = 0;  // confirmed by receipt; stored here
  uint64_t entries_left = 0;                        // own entries that this relay has not confirmed
  uint64_t bytes_left = 0;        // of these, by the size of those sent (0 before the first went), and of attachments
  uint64_t bytes_to_come = 0;     // of attachments that are not here whole
  uint64_t bytes_per_second = 0;  // upward, of about the last minute, waits and failures included
  uint64_t bytes_up = 0, bytes_down = 0;
  bool more_to_come = true;  // the relay has said that there is more for us, or nothing yet
  std::string waiting;       // why nothing moves just now ("no answer, trying again in 4 s"), or empty
};

/// "41 MB left, about 3 h at the present rate"; without the time while there is no rate, empty if nothing is left or
/// known. A megabyte is a million bytes, as on a phone's bill.
std::string forecast_text(const SyncProgress& progress);

/// How much of what waits may go. policy.h decides it.
enum class SyncScope : uint8_t { nothing = 0, text = 1, everything = 2 };

struct SyncOptions {
  /// text: attachments wait for another time; nothing: the sync ends at once, cancelled.
  SyncScope scope = SyncScope::everything;
  /// Bytes up and down for the whole sync, failed attempts included; 0: no limit. No exchange begins that would go
  /// beyond; one entry of up to 64 KiB each way, which travels whole, may.
  uint64_t bytes_max = 0;
  std::chrono::milliseconds deadline = std::chrono::minutes(10);           // of the whole sync
  std::chrono::milliseconds exchange_deadline = std::chrono::seconds(60);  // of one exchange, without the long poll
  int tries = 4;  // rounds of failures in a row through a relay's URLs, after which it is left for this time
  size_t window_min = 8 * 1024, window_max = 1024 * 1024;  // bytes of one request; grows and shrinks between these
  std::chrono::milliseconds poll{0};  // once nothing is left, hold an exchange open this long for news (desks)
  /// False: addresses without TLS are passed over, but for this machine's own and Tor's. The team's policy may say so
  /// for the device, whatever stands here.
  bool plain_http = true;
  /// Of exactly these relays instead of those of the roster, if not empty.
  std::vector<RelayInfo> relays;
  std::function<void(const SyncProgress&)> progress;  // at every exchange's end and when waiting begins
  std::function<bool()> cancelled;  // asked five times a second; true ends the sync at the next safe point
};

/// A batch that a relay would not take. It stays in the vault; the rest went on.
struct RefusedBatch {
  FeedKey feed;
  uint64_t first_seq = 0, last_seq = 0;
  std::string reason;
};

/// What came of one relay.
struct RelayOutcome {
  RelayId relay;
  std::string url;               // the one that answered last, or was tried last
  bool finished = false;         // nothing was left in either direction
  uint64_t exchanges = 0;        // answered ones
  std::optional<Error> failure;  // why it did not finish
};

struct SyncOutcome {
  uint64_t exchanges = 0;                 // answered ones, over all relays
  uint64_t bytes_up = 0, bytes_down = 0;  // failed attempts included
  uint64_t entries_sent = 0, entries_received = 0;
  uint64_t files_sent = 0;            // attachments that a relay has signed for
  uint64_t join_requests = 0;         // fetched for an admin
  std::vector<RefusedBatch> refused;  // at most 100; `refused_more` counts the rest
  uint64_t refused_more = 0;
  std::vector<std::string>
      notes;  // each once: what a person should know: forks, a relay that lost data; no report text
  std::vector<RelayOutcome> relays;  // in the order of the roster
  /// Nothing if at least one relay finished. Otherwise why not: no_network, trust_refused (the relay does not know the
  /// team), cancelled, partly_done (bytes_max is used up), or an error of the vault itself.
  std::optional<Error> failure;
  bool any_progress() const { return exchanges > 0; }
};

/// One sync of one device: every relay of the roster in turn, each until nothing is left. Relays that fail are tried
/// again, with back-off and jitter, until one relay has finished or all tries are used up.
///
/// Owns no loop and no carrier: all references outlive it. Destroying it cancels, without calling `done`.
class Client {
 public:
  using Done = std::function<void(SyncOutcome)>;
  Client(SyncPeer& peer, EntryStore& store, Carrier& carrier, Loop& loop, Environment environment, SyncOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Once. `done` is called on the loop; the client may be destroyed inside it.
  void start(Done done);
  /// Ends at once; `done` is called with failure `cancelled`. What was exchanged so far stays.
  void cancel();

 private:
  class State;
  std::shared_ptr<State> state_;
};

// -- Joining through a relay ----------------------------------------------------------------------------------------

/// What a joiner who is no member yet has: taken from Vault::join and the invite.
struct JoinErrand {
  std::vector<RelayInfo> relays;  // of the invite
  TeamId team;                    // of the invite
  Hash invite_id;                 // the invite's one-time Ed25519 key, which a relay admits once
  Bytes request;                  // the sealed join request; posting it again changes nothing
  std::function<Result<Signature>(std::string_view label, ByteView message)> sign;  // with the one-time key
};

struct JoinOptions {
  std::chrono::milliseconds deadline = std::chrono::minutes(2);  // for posting the request
  std::chrono::milliseconds wait{0};  // after that: how long to ask for the welcome; 0 asks once
  std::chrono::milliseconds exchange_deadline = std::chrono::seconds(60);
  int tries = 4;
  std::function<bool()> cancelled;
};

struct JoinOutcome {
  bool posted = false;           // a relay holds the request
  std::optional<Bytes> welcome;  // for Vault::finish_join; nothing while no admin has admitted the device
  uint64_t bytes_up = 0, bytes_down = 0;
  std::optional<Error> failure;  // why the request could not be posted
};

/// Posts a join request through the first of the invite's relays that answers and asks for the welcome.
class JoinClient {
 public:
  using Done = std::function<void(JoinOutcome)>;
  JoinClient(JoinErrand errand, Carrier& carrier, Loop& loop, Environment environment, JoinOptions options);
  ~JoinClient();
  JoinClient(const JoinClient&) = delete;
  JoinClient& operator=(const JoinClient&) = delete;
  void start(Done done);
  void cancel();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace lysoen
