#include "core/exchange/records.h"

#include <fstream>

#include "core/base/try.h"
#include "core/crypto/hash.h"
#include "core/exchange/sources.h"

namespace lysoen::exchange {

namespace {

Result<std::ifstream> open_file(const std::filesystem::path& file) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(file, status))
    return make_error(ErrorCode::not_found, "cannot read the file: there is no such file", "check the path");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return make_error(ErrorCode::input_refused, "cannot read the file: the system does not allow it",
                      "check the file's permissions");
  return in;
}

}  // namespace

Result<std::unique_ptr<RecordSource>> open_records(const std::filesystem::path& file, const SourceOptions& options) {
  LYSOEN_ASSIGN(std::ifstream in, open_file(file));
  std::error_code ignored;
  uint64_t total = std::filesystem::file_size(file, ignored);
  return options.json ? open_json(std::move(in), total, options) : open_csv(std::move(in), total, options);
}

Result<std::string> file_hash_hex(const std::filesystem::path& file) {
  LYSOEN_ASSIGN(std::ifstream in, open_file(file));
  crypto::Sha256 hash;
  std::vector<char> block(64 * 1024);
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    hash.update(as_bytes({block.data(), static_cast<size_t>(in.gcount())}));
  }
  if (in.bad()) return make_error(ErrorCode::io_failed, "cannot read the file: the system reported an error");
  return hash.finish().hex();
}

}  // namespace lysoen::exchange
