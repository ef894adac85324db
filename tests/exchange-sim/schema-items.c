/* The requests of a mail client: synchronising, changing items and folders, notifications. */
#include "tests/exchange-sim/schema-private.h"

#include "tests/exchange-sim/text.h"

static bool
is_sync_count(const char *text)
{
    guint64 number;
    return exg_sim_number(text, 512, &number) && number >= 1;
}

static bool
is_stream_minutes(const char *text)
{
    guint64 number;
    return exg_sim_number(text, 30, &number) && number >= 1;
}

static CHECKED(sync_count, is_sync_count);
static CHECKED(stream_minutes, is_stream_minutes);
static ONE_OF(sync_scope, "NormalItems", "NormalAndAssociatedItems");
static ONE_OF(disposal, "HardDelete", "SoftDelete", "MoveToDeletedItems");
static ONE_OF(conflict_resolution, "NeverOverwrite", "AutoResolve", "AlwaysOverwrite");
static ONE_OF(item_disposition, "SaveOnly", "SendOnly", "SendAndSaveCopy");
static ONE_OF(cancellations, "SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy");
static ONE_OF(meeting_updates, "SendToNone", "SendOnlyToAll", "SendOnlyToChanged",
              "SendToAllAndSaveCopy", "SendToChangedAndSaveCopy");
static ONE_OF(task_occurrences, "AllOccurrences", "SpecifiedOccurrenceOnly");
static ONE_OF(event_type, "CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent",
              "MovedEvent", "NewMailEvent", "FreeBusyChangedEvent");

static TEXT(sync_count, NULL, sync_count);
static TEXT(stream_minutes, NULL, stream_minutes);
static TEXT(sync_scope, NULL, sync_scope);
static TEXT(event_type, NULL, event_type);

/* Synchronisation */
static TYPE(ignored_items, NULL, ANY_NUMBER("ItemId", item_id));
static MESSAGE_TYPE(sync_folder_hierarchy, NULL, REQUIRED("FolderShape", folder_shape),
                    OPTIONAL("SyncFolderId", target_folder_id), OPTIONAL("SyncState", string));
static MESSAGE_TYPE(sync_folder_items, NULL, REQUIRED("ItemShape", item_shape),
                    REQUIRED("SyncFolderId", target_folder_id), OPTIONAL("SyncState", string),
                    OPTIONAL("Ignore", ignored_items), REQUIRED("MaxChangesReturned", sync_count),
                    OPTIONAL("SyncScope", sync_scope), OPTIONAL("NumberOfDays", integer),
                    OPTIONAL("MaximumCount", integer), OPTIONAL("MinimumCount", integer));

/* Items */
#define ITEM_PATH                                                                                  \
    REQUIRED("FieldURI", field), OR("IndexedFieldURI", indexed_field),                             \
        OR("ExtendedFieldURI", extended_field)
#define ANY_ITEM                                                                                   \
    REQUIRED("Item", item), OR("Message", message), OR("CalendarItem", opaque),                    \
        OR("Contact", opaque), OR("DistributionList", opaque), OR("MeetingMessage", opaque),       \
        OR("MeetingRequest", opaque), OR("MeetingResponse", opaque),                               \
        OR("MeetingCancellation", opaque), OR("Task", opaque), OR("PostItem", opaque)
static TYPE(item_field, NULL, ITEM_PATH, ANY_ITEM);
static TYPE(deleted_field, NULL, ITEM_PATH);
static TYPE(item_updates, NULL, SEVERAL("AppendToItemField", item_field),
            OR("SetItemField", item_field), OR("DeleteItemField", deleted_field));
static TYPE(item_change, NULL, REQUIRED("ItemId", item_id), OR("OccurrenceItemId", opaque),
            OR("RecurringMasterItemId", opaque), REQUIRED("Updates", item_updates));
static TYPE(item_changes, NULL, SEVERAL("ItemChange", item_change));
ATTRIBUTES(update_item_attributes, ATTRIBUTE("ConflictResolution", conflict_resolution, true),
           ATTRIBUTE("MessageDisposition", item_disposition, false),
           ATTRIBUTE("SendMeetingInvitationsOrCancellations", meeting_updates, false),
           ATTRIBUTE("SuppressReadReceipts", boolean, false));
static MESSAGE_TYPE(update_item, update_item_attributes,
                    OPTIONAL("SavedItemFolderId", target_folder_id),
                    REQUIRED("ItemChanges", item_changes));
static MESSAGE_TYPE(move_item, NULL, REQUIRED("ToFolderId", target_folder_id),
                    REQUIRED("ItemIds", item_ids), OPTIONAL("ReturnNewItemIds", boolean));
