/* tag-scanner-private.h - finds the tags in XML that arrives in pieces, for what must be taken out of an
 * answer, or cut, before a parser sees it.
 *
 * It knows tags from text, comments, CDATA sections and processing instructions, and no more of
 * XML: whether the document is well-formed is the parser's to say.
 *
 * Limits:   EXG_EWS_MAX_MARKUP_BYTES for one tag, comment or section.
 * Errors:   EXG_ERROR_PROTOCOL past that.
 */
#ifndef EXG_EWS_TAG_SCANNER_PRIVATE_H
#define EXG_EWS_TAG_SCANNER_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

#define EXG_EWS_MAX_MARKUP_BYTES 65536

typedef struct {
    GString *markup; /* the one that has begun; NULL before the first */
    char quote;      /* inside an attribute's value: what ends it */
    bool complete;   /* the next byte begins something new */
} ExgEwsTagScanner;

typedef enum {
    EXG_EWS_TOKEN_TEXT,
    EXG_EWS_TOKEN_PART, /* of a tag or other markup that goes on */
    EXG_EWS_TOKEN_START,
    EXG_EWS_TOKEN_END,
    EXG_EWS_TOKEN_OTHER /* an empty element, a comment … */
} ExgEwsToken;

void exg_ews_tag_scanner_init(ExgEwsTagScanner *scanner);
void exg_ews_tag_scanner_clear(ExgEwsTagScanner *scanner);

/* Goes on to the end of the text or markup that `data` begins with, `length` being at least 1.
 * Answers how far that is; 0 with an error. */
gsize exg_ews_tag_scanner_run(ExgEwsTagScanner *scanner, const char *data, gsize length,
                              ExgEwsToken *ret_token, GError **error);
/* Whether the start or end tag just found has this local name. */
bool exg_ews_tag_scanner_is(const ExgEwsTagScanner *scanner, const char *name);
/* The whole of what was just found, which came in one or several parts. */
const GString *exg_ews_tag_scanner_markup(const ExgEwsTagScanner *scanner);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgEwsTagScanner, exg_ews_tag_scanner_clear)

#endif
