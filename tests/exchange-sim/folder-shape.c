#include "tests/exchange-sim/folder-shape.h"

#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/folder-property.h"
#include "tests/exchange-sim/item-shape.h"

static void
write_number(ExgXmlWriter *writer, const char *element, guint number)
{
    g_autofree char *text = g_strdup_printf("%u", number);
    exg_xml_element(writer, element, text);
}

static void
write_id(ExgXmlWriter *writer, const char *element, const ExgSimMailbox *mailbox,
         const ExgSimFolder *folder)
{
    g_autofree char *id = exg_sim_id_new(mailbox->address, folder, 0);
    exg_xml_start(writer, element);
    exg_xml_attribute(writer, "Id", id);
    exg_xml_attribute(writer, "ChangeKey", "AQAAAA==");
    exg_xml_end(writer);
}

static void
write_extended_properties(const ExgXmlNode *shape, ExgXmlWriter *writer, const ExgSimPlace *place)
{
    const ExgXmlNode *paths = exg_sim_type_child(shape, "AdditionalProperties");
    for (const ExgXmlNode *uri = exg_sim_type_child(paths, "ExtendedFieldURI"); uri != NULL;
         uri = exg_xml_node_next_same(uri)) {
        ExgSimValue value;
        if (!exg_sim_folder_value(place, uri, &value))
            continue;
        g_autofree char *text = exg_sim_property_format(
            &value, exg_xml_node_attribute(uri, "PropertyType"));
        if (text != NULL)
            exg_sim_extended_property_write(writer, uri, text);
    }
}

static bool
shows(const ExgXmlNode *shape, const char *lowest_shape, const char *field_uri)
{
    const char *base = exg_sim_type_child(shape, "BaseShape")->text;
    return g_str_equal(base, "AllProperties") || g_str_equal(base, lowest_shape) ||
           exg_sim_shape_asks_for(shape, field_uri);
}

void
exg_sim_folder_shape_write(const ExgXmlNode *shape, ExgXmlWriter *writer,
                           const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    /* Only t:Folder and t:TasksFolder count what is unread. */
    bool counts_unread = !g_str_equal(folder->element, "t:CalendarFolder") &&
                         !g_str_equal(folder->element, "t:ContactsFolder");
    const ExgSimPlace place = {mailbox, folder};
    exg_xml_start(writer, folder->element);
    write_id(writer, "t:FolderId", mailbox, folder);
    if (folder->parent != NULL && shows(shape, "AllProperties", "folder:ParentFolderId"))
        write_id(writer, "t:ParentFolderId", mailbox, exg_sim_folder_find(folder->parent));
    if (shows(shape, "AllProperties", "folder:FolderClass"))
        exg_xml_element(writer, "t:FolderClass", folder->class);
    if (shows(shape, "Default", "folder:DisplayName"))
        exg_xml_element(writer, "t:DisplayName", folder->display_name);
    if (shows(shape, "Default", "folder:TotalCount"))
        write_number(writer, "t:TotalCount", exg_sim_mailbox_count(mailbox, folder));
    if (shows(shape, "Default", "folder:ChildFolderCount"))
        write_number(writer, "t:ChildFolderCount", exg_sim_folder_count_children(&place));
    write_extended_properties(shape, writer, &place);
    if (!folder->is_users && shows(shape, "AllProperties", "folder:DistinguishedFolderId"))
        exg_xml_element(writer, "t:DistinguishedFolderId", folder->id);
    if (counts_unread && shows(shape, "Default", "folder:UnreadCount"))
        write_number(writer, "t:UnreadCount", exg_sim_mailbox_count_unread(mailbox, folder));
    exg_xml_end(writer);
}
