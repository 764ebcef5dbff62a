#include "tools/relayd/orders.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/try.h"

namespace lysoen::relayd {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr uintmax_t kOrderMax = 16 * 1024;
constexpr auto kAnswerWithin = 60s;
constexpr auto kAskEvery = 50ms;

// Through a temporary name, so that no reader sees half of it.
bool put_file(const fs::path& file, const std::string& text) {
  auto temporary = file;
  temporary += ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return false;
  }
  std::error_code error;
  fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, error);
  fs::rename(temporary, file, error);
  return !error;
}

std::optional<std::string> take_file(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(file, error))) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  fs::remove(file, error);
  return text;
}

std::string to_text(const Order& order) {
  json text = {{"verb", order.verb}, {"argument", order.argument}, {"token", order.token}, {"json", order.json}};
  if (!order.files.empty()) text["files"] = order.files;
  return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Order> order_from(const std::string& text) {
  auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  Order order;
  auto word = [&](const char* name) {
    return parsed.contains(name) && parsed[name].is_string() ? parsed[name].get<std::string>() : std::string();
  };
  order.verb = word("verb"), order.argument = word("argument"), order.token = word("token");
  order.json = parsed.contains("json") && parsed["json"].is_boolean() && parsed["json"].get<bool>();
  if (parsed.contains("files") && parsed["files"].is_array())
    for (const auto& file : parsed["files"])
      if (file.is_string()) order.files.push_back(file.get<std::string>());
  return order;
}

std::string to_text(const Outcome& outcome) {
  json text = {{"out", outcome.out}};
  if (outcome.error) {
    text["code"] = static_cast<int>(outcome.error->code);
    text["message"] = outcome.error->message;
    text["hint"] = outcome.error->hint;
  }
  return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

Outcome outcome_from(const std::string& text) {
  auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return {{}, make_error(ErrorCode::internal, "the serving relay's answer cannot be read")};
  Outcome outcome{parsed.value("out", std::string()), std::nullopt};
  if (parsed.contains("code")) {
    outcome.error = make_error(static_cast<ErrorCode>(parsed.value("code", 1)), parsed.value("message", std::string()),
                               parsed.value("hint", std::string()));
  }
  return outcome;
}

// For a person who waits, on a terminal.
void show(const std::string& how_far) {
  if (!::isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r\033[K%s", how_far.c_str());
  std::fflush(stderr);
}

Outcome ask_serving(const Places& places, const Order& order, Environment environment) {
  std::error_code error;
  auto nobody =
      make_error(ErrorCode::vault_in_use, "cannot use the store: another process has it, and that one takes no orders",
                 "stop that process, or wait until it has ended");
  if (!fs::is_directory(places.orders(), error)) return {{}, nobody};
  const auto text = to_text(order);
  if (text.size() > kOrderMax)
    return {{},
            make_error(ErrorCode::limit_exceeded, "cannot give the serving relay so long an order",
                       "name fewer files at once")};
  std::array<uint8_t, 8> name{};
  environment.random.fill(name);
  auto order_file = places.orders() / (to_hex(name) + ".order"),
       answer_file = places.orders() / (to_hex(name) + ".answer"),
       progress_file = places.orders() / (to_hex(name) + ".progress");
  if (!put_file(order_file, text)) {
    return {{},
            make_error(ErrorCode::storage_read_only,
                       "cannot reach the serving relay: its folder of orders cannot be written",
                       "run this as the user that the relay runs as")};
  }
  auto end = environment.clock.monotonic() + kAnswerWithin;
  while (environment.clock.monotonic() < end) {
    if (auto answer = take_file(answer_file)) return outcome_from(*answer);
    // It is being carried out: no need to lose patience.
    if (auto progress = take_file(progress_file)) {
      end = environment.clock.monotonic() + kAnswerWithin;
      show(*progress);
    }
    std::this_thread::sleep_for(kAskEvery);
  }
  fs::remove(order_file, error);
  return {{}, nobody};
}

}  // namespace

Outcome give(const Places& places, const relay::Quotas& quotas, const Order& order, Environment environment) {
  relay::RelayOptions options;
  options.folder = places.store();
  options.key_file = places.key_file;
  options.quotas = quotas;
  options.look_only = order.verb == "check" || order.verb == "inspect";
  auto relay = relay::Relay::open(options, environment);
  auto at_once = [](const std::function<void()>& work) { return work(), true; };
  if (relay.ok()) return carry_out(**relay, order, at_once, show);
  if (relay.error().code == ErrorCode::vault_in_use) return ask_serving(places, order, environment);
  return {{}, relay.error()};
}

void answer_orders(const Places& places, const std::function<Outcome(const Order&, const Tell&)>& run) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(places.orders(), error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".order") files.push_back(it->path());
  for (const auto& file : files) {
    if (fs::file_size(file, error) > kOrderMax || error) {
      fs::remove(file, error);
      continue;
    }
    auto text = take_file(file);
    if (!text) continue;
    auto order = order_from(*text);
    auto beside = [&](const char* extension) { return fs::path(file).replace_extension(extension); };
    auto tell = [&](const std::string& how_far) { put_file(beside(".progress"), how_far); };
    auto outcome = order ? run(*order, tell) : Outcome{{}, make_error(ErrorCode::usage, "the order cannot be read")};
    fs::remove(beside(".progress"), error);
    auto answer = beside(".answer");
    put_file(answer, to_text(outcome));
  }
}

Result<void> open_orders(const Places& places) {
  std::error_code error;
  fs::remove_all(places.orders(), error);
  if (::mkdir(places.orders().c_str(), 0700) != 0) {
    return make_error(ErrorCode::storage_read_only, "cannot make the folder for the operator's orders",
                      "the relay's user must be able to write to the store's folder");
  }
  return {};
}

}  // namespace lysoen::relayd
