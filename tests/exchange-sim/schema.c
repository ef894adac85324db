#include "tests/exchange-sim/schema-private.h"

#include "tests/exchange-sim/text.h"

#include <string.h>

/* --- simple types ----------------------------------------------------------------------------- */

static bool
is_boolean(const char *text)
{
    return g_str_equal(text, "true") || g_str_equal(text, "false") || g_str_equal(text, "1") ||
           g_str_equal(text, "0");
}

static bool
is_integer(const char *text)
{
    gint64 value;
    return g_ascii_string_to_signed(text[0] == '+' ? text + 1 : text, 10, G_MININT32, G_MAXINT32,
                                    &value, NULL);
}

static bool
is_date_time(const char *text)
{
    gint64 seconds;
    return exg_sim_time_parse(text, &seconds);
}

static bool
is_base64(const char *text)
{
    g_autofree guint8 *bytes = NULL;
    gsize length;
    return exg_sim_base64_decode(text, strlen(text), &bytes, &length);
}

static bool
is_not_empty(const char *text)
{
    return text[0] != '\0';
}

static bool
is_guid(const char *text)
{
    for (guint i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
            return false;
    }
    return text[36] == '\0';
}

/* The 16-bit id alone, decimal or hexadecimal: with the type in it, as MAPI writes tags, it is refused. */
static bool
is_property_tag(const char *text)
{
    guint64 value;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        gsize digits = strlen(text + 2);
        return digits >= 1 && digits <= 4 && strspn(text + 2, "0123456789abcdefABCDEF") == digits;
    }
    return exg_sim_number(text, G_MAXUINT16, &value);
}

/* clang-format off */
static const char *const item_field_uris[] = {
    "folder:FolderId", "folder:ParentFolderId", "folder:DisplayName", "folder:UnreadCount",
    "folder:TotalCount", "folder:ChildFolderCount", "folder:FolderClass",
    "folder:SearchParameters", "folder:ManagedFolderInformation", "folder:PermissionSet",
    "folder:EffectiveRights", "folder:SharingEffectiveRights", "folder:DistinguishedFolderId",
    "folder:PolicyTag", "folder:ArchiveTag", "folder:ReplicaList", "item:ItemId",
    "item:ParentFolderId", "item:ItemClass", "item:MimeContent", "item:Attachments",
    "item:Subject", "item:DateTimeReceived", "item:Size", "item:Categories",
    "item:HasAttachments", "item:Importance", "item:InReplyTo", "item:InternetMessageHeaders",
    "item:IsAssociated", "item:IsDraft", "item:IsFromMe", "item:IsResend", "item:IsSubmitted",
    "item:IsUnmodified", "item:DateTimeSent", "item:DateTimeCreated", "item:Body",
    "item:ResponseObjects", "item:Sensitivity", "item:ReminderDueBy", "item:ReminderIsSet",
    "item:ReminderNextTime", "item:ReminderMinutesBeforeStart", "item:DisplayTo",
    "item:DisplayCc", "item:Culture", "item:EffectiveRights", "item:LastModifiedName",
    "item:LastModifiedTime", "item:ConversationId", "item:UniqueBody", "item:Flag",
    "item:StoreEntryId", "item:InstanceKey", "item:NormalizedBody", "item:EntityExtractionResult",
    "item:PolicyTag", "item:ArchiveTag", "item:RetentionDate", "item:Preview",
    "item:NextPredictedAction", "item:GroupingAction", "item:PredictedActionReason",
    "item:IsClutter", "item:RightsManagementLicenseData", "item:BlockStatus",
    "item:HasBlockedImages", "item:WebClientReadFormQueryString",
    "item:WebClientEditFormQueryString", "item:TextBody", "item:IconIndex",
    "item:MimeContentUTF8", "item:Hashtags", "item:Mentions", "item:MentionedMe",
    "item:PendingSocialActivityTagIds", "message:ConversationIndex", "message:ConversationTopic",
    "message:InternetMessageId", "message:IsRead", "message:IsResponseRequested",
    "message:IsReadReceiptRequested", "message:IsDeliveryReceiptRequested", "message:ReceivedBy",
    "message:ReceivedRepresenting", "message:References", "message:ReplyTo", "message:From",
    "message:Sender", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients",
    "message:ApprovalRequestData", "message:VotingInformation", "message:ReminderMessageData", NULL,
};
/* clang-format on */

