/* filter-private.h - what stands between the network and libxml2: mends what Exchange gets wrong,
 * stops what nobody should send.
 *
 * A lexer that knows text from tags, CDATA sections, comments and processing instructions, and
 * keeps its place across portions of any size. In text and attribute values, a forbidden character
 * (raw, or as a reference of any length such as &#x0000000003;) becomes U+FFFD. A document type
 * declaration, another encoding than UTF-8 (seen or declared), a control character inside markup, a
 * malformed character reference and an over-long or over-full tag are faults. libxml2 compares each
 * attribute of a tag with each other, and looks through an unfinished tag again for every portion,
 * so both must be bounded before it sees them; and it would convert from any encoding that it is
 * told of, saying on standard error what it could not convert.
 *
 * Whether the document is well-formed is left to libxml2.
 */
#ifndef EXG_XML_FILTER_PRIVATE_H
#define EXG_XML_FILTER_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

/* Output that one byte of input can cause, at most: a character reference written anew. */
#define EXG_XML_FILTER_STEP_BYTES 16

#define EXG_XML_FILTER_DECLARATION_BYTES 128

typedef struct {
    int state;
    int reference;           /* inside a reference: which part of it */
    guint32 value;           /* of the character reference so far */
    guint matched;           /* of "[CDATA[", or of the byte order mark */
    guint nonchar;           /* bytes seen of the UTF-8 form of U+FFFE or U+FFFF */
    guint attributes;        /* of this tag */
    guint attributes_max;
    gsize tag_bytes;         /* of this tag */
    guint64 bytes;           /* of input so far */
    bool declares;           /* no other markup came before: this may be the XML declaration */
    gsize declaration_length;
    char declaration[EXG_XML_FILTER_DECLARATION_BYTES + 1]; /* its text so far */
    char fault[96];          /* why the document must be refused; "": no reason so far */
} ExgXmlFilter;

void exg_xml_filter_init(ExgXmlFilter *filter, guint attributes_max);
/* Answers how much of the input is done with: less than all if the output is full or there is a
 * fault. `room` is at least EXG_XML_FILTER_STEP_BYTES. */
gsize exg_xml_filter_run(ExgXmlFilter *filter, const char *input, gsize length, char *output,
                         gsize room, gsize *ret_written);
/* Whether the input may end here. */
bool exg_xml_filter_is_idle(const ExgXmlFilter *filter);

#endif
