#include "core/report/edit.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/base/try.h"
#include "core/report/edit_rules.h"
#include "core/report/path.h"
#include "core/report/strict.h"
#include "core/report/value_wire.h"

namespace lysoen::report {

namespace {

std::string raw(ByteView bytes) {
  return std::string(as_text(bytes));
}

Error refused(std::string_view why) {
  return make_error(ErrorCode::input_refused, "cannot read edit: " + std::string(why));
}

// -- Writing ---------------------------------------------------------------------------------------------------------

// A path taken apart: the items it goes through, and what is below the innermost.
struct Place {
  std::vector<std::pair<std::string, uint64_t>> items;
  std::string rest;
};

Place place_of(const std::string& path) {
  Place place;
  const auto steps = split_path(path);
  for (const auto& step : *steps) {
    place.rest += (place.rest.empty() ? "" : "/") + step.name;
    if (step.label.empty()) continue;
    place.items.emplace_back(std::move(place.rest), *item_id(step.label));
    place.rest.clear();
  }
  return place;
}

// "<64 hexadecimal digits>:<row>", as imports name their rows, takes 34 bytes less.
void put_origin(const std::string& origin, v0::Create& out) {
  uint64_t row = 0;
  if (origin.size() > 65 && origin[64] == ':') {
    auto file = from_hex(origin.substr(0, 64));
    auto digits = std::string_view(origin).substr(65);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), row);
    if (file && error == std::errc() && end == digits.data() + digits.size() && row > 0 &&
        to_hex(*file) + ":" + std::to_string(row) == origin) {
      out.set_origin_file(raw(*file));
      out.set_origin_row(row);
      return;
    }
  }
  out.set_origin(origin);
}

template <class Message>
void put_opening(const std::array<uint8_t, 32>& key, const Hash& content, Message& out) {
  out.set_key(raw(key));
  out.set_content(raw(content.view()));
}

void put_secret(const BlobSecret& secret, v0::Attachment& out) {
  put_opening(secret.key, secret.content, out);
  if (!secret.thumbnail) return;
  auto& thumbnail = *out.mutable_thumbnail();
  thumbnail.set_blob(raw(secret.thumbnail->blob.view()));
  thumbnail.set_size(secret.thumbnail->size);
  put_opening(secret.thumbnail->key, secret.thumbnail->content, thumbnail);
}

class Encoder {
 public:
  explicit Encoder(const Edit& edit) : edit_(edit) {}

  Result<Bytes> encode() {
    put_head();
    for (const auto& list : all_superseded()) seen_.insert(seen_.end(), list->begin(), list->end());
    std::sort(seen_.begin(), seen_.end());
    seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
    if (seen_.size() > kSeenMax)
      return make_error(ErrorCode::limit_exceeded, "not an edit: it names more than 4,096 edits");
    for (const auto& id : seen_) out_.add_seen(raw(id.view()));
    put_groups();
    if (edit_.status) {
      out_.mutable_status()->set_status(static_cast<uint32_t>(edit_.status->status));
      out_.mutable_status()->set_reason(edit_.status->reason);
      put_supersedes(edit_.status->supersedes, *out_.mutable_status());
    }
    if (edit_.retraction) {
      out_.mutable_retraction()->set_taken_back(!edit_.retraction->retracted);
      out_.mutable_retraction()->set_reason(edit_.retraction->reason);
      put_supersedes(edit_.retraction->supersedes, *out_.mutable_retraction());
    }
    for (const auto& device : edit_.co_authors) out_.add_co_authors(raw(device.view()));
    Bytes bytes(out_.ByteSizeLong());
    if (bytes.size() > kEditSizeMax)
      return make_error(ErrorCode::limit_exceeded, "report is larger than 256 KiB",
                        "shorten it, or attach long texts as documents");
    out_.SerializeWithCachedSizesToArray(bytes.data());
    return bytes;
  }

 private:
  void put_head() {
    if (edit_.creation) {
      out_.mutable_create()->set_form(edit_.creation->form_id);
      out_.mutable_create()->set_version(edit_.creation->form_version);
      put_origin(edit_.creation->origin, *out_.mutable_create());
    } else {
      out_.set_report(raw(edit_.report.view()));
    }
    out_.set_claimed_ms(edit_.claimed.time_since_epoch().count());
    out_.set_monotonic_ms(edit_.monotonic_ms);
    out_.set_roster_version(edit_.roster_version);
    out_.set_first_submission(edit_.first_submission);
  }

