#include "common/xml/reader.h"

#include "common/base/error.h"
#include "common/xml/filter-private.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define PORTION_BYTES    16384 /* what libxml2 is given at a time */
#define MAX_REASON       200
#define ATTRIBUTE_FIELDS 5 /* libxml2: local name, prefix, URI, begin and end of the value */

struct ExgXmlReader {
    ExgXmlLimits limits;
    ExgXmlHandler handler;
    gpointer user;
    ExgXmlFilter filter;
    xmlParserCtxtPtr parser;
    guint64 bytes; /* of input so far */
    guint depth;
    bool finished;
    GError *error;      /* the first; ends everything */
    GArray *attributes; /* of ExgXmlAttribute, for the element being reported */
    GString *values;    /* theirs, each with its zero */
    char portion[PORTION_BYTES];
};

static bool
fail(ExgXmlReader *reader, const char *reason)
{
    if (reader->error != NULL)
        return false;
    int line = reader->parser->input != NULL ? reader->parser->input->line : 0;
    reader->error = exg_error_new(EXG_ERROR_PROTOCOL, "Bad XML in line %d: %s", line, reason);
    return false;
}

#if LIBXML_VERSION < 21200
typedef xmlError *LibraryError;
#else
typedef const xmlError *LibraryError;
#endif

/* Neither breaks a line nor changes how the rest of it is shown. */
static bool
is_harmless(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    default:
        return true;
    }
}

/* libxml2 quotes the document in its messages: they become one clean line. */
static void
on_error(void *user, LibraryError error)
{
    ExgXmlReader *reader = user;
    if (reader->error != NULL || error->level < XML_ERR_ERROR)
        return;
    g_autofree char *message = g_utf8_make_valid(
        error->message != NULL ? error->message : "malformed", -1);
    g_strchomp(message);
    g_autoptr(GString) reason = g_string_new(NULL);
    for (const char *at = message; *at != '\0' && reason->len < MAX_REASON;
         at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(reason, is_harmless(c) ? c : ' ');
    }
    reader->error = exg_error_new(EXG_ERROR_PROTOCOL, "Bad XML in line %d: %s", error->line,
                                  reason->str);
}

/* A handler that stops without saying why is wrong, but must not be taken for success. */
static void
stopped(ExgXmlReader *reader)
{
    if (reader->error == NULL)
        fail(reader, "the document is not wanted");
}

/* The filter has stopped it already. */
static void
on_doctype(void *user, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    fail(user, "a document type declaration is not accepted");
}

/* Values come as slices of the input: each is copied to get its zero. */
static void
collect_attributes(ExgXmlReader *reader, guint count, const xmlChar **fields)
{
    g_array_set_size(reader->attributes, 0);
    g_string_truncate(reader->values, 0);
    for (guint i = 0; i < count; i++) {
        const xmlChar **field = fields + (gsize)i * ATTRIBUTE_FIELDS;
        g_string_append_len(reader->values, (const char *)field[3], field[4] - field[3]);
        g_string_append_c(reader->values, '\0');
    }
    const char *value = reader->values->str;
    for (guint i = 0; i < count; i++) {
        const xmlChar **field = fields + (gsize)i * ATTRIBUTE_FIELDS;
        ExgXmlAttribute attribute = {(const char *)field[2], (const char *)field[0], value};
        g_array_append_val(reader->attributes, attribute);
        value += field[4] - field[3] + 1;
    }
}

static void
on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space,
         int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
         const xmlChar **attributes)
{
    ExgXmlReader *reader = user;
    if (reader->error != NULL)
        return;
    if (reader->depth >= reader->limits.depth) {
        g_autofree char *reason = g_strdup_printf("elements are nested more than %u deep",
                                                  reader->limits.depth);
        fail(reader, reason);
        return;
    }
    reader->depth++;
    if (reader->handler.start == NULL)
        return;
    collect_attributes(reader, (guint)n_attributes, attributes);
    if (!reader->handler.start(reader->user, (const char *)space, (const char *)name,
                               (const ExgXmlAttribute *)(gpointer)reader->attributes->data,
                               (guint)n_attributes, &reader->error))
        stopped(reader);
}

static void
on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
    ExgXmlReader *reader = user;
    if (reader->error != NULL)
        return;
    reader->depth--;
    if (reader->handler.end != NULL &&
        !reader->handler.end(reader->user, (const char *)space, (const char *)name, &reader->error))
        stopped(reader);
}

