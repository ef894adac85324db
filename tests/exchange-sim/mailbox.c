#include "tests/exchange-sim/mailbox.h"

#include "common/base/failpoint.h"
#include "tests/exchange-sim/text.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Of all mailboxes without a directory. */
static guint64 content_bytes_in_memory;

ExgSimBusy *
exg_sim_busy_new(gint64 start, gint64 end, const char *type, const char *subject)
{
    ExgSimBusy *busy = g_new0(ExgSimBusy, 1);
    busy->start = start;
    busy->end = end;
    busy->type = g_strdup(type);
    busy->subject = g_strdup(subject);
    return busy;
}

static void
busy_free(gpointer data)
{
    ExgSimBusy *busy = data;
    g_free(busy->type);
    g_free(busy->subject);
    g_free(busy);
}

static void
store_free(gpointer data)
{
    ExgSimStore *store = data;
    if (store == NULL)
        return;
    g_ptr_array_unref(store->items);
    g_free(store);
}

static void
removed_clear(gpointer data)
{
    ExgSimRemoved *removed = data;
    g_free(removed->id);
}

ExgSimMailbox *
exg_sim_mailbox_new(const char *address)
{
    ExgSimMailbox *mailbox = g_new0(ExgSimMailbox, 1);
    mailbox->stores = g_ptr_array_new_with_free_func(store_free);
    mailbox->removed = g_array_new(FALSE, FALSE, sizeof(ExgSimRemoved));
    g_array_set_clear_func(mailbox->removed, removed_clear);
    mailbox->epoch = g_random_int();
    mailbox->serial = 1;
    mailbox->begun = g_get_real_time() / G_USEC_PER_SEC;
    mailbox->address = g_ascii_strdown(address, -1);
    mailbox->display_name = g_strndup(address, strcspn(address, "@"));
    mailbox->type = g_strdup("Mailbox");
    mailbox->sid = g_strdup_printf("S-1-5-21-1004336348-1177238915-682003330-%u",
                                   1000 + g_str_hash(mailbox->address) % 1000000);
    mailbox->aliases = g_ptr_array_new_with_free_func(g_free);
    mailbox->members = g_ptr_array_new_with_free_func(g_free);
    mailbox->busy = g_ptr_array_new_with_free_func(busy_free);
    return mailbox;
}

void
exg_sim_mailbox_free(ExgSimMailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    g_ptr_array_unref(mailbox->stores);
    g_array_unref(mailbox->removed);
    g_ptr_array_unref(mailbox->aliases);
    g_ptr_array_unref(mailbox->members);
    g_ptr_array_unref(mailbox->busy);
    g_free(mailbox->out_of_office);
    g_free(mailbox->tip);
    g_free(mailbox->address);
    g_free(mailbox->display_name);
    g_free(mailbox->type);
    g_free(mailbox->sid);
    g_free(mailbox->directory);
    g_free(mailbox);
}

static void
item_free(gpointer data)
{
    ExgSimItem *item = data;
    if (item->content != NULL)
        content_bytes_in_memory -= g_bytes_get_size(item->content);
    exg_sim_item_free(item);
}

/* NULL if nothing was ever stored there. */
static ExgSimStore *
find_store(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    guint index = exg_sim_folder_index(folder);
    return index < mailbox->stores->len ? g_ptr_array_index(mailbox->stores, index) : NULL;
}

static ExgSimStore *
make_store(ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    guint index = exg_sim_folder_index(folder);
    if (index >= mailbox->stores->len)
        g_ptr_array_set_size(mailbox->stores, (gint)index + 1);
    ExgSimStore *store = g_ptr_array_index(mailbox->stores, index);
    if (store == NULL) {
        store = g_new0(ExgSimStore, 1);
        store->items = g_ptr_array_new_with_free_func(item_free);
        g_ptr_array_index(mailbox->stores, index) = store;
    }
    return store;
}

static void
add(ExgSimMailbox *mailbox, ExgSimItem *item)
{
    ExgSimStore *store = make_store(mailbox, item->folder);
    item->created_serial = item->changed_serial = item->read_serial = ++mailbox->serial;
    g_ptr_array_add(store->items, item);
    store->last_number = MAX(store->last_number, item->number);
    mailbox->used_bytes += item->size_bytes;
    exg_sim_mailbox_touch(mailbox, item->folder);
}

