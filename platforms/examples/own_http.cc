// An app's own HTTP: a Carrier and a Loop over libcurl, and a sync that runs on them. What belongs to an app is one
// class; nothing of sync/net is linked.
//
//   own_http VAULT [PROXY] < FILE-WITH-THE-PASSPHRASE       PROXY: socks5h://host:port, with the h: it resolves names
//
// What a carrier owes (lysoen/sync/sync.h) is marked below with [1] to [5].
#include <curl/curl.h>
#include <lysoen/sync/sync.h>
#include <lysoen/vault.h>

#include <algorithm>
#include <iostream>
#include <map>

using namespace lysoen;
using std::chrono::milliseconds;

namespace {

class CurlStack final : public Loop, public Carrier {
 public:
  CurlStack(Clock& clock, std::string proxy) : clock_(clock), proxy_(std::move(proxy)), multi_(curl_multi_init()) {
    for (const char* line : {"Content-Type: application/octet-stream", "Cache-Control: no-store, no-transform",
                             "Expect:"})  // no question whether to go on: it costs a round trip
      headers_ = curl_slist_append(headers_, line);
  }
  ~CurlStack() override {
    while (!requests_.empty()) drop(requests_.begin());
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
  }

  /// Until stop().
  void run() {
    while (!stopped_) {
      while (!stopped_ && !timers_.empty() && timers_.begin()->first.first <= clock_.monotonic()) {
        auto due = timers_.extract(timers_.begin());
        due.mapped()();
      }
      int running = 0, left = 0;
      curl_multi_perform(multi_, &running);
      while (auto* message = curl_multi_info_read(multi_, &left))
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
      if (!stopped_) curl_multi_poll(multi_, nullptr, 0, until_next_timer(), nullptr);
    }
  }
  void stop() { stopped_ = true; }

  // -- Loop -----------------------------------------------------------------------------------------------------------

  // [1] Nothing runs inside the call that asked for it: all goes through run().
  void post(Task task) override { after(milliseconds(0), std::move(task)); }
  Timer after(milliseconds delay, Task task) override {
    timers_.emplace(std::pair(clock_.monotonic() + delay, ++last_), std::move(task));
    return last_;
  }
  /// Of Loop and of Carrier, which look the same here: timers and tickets are numbered in one row.
  void cancel(uint64_t number) override {
    std::erase_if(timers_, [&](const auto& timer) { return timer.first.second == number; });
    if (auto request = requests_.find(number); request != requests_.end()) drop(request);
  }

  // -- Carrier --------------------------------------------------------------------------------------------------------

  Ticket send(CarrierRequest request, Done done) override {
    auto ticket = ++last_;
    auto& out = requests_[ticket];
    out.request = std::move(request), out.done = std::move(done), out.handle = curl_easy_init();
    auto* curl = out.handle;
    curl_easy_setopt(curl, CURLOPT_URL, out.request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, out.request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(out.request.body.size()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_);
    // [2] The deadline is for everything: name, connection, sending, waiting, receiving.
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(out.request.deadline.count()));
    // [3] No redirects, no cookies, no proxy that the environment happens to name; TLS 1.3 or none.
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, proxy_.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_3));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out);
    curl_multi_add_handle(multi_, curl);
    return ticket;
  }

 private:
  struct Request {
    CarrierRequest request;
    Done done;
    Bytes body;
    CURL* handle = nullptr;
  };
  using Requests = std::map<Ticket, Request>;

  // [4] Not more than answer_max: answering less than `count` ends the transfer.
  static size_t take(char* data, size_t, size_t count, void* into) {
    auto& request = *static_cast<Request*>(into);
    size_t room = request.request.answer_max - request.body.size(), taken = std::min(count, room);
    request.body.insert(request.body.end(), data, data + taken);
    return taken;
  }

  // [5] An answer is "200 with a binary body, received to its end". Anything else is a failure; of a cut answer what
  // came is handed on, of a page nothing.
  void finish(CURL* curl, CURLcode result) {
    auto found = std::find_if(requests_.begin(), requests_.end(),
                              [&](const auto& request) { return request.second.handle == curl; });
    long status = 0, head_up = 0, head_down = 0;
    curl_off_t up = 0, down = 0;
    const char* type = nullptr;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &head_up);
    curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &head_down);
    curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &down);
    CarrierAnswer answer;
    answer.bytes_up = static_cast<uint64_t>(head_up + up);
    answer.bytes_down = static_cast<uint64_t>(head_down + down);
    bool from_relay = status == 200 && type && std::string_view(type) == "application/octet-stream";
    if (from_relay) answer.body = std::move(found->second.body);
    if (result != CURLE_OK || !from_relay) {
      std::string why = result != CURLE_OK ? curl_easy_strerror(result) : "something else answered";
      answer.failure =
          make_error(ErrorCode::no_network, "no exchange with the relay at " + found->second.request.url + ": " + why);
    }
    auto done = std::move(found->second.done);
    drop(found);
    done(std::move(answer));  // on the loop: run() called this
  }

  void drop(Requests::iterator request) {
    curl_multi_remove_handle(multi_, request->second.handle);
    curl_easy_cleanup(request->second.handle);
    requests_.erase(request);
  }

  int until_next_timer() const {
    constexpr milliseconds kMax(1000);
    if (timers_.empty()) return kMax.count();
    auto left = std::chrono::ceil<milliseconds>(timers_.begin()->first.first - clock_.monotonic());
    return static_cast<int>(std::clamp(left, milliseconds(0), kMax).count());
  }

  Clock& clock_;
  std::string proxy_;
  CURLM* multi_;
  curl_slist* headers_ = nullptr;
  uint64_t last_ = 0;
  bool stopped_ = false;
  std::map<std::pair<std::chrono::nanoseconds, Timer>, Task> timers_;
  Requests requests_;
};

int say(const Error& error) {
  std::cerr << "error: " << error.message << "\n"
            << "hint: " << (error.hint.empty() ? sentence_for(error.advice()) : error.hint) << "\n";
  return exit_code_for(error.code);
}

int sync(const char* folder, const char* proxy) {
  std::string passphrase;
  std::getline(std::cin, passphrase);
  auto environment = system_environment();
  auto vault = Vault::open(folder, passphrase, environment);
  if (!vault) return say(vault.error());

  CurlStack stack(environment.clock, proxy);
  SyncOptions options;
  options.progress = [](const SyncProgress& progress) {
    if (auto text = forecast_text(progress); !text.empty()) std::cerr << text << "\n";
  };
  Client client((*vault)->sync_peer(), (*vault)->entries(), stack, stack, environment, options);
  std::optional<SyncOutcome> outcome;
  client.start([&](SyncOutcome done) {
    outcome = std::move(done);
    stack.stop();
  });
  stack.run();
  std::cout << outcome->entries_sent << " sent, " << outcome->entries_received << " received\n";
  return outcome->failure ? say(*outcome->failure) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: own_http VAULT [socks5h://PROXY] < FILE-WITH-THE-PASSPHRASE\n";
    return exit_code_for(ErrorCode::usage);
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int code = sync(argv[1], argc > 2 ? argv[2] : "");
  curl_global_cleanup();
  return code;
}
