/* item.h - one stored item: its properties, its ids, and its description on disk.
 *
 * Memory:   an item belongs to its mailbox.
 */
#ifndef EXG_SIM_ITEM_H
#define EXG_SIM_ITEM_H

#include "tests/exchange-sim/folder.h"

#include <stdbool.h>

/* The named property in which exgate puts its delivery key. */
#define EXG_SIM_DELIVERY_KEY "8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40/DeliveryKey"

/* Kept like extended properties. */
#define EXG_SIM_IMPORTANCE "Importance"
#define EXG_SIM_CATEGORIES "Categories" /* a line each */
#define EXG_SIM_FLAG_STATUS "0x1090"

#define EXG_SIM_FLAG_READ       0x1u
#define EXG_SIM_FLAG_UNMODIFIED 0x2u
#define EXG_SIM_FLAG_UNSENT     0x8u

/* An extended property. `path`: "0x0e07", "GUID/NAME" or "GUID/#ID", GUIDs in lower case. */
typedef struct {
    char *path;
    char *type; /* "Integer", "String" … */
    char *value;
} ExgSimProperty;

typedef struct {
    const ExgSimFolder *folder;
    guint number; /* within the folder, from 1 */
    char *id, *change_key;
    guint32 message_flags;
    bool is_read;
    gint64 created, delivered, sent; /* seconds since 1970; sent: -1 unknown */
    char *item_class;
    guint64 created_serial, changed_serial, read_serial; /* as the mailbox counts changes */
    char *subject, *message_id, *from; /* from the MIME header; may be NULL */
    gsize size_bytes;
    GArray *properties; /* of ExgSimProperty, as the request had them */
    /* Who stored it, for tests. May be NULL. */
    char *account, *impersonated, *anchor, *client_request_id;
    GBytes *content; /* only if the mailbox is kept in memory */
} ExgSimItem;

ExgSimItem *exg_sim_item_new(void);
void exg_sim_item_free(ExgSimItem *item);

void exg_sim_item_add_property(ExgSimItem *item, const char *path, const char *type,
                               const char *value);
/* Instead of what it was; NULL takes it away. */
void exg_sim_item_set_property(ExgSimItem *item, const char *path, const char *type,
                               const char *value);
ExgSimItem *exg_sim_item_copy(const ExgSimItem *item);
/* The value as it was sent, or NULL. */
const char *exg_sim_item_property(const ExgSimItem *item, const char *path);
/* Takes Subject, Message-ID, From and Date from the message. */
void exg_sim_item_read_header(ExgSimItem *item, const char *message, gsize length);
bool exg_sim_item_is_draft(const ExgSimItem *item);

/* Lines of key=value; control characters and '%' in a value are written as %XX. */
char *exg_sim_item_to_text(const ExgSimItem *item, const char *address);
/* NULL if the text does not describe an item. */
ExgSimItem *exg_sim_item_from_text(const char *text);

/* Opaque to clients: base64 of what finds the item or folder again, `number` 0 for a folder. */
char *exg_sim_id_new(const char *address, const ExgSimFolder *folder, guint number);
/* `*ret_address`: (transfer full). */
bool exg_sim_id_parse(const char *id, char **ret_address, const ExgSimFolder **ret_folder,
                      guint *ret_number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimItem, exg_sim_item_free)

#endif