/* Fields of items are checked one by one; those of the kinds that the simulator does not keep, by their prefix. */
static bool
is_field_uri(const char *text)
{
    static const char *const prefixes[] = {
        "calendar:", "conversation:",
        "contacts:", "distributionlist:",
        "meeting:",  "meetingRequest:",
        "persona:",  "postitem:",
        "task:",     NULL,
    };
    if (g_strv_contains(item_field_uris, text))
        return true;
    for (guint i = 0; prefixes[i] != NULL; i++) {
        const char *rest = exg_sim_after(text, prefixes[i]);
        if (rest != NULL && rest[0] != '\0')
            return true;
    }
    return false;
}

CHECKED(string, NULL);
CHECKED(boolean, is_boolean);
CHECKED(integer, is_integer);
CHECKED(date_time, is_date_time);
CHECKED(base64, is_base64);
CHECKED(not_empty, is_not_empty);
CHECKED(guid, is_guid);
CHECKED(property_tag, is_property_tag);
CHECKED(field_uri, is_field_uri);
ONE_OF(disposition, "SaveOnly", "SendOnly", "SendAndSaveCopy");
ONE_OF(invitations, "SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy");
ONE_OF(base_shape, "IdOnly", "Default", "AllProperties");
ONE_OF(body_format, "HTML", "Text");
ONE_OF(body_response_format, "Best", "HTML", "Text");
ONE_OF(importance, "Low", "Normal", "High");
ONE_OF(sensitivity, "Normal", "Personal", "Private", "Confidential");
ONE_OF(flag_status, "NotFlagged", "Flagged", "Complete");
ONE_OF(traversal, "Shallow", "SoftDeleted", "Associated");
ONE_OF(base_point, "Beginning", "End");
ONE_OF(sort_direction, "Ascending", "Descending");
ONE_OF(precision, "Seconds", "Milliseconds");
ONE_OF(containment_mode, "FullString", "Prefixed", "Substring", "PrefixOnWords", "ExactPhrase");
ONE_OF(containment_comparison, "Exact", "IgnoreCase", "IgnoreNonSpacingCharacters", "Loose",
       "IgnoreCaseAndNonSpacingCharacters", "LooseAndIgnoreCase", "LooseAndIgnoreNonSpace",
       "LooseAndIgnoreCaseAndIgnoreNonSpace");
ONE_OF(search_scope, "ActiveDirectory", "ActiveDirectoryContacts", "Contacts",
       "ContactsActiveDirectory");
ONE_OF(mailbox_type, "Unknown", "OneOff", "Mailbox", "PublicDL", "PrivateDL", "Contact",
       "PublicFolder", "GroupMailbox");
ONE_OF(property_set, "Meeting", "Appointment", "Common", "PublicStrings", "Address",
       "InternetHeaders", "CalendarAssistant", "UnifiedMessaging", "Task", "Sharing");
ONE_OF(property_type, "ApplicationTime", "ApplicationTimeArray", "Binary", "BinaryArray", "Boolean",
       "CLSID", "CLSIDArray", "Currency", "CurrencyArray", "Double", "DoubleArray", "Error",
       "Float", "FloatArray", "Integer", "IntegerArray", "Long", "LongArray", "Null", "Object",
       "ObjectArray", "Short", "ShortArray", "SystemTime", "SystemTimeArray", "String",
       "StringArray");
ONE_OF(dictionary_uri, "item:InternetMessageHeader", "contacts:ImAddress",
       "contacts:PhysicalAddress:Street", "contacts:PhysicalAddress:City",
       "contacts:PhysicalAddress:State", "contacts:PhysicalAddress:CountryOrRegion",
       "contacts:PhysicalAddress:PostalCode", "contacts:PhoneNumber", "contacts:EmailAddress",
       "distributionlist:Members:Member");
