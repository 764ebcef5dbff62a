// A dictionary of 274 bytes, and an edit that was packed with it, as zstd 1.5.4 made them: fixed, so that vectors and
// tests say the same with every version.
#pragma once
#include "core/base/bytes.h"

namespace lysoen::test {

inline constexpr const char* kSmallDictionary =
    "37a430ecd12f01001e10d00a9274ffffffffff9f5fce261120b7fc14299b4d7ba72a4535ee7f99533060b0607162d2070000"
    "0004c0c0882268563220ccc391a4420e0102000000000000000000000000000000b4d16493c4aae348011000000000000000"
    "0000010000000400000008000000706f6c6963652d696e636964656e74207468652066697273742067726f75703b20746865"
    "207365636f6e642067726f75703b206e6f626f64792077617320687572743b2074686520726f61642077617320636c6f7365"
    "6420756e74696c20746865206576656e696e6720616e64206f70656e656420616761696e20696e20746865206d6f726e696e"
    "672e207469746c652063617465676f727920706c61636520";
inline constexpr const char* kPackedEdit =
    "20439d000040743a20616761696e03f09e339af88141d2c0";  // a frame without its magic
inline constexpr std::string_view kUnpackedEdit = "title: the road was closed until the evening; nobody was hurt again";

inline Bytes small_dictionary() {
  return *from_hex(kSmallDictionary);
}

}  // namespace lysoen::test
