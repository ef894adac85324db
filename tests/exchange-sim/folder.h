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

#endif
