#include "tests/exchange-sim/item.h"

#include "tests/exchange-sim/text.h"

#include <string.h>

static void
property_clear(gpointer data)
{
    ExgSimProperty *property = data;
    g_free(property->path);
    g_free(property->type);
    g_free(property->value);
}

ExgSimItem *
exg_sim_item_new(void)
{
    ExgSimItem *item = g_new0(ExgSimItem, 1);
    item->sent = -1;
    item->properties = g_array_new(FALSE, FALSE, sizeof(ExgSimProperty));
    g_array_set_clear_func(item->properties, property_clear);
    return item;
}

void
exg_sim_item_free(ExgSimItem *item)
{
    if (item == NULL)
        return;
    g_free(item->id);
    g_free(item->change_key);
    g_free(item->item_class);
    g_free(item->subject);
    g_free(item->message_id);
    g_free(item->from);
    g_free(item->account);
    g_free(item->impersonated);
    g_free(item->anchor);
    g_free(item->client_request_id);
    g_array_unref(item->properties);
    g_clear_pointer(&item->content, g_bytes_unref);
    g_free(item);
}

void
exg_sim_item_add_property(ExgSimItem *item, const char *path, const char *type, const char *value)
{
    ExgSimProperty property = {g_strdup(path), g_strdup(type), g_strdup(value)};
    g_array_append_val(item->properties, property);
}

void
exg_sim_item_set_property(ExgSimItem *item, const char *path, const char *type, const char *value)
{
    for (guint i = item->properties->len; i-- > 0;)
        if (g_str_equal(g_array_index(item->properties, ExgSimProperty, i).path, path))
            g_array_remove_index(item->properties, i);
    if (value != NULL)
        exg_sim_item_add_property(item, path, type, value);
}

ExgSimItem *
exg_sim_item_copy(const ExgSimItem *item)
{
    ExgSimItem *copy = exg_sim_item_new();
    copy->message_flags = item->message_flags;
    copy->is_read = item->is_read;
    copy->delivered = item->delivered;
    copy->sent = item->sent;
    copy->item_class = g_strdup(item->item_class);
    copy->subject = g_strdup(item->subject);
    copy->message_id = g_strdup(item->message_id);
    copy->from = g_strdup(item->from);
    copy->account = g_strdup(item->account);
    for (guint i = 0; i < item->properties->len; i++) {
        const ExgSimProperty *property = &g_array_index(item->properties, ExgSimProperty, i);
        exg_sim_item_add_property(copy, property->path, property->type, property->value);
    }
    return copy;
}

const char *
exg_sim_item_property(const ExgSimItem *item, const char *path)
{
    /* The last one wins, as a property set twice. */
    for (guint i = item->properties->len; i-- > 0;) {
        const ExgSimProperty *property = &g_array_index(item->properties, ExgSimProperty, i);
        if (g_str_equal(property->path, path))
            return property->value;
    }
    return NULL;
}

void
exg_sim_item_read_header(ExgSimItem *item, const char *message, gsize length)
{
    g_autofree char *date = exg_sim_mime_field(message, length, "Date");
    item->subject = exg_sim_mime_field(message, length, "Subject");
    item->message_id = exg_sim_mime_field(message, length, "Message-ID");
    item->from = exg_sim_mime_field(message, length, "From");
    item->sent = date != NULL ? exg_sim_mime_date(date) : -1;
}

bool
exg_sim_item_is_draft(const ExgSimItem *item)
{
    return (item->message_flags & EXG_SIM_FLAG_UNSENT) != 0;
}

/* --- on disk ---------------------------------------------------------------------------------- */

static void
append_line(GString *text, const char *key, const char *value)
{
    if (value == NULL)
        return;
    g_string_append(text, key);
    g_string_append_c(text, '=');
    for (const guint8 *at = (const guint8 *)value; *at != '\0'; at++) {
        if (*at < ' ' || *at == '%' || *at == 0x7f)
            g_string_append_printf(text, "%%%02X", *at);
        else
            g_string_append_c(text, (char)*at);
    }
    g_string_append_c(text, '\n');
}

static void
append_time(GString *text, const char *key, gint64 seconds)
{
    g_autofree char *value = exg_sim_time_format(seconds);
    append_line(text, key, value);
}

