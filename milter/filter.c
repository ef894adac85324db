#include "milter/filter.h"

#include "common/base/alarm.h"
#include "common/base/log.h"
#include "milter/connections.h"
#include "milter/counts.h"
#include "milter/session.h"
#include "milter/threads.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <string.h>

#define NAME       "exgate-milter"
#define MARK_VALUE "OOF, AutoReply"

struct ExgFilter {
    ExgEngine *engine;
    ExgLookUps *look_ups;
    ExgAlarm alarm;
    GMutex mutex;                /* guards what follows */
    ExgMilterSettings *settings; /* the newest */
    guint callbacks;             /* under way */
    bool is_stopping;
    ExgEngineFunc drained, failed;
    gpointer drained_data, failed_data;
};

/* libmilter's callbacks are told of no filter. It stays in memory: they may come at any time. */
static ExgFilter filter_of_process;

/* A callback under way. */
typedef struct {
    ExgFilter *filter;
    ExgMilterSettings *settings;
    const ExgPolicy *policy;
    ExgMilterSession *session;
    SMFICTX *context;
} Callback;

/* --- callbacks come and go -------------------------------------------------------------------- */

/* The session may be a new one at any step: libmilter closes one that another follows on the same
 * connection. */
static ExgMilterSession *
session_of(SMFICTX *context)
{
    ExgMilterSession *session = smfi_getpriv(context);
    if (session == NULL) {
        session = exg_milter_session_new();
        (void)smfi_setpriv(context, session);
    }
    return session;
}

/* False if the filter is stopping. */
static bool
enter(SMFICTX *context, Callback *ret_callback)
{
    ExgFilter *filter = &filter_of_process;
    g_mutex_lock(&filter->mutex);
    bool may = !filter->is_stopping;
    if (may) {
        filter->callbacks++;
        ret_callback->settings = exg_milter_settings_ref(filter->settings);
    }
    g_mutex_unlock(&filter->mutex);
    if (!may)
        return false;
    ret_callback->filter = filter;
    ret_callback->policy = exg_milter_settings_policy(ret_callback->settings);
    ret_callback->context = context;
    ret_callback->session = session_of(context);
    return true;
}

/* The last one of a filter that is stopping says so. */
static void
leave(const Callback *callback)
{
    ExgFilter *filter = callback->filter;
    exg_milter_settings_unref(callback->settings);
    g_mutex_lock(&filter->mutex);
    filter->callbacks--;
    bool is_last = filter->is_stopping && filter->callbacks == 0;
    if (is_last)
        exg_engine_post(filter->engine, filter->drained, filter->drained_data);
    g_mutex_unlock(&filter->mutex);
}

