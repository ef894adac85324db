/* mailbox.h - a simulated mailbox: what the directory says of it, and its items.
 *
 * On disk a mailbox is a directory of that name with one directory per folder; an item is
 * NNNNNN.item (its properties) and NNNNNN.eml (the message, byte for byte as it was received). Both
 * are written under another name and renamed, the message last, so that whoever sees NNNNNN.eml
 * sees all of it. Nothing is synced: the simulator may lose its newest items when the host crashes,
 * not when it is killed.
 *
 * Threads:  the engine's.
 * Limits:   EXG_SIM_MEMORY_MAX_BYTES of content is kept by mailboxes without a directory; later
 *           items have none.
 */
#ifndef EXG_SIM_MAILBOX_H
#define EXG_SIM_MAILBOX_H

#include "tests/exchange-sim/item.h"

#define EXG_SIM_MEMORY_MAX_BYTES (256u * 1024 * 1024)

/* A time that is not free: a line's `busy=START/END[/TYPE[/SUBJECT]]`. */
typedef struct {
    gint64 start, end; /* seconds since 1970 */
    char *type;        /* "Busy", "Tentative" … */
    char *subject;
} ExgSimBusy;

typedef struct ExgSimMailbox ExgSimMailbox;

/* The items of a folder. */
typedef struct {
    GPtrArray *items; /* of ExgSimItem, by number */
    guint last_number;
    gint64 changed; /* when one came, changed or went; seconds since 1970 */
} ExgSimStore;

/* What is left of an item that has gone. */
typedef struct {
    const ExgSimFolder *folder;
    char *id;
    guint64 created_serial, removed_serial;
} ExgSimRemoved;

typedef enum {
    EXG_SIM_NEW_MAIL,
    EXG_SIM_CREATED,
    EXG_SIM_DELETED,
    EXG_SIM_MODIFIED,
    EXG_SIM_MOVED,
    EXG_SIM_COPIED
} ExgSimEventKind;

/* Something has happened to an item, or to a folder. Valid during the call. */
typedef struct {
    ExgSimEventKind kind;
    const char *item_id;           /* NULL: it concerns a folder … */
    const ExgSimFolder *concerned; /* … this one */
    const ExgSimFolder *parent;
    const char *old_item_id;       /* of what was moved or copied */
    const ExgSimFolder *old_parent;
} ExgSimEvent;

typedef void (*ExgSimWatch)(const ExgSimMailbox *mailbox, const ExgSimEvent *event, gpointer data);

struct ExgSimMailbox {
    char *address; /* the primary one, lower-cased */
    char *display_name;
    char *type; /* "Mailbox", "PublicDL" … */
    char *sid;
    GPtrArray *aliases; /* proxy addresses, lower-cased */
    guint64 quota_bytes; /* 0: none */
    bool is_full;        /* whatever that is */
    bool hidden;         /* from the address list */
    bool is_private;     /* nobody but an impersonating account gets in */
    /* What is only told, in answers to questions */
    GPtrArray *members;        /* addresses of a list */
    GPtrArray *busy;           /* of ExgSimBusy, in the order given */
    char *out_of_office;       /* the reply; NULL: in the office */
    char *tip;                 /* shown to who writes to it; NULL: none */
    guint64 max_message_bytes; /* 0: the usual limit */
    bool restricted;           /* not everybody may write to it */
    bool moderated;
    bool is_room_list;
    bool may_discover; /* has the role that GetSearchableMailboxes needs */
    /* The items */
    char *directory; /* NULL: kept in memory */
    guint64 used_bytes;
    GPtrArray *stores; /* of ExgSimStore, by the index of the folder; NULL: never used */
    guint64 serial;    /* counts changes */
    gint64 begun;      /* when there was this mailbox; seconds since 1970 */
    guint32 epoch;     /* another one each time that it is loaded: older sync states are lost */
    GArray *removed;   /* of ExgSimRemoved */
    ExgSimWatch watch; /* or NULL */
    gpointer watch_data;
};

ExgSimBusy *exg_sim_busy_new(gint64 start, gint64 end, const char *type, const char *subject);

ExgSimMailbox *exg_sim_mailbox_new(const char *address);
void exg_sim_mailbox_free(ExgSimMailbox *mailbox);

/* Sets the directory and reads what is there. What a killed simulator left half done is removed. */
bool exg_sim_mailbox_load(ExgSimMailbox *mailbox, const char *directory, GError **error);
/* Gives the item its number, ids and time of creation, and stores it with its content. Takes the
 * item in either case. The pointer stays valid as long as the mailbox; NULL if the disk refused. */
ExgSimItem *exg_sim_mailbox_store(ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                  ExgSimItem *item, const char *content, gsize length,
                                  GError **error);

/* --- changes (mailbox-change.c) --------------------------------------------------------------- */

void exg_sim_mailbox_tell(const ExgSimMailbox *mailbox, const ExgSimEvent *event);
/* The item has been changed: gives it a new change key and stores its properties. `only_read`:
 * nothing but whether it is read. */
bool exg_sim_mailbox_changed(ExgSimMailbox *mailbox, ExgSimItem *item, bool only_read,
                             GError **error);
/* A copy in a folder of this or another mailbox. `moved`: the item itself goes, and is gone
 * afterwards. NULL with an error. */
ExgSimItem *exg_sim_mailbox_transfer(ExgSimMailbox *mailbox, ExgSimItem *item, ExgSimMailbox *to,
                                     const ExgSimFolder *folder, bool moved, GError **error);
/* Frees the item. */
void exg_sim_mailbox_remove(ExgSimMailbox *mailbox, ExgSimItem *item);
/* NULL if the name is taken, or there are too many. */
const ExgSimFolder *exg_sim_mailbox_add_folder(ExgSimMailbox *mailbox, const ExgSimFolder *parent,
                                               const char *name, const char *class);
void exg_sim_mailbox_rename_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                   const char *name);
/* With all folders and items in it. */
void exg_sim_mailbox_remove_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder);
/* A folder of that name right below another, or NULL. */
const ExgSimFolder *exg_sim_mailbox_child(const ExgSimMailbox *mailbox, const ExgSimFolder *parent,
                                          const char *name);
bool exg_sim_mailbox_load_folders(ExgSimMailbox *mailbox, GError **error);

guint exg_sim_mailbox_count(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
guint exg_sim_mailbox_count_unread(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
/* The number of the newest item that ever was in it. */
guint exg_sim_mailbox_last_number(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
/* When its content has changed last, in seconds since 1970. */
gint64 exg_sim_mailbox_changed_at(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
void exg_sim_mailbox_touch(ExgSimMailbox *mailbox, const ExgSimFolder *folder);
/* `index` from 0, in the order stored. */
const ExgSimItem *exg_sim_mailbox_item(const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                       guint index);
/* By number; NULL if there is none. */
ExgSimItem *exg_sim_mailbox_find(const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                       guint number);
/* The message; NULL if it was not kept. */
GBytes *exg_sim_mailbox_content(const ExgSimMailbox *mailbox, const ExgSimItem *item);

/* Writes a file so that it appears complete or not at all. */
bool exg_sim_write_file(const char *directory, const char *name, const char *content, gsize length,
                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimMailbox, exg_sim_mailbox_free)

#endif
