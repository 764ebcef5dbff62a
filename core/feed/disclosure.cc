#include "core/feed/disclosure.h"

namespace lysoen::feed {

namespace {

// Every value is a number or hexadecimal: nothing needs escaping.
std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

template <class Items, class Write>
std::string list(const Items& items, const std::string& indent, Write write) {
  if (items.empty()) return "[]";
  std::string out = "[";
  const char* separator = "\n";
  for (const auto& item : items) {
    out += separator + indent + "  " + write(item);
    separator = ",\n";
  }
  return out + "\n" + indent + "]";
}

std::string write_key(const DisclosedKey& key) {
  return "{\"seq\": " + std::to_string(key.seq) + ", \"epoch\": " + std::to_string(key.epoch) +
         ", \"entry_key\": " + quoted(to_hex(key.entry_key.view())) + "}";
}

std::string write_feed(const DisclosedFeed& feed) {
  const std::string indent = "      ";
  return "{\n" + indent + "\"device\": " + quoted(feed.feed.device.hex()) + ",\n" + indent +
         "\"audience\": " + quoted(feed.feed.audience.hex()) + ",\n" + indent +
         "\"incarnation\": " + std::to_string(feed.feed.incarnation) + ",\n" + indent + "\"batches\": " +
         list(feed.batches, indent, [](const Batch& batch) { return quoted(to_hex(encode_batch(batch))); }) + ",\n" +
         indent + "\"keys\": " + list(feed.keys, indent, write_key) + "\n    }";
}

}  // namespace

std::string write_disclosure(const Disclosure& disclosure) {
  return "{\n  \"lysoen\": \"disclosure\",\n  \"version\": 0,\n  \"team\": " + quoted(disclosure.team.hex()) +
         ",\n  \"feeds\": " + list(disclosure.feeds, "  ", write_feed) + "\n}\n";
}

}  // namespace lysoen::feed
