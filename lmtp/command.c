#include "lmtp/command.h"

#include "common/base/error.h"
#include "common/mime/address.h"
#include "lmtp/reply.h"

#include <string.h>

/* What is left of the line. It is not zero-terminated. */
typedef struct {
    const char *at, *end;
} Rest;

typedef bool (*ParseFunc)(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply);

static bool
refuse(ExgLmtpReply *reply, int code, const char *enhanced, const char *text)
{
    exg_lmtp_reply_set(reply, code, enhanced, "%s", text);
    return false;
}

static void
skip_spaces(Rest *rest)
{
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t'))
        rest->at++;
}

/* The next word, up to a space; its length may be 0. */
static Rest
take_word(Rest *rest)
{
    skip_spaces(rest);
    Rest word = {.at = rest->at};
    while (rest->at < rest->end && *rest->at != ' ' && *rest->at != '\t')
        rest->at++;
    word.end = rest->at;
    return word;
}

static bool
equals(const Rest *text, const char *expected)
{
    gsize length = (gsize)(text->end - text->at);
    return length == strlen(expected) && g_ascii_strncasecmp(text->at, expected, length) == 0;
}

/* Splits "KEY=VALUE"; false if there is no "=". `text` becomes the key. */
static bool
split_value(Rest *text, Rest *ret_value)
{
    const char *equal = memchr(text->at, '=', (gsize)(text->end - text->at));
    if (equal == NULL)
        return false;
    *ret_value = (Rest){equal + 1, text->end};
    text->end = equal;
    return true;
}

