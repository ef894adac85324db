/* FindFolder: the folders below folders, all of them or those of one name. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/folder-shape.h"

/* What a restriction may say here: the display name is this one, or has it in it. */
typedef struct {
    const char *name; /* NULL: any */
    bool whole, ignore_case;
} Wanted;

static bool
read_restriction(const ExgXmlNode *operation, Wanted *ret_wanted, ExgSimRefusal *refusal)
{
    const ExgXmlNode *restriction = exg_sim_message_child(operation, "Restriction");
    const ExgXmlNode *expression = restriction != NULL ? restriction->first_child : NULL;
    *ret_wanted = (Wanted){.whole = true};
    if (expression == NULL)
        return true;
    const char *uri = exg_xml_node_attribute(expression->first_child, "FieldURI");
    bool equals = g_str_equal(expression->name, "IsEqualTo");
    if (g_strcmp0(uri, "folder:DisplayName") != 0 ||
        (!equals && !g_str_equal(expression->name, "Contains")))
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidRequest",
                                      "The simulated Exchange finds folders by name only.");
    const ExgXmlNode *parent = equals ? exg_sim_type_child(expression, "FieldURIOrConstant")
                                      : expression;
    const char *mode = exg_xml_node_attribute(expression, "ContainmentMode");
    const char *comparison = exg_xml_node_attribute(expression, "ContainmentComparison");
    ret_wanted->name = exg_xml_node_attribute(exg_sim_type_child(parent, "Constant"), "Value");
    ret_wanted->whole = equals || g_strcmp0(mode, "FullString") == 0;
    ret_wanted->ignore_case = equals || g_strcmp0(comparison, "IgnoreCase") == 0;
    return true;
}

static bool
fits(const Wanted *wanted, const ExgSimFolder *folder)
{
    if (wanted->name == NULL)
        return true;
    g_autofree char *name = wanted->ignore_case ? g_utf8_casefold(folder->display_name, -1)
                                                : g_strdup(folder->display_name);
    g_autofree char *sought = wanted->ignore_case ? g_utf8_casefold(wanted->name, -1)
                                                  : g_strdup(wanted->name);
    return wanted->whole ? g_str_equal(name, sought) : g_strstr_len(name, -1, sought) != NULL;
}

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

static void
write_result(ExgSimCall *call, const ExgSimMailbox *mailbox, const ExgSimFolder *top,
             const Wanted *wanted)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *shape = exg_sim_message_child(operation, "FolderShape");
    bool deep = g_str_equal(exg_xml_node_attribute(operation, "Traversal"), "Deep");
    guint count = 0;
    for (guint i = 0; i < exg_sim_folder_count(); i++)
        count += is_below(mailbox, exg_sim_folder_at(i), top, deep) &&
                 fits(wanted, exg_sim_folder_at(i));
    g_autofree char *total = g_strdup_printf("%u", count);
    exg_xml_start(&call->writer, "m:RootFolder");
    exg_xml_attribute(&call->writer, "TotalItemsInView", total);
    exg_xml_attribute(&call->writer, "IncludesLastItemInRange", "true");
    exg_xml_start(&call->writer, "t:Folders");
    for (guint i = 0; i < exg_sim_folder_count(); i++)
        if (is_below(mailbox, exg_sim_folder_at(i), top, deep) &&
            fits(wanted, exg_sim_folder_at(i)))
            exg_sim_folder_shape_write(shape, &call->writer, mailbox, exg_sim_folder_at(i));
    exg_xml_end(&call->writer);
    exg_xml_end(&call->writer);
}

bool
exg_sim_find_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "ParentFolderIds");
    Wanted wanted;
    if (!read_restriction(call->envelope.operation, &wanted, refusal))
        return false;
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *top;
        bool found = exg_sim_call_folder(call, id, &mailbox, &top, &failure);
        exg_sim_call_start_message(call, "m:FindFolderResponseMessage", &failure);
        if (found)
            write_result(call, mailbox, top, &wanted);
        exg_xml_end(&call->writer);
    }
    return true;
}
