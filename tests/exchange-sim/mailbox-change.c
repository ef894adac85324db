/* What happens to items and folders after they were stored. */
#include "tests/exchange-sim/mailbox.h"
#include "tests/exchange-sim/text.h"

#include <glib/gstdio.h>
#include <string.h>

void
exg_sim_mailbox_tell(const ExgSimMailbox *mailbox, const ExgSimEvent *event)
{
    if (mailbox->watch != NULL)
        mailbox->watch(mailbox, event, mailbox->watch_data);
}

/* --- items ------------------------------------------------------------------------------------ */

/* Another one than before, and of the same form. */
static void
renew_change_key(const ExgSimMailbox *mailbox, ExgSimItem *item)
{
    gsize length;
    g_autofree guint8 *key = g_base64_decode(item->change_key, &length);
    guint64 serial = mailbox->serial;
    if (length >= sizeof serial)
        memcpy(key + length - sizeof serial, &serial, sizeof serial);
    g_free(item->change_key);
    item->change_key = g_base64_encode(key, length);
}

bool
exg_sim_mailbox_changed(ExgSimMailbox *mailbox, ExgSimItem *item, bool only_read, GError **error)
{
    mailbox->serial++;
    item->read_serial = mailbox->serial;
    if (!only_read)
        item->changed_serial = mailbox->serial;
    exg_sim_mailbox_touch(mailbox, item->folder);
    renew_change_key(mailbox, item);
    if (mailbox->directory != NULL) {
        g_autofree char *directory = g_build_filename(mailbox->directory, item->folder->id, NULL);
        g_autofree char *name = g_strdup_printf("%06u.item", item->number);
        g_autofree char *text = exg_sim_item_to_text(item, mailbox->address);
        if (!exg_sim_write_file(directory, name, text, strlen(text), error))
            return false;
    }
    exg_sim_mailbox_tell(
        mailbox,
        &(ExgSimEvent){.kind = EXG_SIM_MODIFIED, .item_id = item->id, .parent = item->folder});
    return true;
}

static void
unlink_files(const ExgSimMailbox *mailbox, const ExgSimItem *item)
{
    static const char *const endings[] = {"eml", "item"};
    for (guint i = 0; mailbox->directory != NULL && i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s/%06u.%s", mailbox->directory,
                                                item->folder->id, item->number, endings[i]);
        g_unlink(path);
    }
}

/* Without a word. */
static void
take_away(ExgSimMailbox *mailbox, ExgSimItem *item)
{
    ExgSimStore *store = g_ptr_array_index(mailbox->stores, exg_sim_folder_index(item->folder));
    ExgSimRemoved removed = {item->folder, g_strdup(item->id), item->created_serial,
                             ++mailbox->serial};
    g_array_append_val(mailbox->removed, removed);
    mailbox->used_bytes -= MIN(mailbox->used_bytes, item->size_bytes);
    unlink_files(mailbox, item);
    exg_sim_mailbox_touch(mailbox, item->folder);
    g_ptr_array_remove(store->items, item);
}

void
exg_sim_mailbox_remove(ExgSimMailbox *mailbox, ExgSimItem *item)
{
    g_autofree char *id = g_strdup(item->id);
    const ExgSimFolder *folder = item->folder;
    take_away(mailbox, item);
    exg_sim_mailbox_tell(mailbox,
                         &(ExgSimEvent){.kind = EXG_SIM_DELETED, .item_id = id, .parent = folder});
}

ExgSimItem *
exg_sim_mailbox_transfer(ExgSimMailbox *mailbox, ExgSimItem *item, ExgSimMailbox *to,
                         const ExgSimFolder *folder, bool moved, GError **error)
{
    gsize length = 0;
    g_autoptr(GBytes) content = exg_sim_mailbox_content(mailbox, item);
    const char *bytes = content != NULL ? g_bytes_get_data(content, &length) : "";
    /* One event tells of it, not two. */
    ExgSimWatch watch = to->watch;
    to->watch = NULL;
    ExgSimItem *copy = exg_sim_mailbox_store(to, folder, exg_sim_item_copy(item), bytes, length,
                                             error);
    to->watch = watch;
    if (copy == NULL)
        return NULL;
    g_autofree char *old_id = g_strdup(item->id);
    const ExgSimEvent event = {.kind = moved ? EXG_SIM_MOVED : EXG_SIM_COPIED,
                               .item_id = copy->id,
                               .parent = folder,
                               .old_item_id = old_id,
                               .old_parent = item->folder};
    if (moved)
        take_away(mailbox, item);
    exg_sim_mailbox_tell(to, &event);
    if (to != mailbox)
        exg_sim_mailbox_tell(mailbox, &event);
    return copy;
}

