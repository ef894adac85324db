#include "common/ews/mailbox-private.h"

#include "common/base/error.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"
#include "common/mime/address.h"

#define DEFAULT_ROUTING "SMTP"
#define DEFAULT_TYPE    "Mailbox"

static char *
text_or(const char *text, const char *otherwise)
{
    return g_strdup(text != NULL && text[0] != '\0' ? text : otherwise);
}

ExgEwsMailbox *
exg_ews_mailbox_new(const char *address, const char *type)
{
    ExgEwsMailbox *mailbox = g_new0(ExgEwsMailbox, 1);
    mailbox->name = g_strdup("");
    mailbox->address = text_or(address, "");
    mailbox->routing_type = g_strdup(DEFAULT_ROUTING);
    mailbox->type = text_or(type, DEFAULT_TYPE);
    mailbox->item_id = g_strdup("");
    return mailbox;
}

ExgEwsMailbox *
exg_ews_mailbox_copy(const ExgEwsMailbox *mailbox)
{
    ExgEwsMailbox *copy = g_new0(ExgEwsMailbox, 1);
    copy->name = g_strdup(mailbox->name);
    copy->address = g_strdup(mailbox->address);
    copy->routing_type = g_strdup(mailbox->routing_type);
    copy->type = g_strdup(mailbox->type);
    copy->item_id = g_strdup(mailbox->item_id);
    return copy;
}

void
exg_ews_mailbox_free(ExgEwsMailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    g_free(mailbox->name);
    g_free(mailbox->address);
    g_free(mailbox->routing_type);
    g_free(mailbox->type);
    g_free(mailbox->item_id);
    g_free(mailbox);
}

bool
exg_ews_mailbox_equal(const ExgEwsMailbox *mailbox, const ExgEwsMailbox *other)
{
    if (mailbox->item_id[0] != '\0' && other->item_id[0] != '\0')
        return g_str_equal(mailbox->item_id, other->item_id);
    g_autofree char *address = exg_address_fold(mailbox->address);
    g_autofree char *other_address = exg_address_fold(other->address);
    return address[0] != '\0' && g_str_equal(address, other_address);
}

bool
exg_ews_mailbox_is_list(const ExgEwsMailbox *mailbox)
{
    return g_str_equal(mailbox->type, "PublicDL") || g_str_equal(mailbox->type, "PrivateDL");
}

/* --- requests and answers --------------------------------------------------------------------- */

static bool
check_length(const char *what, const char *text, glong max, GError **error)
{
    glong length = g_utf8_strlen(text, -1);
    return length <= max ||
           exg_error_set(error, EXG_ERROR_PROTOCOL, "%s has %ld characters, but Exchange takes %ld",
                         what, length, max);
}

bool
exg_ews_mailbox_check(const ExgEwsMailbox *mailbox, GError **error)
{
    if (!check_length("An address", mailbox->address, EXG_EWS_MAX_TEXT_CHARACTERS, error) ||
        !check_length("An item's id", mailbox->item_id, EXG_EWS_MAX_ID_CHARACTERS, error))
        return false;
    if (mailbox->address[0] != '\0' || mailbox->item_id[0] != '\0' ||
        g_str_equal(mailbox->type, "OneOff"))
        return true;
    return exg_error_set(error, EXG_ERROR_PROTOCOL,
                         "Exchange cannot be asked for somebody without an address");
}

void
exg_ews_mailbox_write(ExgXmlWriter *writer, const char *element, const ExgEwsMailbox *mailbox)
{
    exg_xml_start(writer, element);
    if (mailbox->name[0] != '\0')
        exg_xml_element(writer, "t:Name", mailbox->name);
    if (mailbox->address[0] != '\0')
        exg_xml_element(writer, "t:EmailAddress", mailbox->address);
    exg_xml_element(writer, "t:RoutingType", mailbox->routing_type);
    exg_xml_element(writer, "t:MailboxType", mailbox->type);
    if (mailbox->item_id[0] != '\0')
        exg_ews_write_leaf(writer, "t:ItemId", "Id", mailbox->item_id);
    exg_xml_end(writer);
}

ExgEwsMailbox *
exg_ews_mailbox_read(const ExgXmlNode *node)
{
    const char *name = exg_ews_child_text(node, "Name");
    const char *address = exg_ews_child_text(node, "EmailAddress");
    const char *item_id = exg_xml_node_attribute(
        exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "ItemId"), "Id");
    if (name[0] == '\0' && address[0] == '\0' && item_id == NULL)
        return NULL;
    ExgEwsMailbox *mailbox = g_new0(ExgEwsMailbox, 1);
    mailbox->name = g_strdup(name);
    mailbox->address = g_strdup(address);
    mailbox->routing_type = text_or(exg_ews_child_text(node, "RoutingType"), DEFAULT_ROUTING);
    mailbox->type = text_or(exg_ews_child_text(node, "MailboxType"), DEFAULT_TYPE);
    mailbox->item_id = text_or(item_id, "");
    return mailbox;
}

static void
free_mailbox(gpointer mailbox)
{
    exg_ews_mailbox_free(mailbox);
}

GPtrArray *
exg_ews_mailbox_array_new(void)
{
    return g_ptr_array_new_with_free_func(free_mailbox);
}

GPtrArray *
exg_ews_mailbox_read_all(const ExgXmlNode *parent, const char *name)
{
    GPtrArray *mailboxes = exg_ews_mailbox_array_new();
    for (const ExgXmlNode *node = exg_xml_node_child(parent, EXG_EWS_TYPES_SPACE, name);
         node != NULL; node = exg_xml_node_next_same(node)) {
        ExgEwsMailbox *mailbox = exg_ews_mailbox_read(node);
        if (mailbox != NULL)
            g_ptr_array_add(mailboxes, mailbox);
    }
    return mailboxes;
}

char *
exg_ews_mailbox_key(const ExgEwsMailbox *mailbox)
{
    if (mailbox->item_id[0] != '\0')
        return g_strconcat("id:", mailbox->item_id, NULL);
    g_autofree char *address = exg_address_fold(mailbox->address);
    return g_strconcat("address:", address, NULL);
}
