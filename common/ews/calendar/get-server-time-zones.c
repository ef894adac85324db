#include "common/ews/calendar/get-server-time-zones-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/text-private.h"
#include "common/ews/value-private.h"

#define DAY_S (24 * 3600)

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

/* --- memory ----------------------------------------------------------------------------------- */

static void
free_period(gpointer data)
{
    ExgEwsZonePeriod *period = data;
    g_free(period->id);
    g_free(period->name);
    g_free(period);
}

static void
free_transition(gpointer data)
{
    ExgEwsTransition *transition = data;
    g_free(transition->to);
    g_free(transition);
}

static void
free_group(gpointer data)
{
    ExgEwsTransitionGroup *group = data;
    g_free(group->id);
    g_ptr_array_unref(group->transitions);
    g_free(group);
}

void
exg_ews_time_zone_free(ExgEwsTimeZone *zone)
{
    if (zone == NULL)
        return;
    g_free(zone->id);
    g_free(zone->name);
    g_ptr_array_unref(zone->periods);
    g_ptr_array_unref(zone->groups);
    g_ptr_array_unref(zone->transitions);
    g_free(zone);
}

static void
free_zone(gpointer zone)
{
    exg_ews_time_zone_free(zone);
}

/* --- the answer ------------------------------------------------------------------------------- */

static const ExgXmlNode *
types_child(const ExgXmlNode *node, const char *name)
{
    return exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, name);
}

static char *
attribute_of(const ExgXmlNode *node, const char *name)
{
    const char *value = exg_xml_node_attribute(node, name);
    return g_strdup(value != NULL ? value : "");
}

