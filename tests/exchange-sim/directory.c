#include "tests/exchange-sim/directory.h"

#include "common/base/error.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

struct ExgSimDirectory {
    char *path;
    const ExgSimProduct *product;
    GPtrArray *mailboxes; /* of ExgSimMailbox */
    GPtrArray *removed;   /* kept, since a request under way may know them */
    ExgSimSubscriptions *subscriptions;
    GHashTable *by_address; /* every address of each, to the mailbox */
};

static void
mailbox_free(gpointer mailbox)
{
    exg_sim_mailbox_free(mailbox);
}

ExgSimDirectory *
exg_sim_directory_new(const char *path)
{
    ExgSimDirectory *directory = g_new0(ExgSimDirectory, 1);
    directory->path = g_strdup(path);
    directory->product = exg_sim_product_find(NULL);
    directory->subscriptions = exg_sim_subscriptions_new();
    directory->mailboxes = g_ptr_array_new_with_free_func(mailbox_free);
    directory->removed = g_ptr_array_new_with_free_func(mailbox_free);
    directory->by_address = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return directory;
}

void
exg_sim_directory_free(ExgSimDirectory *directory)
{
    if (directory == NULL)
        return;
    g_hash_table_unref(directory->by_address);
    g_ptr_array_unref(directory->mailboxes);
    g_ptr_array_unref(directory->removed);
    exg_sim_subscriptions_free(directory->subscriptions);
    g_free(directory->path);
    g_free(directory);
}

void
exg_sim_directory_set_product(ExgSimDirectory *directory, const ExgSimProduct *product)
{
    directory->product = product;
}

const ExgSimProduct *
exg_sim_directory_product(const ExgSimDirectory *directory)
{
    return directory->product;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool
add_busy(ExgSimMailbox *mailbox, const char *value, GError **error)
{
    static const char *const types[] = {"Free",   "Tentative", "Busy", "OOF", "WorkingElsewhere",
                                        "NoData", NULL};
    g_auto(GStrv) parts = g_strsplit(value, "/", 4);
    guint count = g_strv_length(parts);
    const char *type = count > 2 ? parts[2] : "Busy";
    gint64 start, end;
    if (count < 2 || !exg_sim_time_parse(parts[0], &start) || !exg_sim_time_parse(parts[1], &end) ||
        start >= end || !g_strv_contains(types, type))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not START/END[/TYPE[/SUBJECT]]",
                             value);
    g_ptr_array_add(mailbox->busy, exg_sim_busy_new(start, end, type, count > 3 ? parts[3] : ""));
    return true;
}

static bool
set_type(ExgSimMailbox *mailbox, const char *value, GError **error)
{
    static const char *const types[] = {"Mailbox",      "PublicDL",     "PrivateDL", "Contact",
                                        "PublicFolder", "GroupMailbox", NULL};
    if (!g_strv_contains(types, value))
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not a type of recipient", value);
    g_free(mailbox->type);
    mailbox->type = g_strdup(value);
    return true;
}

static void
add_addresses(GPtrArray *list, const char *value)
{
    g_auto(GStrv) addresses = g_strsplit(value, ",", -1);
    for (guint i = 0; addresses[i] != NULL; i++)
        g_ptr_array_add(list, g_ascii_strdown(addresses[i], -1));
}

typedef enum { FLAG, A_TEXT, ADDRESSES, BYTES } Kind;

static const struct {
    const char *word;
    Kind kind;
    gsize offset;
} attributes[] = {
    {"name=", A_TEXT, G_STRUCT_OFFSET(ExgSimMailbox, display_name)},
    {"sid=", A_TEXT, G_STRUCT_OFFSET(ExgSimMailbox, sid)},
    {"oof=", A_TEXT, G_STRUCT_OFFSET(ExgSimMailbox, out_of_office)},
    {"tip=", A_TEXT, G_STRUCT_OFFSET(ExgSimMailbox, tip)},
    {"alias=", ADDRESSES, G_STRUCT_OFFSET(ExgSimMailbox, aliases)},
    {"members=", ADDRESSES, G_STRUCT_OFFSET(ExgSimMailbox, members)},
    {"quota=", BYTES, G_STRUCT_OFFSET(ExgSimMailbox, quota_bytes)},
    {"max-size=", BYTES, G_STRUCT_OFFSET(ExgSimMailbox, max_message_bytes)},
    {"full", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, is_full)},
    {"hidden", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, hidden)},
    {"private", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, is_private)},
    {"restricted", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, restricted)},
    {"moderated", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, moderated)},
    {"discovery", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, may_discover)},
    {"roomlist", FLAG, G_STRUCT_OFFSET(ExgSimMailbox, is_room_list)},
};

