#include "core/team/admission.h"

#include <algorithm>

#include "core/base/try.h"
#include "core/team/layout.h"

namespace lysoen::team {
namespace {

constexpr std::string_view kLabel = "lysoen/1 admission list";

// format u8, suite u8, root 32, version u64, previous 32, issued u64, admins u16 ‖ each 32, devices u32 ‖ each (device
// 32, quota u8, mailboxes u8 ‖ each 32), invites u16 ‖ each (key 32, expires u64), signer 32
Bytes body_of(const AdmissionList& list) {
  Writer out;
  out.u8(kFormat).u8(kSuite).raw(list.root).u64(list.version).id(list.previous);
  layout::put_time(out, list.issued);
  out.u16(static_cast<uint16_t>(list.admins.size()));
  for (const auto& admin : list.admins) out.id(admin);
  out.u32(static_cast<uint32_t>(list.devices.size()));
  for (const auto& admitted : list.devices) {
    out.id(admitted.device)
        .u8(static_cast<uint8_t>(admitted.quota))
        .u8(static_cast<uint8_t>(admitted.mailboxes.size()));
    for (const auto& mailbox : admitted.mailboxes) out.id(mailbox);
  }
  out.u16(static_cast<uint16_t>(list.invites.size()));
  for (const auto& open : list.invites) {
    out.id(open.invite);
    layout::put_time(out, open.expires);
  }
  return std::move(out.raw(list.signer)).bytes();
}

Admitted take_admitted(Reader& in) {
  Admitted admitted;
  admitted.device = in.id<DeviceId>();
  uint8_t quota = in.u8();
  if (quota < 1 || quota > 2 || admitted.device.is_none()) in.fail();
  admitted.quota = static_cast<QuotaClass>(quota);
  size_t mailboxes = in.u8();
  admitted.mailboxes = layout::take_sorted_ids<AudienceId>(in, mailboxes, kMailboxesMax);
  return admitted;
}

/// Sorts by `key`; false if one stands there twice.
template <class T, class Key>
bool sort_once(std::vector<T>& all, Key key) {
  std::sort(all.begin(), all.end(), [&](const T& a, const T& b) { return key(a) < key(b); });
  auto same = [&](const T& a, const T& b) { return key(a) == key(b); };
  return std::adjacent_find(all.begin(), all.end(), same) == all.end();
}

const auto kDevice = [](const Admitted& admitted) { return admitted.device; };
const auto kInvite = [](const OpenInvite& open) { return open.invite; };
const auto kSelf = [](const auto& id) { return id; };

AdmissionVerdict refused(AdmissionOutcome outcome, std::string why) {
  return {outcome, "admission list refused: " + std::move(why)};
}

/// Who may sign what follows `current`; the reason if `signer` may not.
std::optional<std::string> not_allowed(const AdmissionList* current, const AdmissionList& next) {
  if (next.signer == next.root) return std::nullopt;
  if (!current) return "the first one must be signed by the team's root";
  if (!current->is_admin(DeviceId{next.signer})) return "its signer is no admin of this team";
  if (current->admins != next.admins) return "it changes who is admin, which only the team's root may do";
  return std::nullopt;
}

}  // namespace

const Admitted* AdmissionList::find(const DeviceId& device) const {
  auto at = std::lower_bound(devices.begin(), devices.end(), device,
                             [](const Admitted& admitted, const DeviceId& id) { return admitted.device < id; });
  return at != devices.end() && at->device == device ? &*at : nullptr;
}

const OpenInvite* AdmissionList::find_invite(const Hash& invite) const {
  for (const auto& open : invites)
    if (open.invite == invite) return &open;
  return nullptr;
}

bool AdmissionList::is_admin(const DeviceId& device) const {
  return std::binary_search(admins.begin(), admins.end(), device);
}

Bytes encode_admission(const AdmissionList& list) {
  Bytes bytes = body_of(list);
  bytes.insert(bytes.end(), list.signature.begin(), list.signature.end());
  return bytes;
}

Result<AdmissionList> decode_admission(ByteView bytes) {
  if (bytes.size() > kAdmissionListMax)
    return make_error(ErrorCode::limit_exceeded, "cannot read the admission list: larger than 4 MiB");
  LYSOEN_TRY(layout::check_format(bytes, "the admission list"));
  Reader in(bytes.subspan(1));
  AdmissionList list;
  if (in.u8() != kSuite) in.fail();
  list.root = in.array<32>();
  list.version = in.u64();
  list.previous = in.id<Hash>();
  list.issued = layout::take_time(in);
  size_t admins = in.u16();
  list.admins = layout::take_sorted_ids<DeviceId>(in, admins, kAdmissionAdminsMax);
  uint32_t devices = in.u32();
  if (devices > kAdmittedMax) in.fail();
  for (uint32_t i = 0; i < devices && in.ok(); ++i) {
    list.devices.push_back(take_admitted(in));
    if (i > 0 && !(list.devices[i - 1].device < list.devices[i].device)) in.fail();
  }
  size_t invites = in.u16();
  if (invites > kOpenInvitesMax) in.fail();
  for (size_t i = 0; i < invites && in.ok(); ++i) {
    OpenInvite open;
    open.invite = in.id<Hash>();
    open.expires = layout::take_time(in);
    list.invites.push_back(open);
    if (i > 0 && !(list.invites[i - 1].invite < open.invite)) in.fail();
  }
  list.signer = in.array<32>();
  list.signature = in.array<64>();
  if (!in.done() || list.version == 0 || (list.version == 1) != list.previous.is_none())
    return layout::damaged("the admission list");
  return list;
}

Hash admission_hash(const AdmissionList& list) {
  return crypto::labelled_hash(kLabel, body_of(list));
}

Result<AdmissionList> next_admission(const AdmissionList* current, const crypto::SignPublic& root,
                                     AdmissionContents contents, const crypto::SigningKey& signer, WallTime now) {
  auto failed = [](ErrorCode code, const std::string& why) {
    return make_error(code, "cannot make the admission list: " + why);
  };
  std::erase_if(contents.invites, [&](const OpenInvite& open) { return open.expires < now; });
  bool once =
      sort_once(contents.admins, kSelf) && sort_once(contents.devices, kDevice) && sort_once(contents.invites, kInvite);
  for (auto& admitted : contents.devices) once = sort_once(admitted.mailboxes, kSelf) && once;
  if (!once) return failed(ErrorCode::input_refused, "a device, mailbox or invite stands in it twice");
  AdmissionList list;
  list.root = root;
  list.version = current ? current->version + 1 : 1;
  if (current) list.previous = admission_hash(*current);
  list.issued = now;
  list.admins = std::move(contents.admins);
  list.devices = std::move(contents.devices);
  list.invites = std::move(contents.invites);
  list.signer = signer.public_key();
  if (auto why = not_allowed(current, list)) return failed(ErrorCode::trust_refused, *why);
  list.signature = signer.sign(kLabel, body_of(list));
  // The limits are the decoder's: what it would refuse is not made.
  if (!decode_admission(encode_admission(list)))
    return failed(ErrorCode::limit_exceeded, "too many devices, admins, mailboxes or invites");
  return list;
}

std::string_view name_of(AdmissionOutcome outcome) {
  switch (outcome) {
    case AdmissionOutcome::accepted:
      return "accepted";
    case AdmissionOutcome::same:
      return "same";
    case AdmissionOutcome::older:
      return "older";
    case AdmissionOutcome::ahead:
      return "ahead";
    case AdmissionOutcome::fork:
      return "fork";
    case AdmissionOutcome::foreign_root:
      return "foreign root";
    case AdmissionOutcome::not_allowed:
      return "not allowed";
  }
  return "unknown";
}

Error AdmissionVerdict::error() const {
  auto code = outcome == AdmissionOutcome::ahead ? ErrorCode::not_found : ErrorCode::trust_refused;
  return make_error(code, reason);
}

AdmissionVerdict verify_admission(const AdmissionList* current, const AdmissionList& candidate,
                                  const crypto::SignPublic& root) {
  if (candidate.root != root) return refused(AdmissionOutcome::foreign_root, "it is another team's");
  if (!crypto::verify(candidate.signer, kLabel, body_of(candidate), candidate.signature))
    return refused(AdmissionOutcome::not_allowed, "its signature does not verify");
  uint64_t held = current ? current->version : 0;
  auto number = std::to_string(candidate.version);
  if (current && candidate.version == held && admission_hash(candidate) == admission_hash(*current))
    return {AdmissionOutcome::same, {}};
  if (candidate.version < held)
    return refused(AdmissionOutcome::older,
                   "version " + number + " is older than the one held (" + std::to_string(held) + ")");
  const bool start = !current && candidate.signer == root;  // a relay that holds none begins where the root says
  if (candidate.version > held + 1 && !start)
    return refused(AdmissionOutcome::ahead, "versions before " + number + " are missing");
  if (candidate.version == held || (current && candidate.previous != admission_hash(*current)))
    return refused(AdmissionOutcome::fork, "it does not follow from the one held");
  if (auto why = not_allowed(current, candidate)) return refused(AdmissionOutcome::not_allowed, *why);
  return {AdmissionOutcome::accepted, {}};
}

}  // namespace lysoen::team
