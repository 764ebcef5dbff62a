// The configuration file of a relay: TOML, read whole before anything is opened. What it does not say keeps its
// default; what it says and nobody knows is refused, since a setting that is mistyped is one that does not hold.
//
// tools/relayd/lysoen-relay.toml shows every setting with its default.
#pragma once
#include <filesystem>
#include <string>

#include "sync/net/listener.h"
#include "sync/relay/relay.h"

namespace lysoen::relayd {

struct Config {
  std::string store, key_file;  // empty: not said
  std::string listen = "127.0.0.1:8470";
  uint64_t memory_mib = 256;           // for requests and answers under way
  uint64_t exchanges_per_device = 16;  // at once
  net::ListenerOptions listener;       // all but address and port
  relay::Quotas quotas;
  relay::Retention retention;
};

/// Errors: not_found, input_refused with the line and what may stand there.
Result<Config> read_config(const std::filesystem::path& file);

/// Every setting as it holds, in the file's own form: what `lysoen-relay check` prints.
std::string to_toml(const Config& config);

/// All that can be known before serving: the address reads, certificate and key belong together, the limits fit each
/// other.
Result<void> check_config(const Config& config);

}  // namespace lysoen::relayd
