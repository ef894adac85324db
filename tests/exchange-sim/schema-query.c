/* The requests that ask the directory, the calendar and the server about itself. */
#include "tests/exchange-sim/schema-private.h"

static MESSAGE_TYPE(expand_dl, NULL, REQUIRED("Mailbox", email_address));

const ExgSimSchemaEntry exg_sim_query_operations[] = {
    ENTRY("ExpandDL", expand_dl),
    END_OF_ENTRIES,
};
