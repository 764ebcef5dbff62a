// `lysoen-relay serve`: listener, service and orders until a signal ends it.
#pragma once
#include "tools/relayd/config.h"
#include "tools/relayd/orders.h"

namespace lysoen::relayd {

/// `port_file`: the port is written there once connections are taken; or empty. Answers the exit code. Returns after
/// SIGTERM or SIGINT.
int serve(const Places& places, const Config& config, const std::filesystem::path& port_file, Environment environment);

}  // namespace lysoen::relayd
