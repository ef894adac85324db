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

const ExgSimFolder *
exg_sim_folder_find(const char *id)
{
    for (guint i = 0; i < EXG_SIM_N_FOLDERS; i++)
        if (g_str_equal(exg_sim_folders[i].id, id))
            return &exg_sim_folders[i];
    return NULL;
}
