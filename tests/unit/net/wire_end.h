// The other end of a loopback connection, by hand: plain sockets, so that every byte is what the test says.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lysoen::test {

/// A connected socket. Reads wait at most 5 s.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Wire() { hang_up(); }
  void hang_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  bool send(std::string_view text) {
    while (!text.empty()) {
      auto done = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (done <= 0) return false;
      text.remove_prefix(static_cast<size_t>(done));
    }
    return true;
  }
  /// At least one byte, or empty at the end (or after 5 s).
  std::string read_some(int wait_ms = kPatience) {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, wait_ms) <= 0) return {};
    char buffer[65536];
    auto came = ::recv(fd_, buffer, sizeof buffer, 0);
    return came > 0 ? std::string(buffer, static_cast<size_t>(came)) : std::string();
  }
  /// Whether the other side closes without another word, however long a loaded machine takes for it.
  bool is_closed() {
    if (fd_ < 0) return true;
    pollfd waiting{fd_, POLLIN, 0};
    char byte;
    return ::poll(&waiting, 1, kPatience) > 0 && ::recv(fd_, &byte, 1, 0) <= 0;
  }
  std::string read_exactly(size_t size) {
    std::string out;
    while (out.size() < size) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, kPatience) <= 0) break;
      std::string piece(size - out.size(), 0);
      auto came = ::recv(fd_, piece.data(), piece.size(), 0);
      if (came <= 0) break;
      out.append(piece.data(), static_cast<size_t>(came));
    }
    return out;
  }
  std::string read_to_end() {
    std::string out;
    for (std::string piece; !(piece = read_some()).empty();) out += piece;
    return out;
  }
  /// One HTTP message with a Content-Length: head and body.
  std::string read_message() {
    std::string out;
    for (;;) {
      auto head_end = out.find("\r\n\r\n");
      if (head_end != std::string::npos) {
        auto at = out.find("Content-Length: ");
        size_t size = at == std::string::npos ? 0 : static_cast<size_t>(std::stoul(out.substr(at + 16)));
        if (out.size() >= head_end + 4 + size) return out;
      }
      auto piece = read_some();
      if (piece.empty()) return out;
      out += piece;
    }
  }
  static Wire to(uint16_t port) {
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::close(std::exchange(fd, -1));
    return Wire(fd);
  }

 private:
  static constexpr int kPatience = 30000;  // milliseconds
  int fd_;
};

/// Listens on a free loopback port and lets `serve` speak with each connection, one after another.
class HandServer {
 public:
  explicit HandServer(std::function<void(Wire&)> serve) : serve_(std::move(serve)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 16);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      while (!ending_) {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, 20) <= 0) continue;
        Wire wire(::accept(fd_, nullptr, nullptr));
        ++connections;
        serve_(wire);
      }
    });
  }
  ~HandServer() {
    ending_ = true;
    thread_.join();
    ::close(fd_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }

  uint16_t port = 0;
  std::atomic<int> connections{0};

 private:
  std::function<void(Wire&)> serve_;
  int fd_ = -1;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

/// A port that nobody listens on.
inline uint16_t closed_port() {
  HandServer server([](Wire&) {});
  return server.port;
}

}  // namespace lysoen::test
