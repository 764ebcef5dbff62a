// What stands behind the C header: the handles, the guard at the boundary, and how structs of other versions are read.
#pragma once
#include <lysoen/vault.h>

#include <cstring>
#include <new>

#include "core/base/try.h"
#include "platforms/c/lysoen.h"

/// Syncs share the vault, so that the order of freeing does not matter.
struct lysoen_vault {
  std::shared_ptr<lysoen::Vault> vault;
};

struct lysoen_bytes {
  lysoen::Bytes bytes;
};

namespace lysoen::c {

/// Keeps the error as this thread's last one and answers its code. Allocates nothing.
lysoen_code remember(const Error& error) noexcept;
lysoen_code remember_no_memory() noexcept;
lysoen_code remember_unexpected() noexcept;

/// Every function that can fail is one of these: nothing thrown leaves the library. The core throws nothing itself;
/// what is caught is want of memory, and whatever a third party forgot.
template <class Body>
lysoen_code guarded(Body&& body) noexcept {
  try {
    Result<void> done = body();
    return done.ok() ? LYSOEN_OK : remember(done.error());
  } catch (const std::bad_alloc&) {
    return remember_no_memory();
  } catch (...) {
    return remember_unexpected();
  }
}

inline Error null_argument(const char* name) {
  return make_error(ErrorCode::usage, std::string("argument '") + name + "' is a null pointer");
}

#define LYSOEN_C_REQUIRE(pointer)                                \
  do {                                                           \
    if (!(pointer)) return ::lysoen::c::null_argument(#pointer); \
  } while (false)

/// A struct of the caller's, perhaps compiled against an older or newer header: what it lacks stays as in `defaults`,
/// what is unknown here is ignored.
template <class T>
Result<T> read_struct(const T* given, T defaults) {
  if (!given) return defaults;
  if (given->size < sizeof given->size)
    return make_error(ErrorCode::usage, "a struct does not say its size", "fill it with its _INIT macro");
  std::memcpy(&defaults, given, std::min(given->size, sizeof defaults));
  return defaults;
}

/// Fills as much of the caller's struct as it has room for.
template <class T>
Result<void> write_struct(T* out, T full) {
  if (out->size < sizeof out->size)
    return make_error(ErrorCode::usage, "a struct does not say its size", "fill it with its _INIT macro");
  full.size = out->size;
  std::memcpy(out, &full, std::min(out->size, sizeof full));
  return {};
}

inline ByteView bytes_of(const uint8_t* data, size_t size) {
  return size == 0 ? ByteView() : ByteView(data, size);
}

template <class Tag>
lysoen_id id_of(const Id<Tag>& id) {
  lysoen_id out;
  std::memcpy(out.bytes, id.bytes.data(), sizeof out.bytes);
  return out;
}
template <class IdType>
IdType id_from(const lysoen_id& id) {
  return *IdType::from(id.bytes);
}

inline int64_t ms_of(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace lysoen::c
