#include "common/store/delivery-key.h"

#include "common/mime/address.h"

#include <string.h>

char *
exg_delivery_key_new(const char *recipient, const ExgMessage *message, const char *queue_id)
{
    g_autofree char *folded = exg_address_fold(recipient);
    g_autoptr(GChecksum) hash = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(hash, (const guchar *)folded, (gssize)strlen(folded) + 1);
    g_checksum_update(hash, exg_message_digest(message), EXG_MESSAGE_DIGEST_BYTES);
    if (queue_id != NULL && exg_message_hops(message) == 0)
        g_checksum_update(hash, (const guchar *)queue_id, -1);
    return g_strconcat("v1:", g_checksum_get_string(hash), NULL);
}