ONE_OF(distinguished_folder, "calendar", "contacts", "deleteditems", "drafts", "inbox", "journal",
       "notes", "outbox", "sentitems", "tasks", "msgfolderroot", "publicfoldersroot", "root",
       "junkemail", "searchfolders", "voicemail", "recoverableitemsroot",
       "recoverableitemsdeletions", "recoverableitemsversions", "recoverableitemspurges",
       "recoverableitemsdiscoveryholds", "archiveroot", "archivemsgfolderroot",
       "archivedeleteditems", "archiveinbox", "archiverecoverableitemsroot",
       "archiverecoverableitemsdeletions", "archiverecoverableitemsversions",
       "archiverecoverableitemspurges", "archiverecoverableitemsdiscoveryholds", "syncissues",
       "conflicts", "localfailures", "serverfailures", "recipientcache", "quickcontacts",
       "conversationhistory", "adminauditlogs", "todosearch", "mycontacts", "directory",
       "imcontactlist", "peopleconnect", "favorites", "mecontact", "personmetadata");

/* --- complex types ---------------------------------------------------------------------------- */

const ExgSimType exg_sim_opaque_type = {NULL, NULL, NULL, NULL, true};

TEXT(string, NULL, string);
TEXT(boolean, NULL, boolean);
TEXT(integer, NULL, integer);
TEXT(date_time, NULL, date_time);
TEXT(base64, NULL, base64);
TEXT(not_empty, NULL, not_empty);
TEXT(importance, NULL, importance);
TEXT(sensitivity, NULL, sensitivity);
TEXT(mailbox_type, NULL, mailbox_type);
TYPE(strings, NULL, ANY_NUMBER("String", string));

/* Ids and addresses */
ATTRIBUTES(id_attributes, ATTRIBUTE("Id", string, true), ATTRIBUTE("ChangeKey", string, false));
EMPTY(item_id, id_attributes);
EMPTY(folder_id, id_attributes);
TYPE(email_address, NULL, OPTIONAL("Name", string), OPTIONAL("EmailAddress", not_empty),
     OPTIONAL("RoutingType", not_empty), OPTIONAL("MailboxType", mailbox_type),
     OPTIONAL("ItemId", item_id), OPTIONAL("OriginalDisplayName", string));
ATTRIBUTES(distinguished_id_attributes, ATTRIBUTE("Id", distinguished_folder, true),
           ATTRIBUTE("ChangeKey", string, false));
TYPE(distinguished_folder_id, distinguished_id_attributes, OPTIONAL("Mailbox", email_address));
TYPE(target_folder_id, NULL, REQUIRED("FolderId", folder_id),
     OR("DistinguishedFolderId", distinguished_folder_id), OR("AddressListId", opaque),
     OR("ConsumerCalendarId", opaque));
TYPE(folder_ids, NULL, SEVERAL("FolderId", folder_id),
     OR("DistinguishedFolderId", distinguished_folder_id));
TYPE(item_ids, NULL, SEVERAL("ItemId", item_id), OR("OccurrenceItemId", opaque),
     OR("RecurringMasterItemId", opaque), OR("RecurringMasterItemIdRanges", opaque));
TYPE(single_recipient, NULL, REQUIRED("Mailbox", email_address));
TYPE(recipients, NULL, ANY_NUMBER("Mailbox", email_address));

/* Paths to properties */
ATTRIBUTES(field_attributes, ATTRIBUTE("FieldURI", field_uri, true));
EMPTY(field, field_attributes);
ATTRIBUTES(indexed_field_attributes, ATTRIBUTE("FieldURI", dictionary_uri, true),
           ATTRIBUTE("FieldIndex", string, true));
EMPTY(indexed_field, indexed_field_attributes);
ATTRIBUTES(extended_field_attributes, ATTRIBUTE("DistinguishedPropertySetId", property_set, false),
           ATTRIBUTE("PropertySetId", guid, false), ATTRIBUTE("PropertyTag", property_tag, false),
           ATTRIBUTE("PropertyName", string, false), ATTRIBUTE("PropertyId", integer, false),
           ATTRIBUTE("PropertyType", property_type, true));
EMPTY(extended_field, extended_field_attributes);
#define PATH                                                                                       \
    REQUIRED("FieldURI", field), OR("IndexedFieldURI", indexed_field),                             \
        OR("ExtendedFieldURI", extended_field)
