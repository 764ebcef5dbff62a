// What the text index is given, and what it is asked: words in any script.
//
// The index (FTS5, unicode61) folds case and the diacritics of Latin letters, and takes a run of letters for a word.
// Done here before it, to text and query alike:
//   - marks that people leave out are taken away: combining accents, Hebrew points, Arabic vowel signs and tatweel;
//     letters of Arabic, Cyrillic and Greek that carry one become their bare letter;
//   - scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are cut into pairs of neighbours, so
//     that any part of a run is found: "abcd" is indexed as "ab bc cd d", and looked for as the phrase "ab bc cd".
// No stemming: what is found holds what was typed.
#pragma once
#include <string>
#include <string_view>

namespace lysoen::vault {

/// Text as it goes into the index.
std::string index_text(std::string_view text);

/// The words of a search as an FTS5 expression: all must occur, the last one may be only begun unless a space follows.
/// Empty if there is no word. Nothing that a person types is syntax.
std::string match_expression(std::string_view search);

}  // namespace lysoen::vault