static bool
set_value(ExgSimMailbox *mailbox, Kind kind, gsize offset, const char *value, GError **error)
{
    gpointer member = G_STRUCT_MEMBER_P(mailbox, offset);
    switch (kind) {
    case FLAG:
        *(bool *)member = true;
        return true;
    case A_TEXT:
        g_free(*(char **)member);
        *(char **)member = g_strdup(value);
        return true;
    case ADDRESSES:
        add_addresses(*(GPtrArray **)member, value);
        return true;
    case BYTES:
    default:
        return exg_sim_number(value, G_MAXUINT64, member) ||
               exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not a number of bytes", value);
    }
}

static bool
set_attribute(ExgSimMailbox *mailbox, const char *word, GError **error)
{
    const char *value = exg_sim_after(word, "type=");
    if (value != NULL)
        return set_type(mailbox, value, error);
    value = exg_sim_after(word, "busy=");
    if (value != NULL)
        return add_busy(mailbox, value, error);
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        value = exg_sim_after(word, attributes[i].word);
        if (value != NULL && (attributes[i].kind != FLAG || value[0] == '\0'))
            return set_value(mailbox, attributes[i].kind, attributes[i].offset, value, error);
    }
    return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is nothing that a mailbox can have", word);
}

static bool
check_address(ExgSimDirectory *directory, const char *address, GError **error)
{
    const char *at = strchr(address, '@');
    if (at == NULL || at == address || at[1] == '\0' || address[0] == '.' ||
        strchr(address, '/') != NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not an address", address);
    if (g_hash_table_contains(directory->by_address, address))
        return exg_error_set(error, EXG_ERROR_CONFIG, "the address '%s' is there already", address);
    return true;
}

static bool
add_mailbox(ExgSimDirectory *directory, ExgSimMailbox *new_mailbox, GError **error)
{
    g_autoptr(ExgSimMailbox) mailbox = new_mailbox;
    if (directory->mailboxes->len >= EXG_SIM_DIRECTORY_MAX)
        return exg_error_set(error, EXG_ERROR_CONFIG, "more than %d mailboxes",
                             EXG_SIM_DIRECTORY_MAX);
    if (!check_address(directory, mailbox->address, error))
        return false;
    for (guint i = 0; i < mailbox->aliases->len; i++)
        if (!check_address(directory, g_ptr_array_index(mailbox->aliases, i), error))
            return false;
    if (directory->path != NULL) {
        g_autofree char *path = g_build_filename(directory->path, mailbox->address, NULL);
        if (!exg_sim_mailbox_load(mailbox, path, error))
            return false;
    }
    mailbox->watch = exg_sim_subscriptions_watch;
    mailbox->watch_data = directory->subscriptions;
    g_hash_table_insert(directory->by_address, g_strdup(mailbox->address), mailbox);
    for (guint i = 0; i < mailbox->aliases->len; i++)
        g_hash_table_insert(directory->by_address, g_strdup(g_ptr_array_index(mailbox->aliases, i)),
                            mailbox);
    g_ptr_array_add(directory->mailboxes, g_steal_pointer(&mailbox));
    return true;
}

bool
exg_sim_directory_add(ExgSimDirectory *directory, const char *line, GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) bad = NULL;
    if (!g_shell_parse_argv(line, NULL, &words, &bad)) {
        if (g_error_matches(bad, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
            return true;
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s", bad->message);
    }
    g_autoptr(ExgSimMailbox) mailbox = exg_sim_mailbox_new(words[0]);
    for (guint i = 1; words[i] != NULL; i++) {
        /* `display name="…"` reads naturally, so the word is allowed. */
        if (g_str_equal(words[i], "display") && words[i + 1] != NULL &&
            exg_sim_after(words[i + 1], "name=") != NULL)
            continue;
        if (!set_attribute(mailbox, words[i], error))
            return false;
    }
    return add_mailbox(directory, g_steal_pointer(&mailbox), error);
}

bool
exg_sim_directory_add_file(ExgSimDirectory *directory, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (!exg_sim_directory_add(directory, g_strstrip(lines[i]), error)) {
            g_prefix_error(error, "%s:%u: ", path, i + 1);
            return false;
        }
    }
    return true;
}

bool
exg_sim_directory_add_stored(ExgSimDirectory *directory, GError **error)
{
    g_autoptr(GDir) stored = directory->path != NULL ? g_dir_open(directory->path, 0, NULL) : NULL;
    if (stored == NULL)
        return true;
    for (const char *name = g_dir_read_name(stored); name != NULL; name = g_dir_read_name(stored))
        if (!add_mailbox(directory, exg_sim_mailbox_new(name), error))
            return false;
    return true;
}

static gboolean
belongs_to(gpointer address, gpointer mailbox, gpointer wanted)
{
    return mailbox == wanted;
}

bool
exg_sim_directory_remove(ExgSimDirectory *directory, const char *address)
{
    ExgSimMailbox *mailbox = exg_sim_directory_find(directory, address);
    if (mailbox == NULL)
        return false;
    g_hash_table_foreach_remove(directory->by_address, belongs_to, mailbox);
    guint index = 0;
    g_ptr_array_find(directory->mailboxes, mailbox, &index);
    g_ptr_array_add(directory->removed, g_ptr_array_steal_index(directory->mailboxes, index));
    return true;
}

/* --- look-ups --------------------------------------------------------------------------------- */

guint
exg_sim_directory_count(const ExgSimDirectory *directory)
{
    return directory->mailboxes->len;
}

ExgSimMailbox *
exg_sim_directory_get(const ExgSimDirectory *directory, guint index)
{
    return g_ptr_array_index(directory->mailboxes, index);
}

ExgSimMailbox *
exg_sim_directory_find(const ExgSimDirectory *directory, const char *address)
{
    g_autofree char *lower = g_ascii_strdown(address, -1);
    return g_hash_table_lookup(directory->by_address, lower);
}

ExgSimMailbox *
exg_sim_directory_find_sid(const ExgSimDirectory *directory, const char *sid)
{
    for (guint i = 0; i < directory->mailboxes->len; i++) {
        ExgSimMailbox *mailbox = g_ptr_array_index(directory->mailboxes, i);
        if (g_ascii_strcasecmp(mailbox->sid, sid) == 0)
            return mailbox;
    }
    return NULL;
}

static bool
has_prefix(const char *text, const char *prefix)
{
    return g_ascii_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool
address_matches(const ExgSimMailbox *mailbox, const char *prefix)
{
    if (has_prefix(mailbox->address, prefix))
        return true;
    for (guint i = 0; i < mailbox->aliases->len; i++)
        if (has_prefix(g_ptr_array_index(mailbox->aliases, i), prefix))
            return true;
    return false;
}

static bool
name_matches(const ExgSimMailbox *mailbox, const char *prefix)
{
    for (const char *word = mailbox->display_name; word != NULL; word = strchr(word, ' ')) {
        word += strspn(word, " ");
        if (word[0] != '\0' && has_prefix(word, prefix))
            return true;
    }
    return false;
}

GPtrArray *
exg_sim_directory_resolve(const ExgSimDirectory *directory, const char *entry)
{
    GPtrArray *found = g_ptr_array_new();
    bool by_address = g_ascii_strncasecmp(entry, "smtp:", 5) == 0;
    const char *prefix = by_address ? entry + 5 : entry;
    for (guint i = 0; prefix[0] != '\0' && i < directory->mailboxes->len; i++) {
        ExgSimMailbox *mailbox = g_ptr_array_index(directory->mailboxes, i);
        if (mailbox->hidden)
            continue;
        if (address_matches(mailbox, prefix) || (!by_address && name_matches(mailbox, prefix)))
            g_ptr_array_add(found, mailbox);
    }
    return found;
}

ExgSimSubscriptions *
exg_sim_directory_subscriptions(ExgSimDirectory *directory)
{
    return directory->subscriptions;
}
