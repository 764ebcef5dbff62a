// Where tests find the source tree and, if it is there, the shared material of others.
#pragma once
#include <filesystem>
#include <optional>

namespace lysoen::test {

std::filesystem::path source_dir();
/// LYSOEN_SHARED, or the folder `shared` beside the source tree. Nothing if it is absent: tests skip and say so.
std::optional<std::filesystem::path> shared_dir();

}  // namespace lysoen::test
