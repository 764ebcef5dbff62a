#include "tools/relayd/serve.h"

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

Result<std::unique_ptr<net::Listener>> listen(const ServeOptions& options, net::Service& service) {
  LYSOEN_ASSIGN(auto at, net::parse_listen(options.listen));
  net::ListenerOptions listener;
  listener.address = at.host == "localhost" ? "127.0.0.1" : at.host;
  listener.port = at.port;
  listener.certificate_file = options.certificate;
  listener.key_file = options.certificate_key;
  listener.threads = options.threads;
  return net::Listener::start(listener, service);
}

void wait_for_signal(const sigset_t& set, const std::function<void()>& meanwhile) {
  for (;;) {
    if (sigtimedwait(&set, nullptr, &kOrdersEvery) > 0) return;
    meanwhile();
  }
}

void announce(Log& log, const ServeOptions& options, const net::Listener& listener) {
  bool tls = !options.certificate.empty();
  auto host = options.listen.substr(0, options.listen.rfind(':'));
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

int serve(const Places& places, const ServeOptions& options, Environment environment) {
  auto signals = block_signals();
  Log log(environment.clock);
  relay::RelayOptions relay_options;
  relay_options.folder = places.store();
  relay_options.key_file = places.key_file;
  auto relay = relay::Relay::open(relay_options, environment);
  if (!relay.ok()) return complain(relay.error());
  auto orders = open_orders(places);
  if (!orders.ok()) log.event("no_orders", {{"why", orders.error().message}});

  RelayService service(**relay, environment, log);
  auto listener = listen(options, service);
  if (!listener.ok()) return complain(listener.error());
  auto port_written = write_port(options.port_file, (*listener)->port());
  if (!port_written.ok()) return complain(port_written.error());
  announce(log, options, **listener);

  wait_for_signal(signals, [&] {
    answer_orders(places, [&](const Order& order) {
      Outcome outcome;
      service.on_writer([&] { outcome = carry_out(**relay, order); });
      log.event("order", {{"verb", order.verb}, {"done", !outcome.error}});
      return outcome;
    });
  });

  log.event("stopping");
  service.finish_holds();
  (*listener)->stop(kPatience);
  service.stop();
  std::error_code ignored;
  if (!options.port_file.empty()) std::filesystem::remove(options.port_file, ignored);
  std::filesystem::remove_all(places.orders(), ignored);
  log.event("stopped");
  return 0;
}

}  // namespace lysoen::relayd
