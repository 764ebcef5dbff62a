#include "sync/net/url.h"

#include <algorithm>
#include <charconv>

#include "core/base/try.h"

namespace lysoen::net {

namespace {

constexpr size_t kUrlSizeMax = 512, kHostSizeMax = 253;

bool printable(char c) {
  return c > 0x20 && c < 0x7f;
}

Error refused(std::string why) {
  return make_error(ErrorCode::input_refused, "cannot use this address: " + std::move(why),
                    "give it as http://host:port or https://host:port");
}

Result<uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return refused("the port is not a number from 1 to 65535");
  }
  return static_cast<uint16_t>(port);
}

bool host_fits(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > kHostSizeMax) return false;
  return std::all_of(host.begin(), host.end(), [&](char c) {
    bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alnum || c == '.' || c == '-' || c == '_' || (bracketed && c == ':');
  });
}

// Port 0: none was given.
Result<HostPort> split_authority(std::string_view text) {
  HostPort out;
  std::string_view rest;
  bool bracketed = text.starts_with('[');
  if (bracketed) {
    auto close = text.find(']');
    if (close == std::string_view::npos) return refused("a bracket is not closed");
    out.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    auto colon = text.find(':');
    out.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (!host_fits(out.host, bracketed))
    return refused("the host name has a character that none may have, or is missing");
  if (rest.empty()) return out;
  if (!rest.starts_with(':')) return refused("what follows the host is no port");
  LYSOEN_ASSIGN(out.port, parse_port(rest.substr(1)));
  return out;
}

}  // namespace

std::string Url::authority() const {
  std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

bool Url::is_onion() const {
  constexpr std::string_view kOnion = ".onion";
  auto name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  if (name.size() < kOnion.size()) return false;
  return std::equal(kOnion.begin(), kOnion.end(), name.end() - kOnion.size(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlSizeMax) return refused("it is longer than 512 bytes");
  if (!std::all_of(text.begin(), text.end(), printable)) return refused("it holds a blank or a control character");
  Url url;
  if (text.starts_with("https://")) {
    url.tls = true, text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return refused("it begins neither with http:// nor with https://");
  }
  auto slash = text.find('/');
  url.target = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  if (url.target.find_first_of("?#") != std::string::npos) return refused("it has a query or a fragment");
  LYSOEN_ASSIGN(auto authority, split_authority(text.substr(0, slash)));
  url.host = authority.host;
  url.port = authority.port != 0 ? authority.port : static_cast<uint16_t>(url.tls ? 443 : 80);
  return url;
}

Result<HostPort> parse_host_port(std::string_view text) {
  LYSOEN_ASSIGN(auto out, split_authority(text));
  if (out.port == 0) return refused("the port is missing");
  return out;
}

Result<HostPort> parse_listen(std::string_view text) {
  bool any_port = text.ends_with(":0");
  auto out = any_port ? split_authority(text.substr(0, text.size() - 2)) : parse_host_port(text);
  if (out.ok() && any_port && out->port != 0) out = refused("it has two ports");
  if (out.ok()) return out;
  auto error = std::move(out).error();
  error.hint = "give it as ADDRESS:PORT, such as 127.0.0.1:8470";
  return error;
}

}  // namespace lysoen::net
