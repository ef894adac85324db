#include "common/mime/header-scanner-private.h"

#include "common/mime/address.h"
#include "common/mime/date.h"
#include "common/mime/message.h"

#include <string.h>

#define NAME_MAX_BYTES                                                                             \
    256 /* with white space before the colon; a longer line without one is body */
#define VALUE_MAX_BYTES      1200
#define MESSAGE_ID_MAX_BYTES 998

#define KEEP (EXG_HEADER_CARRY | EXG_HEADER_HASH)

typedef enum {
    OTHER,
    RECEIVED,
    MESSAGE_ID,
    DATE,
    DELIVERED_TO,
    RETURN_PATH,
    PER_ATTEMPT,
    MARK
} Field;

static const struct {
    const char *name;
    Field field;
} fields[] = {
    {"Received", RECEIVED},         {"Message-ID", MESSAGE_ID},     {"Date", DATE},
    {"Delivered-To", DELIVERED_TO}, {"Return-Path", RETURN_PATH},   {"X-Original-To", PER_ATTEMPT},
    {"Envelope-To", PER_ATTEMPT},   {"Delivery-Date", PER_ATTEMPT},
};

static const guint uses[] = {
    [OTHER] = KEEP,
    [RECEIVED] = KEEP,
    [MESSAGE_ID] = KEEP,
    [DATE] = KEEP,
    [DELIVERED_TO] = EXG_HEADER_CARRY,
    [RETURN_PATH] = 0,
    [PER_ATTEMPT] = EXG_HEADER_CARRY,
    [MARK] = KEEP,
};

typedef enum {
    LINE_START,
    NAME,       /* in a field's name */
    NAME_SPACE, /* in white space behind it */
    EMPTY_LINE, /* a CR at the start of a line */
    VALUE,
    BODY
} State;

struct ExgHeaderScanner {
    ExgHeaderMarks *marks; /* or NULL */
    ExgHeaderFunc function;
    gpointer data;
    State state;
    guint64 seen; /* bytes up to the current piece of content */
    bool in_field;
    Field field;
    const char *mark; /* MARK: the field's name */
    bool collects;    /* the field's value is of use */
    char held[NAME_MAX_BYTES];
    gsize held_length, name_length;
    char value[VALUE_MAX_BYTES];
    gsize value_length;
    bool value_cut; /* it was longer */
    bool has_mark;  /* a ";" came before the value (Received) */
    ExgHeaderFacts facts;
};

ExgHeaderScanner *
exg_header_scanner_new(ExgHeaderMarks *marks, ExgHeaderFunc function, gpointer data)
{
    ExgHeaderScanner *scanner = g_new0(ExgHeaderScanner, 1);
    scanner->marks = marks != NULL ? exg_header_marks_ref(marks) : NULL;
    scanner->function = function;
    scanner->data = data;
    scanner->facts.received_time = -1;
    return scanner;
}

void
exg_header_scanner_free(ExgHeaderScanner *scanner)
{
    if (scanner == NULL)
        return;
    exg_header_facts_clear(&scanner->facts);
    exg_header_marks_unref(scanner->marks);
    g_free(scanner);
}

void
exg_header_facts_clear(ExgHeaderFacts *facts)
{
    g_clear_pointer(&facts->message_id, g_free);
    g_clear_pointer(&facts->delivered_to, g_ptr_array_unref);
}

/* --- values ----------------------------------------------------------------------------------- */

static void
collect(ExgHeaderScanner *scanner, const char *bytes, gsize length)
{
    if (scanner->field == RECEIVED) {
        const char *mark = memrchr(bytes, ';', length);
        if (mark != NULL) {
            length -= (gsize)(mark + 1 - bytes);
            bytes = mark + 1;
            scanner->has_mark = true;
            scanner->value_cut = false;
            scanner->value_length = 0;
        }
    }
    for (gsize i = 0; i < length; i++) {
        if (bytes[i] == '\r' || bytes[i] == '\n')
            continue;
        if (scanner->value_length == VALUE_MAX_BYTES) {
            scanner->value_cut = true;
            return;
        }
        scanner->value[scanner->value_length++] = bytes[i];
    }
}

static void
read_received(ExgHeaderScanner *scanner)
{
    gint64 seconds;
    if (scanner->has_mark && !scanner->value_cut &&
        exg_date_parse(scanner->value, scanner->value_length, &seconds) && seconds >= 0)
        scanner->facts.received_time = seconds;
}