TYPE(paths, NULL, SEVERAL("FieldURI", field), OR("IndexedFieldURI", indexed_field),
     OR("ExtendedFieldURI", extended_field));

/* Items */
TYPE(property_values, NULL, SEVERAL("Value", string));
TYPE(extended_property, NULL, REQUIRED("ExtendedFieldURI", extended_field),
     REQUIRED("Value", string), OR("Values", property_values));
ATTRIBUTES(mime_content_attributes, ATTRIBUTE("CharacterSet", string, false));
TEXT(mime_content, mime_content_attributes, string);
ATTRIBUTES(body_attributes, ATTRIBUTE("BodyType", body_format, true),
           ATTRIBUTE("IsTruncated", boolean, false));
TEXT(body, body_attributes, string);
TEXT(flag_status, NULL, flag_status);
TYPE(flag, NULL, REQUIRED("FlagStatus", flag_status), OPTIONAL("StartDate", date_time),
     OPTIONAL("DueDate", date_time), OPTIONAL("CompleteDate", date_time));

/* clang-format off */
#define ITEM_ROWS \
    OPTIONAL("MimeContent", mime_content), \
    OPTIONAL("ItemId", item_id), \
    OPTIONAL("ParentFolderId", folder_id), \
    OPTIONAL("ItemClass", string), \
    OPTIONAL("Subject", string), \
    OPTIONAL("Sensitivity", sensitivity), \
    OPTIONAL("Body", body), \
    OPTIONAL("Attachments", opaque), \
    OPTIONAL("DateTimeReceived", date_time), \
    OPTIONAL("Size", integer), \
    OPTIONAL("Categories", strings), \
    OPTIONAL("Importance", importance), \
    OPTIONAL("InReplyTo", string), \
    OPTIONAL("IsSubmitted", boolean), \
    OPTIONAL("IsDraft", boolean), \
    OPTIONAL("IsFromMe", boolean), \
    OPTIONAL("IsResend", boolean), \
    OPTIONAL("IsUnmodified", boolean), \
    OPTIONAL("InternetMessageHeaders", opaque), \
    OPTIONAL("DateTimeSent", date_time), \
    OPTIONAL("DateTimeCreated", date_time), \
    OPTIONAL("ResponseObjects", opaque), \
    OPTIONAL("ReminderDueBy", date_time), \
    OPTIONAL("ReminderIsSet", boolean), \
    OPTIONAL("ReminderNextTime", date_time), \
    OPTIONAL("ReminderMinutesBeforeStart", integer), \
    OPTIONAL("DisplayCc", string), \
    OPTIONAL("DisplayTo", string), \
    OPTIONAL("HasAttachments", boolean), \
    ANY_NUMBER("ExtendedProperty", extended_property), \
    OPTIONAL("Culture", string), \
    OPTIONAL("EffectiveRights", opaque), \
    OPTIONAL("LastModifiedName", string), \
    OPTIONAL("LastModifiedTime", date_time), \
    OPTIONAL("IsAssociated", boolean), \
    OPTIONAL("WebClientReadFormQueryString", string), \
    OPTIONAL("WebClientEditFormQueryString", string), \
    OPTIONAL("ConversationId", item_id), \
    OPTIONAL("UniqueBody", body), \
    OPTIONAL("Flag", flag), \
    OPTIONAL("StoreEntryId", base64), \
    OPTIONAL("InstanceKey", base64), \
    OPTIONAL("NormalizedBody", body), \
    OPTIONAL("EntityExtractionResult", opaque), \
    OPTIONAL("PolicyTag", opaque), \
    OPTIONAL("ArchiveTag", opaque), \
    OPTIONAL("RetentionDate", date_time), \
    OPTIONAL("Preview", string), \
    OPTIONAL("RightsManagementLicenseData", opaque), \
    OPTIONAL("PredictedActionReasons", opaque), \
    OPTIONAL("IsClutter", boolean), \
    OPTIONAL("NextPredictedAction", opaque), \
    OPTIONAL("GroupingAction", opaque), \
    OPTIONAL("BlockStatus", boolean), \
    OPTIONAL("HasBlockedImages", boolean), \
    OPTIONAL("TextBody", body), \
    OPTIONAL("IconIndex", opaque), \
    OPTIONAL("MimeContentUTF8", mime_content), \
    OPTIONAL("SearchKey", base64), \
    OPTIONAL("SortKey", integer), \
    OPTIONAL("Hashtags", strings), \
    OPTIONAL("Mentions", recipients), \
    OPTIONAL("MentionedMe", boolean), \
    OPTIONAL("PendingSocialActivityTagIds", strings)

