// A form's dictionary, made from the form's questions and choices and from invented answers (samples.h); nothing that
// anybody reported is in it. The same form and phrases give the same bytes with one version of zstd (kZstdVersion made
// those that ship).
#pragma once
#include <lysoen/form.h>
#include <lysoen/ids.h>

namespace lysoen::dictionary {

inline constexpr unsigned kZstdVersion = 10504;  // 1.5.4, of Debian 12
/// Whether the zstd that runs is that version: another one may choose otherwise.
bool is_zstd_version();

/// Errors: input_refused (a form without questions), those of encode_edit.
Result<Bytes> make_dictionary(const Form& form);
/// A dictionary from edits that are at hand, for benchmarks: never from what people reported. Errors: input_refused
/// (too few, too alike).
Result<Bytes> train_dictionary(std::span<const Bytes> edits);

/// The form's text with `dictionary` in the place of its first one, or before the end of its head; the others stay.
/// Errors: input_refused (no prefix `lysoen` for urn:lysoen:form, no head).
Result<std::string> with_dictionary(std::string_view xform, ByteView dictionary);

}  // namespace lysoen::dictionary
