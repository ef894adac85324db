/* record.h - what the simulator writes down: the log, the refusals, the requests, the counters.
 *
 * In the state directory: `log` has one line of key=value words per request, `refusals` one line
 * per request that a correct client would not have sent, `requests/NNNNNN.xml` the bodies if they
 * are kept, and `requests/NNNNNN.answer.xml` what EWS answered.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_SIM_RECORD_H
#define EXG_SIM_RECORD_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgSimRecord ExgSimRecord;

/* The last word on a request; strings may be NULL. */
typedef struct {
    guint64 request; /* its number */
    guint64 connection;
    const char *account, *operation, *mailbox;
    guint status; /* 0: none was sent */
    const char *code;
    guint64 bytes;
    gint64 us;
    const char *faults; /* names of the actions, with commas */
} ExgSimEntry;

ExgSimRecord *exg_sim_record_new(const char *directory, bool keep_requests, GError **error);
void exg_sim_record_free(ExgSimRecord *record);

/* The number for a request that begins. */
guint64 exg_sim_record_next(ExgSimRecord *record);
void exg_sim_record_body(ExgSimRecord *record, guint64 request, const char *body, gsize length);
void exg_sim_record_answer(ExgSimRecord *record, guint64 request, const char *body, gsize length);
void exg_sim_record_refusal(ExgSimRecord *record, const ExgSimEntry *entry, const char *why);
void exg_sim_record_request(ExgSimRecord *record, const ExgSimEntry *entry);
void exg_sim_record_connection(ExgSimRecord *record, bool opened);
void exg_sim_record_stored(ExgSimRecord *record, guint items);
/* Whether FindItem did not own up to items that are there. */
void exg_sim_record_lie(ExgSimRecord *record, bool lied);
/* key=value words on one line. (transfer full) */
char *exg_sim_record_stats(const ExgSimRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimRecord, exg_sim_record_free)

#endif
