// A foreign file as rows for Vault::import_rows: read, map, check; what does not fit is set aside with its reason, and
// the rest goes on. A row's identity is the file's hash and its number, so that a second import adds nothing and an
// interrupted one goes on where it was.
#pragma once
#include <lysoen/vault.h>

#include "core/exchange/mapping.h"
#include "core/exchange/refused.h"

namespace lysoen::exchange {

class Import {
 public:
  /// Opens the file, checks that it can be read to its end and has what the mapping names. Errors as in records.h and
  /// mapping.h; nothing was taken then.
  static Result<std::unique_ptr<Import>> open(const std::filesystem::path& file, Mapping mapping);

  struct Portion {
    std::vector<ImportRow> rows;
    std::vector<RefusedRow> refused;
    bool last = false;
  };
  /// The next rows, at most `rows_max`, good and refused together. An error ends the import; what came before stays.
  Result<Portion> next(size_t rows_max);
  RecordSource::Progress progress() const { return source_->progress(); }
  const std::vector<std::string>& columns() const { return source_->columns(); }

 private:
  Import(Mapping mapping, std::unique_ptr<RecordSource> source, std::string hash)
      : mapping_(std::move(mapping)), source_(std::move(source)), file_hash_(std::move(hash)) {}
  Mapping mapping_;
  std::unique_ptr<RecordSource> source_;
  std::string file_hash_;
};

}  // namespace lysoen::exchange
