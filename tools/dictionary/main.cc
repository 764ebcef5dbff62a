// Makes the dictionaries of forms, in their files.
//   lysoen-dictionary write FORM.xml...   puts a fresh one in the place of the first
//   lysoen-dictionary check FORM.xml...   whether the first is what `write` would put there; exit 77 with another zstd
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/base/try.h"
#include "core/feed/dictionary.h"
#include "tools/dictionary/make.h"

using namespace lysoen;

namespace {

constexpr int kSkipped = 77;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return make_error(ErrorCode::not_found, "cannot read '" + path + "'");
  return text.str();
}

Result<void> run(const std::string& path, bool write) {
  LYSOEN_ASSIGN(auto text, read_file(path));
  LYSOEN_ASSIGN(auto form, Form::parse(text));
  LYSOEN_ASSIGN(auto dictionary, dictionary::make_dictionary(*form));
  bool same = !form->dictionaries().empty() && form->dictionaries().front() == dictionary;
  if (!write && !same)
    return make_error(ErrorCode::input_refused, "the dictionary in '" + path + "' is not the one that is made for it",
                      "`lysoen-dictionary write` puts it there");
  if (write && !same) {
    LYSOEN_ASSIGN(text, dictionary::with_dictionary(text, dictionary));
    std::ofstream file(path, std::ios::binary);
    if (!(file << text) || !file.flush()) return make_error(ErrorCode::io_failed, "cannot write '" + path + "'");
  }
  std::printf("%s  %zu bytes  %s\n", to_hex(feed::dictionary_name(dictionary)).c_str(), dictionary.size(),
              path.c_str());
  return {};
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (count < 3 || (what != "write" && what != "check")) {
    std::fputs("usage: lysoen-dictionary write|check FORM.xml...\n", stderr);
    return 2;
  }
  if (what == "check" && !dictionary::is_zstd_version()) {
    std::puts("SKIPPED: another version of zstd may choose otherwise");
    return kSkipped;
  }
  for (int i = 2; i < count; ++i)
    if (auto done = run(words[i], what == "write"); !done) {
      std::fprintf(stderr, "error: %s\n", done.error().message.c_str());
      if (!done.error().hint.empty()) std::fprintf(stderr, "hint: %s\n", done.error().hint.c_str());
      return 1;
    }
  return 0;
}