static GPtrArray *
read_periods(const ExgXmlNode *list)
{
    GPtrArray *periods = g_ptr_array_new_with_free_func(free_period);
    for (const ExgXmlNode *node = types_child(list, "Period"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        const char *bias = exg_xml_node_attribute(node, "Bias");
        gint64 bias_s;
        if (bias == NULL || !exg_ews_read_duration(bias, &bias_s) || ABS(bias_s) > DAY_S)
            continue;
        ExgEwsZonePeriod *period = g_new0(ExgEwsZonePeriod, 1);
        period->id = attribute_of(node, "Id");
        period->name = attribute_of(node, "Name");
        period->bias_s = bias_s;
        g_ptr_array_add(periods, period);
    }
    return periods;
}

/* Each year: when. */
static bool
read_yearly(ExgEwsTransition *transition, const ExgXmlNode *node)
{
    bool by_weekday = transition->kind == EXG_EWS_EACH_YEAR_BY_WEEKDAY;
    if (!exg_ews_read_duration(exg_ews_child_text(node, "TimeOffset"), &transition->offset_s) ||
        ABS(transition->offset_s) > 7 * DAY_S)
        return false;
    transition->month = (int)exg_ews_child_number(node, "Month", 1, 12, 0);
    transition->day = (int)exg_ews_child_number(node, "Day", 1, 31, 0);
    transition->day_of_week = exg_ews_day_find(exg_ews_child_text(node, "DayOfWeek"));
    transition->occurrence = (int)exg_ews_child_number(node, "Occurrence", -1, 5, 0);
    if (transition->occurrence == -1) /* the last one; questions know only 5 for it */
        transition->occurrence = 5;
    return transition->month > 0 &&
           (by_weekday ? transition->day_of_week > 0 && transition->occurrence > 0
                       : transition->day > 0);
}

static bool
read_transition(ExgEwsTransition *transition, const ExgXmlNode *node)
{
    static const char *const names[] = {"Transition", "AbsoluteDateTransition",
                                        "RecurringDayTransition", "RecurringDateTransition", NULL};
    guint kind = 0;
    while (names[kind] != NULL && !g_str_equal(names[kind], node->name))
        kind++;
    const ExgXmlNode *to = types_child(node, "To");
    if (names[kind] == NULL || to == NULL)
        return false;
    transition->kind = kind;
    transition->to_group = g_strcmp0(exg_xml_node_attribute(to, "Kind"), "Group") == 0;
    transition->to = g_strdup(to->text);
    if (kind == EXG_EWS_AT_A_TIME)
        return exg_ews_read_time(exg_ews_child_text(node, "DateTime"), NULL, &transition->time);
    return kind == EXG_EWS_FROM_THE_BEGINNING || read_yearly(transition, node);
}

/* What cannot be read is left out; exg_ews_time_zone_rule() notices where it is needed. */
static GPtrArray *
read_transitions(const ExgXmlNode *list)
{
    GPtrArray *transitions = g_ptr_array_new_with_free_func(free_transition);
    for (const ExgXmlNode *node = list != NULL ? list->first_child : NULL; node != NULL;
         node = node->next) {
        ExgEwsTransition *transition = g_new0(ExgEwsTransition, 1);
        if (read_transition(transition, node))
            g_ptr_array_add(transitions, transition);
        else
            free_transition(transition);
    }
    return transitions;
}

static GPtrArray *
read_groups(const ExgXmlNode *list)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func(free_group);
    for (const ExgXmlNode *node = types_child(list, "TransitionsGroup"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        ExgEwsTransitionGroup *group = g_new0(ExgEwsTransitionGroup, 1);
        group->id = attribute_of(node, "Id");
        group->transitions = read_transitions(node);
        g_ptr_array_add(groups, group);
    }
    return groups;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *list = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE,
                                                "TimeZoneDefinitions");
    if (list == NULL)
        return exg_ews_answer_senseless(operation, error, "success without TimeZoneDefinitions");
    GPtrArray *zones = g_ptr_array_new_with_free_func(free_zone);
    for (const ExgXmlNode *node = types_child(list, "TimeZoneDefinition"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        ExgEwsTimeZone *zone = g_new0(ExgEwsTimeZone, 1);
        zone->id = attribute_of(node, "Id");
        zone->name = attribute_of(node, "Name");
        zone->periods = read_periods(types_child(node, "Periods"));
        zone->groups = read_groups(types_child(node, "TransitionsGroups"));
        zone->transitions = read_transitions(types_child(node, "Transitions"));
        g_ptr_array_add(zones, zone);
    }
    *ret_result = zones;
    return true;
}

/* --- the rule of a year ----------------------------------------------------------------------- */

static const ExgEwsZonePeriod *
find_period(const ExgEwsTimeZone *zone, const char *id)
{
    for (guint i = 0; i < zone->periods->len; i++) {
        const ExgEwsZonePeriod *period = g_ptr_array_index(zone->periods, i);
        if (g_str_equal(period->id, id))
            return period;
    }
    return NULL;
}

/* The group that holds in a year: the one that began last, by its date. What the groups are called
 * says nothing, and their order as text is wrong from the tenth one on. */
static const ExgEwsTransitionGroup *
find_group(const ExgEwsTimeZone *zone, int year)
{
    const ExgEwsTransition *best = NULL;
    g_autoptr(GDateTime) next_year = g_date_time_new_utc(year + 1, 1, 1, 0, 0, 0);
    gint64 end = next_year != NULL ? g_date_time_to_unix(next_year) : G_MAXINT64;
    for (guint i = 0; i < zone->transitions->len; i++) {
        const ExgEwsTransition *transition = g_ptr_array_index(zone->transitions, i);
        bool dated = transition->kind == EXG_EWS_AT_A_TIME;
        if (!transition->to_group || (dated && transition->time >= end))
            continue;
        if (best == NULL ||
            (dated && (best->kind != EXG_EWS_AT_A_TIME || best->time <= transition->time)))
            best = transition;
    }
    for (guint i = 0; best != NULL && i < zone->groups->len; i++) {
        const ExgEwsTransitionGroup *group = g_ptr_array_index(zone->groups, i);
        if (g_str_equal(group->id, best->to))
            return group;
    }
    return NULL;
}

static bool
no_rule(const ExgEwsTimeZone *zone, int year, GError **error)
{
    g_autofree char *id = exg_ews_clean_text(zone->id, EXG_EWS_MAX_CODE_BYTES);
    return exg_error_set(error, EXG_ERROR_PROTOCOL,
                         "The time zone '%s' has no standard and daylight time in %d", id, year);
}

/* The transition of a group to the period of that name. */
static const ExgEwsTransition *
find_transition(const ExgEwsTimeZone *zone, const ExgEwsTransitionGroup *group, const char *name)
{
    for (guint i = 0; group != NULL && i < group->transitions->len; i++) {
        const ExgEwsTransition *transition = g_ptr_array_index(group->transitions, i);
        const ExgEwsZonePeriod *period = find_period(zone, transition->to);
        if (period != NULL && g_str_equal(period->name, name))
            return transition;
    }
    return NULL;
}

static ExgEwsZoneChange
change_of(const ExgEwsTransition *transition, int bias_min)
{
    return (ExgEwsZoneChange){
        .bias_min = bias_min,
        .time_s = (int)CLAMP(transition->offset_s, 0, DAY_S - 1),
        .month = transition->month,
        .order = transition->occurrence,
        .day_of_week = transition->day_of_week,
    };
}

bool
exg_ews_time_zone_rule(const ExgEwsTimeZone *zone, int year, ExgEwsZoneRule *ret_rule,
                       GError **error)
{
    const ExgEwsTransitionGroup *group = find_group(zone, year);
    const ExgEwsTransition *standard = find_transition(zone, group, "Standard");
    const ExgEwsTransition *daylight = find_transition(zone, group, "Daylight");
    if (standard == NULL)
        return no_rule(zone, year, error);
    int bias_min = (int)(find_period(zone, standard->to)->bias_s / 60);
    if (group->transitions->len == 1) {
        exg_ews_zone_rule_init_fixed(ret_rule, bias_min);
        return true;
    }
    if (group->transitions->len != 2 || daylight == NULL ||
        standard->kind != EXG_EWS_EACH_YEAR_BY_WEEKDAY ||
        daylight->kind != EXG_EWS_EACH_YEAR_BY_WEEKDAY)
        return no_rule(zone, year, error);
    int daylight_min = (int)(find_period(zone, daylight->to)->bias_s / 60);
    ret_rule->bias_min = bias_min;
    ret_rule->standard = change_of(standard, 0);
    ret_rule->daylight = change_of(daylight, daylight_min - bias_min);
    return true;
}

/* --- the call --------------------------------------------------------------------------------- */

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsTimeZonesQuestion *question = context;
    exg_xml_start(writer, "m:GetServerTimeZones");
    exg_xml_attribute(writer, "ReturnFullTimeZoneData", question->full ? "true" : "false");
    if (question->ids == NULL || question->ids[0] == NULL)
        return;
    exg_xml_start(writer, "m:Ids");
    for (char **id = question->ids; *id != NULL; id++)
        exg_xml_element(writer, "t:Id", *id);
}

const ExgEwsOperation exg_ews_get_server_time_zones_operation = {
    .name = "GetServerTimeZones",
    .own_mailbox = true,
    .n_messages = 1,
    .minimum_version = "Exchange2010",
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

static void
free_question(gpointer data)
{
    ExgEwsTimeZonesQuestion *question = data;
    g_strfreev(question->ids);
    g_free(question);
}

void
exg_ews_get_server_time_zones_async(ExgEwsService *service, const char *const *ids, bool full,
                                    gint64 deadline_us, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsTimeZonesQuestion *question = g_new0(ExgEwsTimeZonesQuestion, 1);
    question->ids = g_strdupv((char **)ids);
    question->full = full;
    exg_ews_call_start(service, &exg_ews_get_server_time_zones_operation, &self, question,
                       free_question, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_server_time_zones_finish(ExgEwsService *service, GAsyncResult *result,
                                     GPtrArray **ret_zones, GError **error)
{
    gpointer zones = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_get_server_time_zones_operation, &zones, error))
        return false;
    *ret_zones = zones;
    return true;
}
