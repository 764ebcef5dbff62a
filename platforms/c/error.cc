// Version, last error, ids and bytes.
#include <algorithm>

#include "platforms/c/handle.h"

namespace lysoen::c {

namespace {

// Fixed room, so that an error about memory needs none. Texts are cut between characters.
struct LastError {
  lysoen_code code = LYSOEN_OK;
  lysoen_advice advice = LYSOEN_ADVICE_FIX_INPUT;
  char message[1024] = "";
  char hint[512] = "";
};
thread_local LastError last;

template <size_t N>
void copy_text(char (&out)[N], std::string_view text) {
  size_t size = std::min(text.size(), N - 1);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::memcpy(out, text.data(), size);
  out[size] = '\0';
}

lysoen_code keep(ErrorCode code, Advice advice, std::string_view message, std::string_view hint) {
  last.code = static_cast<lysoen_code>(code);
  last.advice = static_cast<lysoen_advice>(advice);
  copy_text(last.message, message);
  copy_text(last.hint, hint.empty() ? sentence_for(advice) : hint);
  return last.code;
}

}  // namespace

lysoen_code remember(const Error& error) noexcept {
  return keep(error.code, error.advice(), error.message, error.hint);
}
lysoen_code remember_no_memory() noexcept {
  return keep(ErrorCode::internal, Advice::retry_later, "no memory is left",
              "close other programs and open the vault again; what was saved is safe");
}
lysoen_code remember_unexpected() noexcept {
  return keep(ErrorCode::internal, Advice::report_bug, "an unexpected failure inside Lysoen", {});
}

}  // namespace lysoen::c

using namespace lysoen;
using namespace lysoen::c;

extern "C" {

uint32_t lysoen_api_version(void) {
  return LYSOEN_API_VERSION;
}
const char* lysoen_version(void) {
  return LYSOEN_VERSION;
}

lysoen_code lysoen_last_code(void) {
  return last.code;
}
const char* lysoen_last_message(void) {
  return last.message;
}
const char* lysoen_last_hint(void) {
  return last.hint;
}
lysoen_advice lysoen_last_advice(void) {
  return last.advice;
}

const char* lysoen_code_name(lysoen_code code) {
  if (code == LYSOEN_OK) return "ok";
  return name_of(static_cast<ErrorCode>(code)).data();  // literals of the error table end in zero
}

void lysoen_id_hex(const lysoen_id* id, char out[65]) {
  if (!out) return;
  static constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof id->bytes; ++i) {
    uint8_t byte = id ? id->bytes[i] : 0;
    out[2 * i] = kDigits[byte >> 4];
    out[2 * i + 1] = kDigits[byte & 15];
  }
  out[64] = '\0';
}

lysoen_code lysoen_id_from_hex(const char* hex, lysoen_id* out) {
  return guarded([&]() -> Result<void> {
    LYSOEN_C_REQUIRE(hex);
    LYSOEN_C_REQUIRE(out);
    auto id = Hash::from_hex(hex);
    if (!id) return make_error(ErrorCode::input_refused, "an id is 64 hexadecimal digits");
    *out = id_of(*id);
    return {};
  });
}

const uint8_t* lysoen_bytes_data(const lysoen_bytes* bytes) {
  return bytes ? bytes->bytes.data() : nullptr;
}
size_t lysoen_bytes_size(const lysoen_bytes* bytes) {
  return bytes ? bytes->bytes.size() : 0;
}
void lysoen_bytes_free(lysoen_bytes* bytes) {
  if (!bytes) return;
  // Volatile, so that the compiler keeps writes to memory that nobody reads again.
  volatile uint8_t* at = bytes->bytes.data();
  for (size_t i = 0; i < bytes->bytes.size(); ++i) at[i] = 0;
  delete bytes;
}

}  // extern "C"