#define MESSAGE_ROWS \
    OPTIONAL("Sender", single_recipient), \
    OPTIONAL("ToRecipients", recipients), \
    OPTIONAL("CcRecipients", recipients), \
    OPTIONAL("BccRecipients", recipients), \
    OPTIONAL("IsReadReceiptRequested", boolean), \
    OPTIONAL("IsDeliveryReceiptRequested", boolean), \
    OPTIONAL("ConversationIndex", base64), \
    OPTIONAL("ConversationTopic", string), \
    OPTIONAL("From", single_recipient), \
    OPTIONAL("InternetMessageId", string), \
    OPTIONAL("IsRead", boolean), \
    OPTIONAL("IsResponseRequested", boolean), \
    OPTIONAL("References", string), \
    OPTIONAL("ReplyTo", recipients), \
    OPTIONAL("ReceivedBy", single_recipient), \
    OPTIONAL("ReceivedRepresenting", single_recipient), \
    OPTIONAL("ApprovalRequestData", opaque), \
    OPTIONAL("VotingInformation", opaque), \
    OPTIONAL("ReminderMessageData", opaque)

/* clang-format on */
TYPE(item, NULL, ITEM_ROWS);
TYPE(message, NULL, ITEM_ROWS, MESSAGE_ROWS);

TYPE(new_items, NULL, SEVERAL("Item", item), OR("Message", message), OR("CalendarItem", opaque),
     OR("Contact", opaque), OR("DistributionList", opaque), OR("MeetingMessage", opaque),
     OR("MeetingRequest", opaque), OR("MeetingResponse", opaque), OR("MeetingCancellation", opaque),
     OR("Task", opaque), OR("PostItem", opaque), OR("ReplyToItem", opaque),
     OR("ForwardItem", opaque), OR("ReplyAllToItem", opaque), OR("AcceptItem", opaque),
     OR("TentativelyAcceptItem", opaque), OR("DeclineItem", opaque),
     OR("CancelCalendarItem", opaque), OR("RemoveItem", opaque), OR("SuppressReadReceipt", opaque),
     OR("PostReplyItem", opaque), OR("AcceptSharingInvitation", opaque), OR("RoleMember", opaque),
     OR("Network", opaque), OR("Person", opaque));
ATTRIBUTES(create_item_attributes, ATTRIBUTE("MessageDisposition", disposition, false),
           ATTRIBUTE("SendMeetingInvitations", invitations, false));
MESSAGE_TYPE(create_item, create_item_attributes, OPTIONAL("SavedItemFolderId", target_folder_id),
             REQUIRED("Items", new_items));

/* Shapes */
TEXT(base_shape, NULL, base_shape);
TEXT(body_response_format, NULL, body_response_format);
TYPE(item_shape, NULL, REQUIRED("BaseShape", base_shape), OPTIONAL("IncludeMimeContent", boolean),
     OPTIONAL("BodyType", body_response_format), OPTIONAL("UniqueBodyType", body_response_format),
     OPTIONAL("NormalizedBodyType", body_response_format), OPTIONAL("FilterHtmlContent", boolean),
     OPTIONAL("ConvertHtmlCodePageToUTF8", boolean), OPTIONAL("InlineImageUrlTemplate", string),
     OPTIONAL("BlockExternalImages", boolean), OPTIONAL("AddBlankTargetToLinks", boolean),
     OPTIONAL("MaximumBodySize", integer), OPTIONAL("AdditionalProperties", paths));
TYPE(folder_shape, NULL, REQUIRED("BaseShape", base_shape),
     OPTIONAL("AdditionalProperties", paths));
