// Files of reports: taken in and given out through the caller's functions, whose failures end the call.
#include <lysoen/media.h>

#include "platforms/c/handle.h"

using namespace lysoen;
using namespace lysoen::c;

struct lysoen_files {
  std::vector<lysoen_file> files;
};

namespace {

lysoen_file file_of(const AttachmentState& state) {
  return {id_of(state.blob), state.thumbnail ? id_of(*state.thumbnail) : lysoen_id{},
          state.size,        state.here,
          state.sent,        state.held};
}

/// The caller's function has failed: the call answers its code, or that of a defect if it is none.
Error failed(lysoen_code code, const char* what) {
  if (code <= LYSOEN_OK || code > LYSOEN_TOO_SOON) code = LYSOEN_INTERNAL;
  return make_error(static_cast<ErrorCode>(code), std::string("the program's own function could not ") + what);
}

Result<void> extract(lysoen_vault* vault, const lysoen_id* report, const lysoen_id* blob, lysoen_write_fn write,
                     void* context, bool shareable) {
  LYSOEN_C_REQUIRE(vault);
  LYSOEN_C_REQUIRE(report);
  LYSOEN_C_REQUIRE(blob);
  LYSOEN_C_REQUIRE(write);
  auto sink = [&](ByteView bytes) -> Result<void> {
    auto code = write(context, bytes.data(), bytes.size());
    return code == LYSOEN_OK ? Result<void>() : failed(code, "write the file");
  };
  ShareableCopy copy(sink);
  LYSOEN_TRY(vault->vault->read_attachment(id_from<ReportId>(*report), id_from<BlobId>(*blob),
                                           [&](ByteView bytes) { return shareable ? copy.put(bytes) : sink(bytes); }));
  return shareable ? copy.finish() : Result<void>();
}

}  // namespace

extern "C" {

lysoen_code lysoen_attach(lysoen_vault* vault, const lysoen_id* report, const char* path, const char* name,
                          const char* media_type, lysoen_read_fn read, void* context, lysoen_id* blob) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(path);
    LYSOEN_C_REQUIRE(name);
    LYSOEN_C_REQUIRE(read);
    AttachmentSource source{name, media_type ? media_type : "", [&](std::span<uint8_t> into) -> Result<size_t> {
                              size_t came = 0;
                              auto code = read(context, into.data(), into.size(), &came);
                              if (code != LYSOEN_OK) return failed(code, "read the file");
                              if (came > into.size()) return failed(LYSOEN_USAGE, "read the file: it gave too much");
                              return came;
                            }};
    LYSOEN_ASSIGN(auto change, vault->vault->attach(id_from<ReportId>(*report), path, source));
    if (blob) *blob = id_of(change.value->file()->blob);
    return {};
  });
}

lysoen_code lysoen_files_open(lysoen_vault* vault, const lysoen_id* report, lysoen_files** out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(vault);
    LYSOEN_C_REQUIRE(report);
    LYSOEN_C_REQUIRE(out);
    auto files = std::make_unique<lysoen_files>();
    LYSOEN_ASSIGN(auto states, vault->vault->attachments(id_from<ReportId>(*report)));
    for (const auto& state : states) files->files.push_back(file_of(state));
    *out = files.release();
    return {};
  });
}
const lysoen_file* lysoen_files_get(const lysoen_files* files, size_t number) {
  return files && number < files->files.size() ? &files->files[number] : nullptr;
}
void lysoen_files_free(lysoen_files* files) {
  delete files;
}

lysoen_code lysoen_extract(lysoen_vault* vault, const lysoen_id* report, const lysoen_id* blob, lysoen_write_fn write,
                           void* context) {
  return guarded([&] { return extract(vault, report, blob, write, context, false); });
}
lysoen_code lysoen_extract_shareable(lysoen_vault* vault, const lysoen_id* report, const lysoen_id* blob,
                                     lysoen_write_fn write, void* context) {
  return guarded([&] { return extract(vault, report, blob, write, context, true); });
}

}  // extern "C"
