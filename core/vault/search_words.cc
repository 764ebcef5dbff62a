#include "core/vault/search_words.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lysoen::vault {

namespace {

constexpr size_t kWordsMax = 32;

struct Range {
  char32_t first, last;
};
template <size_t N>
bool in_any(const Range (&ranges)[N], char32_t c) {
  for (const auto& range : ranges)
    if (c >= range.first && c <= range.last) return true;
  return false;
}

// Left out by people who type: combining accents of Latin, Greek and Cyrillic; Hebrew points; Arabic vowel signs.
constexpr Range kMarks[] = {{0x300, 0x36f},   {0x483, 0x487},   {0x591, 0x5bd},  {0x5bf, 0x5bf}, {0x5c1, 0x5c2},
                            {0x5c4, 0x5c5},   {0x5c7, 0x5c7},   {0x610, 0x61a},  {0x640, 0x640}, {0x64b, 0x65f},
                            {0x670, 0x670},   {0x6d6, 0x6dc},   {0x6df, 0x6e8},  {0x6ea, 0x6ed}, {0x200b, 0x200b},
                            {0x200d, 0x200f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};
// Letters and marks of scripts without spaces between words; their punctuation is not among them.
constexpr Range kRuns[] = {{0xe01, 0xe2e},   {0xe30, 0xe3a},    {0xe40, 0xe4e},   {0xe81, 0xecd},   {0xedc, 0xedf},
                           {0x1000, 0x103f}, {0x1050, 0x108f},  {0x1780, 0x17d3}, {0x17d7, 0x17d7}, {0x3005, 0x3007},
                           {0x3041, 0x309f}, {0x30a1, 0x30fa},  {0x30fc, 0x30ff}, {0x3105, 0x312f}, {0x31f0, 0x31ff},
                           {0x3400, 0x4dbf}, {0x4e00, 0x9fff},  {0xa9e0, 0xa9fe}, {0xaa60, 0xaa7f}, {0xf900, 0xfaff},
                           {0xff66, 0xff9f}, {0x20000, 0x323af}};

// Letters that carry a mark, and the bare ones; unicode61 knows those of Latin only.
constexpr char32_t kBare[][2] = {{U'آ', U'ا'}, {U'أ', U'ا'}, {U'إ', U'ا'}, {U'ٱ', U'ا'}, {U'ؤ', U'و'}, {U'ئ', U'ي'},
                                 {U'ё', U'е'}, {U'Ё', U'Е'}, {U'ά', U'α'}, {U'έ', U'ε'}, {U'ή', U'η'}, {U'ί', U'ι'},
                                 {U'ό', U'ο'}, {U'ύ', U'υ'}, {U'ώ', U'ω'}, {U'ϊ', U'ι'}, {U'ϋ', U'υ'}, {U'ΐ', U'ι'},
                                 {U'ΰ', U'υ'}, {U'Ά', U'Α'}, {U'Έ', U'Ε'}, {U'Ή', U'Η'}, {U'Ί', U'Ι'}, {U'Ό', U'Ο'},
                                 {U'Ύ', U'Υ'}, {U'Ώ', U'Ω'}, {U'Ϊ', U'Ι'}, {U'Ϋ', U'Υ'}};

/// The code point at `at`, moved past; a byte that begins none stands for itself.
char32_t next(std::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  char32_t c = more == 3 ? lead & 7u : more == 2 ? lead & 15u : more == 1 ? lead & 31u : lead;
  for (int i = 0; i < more && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; ++i)
    c = c << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fu);
  return c;
}

void put(std::string& out, char32_t c) {
  auto byte = [&](char32_t value) { out += static_cast<char>(value); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) return byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f));
  if (c < 0x10000) return byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  byte(0xf0 | (c >> 18 & 7)), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
}

char32_t bare(char32_t c) {
  if (c < 0x386) return c;
  for (const auto& pair : kBare)
    if (pair[0] == c) return pair[1];
  return c;
}

bool is_blank(char32_t c) {
  return c <= 0x20 || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a);
}

std::vector<char32_t> folded(std::string_view text) {
  std::vector<char32_t> letters;
  letters.reserve(text.size());
  for (size_t at = 0; at < text.size();)
    if (char32_t c = next(text, at); c < 0x300 || !in_any(kMarks, c)) letters.push_back(bare(c));
  return letters;
}

bool is_hangul(char32_t c) {
  return c >= 0xac00 && c <= 0xd7a3;
}

bool in_run(char32_t c) {
  return c >= 0xe01 && in_any(kRuns, c);
}

/// `with_last`: the last letter of a run once more alone, so that it is found by itself.
void put_letters(std::string& out, const char32_t* from, const char32_t* end, bool with_last) {
  while (from != end) {
    if (!in_run(*from)) {
      put(out, *from++);
      continue;
    }
    const char32_t* last = from;
    while (last + 1 != end && in_run(last[1])) ++last;
    const bool alone = from == last || with_last || last + 1 != end;
    out += ' ';
    for (; from != last; ++from) put(out, from[0]), put(out, from[1]), out += ' ';
    if (alone) put(out, *last), out += ' ';
    ++from;
  }
}

}  // namespace

std::string index_text(std::string_view text) {
  auto letters = folded(text);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  put_letters(out, letters.data(), letters.data() + letters.size(), true);
  return out;
}

std::string match_expression(std::string_view search) {
  auto letters = folded(search);
  std::string expression;
  const char32_t *at = letters.data(), *end = at + letters.size();
  for (size_t words = 0; words < kWordsMax;) {
    while (at != end && is_blank(*at)) ++at;
    if (at == end) break;
    const char32_t* from = at;
    while (at != end && !is_blank(*at)) ++at;
    std::string word;
    put_letters(word, from, at, false);
    if (!expression.empty()) expression += ' ';
    expression += '"';
    for (char c : word) {
      expression += c;
      if (c == '"') expression += c;
    }
    expression += '"';
    // The last word may be only begun; so may one of Korean, which carries particles; and a letter of a run stands for
    // every pair that it begins.
    if (at == end || is_hangul(at[-1]) || (at == from + 1 && in_run(*from))) expression += " *";
    ++words;
  }
  return expression;
}

}  // namespace lysoen::vault
