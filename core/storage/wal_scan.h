// Reading a write-ahead log as SQLite's recovery will, before SQLite does: which commits it will find, and whether it
// ends because the log ends or because something in it cannot be read.
//
// Source: the WAL file format, sqlite.org/fileformat2.html#walformat (checksums, salts, commit frames).
#pragma once
#include <optional>

#include "core/storage/files.h"
#include "core/storage/page_cipher.h"

namespace lysoen::storage {

struct WalScan {
  bool empty = true;  // no file, or nothing in it
  bool header_readable = false;
  WalSalts salts{};
  uint32_t last_commit = 0;  // number of frames up to and with the last commit that recovery will find
  // Behind the first frame that cannot be read lie others of this generation that can: the log does not merely end.
  // (What an earlier, longer generation left behind the end cannot be read either, and means nothing.)
  bool cut = false;
  std::optional<std::array<uint8_t, kPageSize>> page_one;  // page 1 as of last_commit, if the log holds it
};

/// `cipher` null: a plain WAL. Errors: io_failed and the like; whatever the bytes are is an answer, not an error.
Result<WalScan> scan_wal(File& wal, const PageCipher* cipher);

}  // namespace lysoen::storage