ATTRIBUTES(delete_item_attributes, ATTRIBUTE("DeleteType", disposal, true),
           ATTRIBUTE("SendMeetingCancellations", cancellations, false),
           ATTRIBUTE("AffectedTaskOccurrences", task_occurrences, false),
           ATTRIBUTE("SuppressReadReceipts", boolean, false));
static MESSAGE_TYPE(delete_item, delete_item_attributes, REQUIRED("ItemIds", item_ids));
ATTRIBUTES(send_item_attributes, ATTRIBUTE("SaveItemToFolder", boolean, true));
static MESSAGE_TYPE(send_item, send_item_attributes, REQUIRED("ItemIds", item_ids),
                    OPTIONAL("SavedItemFolderId", target_folder_id));

/* Folders */
static TYPE(folder, NULL, OPTIONAL("FolderId", folder_id), OPTIONAL("ParentFolderId", folder_id),
            OPTIONAL("FolderClass", string), OPTIONAL("DisplayName", string),
            OPTIONAL("TotalCount", integer), OPTIONAL("ChildFolderCount", integer),
            ANY_NUMBER("ExtendedProperty", opaque), OPTIONAL("ManagedFolderInformation", opaque),
            OPTIONAL("EffectiveRights", opaque), OPTIONAL("DistinguishedFolderId", string),
            OPTIONAL("PolicyTag", opaque), OPTIONAL("ArchiveTag", opaque),
            OPTIONAL("ReplicaList", opaque), OPTIONAL("PermissionSet", opaque),
            OPTIONAL("UnreadCount", integer));
static TYPE(new_folders, NULL, SEVERAL("Folder", folder), OR("CalendarFolder", opaque),
            OR("ContactsFolder", opaque), OR("SearchFolder", opaque), OR("TasksFolder", opaque));
static MESSAGE_TYPE(create_folder, NULL, REQUIRED("ParentFolderId", target_folder_id),
                    REQUIRED("Folders", new_folders));
static TYPE(folder_field, NULL, ITEM_PATH, REQUIRED("Folder", folder), OR("CalendarFolder", opaque),
            OR("ContactsFolder", opaque), OR("SearchFolder", opaque), OR("TasksFolder", opaque));
static TYPE(folder_updates, NULL, SEVERAL("AppendToFolderField", folder_field),
            OR("SetFolderField", folder_field), OR("DeleteFolderField", deleted_field));
static TYPE(folder_change, NULL, REQUIRED("FolderId", folder_id),
            OR("DistinguishedFolderId", distinguished_folder_id),
            REQUIRED("Updates", folder_updates));
static TYPE(folder_changes, NULL, SEVERAL("FolderChange", folder_change));
static MESSAGE_TYPE(update_folder, NULL, REQUIRED("FolderChanges", folder_changes));
ATTRIBUTES(delete_folder_attributes, ATTRIBUTE("DeleteType", disposal, true));
static MESSAGE_TYPE(delete_folder, delete_folder_attributes, REQUIRED("FolderIds", folder_ids));

/* Notifications */
static TYPE(event_types, NULL, SEVERAL("EventType", event_type));
ATTRIBUTES(subscription_attributes, ATTRIBUTE("SubscribeToAllFolders", boolean, false));
static TYPE(streaming_subscription, subscription_attributes, OPTIONAL("FolderIds", folder_ids),
            REQUIRED("EventTypes", event_types));
static MESSAGE_TYPE(subscribe, NULL, REQUIRED("PullSubscriptionRequest", opaque),
                    OR("PushSubscriptionRequest", opaque),
                    OR("StreamingSubscriptionRequest", streaming_subscription));
static MESSAGE_TYPE(unsubscribe, NULL, REQUIRED("SubscriptionId", not_empty));
static TYPE(subscription_ids, NULL, SEVERAL("SubscriptionId", not_empty));
static MESSAGE_TYPE(get_streaming_events, NULL, REQUIRED("SubscriptionIds", subscription_ids),
                    REQUIRED("ConnectionTimeout", stream_minutes));

const ExgSimSchemaEntry exg_sim_item_operations[] = {
    ENTRY("CopyItem", move_item),
    ENTRY("CreateFolder", create_folder),
    ENTRY("DeleteFolder", delete_folder),
    ENTRY("DeleteItem", delete_item),
    ENTRY("GetStreamingEvents", get_streaming_events),
    ENTRY("MoveItem", move_item),
    ENTRY("SendItem", send_item),
    ENTRY("Subscribe", subscribe),
    ENTRY("SyncFolderHierarchy", sync_folder_hierarchy),
    ENTRY("SyncFolderItems", sync_folder_items),
    ENTRY("Unsubscribe", unsubscribe),
    ENTRY("UpdateFolder", update_folder),
    ENTRY("UpdateItem", update_item),
    END_OF_ENTRIES,
};