  std::vector<const std::vector<EditId>*> all_superseded() const {
    std::vector<const std::vector<EditId>*> lists;
    for (const auto& item : edit_.items) lists.push_back(&item.supersedes);
    for (const auto& write : edit_.writes) lists.push_back(&write.supersedes);
    if (edit_.status) lists.push_back(&edit_.status->supersedes);
    if (edit_.retraction) lists.push_back(&edit_.retraction->supersedes);
    return lists;
  }

  void put_groups() {
    struct Contents {
      const ItemWrite* item = nullptr;
      std::vector<std::pair<std::string, const Write*>> writes;
    };
    std::map<std::vector<std::pair<std::string, uint64_t>>, Contents> groups;
    for (const auto& item : edit_.items) groups[place_of(item.path).items].item = &item;
    for (const auto& write : edit_.writes) {
      auto place = place_of(write.path);
      groups[place.items].writes.emplace_back(place.rest, &write);
    }
    for (const auto& [items, contents] : groups) {
      auto* group = out_.add_groups();
      for (const auto& [repeat, id] : items) {
        auto* item = group->add_items();
        item->set_repeat(repeat);
        item->set_id(id);
      }
      if (contents.item) {
        group->mutable_item()->set_removed(!contents.item->present);
        group->mutable_item()->set_order(contents.item->order);
        put_supersedes(contents.item->supersedes, *group->mutable_item());
      }
      for (const auto& [path, write] : contents.writes) {
        auto* set = group->add_sets();
        set->set_path(path);
        if (write->value) put_value(*write->value, *set);
        if (write->secret) put_secret(*write->secret, *set->mutable_attachment());
        put_supersedes(write->supersedes, *set);
      }
    }
  }

  template <class Message>
  void put_supersedes(const std::vector<EditId>& ids, Message& out) {
    for (const auto& id : ids)
      out.add_supersedes(static_cast<uint32_t>(std::lower_bound(seen_.begin(), seen_.end(), id) - seen_.begin()));
  }

  const Edit& edit_;
  v0::Edit out_;
  std::vector<EditId> seen_;
};

// -- Reading ---------------------------------------------------------------------------------------------------------

template <class Message>
bool take_opening(const Message& in, std::array<uint8_t, 32>& key, Hash& content) {
  Reader first(as_bytes(in.key())), second(as_bytes(in.content()));
  key = first.array<32>(), content = second.id<Hash>();
  return first.done() && second.done();
}

Result<std::optional<BlobSecret>> take_secret(const v0::Attachment& in) {
  if (in.key().empty()) return std::optional<BlobSecret>();
  BlobSecret secret;
  if (!take_opening(in, secret.key, secret.content)) return refused("the key of an attachment is malformed");
  if (!in.has_thumbnail()) return std::optional(secret);
  ThumbnailSecret thumbnail;
  auto blob = BlobId::from(as_bytes(in.thumbnail().blob()));
  if (!blob || !take_opening(in.thumbnail(), thumbnail.key, thumbnail.content))
    return refused("the key of a thumbnail is malformed");
  thumbnail.blob = *blob, thumbnail.size = in.thumbnail().size();
  secret.thumbnail = thumbnail;
  return std::optional(secret);
}

class Decoder {
 public:
  explicit Decoder(const v0::Edit& in) : in_(in) {}

  Result<Edit> decode() {
    if (!take_head() || !take_ids(in_.seen(), seen_) || !take_ids(in_.co_authors(), edit_.co_authors))
      return refused("an id in it is malformed");
    for (const auto& group : in_.groups()) LYSOEN_TRY(take_group(group));
    if (in_.has_status()) {
      if (in_.status().status() > static_cast<uint32_t>(Status::closed))
        return make_error(ErrorCode::newer_version, "cannot read edit: it has a status that this version does not know",
                          "update Lysoen; the edit is kept until then");
      edit_.status = StatusWrite{static_cast<Status>(in_.status().status()), in_.status().reason(), {}};
      LYSOEN_TRY(take_supersedes(in_.status(), edit_.status->supersedes));
    }
    if (in_.has_retraction()) {
      edit_.retraction = RetractionWrite{!in_.retraction().taken_back(), in_.retraction().reason(), {}};
      LYSOEN_TRY(take_supersedes(in_.retraction(), edit_.retraction->supersedes));
    }
    return std::move(edit_);
  }

