// Whole files, for tests that look at them and damage them.
#pragma once
#include <lysoen/ids.h>

#include <filesystem>

namespace lysoen::test {

/// Empty if there is none.
Bytes content_of(const std::filesystem::path& file);
void write_content(const std::filesystem::path& file, ByteView content);

}  // namespace lysoen::test
