// A read-only look at a relay's folder or a bundle, without keys: what anybody who holds it can
// learn.
#pragma once
#include <lysoen/environment.h>
#include <lysoen/result.h>

#include <filesystem>
#include <string>

namespace lysoen::inspect {

/// Text for people, or one JSON document. Errors: not_found, those of Relay::open.
Result<std::string> look_at(const std::filesystem::path& path, bool as_json, Environment environment);

}  // namespace lysoen::inspect
