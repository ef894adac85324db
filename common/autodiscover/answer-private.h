/* answer-private.h - for those who fill answers. */
#ifndef EXG_AUTODISCOVER_ANSWER_PRIVATE_H
#define EXG_AUTODISCOVER_ANSWER_PRIVATE_H

#include "common/autodiscover/answer.h"
#include "common/xml/tree.h"

#define EXG_AUTODISCOVER_MAX_SETTINGS    200
#define EXG_AUTODISCOVER_MAX_VALUE_BYTES 4096

/* Values that are too long, and settings past the limit, are left out. */
void exg_autodiscover_answer_put(ExgAutodiscoverAnswer *answer, const char *name,
                                 const char *value);
/* Sets code and message, cleaned and cut; either may be NULL. */
void exg_autodiscover_answer_explain(ExgAutodiscoverAnswer *answer, const char *code,
                                     const char *message);
/* Makes it one that redirects. False where `target` is nothing that could be followed, or NULL; the
 * answer is as before. */
bool exg_autodiscover_answer_redirect(ExgAutodiscoverAnswer *answer, ExgAutodiscoverKind kind,
                                      const char *target);

/* An answer in XML, within the limits of all of them. (transfer full) */
ExgXmlTree *exg_autodiscover_xml_parse(const char *xml, gsize length, GError **error);

/* The host of an https address in lower case, or NULL and what is wrong with it. The host that is
 * judged has to be the one that is connected to, whoever parses the address: it must stand there in
 * plain letters. (transfer full) */
char *exg_autodiscover_https_host(const char *url, const char **ret_fault);

#endif