static void
read_message_id(ExgHeaderScanner *scanner)
{
    const char *open = memchr(scanner->value, '<', scanner->value_length);
    gsize left = open != NULL ? scanner->value_length - (gsize)(open - scanner->value) : 0;
    const char *close = open != NULL ? memchr(open, '>', left) : NULL;
    if (close == NULL)
        return;
    gsize length = (gsize)(close + 1 - open);
    if (length <= 2 || length > MESSAGE_ID_MAX_BYTES ||
        !g_utf8_validate(open, (gssize)length, NULL))
        return;
    for (const char *at = open; at < close; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return;
    scanner->facts.message_id = g_strndup(open, length);
}

static void
read_delivered_to(ExgHeaderScanner *scanner)
{
    const char *start = scanner->value;
    gsize length = scanner->value_length, used;
    while (length > 0 && g_ascii_isspace(*start)) {
        start++;
        length--;
    }
    while (length > 0 && g_ascii_isspace(start[length - 1]))
        length--;
    g_autofree char *address = NULL;
    if (scanner->value_cut || !exg_address_parse_path(start, length, true, &address, &used, NULL) ||
        used != length || *address == '\0')
        return;
    if (scanner->facts.delivered_to == NULL)
        scanner->facts.delivered_to = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(scanner->facts.delivered_to, exg_address_fold(address));
}

/* --- fields ----------------------------------------------------------------------------------- */

static void
begin_field(ExgHeaderScanner *scanner, Field field)
{
    ExgHeaderFacts *facts = &scanner->facts;
    scanner->in_field = true;
    scanner->field = field;
    scanner->value_length = 0;
    scanner->value_cut = scanner->has_mark = false;
    scanner->collects = false;
    if (field == RECEIVED) {
        scanner->collects = facts->hops++ == 0;
    } else if (field == MESSAGE_ID) {
        scanner->collects = facts->message_id == NULL;
        facts->has_message_id = true;
    } else if (field == DELIVERED_TO) {
        scanner->collects = facts->delivered_to == NULL ||
                            facts->delivered_to->len < EXG_MESSAGE_MAX_DELIVERED_TO;
    } else if (field == MARK) {
        scanner->collects = !facts->is_marked;
    } else if (field == DATE) {
        facts->has_date = true;
    }
}

static void
end_field(ExgHeaderScanner *scanner)
{
    if (scanner->in_field && scanner->collects) {
        if (scanner->field == RECEIVED)
            read_received(scanner);
        else if (scanner->field == MESSAGE_ID)
            read_message_id(scanner);
        else if (scanner->field == MARK)
            scanner->facts.is_marked = exg_header_marks_fit(scanner->marks, scanner->mark,
                                                            scanner->value, scanner->value_length);
        else
            read_delivered_to(scanner);
    }
    scanner->in_field = false;
}

static Field
field_named(ExgHeaderScanner *scanner, const char *name, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
        if (strlen(fields[i].name) == length &&
            g_ascii_strncasecmp(fields[i].name, name, length) == 0)
            return fields[i].field;
    scanner->mark = exg_header_marks_field(scanner->marks, name, length);
    return scanner->mark != NULL ? MARK : OTHER;
}

static void
release(ExgHeaderScanner *scanner, guint use)
{
    if (scanner->held_length > 0)
        scanner->function(scanner->held, scanner->held_length, use, scanner->data);
    scanner->held_length = 0;
}

static void
enter_body(ExgHeaderScanner *scanner)
{
    end_field(scanner);
    release(scanner, KEEP);
    scanner->state = BODY;
}

static void
enter_value(ExgHeaderScanner *scanner, Field field)
{
    end_field(scanner);
    begin_field(scanner, field);
    release(scanner, uses[field]);
    scanner->state = VALUE;
}

static bool
is_name_char(char c)
{
    return c > ' ' && c < 0x7f && c != ':';
}

static bool
is_mbox_line(const ExgHeaderScanner *scanner)
{
    return scanner->seen == scanner->held_length && scanner->held_length >= 5 &&
           memcmp(scanner->held, "From ", 5) == 0;
}

/* One byte of a line that is not yet known to be a field. False: another state has to take it. */
static bool
take_line_start(ExgHeaderScanner *scanner, char c)
{
    bool is_blank = c == ' ' || c == '\t';
    if (scanner->state == LINE_START) {
        if (is_blank && scanner->in_field) {
            scanner->state = VALUE;
            return false;
        }
        if (scanner->seen >= EXG_MESSAGE_MAX_HEADER_BYTES || (!is_name_char(c) && c != '\r')) {
            enter_body(scanner);
            return false;
        }
        end_field(scanner);
        scanner->state = c == '\r' ? EMPTY_LINE : NAME;
        scanner->name_length = 0;
    } else if (scanner->state == EMPTY_LINE || scanner->held_length == NAME_MAX_BYTES) {
        enter_body(scanner);
        return false;
    } else if (c == ':') {
        scanner->held[scanner->held_length++] = c;
        enter_value(scanner, field_named(scanner, scanner->held, scanner->name_length));
        return true;
    } else if (is_blank) {
        scanner->state = NAME_SPACE;
    } else if (scanner->state == NAME_SPACE || !is_name_char(c)) {
        if (is_mbox_line(scanner))
            enter_value(scanner, OTHER);
        else
            enter_body(scanner);
        return false;
    }
    scanner->held[scanner->held_length++] = c;
    scanner->name_length += scanner->state == NAME ? 1 : 0;
    return true;
}

/* --- the stream ------------------------------------------------------------------------------- */

void
exg_header_scanner_feed(ExgHeaderScanner *scanner, const char *content, gsize length)
{
    const char *at = content, *end = content + length;
    while (at < end) {
        if (scanner->state == BODY) {
            scanner->function(at, (gsize)(end - at), KEEP, scanner->data);
            return;
        }
        if (scanner->state != VALUE) {
            if (take_line_start(scanner, *at)) {
                at++;
                scanner->seen++;
            }
            continue;
        }
        const char *lf = memchr(at, '\n', (gsize)(end - at));
        gsize piece = (gsize)((lf != NULL ? lf + 1 : end) - at);
        if (scanner->collects)
            collect(scanner, at, piece);
        scanner->function(at, piece, uses[scanner->field], scanner->data);
        scanner->seen += piece;
        at += piece;
        if (lf != NULL)
            scanner->state = LINE_START;
    }
}

void
exg_header_scanner_finish(ExgHeaderScanner *scanner, ExgHeaderFacts *ret_facts)
{
    enter_body(scanner);
    *ret_facts = scanner->facts;
    memset(&scanner->facts, 0, sizeof scanner->facts);
}
