// Faults that a test plants to see whether it would notice them. Only the test build knows them; elsewhere each is
// false at compile time. Each switches one promise off.
#pragma once

#ifdef LYSOEN_TEST_BUILD
#include <span>
#include <string_view>

#define LYSOEN_FAULT(name) (::lysoen::fault::name)

// clang-format off
#define LYSOEN_FAULTS(FAULT)                                                                                        \
  FAULT(entries_not_sealed)           /* entries leave compressed and authenticated, but not encrypted */           \
  FAULT(receipts_before_durable)      /* the relay signs receipts for what its disk may still lose */               \
  FAULT(items_withheld)               /* the relay lists every fifth item of a mailbox to nobody, for all its receipts */ \
  FAULT(last_arrival_wins)            /* of the values of a conflict the fold shows the one that arrived last */    \
  FAULT(freed_memory_kept)            /* what the program frees stays in memory as it was */                        \
  FAULT(log_sync_skipped)             /* a commit does not sync the log before the ring */                          \
  FAULT(database_sync_skipped)        /* a checkpoint does not sync the pages that it moved */                      \
  FAULT(ring_sync_skipped)            /* a save is acknowledged before its record is synced */                      \
  FAULT(record_not_written)           /* a save is acknowledged without its record */                               \
  FAULT(ring_ignored)                 /* opening does not look for saves that only the ring has */                  \
  FAULT(records_share_a_block)        /* a record begins in the last block of the one before */                     \
  FAULT(released_without_checkpoint)  /* records are released though their saves stand in the log alone */          \
  FAULT(durable_without_checkpoint)   /* what must not be undone stands in the log alone */                         \
  FAULT(checkpoint_not_announced)     /* the ring does not say that a checkpoint has begun */                       \
  FAULT(tag_in_buffer_of_sqlite)      /* the tag of a page is written into the buffer that SQLite keeps */          \
  FAULT(bad_frame_is_an_error)        /* a torn frame is an error while SQLite looks for the end of the log */      \
  FAULT(page_number_not_bound)        /* a page authenticates in any other place too */                             \
  FAULT(failed_sync_forgotten)        /* after a sync that failed all goes on */                                    \
  FAULT(folder_sync_skipped)          /* the slot file's name is not made durable */                                \
  FAULT(slots_sync_skipped)           /* the slot file's content is not made durable */                             \
  FAULT(stream_reused)                /* a stream goes on after an end that was not clean */                        \
  FAULT(incarnation_kept)             /* feeds go on where they were though a save may be lost */                   \
  FAULT(acknowledged_too_early)       /* others are told that their entries are here before they stand */           \
  FAULT(counters_not_durable)         /* exchange counters are given out before they are reserved for good */    \
  FAULT(skip_one_slot_overwrite)      /* a wipe leaves the first slot of its container as it was */                 \
  FAULT(residue_left)                 /* what was discarded stays in indexes, ring and log */                        \
  FAULT(page_gap_kept)                /* the space between the cells of a page keeps what SQLite moved from there */ \
  FAULT(chunks_not_synced)            /* a relay's list of chunks is committed before they are on the medium */       \
  FAULT(chunk_list_ahead)             /* a device's list of chunks names one more than came */                        \
  FAULT(blob_receipt_early)           /* a relay signs for an attachment of which it holds a part */                 \
  FAULT(answer_nonce_repeated)        /* two answers to one request are under one key */                             \
  FAULT(resend_is_fork)               /* a batch that begins with what is held is taken for another version */       \
  FAULT(one_value_wins)               /* of the values of a conflict one stands, the same everywhere */              \
  FAULT(waiting_forgotten)            /* what waits for a roster is not taken up when it comes */                    \
  FAULT(stub_kept)                    /* an entry does not take the place of its stub */                             \
  FAULT(stream_stub_final)            /* the entry of a stream that comes late opens nothing */                      \
  FAULT(late_not_acknowledged)        /* what came in the place of a stub is not acknowledged */                     \
  FAULT(own_past_ignored)             /* own entries that come from elsewhere begin no new incarnation */            \
  FAULT(contradiction_ignored)        /* what a coordinator holds otherwise is not issued again */                   \
  FAULT(not_issued_again)             /* what stands behind a fork of an own feed stays there */                     \
  FAULT(epoch_kept)                   /* a relay put back to an older day counts on from there */                    \
  FAULT(errands_kept)                 /* a relay that lost its store gets no list and no roster again */             \
  FAULT(turns_not_taken)              /* a relay that always has more keeps the next one waiting */                  \
  FAULT(refill_without_end)           /* what a relay holds again is sent to it again */                             \
  FAULT(restart_unsaid)               /* a mailbox that begins anew within an epoch is read without a word */        \
  FAULT(answers_taken_at_their_end)   /* of an answer nothing is stored while it comes */                            \
  FAULT(cursor_ahead)                 /* a cursor moves over an item of which nothing came */                        \
  FAULT(bundle_stops_at_known)        /* a bundle is left at the first batch that is here already */
// clang-format on

namespace lysoen::fault {

#define LYSOEN_DECLARE_FAULT(name) extern bool name;
LYSOEN_FAULTS(LYSOEN_DECLARE_FAULT)
#undef LYSOEN_DECLARE_FAULT

/// Plants a fault by its name; false if there is none of that name.
bool plant(std::string_view name);
void pull(std::string_view name);  // the promise holds again
std::span<const std::string_view> names();

}  // namespace lysoen::fault

#else
#define LYSOEN_FAULT(name) false
#endif
