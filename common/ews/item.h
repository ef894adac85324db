/* item.h - items and folders, as the calls of this directory name and describe them.
 *
 * Ids are opaque and case-sensitive; that of an item changes when it is moved. The change key says
 * which state of the item is meant.
 *
 * Memory:   plain structures, freed whole. What a call is given it copies.
 * Source:   MS-OXWSCORE, MS-OXWSMSG, MS-OXWSFOLD; MS-OXOFLAG 2.2.1.1 for the flag.
 */
#ifndef EXG_EWS_ITEM_H
#define EXG_EWS_ITEM_H

#include "common/ews/service.h"

/* The named property that carries the delivery key: one for ever, in our own property set. */
#define EXG_EWS_DELIVERY_KEY_SET  "8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40"
#define EXG_EWS_DELIVERY_KEY_NAME "DeliveryKey"

/* One of the two is set. */
typedef struct {
    const char *distinguished; /* "inbox", "msgfolderroot" … */
    const char *id;
} ExgEwsFolderId;

typedef struct {
    const char *id;
    const char *change_key; /* NULL: the item as it is */
} ExgEwsItemId;

typedef enum {
    EXG_EWS_IMPORTANCE_LOW,
    EXG_EWS_IMPORTANCE_NORMAL,
    EXG_EWS_IMPORTANCE_HIGH
} ExgEwsImportance;
typedef enum { EXG_EWS_NOT_FLAGGED, EXG_EWS_FLAG_COMPLETE, EXG_EWS_FLAGGED } ExgEwsFlag;

typedef enum {
    EXG_EWS_TO_DELETED_ITEMS,
    EXG_EWS_SOFT_DELETE, /* recoverable for as long as the server keeps such items */
    EXG_EWS_HARD_DELETE
} ExgEwsDisposal;

/* What a listing tells of an item. Strings are NULL where the answer did not tell. */
typedef struct {
    char *id;
    char *change_key;
    char *folder_id;
    char *item_class; /* "IPM.Note" */
    char *subject;
    char *from_name;
    char *from_address;
    char *message_id;
    GStrv categories;  /* NULL: none */
    gint64 received;   /* seconds since 1970; -1: not told */
    gint64 size_bytes; /* -1: not told */
    ExgEwsImportance importance;
    ExgEwsFlag flag;
    guint last_verb; /* 102 answered, 103 answered to all, 104 forwarded; 0: none of it */
    bool is_read, is_draft, has_attachments;
} ExgEwsItem;

typedef struct {
    char *id;
    char *change_key;
    char *parent_id;
    char *folder_class; /* "IPF.Note" */
    char *display_name;
    gint64 total_count;  /* -1: not told */
    gint64 unread_count; /* -1: not told */
    gint64 child_count;  /* -1: not told */
} ExgEwsFolderInfo;

/* What became of one of several items, or folders, in the order in which they were given. */
typedef struct {
    GError *error; /* NULL: done */
    char *id;      /* what it is called from now on; NULL: the answer did not tell */
    char *change_key;
} ExgEwsResult;

void exg_ews_item_free(ExgEwsItem *item);
void exg_ews_folder_info_free(ExgEwsFolderInfo *folder);
void exg_ews_result_free(ExgEwsResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsItem, exg_ews_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsFolderInfo, exg_ews_folder_info_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsResult, exg_ews_result_free)

#endif
