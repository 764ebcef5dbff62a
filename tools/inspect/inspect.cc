#include "tools/inspect/inspect.h"

#include "core/base/try.h"
#include "tools/inspect/relay_store.h"

namespace lysoen::inspect {

namespace {

namespace fs = std::filesystem;

Result<std::string> relay_folder(const fs::path& folder, bool as_json, Environment environment) {
  relay::RelayOptions options;
  options.folder = folder / "store";
  options.key_file = folder / "relay.key";
  LYSOEN_ASSIGN(auto opened, relay::Relay::open(options, environment));
  LYSOEN_ASSIGN(auto seen, opened->inspect());
  return as_json ? to_json(seen).dump(2) + "\n" : to_text(seen);
}

// Names and sizes: all that a vault or a bundle shows without its keys.
std::string files_in(const fs::path& path, std::string_view kind, bool as_json) {
  json files = json::array();
  std::string text = std::string(kind) + "\n";
  auto add = [&](const fs::path& file) {
    std::error_code ignored;
    auto size = fs::file_size(file, ignored);
    files.push_back({{"file", file.filename().string()}, {"bytes", size}});
    text += "  " + file.filename().string() + "  " + std::to_string(size) + " bytes\n";
  };
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (const auto& entry : fs::directory_iterator(path, ignored))
      if (entry.is_regular_file(ignored)) add(entry.path());
  } else {
    add(path);
  }
  if (as_json) return json{{"kind", kind}, {"files", files}}.dump(2) + "\n";
  return text + "this is all there is to see without the keys\n";
}

}  // namespace

Result<std::string> look_at(const fs::path& path, bool as_json, Environment environment) {
  std::error_code ignored;
  if (fs::exists(path / "relay.key", ignored)) return relay_folder(path, as_json, environment);
  if (fs::is_directory(path, ignored)) return files_in(path, "a folder", as_json);
  if (fs::is_regular_file(path, ignored)) return files_in(path, "a bundle, or another file", as_json);
  return make_error(ErrorCode::not_found, "there is nothing of that name to inspect", "check the path");
}

}  // namespace lysoen::inspect
