#include "common/xml/filter-private.h"

#include "common/xml/reader.h"

#include <string.h>

enum {
    START, /* before the first byte, and in the byte order mark */
    TEXT,
    LESS, /* < */
    BANG, /* <! */
    BANG_DASH,
    COMMENT,
    COMMENT_DASH,
    COMMENT_DASHES,
    CDATA_OPENING,
    CDATA,
    CDATA_BRACKET,
    CDATA_BRACKETS,
    INSTRUCTION,
    INSTRUCTION_MARK, /* ? */
    TAG,
    DOUBLE_QUOTED,
    SINGLE_QUOTED
};

enum { NO_REFERENCE, AMPERSAND, HASH, DECIMAL, HASH_X, HEXADECIMAL };

#define REPLACEMENT "\xef\xbf\xbd"
static const char mark[] = {'\xef', '\xbb', '\xbf'};
static const char cdata_opening[] = "[CDATA[";

typedef struct {
    char *at;
    gsize used;
} Output;

void
exg_xml_filter_init(ExgXmlFilter *filter, guint attributes_max)
{
    *filter = (ExgXmlFilter){.state = START, .attributes_max = attributes_max, .declares = true};
}

bool
exg_xml_filter_is_idle(const ExgXmlFilter *filter)
{
    return filter->state == TEXT && filter->reference == NO_REFERENCE && filter->nonchar == 0;
}

static void
emit(Output *output, const char *text, gsize length)
{
    memcpy(output->at + output->used, text, length);
    output->used += length;
}

static void
emit_byte(Output *output, guchar byte)
{
    output->at[output->used++] = (char)byte;
}

static void
fail(ExgXmlFilter *filter, const char *reason)
{
    if (filter->fault[0] == '\0')
        g_strlcpy(filter->fault, reason, sizeof filter->fault);
}

static bool
is_control(guchar byte)
{
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
}

