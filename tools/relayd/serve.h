// `lysoen-relay serve`: listener, service and orders until a signal ends it.
#pragma once
#include "tools/relayd/orders.h"

namespace lysoen::relayd {

struct ServeOptions {
  std::string listen = "127.0.0.1:8470";
  std::string certificate, certificate_key;  // PEM files, or empty: plain HTTP
  std::filesystem::path port_file;           // the chosen port is written here, or empty
  int threads = 2;
};

/// Answers the exit code. Returns after SIGTERM or SIGINT.
int serve(const Places& places, const ServeOptions& options, Environment environment);

}  // namespace lysoen::relayd
