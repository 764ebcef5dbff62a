#include "tools/relayd/serve.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "core/base/try.h"
#include "sync/net/url.h"
#include "tools/relayd/service.h"

namespace lysoen::relayd {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;                        // for requests in progress when a signal came
constexpr size_t kOwnFiles = 256;                      // descriptors kept for store, keys, orders and what SQLite opens
constexpr timespec kOrdersEvery = {0, 200 * 1000000};  // between looks into the folder of orders

// Blocked before the first thread starts, so that only the main thread takes signals, and takes them in order.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return set;
}

Result<void> write_port(const std::filesystem::path& file, uint16_t port) {
  if (file.empty()) return {};
  auto temporary = file;
  temporary += ".tmp";
  std::ofstream out(temporary, std::ios::trunc);
  out << port << "\n";
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(temporary, file, error);
  if (!out || error) return make_error(ErrorCode::storage_read_only, "cannot write the port file");
  return {};
}

Result<std::unique_ptr<net::Listener>> listen(const Config& config, size_t connections, net::Service& service) {
  LYSOEN_ASSIGN(auto at, net::parse_listen(config.listen));
  auto options = config.listener;
  options.address = at.host == "localhost" ? "127.0.0.1" : at.host;
  options.port = at.port;
  options.connections_max = connections;
  return net::Listener::start(options, service);
}

// Each connection is a descriptor, and the store needs its own: without any left it cannot even commit. The usual soft
// limit of 1,024 is raised as far as it may be. Answers how many connections there may be.
size_t make_room(size_t connections, Log& log) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return connections;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= connections + kOwnFiles) return connections;
  size_t fit = files.rlim_cur > 2 * kOwnFiles ? files.rlim_cur - kOwnFiles : kOwnFiles;
  log.event("fewer_connections", {{"wanted", connections}, {"possible", fit}, {"why", "limit of open files"}});
  return fit;
}

void wait_for_signal(const sigset_t& set, const std::function<void()>& meanwhile) {
  for (;;) {
    if (sigtimedwait(&set, nullptr, &kOrdersEvery) > 0) return;
    meanwhile();
  }
}

bool signal_waits(const sigset_t& set) {
  sigset_t pending;
  if (sigpending(&pending) != 0) return false;
  for (int signal : {SIGTERM, SIGINT})
    if (sigismember(&set, signal) == 1 && sigismember(&pending, signal) == 1) return true;
  return false;
}

void announce(Log& log, const Config& config, const net::Listener& listener) {
  bool tls = !config.listener.certificate_file.empty();
  auto host = config.listen.substr(0, config.listen.rfind(':'));
  std::printf("listening on %s://%s:%u\n", tls ? "https" : "http", host.c_str(), unsigned(listener.port()));
  std::fflush(stdout);
  log.event("started", {{"port", listener.port()}, {"tls", tls}});
  if (!tls && host != "127.0.0.1" && host != "[::1]" && host != "localhost") {
    log.event(
        "plain_http",
        {{"note",
          "contents stay sealed, but anyone on the way sees that this is a relay; give --tls-cert and --tls-key"}});
  }
}

}  // namespace

int serve(const Places& places, const Config& config, const std::filesystem::path& port_file, Environment environment) {
  auto signals = block_signals();
  Log log(environment.clock);
  relay::RelayOptions relay_options;
  relay_options.folder = places.store();
  relay_options.key_file = places.key_file;
  relay_options.quotas = config.quotas;
  relay_options.retention = config.retention;
  auto relay = relay::Relay::open(relay_options, environment);
  if (!relay.ok()) return complain(relay.error());
  auto orders = open_orders(places);
  if (!orders.ok()) log.event("no_orders", {{"why", orders.error().message}});

  ServiceLimits limits{config.memory_mib << 20, config.exchanges_per_device};
  RelayService service(**relay, limits, environment, log);
  auto listener = listen(config, make_room(config.listener.connections_max, log), service);
  if (!listener.ok()) return complain(listener.error());
  auto port_written = write_port(port_file, (*listener)->port());
  if (!port_written.ok()) return complain(port_written.error());
  announce(log, config, **listener);

  auto on_writer = [&](const std::function<void()>& work) {
    if (signal_waits(signals)) return false;
    service.on_writer(work);
    return true;
  };
  wait_for_signal(signals, [&] {
    answer_orders(places, [&](const Order& order, const Tell& tell) {
      auto outcome = carry_out(**relay, order, on_writer, tell);
      log.event("order", {{"verb", order.verb}, {"done", !outcome.error}});
      return outcome;
    });
  });

  log.event("stopping");
  service.finish_holds();
  (*listener)->stop(kPatience);
  service.stop();
  std::error_code ignored;
  if (!port_file.empty()) std::filesystem::remove(port_file, ignored);
  std::filesystem::remove_all(places.orders(), ignored);
  log.event("stopped");
  return 0;
}

}  // namespace lysoen::relayd