/* XML 1.0 2.2 */
static bool
is_char(guint32 c)
{
    return (c >= 0x20 && c < 0xd800) || (c >= 0xe000 && c < 0xfffe) ||
           (c >= 0x10000 && c < 0x110000) || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes that mean something in some state, or are not allowed in any. */
static const bool special[256] = {
    [0 ... '\t' - 1] = true,
    ['\n' + 1 ... '\r' - 1] = true,
    ['\r' + 1 ... 0x1f] = true,
    ['&'] = true,
    ['<'] = true,
    ['>'] = true,
    ['"'] = true,
    ['\''] = true,
    [']'] = true,
    ['-'] = true,
    ['?'] = true,
    [0xef] = true,
};

static bool
in_content(const ExgXmlFilter *filter)
{
    switch (filter->state) {
    case START:
    case LESS:
    case BANG:
    case BANG_DASH:
    case CDATA_OPENING:
    case TAG:
        return false;
    default:
        return true;
    }
}

static bool
in_tag(const ExgXmlFilter *filter)
{
    return filter->state >= TAG;
}

/* Digits are counted into a value, not kept: a reference may have any number of them. */
static void
add_digit(ExgXmlFilter *filter, guint base, int digit)
{
    if (filter->value < 0x110000)
        filter->value = filter->value * base + (guint)digit;
}

static void
end_reference(ExgXmlFilter *filter, Output *output)
{
    filter->reference = NO_REFERENCE;
    if (is_char(filter->value)) {
        char text[EXG_XML_FILTER_STEP_BYTES];
        emit(output, text, (gsize)g_snprintf(text, sizeof text, "&#x%X;", filter->value));
    } else {
        emit(output, REPLACEMENT, 3);
    }
}

/* A byte after an ampersand. Answers false if it is not part of a character reference and still
 * to be looked at. */
static bool
step_reference(ExgXmlFilter *filter, guchar byte, Output *output)
{
    bool first = filter->reference == HASH || filter->reference == HASH_X;
    if (filter->reference == AMPERSAND) {
        if (byte == '#') {
            filter->reference = HASH;
            filter->value = 0;
            return true;
        }
        filter->reference = NO_REFERENCE;
        emit_byte(output, '&');
        return false;
    }
    if (filter->reference == HASH && byte == 'x') {
        filter->reference = HASH_X;
    } else if ((filter->reference == HASH || filter->reference == DECIMAL) &&
               g_ascii_isdigit(byte)) {
        filter->reference = DECIMAL;
        add_digit(filter, 10, g_ascii_digit_value((char)byte));
    } else if ((filter->reference == HASH_X || filter->reference == HEXADECIMAL) &&
               g_ascii_isxdigit(byte)) {
        filter->reference = HEXADECIMAL;
        add_digit(filter, 16, g_ascii_xdigit_value((char)byte));
    } else if (byte == ';' && !first) {
        end_reference(filter, output);
    } else {
        fail(filter, "malformed character reference");
    }
    return true;
}

static void
step_start(ExgXmlFilter *filter, guchar byte)
{
    if (byte == (guchar)mark[filter->matched]) {
        if (++filter->matched == sizeof mark)
            filter->state = TEXT;
    } else if (byte == 0xfe || byte == 0xff) {
        fail(filter, "the encoding is UTF-16, not UTF-8");
    } else {
        fail(filter, "the document does not begin with markup");
    }
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of encoding= in an XML declaration, up to its quote; NULL if there is none. */
static const char *
find_encoding(const char *declaration)
{
    const char *at = strstr(declaration, "encoding");
    if (at == NULL)
        return NULL;
    at += strlen("encoding");
    at += strspn(at, " \t\r\n");
    if (*at != '=')
        return NULL;
    at++;
    at += strspn(at, " \t\r\n");
    return *at == '"' || *at == '\'' ? at + 1 : NULL;
}

static void
check_declaration(ExgXmlFilter *filter)
{
    static const char *const fine[] = {"UTF-8", "UTF8", "US-ASCII"};
    const char *text = filter->declaration;
    filter->declares = false;
    if (!g_str_has_prefix(text, "xml") || !is_blank(text[3]))
        return;
    if (filter->declaration_length == EXG_XML_FILTER_DECLARATION_BYTES)
        fail(filter, "the XML declaration is too long");
    const char *name = find_encoding(text);
    gsize length = name != NULL ? strcspn(name, "\"'") : 0;
    for (gsize i = 0; i < G_N_ELEMENTS(fine); i++)
        if (strlen(fine[i]) == length && g_ascii_strncasecmp(name, fine[i], length) == 0)
            return;
    if (name != NULL)
        fail(filter, "the document declares another encoding than UTF-8");
}

/* Inside a processing instruction in front of everything. */
static void
step_declares(ExgXmlFilter *filter, guchar byte)
{
    if (filter->state == TEXT)
        check_declaration(filter);
    else if (filter->declaration_length < EXG_XML_FILTER_DECLARATION_BYTES)
        filter->declaration[filter->declaration_length++] = (char)byte;
}

static void
begin_attribute(ExgXmlFilter *filter, int state)
{
    filter->state = state;
    if (++filter->attributes > filter->attributes_max && filter->fault[0] == '\0')
        g_snprintf(filter->fault, sizeof filter->fault, "an element has more than %u attributes",
                   filter->attributes_max);
}

static void
step_declaration(ExgXmlFilter *filter, guchar byte)
{
    switch (filter->state) {
    case BANG:
        filter->state = byte == '-' ? BANG_DASH : CDATA_OPENING;
        filter->matched = 1;
        if (byte != '-' && byte != '[')
            fail(filter, "a document type declaration is not accepted");
        break;
    case BANG_DASH:
        filter->state = COMMENT;
        if (byte != '-')
            fail(filter, "malformed comment");
        break;
    case CDATA_OPENING:
        if (byte != (guchar)cdata_opening[filter->matched])
            fail(filter, "malformed CDATA section");
        else if (cdata_opening[++filter->matched] == '\0')
            filter->state = CDATA;
        break;
    }
}

/* The middle of a construct that ends with `mark` twice (or once) and ">". */
static void
step_until(ExgXmlFilter *filter, guchar byte, guchar end, int inside, int once, int twice)
{
    if (byte == '>' && filter->state == twice)
        filter->state = TEXT;
    else if (byte != end)
        filter->state = inside;
    else
        filter->state = filter->state == inside ? once : twice;
}

static void
step_state(ExgXmlFilter *filter, guchar byte)
{
    switch (filter->state) {
    case TEXT:
        filter->state = byte == '<' ? LESS : TEXT;
        filter->reference = byte == '&' ? AMPERSAND : NO_REFERENCE;
        break;
    case LESS:
        filter->state = byte == '!' ? BANG : byte == '?' ? INSTRUCTION : TAG;
        filter->declares = filter->declares && byte == '?';
        filter->attributes = 0;
        filter->tag_bytes = 0;
        break;
    case BANG:
    case BANG_DASH:
    case CDATA_OPENING:
        step_declaration(filter, byte);
        break;
    case COMMENT:
    case COMMENT_DASH:
    case COMMENT_DASHES:
        step_until(filter, byte, '-', COMMENT, COMMENT_DASH, COMMENT_DASHES);
        break;
    case CDATA:
    case CDATA_BRACKET:
    case CDATA_BRACKETS:
        step_until(filter, byte, ']', CDATA, CDATA_BRACKET, CDATA_BRACKETS);
        break;
    case INSTRUCTION:
    case INSTRUCTION_MARK:
        step_until(filter, byte, '?', INSTRUCTION, INSTRUCTION_MARK, INSTRUCTION_MARK);
        if (filter->declares)
            step_declares(filter, byte);
        break;
    case TAG:
        if (byte == '"' || byte == '\'')
            begin_attribute(filter, byte == '"' ? DOUBLE_QUOTED : SINGLE_QUOTED);
        else if (byte == '>')
            filter->state = TEXT;
        break;
    case DOUBLE_QUOTED:
    case SINGLE_QUOTED:
        if (byte == (filter->state == DOUBLE_QUOTED ? '"' : '\''))
            filter->state = TAG;
        else
            filter->reference = byte == '&' ? AMPERSAND : NO_REFERENCE;
        break;
    }
}

/* U+FFFE and U+FFFF are EF BF BE and EF BF BF; their last byte is changed to that of U+FFFD. */
static guchar
mend_nonchar(ExgXmlFilter *filter, guchar byte)
{
    if (filter->nonchar == 2) {
        filter->nonchar = 0;
        if (byte == 0xbe || byte == 0xbf) {
            if (!in_content(filter))
                fail(filter, "forbidden character in markup");
            return 0xbd;
        }
    }
    if (byte == 0xef)
        filter->nonchar = 1;
    else
        filter->nonchar = filter->nonchar == 1 && byte == 0xbf ? 2 : 0;
    return byte;
}

static void
count_tag_bytes(ExgXmlFilter *filter, gsize count)
{
    if (!in_tag(filter))
        return;
    filter->tag_bytes += count;
    if (filter->tag_bytes > EXG_XML_MAX_TAG_BYTES && filter->fault[0] == '\0')
        g_snprintf(filter->fault, sizeof filter->fault, "a tag is longer than %d bytes",
                   EXG_XML_MAX_TAG_BYTES);
}

static void
step(ExgXmlFilter *filter, guchar byte, Output *output)
{
    if (filter->bytes < 2 && byte == 0) {
        fail(filter, "the encoding is UTF-16 or UTF-32, not UTF-8");
        return;
    }
    if (filter->state == START) {
        if (filter->matched > 0 || byte >= 0x80) {
            step_start(filter, byte);
            return;
        }
        filter->state = TEXT;
    }
    count_tag_bytes(filter, 1);
    if (filter->reference != NO_REFERENCE && step_reference(filter, byte, output))
        return;
    if (is_control(byte)) {
        if (!in_content(filter)) {
            fail(filter, "control character in markup");
            return;
        }
        filter->nonchar = 0;
        step_state(filter, ' ');
        emit(output, REPLACEMENT, 3);
        return;
    }
    byte = mend_nonchar(filter, byte);
    step_state(filter, byte);
    if (filter->reference == NO_REFERENCE && filter->fault[0] == '\0')
        emit_byte(output, byte);
}

static gsize
plain_run(const char *input, gsize length)
{
    gsize run = 0;
    while (run < length && !special[(guchar)input[run]])
        run++;
    return run;
}

/* Whether plain bytes leave the state as it is. */
static bool
is_steady(const ExgXmlFilter *filter)
{
    if (filter->reference != NO_REFERENCE || filter->nonchar != 0)
        return false;
    switch (filter->state) {
    case TEXT:
    case COMMENT:
    case CDATA:
    case TAG:
    case DOUBLE_QUOTED:
    case SINGLE_QUOTED:
        return true;
    case INSTRUCTION:
        return !filter->declares;
    default:
        return false;
    }
}

gsize
exg_xml_filter_run(ExgXmlFilter *filter, const char *input, gsize length, char *output, gsize room,
                   gsize *ret_written)
{
    Output out = {.at = output};
    gsize used = 0;
    while (used < length && out.used + EXG_XML_FILTER_STEP_BYTES <= room &&
           filter->fault[0] == '\0') {
        gsize run = 0;
        if (is_steady(filter))
            run = plain_run(input + used, MIN(length - used, room - out.used));
        if (run > 0) {
            count_tag_bytes(filter, run);
            emit(&out, input + used, run);
        } else {
            step(filter, (guchar)input[used], &out);
            run = 1;
        }
        used += run;
        filter->bytes += run;
    }
    *ret_written = out.used;
    return used;
}