static const char *
macro(SMFICTX *context, const char *name)
{
    return smfi_getsymval(context, (char *)name);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* libmilter ignores a reply with a single "%", and says nothing of it. */
static char *
double_percents(const char *text)
{
    GString *doubled = g_string_sized_new(strlen(text) + 8);
    for (; *text != '\0'; text++)
        g_string_append(doubled, *text == '%' ? "%%" : (char[]){*text, '\0'});
    return g_string_free(doubled, FALSE);
}

static sfsistat
say(const Callback *callback, const ExgDecision *decision)
{
    char code[8];
    g_autofree char *text = double_percents(decision->text);
    g_snprintf(code, sizeof code, "%d", decision->code);
    if (smfi_setreply(callback->context, code, (char *)decision->enhanced, text) != MI_SUCCESS)
        exg_log(EXG_LOG_WARNING, NULL, "libmilter does not take the reply %s %s %s", code,
                decision->enhanced, text);
    return decision->action == EXG_ACTION_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static void
log_decision(const Callback *callback, const char *recipient, const ExgDirectoryFinding *finding,
             const ExgDecision *decision, gint64 delay_ms)
{
    bool is_accepted = decision->action == EXG_ACTION_ACCEPT;
    ExgLogLevel level = is_accepted ? EXG_LOG_DEBUG : EXG_LOG_INFO;
    if (!exg_log_enabled(level))
        return;
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    exg_milter_session_set_fields(callback->session, event);
    exg_event_set(event, "queue_id", macro(callback->context, "i"));
    exg_event_set(event, "to", recipient);
    exg_event_set(event, "situation", exg_situation_name(decision->situation));
    if (finding != NULL) {
        exg_event_set(event, "looked_up", exg_directory_origin_name(finding->origin));
        exg_event_set(event, "directory", finding->why != NULL ? finding->why->message : NULL);
        exg_event_set_int(event, "delay_ms", delay_ms);
    }
    bool learns = exg_policy_only_learns(callback->policy);
    exg_log(level, event, "%s%s %d %s %s", is_accepted || !learns ? "" : "would be ",
            is_accepted                             ? "accepted:"
            : decision->action == EXG_ACTION_REJECT ? "rejected:"
                                                    : "deferred:",
            decision->code, decision->enhanced, decision->text);
}

/* Does what was decided, or only tells. */
static sfsistat
carry_out(const Callback *callback, const ExgDecision *decision)
{
    exg_count_decision(decision);
    if (decision->action == EXG_ACTION_ACCEPT)
        return SMFIS_CONTINUE;
    if (!exg_policy_only_learns(callback->policy))
        return say(callback, decision);
    exg_count(EXG_COUNT_LEARNED);
    return SMFIS_CONTINUE;
}

/* --- negotiation ------------------------------------------------------------------------------ */

/* Whether messages are seen to their end. */
static bool
changes_messages(const ExgPolicy *policy)
{
    return !exg_policy_only_learns(policy) &&
           (exg_policy_adds_header(policy) || exg_policy_marks_auto_submitted(policy));
}

/* The macros that are looked at, and no others. */
static void
ask_for_macros(SMFICTX *context)
{
    (void)smfi_setsymlist(context, SMFIM_ENVFROM, (char *)"i {client_addr} {auth_authen}");
    (void)smfi_setsymlist(context, SMFIM_ENVRCPT, (char *)"i");
    (void)smfi_setsymlist(context, SMFIM_DATA, (char *)"i");
    (void)smfi_setsymlist(context, SMFIM_EOM, (char *)"i");
}

static sfsistat
on_negotiate(SMFICTX *context, unsigned long offered_actions, unsigned long offered_steps,
             unsigned long unused_1, unsigned long unused_2, unsigned long *ret_actions,
             unsigned long *ret_steps, unsigned long *ret_unused_1, unsigned long *ret_unused_2)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_REJECT;
    bool changes = changes_messages(callback.policy);
    unsigned long actions = SMFIF_SETSYMLIST | (changes ? SMFIF_ADDHDRS | SMFIF_CHGHDRS : 0);
    *ret_actions = actions & offered_actions;
    if (changes && (~offered_actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS)) != 0)
        exg_log(EXG_LOG_WARNING, NULL,
                "the MTA does not let its mail be changed; no header is added");
    unsigned long steps = SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NOEOH | SMFIP_NOBODY;
    if (!changes)
        steps |= SMFIP_NOHDRS;
    if ((*ret_actions & SMFIF_SETSYMLIST) != 0) { /* MAIL's macros tell of the client */
        steps |= SMFIP_NOCONNECT;
        ask_for_macros(context);
    }
    *ret_steps = steps & offered_steps;
    *ret_unused_1 = *ret_unused_2 = 0;
    leave(&callback);
    return SMFIS_CONTINUE;
}

/* --- the envelope ----------------------------------------------------------------------------- */

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    exg_milter_session_connect(callback.session, (const struct sockaddr *)address);
    leave(&callback);
    return SMFIS_CONTINUE;
}

