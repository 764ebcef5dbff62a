// The few URLs that Lysoen speaks to: "http://host[:port][/path]" and "https://...". Strict: no user, query, fragment,
// white space or control characters; at most 512 bytes.
#pragma once
#include <lysoen/result.h>

#include <string>

namespace lysoen::net {

struct Url {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 0;
  std::string target;  // "/" at least
  /// For the Host field and as the name of a kept connection: "host:port", the port left out if it is the scheme's.
  std::string authority() const;
  /// A name of Tor's, which no other resolver may be asked for.
  bool is_onion() const;
};

/// Errors: input_refused, naming what does not fit.
Result<Url> parse_url(std::string_view text);

struct HostPort {
  std::string host;
  uint16_t port = 0;
};
/// "host:port" or "[v6]:port"; the port is required. Errors: input_refused.
Result<HostPort> parse_host_port(std::string_view text);
/// The same for an address to listen at: port 0 lets the system choose.
Result<HostPort> parse_listen(std::string_view text);

}  // namespace lysoen::net
