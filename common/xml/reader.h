/* reader.h - reads XML as it arrives: events, limits, nothing from outside.
 *
 * Push parser: bytes in any portions, events out as soon as they are complete. Strict about form,
 * with one exception that Exchange needs: a character reference or a raw control character that XML
 * 1.0 forbids (Exchange sends &#x3; in subjects) is read as U+FFFD instead of ending the document.
 * UTF-8 only, as SOAP over HTTP has it. No DTD (a document with one is refused), so no entities but
 * the five of XML itself; no network.
 *
 * Threads:  one at a time; different readers in different threads.
 * Errors:   EXG_ERROR_PROTOCOL with line and reason, at once; after it all input is refused with
 *           the same error. An error that a handler returns is passed on as it is.
 * Limits:   in ExgXmlLimits, and EXG_XML_MAX_TAG_BYTES; exceeding one is EXG_ERROR_PROTOCOL that
 *           names it.
 */
#ifndef EXG_XML_READER_H
#define EXG_XML_READER_H

#include <glib.h>
#include <stdbool.h>

/* Of one start tag with all its attributes. Long values are texts. */
#define EXG_XML_MAX_TAG_BYTES 65536

typedef struct ExgXmlReader ExgXmlReader;

typedef struct {
    guint64 total_bytes;
    guint depth;
    guint attributes; /* of one element, namespace declarations included */
} ExgXmlLimits;

typedef struct {
    const char *space; /* namespace URI, or NULL */
    const char *name;  /* local name */
    const char *value;
} ExgXmlAttribute;

/* Values are valid during the call, names as long as the reader: a name or namespace that comes
 * again is the same pointer. Text may come in several pieces. Each function
 * returns false with an error to stop, and may be NULL. */
typedef struct {
    bool (*start)(gpointer user, const char *space, const char *name,
                  const ExgXmlAttribute *attributes, guint count, GError **error);
    bool (*text)(gpointer user, const char *text, gsize length, GError **error);
    bool (*end)(gpointer user, const char *space, const char *name, GError **error);
} ExgXmlHandler;

/* `limits` and `handler` are copied. */
ExgXmlReader *exg_xml_reader_new(const ExgXmlLimits *limits, const ExgXmlHandler *handler,
                                 gpointer user);
void exg_xml_reader_free(ExgXmlReader *reader);

bool exg_xml_reader_feed(ExgXmlReader *reader, const char *data, gsize length, GError **error);
/* The input is complete. Fails if the document is not. */
bool exg_xml_reader_finish(ExgXmlReader *reader, GError **error);

/* "libxml2 2.9.14": for --version. */
const char *exg_xml_library_version(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgXmlReader, exg_xml_reader_free)

#endif
