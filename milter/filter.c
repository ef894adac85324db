#include "milter/filter.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "milter/decision.h"

#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>

struct ExgFilter {
    ExgLookUps *look_ups;
    GMutex mutex;
    GCond quiet;
    ExgMilterSettings *settings; /* the newest */
    guint callbacks;             /* running */
    bool stopping;
};

/* libmilter's callbacks are told of no filter. */
static ExgFilter *the_filter;

/* --- callbacks come and go -------------------------------------------------------------------- */

/* The settings in force, or NULL if the filter is about to stop. */
static ExgMilterSettings *
enter(ExgFilter *filter)
{
    ExgMilterSettings *settings = NULL;
    g_mutex_lock(&filter->mutex);
    if (!filter->stopping) {
        filter->callbacks++;
        settings = exg_milter_settings_ref(filter->settings);
    }
    g_mutex_unlock(&filter->mutex);
    return settings;
}

static void
leave(ExgFilter *filter, ExgMilterSettings *settings)
{
    exg_milter_settings_unref(settings);
    g_mutex_lock(&filter->mutex);
    if (--filter->callbacks == 0)
        g_cond_broadcast(&filter->quiet);
    g_mutex_unlock(&filter->mutex);
}

/* --- the callbacks ---------------------------------------------------------------------------- */

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    ExgMilterSettings *settings = enter(the_filter);
    if (settings == NULL)
        return SMFIS_TEMPFAIL;
    g_autofree char *recipient = g_strdup(arguments[0] + (arguments[0][0] == '<'));
    recipient[strcspn(recipient, ">")] = '\0';
    ExgDirectoryFinding *finding = exg_look_up(the_filter->look_ups, settings, NULL, recipient);
    ExgDecision decision;
    exg_decide(exg_policy_rules(exg_milter_settings_policy(settings)), recipient, finding, 0,
               &decision);
    exg_directory_finding_free(finding);
    leave(the_filter, settings);
    if (decision.action == EXG_ACTION_ACCEPT)
        return SMFIS_CONTINUE;
    char code[8];
    g_snprintf(code, sizeof code, "%d", decision.code);
    (void)smfi_setreply(context, code, decision.enhanced, decision.text);
    return decision.action == EXG_ACTION_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* --- life ------------------------------------------------------------------------------------- */

ExgFilter *
exg_filter_new(const ExgFilterSocket *socket, ExgMilterSettings *settings, ExgLookUps *look_ups,
               GError **error)
{
    struct smfiDesc description = {
        .xxfi_name = (char *)"exgate-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_envrcpt = on_recipient,
    };
    if (smfi_setconn((char *)socket->listen) == MI_FAILURE ||
        smfi_register(description) == MI_FAILURE || smfi_opensocket(true) == MI_FAILURE) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot listen on %s", socket->listen);
        return NULL;
    }
    ExgFilter *filter = g_new0(ExgFilter, 1);
    g_mutex_init(&filter->mutex);
    g_cond_init(&filter->quiet);
    filter->settings = exg_milter_settings_ref(settings);
    filter->look_ups = look_ups;
    the_filter = filter;
    return filter;
}

void
exg_filter_free(ExgFilter *filter)
{
    if (filter == NULL)
        return;
    exg_milter_settings_unref(filter->settings);
    filter->settings = NULL; /* libmilter's threads may still look whether it is stopping */
}

bool
exg_filter_run(ExgFilter *filter)
{
    bool good = smfi_main() == MI_SUCCESS;
    g_mutex_lock(&filter->mutex);
    filter->stopping = true;
    while (filter->callbacks > 0)
        g_cond_wait(&filter->quiet, &filter->mutex);
    g_mutex_unlock(&filter->mutex);
    return good;
}

void
exg_filter_configure(ExgFilter *filter, ExgMilterSettings *settings)
{
    g_mutex_lock(&filter->mutex);
    ExgMilterSettings *before = filter->settings;
    filter->settings = exg_milter_settings_ref(settings);
    g_mutex_unlock(&filter->mutex);
    exg_milter_settings_unref(before);
}

void
exg_filter_stop(ExgFilter *filter)
{
    (void)smfi_stop();
}
