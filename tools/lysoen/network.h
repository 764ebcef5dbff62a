// How commands reach relays: the proxy that must be used, the certificate that must be there.
#pragma once
#include <lysoen/sync/http.h>

#include <CLI/CLI.hpp>
#include <string>

namespace lysoen::cli {

struct NetworkArguments {
  std::string proxy, certificate;
};

/// --proxy (LYSOEN_PROXY) and --pin. `into` outlives the command line.
void add_network_options(CLI::App& command, NetworkArguments& into);

/// Before a vault is opened or made. Errors: usage, input_refused (a proxy or pin that makes no sense).
Result<HttpOptions> http_options(const NetworkArguments& given);

}  // namespace lysoen::cli
