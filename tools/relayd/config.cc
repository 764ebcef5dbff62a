#include "tools/relayd/config.h"

#include <toml++/toml.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "core/base/try.h"
#include "sync/net/url.h"

namespace lysoen::relayd {

namespace {

constexpr uint64_t kMib = 1024 * 1024;
constexpr uint64_t kMibMax = uint64_t{1} << 30;  // 1 PiB: above it somebody counted in bytes
constexpr uint64_t kConfigMax = 64 * 1024;

// One setting and where its value stands in a Config: a text, or a whole number between two limits.
struct Setting {
  std::string_view table, name;  // table "": at the top
  std::function<void(Config&, std::string)> set_text;
  std::function<std::string(const Config&)> text;  // null: a number
  uint64_t least = 0, most = 0;
  std::function<void(Config&, uint64_t)> set;
  std::function<uint64_t(const Config&)> get;
};

// `where` answers the member, of a Config& as of a const Config&.
template <class Where>
Setting text(std::string_view table, std::string_view name, Where where) {
  Setting setting{table, name};
  setting.set_text = [where](Config& config, std::string value) { where(config) = std::move(value); };
  setting.text = [where](const Config& config) { return where(config); };
  return setting;
}

template <class Where>
Setting number(std::string_view table, std::string_view name, uint64_t least, uint64_t most, Where where,
               uint64_t unit = 1) {
  Setting setting{table, name, {}, {}, least, most};
  setting.set = [where, unit](Config& config, uint64_t value) {
    auto& to = where(config);
    to = static_cast<std::remove_reference_t<decltype(to)>>(value * unit);
  };
  setting.get = [where, unit](const Config& config) { return static_cast<uint64_t>(where(config)) / unit; };
  return setting;
}

Setting seconds(std::string_view name, uint64_t most, std::chrono::milliseconds net::ListenerOptions::*member) {
  Setting setting{"limits", name, {}, {}, 1, most};
  setting.set = [member](Config& config, uint64_t value) { config.listener.*member = std::chrono::seconds(value); };
  setting.get = [member](const Config& config) {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(config.listener.*member).count());
  };
  return setting;
}

const std::vector<Setting>& settings() {
  using Options = net::ListenerOptions;
  static const std::vector<Setting> all = {
      text(
          "", "store", [](auto& c) -> auto& { return c.store; }),
      text(
          "", "key_file", [](auto& c) -> auto& { return c.key_file; }),
      text(
          "listen", "address", [](auto& c) -> auto& { return c.listen; }),
      text(
          "listen", "tls_certificate", [](auto& c) -> auto& { return c.listener.certificate_file; }),
      text(
          "listen", "tls_key", [](auto& c) -> auto& { return c.listener.key_file; }),
      number(
          "listen", "threads", 1, 64, [](auto& c) -> auto& { return c.listener.threads; }),
      number(
          "limits", "connections", 1, 1'000'000, [](auto& c) -> auto& { return c.listener.connections_max; }),
      number(
          "limits", "memory_mib", 32, kMibMax, [](auto& c) -> auto& { return c.memory_mib; }),
      number(
          "limits", "exchanges_per_device", 1, 10'000, [](auto& c) -> auto& { return c.exchanges_per_device; }),
      seconds("stranger_seconds", 60, &Options::unknown_deadline),
      seconds("head_seconds", 600, &Options::head_deadline),
      seconds("piece_seconds", 600, &Options::piece_deadline),
      seconds("exchange_seconds", 86400, &Options::body_deadline),
      seconds("idle_seconds", 86400, &Options::idle_deadline),
      number(
          "quotas", "team_mib", 1, kMibMax, [](auto& c) -> auto& { return c.quotas.team_bytes; }, kMib),
      number(
          "quotas", "device_mib_per_day", 1, kMibMax, [](auto& c) -> auto& { return c.quotas.device_bytes_per_day; },
          kMib),
      number(
          "quotas", "join_requests", 1, 1'000'000, [](auto& c) -> auto& { return c.quotas.join_requests_open; }),
      number(
          "retention", "removed_team_days", 0, 36500, [](auto& c) -> auto& { return c.retention.removed_team_days; }),
      number(
          "retention", "joining_days", 0, 36500, [](auto& c) -> auto& { return c.retention.joining_days; }),
  };
  return all;
}

std::string called(std::string_view table, std::string_view name) {
  return "'" + (table.empty() ? std::string() : std::string(table) + ".") + std::string(name) + "'";
}

Error at_line(const toml::source_region& where, const std::string& why, std::string hint) {
  return make_error(ErrorCode::input_refused,
                    "cannot use the configuration: line " + std::to_string(where.begin.line) + ": " + why,
                    std::move(hint));
}

// "a, b, c": what may stand there.
std::string known_in(std::string_view table) {
  std::string names;
  auto add = [&](std::string_view name) { names += (names.empty() ? "" : ", ") + std::string(name); };
  if (table.empty()) {
    for (const auto* name : {"store", "key_file", "[listen]", "[limits]", "[quotas]", "[retention]"}) add(name);
  } else {
    for (const auto& setting : settings())
      if (setting.table == table) add(setting.name);
  }
  return names;
}

bool is_table(std::string_view name) {
  for (const auto& setting : settings())
    if (!name.empty() && setting.table == name) return true;
  return false;
}

Result<void> take(Config& config, const Setting& setting, const toml::node& node) {
  auto name = called(setting.table, setting.name);
  if (setting.text) {
    auto value = node.value_exact<std::string>();
    if (!value) return at_line(node.source(), name + " takes a text", "in quotes: \"...\"");
    setting.set_text(config, *value);
    return {};
  }
  auto value = node.value_exact<int64_t>();
  if (!value || *value < 0 || static_cast<uint64_t>(*value) < setting.least ||
      static_cast<uint64_t>(*value) > setting.most) {
    return at_line(node.source(), name + " takes a whole number",
                   "from " + std::to_string(setting.least) + " to " + std::to_string(setting.most) +
                       ", without quotes; its unit is in its name");
  }
  setting.set(config, static_cast<uint64_t>(*value));
  return {};
}

Result<void> take_table(Config& config, std::string_view table, const toml::table& from) {
  for (const auto& [key, node] : from) {
    auto name = key.str();
    if (table.empty() && is_table(name)) {
      if (!node.is_table())
        return at_line(node.source(), called("", name) + " is a table",
                       "write [" + std::string(name) + "] on a line of its own");
      LYSOEN_TRY(take_table(config, name, *node.as_table()));
      continue;
    }
    const Setting* found = nullptr;
    for (const auto& setting : settings())
      if (setting.table == table && setting.name == name) found = &setting;
    if (!found) {
      return at_line(
          key.source(), called(table, name) + " is no setting",
          (table.empty() ? std::string("at the top stand ") : "[" + std::string(table) + "] takes ") + known_in(table));
    }
    LYSOEN_TRY(take(config, *found, node));
  }
  return {};
}

}  // namespace

Result<Config> read_config(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_regular_file(file, error) && std::filesystem::file_size(file, error) > kConfigMax)
    return make_error(ErrorCode::input_refused, "cannot use the configuration: it is larger than 64 KiB");
  toml::table parsed;
  try {
    std::ifstream in(file, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in || in.bad() || !std::filesystem::is_regular_file(file, error))
      return make_error(ErrorCode::not_found, "cannot read the configuration: there is no such file, or not for us",
                        "--config FILE; lysoen-relay.toml of this package is an example");
    parsed = toml::parse(content);
  } catch (const toml::parse_error& failed) {
    return at_line(failed.source(), std::string(failed.description()), "the form is TOML: name = value, one a line");
  } catch (const std::exception&) {
    return make_error(ErrorCode::input_refused, "cannot use the configuration: it cannot be read as TOML");
  }
  Config config;
  LYSOEN_TRY(take_table(config, "", parsed));
  return config;
}

std::string to_toml(const Config& config) {
  std::string out;
  std::string_view table;
  for (const auto& setting : settings()) {
    if (setting.table != table) out += "\n[" + std::string(setting.table) + "]\n";
    table = setting.table;
    std::ostringstream line;
    if (setting.text) {
      auto value = setting.text(config);
      if (value.empty()) continue;
      line << toml::value<std::string>(value);
    } else {
      line << setting.get(config);
    }
    out += std::string(setting.name) + " = " + line.str() + "\n";
  }
  return out;
}

Result<void> check_config(const Config& config) {
  if (config.store.empty())
    return make_error(ErrorCode::input_refused, "cannot use the configuration: it does not name the relay's folder",
                      "store = \"/var/lib/lysoen\" at its top");
  LYSOEN_ASSIGN(auto at, net::parse_listen(config.listen));
  auto options = config.listener;
  options.address = at.host == "localhost" ? "127.0.0.1" : at.host;
  options.port = at.port;
  return net::Listener::check(options);
}

}  // namespace lysoen::relayd