MESSAGE_TYPE(get_item, NULL, REQUIRED("ItemShape", item_shape), REQUIRED("ItemIds", item_ids));
MESSAGE_TYPE(get_folder, NULL, REQUIRED("FolderShape", folder_shape),
             REQUIRED("FolderIds", folder_ids));

/* Searches */
ATTRIBUTES(constant_attributes, ATTRIBUTE("Value", string, true));
EMPTY(constant, constant_attributes);
TYPE(field_or_constant, NULL, PATH, OR("Constant", constant));
TYPE(two_operands, NULL, PATH, REQUIRED("FieldURIOrConstant", field_or_constant));
ATTRIBUTES(contains_attributes, ATTRIBUTE("ContainmentMode", containment_mode, false),
           ATTRIBUTE("ContainmentComparison", containment_comparison, false));
TYPE(contains, contains_attributes, PATH, REQUIRED("Constant", constant));
TYPE(exists, NULL, PATH);
TYPE(excludes, NULL, PATH, REQUIRED("Bitmask", constant));
extern const ExgSimType exg_sim_restriction_type, exg_sim_several_restrictions_type;
#define SEARCH_EXPRESSION(HOW_OFTEN)                                                               \
    HOW_OFTEN("IsEqualTo", two_operands), OR("IsNotEqualTo", two_operands),                        \
        OR("IsGreaterThan", two_operands), OR("IsGreaterThanOrEqualTo", two_operands),             \
        OR("IsLessThan", two_operands), OR("IsLessThanOrEqualTo", two_operands),                   \
        OR("And", several_restrictions), OR("Or", several_restrictions), OR("Not", restriction),   \
        OR("Contains", contains), OR("Exists", exists), OR("Excludes", excludes)
TYPE(restriction, NULL, SEARCH_EXPRESSION(REQUIRED));
TYPE(several_restrictions, NULL, SEARCH_EXPRESSION(SEVERAL));
ATTRIBUTES(indexed_view_attributes, ATTRIBUTE("MaxEntriesReturned", integer, false),
           ATTRIBUTE("Offset", integer, true), ATTRIBUTE("BasePoint", base_point, true));
EMPTY(indexed_view, indexed_view_attributes);
ATTRIBUTES(order_attributes, ATTRIBUTE("Order", sort_direction, true));
TYPE(field_order, order_attributes, PATH);
TYPE(sort_order, NULL, SEVERAL("FieldOrder", field_order));
ATTRIBUTES(query_attributes, ATTRIBUTE("ResetCache", boolean, false),
           ATTRIBUTE("ReturnHighlightTerms", boolean, false),
           ATTRIBUTE("ReturnDeletedItems", boolean, false));
TEXT(query_string, query_attributes, string);
ATTRIBUTES(find_item_attributes, ATTRIBUTE("Traversal", traversal, true));
MESSAGE_TYPE(find_item, find_item_attributes, REQUIRED("ItemShape", item_shape),
             OPTIONAL("IndexedPageItemView", indexed_view), OR("FractionalPageItemView", opaque),
             OR("SeekToConditionPageItemView", opaque), OR("CalendarView", opaque),
             OR("ContactsView", opaque), OPTIONAL("GroupBy", opaque),
             OR("DistinguishedGroupBy", opaque), OPTIONAL("Restriction", restriction),
             OPTIONAL("SortOrder", sort_order), REQUIRED("ParentFolderIds", folder_ids),
             OPTIONAL("QueryString", query_string));

ATTRIBUTES(resolve_names_attributes, ATTRIBUTE("ReturnFullContactData", boolean, true),
           ATTRIBUTE("SearchScope", search_scope, false),
           ATTRIBUTE("ContactDataShape", base_shape, false));
MESSAGE_TYPE(resolve_names, resolve_names_attributes, OPTIONAL("ParentFolderIds", folder_ids),
             REQUIRED("UnresolvedEntry", not_empty));

/* Headers. RequestServerVersion's value is checked apart: a wrong one has a fault of its own. */
ATTRIBUTES(version_attributes, ATTRIBUTE("Version", string, true));
EMPTY(request_server_version, version_attributes);
TYPE(connecting_sid, NULL, REQUIRED("PrincipalName", not_empty), OR("SID", not_empty),
     OR("PrimarySmtpAddress", not_empty), OR("SmtpAddress", not_empty));
