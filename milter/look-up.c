#include "milter/look-up.h"

#include "common/base/clock.h"
#include "common/base/error.h"

struct ExgLookUps {
    gint max;       /* atomic */
    gint under_way; /* atomic */
};

ExgLookUps *
exg_look_ups_new(guint max)
{
    ExgLookUps *look_ups = g_new0(ExgLookUps, 1);
    look_ups->max = (gint)max;
    return look_ups;
}

void
exg_look_ups_free(ExgLookUps *look_ups)
{
    g_free(look_ups);
}

void
exg_look_ups_set_max(ExgLookUps *look_ups, guint max)
{
    g_atomic_int_set(&look_ups->max, (gint)max);
}

guint
exg_look_ups_count(ExgLookUps *look_ups)
{
    return (guint)g_atomic_int_get(&look_ups->under_way);
}

static ExgDirectoryFinding *
no_room(void)
{
    g_autoptr(GError)
        why = exg_error_new(EXG_ERROR_BUSY, "Too many recipients are being looked up");
    const ExgDirectoryFinding finding = {
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .origin = EXG_DIRECTORY_ASKED, .why = why};
    return exg_directory_finding_copy(&finding);
}

ExgDirectoryFinding *
exg_look_up(ExgLookUps *look_ups, const ExgMilterSettings *settings, const char *client,
            const char *mailbox)
{
    ExgDirectoryFinding *finding;
    if (g_atomic_int_add(&look_ups->under_way, 1) < g_atomic_int_get(&look_ups->max))
        finding = exg_directory_check_blocking(
            exg_milter_settings_directory(settings), client, mailbox,
            exg_clock_deadline_ms(exg_milter_settings_timeout_ms(settings)));
    else
        finding = no_room();
    g_atomic_int_add(&look_ups->under_way, -1);
    return finding;
}
