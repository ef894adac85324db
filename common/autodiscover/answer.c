#include "common/autodiscover/answer-private.h"

#include <string.h>

#define MAX_CODE_CHARS    64
#define MAX_MESSAGE_CHARS 300
#define MAX_NODES         8192
#define MAX_DEPTH         32
#define MAX_ATTRIBUTES    64

static const struct {
    const char *code, *meaning;
} meanings[] = {
    {"InvalidUser", "there is no such user"},
    {"InvalidDomain", "the server is not responsible for this domain"},
    {"InvalidRequest", "the server does not understand the request"},
    {"InvalidSetting", "the server does not know a setting that was asked for"},
    {"SettingIsNotAvailable", "the user has no such setting"},
    {"ServerBusy", "the server is busy; ask again later"},
    {"InternalServerError", "a fault of the server; ask again later"},
    {"NotFederated", "the organisation shares nothing with ours"},
    {"RedirectAddress", "the user is known by another address"},
    {"RedirectUrl", "another server knows more"},
    {"500", "the address is not known"},
    {"501", "the address is not one"},
    {"600", "the server does not understand the request"},
    {"601", "the server does not offer what was asked for"},
    {"603", "a fault of the server"},
    {"ProtocolNotSupported", "the server does not offer this protocol for the user"},
    {"MissingProtocol", "the request does not say which protocol"},
    {"InvalidProtocol", "the request names a protocol that there is not"},
    {"MandatoryParameterMissing", "the request lacks a parameter"},
    {"InvalidUserId", "the address is not one"},
    {"UserNotFound", "there is no such user"},
};

ExgAutodiscoverAnswer *
exg_autodiscover_answer_new(ExgAutodiscoverKind kind)
{
    ExgAutodiscoverAnswer *answer = g_new0(ExgAutodiscoverAnswer, 1);
    answer->kind = kind;
    answer->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return answer;
}

void
exg_autodiscover_answer_free(ExgAutodiscoverAnswer *answer)
{
    if (answer == NULL)
        return;
    g_free(answer->target);
    g_free(answer->code);
    g_free(answer->message);
    g_free(answer->build);
    g_hash_table_unref(answer->settings);
    g_free(answer);
}

void
exg_autodiscover_answer_put(ExgAutodiscoverAnswer *answer, const char *name, const char *value)
{
    if (value == NULL || strlen(value) > EXG_AUTODISCOVER_MAX_VALUE_BYTES ||
        strlen(name) > MAX_CODE_CHARS || !g_utf8_validate(value, -1, NULL) ||
        g_hash_table_size(answer->settings) >= EXG_AUTODISCOVER_MAX_SETTINGS)
        return;
    g_autofree char *trimmed = g_strstrip(g_strdup(value));
    if (trimmed[0] != '\0')
        g_hash_table_insert(answer->settings, g_strdup(name), g_steal_pointer(&trimmed));
}

/* One printable line of at most so many characters, or NULL where nothing is left. */
static char *
clean(const char *text, glong limit)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *line = g_string_new(NULL);
    const char *at = valid;
    for (glong i = 0; *at != '\0' && i < limit; i++, at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(line, g_unichar_isprint(c) ? c : ' ');
    }
    char *cleaned = g_strstrip(g_string_free(line, FALSE));
    if (cleaned[0] == '\0')
        g_clear_pointer(&cleaned, g_free);
    return cleaned;
}

void
exg_autodiscover_answer_explain(ExgAutodiscoverAnswer *answer, const char *code,
                                const char *message)
{
    g_free(answer->code);
    g_free(answer->message);
    answer->code = code != NULL ? clean(code, MAX_CODE_CHARS) : NULL;
    answer->message = message != NULL ? clean(message, MAX_MESSAGE_CHARS) : NULL;
}

bool
exg_autodiscover_answer_redirect(ExgAutodiscoverAnswer *answer, ExgAutodiscoverKind kind,
                                 const char *target)
{
    if (target == NULL || strlen(target) > EXG_AUTODISCOVER_MAX_VALUE_BYTES ||
        !g_utf8_validate(target, -1, NULL))
        return false;
    g_autofree char *trimmed = g_strstrip(g_strdup(target));
    if (trimmed[0] == '\0')
        return false;
    answer->kind = kind;
    g_free(answer->target);
    answer->target = g_steal_pointer(&trimmed);
    return true;
}

ExgXmlTree *
exg_autodiscover_xml_parse(const char *xml, gsize length, GError **error)
{
    static const ExgXmlLimits limits = {.total_bytes = EXG_AUTODISCOVER_MAX_ANSWER_BYTES,
                                        .depth = MAX_DEPTH,
                                        .attributes = MAX_ATTRIBUTES};
    return exg_xml_tree_parse(xml, length, &limits, MAX_NODES, error);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Letters, digits, dashes, dots, and the underscore of many a Windows host. */
static bool
is_plain_name(const char *host)
{
    for (const char *c = host; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr("-._", *c) == NULL)
            return false;
    return !g_hostname_is_ip_address(host);
}

char *
exg_autodiscover_https_host(const char *url, const char **ret_fault)
{
    static const char scheme[] = "https://";
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    *ret_fault = NULL;
    if (host == NULL || host[0] == '\0')
        *ret_fault = "no address";
    else if (!g_str_equal(g_uri_get_scheme(uri), "https"))
        *ret_fault = "not https";
    else if (!is_plain_name(host) ||
             g_ascii_strncasecmp(url + strlen(scheme), host, strlen(host)) != 0 ||
             strchr(":/?#", url[strlen(scheme) + strlen(host)]) == NULL)
        *ret_fault = "not a plain host name";
    return *ret_fault == NULL ? g_ascii_strdown(host, -1) : NULL;
}

/* --- settings --------------------------------------------------------------------------------- */

const char *
exg_autodiscover_answer_get(const ExgAutodiscoverAnswer *answer, const char *name)
{
    return g_hash_table_lookup(answer->settings, name);
}

static const char *
https_setting(const ExgAutodiscoverAnswer *answer, const char *name)
{
    const char *url = exg_autodiscover_answer_get(answer, name);
    const char *fault = NULL;
    g_autofree char *host = url != NULL ? exg_autodiscover_https_host(url, &fault) : NULL;
    return host != NULL ? url : NULL;
}

const char *
exg_autodiscover_answer_ews_url(const ExgAutodiscoverAnswer *answer, bool prefer_internal)
{
    const char *external = https_setting(answer, "ExternalEwsUrl");
    const char *internal = https_setting(answer, "InternalEwsUrl");
    const char *first = prefer_internal ? internal : external;
    return first != NULL ? first : prefer_internal ? external : internal;
}

const char *
exg_autodiscover_answer_schema(const ExgAutodiscoverAnswer *answer)
{
    /* Newest first. Those that only Exchange Online speaks stand for the newest of them all. */
    static const char *const known[] = {
        "Exchange2016",     "Exchange2015_SP1", "Exchange2015", "Exchange2013_SP1", "Exchange2013",
        "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2010", "Exchange2007_SP1", "Exchange2007"};
    const char *list = exg_autodiscover_answer_get(answer, "EwsSupportedSchemas");
    if (list == NULL)
        return NULL;
    g_auto(GStrv) words = g_strsplit_set(list, ", ", -1);
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_strv_contains((const char *const *)words, known[i]))
            return known[i];
    return NULL;
}

const char *
exg_autodiscover_code_meaning(const char *code)
{
    for (gsize i = 0; code != NULL && i < G_N_ELEMENTS(meanings); i++)
        if (g_str_equal(meanings[i].code, code))
            return meanings[i].meaning;
    return "";
}
