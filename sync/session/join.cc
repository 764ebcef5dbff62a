#include "sync/session/join.h"

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/try.h"
#include "sync/session/answer.h"
#include "sync/session/hello.h"
#include "sync/session/keys.h"

namespace lysoen::session {

using wire::FrameType;
using wire::VerdictCode;

struct JoinExchange::State {
  JoinTicket ticket;
  Environment environment;
  PublicKey encapsulation{};
  std::optional<crypto::Key32> answer_key;

  Result<Bytes> send(ByteView join_request);
};

JoinExchange::JoinExchange(JoinTicket ticket, Environment environment)
    : state_(std::make_unique<State>(State{std::move(ticket), environment, {}, {}})) {}
JoinExchange::~JoinExchange() = default;
JoinExchange::JoinExchange(JoinExchange&&) noexcept = default;

/// A joiner holds no exchange key: always sealed to the fallback key that the invite names.
Result<Bytes> JoinExchange::State::send(ByteView join_request) {
  const auto& relay = ticket.relay;
  LYSOEN_ASSIGN(auto sender,
                crypto::hpke_send(relay.fallback_key, request_info(relay.id, relay.fallback_key), environment.random));
  encapsulation = sender.encapsulation;
  answer_key = export_answer_key(sender.context);
  Bytes prefix = to_bytes(gate_mac(relay.gate_key, encapsulation));
  prefix.insert(prefix.end(), encapsulation.begin(), encapsulation.end());
  FrameSealer out(FrameKey::of_request(std::move(sender.context)), std::move(prefix));
  wire::JoinPost post;
  post.team = ticket.team;
  post.invite_key = ticket.invite_key;
  post.version_min = wire::kVersionMin, post.version_max = wire::kVersion;
  post.request = to_bytes(join_request);
  LYSOEN_ASSIGN(post.signature,
                ticket.sign(kJoinLabel, join_message({relay.id, relay.fallback_key, encapsulation}, post)));
  out.add(FrameType::join_post, post);
  return out.finish({});
}

Result<Bytes> JoinExchange::post(ByteView join_request) {
  if (join_request.empty() || join_request.size() > wire::kJoinRequestMax)
    return make_error(ErrorCode::limit_exceeded, "cannot post a join request: it is empty or larger than 1 KiB");
  return state_->send(join_request);
}

Result<Bytes> JoinExchange::poll() {
  return state_->send({});
}

namespace {

Result<JoinAnswer> of_verdict(const wire::Verdict& verdict) {
  switch (verdict.code) {
    case VerdictCode::waiting:
    case VerdictCode::stored:
      return JoinAnswer{true, {}};
    case VerdictCode::not_posted:
      return JoinAnswer{false, {}};
    case VerdictCode::storage_full:
      return make_error(ErrorCode::storage_full, "cannot post a join request: the relay's disk is full",
                        "try again later, or send the request as a file");
    case VerdictCode::storage_read_only:
    case VerdictCode::storage_failed:
      return make_error(ErrorCode::storage_read_only, "cannot post a join request: the relay cannot store it",
                        "try again later, or send the request as a file");
    case VerdictCode::versions:
      return make_error(ErrorCode::newer_version, "the relay speaks another version of the protocol");
    case VerdictCode::over_quota:
      return make_error(ErrorCode::limit_exceeded, "cannot post a join request: too many wait at the relay",
                        "ask the admin to answer those, or send the request as a file");
    case VerdictCode::invite_used:
      return make_error(ErrorCode::trust_refused, "cannot post a join request: this invite was used already",
                        "ask the admin for a new invite; an invite admits one device");
    case VerdictCode::unknown_invite:
      return make_error(
          ErrorCode::trust_refused, "cannot post a join request: the relay does not know this invite",
          "it may be expired, or the admin has not synced since making it; or send the request as a file");
    default:
      return make_error(ErrorCode::trust_refused, "cannot post a join request: " + describe(verdict.code));
  }
}

}  // namespace

Result<JoinAnswer> JoinExchange::response(ByteView answer) {
  auto& s = *state_;
  LYSOEN_CHECK(s.answer_key.has_value());
  LYSOEN_ASSIGN(auto opened, open_answer(*s.answer_key, s.encapsulation, answer));
  if (!opened.ended)
    return make_error(ErrorCode::no_network, "the relay's answer was cut", "nothing was lost; try again");
  if (!opened.welcomes.empty()) return JoinAnswer{true, std::move(opened.welcomes.front())};
  if (!opened.verdicts.empty()) return of_verdict(opened.verdicts.front());
  return make_error(ErrorCode::trust_refused, "cannot join: the relay's answer says nothing about the join request",
                    "try another relay, or send the request as a file");
}

}  // namespace lysoen::session