/* Whoever is not looked at could still bring a header along that only we may write. */
static sfsistat
skip_message(const Callback *callback, const char *why)
{
    exg_count(EXG_COUNT_SKIPPED_CLIENTS);
    exg_milter_session_skip(callback->session);
    if (exg_log_enabled(EXG_LOG_DEBUG)) {
        g_autoptr(ExgEvent) event = exg_event_new(NULL);
        exg_milter_session_set_fields(callback->session, event);
        exg_log(EXG_LOG_DEBUG, event, "not looked at, because of the client's %s",
                g_str_equal(why, "network") ? "network" : "authentication");
    }
    return changes_messages(callback->policy) ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

static sfsistat
check_sender(const Callback *callback)
{
    const ExgMilterSession *session = callback->session;
    const char *sender = exg_milter_session_sender(session);
    if (sender == NULL || exg_milter_session_is_authenticated(session) ||
        !exg_policy_is_internal(callback->policy, sender))
        return SMFIS_CONTINUE;
    ExgDecision decision;
    exg_decide_for(exg_policy_rules(callback->policy), EXG_SITUATION_INTERNAL_SENDER, sender,
                   &decision);
    log_decision(callback, NULL, NULL, &decision, 0);
    return carry_out(callback, &decision);
}

static sfsistat
on_sender(SMFICTX *context, char **arguments)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    exg_count(EXG_COUNT_MESSAGES);
    exg_milter_session_begin(callback.session, arguments, macro(context, "{client_addr}"),
                             macro(context, "{auth_authen}"));
    const char *why = exg_policy_skips_client(
        callback.policy, exg_milter_session_client(callback.session),
        exg_milter_session_is_authenticated(callback.session));
    sfsistat status = why != NULL ? skip_message(&callback, why) : check_sender(&callback);
    leave(&callback);
    return status;
}

static sfsistat
check_recipient(const Callback *callback, const char *recipient)
{
    const gint64 began_us = g_get_monotonic_time();
    g_autofree char *mailbox = exg_policy_mailbox_of(callback->policy, recipient);
    g_autoptr(ExgDirectoryFinding)
        finding = exg_look_up(callback->filter->look_ups, callback->settings,
                              exg_milter_session_client(callback->session), mailbox);
    ExgDecision decision;
    exg_decide(exg_policy_rules(callback->policy), recipient, finding,
               exg_milter_session_size(callback->session), &decision);
    if (finding->why != NULL)
        (void)exg_alarm_raise(&callback->filter->alarm, "recipients cannot be looked up",
                              finding->why);
    log_decision(callback, recipient, finding, &decision,
                 (g_get_monotonic_time() - began_us) / 1000);
    sfsistat status = carry_out(callback, &decision);
    if (status == SMFIS_CONTINUE)
        exg_milter_session_add_recipient(callback->session, recipient, finding->kind, &decision);
    return status;
}

/* Never SMFIS_ACCEPT, by which recipients that follow would pass unseen. */
static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    g_autofree char *recipient = exg_milter_session_read_recipient(arguments[0]);
    sfsistat status = SMFIS_CONTINUE;
    if (recipient != NULL && !exg_milter_session_is_skipped(callback.session) &&
        exg_policy_skips_recipient(callback.policy, recipient) == NULL) {
        status = check_recipient(&callback, recipient);
    } else {
        exg_count(EXG_COUNT_SKIPPED_RECIPIENTS);
        exg_milter_session_add_unseen(callback.session);
    }
    leave(&callback);
    return status;
}

/* Nothing of the content is wanted: Postfix spares itself a second look at the queue file for us. */
static sfsistat
on_data(SMFICTX *context)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    sfsistat status = changes_messages(callback.policy) ? SMFIS_CONTINUE : SMFIS_ACCEPT;
    leave(&callback);
    return status;
}

/* --- the content ------------------------------------------------------------------------------ */

static sfsistat
on_header(SMFICTX *context, char *name, char *value)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    exg_milter_session_add_header(callback.session, name, value);
    leave(&callback);
    return SMFIS_CONTINUE;
}

static void
insert_header(const Callback *callback, const char *name, const char *value)
{
    if (smfi_insheader(callback->context, 0, (char *)name, (char *)value) != MI_SUCCESS)
        exg_log(EXG_LOG_DEBUG, NULL, "the MTA does not let %s be added", name);
}

