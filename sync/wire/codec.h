// Messages <-> protobuf. Untrusted bytes stop here: what `decode` returns respects every limit of limits.h, has known
// enumerators and ids of the right size. It may still be a lie: signatures are checked by who uses it.
//
// Errors of decode: input_refused ("cannot read a batch from the other side: ..."), limit_exceeded.
#pragma once
#include <lysoen/result.h>

#include "sync/wire/limits.h"
#include "sync/wire/message.h"

namespace lysoen::wire {

Bytes encode(const Hello& message);
Bytes encode(const Want& message);
Bytes encode(const Batch& message);  // fields that are none are left out (session/compact.h)
Bytes encode(const BlobOffer& message);
Bytes encode(const BlobStates& message);
Bytes encode(const BlobAsk& message);
Bytes encode(const ChunkRun& message);
Bytes encode(const Chunk& message);
Bytes encode(const Receipt& message);
Bytes encode(const Frontier& message);
Bytes encode(const RosterUpdate& message);
Bytes encode(const AdmissionList& message);
Bytes encode(const JoinPost& message);
Bytes encode(const Welcome& message);
Bytes encode(const JoinRequests& message);
Bytes encode(const ExchangeKey& message);
Bytes encode(const Verdict& message);
Bytes encode(const MailboxPoints& message);
Bytes encode(const MailboxItems& message);
Bytes encode(const End& message);

/// Message is one of the structs of message.h or lysoen::Batch.
template <class Message>
Result<Message> decode(ByteView bytes);

}  // namespace lysoen::wire
