#include "tests/exchange-sim/folder.h"

const ExgSimFolder exg_sim_folders[EXG_SIM_N_FOLDERS] = {
    {"root", "", "t:Folder", "", NULL},
    {"msgfolderroot", "Top of Information Store", "t:Folder", "IPF.Note", "root"},
    {"inbox", "Inbox", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"drafts", "Drafts", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"outbox", "Outbox", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"sentitems", "Sent Items", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"deleteditems", "Deleted Items", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"junkemail", "Junk Email", "t:Folder", "IPF.Note", "msgfolderroot"},
    {"calendar", "Calendar", "t:CalendarFolder", "IPF.Appointment", "msgfolderroot"},
    {"contacts", "Contacts", "t:ContactsFolder", "IPF.Contact", "msgfolderroot"},
    {"tasks", "Tasks", "t:TasksFolder", "IPF.Task", "msgfolderroot"},
    {"notes", "Notes", "t:Folder", "IPF.StickyNote", "msgfolderroot"},
    {"journal", "Journal", "t:Folder", "IPF.Journal", "msgfolderroot"},
    {"searchfolders", "Finder", "t:Folder", "", "root"},
    {"recoverableitemsroot", "Recoverable Items", "t:Folder", "", "root"},
    {"recoverableitemsdeletions", "Deletions", "t:Folder", "", "recoverableitemsroot"},
    {"recoverableitemsversions", "Versions", "t:Folder", "", "recoverableitemsroot"},
    {"recoverableitemspurges", "Purges", "t:Folder", "", "recoverableitemsroot"},
};

const ExgSimFolder *
exg_sim_folder_find(const char *id)
{
    for (guint i = 0; i < EXG_SIM_N_FOLDERS; i++)
        if (g_str_equal(exg_sim_folders[i].id, id))
            return &exg_sim_folders[i];
    return NULL;
}