/* RFC 1870 allows 20 digits; what does not fit is larger than anything. */
static bool
parse_number(const Rest *text, guint64 *ret_number)
{
    if (text->at == text->end || text->end - text->at > 20)
        return false;
    guint64 number = 0;
    for (const char *at = text->at; at < text->end; at++) {
        if (!g_ascii_isdigit(*at))
            return false;
        guint64 digit = (guint64)(*at - '0');
        number = number > (G_MAXUINT64 - digit) / 10 ? G_MAXUINT64 : number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

/* What goes into a header or a log: the characters that mean something there become "?". */
static char
neuter(char c)
{
    return g_ascii_isgraph(c) && strchr("<>()\\\";@", c) == NULL ? c : '?';
}

/* --- the commands ----------------------------------------------------------------------------- */

static bool
parse_nothing(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    return rest->at == rest->end || refuse(reply, 501, "5.5.4", "This command takes no parameter");
}

static bool
parse_anything(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    return true;
}

static bool
parse_something(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    return rest->at < rest->end || refuse(reply, 501, "5.5.4", "This command needs a parameter");
}

static bool
parse_lhlo(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    Rest name = take_word(rest);
    gsize length = (gsize)(name.end - name.at);
    if (length == 0 || length > EXG_LMTP_ARGUMENT_MAX_BYTES || rest->at != rest->end)
        return refuse(reply, 501, "5.5.4", "Syntax: LHLO hostname");
    /* Whatever an MTA believes to be its name, it is not worth refusing its mail. */
    command->name = g_strndup(name.at, length);
    for (char *at = command->name; *at != '\0'; at++)
        *at = neuter(*at);
    return true;
}

static bool
parse_helo(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    return refuse(reply, 500, "5.5.1", "This is an LMTP server, say LHLO");
}

/* Takes `keyword` (such as "FROM:") and the path after it. */
static bool
parse_path(Rest *rest, const char *keyword, const char *enhanced, ExgLmtpCommand *command,
           ExgLmtpReply *reply)
{
    gsize length = strlen(keyword);
    if ((gsize)(rest->end - rest->at) < length ||
        g_ascii_strncasecmp(rest->at, keyword, length) != 0) {
        exg_lmtp_reply_set(reply, 501, "5.5.2", "Syntax: %s<address>", keyword);
        return false;
    }
    rest->at += length;
    skip_spaces(rest);

    g_autoptr(GError) error = NULL;
    gsize used = 0;
    if (!exg_address_parse_path(rest->at, (gsize)(rest->end - rest->at), true, &command->address,
                                &used, &error))
        return refuse(reply, 501, enhanced, error->message);
    rest->at += used;
    return true;
}

/* --- parameters of MAIL ------------------------------------------------------------------------ */

static bool
parse_size(const Rest *value, ExgLmtpCommand *command)
{
    return value != NULL && parse_number(value, &command->size);
}

static bool
parse_body(const Rest *value, ExgLmtpCommand *command)
{
    command->eight_bit = value != NULL && equals(value, "8BITMIME");
    return command->eight_bit || (value != NULL && equals(value, "7BIT"));
}

static bool
parse_smtputf8(const Rest *value, ExgLmtpCommand *command)
{
    command->utf8 = true;
    return value == NULL;
}

static const struct {
    const char *name;
    bool (*parse)(const Rest *value, ExgLmtpCommand *command);
} mail_parameters[] = {{"SIZE", parse_size}, {"BODY", parse_body}, {"SMTPUTF8", parse_smtputf8}};

static bool
parse_mail_parameters(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    guint seen = 0;
    for (Rest key = take_word(rest); key.at < key.end; key = take_word(rest)) {
        Rest value;
        bool has_value = split_value(&key, &value);
        guint i = 0;
        while (i < G_N_ELEMENTS(mail_parameters) && !equals(&key, mail_parameters[i].name))
            i++;
        if (i == G_N_ELEMENTS(mail_parameters))
            return refuse(reply, 555, "5.5.4", "Unknown parameter of MAIL");
        if (seen & (1u << i) || !mail_parameters[i].parse(has_value ? &value : NULL, command)) {
            exg_lmtp_reply_set(reply, 501, "5.5.4", "Bad value of %s", mail_parameters[i].name);
            return false;
        }
        seen |= 1u << i;
    }
    return true;
}

static bool
parse_mail(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    if (!parse_path(rest, "FROM:", "5.1.7", command, reply) ||
        !parse_mail_parameters(rest, command, reply))
        return false;
    if (exg_address_is_utf8(command->address) && !command->utf8)
        return refuse(reply, 553, "5.6.7", "This address needs SMTPUTF8");
    return true;
}

static bool
parse_rcpt(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    if (!parse_path(rest, "TO:", "5.1.3", command, reply))
        return false;
    if (command->address[0] == '\0')
        return refuse(reply, 501, "5.1.3", "A recipient cannot be empty");
    skip_spaces(rest);
    if (rest->at < rest->end)
        return refuse(reply, 555, "5.5.4", "Unknown parameter of RCPT");
    command->utf8 = exg_address_is_utf8(command->address);
    return true;
}

static bool
parse_bdat(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    Rest size = take_word(rest);
    return parse_number(&size, &command->size) ||
           refuse(reply, 501, "5.5.4", "Syntax: BDAT size [LAST]");
}

/* --- XFORWARD --------------------------------------------------------------------------------- */

static const char *const forward_names[EXG_LMTP_N_FORWARDS] = {
    [EXG_LMTP_FORWARD_NAME] = "NAME",     [EXG_LMTP_FORWARD_ADDR] = "ADDR",
    [EXG_LMTP_FORWARD_PORT] = "PORT",     [EXG_LMTP_FORWARD_PROTO] = "PROTO",
    [EXG_LMTP_FORWARD_HELO] = "HELO",     [EXG_LMTP_FORWARD_IDENT] = "IDENT",
    [EXG_LMTP_FORWARD_SOURCE] = "SOURCE",
};

/* NULL if it is no xtext. */
static char *
decode_xtext(const Rest *text)
{
    gsize length = (gsize)(text->end - text->at);
    if (length == 0 || length > 3 * EXG_LMTP_ARGUMENT_MAX_BYTES)
        return NULL;
    g_autoptr(GString) decoded = g_string_sized_new(length);
    for (const char *at = text->at; at < text->end; at++) {
        char c = *at;
        if (c == '+') {
            if (text->end - at < 3 || !g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2]))
                return NULL;
            c = (char)(g_ascii_xdigit_value(at[1]) * 16 + g_ascii_xdigit_value(at[2]));
            at += 2;
        } else if (!g_ascii_isgraph(c) || c == '=') {
            return NULL;
        }
        g_string_append_c(decoded, neuter(c));
    }
    if (decoded->len > EXG_LMTP_ARGUMENT_MAX_BYTES)
        return NULL;
    return g_string_free(g_steal_pointer(&decoded), FALSE);
}

