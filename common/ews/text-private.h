/* text-private.h - words of the server, made fit for a log line and a reply. */
#ifndef EXG_EWS_TEXT_PRIVATE_H
#define EXG_EWS_TEXT_PRIVATE_H

#include <glib.h>

#define EXG_EWS_MAX_TEXT_BYTES 200
#define EXG_EWS_MAX_CODE_BYTES 80

/* Valid UTF-8 in one line: white space and controls become single blanks, none at the ends and no
 * full stop at the end; cut to `max` bytes. NULL gives "". (transfer full) */
char *exg_ews_clean_text(const char *text, gsize max);

#endif
