#include "tests/exchange-sim/oauth.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define DEVICE_LIFE_S    900
#define CODE_LIFE_S      60
#define ASSERTION_SKEW_S 300
#define REALM            "/oauth2/v2.0/"

typedef struct {
    char *id;
    char *secret;        /* NULL: none */
    gnutls_pubkey_t key; /* NULL: none */
    char *thumbprint;    /* of the key's certificate, base64url of SHA-256 */
} Client;

typedef enum { ACCESS, REFRESH, CODE, DEVICE } TicketKind;
typedef enum { PENDING, APPROVED, DECLINED } TicketState;

/* Whatever word the platform has given out. */
typedef struct {
    TicketKind kind;
    const Client *client;
    guint family; /* tokens that came of one sign-in */
    gint64 expires_us;
    bool spent;
    bool wrong_audience;
    TicketState state; /* DEVICE */
    char *user_code;   /* DEVICE */
    char *redirect;    /* CODE */
    char *challenge;   /* CODE */
} Ticket;

struct ExgSimOauth {
    char *url;
    GPtrArray *clients;  /* of Client */
    GHashTable *tickets; /* word → Ticket */
    GHashTable *seen;    /* ids of assertions */
    gint64 life_s;
    guint families;
    bool wrong_audience;
    guint64 requests;
};

static void
client_free(gpointer data)
{
    Client *client = data;
    g_free(client->id);
    g_free(client->secret);
    g_free(client->thumbprint);
    if (client->key != NULL)
        gnutls_pubkey_deinit(client->key);
    g_free(client);
}

static void
ticket_free(gpointer data)
{
    Ticket *ticket = data;
    g_free(ticket->user_code);
    g_free(ticket->redirect);
    g_free(ticket->challenge);
    g_free(ticket);
}

ExgSimOauth *
exg_sim_oauth_new(void)
{
    ExgSimOauth *oauth = g_new0(ExgSimOauth, 1);
    oauth->clients = g_ptr_array_new_with_free_func(client_free);
    oauth->tickets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, ticket_free);
    oauth->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    oauth->life_s = 3600;
    return oauth;
}

void
exg_sim_oauth_free(ExgSimOauth *oauth)
{
    if (oauth == NULL)
        return;
    g_hash_table_unref(oauth->tickets);
    g_hash_table_unref(oauth->seen);
    g_ptr_array_unref(oauth->clients);
    g_free(oauth->url);
    g_free(oauth);
}

void
exg_sim_oauth_set_url(ExgSimOauth *oauth, const char *url)
{
    g_free(oauth->url);
    oauth->url = g_strdup(url);
}

void
exg_sim_oauth_set_life(ExgSimOauth *oauth, gint64 seconds)
{
    oauth->life_s = seconds;
}

bool
exg_sim_oauth_has_clients(const ExgSimOauth *oauth)
{
    return oauth->clients->len > 0;
}

guint64
exg_sim_oauth_requests(const ExgSimOauth *oauth)
{
    return oauth->requests;
}

void
exg_sim_oauth_misdirect(ExgSimOauth *oauth, bool wrong)
{
    oauth->wrong_audience = wrong;
}

/* --- clients ---------------------------------------------------------------------------------- */

/* base64url without padding. (transfer full) */
static char *
encode(const void *bytes, gsize length)
{
    char *text = g_base64_encode(bytes, length);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

static guchar *
decode(const char *text, gsize *ret_length)
{
    g_autoptr(GString) base64 = g_string_new(text);
    g_strdelimit(base64->str, "-", '+');
    g_strdelimit(base64->str, "_", '/');
    while (base64->len % 4 != 0)
        g_string_append_c(base64, '=');
    return g_base64_decode(base64->str, ret_length);
}

static bool
load_certificate(Client *client, const char *path, GError **error)
{
    g_autofree char *pem = NULL;
    gsize length;
    g_autoptr(GError) reason = NULL;
    if (!g_file_get_contents(path, &pem, &length, &reason))
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s", reason->message);
    gnutls_datum_t data = {(guchar *)pem, (unsigned)length};
    gnutls_x509_crt_t certificate;
    guint8 hash[32];
    gsize hash_length = sizeof hash;
    gnutls_x509_crt_init(&certificate);
    gnutls_pubkey_init(&client->key);
    bool good = gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM) >= 0 &&
                gnutls_pubkey_import_x509(client->key, certificate, 0) >= 0 &&
                gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, hash,
                                                &hash_length) >= 0;
    gnutls_x509_crt_deinit(certificate);
    if (!good)
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s holds no certificate", path);
    client->thumbprint = encode(hash, hash_length);
    return true;
}

