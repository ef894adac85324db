/* writer.h - builds an XML document as text.
 *
 * Names are static strings of the program, written as they are; values are escaped. A character
 * that XML 1.0 cannot carry (controls, lone surrogates, invalid UTF-8) becomes U+FFFD, so what is
 * written is always well-formed.
 *
 * Threads:  one at a time.
 * Source:   XML 1.0 (Fifth Edition) 2.2, 2.4.
 */
#ifndef EXG_XML_WRITER_H
#define EXG_XML_WRITER_H

#include <glib.h>

typedef struct {
    GString *text;
    GPtrArray *open;    /* names of the elements not yet closed */
    gboolean tag_open;  /* the start tag's ">" is still to be written */
} ExgXmlWriter;

/* Begins with the XML declaration. */
void exg_xml_writer_init(ExgXmlWriter *writer);
void exg_xml_writer_clear(ExgXmlWriter *writer);

void exg_xml_start(ExgXmlWriter *writer, const char *name);
/* Between exg_xml_start() and the first content. */
void exg_xml_attribute(ExgXmlWriter *writer, const char *name, const char *value);
void exg_xml_text(ExgXmlWriter *writer, const char *value);
/* Closes the element opened last. */
void exg_xml_end(ExgXmlWriter *writer);
/* start, text, end */
void exg_xml_element(ExgXmlWriter *writer, const char *name, const char *value);
/* Where the text stands now, with the open tag closed: to splice in content that is streamed. */
gsize exg_xml_position(ExgXmlWriter *writer);
/* Closes all that is open and hands the text over. */
char *exg_xml_writer_steal(ExgXmlWriter *writer, gsize *ret_length);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgXmlWriter, exg_xml_writer_clear)

#endif