void
exg_sim_mailbox_touch(ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    make_store(mailbox, folder)->changed = g_get_real_time() / G_USEC_PER_SEC;
}

/* --- files ------------------------------------------------------------------------------------ */

static bool
io_error(GError **error, const char *what, const char *path)
{
    int reason = errno;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(reason), "cannot %s %s: %s",
                what, path, g_strerror(reason));
    return false;
}

static bool
write_all(int fd, const char *content, gsize length)
{
    while (length > 0) {
        gssize written = write(fd, content, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        content += written;
        length -= (gsize)written;
    }
    return true;
}

bool
exg_sim_write_file(const char *directory, const char *name, const char *content, gsize length,
                   GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *temporary = g_strdup_printf("%s/.%s.tmp", directory, name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return io_error(error, "create", temporary);
    bool written = write_all(fd, content, length);
    if (close(fd) < 0 || !written) {
        io_error(error, "write", temporary);
        g_unlink(temporary);
        return false;
    }
    if (g_rename(temporary, path) < 0)
        return io_error(error, "rename", temporary);
    return true;
}

static bool
load_item(ExgSimMailbox *mailbox, const ExgSimFolder *folder, const char *directory, guint number,
          GError **error)
{
    g_autofree char *item_path = g_strdup_printf("%s/%06u.item", directory, number);
    g_autofree char *content_path = g_strdup_printf("%s/%06u.eml", directory, number);
    g_autofree char *text = NULL;
    GStatBuf status;
    if (!g_file_get_contents(item_path, &text, NULL, error))
        return false;
    if (g_stat(content_path, &status) < 0)
        return io_error(error, "read", content_path);
    g_autoptr(ExgSimItem) item = exg_sim_item_from_text(text);
    if (item == NULL || item->folder != folder) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s does not describe an item",
                    item_path);
        return false;
    }
    item->number = number;
    item->size_bytes = (gsize)status.st_size;
    add(mailbox, g_steal_pointer(&item));
    return true;
}

static int
compare_numbers(gconstpointer a, gconstpointer b)
{
    guint x = *(const guint *)a, y = *(const guint *)b;
    return (x > y) - (x < y);
}

static bool
load_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder, GError **error)
{
    g_autofree char *path = g_build_filename(mailbox->directory, folder->id, NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    if (directory == NULL)
        return true;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    for (const char *name = g_dir_read_name(directory); name != NULL;
         name = g_dir_read_name(directory)) {
        g_autofree char *stem = g_strndup(name, strcspn(name, "."));
        guint64 number;
        bool numbered = exg_sim_number(stem, G_MAXUINT, &number);
        g_autofree char *content = g_strdup_printf("%s/%s.eml", path, stem);
        if (numbered && g_str_has_suffix(name, ".eml")) {
            guint value = (guint)number;
            g_array_append_val(numbers, value);
        } else if (!numbered || !g_file_test(content, G_FILE_TEST_EXISTS)) {
            g_autofree char *leftover = g_build_filename(path, name, NULL);
            g_unlink(leftover);
        }
    }
    g_array_sort(numbers, compare_numbers);
    for (guint i = 0; i < numbers->len; i++)
        if (!load_item(mailbox, folder, path, g_array_index(numbers, guint, i), error))
            return false;
    return true;
}

bool
exg_sim_mailbox_load(ExgSimMailbox *mailbox, const char *directory, GError **error)
{
    g_free(mailbox->directory);
    mailbox->directory = g_strdup(directory);
    if (!exg_sim_mailbox_load_folders(mailbox, error))
        return false;
    for (guint i = 0; i < exg_sim_folder_count(); i++)
        if (exg_sim_folder_is_in(exg_sim_folder_at(i), mailbox->address) &&
            !load_folder(mailbox, exg_sim_folder_at(i), error))
            return false;
    return true;
}

static bool
store_files(ExgSimMailbox *mailbox, const ExgSimItem *item, const char *content, gsize length,
            GError **error)
{
    g_autofree char *directory = g_build_filename(mailbox->directory, item->folder->id, NULL);
    if (item->number == 1 && g_mkdir_with_parents(directory, 0755) < 0)
        return io_error(error, "create", directory);
    g_autofree char *text = exg_sim_item_to_text(item, mailbox->address);
    g_autofree char *item_name = g_strdup_printf("%06u.item", item->number);
    g_autofree char *content_name = g_strdup_printf("%06u.eml", item->number);
    if (!exg_sim_write_file(directory, item_name, text, strlen(text), error))
        return false;
    EXG_FAIL_POINT("sim-half-stored");
    return exg_sim_write_file(directory, content_name, content, length, error);
}

/* --- items ------------------------------------------------------------------------------------ */

static char *
change_key_of(const char *id)
{
    /* Type byte and length as Exchange's have them; the rest only has to differ. */
    guint8 key[20] = {9, 0, 0, 0};
    gsize length = 32;
    guint8 digest[32];
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)id, -1);
    g_checksum_get_digest(checksum, digest, &length);
    memcpy(key + 4, digest, sizeof key - 4);
    return g_base64_encode(key, sizeof key);
}