TYPE(impersonation, NULL, REQUIRED("ConnectingSID", connecting_sid));
TEXT(precision, NULL, precision);

/* --- the tables ------------------------------------------------------------------------------- */

static const ExgSimSchemaEntry operations[] = {
    ENTRY("CreateItem", create_item),     ENTRY("FindItem", find_item),
    ENTRY("GetFolder", get_folder),       ENTRY("GetItem", get_item),
    ENTRY("ResolveNames", resolve_names), END_OF_ENTRIES,
};

static const ExgSimSchemaEntry headers[] = {
    ENTRY("RequestServerVersion", request_server_version),
    ENTRY("ExchangeImpersonation", impersonation),
    ENTRY("MailboxCulture", string),
    ENTRY("DateTimePrecision", precision),
    ENTRY("TimeZoneContext", opaque),
    ENTRY("ManagementRole", opaque),
    ENTRY("SerializedSecurityContext", opaque),
    END_OF_ENTRIES,
};

static const ExgSimType *
find(const ExgSimSchemaEntry *entries, const char *name)
{
    while (entries->name != NULL && !g_str_equal(entries->name, name))
        entries++;
    return entries->type;
}

const ExgSimType *
exg_sim_schema_operation(const char *name)
{
    static const ExgSimSchemaEntry *const tables[] = {
        operations, exg_sim_item_operations, exg_sim_folder_operations, exg_sim_query_operations};
    const ExgSimType *type = NULL;
    for (guint i = 0; type == NULL && i < G_N_ELEMENTS(tables); i++)
        type = find(tables[i], name);
    return type;
}

const ExgSimType *
exg_sim_schema_header(const char *name)
{
    return find(headers, name);
}

/* clang-format off */
static const char *const known_operations[] = {
    "AddDelegate", "ApplyConversationAction", "ConvertId", "CopyFolder", "CopyItem",
    "CreateAttachment", "CreateFolder", "CreateItem", "CreateManagedFolder",
    "CreateUserConfiguration", "DeleteAttachment", "DeleteFolder", "DeleteItem",
    "DeleteUserConfiguration", "DisableApp", "EmptyFolder", "ExpandDL", "ExportItems",
    "FindConversation", "FindFolder", "FindItem", "FindMessageTrackingReport", "FindPeople",
    "GetAppManifests", "GetAppMarketplaceUrl", "GetAttachment", "GetClientAccessToken",
    "GetConversationItems", "GetDelegate", "GetDiscoverySearchConfiguration", "GetEvents",
    "GetFolder", "GetHoldOnMailboxes", "GetInboxRules", "GetItem", "GetMailTips",
    "GetMessageTrackingReport", "GetNonIndexableItemDetails", "GetNonIndexableItemStatistics",
    "GetPasswordExpirationDate", "GetReminders", "GetRoomLists", "GetRooms",
    "GetSearchableMailboxes", "GetServerTimeZones", "GetServiceConfiguration", "GetSharingFolder",
    "GetSharingMetadata", "GetStreamingEvents", "GetUserConfiguration", "GetUserOofSettings",
    "GetUserPhoto", "GetUserRetentionPolicyTags", "InstallApp", "MarkAllItemsAsRead",
    "MarkAsJunk", "MoveFolder", "MoveItem", "PerformInstantSearch", "PerformReminderAction",
    "RefreshSharingFolder", "RemoveDelegate", "ResolveNames", "SearchMailboxes", "SendItem",
    "SetHoldOnMailboxes", "SetUserOofSettings", "SetUserPhoto", "Subscribe",
    "SyncFolderHierarchy", "SyncFolderItems", "UninstallApp", "Unsubscribe", "UpdateDelegate",
    "UpdateFolder", "UpdateInboxRules", "UpdateItem", "UpdateItemInRecoverableItems",
    "UpdateUserConfiguration", "UploadItems", NULL,
};
/* clang-format on */

bool
exg_sim_schema_known_operation(const char *name)
{
    return g_strv_contains(known_operations, name);
}
