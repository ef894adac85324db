/* answer.h - what an autodiscover server answered, whichever of the three protocols it spoke.
 *
 * Threads:  belongs to whoever holds it.
 * Memory:   owns its strings.
 * Source:   MS-OXWSADISC (SOAP), MS-OXDSCLI (POX), Exchange's autodiscover.json.
 */
#ifndef EXG_AUTODISCOVER_ANSWER_H
#define EXG_AUTODISCOVER_ANSWER_H

#include <glib.h>
#include <stdbool.h>

#define EXG_AUTODISCOVER_MAX_ANSWER_BYTES (256 * 1024)

typedef enum {
    EXG_AUTODISCOVER_SETTINGS,
    EXG_AUTODISCOVER_REDIRECT_ADDRESS, /* begin anew, with the address in `target` */
    EXG_AUTODISCOVER_REDIRECT_URL,     /* ask at `target` */
    EXG_AUTODISCOVER_NO_USER,          /* the server is the right one, and has no such user */
    EXG_AUTODISCOVER_NOT_HERE,         /* it is not responsible, or does not understand: ask another */
    EXG_AUTODISCOVER_BUSY              /* it would know, but not now */
} ExgAutodiscoverKind;

typedef struct {
    ExgAutodiscoverKind kind;
    char *target;  /* of a redirection, or NULL */
    char *code;    /* the server's word for what is wrong, or NULL */
    char *message; /* its sentence about that, in one printable line, or NULL */
    char *build;   /* "15.2.2562.17", or NULL */
    GHashTable *settings; /* names and values, of SOAP's names whatever the protocol; never NULL */
} ExgAutodiscoverAnswer;

ExgAutodiscoverAnswer *exg_autodiscover_answer_new(ExgAutodiscoverKind kind);
void exg_autodiscover_answer_free(ExgAutodiscoverAnswer *answer);

/* A setting, or NULL. Unknown names are kept like any other. */
const char *exg_autodiscover_answer_get(const ExgAutodiscoverAnswer *answer, const char *name);
/* Where EWS is: ExternalEwsUrl, or InternalEwsUrl where there is only that (or `prefer_internal`);
 * NULL: the server has not said, or said something that is no https address of a host name. */
const char *exg_autodiscover_answer_ews_url(const ExgAutodiscoverAnswer *answer,
                                            bool prefer_internal);
/* The newest schema in EwsSupportedSchemas that is known to us, or NULL. Static. */
const char *exg_autodiscover_answer_schema(const ExgAutodiscoverAnswer *answer);
/* What a code means, in plain words. Static; "" for an unknown one. */
const char *exg_autodiscover_code_meaning(const char *code);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgAutodiscoverAnswer, exg_autodiscover_answer_free)

#endif
