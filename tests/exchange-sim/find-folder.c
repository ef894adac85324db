/* FindFolder: the folders below folders that fit a restriction. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/folder-property.h"
#include "tests/exchange-sim/folder-shape.h"
#include "tests/exchange-sim/page.h"
#include "tests/exchange-sim/restriction.h"

static bool
is_below(const ExgSimMailbox *mailbox, const ExgSimFolder *folder, const ExgSimFolder *top,
         bool deep)
{
    if (!exg_sim_folder_is_in(folder, mailbox->address))
        return false;
    const char *parent = folder->parent;
    while (deep && parent != NULL && !g_str_equal(parent, top->id))
        parent = exg_sim_folder_find(parent)->parent;
    return g_strcmp0(parent, top->id) == 0;
}

static GPtrArray *
search(const ExgXmlNode *operation, const ExgSimMailbox *mailbox, const ExgSimFolder *top)
{
    GPtrArray *found = g_ptr_array_new();
    const ExgXmlNode *restriction = exg_sim_message_child(operation, "Restriction");
    bool deep = g_str_equal(exg_xml_node_attribute(operation, "Traversal"), "Deep");
    for (guint i = 0; i < exg_sim_folder_count(); i++) {
        const ExgSimPlace place = {mailbox, exg_sim_folder_at(i)};
        if (is_below(mailbox, place.folder, top, deep) &&
            (restriction == NULL ||
             exg_sim_restriction_matches(restriction->first_child, exg_sim_folder_value, &place)))
            g_ptr_array_add(found, (gpointer)place.folder);
    }
    return found;
}

static void
write_result(ExgSimCall *call, const ExgSimMailbox *mailbox, const GPtrArray *found)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *shape = exg_sim_message_child(operation, "FolderShape");
    const ExgXmlNode *view = exg_sim_message_child(operation, "IndexedPageFolderView");
    guint from, to;
    exg_xml_start(&call->writer, "m:RootFolder");
    exg_sim_page_write(view, found->len, &call->writer, &from, &to);
    exg_xml_start(&call->writer, "t:Folders");
    for (guint i = from; i < to; i++)
        exg_sim_folder_shape_write(shape, &call->writer, mailbox, g_ptr_array_index(found, i));
    exg_xml_end(&call->writer);
    exg_xml_end(&call->writer);
}

static bool
check(const ExgXmlNode *operation, const ExgSimMailbox *any, ExgSimRefusal *refusal)
{
    const ExgXmlNode *restriction = exg_sim_message_child(operation, "Restriction");
    const ExgSimPlace place = {any, exg_sim_folder_at(0)};
    if (exg_sim_message_child(operation, "FractionalPageFolderView") != NULL)
        return exg_sim_refuse_invalid(
            refusal, "ErrorInvalidRequest",
            "The simulated Exchange does not have 'FractionalPageFolderView'.");
    return restriction == NULL || exg_sim_restriction_check(restriction->first_child,
                                                            exg_sim_folder_value, &place, refusal);
}

bool
exg_sim_find_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *ids = exg_sim_message_child(operation, "ParentFolderIds");
    g_autoptr(ExgSimMailbox) any = exg_sim_mailbox_new("");
    if (!check(operation, any, refusal))
        return false;
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *top;
        bool found = exg_sim_call_folder(call, id, &mailbox, &top, &failure);
        exg_sim_call_start_message(call, "m:FindFolderResponseMessage", &failure);
        if (found) {
            g_autoptr(GPtrArray) folders = search(operation, mailbox, top);
            write_result(call, mailbox, folders);
        }
        exg_xml_end(&call->writer);
    }
    return true;
}