static bool
parse_forward_attribute(Rest *key, const Rest *value, ExgLmtpCommand *command)
{
    guint i = 0;
    while (i < EXG_LMTP_N_FORWARDS && !equals(key, forward_names[i]))
        i++;
    if (i == EXG_LMTP_N_FORWARDS || command->forward_given[i])
        return false;
    g_autofree char *text = decode_xtext(value);
    if (text == NULL)
        return false;
    command->forward_given[i] = true;
    if (g_ascii_strcasecmp(text, "[UNAVAILABLE]") == 0 ||
        g_ascii_strcasecmp(text, "[TEMPUNAVAIL]") == 0)
        return true;
    if (i == EXG_LMTP_FORWARD_ADDR && g_ascii_strncasecmp(text, "IPV6:", 5) == 0)
        command->forward[i] = g_strdup(text + 5);
    else
        command->forward[i] = g_steal_pointer(&text);
    return true;
}

static bool
parse_xforward(Rest *rest, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    if (rest->at == rest->end)
        return refuse(reply, 501, "5.5.4", "Syntax: XFORWARD attribute=value ...");
    for (Rest key = take_word(rest); key.at < key.end; key = take_word(rest)) {
        Rest value;
        if (!split_value(&key, &value) || !parse_forward_attribute(&key, &value, command))
            return refuse(reply, 501, "5.5.4", "Bad attribute of XFORWARD");
    }
    return true;
}

/* --- a line ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    ExgLmtpVerb verb;
    ParseFunc parse;
} verbs[] = {
    {"LHLO", EXG_LMTP_LHLO, parse_lhlo},     {"HELO", EXG_LMTP_LHLO, parse_helo},
    {"EHLO", EXG_LMTP_LHLO, parse_helo},     {"XFORWARD", EXG_LMTP_XFORWARD, parse_xforward},
    {"MAIL", EXG_LMTP_MAIL, parse_mail},     {"RCPT", EXG_LMTP_RCPT, parse_rcpt},
    {"DATA", EXG_LMTP_DATA, parse_nothing},  {"RSET", EXG_LMTP_RSET, parse_nothing},
    {"NOOP", EXG_LMTP_NOOP, parse_anything}, {"VRFY", EXG_LMTP_VRFY, parse_something},
    {"HELP", EXG_LMTP_HELP, parse_anything}, {"QUIT", EXG_LMTP_QUIT, parse_nothing},
    {"BDAT", EXG_LMTP_BDAT, parse_bdat},
};

bool
exg_lmtp_command_parse(const char *line, gsize length, ExgLmtpCommand *ret_command,
                       ExgLmtpReply *ret_reply)
{
    if (memchr(line, '\0', length) != NULL || memchr(line, '\r', length) != NULL)
        return refuse(ret_reply, 500, "5.5.2", "Control character in a command");
    Rest rest = {line, line + length};
    while (rest.end > rest.at && (rest.end[-1] == ' ' || rest.end[-1] == '\t'))
        rest.end--;

    Rest word = {.at = rest.at};
    while (rest.at < rest.end && g_ascii_isalpha(*rest.at))
        rest.at++;
    word.end = rest.at;
    if (rest.at < rest.end && *rest.at != ' ' && *rest.at != '\t')
        return refuse(ret_reply, 500, "5.5.1", "Unknown command");
    skip_spaces(&rest);
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (!equals(&word, verbs[i].name))
            continue;
        g_auto(ExgLmtpCommand) command = {.verb = verbs[i].verb};
        if (!verbs[i].parse(&rest, &command, ret_reply))
            return false;
        *ret_command = command;
        command = (ExgLmtpCommand){.verb = 0};
        return true;
    }
    return refuse(ret_reply, 500, "5.5.1", "Unknown command");
}

void
exg_lmtp_command_clear(ExgLmtpCommand *command)
{
    g_free(command->name);
    g_free(command->address);
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++)
        g_free(command->forward[i]);
    *command = (ExgLmtpCommand){.verb = 0};
}
