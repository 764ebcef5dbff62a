// A passphrase between where it was typed and where it becomes a key: one place in memory that never grows or moves,
// wiped when it goes.
#pragma once
#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace lysoen::cli {

class SecretText {
 public:
  static constexpr size_t kSizeMax = 1024;

  SecretText() = default;
  ~SecretText() { wipe(); }
  SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {}
  SecretText& operator=(SecretText&& other) noexcept {
    std::swap(text_, other.text_);
    std::swap(size_, other.size_);
    return *this;
  }

  /// False if there is no room for more.
  bool append(char byte) {
    if (size_ == kSizeMax) return false;
    (*text_)[size_++] = byte;
    return true;
  }
  void drop_last() { (*text_)[--size_] = 0; }
  std::string_view view() const { return {text_ ? text_->data() : "", size_}; }
  operator std::string_view() const { return view(); }

 private:
  void wipe() {
    volatile char* at = text_ ? text_->data() : nullptr;
    for (; size_ > 0; --size_, ++at) *at = 0;
  }
  std::unique_ptr<std::array<char, kSizeMax>> text_ = std::make_unique<std::array<char, kSizeMax>>();
  size_t size_ = 0;
};

}  // namespace lysoen::cli