const char *
exg_sim_oauth_add_client(ExgSimOauth *oauth, const char *specification, GError **error)
{
    gsize id = strcspn(specification, ":@");
    if (id == 0 || specification[id] == '\0') {
        exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is neither ID:SECRET nor ID@CERTIFICATE",
                      specification);
        return NULL;
    }
    Client *client = g_new0(Client, 1);
    g_ptr_array_add(oauth->clients, client);
    client->id = g_strndup(specification, id);
    const char *proof = specification + id + 1;
    if (specification[id] == '@' && !load_certificate(client, proof, error))
        return NULL;
    if (specification[id] == ':' && proof[0] != '\0')
        client->secret = g_strdup(proof);
    return client->id;
}

static const Client *
find_client(const ExgSimOauth *oauth, const char *id)
{
    for (guint i = 0; id != NULL && i < oauth->clients->len; i++) {
        const Client *client = g_ptr_array_index(oauth->clients, i);
        if (g_str_equal(client->id, id))
            return client;
    }
    return NULL;
}

/* The member of a JSON object in base64url, as text or number. (transfer full) */
static char *
claim(const char *part, const char *name)
{
    gsize length;
    g_autofree guchar *json = decode(part, &length);
    g_autoptr(JsonParser) parser = json_parser_new();
    if (!json_parser_load_from_data(parser, (const char *)json, (gssize)length, NULL) ||
        !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
        return NULL;
    JsonNode *node = json_object_get_member(json_node_get_object(json_parser_get_root(parser)),
                                            name);
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return NULL;
    if (json_node_get_value_type(node) == G_TYPE_STRING)
        return g_strdup(json_node_get_string(node));
    return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
}

/* What is wrong with a client's assertion, or NULL. */
static const char *
assertion_fault(ExgSimOauth *oauth, const Client *client, const char *assertion,
                const char *token_url)
{
    g_auto(GStrv) parts = g_strsplit(assertion, ".", 4);
    if (g_strv_length(parts) != 3)
        return "it is no JWT";
    g_autofree char *algorithm = claim(parts[0], "alg");
    g_autofree char *thumbprint = claim(parts[0], "x5t#S256");
    if (g_strcmp0(algorithm, "PS256") != 0 || g_strcmp0(thumbprint, client->thumbprint) != 0)
        return "alg or x5t#S256 is not that of the registered certificate";
    gsize length;
    g_autofree guchar *proof = decode(parts[2], &length);
    gnutls_datum_t content = {(guchar *)assertion,
                              (unsigned)(strlen(parts[0]) + 1 + strlen(parts[1]))};
    gnutls_datum_t signature = {proof, (unsigned)length};
    if (gnutls_pubkey_verify_data2(client->key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &content,
                                   &signature) < 0)
        return "the signature is wrong";
    g_autofree char *audience = claim(parts[1], "aud");
    g_autofree char *issuer = claim(parts[1], "iss");
    g_autofree char *subject = claim(parts[1], "sub");
    g_autofree char *end = claim(parts[1], "exp");
    g_autofree char *id = claim(parts[1], "jti");
    if (g_strcmp0(audience, token_url) != 0)
        return "it is for another audience";
    if (g_strcmp0(issuer, client->id) != 0 || g_strcmp0(subject, client->id) != 0)
        return "iss and sub are not the client";
    gint64 now = g_get_real_time() / G_TIME_SPAN_SECOND;
    gint64 expires = end != NULL ? g_ascii_strtoll(end, NULL, 10) : 0;
    if (expires < now || expires > now + 3600 + ASSERTION_SKEW_S)
        return "it has expired, or is good for too long";
    if (id == NULL || !g_hash_table_add(oauth->seen, g_steal_pointer(&id)))
        return "it was used before";
    return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
set_json(ExgSimAnswer *answer, guint status, char *json)
{
    exg_sim_answer_set_xml(answer, status, json, strlen(json));
    answer->content_type = "application/json; charset=utf-8";
    exg_sim_answer_add_header(answer, "Cache-Control", "no-store");
}

static void
refuse(ExgSimAnswer *answer, const char *word, const char *description)
{
    set_json(answer, g_str_equal(word, "invalid_client") ? 401 : 400,
             g_strdup_printf("{\"error\":\"%s\",\"error_description\":\"AADSTS7000: %s.\\r\\n"
                             "Trace ID: 00000000-0000-0000-0000-000000000000\"}",
                             word, description));
}

/* A new word for a ticket. Valid as long as the ticket. */
static const char *
give(ExgSimOauth *oauth, Ticket ticket)
{
    guint8 bytes[32];
    if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
        g_error("No random numbers");
    char *word = encode(bytes, sizeof bytes);
    g_hash_table_insert(oauth->tickets, word, g_memdup2(&ticket, sizeof ticket));
    return word;
}

static gint64
in_seconds(gint64 seconds)
{
    return exg_clock_deadline_ms(seconds * 1000);
}

static void
answer_tokens(ExgSimOauth *oauth, const Client *client, guint family, bool refreshable,
              ExgSimAnswer *answer)
{
    const char *access = give(oauth, (Ticket){.kind = ACCESS,
                                              .client = client,
                                              .family = family,
                                              .wrong_audience = oauth->wrong_audience,
                                              .expires_us = in_seconds(oauth->life_s)});
    const char *refresh = refreshable ? give(oauth, (Ticket){.kind = REFRESH,
                                                             .client = client,
                                                             .family = family,
                                                             .expires_us = EXG_NO_DEADLINE})
                                      : NULL;
    set_json(answer, 200,
             g_strdup_printf("{\"token_type\":\"Bearer\",\"expires_in\":%" G_GINT64_FORMAT
                             ",\"access_token\":\"%s\"%s%s%s}",
                             oauth->life_s, access, refreshable ? ",\"refresh_token\":\"" : "",
                             refreshable ? refresh : "", refreshable ? "\"" : ""));
}

/* --- the token endpoint ----------------------------------------------------------------------- */

static Ticket *
find_ticket(const ExgSimOauth *oauth, const char *word, TicketKind kind, const Client *client)
{
    Ticket *ticket = word != NULL ? g_hash_table_lookup(oauth->tickets, word) : NULL;
    return ticket != NULL && ticket->kind == kind && ticket->client == client ? ticket : NULL;
}

/* A refresh token that comes a second time was stolen: nothing of its family is good any longer. */
static void
forget_family(ExgSimOauth *oauth, guint family)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, oauth->tickets);
    while (g_hash_table_iter_next(&iterator, NULL, &value))
        if (((Ticket *)value)->family == family)
            ((Ticket *)value)->spent = true;
}

