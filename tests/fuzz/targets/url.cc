// Addresses: what is taken has the parts it says.
#include "sync/net/url.h"
#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using namespace lysoen::net;
using fuzz::require;

namespace {

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for (std::string_view text :
       {"http://127.0.0.1:8080", "https://relay.example.org/path/x", "https://[2001:db8::1]:443/",
        "http://abcdefghij234567.onion", "127.0.0.1:0", "[::1]:8080", "localhost:65535"})
    seeds.push_back(to_bytes(as_bytes(text)));
  return seeds;
}

void fuzz::run(ByteView input) {
  auto text = as_text(input);
  if (auto url = parse_url(text); url.ok()) {
    require(text.size() <= 512, "an address keeps to its limit");
    require(!url->host.empty() && url->port != 0 && plain(url->host), "a host is a name");
    require(url->target.starts_with('/') && plain(url->target), "a target is a path: it cannot end the request's line");
    auto again = parse_url((url->tls ? "https://" : "http://") + url->authority() + url->target);
    require(again.ok() && again->tls == url->tls && again->host == url->host && again->port == url->port &&
                again->target == url->target,
            "an address put together again says the same");
  }
  for (auto parse : {parse_host_port, parse_listen})
    if (auto at = parse(text); at.ok()) require(!at->host.empty() && plain(at->host), "a host is a name");
}