 private:
  template <class Ids, class IdType>
  bool take_ids(const Ids& in, std::vector<IdType>& out) {
    for (const auto& bytes : in) {
      auto id = IdType::from(as_bytes(bytes));
      if (!id) return false;
      out.push_back(*id);
    }
    return true;
  }

  bool take_head() {
    if (in_.has_create()) {
      const auto& create = in_.create();
      edit_.creation = Edit::Creation{create.form(), create.version(), create.origin()};
      if (!create.origin_file().empty())
        edit_.creation->origin = to_hex(as_bytes(create.origin_file())) + ":" + std::to_string(create.origin_row());
    }
    if (!in_.report().empty()) {
      auto id = ReportId::from(as_bytes(in_.report()));
      if (!id) return false;
      edit_.report = *id;
    }
    edit_.claimed = WallTime(std::chrono::milliseconds(in_.claimed_ms()));
    edit_.monotonic_ms = in_.monotonic_ms();
    edit_.roster_version = in_.roster_version();
    edit_.first_submission = in_.first_submission();
    return true;
  }

  Result<void> take_group(const v0::Group& group) {
    std::string prefix;
    for (const auto& item : group.items())
      prefix += (prefix.empty() ? "" : "/") + item.repeat() + "[" + item_label(item.id()) + "]";
    if (group.has_item()) {
      if (prefix.empty()) return refused("an item in it has no repeat");
      ItemWrite item{prefix, !group.item().removed(), group.item().order(), {}};
      LYSOEN_TRY(take_supersedes(group.item(), item.supersedes));
      edit_.items.push_back(std::move(item));
    }
    for (const auto& set : group.sets()) {
      LYSOEN_ASSIGN(auto value, take_value(set));
      Write write{prefix.empty() ? set.path() : prefix + "/" + set.path(), std::move(value), {}};
      if (set.has_attachment()) {
        LYSOEN_ASSIGN(write.secret, take_secret(set.attachment()));
      }
      LYSOEN_TRY(take_supersedes(set, write.supersedes));
      edit_.writes.push_back(std::move(write));
    }
    return {};
  }

  template <class Message>
  Result<void> take_supersedes(const Message& in, std::vector<EditId>& out) {
    for (uint32_t index : in.supersedes()) {
      if (index >= seen_.size()) return refused("it supersedes an edit that it does not list");
      out.push_back(seen_[index]);
    }
    // One edit's bytes may name the same ids in every field: this bounds what they unfold to.
    superseded_ += static_cast<size_t>(in.supersedes_size());
    if (superseded_ > 4 * kSeenMax)
      return make_error(ErrorCode::limit_exceeded, "cannot read edit: it supersedes too much");
    return {};
  }

  const v0::Edit& in_;
  Edit edit_;
  std::vector<EditId> seen_;
  size_t superseded_ = 0;
};

}  // namespace

Result<Bytes> encode_edit(Edit edit) {
  put_in_order(edit);
  LYSOEN_TRY(check_edit(edit));
  return Encoder(edit).encode();
}

Result<Edit> decode_kept_edit(ByteView bytes) {
  v0::Edit message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return refused("it is malformed");
  return Decoder(message).decode();
}

Result<Edit> decode_edit(ByteView bytes) {
  LYSOEN_TRY(check_edit_bytes(bytes));
  LYSOEN_ASSIGN(auto edit, decode_kept_edit(bytes));
  LYSOEN_TRY(check_edit(edit));
  // Whatever else protobuf lets pass: an edit has one encoding, and this is not it.
  auto again = Encoder(edit).encode();
  if (!again.ok() || !std::equal(again->begin(), again->end(), bytes.begin(), bytes.end()))
    return refused("it is not in the one encoding that it may have");
  return edit;
}

}  // namespace lysoen::report
