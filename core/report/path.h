// Paths of answers inside one report: "place", "victims[i-1]/name", "visits[i-2]/persons[i-51f03a9c0d7e]/age".
//
// A path is a list of names joined by '/'; a name that repeats carries its item's id in brackets. Item ids are written
// "i-" and the number in lower-case hexadecimal. A label without a hyphen ("new1") asks for a new item and never occurs
// in an edit. A path that ends in brackets is the item itself.
#pragma once
#include <lysoen/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lysoen::report {

constexpr size_t kPathSizeMax = 512;
constexpr size_t kPathStepsMax = 16;
constexpr size_t kItemDepthMax = 4;                // repeats inside repeats
constexpr uint64_t kFirstRandomItem = 1ull << 32;  // ids below are for creating edits, which nothing is concurrent with
constexpr uint64_t kItemIdEnd = 1ull << 56;        // so that an id takes at most eight bytes as a varint

struct PathStep {
  std::string name;
  std::string label;  // in brackets; empty if there are none
  bool operator==(const PathStep&) const = default;
};

/// The steps, or nothing if the text is no path. Names: as in XML, without colon.
std::optional<std::vector<PathStep>> split_path(std::string_view path);
std::string join_path(const std::vector<PathStep>& steps);
/// Without what is in brackets: "victims/name", the path that a form knows.
std::string form_path(std::string_view path);
/// Ends in brackets: names an item, not a question.
bool is_item_path(std::string_view path);
/// `path` is `item` or lies inside it.
bool is_within(std::string_view path, std::string_view item);
/// The items that a path goes through, outermost first: "a[i-1]", "a[i-1]/b[i-2]".
std::vector<std::string> items_of(std::string_view path);

std::string item_label(uint64_t id);
/// The id, or nothing for the label of a new item and for anything else. Zero is no id.
std::optional<uint64_t> item_id(std::string_view label);

// Order of items: byte strings compared as unsigned bytes, ties by item id (fractional indexing). Between any two
// different keys there is room for another one.
constexpr size_t kOrderSizeMax = 64;
/// The key of an item whose edit gives none: in order of the small ids, then the random ones.
std::string default_order(uint64_t id);
/// A key after `low` and before `high`; empty stands for no bound. Requires low < high where both are given. Nothing if
/// it would be longer than kOrderSizeMax; the item then takes its default key.
std::optional<std::string> order_between(std::string_view low, std::string_view high);

}  // namespace lysoen::report
