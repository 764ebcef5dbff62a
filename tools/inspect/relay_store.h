// What a relay's store tells: for its operator (lysoen-relay) and for everyone else (lysoen inspect).
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "sync/relay/relay.h"

namespace lysoen::inspect {

using json = nlohmann::ordered_json;

json to_json(const relay::TeamSummary& team);
/// One line, with its line feed.
std::string line_of(const relay::TeamSummary& team);
json to_json(const relay::Inspection& seen);
std::string to_text(const relay::Inspection& seen);

}  // namespace lysoen::inspect
