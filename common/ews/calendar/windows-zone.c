#include "common/ews/calendar/windows-zone.h"

#include <string.h>

static const struct {
    const char *windows_id;
    const char *iana_names; /* with blanks between them, the usual one first */
} zones[] = {
#define ROW(windows_id, iana_names) {windows_id, iana_names},
#include "common/ews/calendar/windows-zone-table.inc"
#undef ROW
};

const char *
exg_ews_windows_zone_find(const char *iana_name)
{
    gsize length = strlen(iana_name);
    for (guint i = 0; length > 0 && i < G_N_ELEMENTS(zones); i++) {
        const char *at = zones[i].iana_names;
        while (at[0] != '\0') {
            gsize word = strcspn(at, " ");
            if (word == length && strncmp(at, iana_name, length) == 0)
                return zones[i].windows_id;
            at += word;
            at += strspn(at, " ");
        }
    }
    return NULL;
}

char *
exg_ews_windows_zone_iana_name(const char *windows_id)
{
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++)
        if (g_str_equal(zones[i].windows_id, windows_id))
            return g_strndup(zones[i].iana_names, strcspn(zones[i].iana_names, " "));
    return NULL;
}