static void
grant_refresh(ExgSimOauth *oauth, const Client *client, GHashTable *form, ExgSimAnswer *answer)
{
    Ticket *ticket = find_ticket(oauth, g_hash_table_lookup(form, "refresh_token"), REFRESH,
                                 client);
    if (ticket == NULL || ticket->spent) {
        if (ticket != NULL)
            forget_family(oauth, ticket->family);
        refuse(answer, "invalid_grant", "The refresh token is not known, revoked or used before");
        return;
    }
    ticket->spent = true;
    answer_tokens(oauth, client, ticket->family, true, answer);
}

static void
grant_device(ExgSimOauth *oauth, const Client *client, GHashTable *form, ExgSimAnswer *answer)
{
    Ticket *ticket = find_ticket(oauth, g_hash_table_lookup(form, "device_code"), DEVICE, client);
    if (ticket == NULL || ticket->spent)
        refuse(answer, "bad_verification_code", "The device code is not known");
    else if (ticket->expires_us < exg_clock_monotonic_us())
        refuse(answer, "expired_token", "The device code has expired");
    else if (ticket->state == DECLINED)
        refuse(answer, "authorization_declined", "The user declined");
    else if (ticket->state == PENDING)
        refuse(answer, "authorization_pending", "The user has not signed in yet");
    else {
        ticket->spent = true;
        answer_tokens(oauth, client, ++oauth->families, true, answer);
    }
}

