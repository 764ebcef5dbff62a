// One connection of a load: non-blocking, speaking HTTP by hand, so that it can be as slow or as wrong as it likes.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace lysoen::load {

struct Message {
  int status = 0;
  std::string body;
};

class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { close(); }

  /// To the loopback. `receive_buffer`: how little the system keeps for us, or 0. False: no connection.
  bool open(uint16_t port, int receive_buffer = 0) {
    close();
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return false;
    if (receive_buffer) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in at{};
    at.sin_family = AF_INET, at.sin_port = htons(port), at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return close(), false;
    int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    return true;
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    out_.clear(), in_.clear();
  }
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  void send(std::string_view bytes) { out_ += bytes, push(); }
  bool has_more_to_send() const { return !out_.empty(); }
  /// What fits goes out. A broken connection shows in pull().
  void push() {
    while (!out_.empty()) {
      auto done = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
      if (done <= 0) return;
      out_.erase(0, static_cast<size_t>(done));
    }
  }
  /// Takes what has come. False: the other side has closed.
  bool pull() {
    char buffer[65536];
    for (;;) {
      auto came = ::recv(fd_, buffer, sizeof buffer, 0);
      if (came < 0) return errno == EAGAIN || errno == EINTR;
      if (came == 0) return false;
      in_.append(buffer, static_cast<size_t>(came));
    }
  }
  /// A whole message, if one is here.
  std::optional<Message> message() {
    auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    auto at = in_.find("Content-Length: ");
    size_t size = at < end ? static_cast<size_t>(std::stoul(in_.substr(at + 16))) : 0;
    if (in_.size() < end + 4 + size) return std::nullopt;
    Message message{std::stoi(in_.substr(9)), in_.substr(end + 4, size)};
    in_.erase(0, end + 4 + size);
    return message;
  }

 private:
  int fd_ = -1;
  std::string out_, in_;
};

inline std::string post_head(size_t size) {
  return "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

}  // namespace lysoen::load