static void
write_headers(const Callback *callback)
{
    ExgMilterSession *session = callback->session;
    for (guint i = exg_milter_session_forged_headers(session); i > 0; i--)
        (void)smfi_chgheader(callback->context, (char *)EXG_SESSION_RECIPIENT_FIELD, (int)i, NULL);
    g_autofree char *description = exg_milter_session_describe(session);
    if (description != NULL && exg_policy_adds_header(callback->policy))
        insert_header(callback, EXG_SESSION_RECIPIENT_FIELD, description);
    if (exg_milter_session_wants_mark(session) && exg_policy_marks_auto_submitted(callback->policy))
        insert_header(callback, EXG_SESSION_MARK_FIELD, MARK_VALUE);
}

static sfsistat
on_message_end(SMFICTX *context)
{
    Callback callback;
    if (!enter(context, &callback))
        return SMFIS_TEMPFAIL;
    if (changes_messages(callback.policy))
        write_headers(&callback);
    exg_milter_session_end(callback.session);
    leave(&callback);
    return SMFIS_ACCEPT;
}

/* --- ends ------------------------------------------------------------------------------------- */

static sfsistat
on_abort(SMFICTX *context)
{
    ExgMilterSession *session = smfi_getpriv(context);
    if (session != NULL)
        exg_milter_session_end(session);
    return SMFIS_CONTINUE;
}

/* May be the only callback of a connection: somebody looked whether we are there. */
static sfsistat
on_close(SMFICTX *context)
{
    exg_milter_session_free(smfi_getpriv(context));
    (void)smfi_setpriv(context, NULL);
    return SMFIS_CONTINUE;
}

/* --- life ------------------------------------------------------------------------------------- */

ExgFilter *
exg_filter_new(ExgEngine *engine, ExgMilterSettings *settings, ExgLookUps *look_ups)
{
    struct smfiDesc description = {
        .xxfi_name = (char *)NAME,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_sender,
        .xxfi_envrcpt = on_recipient,
        .xxfi_data = on_data,
        .xxfi_header = on_header,
        .xxfi_eom = on_message_end,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    if (smfi_register(description) != MI_SUCCESS)
        return NULL;
    ExgFilter *filter = &filter_of_process;
    filter->engine = exg_engine_ref(engine);
    filter->settings = exg_milter_settings_ref(settings);
    filter->look_ups = look_ups;
    return filter;
}

void
exg_filter_free(ExgFilter *filter)
{
    if (filter == NULL)
        return;
    g_mutex_lock(&filter->mutex);
    filter->is_stopping = true;
    g_clear_pointer(&filter->settings, exg_milter_settings_unref);
    g_clear_pointer(&filter->engine, exg_engine_unref);
    g_mutex_unlock(&filter->mutex);
}

static gpointer
run_libmilter(gpointer data)
{
    ExgFilter *filter = data;
    exg_threads_adopt();
    (void)smfi_main(); /* nobody asks it to end */
    g_mutex_lock(&filter->mutex);
    if (filter->engine != NULL)
        exg_engine_post(filter->engine, filter->failed, filter->failed_data);
    g_mutex_unlock(&filter->mutex);
    return NULL;
}

void
exg_filter_start(ExgFilter *filter, ExgEngineFunc failed, gpointer data)
{
    filter->failed = failed;
    filter->failed_data = data;
    g_thread_unref(g_thread_new("libmilter", run_libmilter, filter));
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
exg_filter_stop(ExgFilter *filter, ExgEngineFunc drained, gpointer data)
{
    exg_connections_refuse();
    g_mutex_lock(&filter->mutex);
    filter->is_stopping = true;
    filter->drained = drained;
    filter->drained_data = data;
    bool is_idle = filter->callbacks == 0;
    g_mutex_unlock(&filter->mutex);
    if (is_idle)
        exg_engine_post(filter->engine, drained, data);
}

bool
exg_filter_is_busy(ExgFilter *filter)
{
    g_mutex_lock(&filter->mutex);
    bool is_busy = filter->callbacks > 0;
    g_mutex_unlock(&filter->mutex);
    return is_busy;
}
