// Edits that somebody might have written with a form: its questions and choices, and invented answers in the languages
// of phrases/. The same seed gives the same bytes, on every machine.
#pragma once
#include <lysoen/form.h>
#include <lysoen/ids.h>

namespace lysoen::dictionary {

/// The invented sentences, one language after another. A part of them is held back from dictionaries, so that what is
/// not in a dictionary can be measured too: real reports never are.
enum class Phrases { kept, held_back };
std::vector<std::string> phrases(Phrases which);

struct SampleOptions {
  uint64_t seed = 1;
  size_t count = 1000;
  Phrases phrases = Phrases::kept;
  bool long_texts = true;  // else a word stands where people tell what happened
};
/// Encoded edits, creating ones and those in which sources and persons travel. Errors: those of encode_edit.
Result<std::vector<Bytes>> sample_edits(const Form& form, const SampleOptions& options);

}  // namespace lysoen::dictionary
