#include "common/ews/folders/changes-private.h"

#include "common/base/error.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/value-private.h"

void
exg_ews_changes_free(ExgEwsChanges *changes)
{
    if (changes == NULL)
        return;
    g_free(changes->state);
    g_ptr_array_unref(changes->changes);
    g_free(changes);
}

void
exg_ews_changes_free_result(gpointer changes)
{
    exg_ews_changes_free(changes);
}

void
exg_ews_changes_write_start(ExgXmlWriter *writer, const ExgEwsTarget *target,
                            const ExgEwsFolderId *folder, const char *state)
{
    exg_xml_start(writer, "m:SyncFolderId");
    exg_ews_write_any_folder(writer, target, folder);
    exg_xml_end(writer);
    if (state != NULL)
        exg_xml_element(writer, "m:SyncState", state);
}

bool
exg_ews_changes_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                       const char *last, ExgEwsChangeReader read_change, GDestroyNotify free_change,
                       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *state = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "SyncState");
    const ExgXmlNode *is_last = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, last);
    const ExgXmlNode *list = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Changes");
    if (state == NULL || state->text[0] == '\0' || is_last == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a SyncState");
    g_autoptr(ExgEwsChanges) changes = g_new0(ExgEwsChanges, 1);
    changes->state = g_strdup(state->text);
    changes->is_last = exg_ews_read_bool(is_last->text, false);
    changes->changes = g_ptr_array_new_with_free_func(free_change);
    for (const ExgXmlNode *node = list != NULL ? list->first_child : NULL; node != NULL;
         node = node->next) {
        gpointer change = read_change(node);
        if (change == NULL)
            return exg_ews_answer_senseless(operation, error, "a change without an id");
        g_ptr_array_add(changes->changes, change);
    }
    *ret_result = g_steal_pointer(&changes);
    return true;
}

bool
exg_ews_sync_is_lost(const GError *error)
{
    static const char *const codes[] = {"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound",
                                        NULL};
    const ExgErrorFacts *facts = exg_error_facts(error);
    return facts != NULL && facts->service_code != NULL &&
           g_strv_contains(codes, facts->service_code);
}
