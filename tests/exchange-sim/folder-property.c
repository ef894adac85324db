#include "tests/exchange-sim/folder-property.h"

guint
exg_sim_folder_count_children(const ExgSimPlace *place)
{
    guint count = 0;
    for (guint i = 0; i < exg_sim_folder_count(); i++)
        count += g_strcmp0(exg_sim_folder_at(i)->parent, place->folder->id) == 0 &&
                 exg_sim_folder_is_in(exg_sim_folder_at(i), place->mailbox->address);
    return count;
}

static ExgSimValue
text_of(const char *text)
{
    return (ExgSimValue){.present = text[0] != '\0', .text = text, .any_case = true};
}

static ExgSimValue
number_of(gint64 number)
{
    return (ExgSimValue){.present = true, .is_number = true, .number = number};
}

/* Names are those of the schema, and of the tag. */
bool
exg_sim_folder_value(gconstpointer data, const ExgXmlNode *path, ExgSimValue *ret_value)
{
    const ExgSimPlace *place = data;
    const ExgSimMailbox *mailbox = place->mailbox;
    const ExgSimFolder *folder = place->folder;
    const struct {
        const char *uri, *tag;
        ExgSimValue value;
    } properties[] = {
        {"folder:DisplayName", "0x3001", text_of(folder->display_name)},
        {"folder:FolderClass", "0x3613", text_of(folder->class)},
        {"folder:TotalCount", "0x3602", number_of(exg_sim_mailbox_count(mailbox, folder))},
        {"folder:UnreadCount", "0x3603", number_of(exg_sim_mailbox_count_unread(mailbox, folder))},
        {"folder:ChildFolderCount", "0x6638", number_of(exg_sim_folder_count_children(place))},
        {NULL, "0x360a", number_of(exg_sim_folder_count_children(place) > 0)},
        {NULL, "0x3008", number_of(exg_sim_mailbox_changed_at(mailbox, folder))},
        {NULL, "0x670a", number_of(exg_sim_mailbox_changed_at(mailbox, folder))},
        {NULL, "0x6751", number_of(exg_sim_mailbox_last_number(mailbox, folder) + 1)},
    };
    g_auto(ExgSimRefusal) ignored = {0};
    g_autofree char *tag = NULL;
    const char *uri = exg_xml_node_attribute(path, "FieldURI");
    if (g_str_equal(path->name, "ExtendedFieldURI") && !exg_sim_property_path(path, &tag, &ignored))
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(properties); i++) {
        if (tag != NULL ? g_str_equal(properties[i].tag, tag)
                        : g_strcmp0(properties[i].uri, uri) == 0) {
            *ret_value = properties[i].value;
            return true;
        }
    }
    /* Any other extended property is one that no folder has. */
    *ret_value = (ExgSimValue){0};
    return tag != NULL;
}
