/* GetServerTimeZones: a few zones, one of each kind that clients have trouble with. */
#include "tests/exchange-sim/call.h"

typedef struct {
    int month, occurrence; /* occurrence -1: the last one */
    const char *day, *offset;
} Change;

static const struct {
    const char *id, *name;
    const char *standard, *daylight; /* biases; `daylight` NULL: there is none */
    Change to_daylight, to_standard;
    guint yearly_groups; /* a group of its own for each of so many years from 2006 on */
} zones[] = {
    {"UTC", "(UTC) Coordinated Universal Time", "PT0S", NULL, {0}, {0}, 0},
    {"W. Europe Standard Time",
     "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
     "-PT60M",
     "-PT120M",
     {3, -1, "Sunday", "PT2H"},
     {10, -1, "Sunday", "PT3H"},
     0},
    {"Pacific Standard Time",
     "(UTC-08:00) Pacific Time (US & Canada)",
     "PT480M",
     "PT420M",
     {3, 2, "Sunday", "PT2H"},
     {11, 1, "Sunday", "PT2H"},
     0},
    {"India Standard Time",
     "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi",
     "-PT330M",
     NULL,
     {0},
     {0},
     0},
    {"Morocco Standard Time",
     "(UTC+01:00) Casablanca",
     "PT0S",
     "-PT60M",
     {3, -1, "Sunday", "PT2H"},
     {10, -1, "Sunday", "PT3H"},
     21},
};

static void
write_period(ExgXmlWriter *writer, const char *bias, const char *name)
{
    g_autofree char *id = g_strdup_printf("trule:%s", name);
    exg_xml_start(writer, "t:Period");
    exg_xml_attribute(writer, "Bias", bias);
    exg_xml_attribute(writer, "Name", name);
    exg_xml_attribute(writer, "Id", id);
    exg_xml_end(writer);
}

static void
write_to(ExgXmlWriter *writer, const char *kind, const char *to)
{
    exg_xml_start(writer, "t:To");
    exg_xml_attribute(writer, "Kind", kind);
    exg_xml_text(writer, to);
    exg_xml_end(writer);
}

static void
write_change(ExgXmlWriter *writer, const Change *change, const char *to)
{
    g_autofree char *month = g_strdup_printf("%d", change->month);
    g_autofree char *occurrence = g_strdup_printf("%d", change->occurrence);
    exg_xml_start(writer, "t:RecurringDayTransition");
    write_to(writer, "Period", to);
    exg_xml_element(writer, "t:TimeOffset", change->offset);
    exg_xml_element(writer, "t:Month", month);
    exg_xml_element(writer, "t:DayOfWeek", change->day);
    exg_xml_element(writer, "t:Occurrence", occurrence);
    exg_xml_end(writer);
}

/* The groups of a zone that has several are all different. */
static void
write_group(ExgXmlWriter *writer, guint zone, guint group)
{
    g_autofree char *id = g_strdup_printf("%u", group);
    exg_xml_start(writer, "t:TransitionsGroup");
    exg_xml_attribute(writer, "Id", id);
    if (zones[zone].daylight == NULL) {
        exg_xml_start(writer, "t:Transition");
        write_to(writer, "Period", "trule:Standard");
        exg_xml_end(writer);
    } else {
        Change to_daylight = zones[zone].to_daylight;
        if (zones[zone].yearly_groups > 0)
            to_daylight.occurrence = (int)(group % 4) + 1;
        write_change(writer, &to_daylight, "trule:Daylight");
        write_change(writer, &zones[zone].to_standard, "trule:Standard");
    }
    exg_xml_end(writer);
}

static void
write_groups(ExgXmlWriter *writer, guint zone)
{
    guint count = MAX(zones[zone].yearly_groups, 1);
    exg_xml_start(writer, "t:TransitionsGroups");
    for (guint group = 0; group < count; group++)
        write_group(writer, zone, group);
    exg_xml_end(writer);
    exg_xml_start(writer, "t:Transitions");
    exg_xml_start(writer, "t:Transition");
    write_to(writer, "Group", "0");
    exg_xml_end(writer);
    for (guint group = 1; group < count; group++) {
        g_autofree char *id = g_strdup_printf("%u", group);
        g_autofree char *time = g_strdup_printf("%u-01-01T00:00:00", 2006 + group);
        exg_xml_start(writer, "t:AbsoluteDateTransition");
        write_to(writer, "Group", id);
        exg_xml_element(writer, "t:DateTime", time);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

static void
write_zone(ExgXmlWriter *writer, guint zone, bool full)
{
    exg_xml_start(writer, "t:TimeZoneDefinition");
    exg_xml_attribute(writer, "Id", zones[zone].id);
    exg_xml_attribute(writer, "Name", zones[zone].name);
    if (full) {
        exg_xml_start(writer, "t:Periods");
        write_period(writer, zones[zone].standard, "Standard");
        if (zones[zone].daylight != NULL)
            write_period(writer, zones[zone].daylight, "Daylight");
        exg_xml_end(writer);
        write_groups(writer, zone);
    }
    exg_xml_end(writer);
}

/* Without ids, all of them. What is not known is left out. */
static bool
is_asked_for(const ExgXmlNode *ids, const char *zone)
{
    const ExgXmlNode *id = exg_sim_type_child(ids, "Id");
    while (id != NULL && !g_str_equal(id->text, zone))
        id = exg_xml_node_next_same(id);
    return ids == NULL || id != NULL;
}

bool
exg_sim_get_server_time_zones(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *ids = exg_sim_message_child(operation, "Ids");
    const char *full = exg_xml_node_attribute(operation, "ReturnFullTimeZoneData");
    g_auto(ExgSimRefusal) success = {0};
    exg_sim_call_start_message(call, "m:GetServerTimeZonesResponseMessage", &success);
    exg_xml_start(&call->writer, "m:TimeZoneDefinitions");
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++)
        if (is_asked_for(ids, zones[i].id))
            write_zone(&call->writer, i, full == NULL || full[0] == 't' || full[0] == '1');
    exg_xml_end(&call->writer);
    exg_xml_end(&call->writer);
    return true;
}
