/* property.h - paths to properties as requests name them, and the values behind them.
 *
 * Threads:  pure functions.
 * Source:   MS-OXWSXPROP; MS-OXPROPS for the tags.
 */
#ifndef EXG_SIM_PROPERTY_H
#define EXG_SIM_PROPERTY_H

#include "common/xml/tree.h"
#include "tests/exchange-sim/item.h"
#include "tests/exchange-sim/refusal.h"

#define EXG_SIM_TAG_ARTICLE_NUMBER      "0x0e23" /* IMAP's UID */
#define EXG_SIM_TAG_SUBJECT             "0x0037"
#define EXG_SIM_TAG_TRANSPORT_HEADERS   "0x007d"
#define EXG_SIM_TAG_DELIVERY_TIME       "0x0e06"
#define EXG_SIM_TAG_MESSAGE_FLAGS       "0x0e07"
#define EXG_SIM_TAG_INTERNET_MESSAGE_ID "0x1035"

/* Turns a t:ExtendedFieldURI into a path (item.h); refuses what the schema lets pass and Exchange
 * does not. */
bool exg_sim_property_path(const ExgXmlNode *extended_field, char **ret_path,
                           ExgSimRefusal *refusal);
/* Whether a text is a value of that MAPI type ("Integer", "SystemTime" …). */
bool exg_sim_property_check(const char *type, const char *value, ExgSimRefusal *refusal);

/* A value of an item or a folder, comparable with another of the same property. */
typedef struct {
    bool present, is_number; /* times are numbers, in seconds */
    bool any_case;           /* a text in which upper and lower case are the same */
    gint64 number;
    const char *text;
} ExgSimValue;

/* `path`: t:FieldURI or t:ExtendedFieldURI. False if such things cannot be searched by it. */
typedef bool (*ExgSimValueOf)(gconstpointer thing, const ExgXmlNode *path, ExgSimValue *ret_value);
/* Of an ExgSimItem. */
bool exg_sim_property_value(gconstpointer item, const ExgXmlNode *path, ExgSimValue *ret_value);
/* The constant in a request, as a value of the same kind as `like`. */
ExgSimValue exg_sim_property_constant(const char *text, const ExgSimValue *like);
/* Absent values come first. */
int exg_sim_property_compare(const ExgSimValue *a, const ExgSimValue *b);
/* As an answer writes a value of that MAPI type; NULL: it is not present. */
char *exg_sim_property_format(const ExgSimValue *value, const char *type);
/* An extended property as text, also the ones that the store makes itself; NULL: the item does not
 * have it. `message`: its content, or NULL. */
char *exg_sim_property_text(const ExgSimItem *item, const char *path, GBytes *message);

#endif
