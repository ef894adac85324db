/* The requests that ask the directory, the calendar and the server about itself.
 *
 * Source:   as schema.h; for GetMailTips, GetUserOofSettings and GetUserAvailability, which those files lack,
 *           MS-OXWSMTIPS, MS-OXWOOF and MS-OXWAVLS. */
#include "tests/exchange-sim/schema-private.h"

#include <string.h>

/* --- simple types ----------------------------------------------------------------------------- */

/* Words with blanks between them. */
static bool
are_mail_tips(const char *text)
{
    static const char *const tips[] = {
        "All",
        "OutOfOfficeMessage",
        "MailboxFullStatus",
        "CustomMailTip",
        "ExternalMemberCount",
        "TotalMemberCount",
        "MaxMessageSize",
        "DeliveryRestriction",
        "ModerationStatus",
        "InvalidRecipient",
        "Scope",
        NULL,
    };
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    for (guint i = 0; words[i] != NULL; i++)
        if (words[i][0] != '\0' && !g_strv_contains(tips, words[i]))
            return false;
    return true;
}

static bool
is_interval(const char *text)
{
    gint64 minutes;
    return g_ascii_string_to_signed(text, 10, 5, 1440, &minutes, NULL);
}

static bool
is_time_of_day(const char *text)
{
    return strlen(text) == 8 && g_pattern_match_simple("??:??:??", text) &&
           strspn(text, "0123456789:") == 8;
}

static CHECKED(mail_tips, are_mail_tips);
static CHECKED(interval, is_interval);
static CHECKED(time_of_day, is_time_of_day);
static ONE_OF(id_format, "EwsLegacyId", "EwsId", "EntryId", "HexEntryId", "StoreId", "OwaId");
static ONE_OF(attendee_type, "Organizer", "Required", "Optional", "Room", "Resource");
static ONE_OF(free_busy_view, "None", "MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed",
              "DetailedMerged");
static ONE_OF(day_of_week, "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
              "Saturday");

/* --- the directory ---------------------------------------------------------------------------- */

static MESSAGE_TYPE(expand_dl, NULL, REQUIRED("Mailbox", email_address));

static EMPTY(get_room_lists, NULL);
static MESSAGE_TYPE(get_rooms, NULL, REQUIRED("RoomList", email_address));

static MESSAGE_TYPE(get_searchable_mailboxes, NULL, OPTIONAL("SearchFilter", string),
                    OPTIONAL("ExpandGroupMembership", boolean));

static TEXT(requested_mail_tips, NULL, mail_tips);
static TYPE(mail_tip_recipients, NULL, ANY_NUMBER("Mailbox", email_address));
static MESSAGE_TYPE(get_mail_tips, NULL, REQUIRED("SendingAs", email_address),
                    REQUIRED("Recipients", mail_tip_recipients),
                    REQUIRED("MailTipsRequested", requested_mail_tips));

/* --- the calendar ----------------------------------------------------------------------------- */

static TYPE(address, NULL, OPTIONAL("Name", string), REQUIRED("Address", string),
            OPTIONAL("RoutingType", string));
static TYPE(get_user_oof_settings, NULL, REQUIRED("Mailbox", address));

static TEXT(attendee_type, NULL, attendee_type);
static TYPE(mailbox_data, NULL, REQUIRED("Email", address), REQUIRED("AttendeeType", attendee_type),
            OPTIONAL("ExcludeConflicts", boolean));
static TYPE(mailbox_data_array, NULL, ANY_NUMBER("MailboxData", mailbox_data));
static TEXT(time_of_day, NULL, time_of_day);
static TEXT(day_of_week, NULL, day_of_week);
static TYPE(zone_change, NULL, REQUIRED("Bias", integer), REQUIRED("Time", time_of_day),
            REQUIRED("DayOrder", integer), REQUIRED("Month", integer),
            REQUIRED("DayOfWeek", day_of_week), OPTIONAL("Year", string));
static TYPE(zone, NULL, REQUIRED("Bias", integer), REQUIRED("StandardTime", zone_change),
            REQUIRED("DaylightTime", zone_change));
static TYPE(time_window, NULL, REQUIRED("StartTime", date_time), REQUIRED("EndTime", date_time));
static TEXT(interval, NULL, interval);
static TEXT(free_busy_view, NULL, free_busy_view);
static TYPE(free_busy_options, NULL, REQUIRED("TimeWindow", time_window),
            OPTIONAL("MergedFreeBusyIntervalInMinutes", interval),
            OPTIONAL("RequestedView", free_busy_view));
static MESSAGE_TYPE(get_user_availability, NULL, REQUIRED_TYPE("TimeZone", zone),
                    REQUIRED("MailboxDataArray", mailbox_data_array),
                    REQUIRED_TYPE("FreeBusyViewOptions", free_busy_options));

/* --- the server ------------------------------------------------------------------------------- */

ATTRIBUTES(time_zones_attributes, ATTRIBUTE("ReturnFullTimeZoneData", boolean, false));
static TYPE(time_zone_ids, NULL, SEVERAL("Id", string));
static MESSAGE_TYPE(get_server_time_zones, time_zones_attributes, OPTIONAL("Ids", time_zone_ids));

ATTRIBUTES(alternate_id_attributes, ATTRIBUTE("Format", id_format, true),
           ATTRIBUTE("Id", string, true), ATTRIBUTE("Mailbox", string, true),
           ATTRIBUTE("IsArchive", boolean, false));
ATTRIBUTES(public_folder_id_attributes, ATTRIBUTE("Format", id_format, true),
           ATTRIBUTE("FolderId", string, true));
ATTRIBUTES(public_item_id_attributes, ATTRIBUTE("Format", id_format, true),
           ATTRIBUTE("FolderId", string, true), ATTRIBUTE("ItemId", string, true));
static EMPTY(alternate_id, alternate_id_attributes);
static EMPTY(public_folder_id, public_folder_id_attributes);
static EMPTY(public_item_id, public_item_id_attributes);
static TYPE(alternate_ids, NULL, SEVERAL("AlternateId", alternate_id),
            OR("AlternatePublicFolderId", public_folder_id),
            OR("AlternatePublicFolderItemId", public_item_id));
ATTRIBUTES(convert_id_attributes, ATTRIBUTE("DestinationFormat", id_format, true));
static MESSAGE_TYPE(convert_id, convert_id_attributes, REQUIRED("SourceIds", alternate_ids));

const ExgSimSchemaEntry exg_sim_query_operations[] = {
    ENTRY("ConvertId", convert_id),
    ENTRY("ExpandDL", expand_dl),
    ENTRY("GetMailTips", get_mail_tips),
    ENTRY("GetRoomLists", get_room_lists),
    ENTRY("GetRooms", get_rooms),
    ENTRY("GetSearchableMailboxes", get_searchable_mailboxes),
    ENTRY("GetServerTimeZones", get_server_time_zones),
    ENTRY("GetUserAvailabilityRequest", get_user_availability),
    ENTRY("GetUserOofSettingsRequest", get_user_oof_settings),
    END_OF_ENTRIES,
};