char *
exg_sim_item_to_text(const ExgSimItem *item, const char *address)
{
    GString *text = g_string_sized_new(1024);
    append_line(text, "item_id", item->id);
    append_line(text, "change_key", item->change_key);
    append_line(text, "mailbox", address);
    append_line(text, "folder", item->folder->id);
    g_string_append_printf(text, "message_flags=%u\n", item->message_flags);
    append_line(text, "is_read", item->is_read ? "true" : "false");
    append_time(text, "created", item->created);
    append_time(text, "delivery_time", item->delivered);
    if (item->sent != -1)
        append_time(text, "sent", item->sent);
    append_line(text, "delivery_key", exg_sim_item_property(item, EXG_SIM_DELIVERY_KEY));
    append_line(text, "item_class", item->item_class);
    append_line(text, "subject", item->subject);
    append_line(text, "message_id", item->message_id);
    append_line(text, "from", item->from);
    append_line(text, "account", item->account);
    append_line(text, "impersonated", item->impersonated);
    append_line(text, "anchor", item->anchor);
    append_line(text, "client_request_id", item->client_request_id);
    for (guint i = 0; i < item->properties->len; i++) {
        const ExgSimProperty *property = &g_array_index(item->properties, ExgSimProperty, i);
        g_autofree char *path = exg_sim_word(property->path);
        g_autofree char *value = g_strdup_printf("%s %s %s", path, property->type, property->value);
        append_line(text, "property", value);
    }
    return g_string_free(text, FALSE);
}

static void
read_property(ExgSimItem *item, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 3);
    if (g_strv_length(words) == 3) {
        g_autofree char *path = exg_sim_word_decode(words[0]);
        exg_sim_item_add_property(item, path, words[1], words[2]);
    }
}

static void
read_line(ExgSimItem *item, const char *key, const char *value)
{
    struct {
        const char *key;
        char **member;
    } strings[] = {
        {"item_id", &item->id},
        {"change_key", &item->change_key},
        {"item_class", &item->item_class},
        {"subject", &item->subject},
        {"message_id", &item->message_id},
        {"from", &item->from},
        {"account", &item->account},
        {"impersonated", &item->impersonated},
        {"anchor", &item->anchor},
        {"client_request_id", &item->client_request_id},
    };
    struct {
        const char *key;
        gint64 *member;
    } times[] = {
        {"created", &item->created},
        {"delivery_time", &item->delivered},
        {"sent", &item->sent},
    };
    guint64 number;
    for (guint i = 0; i < G_N_ELEMENTS(strings); i++) {
        if (g_str_equal(key, strings[i].key)) {
            g_free(*strings[i].member);
            *strings[i].member = g_strdup(value);
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(times); i++)
        if (g_str_equal(key, times[i].key))
            exg_sim_time_parse(value, times[i].member);
    if (g_str_equal(key, "folder"))
        item->folder = exg_sim_folder_find(value);
    else if (g_str_equal(key, "message_flags") && exg_sim_number(value, G_MAXUINT32, &number))
        item->message_flags = (guint32)number;
    else if (g_str_equal(key, "is_read"))
        item->is_read = g_str_equal(value, "true");
    else if (g_str_equal(key, "property"))
        read_property(item, value);
}

ExgSimItem *
exg_sim_item_from_text(const char *text)
{
    g_autoptr(ExgSimItem) item = exg_sim_item_new();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        char *equals = strchr(lines[i], '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        g_autofree char *value = exg_sim_word_decode(equals + 1);
        read_line(item, lines[i], value);
    }
    if (item->id == NULL || item->change_key == NULL || item->folder == NULL ||
        item->item_class == NULL)
        return NULL;
    return g_steal_pointer(&item);
}

/* --- ids -------------------------------------------------------------------------------------- */

/* What an id begins with, so that it looks like Exchange's: "AAMkA…" */
static const char id_prefix[] = {0x00, 0x03, 0x24, 0x00};

char *
exg_sim_id_new(const char *address, const ExgSimFolder *folder, guint number)
{
    g_autofree char *inner = g_strdup_printf("%s\n%s\n%u", address, folder->id, number);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)id_prefix, sizeof id_prefix);
    g_byte_array_append(bytes, (const guint8 *)inner, (guint)strlen(inner));
    return g_base64_encode(bytes->data, bytes->len);
}

bool
exg_sim_id_parse(const char *id, char **ret_address, const ExgSimFolder **ret_folder,
                 guint *ret_number)
{
    g_autofree guint8 *bytes = NULL;
    gsize length;
    guint64 number;
    if (!exg_sim_base64_decode(id, strlen(id), &bytes, &length) || length <= sizeof id_prefix ||
        memcmp(bytes, id_prefix, sizeof id_prefix) != 0)
        return false;
    g_auto(GStrv) parts = g_strsplit((const char *)bytes + sizeof id_prefix, "\n", 4);
    if (g_strv_length(parts) != 3 || !exg_sim_number(parts[2], G_MAXUINT, &number))
        return false;
    const ExgSimFolder *folder = exg_sim_folder_find(parts[1]);
    if (folder == NULL)
        return false;
    *ret_address = g_steal_pointer(&parts[0]);
    /* The list is walked to its first NULL when it is freed. */
    g_free(parts[1]);
    g_free(parts[2]);
    *ret_folder = folder;
    *ret_number = (guint)number;
    return true;
}
