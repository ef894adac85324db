#include "tests/lib/ews-fixture.h"

#include "common/base/disposition.h"
#include "common/base/error.h"

#include <gio/gio.h>
#include <libxml/xmlschemas.h>
#include <string.h>

static void
got_message(ExgMessage *message, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgMessage **)data = message;
}

ExgMessage *
ews_test_message(const char *content, gsize length)
{
    ExgMessageOptions options = {
        .size_max = 1u << 30, .memory_max = 1u << 30, .spool_directory = "/nonexistent"};
    g_autoptr(ExgMessageBuilder) builder = exg_message_builder_new(&options);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_message_builder_append(builder, content, length, &error));
    ExgMessage *message = NULL;
    exg_message_builder_finish_async(builder, got_message, &message);
    g_assert_nonnull(message);
    return message;
}

char *
ews_test_read_body(ExgHttpBody *body, gsize room)
{
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);
    g_autofree char *portion = g_malloc(room);
    for (;;) {
        gssize count = body->class->read(body, portion, room, &error);
        g_assert_no_error(error);
        g_assert_cmpint(count, >=, 0);
        g_assert_cmpuint((gsize)count, <=, room);
        if (count == 0)
            break;
        g_string_append_len(text, portion, count);
    }
    g_assert_cmpuint(text->len, ==, body->length);
    return g_string_free(text, FALSE);
}

char *
ews_test_request(ExgHttpBody *body)
{
    char *text = ews_test_read_body(body, 4096);
    exg_http_body_free(body);
    return text;
}

static char *
schema_path(const char *first, const char *second)
{
    const char *schema = g_getenv("EXG_SCHEMA");
    g_autofree char *path = schema != NULL ? g_build_filename(schema, first, second, NULL) : NULL;
    if (path != NULL && g_file_test(path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&path);
    g_test_skip("the directory of Exchange's schema ($EXG_SCHEMA) is not there");
    return NULL;
}

static void
collect(void *data, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(data, format, arguments);
    va_end(arguments);
}

/* Read once: that takes a hundred times as long as to validate. */
static xmlSchema *
load_schema(const char *path)
{
    static GHashTable *schemas; /* path → xmlSchema, as long as the program */
    if (schemas == NULL)
        schemas = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    xmlSchema *schema = g_hash_table_lookup(schemas, path);
    if (schema == NULL) {
        xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(path);
        schema = xmlSchemaParse(parser);
        xmlSchemaFreeParserCtxt(parser);
        g_hash_table_insert(schemas, g_strdup(path), schema);
    }
    return schema;
}

void
ews_test_validate(const char *request)
{
    bool discovers = strstr(request, "schemas.microsoft.com/exchange/2010/Autodiscover") != NULL ||
                     strstr(request, "schemas.microsoft.com/exchange/autodiscover/") != NULL;
    g_autofree char *path = schema_path("oracle", discovers ? "autodiscover.xsd" : "ews.xsd");
    if (path == NULL)
        return;
    xmlSchema *schema = load_schema(path);
    g_assert_nonnull(schema);
    g_autoptr(GString) faults = g_string_new(NULL);
    xmlDoc *document = xmlReadMemory(request, (int)strlen(request), "request", NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (document == NULL)
        g_error("this is not well-formed:\n%s", request);
    xmlSchemaValidCtxt *validator = xmlSchemaNewValidCtxt(schema);
    xmlSchemaSetValidErrors(validator, collect, collect, faults);
    int status = xmlSchemaValidateDoc(validator, document);
    xmlSchemaFreeValidCtxt(validator);
    xmlFreeDoc(document);
    if (status != 0)
        g_error("the schema refuses the request: %s\n%s", faults->str, request);
}

char *
ews_test_template(const char *name)
{
    g_autofree char *path = schema_path("templates", name);
    char *content = NULL;
    g_autoptr(GError) error = NULL;
    if (path != NULL)
        g_file_get_contents(path, &content, NULL, &error);
    g_assert_no_error(error);
    return content;
}

gpointer
ews_test_answer(const ExgEwsOperation *operation, int status, const char *body, gpointer context,
                GError **error)
{
    g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
    ExgEwsReply reply = {
        .status = status, .retry_after_ms = -1, .posted_bytes = 2000, .body = bytes};
    gpointer result = NULL;
    GError *failure = NULL;
    bool good = exg_ews_answer_read(operation, &reply, context, &result, &failure);
    g_assert_true(good == (failure == NULL));
    if (!good)
        g_assert_null(result);
    if (failure != NULL)
        g_propagate_error(error, failure);
    return result;
}

void
ews_test_cut(const ExgEwsOperation *operation, const char *body, gpointer context)
{
    gsize length = strlen(body);
    int code = operation->once ? (int)EXG_ERROR_AMBIGUOUS : (int)EXG_ERROR_PROTOCOL;
    while (g_ascii_isspace(body[length - 1]))
        length--;
    for (gsize cut = 0; cut < length; cut++) {
        g_autofree char *begun = g_strndup(body, cut);
        g_autoptr(GError) error = NULL;
        g_assert_null(ews_test_answer(operation, 200, begun, context, &error));
        g_assert_error(error, EXG_ERROR, code);
    }
}

void
ews_test_check_error(const GError *error, int wanted, int smtp_code, const char *enhanced,
                     const char *where)
{
    if (error == NULL || error->domain != EXG_ERROR || error->code != wanted)
        g_error("%s: the error is %d (%s), not %d", where, error != NULL ? error->code : -1,
                error != NULL ? error->message : "none", wanted);
    ExgDisposition disposition = exg_disposition_of(error);
    if (disposition.smtp_code != smtp_code || strcmp(disposition.enhanced, enhanced) != 0)
        g_error("%s: '%s' gives %d %s, not %d %s", where, error->message, disposition.smtp_code,
                disposition.enhanced, smtp_code, enhanced);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_null(strpbrk(error->message, "\r\n"));
    g_assert_cmpuint(strlen(error->message), <, 600);
}
