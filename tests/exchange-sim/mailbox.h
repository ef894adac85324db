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

typedef struct {
    char *address; /* the primary one, lower-cased */
    char *display_name;
    char *type; /* "Mailbox", "PublicDL" … */
    char *sid;
    GPtrArray *aliases; /* proxy addresses, lower-cased */
    guint64 quota_bytes; /* 0: none */
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
    GPtrArray *items[EXG_SIM_N_FOLDERS]; /* of ExgSimItem, by number; NULL: empty */
    guint last_number[EXG_SIM_N_FOLDERS];
} ExgSimMailbox;

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

guint exg_sim_mailbox_count(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
guint exg_sim_mailbox_count_unread(const ExgSimMailbox *mailbox, const ExgSimFolder *folder);
/* `index` from 0, in the order stored. */
const ExgSimItem *exg_sim_mailbox_item(const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                       guint index);
/* By number; NULL if there is none. */
const ExgSimItem *exg_sim_mailbox_find(const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
                                       guint number);
/* The message; NULL if it was not kept. */
GBytes *exg_sim_mailbox_content(const ExgSimMailbox *mailbox, const ExgSimItem *item);

/* Writes a file so that it appears complete or not at all. */
bool exg_sim_write_file(const char *directory, const char *name, const char *content, gsize length,
                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimMailbox, exg_sim_mailbox_free)

#endif
