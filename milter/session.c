#include "milter/session.h"

#include "common/mime/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct ExgMilterSession {
    char *client;
    /* Of the message. */
    bool is_authenticated, is_skipped;
    char *sender;
    guint64 size_bytes;
    guint seen, unseen;
    char *description; /* of the first recipient that was looked at */
    guint counts[EXG_N_SITUATIONS];
    guint forged_headers;
    bool is_automatic, is_marked;
};

ExgMilterSession *
exg_milter_session_new(void)
{
    return g_new0(ExgMilterSession, 1);
}

void
exg_milter_session_free(ExgMilterSession *session)
{
    if (session == NULL)
        return;
    exg_milter_session_end(session);
    g_free(session->client);
    g_free(session);
}

/* --- the client ------------------------------------------------------------------------------- */

void
exg_milter_session_connect(ExgMilterSession *session, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    exg_milter_session_end(session);
    g_clear_pointer(&session->client, g_free);
    if (address != NULL && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
    else if (address != NULL && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
    session->client = text[0] != '\0' ? g_strdup(text) : NULL;
}

const char *
exg_milter_session_client(const ExgMilterSession *session)
{
    return session->client;
}

bool
exg_milter_session_is_authenticated(const ExgMilterSession *session)
{
    return session->is_authenticated;
}

/* --- the envelope ----------------------------------------------------------------------------- */

static char *
read_path(const char *text)
{
    char *address;
    gsize used, length = strlen(text);
    if (length > EXG_SESSION_ADDRESS_MAX_BYTES ||
        !exg_address_parse_path(text, length, true, &address, &used, NULL))
        return NULL;
    return address;
}

static guint64
read_size(char *const *parameters)
{
    for (; *parameters != NULL; parameters++)
        if (g_ascii_strncasecmp(*parameters, "SIZE=", 5) == 0 &&
            g_ascii_isdigit((*parameters)[5])) /* a number that is too large is a large number */
            return g_ascii_strtoull(*parameters + 5, NULL, 10);
    return 0;
}

void
exg_milter_session_begin(ExgMilterSession *session, char *const *arguments,
                         const char *client_address, const char *login)
{
    exg_milter_session_end(session);
    if (client_address != NULL) {
        g_free(session->client);
        session->client = g_strdup(client_address);
    }
    session->is_authenticated = login != NULL && login[0] != '\0';
    session->sender = read_path(arguments[0]);
    session->size_bytes = read_size(arguments + 1);
    session->is_automatic = session->sender != NULL && session->sender[0] == '\0';
}

void
exg_milter_session_end(ExgMilterSession *session)
{
    g_free(session->sender);
    g_free(session->description);
    *session = (ExgMilterSession){.client = session->client};
}

void
exg_milter_session_skip(ExgMilterSession *session)
{
    session->is_skipped = true;
}

bool
exg_milter_session_is_skipped(const ExgMilterSession *session)
{
    return session->is_skipped;
}

const char *
exg_milter_session_sender(const ExgMilterSession *session)
{
    return session->sender;
}

guint64
exg_milter_session_size(const ExgMilterSession *session)
{
    return session->size_bytes;
}

char *
exg_milter_session_read_recipient(const char *argument)
{
    g_autofree char *recipient = read_path(argument);
    return recipient != NULL && recipient[0] != '\0' ? g_steal_pointer(&recipient) : NULL;
}

/* --- its recipients --------------------------------------------------------------------------- */

void
exg_milter_session_add_recipient(ExgMilterSession *session, const char *recipient,
                                 ExgRecipientKind kind, const ExgDecision *decision)
{
    session->seen++;
    session->counts[decision->situation]++;
    if (session->seen > 1 || exg_address_is_utf8(recipient))
        return;
    session->description = g_strdup_printf("%s; %s; %s", recipient, exg_recipient_kind_name(kind),
                                           exg_situation_name(decision->situation));
}

void
exg_milter_session_add_unseen(ExgMilterSession *session)
{
    session->unseen++;
}

char *
exg_milter_session_describe(const ExgMilterSession *session)
{
    if (session->seen == 0)
        return NULL;
    if (session->seen + session->unseen == 1 && session->description != NULL)
        return g_strdup(session->description);
    GString *text = g_string_new(NULL);
    g_string_printf(text, "%u recipients", session->seen + session->unseen);
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        if (session->counts[i] > 0)
            g_string_append_printf(text, "; %s=%u", exg_situation_name((ExgSituation)i),
                                   session->counts[i]);
    if (session->unseen > 0)
        g_string_append_printf(text, "; unseen=%u", session->unseen);
    return g_string_free(text, FALSE);
}

/* --- its header ------------------------------------------------------------------------------- */

static bool
begins_with(const char *value, const char *word)
{
    value += strspn(value, " \t\r\n");
    return g_ascii_strncasecmp(value, word, strlen(word)) == 0;
}

static bool
tells_of_a_program(const char *name, const char *value)
{
    if (g_ascii_strcasecmp(name, "Auto-Submitted") == 0)
        return begins_with(value, "auto-");
    if (g_ascii_strcasecmp(name, "Precedence") == 0)
        return begins_with(value, "bulk") || begins_with(value, "junk") ||
               begins_with(value, "list") || begins_with(value, "auto_reply");
    return g_ascii_strcasecmp(name, "List-Id") == 0 ||
           g_ascii_strcasecmp(name, "List-Unsubscribe") == 0;
}

void
exg_milter_session_add_header(ExgMilterSession *session, const char *name, const char *value)
{
    g_autofree char *bare = g_strchomp(g_strdup(name)); /* "Name : value" */
    if (g_ascii_strcasecmp(bare, EXG_SESSION_RECIPIENT_FIELD) == 0)
        session->forged_headers++;
    if (g_ascii_strcasecmp(bare, EXG_SESSION_MARK_FIELD) == 0)
        session->is_marked = true;
    if (tells_of_a_program(bare, value))
        session->is_automatic = true;
}

guint
exg_milter_session_forged_headers(const ExgMilterSession *session)
{
    return session->forged_headers;
}

bool
exg_milter_session_wants_mark(const ExgMilterSession *session)
{
    return session->is_automatic && !session->is_marked;
}

/* --- the log ---------------------------------------------------------------------------------- */

void
exg_milter_session_set_fields(const ExgMilterSession *session, ExgEvent *event)
{
    exg_event_set(event, "client", session->client);
    if (session->sender != NULL)
        exg_event_set(event, "from", session->sender[0] != '\0' ? session->sender : "<>");
}
