/* schema.h - the part of Exchange's schema that the simulated operations need, as tables.
 *
 * A type is a list of rows, one per child element, in the order that the schema demands. A row
 * marked `alternative` is another element for the place of the row above it (xs:choice).
 *
 * Source:   the schema of Exchange 2016 (messages.xsd, types.xsd), SOAP 1.1.
 */
#ifndef EXG_SIM_SCHEMA_H
#define EXG_SIM_SCHEMA_H

#include <glib.h>
#include <stdbool.h>

#define EXG_SIM_NS_SOAP     "http://schemas.xmlsoap.org/soap/envelope/"
#define EXG_SIM_NS_TYPES    "http://schemas.microsoft.com/exchange/services/2006/types"
#define EXG_SIM_NS_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"
#define EXG_SIM_NS_ERRORS   "http://schemas.microsoft.com/exchange/services/2006/errors"

#define EXG_SIM_UNBOUNDED G_MAXUINT16

/* What a text may be: one of `values`, or what `check` accepts; neither: anything. */
typedef struct {
    const char *name;
    const char *const *values; /* NULL-terminated */
    bool (*check)(const char *text);
} ExgSimSimpleType;

typedef struct {
    const char *name; /* NULL ends the list */
    const ExgSimSimpleType *type;
    bool required;
} ExgSimAttribute;

typedef struct ExgSimType ExgSimType;

typedef struct {
    const char *name; /* NULL ends the list */
    const ExgSimType *type;
    guint16 min, max;
    bool alternative;
    const char *space; /* NULL: that of the type's children */
} ExgSimRow;

struct ExgSimType {
    const char *space;                 /* namespace of the children */
    const ExgSimRow *rows;             /* NULL: no children, only text */
    const ExgSimAttribute *attributes; /* NULL: none */
    const ExgSimSimpleType *text;      /* with `rows` NULL; NULL too: must be empty */
    bool opaque;                       /* content that the simulator does not look into */
};

/* NULL if it is none of the simulated operations. */
const ExgSimType *exg_sim_schema_operation(const char *name);
/* Whether Exchange has an operation of that name. */
bool exg_sim_schema_known_operation(const char *name);
/* A header element in the types namespace, or NULL. */
const ExgSimType *exg_sim_schema_header(const char *name);

#endif
