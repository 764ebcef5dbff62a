#include "tools/lysoen/network.h"

#include "core/base/try.h"

namespace lysoen::cli {

void add_network_options(CLI::App& command, NetworkArguments& into) {
  command
      .add_option("--proxy", into.proxy,
                  "socks5://host:port, such as Tor's socks5://127.0.0.1:9050: names are resolved by it, and if it is "
                  "down there is no connection (or LYSOEN_PROXY)")
      ->envname("LYSOEN_PROXY");
  command.add_option("--pin", into.certificate, "SHA-256 of the only TLS certificate to accept, in hexadecimal");
}

Result<HttpOptions> http_options(const NetworkArguments& given) {
  HttpOptions http{.proxy = given.proxy};
  if (!given.certificate.empty()) {
    http.pinned_certificate = Hash::from_hex(given.certificate);
    if (!http.pinned_certificate)
      return make_error(ErrorCode::usage, "a certificate's fingerprint is 64 hexadecimal digits",
                        "openssl x509 -fingerprint -sha256, without the colons");
  }
  LYSOEN_TRY(HttpStack::make(http));
  return http;
}

}  // namespace lysoen::cli
