#include "tests/exchange-sim/restriction.h"

#include "tests/exchange-sim/schema.h"

#include <string.h>

static bool
is_one_of(const char *name, const char *const *names)
{
    return g_strv_contains(names, name);
}

static bool
combines(const ExgXmlNode *expression)
{
    static const char *const names[] = {"And", "Or", "Not", NULL};
    return is_one_of(expression->name, names);
}

static bool
check_path(const ExgXmlNode *path, ExgSimValueOf value_of, gconstpointer any,
           ExgSimRefusal *refusal)
{
    ExgSimValue value;
    g_autofree char *name = NULL;
    if (g_str_equal(path->name, "ExtendedFieldURI"))
        return exg_sim_property_path(path, &name, refusal);
    if (!value_of(any, path, &value))
        return exg_sim_refuse(refusal, "ErrorUnsupportedPathForQuery",
                              "The simulated Exchange cannot search by this property.");
    return true;
}

bool
exg_sim_restriction_check(const ExgXmlNode *expression, ExgSimValueOf value_of, gconstpointer any,
                          ExgSimRefusal *refusal)
{
    if (!combines(expression))
        return check_path(expression->first_child, value_of, any, refusal);
    for (const ExgXmlNode *child = expression->first_child; child != NULL; child = child->next)
        if (!exg_sim_restriction_check(child, value_of, any, refusal))
            return false;
    return true;
}

/* The second operand: a constant, or another property of the thing. */
static bool
second_operand(const ExgXmlNode *expression, ExgSimValueOf value_of, gconstpointer thing,
               const ExgSimValue *first, ExgSimValue *ret_value)
{
    const ExgXmlNode *operand =
        exg_xml_node_child(expression, EXG_SIM_NS_TYPES, "FieldURIOrConstant")->first_child;
    if (!g_str_equal(operand->name, "Constant"))
        return value_of(thing, operand, ret_value);
    *ret_value = exg_sim_property_constant(exg_xml_node_attribute(operand, "Value"), first);
    return ret_value->present;
}

static bool
contains(const ExgXmlNode *expression, const ExgSimValue *value)
{
    const ExgXmlNode *constant = exg_xml_node_child(expression, EXG_SIM_NS_TYPES, "Constant");
    const char *wanted = exg_xml_node_attribute(constant, "Value");
    const char *mode = exg_xml_node_attribute(expression, "ContainmentMode");
    const char *comparison = exg_xml_node_attribute(expression, "ContainmentComparison");
    if (!value->present || value->is_number)
        return false;
    bool ignore_case = comparison != NULL && strstr(comparison, "IgnoreCase") != NULL;
    g_autofree char *text = ignore_case ? g_utf8_casefold(value->text, -1) : g_strdup(value->text);
    g_autofree char *sought = ignore_case ? g_utf8_casefold(wanted, -1) : g_strdup(wanted);
    if (mode == NULL || g_str_equal(mode, "FullString"))
        return g_str_equal(text, sought);
    if (g_str_equal(mode, "Prefixed"))
        return g_str_has_prefix(text, sought);
    return strstr(text, sought) != NULL;
}

static bool
compares(const ExgXmlNode *expression, ExgSimValueOf value_of, gconstpointer thing,
         const ExgSimValue *first)
{
    ExgSimValue second = {0};
    const char *name = expression->name;
    bool known = second_operand(expression, value_of, thing, first, &second);
    if (g_str_equal(name, "IsNotEqualTo"))
        return !known || !first->present || exg_sim_property_compare(first, &second) != 0;
    if (!known || !first->present)
        return false;
    int order = exg_sim_property_compare(first, &second);
    if (g_str_equal(name, "IsEqualTo"))
        return order == 0;
    if (g_str_equal(name, "IsGreaterThan"))
        return order > 0;
    if (g_str_equal(name, "IsGreaterThanOrEqualTo"))
        return order >= 0;
    if (g_str_equal(name, "IsLessThan"))
        return order < 0;
    return order <= 0; /* IsLessThanOrEqualTo */
}

static bool
matches_combined(const ExgXmlNode *expression, ExgSimValueOf value_of, gconstpointer thing)
{
    bool any = g_str_equal(expression->name, "Or");
    for (const ExgXmlNode *child = expression->first_child; child != NULL; child = child->next)
        if (exg_sim_restriction_matches(child, value_of, thing) == any)
            return any;
    return !any;
}

bool
exg_sim_restriction_matches(const ExgXmlNode *expression, ExgSimValueOf value_of,
                            gconstpointer thing)
{
    ExgSimValue value;
    if (g_str_equal(expression->name, "Not"))
        return !exg_sim_restriction_matches(expression->first_child, value_of, thing);
    if (combines(expression))
        return matches_combined(expression, value_of, thing);
    if (!value_of(thing, expression->first_child, &value))
        return false;
    if (g_str_equal(expression->name, "Exists"))
        return value.present;
    if (g_str_equal(expression->name, "Contains"))
        return contains(expression, &value);
    if (g_str_equal(expression->name, "Excludes")) {
        const ExgXmlNode *mask = exg_xml_node_child(expression, EXG_SIM_NS_TYPES, "Bitmask");
        const char *text = exg_xml_node_attribute(mask, "Value");
        guint64 bits = g_ascii_strtoull(text, NULL,
                                        g_ascii_strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
        return value.present && value.is_number && ((guint64)value.number & bits) == 0;
    }
    return compares(expression, value_of, thing, &value);
}
