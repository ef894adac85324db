#include "cli/mailbox-list.h"

#include "common/ews/mailbox.h"

static const char *
or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void
exg_mailbox_list_print(const GPtrArray *mailboxes, bool types)
{
    static const char *const titles[] = {"NAME", "ADDRESS", "TYPE", NULL};
    static const char *const without_types[] = {"NAME", "ADDRESS", NULL};
    g_autoptr(ExgTable) table = exg_table_new(types ? titles : without_types);
    for (guint i = 0; i < mailboxes->len; i++) {
        const ExgEwsMailbox *mailbox = g_ptr_array_index(mailboxes, i);
        const char *const cells[] = {or_null(mailbox->name), or_null(mailbox->address),
                                     or_null(mailbox->type), NULL};
        exg_table_add(table, cells);
    }
    if (mailboxes->len > 0)
        exg_table_show(table);
}

void
exg_mailbox_list_append(GString *json, const char *name, const GPtrArray *mailboxes)
{
    exg_json_open(json, name, '[');
    for (guint i = 0; i < mailboxes->len; i++) {
        const ExgEwsMailbox *mailbox = g_ptr_array_index(mailboxes, i);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "name", or_null(mailbox->name));
        exg_json_text(json, "address", or_null(mailbox->address));
        exg_json_text(json, "type", or_null(mailbox->type));
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
}