ExgSimItem *
exg_sim_mailbox_store(ExgSimMailbox *mailbox, const ExgSimFolder *folder, ExgSimItem *new_item,
                      const char *content, gsize length, GError **error)
{
    g_autoptr(ExgSimItem) item = new_item;
    item->folder = folder;
    item->number = make_store(mailbox, folder)->last_number + 1;
    item->id = exg_sim_id_new(mailbox->address, folder, item->number);
    item->change_key = change_key_of(item->id);
    item->created = g_get_real_time() / G_USEC_PER_SEC;
    item->size_bytes = length;
    if (item->delivered == 0)
        item->delivered = item->created;
    if (mailbox->directory != NULL) {
        if (!store_files(mailbox, item, content, length, error))
            return NULL;
    } else if (content_bytes_in_memory + length <= EXG_SIM_MEMORY_MAX_BYTES) {
        item->content = g_bytes_new(content, length);
        content_bytes_in_memory += length;
    }
    ExgSimItem *stored = item;
    add(mailbox, g_steal_pointer(&item));
    exg_sim_mailbox_tell(
        mailbox,
        &(ExgSimEvent){.kind = EXG_SIM_CREATED, .item_id = stored->id, .parent = stored->folder});
    return stored;
}

guint
exg_sim_mailbox_count(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    const ExgSimStore *store = find_store(mailbox, folder);
    return store != NULL ? store->items->len : 0;
}

guint
exg_sim_mailbox_count_unread(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    guint unread = 0;
    for (guint i = 0; i < exg_sim_mailbox_count(mailbox, folder); i++)
        if (!exg_sim_mailbox_item(mailbox, folder, i)->is_read)
            unread++;
    return unread;
}

guint
exg_sim_mailbox_last_number(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    const ExgSimStore *store = find_store(mailbox, folder);
    return store != NULL ? store->last_number : 0;
}

gint64
exg_sim_mailbox_changed_at(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    const ExgSimStore *store = find_store(mailbox, folder);
    return store != NULL ? store->changed : mailbox->begun;
}

const ExgSimItem *
exg_sim_mailbox_item(const ExgSimMailbox *mailbox, const ExgSimFolder *folder, guint index)
{
    return g_ptr_array_index(find_store(mailbox, folder)->items, index);
}

ExgSimItem *
exg_sim_mailbox_find(const ExgSimMailbox *mailbox, const ExgSimFolder *folder, guint number)
{
    /* An item is where its number says, or before it if others have gone. */
    guint end = MIN(number, exg_sim_mailbox_count(mailbox, folder));
    for (guint i = end; i-- > 0;) {
        ExgSimItem *item = g_ptr_array_index(find_store(mailbox, folder)->items, i);
        if (item->number == number)
            return item;
    }
    return NULL;
}

GBytes *
exg_sim_mailbox_content(const ExgSimMailbox *mailbox, const ExgSimItem *item)
{
    if (mailbox->directory == NULL)
        return item->content != NULL ? g_bytes_ref(item->content) : NULL;
    g_autofree char *path = g_strdup_printf("%s/%s/%06u.eml", mailbox->directory, item->folder->id,
                                            item->number);
    char *content = NULL;
    gsize length;
    if (!g_file_get_contents(path, &content, &length, NULL))
        return NULL;
    return g_bytes_new_take(content, length);
}
