/* answer.h - an HTTP answer as text, and the pages that IIS sends where there is no SOAP.
 *
 * Memory:   embedded; exg_sim_answer_clear() frees it.
 */
#ifndef EXG_SIM_ANSWER_H
#define EXG_SIM_ANSWER_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint status; /* 0: nothing to send */
    const char *content_type;
    GString *headers; /* more header lines, each with its CRLF; NULL: none */
    char *body;
    gsize length;
} ExgSimAnswer;

void exg_sim_answer_clear(ExgSimAnswer *answer);

/* Takes the text. */
void exg_sim_answer_set_xml(ExgSimAnswer *answer, guint status, char *text, gsize length);
/* An HTML page that says the status; `html` false: no body. */
void exg_sim_answer_set_status(ExgSimAnswer *answer, guint status, bool html);
void exg_sim_answer_set_garbage(ExgSimAnswer *answer);
/* What a browser sees. */
void exg_sim_answer_set_welcome(ExgSimAnswer *answer);
void exg_sim_answer_add_header(ExgSimAnswer *answer, const char *name, const char *value);
/* Puts a reference to a character that XML forbids into a text of the answer. */
void exg_sim_answer_spoil(ExgSimAnswer *answer);

/* The status line and the header, up to the empty line. `length`: the Content-Length, -1:
 * chunked. */
char *exg_sim_answer_head(const ExgSimAnswer *answer, bool keep_alive, gint64 length);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgSimAnswer, exg_sim_answer_clear)

#endif
