#include "sync/net/names.h"

#include <boost/asio/post.hpp>
#include <mutex>
#include <system_error>
#include <thread>

namespace lysoen::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// What a thread that was left behind may still touch.
struct Names::Gate {
  std::mutex mutex;
  asio::io_context* io;  // null once nobody waits any more

  void answer(Done done, error_code error, Addresses found) {
    std::lock_guard hold(mutex);
    if (io) asio::post(*io, [done = std::move(done), error, found = std::move(found)] { done(error, found); });
  }
};

Names::Names(asio::io_context& io) : gate_(std::make_shared<Gate>()) {
  gate_->io = &io;
}

Names::~Names() {
  std::lock_guard hold(gate_->mutex);
  gate_->io = nullptr;
}

void Names::look_up(const std::string& host, uint16_t port, Done done) {
  auto ask = [gate = gate_, host, port, done] {
    asio::io_context nothing;  // a question asked like this runs on this thread alone
    error_code error;
    auto found = tcp::resolver(nothing).resolve(host, std::to_string(port), error);
    gate->answer(done, error, std::move(found));
  };
  try {
    std::thread(ask).detach();
  } catch (const std::system_error&) {
    gate_->answer(done, asio::error::no_memory, {});
  }
}

}  // namespace lysoen::net
