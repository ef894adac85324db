#include "tests/exchange-sim/sync-state.h"

#include "tests/exchange-sim/text.h"

#include <string.h>

char *
exg_sim_sync_state_new(const ExgSimMailbox *mailbox, const ExgSimFolder *folder, guint64 serial)
{
    g_autofree char *text = g_strdup_printf("%u %s %" G_GUINT64_FORMAT, mailbox->epoch, folder->id,
                                            serial);
    return g_base64_encode((const guchar *)text, strlen(text));
}

bool
exg_sim_sync_state_parse(const ExgXmlNode *node, const ExgSimMailbox *mailbox,
                         const ExgSimFolder *folder, guint64 *ret_serial, ExgSimRefusal *refusal)
{
    *ret_serial = 0;
    if (node == NULL || node->text[0] == '\0')
        return true;
    g_autofree guint8 *bytes = NULL;
    gsize length;
    guint64 epoch;
    if (exg_sim_base64_decode(node->text, node->text_length, &bytes, &length)) {
        g_auto(GStrv) words = g_strsplit((const char *)bytes, " ", -1);
        if (g_strv_length(words) == 3 && exg_sim_number(words[0], G_MAXUINT32, &epoch) &&
            epoch == mailbox->epoch && g_str_equal(words[1], folder->id) &&
            exg_sim_number(words[2], G_MAXUINT64, ret_serial))
            return true;
    }
    return exg_sim_refuse(refusal, "ErrorInvalidSyncStateData", NULL);
}
