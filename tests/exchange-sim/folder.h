/* folder.h - the folders that every simulated mailbox has: the distinguished ones, and a few that a
 * user has made.
 *
 * Source:   DistinguishedFolderIdNameType of the Exchange 2016 schema.
 */
#ifndef EXG_SIM_FOLDER_H
#define EXG_SIM_FOLDER_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *id; /* "inbox" */
    const char *display_name;
    const char *element; /* that describes it in an answer: "t:Folder" */
    const char *class;   /* "IPF.Note" */
    const char *parent;  /* id of the folder above, NULL for the root */
    bool is_users;       /* made by the user: its id is no distinguished one */
} ExgSimFolder;

#define EXG_SIM_N_FOLDERS 22
extern const ExgSimFolder exg_sim_folders[EXG_SIM_N_FOLDERS];

/* NULL if simulated mailboxes do not have it. */
const ExgSimFolder *exg_sim_folder_find(const char *id);

/* --- folders made by clients ------------------------------------------------------------------ */

#define EXG_SIM_OWN_FOLDERS_MAX 10000

/* When things happened to a folder, as its mailbox counts. 0: never. */
typedef struct {
    guint64 created, changed, removed;
} ExgSimFolderLife;

/* `id` NULL: a new one. NULL if there are too many, or the id is taken. They are never freed. */
ExgSimFolder *exg_sim_folder_add(const char *owner, const char *id, const char *name,
                                 const char *class, const char *parent);
void exg_sim_folder_rename(const ExgSimFolder *folder, const char *name);
/* NULL for a folder that every mailbox has. */
ExgSimFolderLife *exg_sim_folder_life(const ExgSimFolder *folder);
/* All there are, those of all mailboxes included. */
guint exg_sim_folder_count(void);
const ExgSimFolder *exg_sim_folder_at(guint index);
guint exg_sim_folder_index(const ExgSimFolder *folder);
/* Whether a mailbox has it now, or had it. */
bool exg_sim_folder_is_in(const ExgSimFolder *folder, const char *address);
bool exg_sim_folder_was_in(const ExgSimFolder *folder, const char *address);

#endif