static void
on_text(void *user, const xmlChar *text, int length)
{
    ExgXmlReader *reader = user;
    if (reader->error != NULL || reader->handler.text == NULL || length <= 0)
        return;
    if (!reader->handler.text(reader->user, (const char *)text, (gsize)length, &reader->error))
        stopped(reader);
}

static xmlParserCtxtPtr
parser_new(ExgXmlReader *reader)
{
    static gsize initialized;
    if (g_once_init_enter(&initialized)) {
        xmlInitParser();
        g_once_init_leave(&initialized, 1);
    }
    xmlSAXHandler sax = {
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = on_doctype,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .serror = on_error,
    };
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, reader, NULL, 0, NULL);
    if (parser == NULL)
        g_error("out of memory");
    /* NOENT: without it "&amp;" in an attribute would stay encoded; there are no entities that
     * could be expanded. HUGE: a text may have more than libxml2's ten million bytes; size and
     * depth are limited here. */
    xmlCtxtUseOptions(parser,
                      XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC);
    /* Nothing to guess or to convert: the filter lets UTF-8 pass only. */
    xmlSwitchEncoding(parser, XML_CHAR_ENCODING_UTF8);
    return parser;
}

ExgXmlReader *
exg_xml_reader_new(const ExgXmlLimits *limits, const ExgXmlHandler *handler, gpointer user)
{
    ExgXmlReader *reader = g_new(ExgXmlReader, 1);
    memset(reader, 0, offsetof(ExgXmlReader, portion));
    reader->limits = *limits;
    reader->handler = *handler;
    reader->user = user;
    exg_xml_filter_init(&reader->filter, limits->attributes);
    reader->parser = parser_new(reader);
    reader->attributes = g_array_new(FALSE, FALSE, sizeof(ExgXmlAttribute));
    reader->values = g_string_new(NULL);
    return reader;
}

void
exg_xml_reader_free(ExgXmlReader *reader)
{
    if (reader == NULL)
        return;
    if (reader->parser->myDoc != NULL)
        xmlFreeDoc(g_steal_pointer(&reader->parser->myDoc));
    xmlFreeParserCtxt(reader->parser);
    g_array_unref(reader->attributes);
    g_string_free(reader->values, TRUE);
    g_clear_error(&reader->error);
    g_free(reader);
}

static bool
report(const ExgXmlReader *reader, GError **error)
{
    if (error != NULL)
        *error = g_error_copy(reader->error);
    return false;
}

bool
exg_xml_reader_feed(ExgXmlReader *reader, const char *data, gsize length, GError **error)
{
    if (reader->finished)
        fail(reader, "there is input after the end");
    if (reader->error == NULL && length > reader->limits.total_bytes - reader->bytes) {
        g_autofree char *reason = g_strdup_printf(
            "the document is larger than %" G_GUINT64_FORMAT " bytes", reader->limits.total_bytes);
        fail(reader, reason);
    }
    if (reader->error != NULL)
        return report(reader, error);
    reader->bytes += length;
    while (length > 0 && reader->error == NULL) {
        gsize written = 0;
        gsize used = exg_xml_filter_run(&reader->filter, data, length, reader->portion,
                                        PORTION_BYTES, &written);
        data += used;
        length -= used;
        if (written > 0 &&
            xmlParseChunk(reader->parser, reader->portion, (int)written, 0) != XML_ERR_OK)
            if (reader->parser->wellFormed == 0)
                fail(reader, "malformed");
        if (reader->filter.fault[0] != '\0')
            fail(reader, reader->filter.fault);
    }
    return reader->error == NULL || report(reader, error);
}

bool
exg_xml_reader_finish(ExgXmlReader *reader, GError **error)
{
    if (reader->error == NULL && !reader->finished) {
        xmlParseChunk(reader->parser, NULL, 0, 1);
        if (!exg_xml_filter_is_idle(&reader->filter) || !reader->parser->wellFormed ||
            !reader->parser->nsWellFormed || reader->depth != 0)
            fail(reader, "the document is not complete");
    }
    reader->finished = true;
    return reader->error == NULL || report(reader, error);
}

const char *
exg_xml_library_version(void)
{
    return "libxml2 " LIBXML_DOTTED_VERSION;
}
