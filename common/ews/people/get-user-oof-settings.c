#include "common/ews/people/get-user-oof-settings-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

void
exg_ews_oof_settings_free(ExgEwsOofSettings *settings)
{
    if (settings == NULL)
        return;
    g_free(settings->internal_reply);
    g_free(settings->external_reply);
    g_free(settings);
}

static void
free_settings(gpointer settings)
{
    exg_ews_oof_settings_free(settings);
}

bool
exg_ews_oof_settings_apply(const ExgEwsOofSettings *settings, gint64 seconds)
{
    if (settings->state != EXG_EWS_OOF_SCHEDULED)
        return settings->state == EXG_EWS_OOF_ENABLED;
    return seconds >= settings->start && seconds < settings->end;
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer address)
{
    exg_xml_start(writer, "m:GetUserOofSettingsRequest");
    exg_xml_start(writer, "t:Mailbox");
    exg_xml_element(writer, "t:Address", address);
}

/* The index of a word in a list, or -1. */
static int
find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++)
        if (g_str_equal(words[i], word))
            return i;
    return -1;
}

static char *
reply_of(const ExgXmlNode *settings, const char *name)
{
    const ExgXmlNode *reply = exg_xml_node_child(settings, EXG_EWS_TYPES_SPACE, name);
    return g_strdup(exg_ews_child_text(reply, "Message"));
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *response, gpointer context,
       gpointer *ret_result, GError **error)
{
    static const char *const states[] = {"Disabled", "Enabled", "Scheduled", NULL};
    static const char *const audiences[] = {"None", "Known", "All", NULL};
    const ExgXmlNode *message = exg_xml_node_child(response, EXG_EWS_MESSAGES_SPACE,
                                                   "ResponseMessage");
    if (message == NULL)
        return exg_ews_answer_senseless(operation, error, "it has no response message");
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *node = exg_xml_node_child(response, EXG_EWS_TYPES_SPACE, "OofSettings");
    int state = find_word(states, exg_ews_child_text(node, "OofState"));
    int audience = find_word(audiences, exg_ews_child_text(node, "ExternalAudience"));
    int allowed = find_word(audiences, exg_ews_child_text(response, "AllowExternalOof"));
    const ExgXmlNode *duration = exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "Duration");
    gint64 start = 0, end = 0;
    bool dated = exg_ews_read_time(exg_ews_child_text(duration, "StartTime"), NULL, &start) &&
                 exg_ews_read_time(exg_ews_child_text(duration, "EndTime"), NULL, &end);
    if (state < 0 || (state == EXG_EWS_OOF_SCHEDULED && !dated))
        return exg_ews_answer_senseless(operation, error, "it does not say who is away when");
    ExgEwsOofSettings *settings = g_new0(ExgEwsOofSettings, 1);
    settings->state = (ExgEwsOofState)state;
    settings->audience = (ExgEwsOofAudience)MAX(audience, 0);
    settings->allowed_audience = allowed >= 0 ? (ExgEwsOofAudience)allowed : EXG_EWS_OOF_ALL;
    settings->start = dated ? start : 0;
    settings->end = dated ? end : 0;
    settings->internal_reply = reply_of(node, "InternalReply");
    settings->external_reply = reply_of(node, "ExternalReply");
    *ret_result = settings;
    return true;
}

const ExgEwsOperation exg_ews_get_user_oof_settings_operation = {
    .name = "GetUserOofSettings",
    .n_messages = 1,
    .bare = true,
    .write = write_request,
    .decode = decode,
    .free_result = free_settings,
};

void
exg_ews_get_user_oof_settings_async(ExgEwsService *service, const ExgEwsTarget *target,
                                    gint64 deadline_us, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_get_user_oof_settings_operation, target,
                       g_strdup(target->mailbox), g_free, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_user_oof_settings_finish(ExgEwsService *service, GAsyncResult *result,
                                     ExgEwsOofSettings **ret_settings, GError **error)
{
    gpointer settings = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_get_user_oof_settings_operation, &settings, error))
        return false;
    *ret_settings = settings;
    return true;
}
