#include "tests/exchange-sim/folder.h"

const ExgSimFolder exg_sim_folders[EXG_SIM_N_FOLDERS] = {
    {"root", "", "t:Folder", "", NULL, false},
    {"msgfolderroot", "Top of Information Store", "t:Folder", "IPF.Note", "root", false},
    {"inbox", "Inbox", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"drafts", "Drafts", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"outbox", "Outbox", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"sentitems", "Sent Items", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"deleteditems", "Deleted Items", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"junkemail", "Junk Email", "t:Folder", "IPF.Note", "msgfolderroot", false},
    {"calendar", "Calendar", "t:CalendarFolder", "IPF.Appointment", "msgfolderroot", false},
    {"contacts", "Contacts", "t:ContactsFolder", "IPF.Contact", "msgfolderroot", false},
    {"tasks", "Tasks", "t:TasksFolder", "IPF.Task", "msgfolderroot", false},
    {"notes", "Notes", "t:Folder", "IPF.StickyNote", "msgfolderroot", false},
    {"journal", "Journal", "t:Folder", "IPF.Journal", "msgfolderroot", false},
    {"searchfolders", "Finder", "t:Folder", "", "root", false},
    {"recoverableitemsroot", "Recoverable Items", "t:Folder", "", "root", false},
    {"recoverableitemsdeletions", "Deletions", "t:Folder", "", "recoverableitemsroot", false},
    {"recoverableitemsversions", "Versions", "t:Folder", "", "recoverableitemsroot", false},
    {"recoverableitemspurges", "Purges", "t:Folder", "", "recoverableitemsroot", false},
    {"lists", "Mailing Lists", "t:Folder", "IPF.Note", "msgfolderroot", true},
    {"projects", "Projects", "t:Folder", "IPF.Note", "inbox", true},
    {"projects-old", "Old", "t:Folder", "IPF.Note", "projects", true},
    {"birthdays", "Birthdays", "t:CalendarFolder", "IPF.Appointment.Birthday", "msgfolderroot",
     true},
};

typedef struct {
    ExgSimFolder folder; /* first, so that one can be had from the other */
    char *owner;         /* address of its mailbox */
    guint index;
    ExgSimFolderLife life;
} OwnFolder;

static GPtrArray *own_folders; /* of OwnFolder; NULL: none yet */

const ExgSimFolder *
exg_sim_folder_find(const char *id)
{
    for (guint i = 0; i < EXG_SIM_N_FOLDERS; i++)
        if (g_str_equal(exg_sim_folders[i].id, id))
            return &exg_sim_folders[i];
    for (guint i = 0; own_folders != NULL && i < own_folders->len; i++) {
        const OwnFolder *own = g_ptr_array_index(own_folders, i);
        if (g_str_equal(own->folder.id, id))
            return &own->folder;
    }
    return NULL;
}

/* --- folders made by clients ------------------------------------------------------------------ */

static OwnFolder *
own_of(const ExgSimFolder *folder)
{
    bool shared = folder >= exg_sim_folders && folder < exg_sim_folders + EXG_SIM_N_FOLDERS;
    return shared ? NULL : (OwnFolder *)folder;
}

ExgSimFolder *
exg_sim_folder_add(const char *owner, const char *id, const char *name, const char *class,
                   const char *parent)
{
    if (own_folders == NULL)
        own_folders = g_ptr_array_new();
    if (own_folders->len >= EXG_SIM_OWN_FOLDERS_MAX ||
        (id != NULL && exg_sim_folder_find(id) != NULL))
        return NULL;
    OwnFolder *own = g_new0(OwnFolder, 1);
    own->index = EXG_SIM_N_FOLDERS + own_folders->len;
    own->owner = g_strdup(owner);
    own->folder = (ExgSimFolder){
        .id = id != NULL ? g_strdup(id) : NULL,
        .display_name = g_strdup(name),
        .element = g_str_equal(class, "IPF.Appointment") ? "t:CalendarFolder"
                   : g_str_equal(class, "IPF.Contact")   ? "t:ContactsFolder"
                                                         : "t:Folder",
        .class = g_strdup(class),
        .parent = g_strdup(parent),
        .is_users = true,
    };
    for (guint number = own_folders->len + 1; own->folder.id == NULL; number++) {
        char *candidate = g_strdup_printf("folder-%u", number);
        if (exg_sim_folder_find(candidate) == NULL)
            own->folder.id = candidate;
        else
            g_free(candidate);
    }
    g_ptr_array_add(own_folders, own);
    return &own->folder;
}

void
exg_sim_folder_rename(const ExgSimFolder *folder, const char *name)
{
    OwnFolder *own = own_of(folder);
    g_return_if_fail(own != NULL);
    g_free((char *)own->folder.display_name);
    own->folder.display_name = g_strdup(name);
}

ExgSimFolderLife *
exg_sim_folder_life(const ExgSimFolder *folder)
{
    OwnFolder *own = own_of(folder);
    return own != NULL ? &own->life : NULL;
}

guint
exg_sim_folder_count(void)
{
    return EXG_SIM_N_FOLDERS + (own_folders != NULL ? own_folders->len : 0);
}

const ExgSimFolder *
exg_sim_folder_at(guint index)
{
    if (index < EXG_SIM_N_FOLDERS)
        return &exg_sim_folders[index];
    const OwnFolder *own = g_ptr_array_index(own_folders, index - EXG_SIM_N_FOLDERS);
    return &own->folder;
}

guint
exg_sim_folder_index(const ExgSimFolder *folder)
{
    const OwnFolder *own = own_of(folder);
    return own != NULL ? own->index : (guint)(folder - exg_sim_folders);
}

bool
exg_sim_folder_was_in(const ExgSimFolder *folder, const char *address)
{
    const OwnFolder *own = own_of(folder);
    return own == NULL || g_str_equal(own->owner, address);
}

bool
exg_sim_folder_is_in(const ExgSimFolder *folder, const char *address)
{
    const OwnFolder *own = own_of(folder);
    return own == NULL || (own->life.removed == 0 && g_str_equal(own->owner, address));
}
