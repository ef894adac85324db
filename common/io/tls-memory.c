#include "common/io/tls-memory.h"

#include "common/base/secret.h"

#include <gnutls/gnutls.h>

void
exg_tls_wipe_memory(void)
{
    gnutls_free = exg_secret_wipe_and_free;
}
