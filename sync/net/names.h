// Names to addresses. The system's resolver blocks for as long as it likes (minutes, where a network swallows its
// questions) and cannot be told to stop; here whoever asks need not wait for it, not even to end.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

namespace lysoen::net {

class Names {
 public:
  using Addresses = boost::asio::ip::tcp::resolver::results_type;
  using Done = std::function<void(boost::system::error_code, Addresses)>;

  /// `io` outlives it.
  explicit Names(boost::asio::io_context& io);
  /// No `done` is called from here on. A question that is still open is left behind with its thread.
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// Asks on a thread of its own; `done` runs on `io`, never inside this call, and may outlive whoever it speaks to.
  void look_up(const std::string& host, uint16_t port, Done done);

 private:
  struct Gate;
  std::shared_ptr<Gate> gate_;
};

}  // namespace lysoen::net
