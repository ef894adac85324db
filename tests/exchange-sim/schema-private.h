/* schema-private.h - the words that the tables of the schema are written in, and the types that several files
 * use.
 *
 * A word such as TYPE defines the object exg_sim_ID_type. Put `static` before it where no other file uses the
 * type.
 */
#ifndef EXG_SIM_SCHEMA_PRIVATE_H
#define EXG_SIM_SCHEMA_PRIVATE_H

#include "tests/exchange-sim/schema.h"

/* clang-format off */

/* Simple types: checked by a function, or one of several values. */
#define CHECKED(id, function) const ExgSimSimpleType exg_sim_##id##_text = {#id, NULL, function}
#define ONE_OF(id, ...) \
    const ExgSimSimpleType exg_sim_##id##_text = {#id, (const char *const[]){__VA_ARGS__, NULL}, NULL}

/* Rows of a type */
#define REQUIRED(name, id)   {name, &exg_sim_##id##_type, 1, 1, false, NULL}
#define OPTIONAL(name, id)   {name, &exg_sim_##id##_type, 0, 1, false, NULL}
#define SEVERAL(name, id)    {name, &exg_sim_##id##_type, 1, EXG_SIM_UNBOUNDED, false, NULL}
#define ANY_NUMBER(name, id) {name, &exg_sim_##id##_type, 0, EXG_SIM_UNBOUNDED, false, NULL}
#define OR(name, id)         {name, &exg_sim_##id##_type, 0, 0, true, NULL}

/* One of the types namespace among others of the messages namespace */
#define REQUIRED_TYPE(name, id) {name, &exg_sim_##id##_type, 1, 1, false, EXG_SIM_NS_TYPES}

#define ATTRIBUTE(name, id, required) {name, &exg_sim_##id##_text, required}
#define ATTRIBUTES(list, ...) static const ExgSimAttribute list[] = {__VA_ARGS__, {NULL, NULL, false}}

/* A type whose children are in the types namespace, one of the messages namespace, and one with text only. */
#define TYPE_IN(space, id, attributes, ...) \
    const ExgSimType exg_sim_##id##_type = { \
        space, (const ExgSimRow[]){__VA_ARGS__, {NULL, NULL, 0, 0, false, NULL}}, attributes, NULL, false}
#define TYPE(id, attributes, ...)         TYPE_IN(EXG_SIM_NS_TYPES, id, attributes, __VA_ARGS__)
#define MESSAGE_TYPE(id, attributes, ...) TYPE_IN(EXG_SIM_NS_MESSAGES, id, attributes, __VA_ARGS__)
#define TEXT(id, attributes, content) \
    const ExgSimType exg_sim_##id##_type = {NULL, NULL, attributes, &exg_sim_##content##_text, false}
#define EMPTY(id, attributes) const ExgSimType exg_sim_##id##_type = {NULL, NULL, attributes, NULL, false}

/* A table of elements, by name */
#define ENTRY(name, id) {name, &exg_sim_##id##_type}
#define END_OF_ENTRIES  {NULL, NULL}

/* clang-format on */

typedef struct {
    const char *name; /* NULL ends the table */
    const ExgSimType *type;
} ExgSimSchemaEntry;

/* The operations in other files */
extern const ExgSimSchemaEntry exg_sim_folder_operations[], exg_sim_query_operations[];
extern const ExgSimSchemaEntry exg_sim_item_operations[];

/* Shared, in schema.c */
extern const ExgSimSimpleType exg_sim_string_text, exg_sim_boolean_text, exg_sim_integer_text, exg_sim_date_time_text;
extern const ExgSimType exg_sim_opaque_type, exg_sim_string_type, exg_sim_boolean_type, exg_sim_integer_type,
    exg_sim_date_time_type, exg_sim_base64_type, exg_sim_not_empty_type;
extern const ExgSimType exg_sim_item_id_type, exg_sim_folder_id_type, exg_sim_email_address_type,
    exg_sim_distinguished_folder_id_type, exg_sim_target_folder_id_type, exg_sim_folder_ids_type,
    exg_sim_item_ids_type;
extern const ExgSimType exg_sim_paths_type, exg_sim_field_type, exg_sim_indexed_field_type,
    exg_sim_extended_field_type, exg_sim_item_type, exg_sim_message_type, exg_sim_item_shape_type,
    exg_sim_folder_shape_type, exg_sim_restriction_type, exg_sim_indexed_view_type;

#endif