static void
grant_code(ExgSimOauth *oauth, const Client *client, GHashTable *form, ExgSimAnswer *answer)
{
    Ticket *ticket = find_ticket(oauth, g_hash_table_lookup(form, "code"), CODE, client);
    const char *verifier = g_hash_table_lookup(form, "code_verifier");
    if (ticket == NULL || ticket->spent || ticket->expires_us < exg_clock_monotonic_us()) {
        refuse(answer, "invalid_grant", "The code is not known, expired or used before");
        return;
    }
    ticket->spent = true;
    guint8 hash[32];
    g_autofree char *challenge = NULL;
    if (verifier != NULL &&
        gnutls_hash_fast(GNUTLS_DIG_SHA256, verifier, strlen(verifier), hash) >= 0)
        challenge = encode(hash, sizeof hash);
    if (g_strcmp0(challenge, ticket->challenge) != 0)
        refuse(answer, "invalid_grant", "The code verifier does not match the challenge");
    else if (g_strcmp0(g_hash_table_lookup(form, "redirect_uri"), ticket->redirect) != 0)
        refuse(answer, "invalid_grant", "The redirect URI is not that of the request");
    else
        answer_tokens(oauth, client, ++oauth->families, true, answer);
}

static bool
is_client(ExgSimOauth *oauth, const Client *client, GHashTable *form, const char *token_url,
          ExgSimAnswer *answer)
{
    const char *secret = g_hash_table_lookup(form, "client_secret");
    const char *assertion = g_hash_table_lookup(form, "client_assertion");
    const char *type = g_hash_table_lookup(form, "client_assertion_type");
    const char *fault = NULL;
    if (client == NULL)
        fault = "The application is not known";
    else if (client->secret != NULL && g_strcmp0(secret, client->secret) != 0)
        fault = "Invalid client secret provided";
    else if (client->key != NULL &&
             (assertion == NULL ||
              g_strcmp0(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") != 0))
        fault = "A client assertion is required";
    else if (client->key != NULL)
        fault = assertion_fault(oauth, client, assertion, token_url);
    if (fault != NULL)
        refuse(answer, "invalid_client", fault);
    return fault == NULL;
}

static void
answer_token(ExgSimOauth *oauth, const char *token_url, GHashTable *form, ExgSimAnswer *answer)
{
    const Client *client = find_client(oauth, g_hash_table_lookup(form, "client_id"));
    const char *grant = g_hash_table_lookup(form, "grant_type");
    const char *scope = g_hash_table_lookup(form, "scope");
    oauth->requests++;
    if (!is_client(oauth, client, form, token_url, answer))
        return;
    if (g_strcmp0(grant, "client_credentials") == 0) {
        if (client->secret == NULL && client->key == NULL)
            refuse(answer, "unauthorized_client", "A public client has no credentials");
        else if (scope == NULL || !g_str_has_suffix(scope, "/.default"))
            refuse(answer, "invalid_scope",
                   "Client credentials take a scope that ends in /.default");
        else
            answer_tokens(oauth, client, ++oauth->families, false, answer);
    } else if (g_strcmp0(grant, "refresh_token") == 0) {
        grant_refresh(oauth, client, form, answer);
    } else if (g_strcmp0(grant, "urn:ietf:params:oauth:grant-type:device_code") == 0) {
        grant_device(oauth, client, form, answer);
    } else if (g_strcmp0(grant, "authorization_code") == 0) {
        grant_code(oauth, client, form, answer);
    } else {
        refuse(answer, "unsupported_grant_type", "The grant is not offered");
    }
}

/* --- the other endpoints ---------------------------------------------------------------------- */

static void
answer_device(ExgSimOauth *oauth, GHashTable *form, ExgSimAnswer *answer)
{
    const Client *client = find_client(oauth, g_hash_table_lookup(form, "client_id"));
    if (client == NULL || g_hash_table_lookup(form, "scope") == NULL) {
        refuse(answer, client == NULL ? "unauthorized_client" : "invalid_request",
               "Client or scope is missing");
        return;
    }
    g_autofree char *user_code = g_strdup_printf("SIM-%06u", g_random_int() % 1000000);
    const char *word = give(oauth, (Ticket){.kind = DEVICE,
                                            .client = client,
                                            .user_code = g_strdup(user_code),
                                            .expires_us = in_seconds(DEVICE_LIFE_S)});
    set_json(answer, 200,
             g_strdup_printf("{\"device_code\":\"%s\",\"user_code\":\"%s\",\"expires_in\":%d,"
                             "\"interval\":1,\"verification_uri\":\"%s/devicelogin\"}",
                             word, user_code, DEVICE_LIFE_S, oauth->url));
}

/* The user agrees at once: the browser is sent back with a code. */
static void
answer_authorize(ExgSimOauth *oauth, GHashTable *query, ExgSimAnswer *answer)
{
    const Client *client = find_client(oauth, g_hash_table_lookup(query, "client_id"));
    const char *redirect = g_hash_table_lookup(query, "redirect_uri");
    const char *state = g_hash_table_lookup(query, "state");
    const char *challenge = g_hash_table_lookup(query, "code_challenge");
    const char *method = g_hash_table_lookup(query, "code_challenge_method");
    bool local = redirect != NULL && (g_str_has_prefix(redirect, "http://localhost") ||
                                      g_str_has_prefix(redirect, "http://127.0.0.1"));
    if (client == NULL || !local || state == NULL || challenge == NULL ||
        g_strcmp0(method, "S256") != 0) {
        exg_sim_answer_set_status(answer, 400, true);
        return;
    }
    const char *code = give(oauth, (Ticket){.kind = CODE,
                                            .client = client,
                                            .redirect = g_strdup(redirect),
                                            .challenge = g_strdup(challenge),
                                            .expires_us = in_seconds(CODE_LIFE_S)});
    g_autofree char *escaped = g_uri_escape_string(state, NULL, FALSE);
    g_autofree char *back = g_strdup_printf("%s/?code=%s&state=%s", redirect, code, escaped);
    exg_sim_answer_set_status(answer, 302, true);
    exg_sim_answer_add_header(answer, "Location", back);
}

/* --- requests --------------------------------------------------------------------------------- */

const char *
exg_sim_oauth_operation(const char *target)
{
    static const struct {
        const char *leaf, *operation;
    } endpoints[] = {{"token", "Token"}, {"devicecode", "DeviceCode"}, {"authorize", "Authorize"}};
    const char *realm = target[0] == '/' ? strstr(target, REALM) : NULL;
    const char *leaf = realm != NULL ? realm + strlen(REALM) : "";
    gsize length = strcspn(leaf, "?");
    for (gsize i = 0; i < G_N_ELEMENTS(endpoints); i++)
        if (strlen(endpoints[i].leaf) == length && strncmp(leaf, endpoints[i].leaf, length) == 0)
            return endpoints[i].operation;
    return NULL;
}

void
exg_sim_oauth_answer(ExgSimOauth *oauth, const ExgSimHttpRequest *request, ExgSimAnswer *answer)
{
    const char *operation = exg_sim_oauth_operation(request->target);
    gsize path = strcspn(request->target, "?");
    const char *query = request->target[path] == '?' ? request->target + path + 1 : "";
    bool get = g_str_equal(request->method, "GET");
    const char *data = request->body != NULL ? (const char *)request->body->data : "";
    gssize length = request->body != NULL ? (gssize)request->body->len : 0;
    g_autoptr(GHashTable) form = g_uri_parse_params(get ? query : data, get ? -1 : length, "&",
                                                    G_URI_PARAMS_WWW_FORM, NULL);
    g_autofree char *self = g_strdup_printf("%s%.*s", oauth->url, (int)path, request->target);
    if (form == NULL)
        refuse(answer, "invalid_request", "The request is no form");
    else if (get != g_str_equal(operation, "Authorize"))
        exg_sim_answer_set_status(answer, 405, true);
    else if (g_str_equal(operation, "Token"))
        answer_token(oauth, self, form, answer);
    else if (g_str_equal(operation, "DeviceCode"))
        answer_device(oauth, form, answer);
    else
        answer_authorize(oauth, form, answer);
}

/* --- tokens at EWS ---------------------------------------------------------------------------- */

const char *
exg_sim_oauth_sign_in(const ExgSimOauth *oauth, const char *token, const char **ret_diagnostics)
{
    const Ticket *ticket = g_hash_table_lookup(oauth->tickets, token);
    const char *reason = NULL;
    if (ticket == NULL || ticket->kind != ACCESS)
        reason = "2000001;reason=\"The token is not one of ours.\"";
    else if (ticket->spent)
        reason = "2000008;reason=\"The token was revoked.\"";
    else if (ticket->expires_us < exg_clock_monotonic_us())
        reason = "2000002;reason=\"The token has expired.\"";
    else if (ticket->wrong_audience)
        reason = "2000003;reason=\"The audience claim value is invalid.\"";
    *ret_diagnostics = reason;
    return reason == NULL ? ticket->client->id : NULL;
}

char *
exg_sim_oauth_challenge(const ExgSimOauth *oauth, bool refused)
{
    return g_strdup_printf("Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", "
                           "trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", "
                           "token_types=\"app_asserted_user_v1 service_asserted_app_v1\", "
                           "authorization_uri=\"%s/common/oauth2/authorize\"%s",
                           oauth->url, refused ? ", error=\"invalid_token\"" : "");
}

/* --- control ---------------------------------------------------------------------------------- */

guint
exg_sim_oauth_revoke(ExgSimOauth *oauth)
{
    GHashTableIter iterator;
    gpointer value;
    guint count = 0;
    g_hash_table_iter_init(&iterator, oauth->tickets);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Ticket *ticket = value;
        if (ticket->kind == ACCESS && !ticket->spent) {
            ticket->spent = true;
            count++;
        }
    }
    return count;
}

char *
exg_sim_oauth_tokens(const ExgSimOauth *oauth)
{
    GHashTableIter iterator;
    gpointer word, value;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_hash_table_iter_init(&iterator, oauth->tickets);
    while (g_hash_table_iter_next(&iterator, &word, &value)) {
        const Ticket *ticket = value;
        if (ticket->kind == ACCESS || ticket->kind == REFRESH)
            g_ptr_array_add(words, word);
    }
    g_ptr_array_add(words, NULL);
    return g_strjoinv(" ", (char **)words->pdata);
}

bool
exg_sim_oauth_approve(ExgSimOauth *oauth, const char *user_code, bool declines)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, oauth->tickets);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Ticket *ticket = value;
        if (ticket->kind == DEVICE && g_strcmp0(ticket->user_code, user_code) == 0) {
            ticket->state = declines ? DECLINED : APPROVED;
            return true;
        }
    }
    return false;
}