/* --- folders ---------------------------------------------------------------------------------- */

static void
save_folders(const ExgSimMailbox *mailbox)
{
    if (mailbox->directory == NULL)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = EXG_SIM_N_FOLDERS; i < exg_sim_folder_count(); i++) {
        const ExgSimFolder *folder = exg_sim_folder_at(i);
        if (!exg_sim_folder_is_in(folder, mailbox->address))
            continue;
        g_autofree char *name = exg_sim_word(folder->display_name);
        g_autofree char *class = exg_sim_word(folder->class);
        g_string_append_printf(text, "%s %s %s %s\n", folder->id, folder->parent, class, name);
    }
    g_autoptr(GError) error = NULL;
    if (g_mkdir_with_parents(mailbox->directory, 0755) < 0 ||
        !exg_sim_write_file(mailbox->directory, "folders", text->str, text->len, &error))
        g_warning("cannot keep the folders of %s", mailbox->address);
}

bool
exg_sim_mailbox_load_folders(ExgSimMailbox *mailbox, GError **error)
{
    g_autofree char *path = g_build_filename(mailbox->directory, "folders", NULL);
    g_autofree char *text = NULL;
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    if (!g_file_get_contents(path, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
        if (g_strv_length(words) != 4)
            continue;
        g_autofree char *class = exg_sim_word_decode(words[2]);
        g_autofree char *name = exg_sim_word_decode(words[3]);
        const ExgSimFolder *folder = exg_sim_folder_add(mailbox->address, words[0], name, class,
                                                        words[1]);
        if (folder != NULL)
            *exg_sim_folder_life(folder) = (ExgSimFolderLife){.created = mailbox->serial,
                                                              .changed = mailbox->serial};
    }
    return true;
}

const ExgSimFolder *
exg_sim_mailbox_child(const ExgSimMailbox *mailbox, const ExgSimFolder *parent, const char *name)
{
    for (guint i = 0; i < exg_sim_folder_count(); i++) {
        const ExgSimFolder *folder = exg_sim_folder_at(i);
        if (exg_sim_folder_is_in(folder, mailbox->address) &&
            g_strcmp0(folder->parent, parent->id) == 0 &&
            g_ascii_strcasecmp(folder->display_name, name) == 0)
            return folder;
    }
    return NULL;
}

const ExgSimFolder *
exg_sim_mailbox_add_folder(ExgSimMailbox *mailbox, const ExgSimFolder *parent, const char *name,
                           const char *class)
{
    if (exg_sim_mailbox_child(mailbox, parent, name) != NULL)
        return NULL;
    const ExgSimFolder *folder = exg_sim_folder_add(mailbox->address, NULL, name, class,
                                                    parent->id);
    if (folder == NULL)
        return NULL;
    mailbox->serial++;
    *exg_sim_folder_life(folder) = (ExgSimFolderLife){.created = mailbox->serial,
                                                      .changed = mailbox->serial};
    save_folders(mailbox);
    exg_sim_mailbox_tell(
        mailbox, &(ExgSimEvent){.kind = EXG_SIM_CREATED, .concerned = folder, .parent = parent});
    return folder;
}

void
exg_sim_mailbox_rename_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder, const char *name)
{
    exg_sim_folder_rename(folder, name);
    exg_sim_folder_life(folder)->changed = ++mailbox->serial;
    save_folders(mailbox);
    exg_sim_mailbox_tell(mailbox, &(ExgSimEvent){.kind = EXG_SIM_MODIFIED,
                                                 .concerned = folder,
                                                 .parent = exg_sim_folder_find(folder->parent)});
}

void
exg_sim_mailbox_remove_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    for (guint i = EXG_SIM_N_FOLDERS; i < exg_sim_folder_count(); i++) {
        const ExgSimFolder *child = exg_sim_folder_at(i);
        if (g_strcmp0(child->parent, folder->id) == 0 &&
            exg_sim_folder_is_in(child, mailbox->address))
            exg_sim_mailbox_remove_folder(mailbox, child);
    }
    while (exg_sim_mailbox_count(mailbox, folder) > 0)
        take_away(mailbox, (ExgSimItem *)exg_sim_mailbox_item(mailbox, folder, 0));
    exg_sim_folder_life(folder)->removed = ++mailbox->serial;
    save_folders(mailbox);
    exg_sim_mailbox_tell(mailbox, &(ExgSimEvent){.kind = EXG_SIM_DELETED,
                                                 .concerned = folder,
                                                 .parent = exg_sim_folder_find(folder->parent)});
}
