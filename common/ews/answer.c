#include "common/ews/answer-private.h"

#include "common/base/error.h"
#include "common/ews/envelope-private.h"
#include "common/ews/response-code.h"
#include "common/ews/text-private.h"

#include <string.h>

#define MAX_DEPTH        64
#define MAX_ATTRIBUTES   64
#define MAX_NODES        100000
#define MAX_BACK_OFF_MS  (24 * 3600 * 1000)
#define MAX_PAGE_BYTES   4096 /* of an answer without SOAP that are looked at */
#define MAX_DETAIL_BYTES 160

/* From here on a 404 may be IIS's word for "too large" (request filtering, 404.13). */
#define LARGE_POST_BYTES (1024 * 1024)
/* What IIS takes by default in every version since 2013; before, it was less. Only a post above
 * it is refused for good: below, the limit of some proxy or an older server is the
 * administrator's to raise, and until then the message can wait. */
#define IIS_LIMIT_BYTES (64 * 1024 * 1024)

static const char soap[] = EXG_EWS_SOAP_SPACE;
static const char messages[] = EXG_EWS_MESSAGES_SPACE;
static const char types[] = EXG_EWS_TYPES_SPACE;

/* --- reading the parts of an answer ----------------------------------------------------------- */

bool
exg_ews_answer_senseless(const ExgEwsOperation *operation, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return exg_error_set(error, operation->once ? EXG_ERROR_AMBIGUOUS : EXG_ERROR_PROTOCOL,
                         "The answer to %s makes no sense: %s", operation->name, what);
}

static const char *
text_of(const ExgXmlNode *node)
{
    return node != NULL ? node->text : "";
}

const char *
exg_ews_message_code(const ExgXmlNode *message)
{
    return text_of(exg_xml_node_child(message, messages, "ResponseCode"));
}

const char *
exg_ews_item_id(const ExgXmlNode *item)
{
    const char *id = exg_xml_node_attribute(exg_xml_node_child(item, types, "ItemId"), "Id");
    return id != NULL && id[0] != '\0' ? id : NULL;
}

static bool
has_item_id(const ExgXmlNode *message)
{
    const ExgXmlNode *items = exg_xml_node_child(message, messages, "Items");
    for (const ExgXmlNode *item = items != NULL ? items->first_child : NULL; item != NULL;
         item = item->next)
        if (exg_ews_item_id(item) != NULL)
            return true;
    return false;
}

/* A named value beside an error: MessageXml/Value[@Name]. */
static const ExgXmlNode *
named_value(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *xml = exg_xml_node_child(parent, NULL, "MessageXml");
    const ExgXmlNode *value = exg_xml_node_child(xml, NULL, "Value");
    while (value != NULL && g_strcmp0(exg_xml_node_attribute(value, "Name"), name) != 0)
        value = exg_xml_node_next_same(value);
    return value;
}

/* Where a request breaks the schema, if the server says so: in front, where nothing is cut off. */
static void
add_violation(GString *words, const ExgXmlNode *parent)
{
    const ExgXmlNode *xml = exg_xml_node_child(parent, NULL, "MessageXml");
    const char *violation = text_of(exg_xml_node_child(xml, NULL, "Violation"));
    const ExgXmlNode *line = exg_xml_node_child(xml, NULL, "LineNumber");
    const ExgXmlNode *position = exg_xml_node_child(xml, NULL, "LinePosition");
    if (line == NULL) { /* Exchange 2007 */
        line = exg_xml_node_child(parent, NULL, "Line");
        position = exg_xml_node_child(parent, NULL, "Position");
    }
    if (violation[0] != '\0' && strstr(words->str, violation) == NULL)
        g_string_append_printf(words, " %s", violation);
    if (line == NULL || position == NULL)
        return;
    g_autofree char *place = g_strdup_printf("line %s, position %s: ", line->text, position->text);
    g_string_prepend(words, place);
}

/* Which properties an error is about. */
static void
add_fields(GString *words, const ExgXmlNode *parent)
{
    static const char *const names[] = {"FieldURI", "PropertyName", "PropertyTag", "PropertyId"};
    const ExgXmlNode *xml = exg_xml_node_child(parent, NULL, "MessageXml");
    for (const ExgXmlNode *node = xml != NULL ? xml->first_child : NULL; node != NULL;
         node = node->next) {
        const char *name = NULL;
        for (guint i = 0; name == NULL && i < G_N_ELEMENTS(names); i++)
            name = exg_xml_node_attribute(node, names[i]);
        if (name != NULL && g_str_has_suffix(node->name, "FieldURI"))
            g_string_append_printf(words, " (field: %s)", name);
    }
}

/* The values that a property cannot have. */
static void
add_values(GString *words, const ExgXmlNode *parent)
{
    const ExgXmlNode *xml = exg_xml_node_child(parent, NULL, "MessageXml");
    for (const ExgXmlNode *value = exg_xml_node_child(xml, NULL, "Value"); value != NULL;
         value = exg_xml_node_next_same(value)) {
        const char *name = exg_xml_node_attribute(value, "Name");
        if (name != NULL && !g_str_has_prefix(name, "InnerError"))
            g_string_append_printf(words, " (%s: %s)", name, value->text);
    }
}

/* What the server says of an error, for people. `parent` has the MessageXml. (transfer full) */
static char *
words_of(const ExgXmlNode *parent, const char *code, const char *text)
{
    GString *words = g_string_new(text);
    const char *inner = text_of(named_value(parent, "InnerErrorResponseCode"));
    const char *inner_text = text_of(named_value(parent, "InnerErrorMessageText"));
    if (g_str_equal(code, "ErrorSchemaValidation"))
        add_violation(words, parent);
    if (g_str_equal(code, "ErrorInvalidValueForProperty"))
        add_values(words, parent);
    add_fields(words, parent);
    if (inner[0] != '\0' && !g_str_equal(inner, code))
        g_string_append_printf(words, " (inner error: %s %s)", inner, inner_text);
    return g_string_free(words, FALSE);
}

/* The error of a code with what stands beside it. `parent` has the MessageXml. */
static GError *
code_error(const ExgEwsOperation *operation, const ExgXmlNode *parent, const char *code,
           const char *text)
{
    /* The general code may wrap the true one. It is believed if it is one we know: an unknown
     * one proves nothing. */
    const char *inner = text_of(named_value(parent, "InnerErrorResponseCode"));
    if (g_str_equal(code, "ErrorInternalServerError")) {
        const ExgEwsResponseCode *row = exg_ews_response_code_find(inner);
        if (row != NULL && row->class != EXG_EWS_OK) {
            code = inner;
            text = text_of(named_value(parent, "InnerErrorMessageText"));
        }
    }
    g_autofree char *words = words_of(parent, code, text);
    GError *error = exg_ews_response_code_error(code, words, operation->once);
    const char *back_off = text_of(named_value(parent, "BackOffMilliseconds"));
    guint64 back_off_ms = 0;
    if (g_ascii_string_to_unsigned(back_off, 10, 0, G_MAXINT64, &back_off_ms, NULL))
        exg_error_set_retry_after(error, (gint64)MIN(back_off_ms, MAX_BACK_OFF_MS));
    else
        exg_error_set_retry_after(error, exg_ews_suggested_wait_ms(text));
    return error;
}

bool
exg_ews_message_check(const ExgEwsOperation *operation, const ExgXmlNode *message, GError **error)
{
    const char *class = exg_xml_node_attribute(message, "ResponseClass");
    const char *code = exg_ews_message_code(message);
    bool success = g_strcmp0(class, "Success") == 0;
    bool no_error = g_str_equal(code, "NoError");
    if (success && no_error)
        return true;
    if (class == NULL || code[0] == '\0' || success || no_error)
        return exg_ews_answer_senseless(operation, error, "its class does not go with its code");
    if (operation->once && has_item_id(message))
        return exg_ews_answer_senseless(operation, error, "it reports an error, but has an item");
    const char *text = text_of(exg_xml_node_child(message, messages, "MessageText"));
    g_propagate_error(error, code_error(operation, message, code, text));
    return false;
}

bool
exg_ews_message_check_names(const ExgEwsOperation *operation, const ExgXmlNode *message,
                            GError **error)
{
    bool several = g_str_equal(exg_ews_message_code(message),
                               "ErrorNameResolutionMultipleResults") &&
                   g_strcmp0(exg_xml_node_attribute(message, "ResponseClass"), "Warning") == 0;
    return several || exg_ews_message_check(operation, message, error);
}

/* --- SOAP ------------------------------------------------------------------------------------- */

/* The code of a fault: in its detail (any version), or as the local part of faultcode. "" if it
 * has none. */
static const char *
fault_code(const ExgXmlNode *fault)
{
    const ExgXmlNode *detail = exg_xml_node_child(fault, NULL, "detail");
    const char *code = text_of(exg_xml_node_child(detail, NULL, "ResponseCode"));
    if (code[0] != '\0')
        return g_str_equal(code, "NoError") ? "" : code;
    const char *name = text_of(exg_xml_node_child(fault, NULL, "faultcode"));
    const char *colon = strrchr(name, ':');
    name = colon != NULL ? colon + 1 : name;
    return g_str_has_prefix(name, "Error") ? name : "";
}

static GError *
fault_error(const ExgEwsOperation *operation, const ExgXmlNode *fault)
{
    const ExgXmlNode *detail = exg_xml_node_child(fault, NULL, "detail");
    const char *code = fault_code(fault);
    const char *text = text_of(exg_xml_node_child(detail, NULL, "Message"));
    if (text[0] == '\0')
        text = text_of(exg_xml_node_child(fault, NULL, "faultstring"));
    if (code[0] != '\0')
        return code_error(operation, detail, code, text);
    g_autofree char *words = exg_ews_clean_text(text, EXG_EWS_MAX_TEXT_BYTES);
    GError *error = exg_error_new(operation->once ? EXG_ERROR_AMBIGUOUS : EXG_ERROR_PROTOCOL,
                                  "Exchange answered with a SOAP fault: %s",
                                  words[0] != '\0' ? words : "no reason");
    if (!operation->once)
        exg_error_set_reply(error, 451, "4.3.0");
    return error;
}

/* The one element in the body of a SOAP envelope, or NULL. */
static const ExgXmlNode *
soap_content(const ExgXmlNode *root)
{
    if (!exg_xml_node_is(root, soap, "Envelope"))
        return NULL;
    const ExgXmlNode *body = exg_xml_node_child(root, soap, "Body");
    const ExgXmlNode *content = body != NULL ? body->first_child : NULL;
    return content != NULL && content->next == NULL ? content : NULL;
}

static ExgXmlTree *
parse(GBytes *body, GError **error)
{
    static const ExgXmlLimits limits = {
        .total_bytes = EXG_EWS_MAX_ANSWER_BYTES, .depth = MAX_DEPTH, .attributes = MAX_ATTRIBUTES};
    gsize length = 0;
    const char *data = g_bytes_get_data(body, &length);
    /* Some proxies and error handlers put an empty line before the declaration. */
    while (length > 0 && g_ascii_isspace(*data)) {
        data++;
        length--;
    }
    return exg_xml_tree_parse(data != NULL ? data : "", length, &limits, MAX_NODES, error);
}

/* The first of the response messages, if there are as many as there should be, all of this
 * operation. */
static const ExgXmlNode *
response_messages(const ExgEwsOperation *operation, const ExgXmlNode *content, GError **error)
{
    g_autofree char *response_name = g_strconcat(operation->name, "Response", NULL);
    g_autofree char *message_name = g_strconcat(operation->name, "ResponseMessage", NULL);
    if (!exg_xml_node_is(content, messages, response_name)) {
        exg_ews_answer_senseless(operation, error, "it is no %s", response_name);
        return NULL;
    }
    if (operation->bare)
        return content;
    const ExgXmlNode *list = exg_xml_node_child(content, messages, "ResponseMessages");
    const ExgXmlNode *first = list != NULL ? list->first_child : NULL;
    guint count = 0;
    for (const ExgXmlNode *message = first; message != NULL; message = message->next) {
        if (!exg_xml_node_is(message, messages, message_name)) {
            exg_ews_answer_senseless(operation, error, "it has something else than a %s",
                                     message_name);
            return NULL;
        }
        count++;
    }
    bool as_many = operation->n_messages == 0 ? count > 0 : count == operation->n_messages;
    if (!as_many || exg_xml_node_next_same(list) != NULL) {
        exg_ews_answer_senseless(operation, error, "it has %u response messages instead of %u",
                                 count, MAX(operation->n_messages, 1));
        return NULL;
    }
    return first;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

/* Takes the facts of a status that speaks for itself. */
static GError *
status_error_new(ExgErrorCode code, int smtp_code, const char *enhanced, int status,
                 const char *meaning)
{
    GError *error = exg_error_new(code, "Exchange answered HTTP %d: %s", status, meaning);
    exg_error_set_reply(error, smtp_code, enhanced);
    return error;
}

static GError *
too_large_error(const ExgEwsReply *reply)
{
    /* A 413 with Retry-After says itself that it is for now only (RFC 9110 15.5.14). */
    bool for_good = reply->posted_bytes > IIS_LIMIT_BYTES && reply->retry_after_ms < 0;
    if (for_good)
        return status_error_new(EXG_ERROR_TOO_LARGE, 552, "5.3.4", reply->status,
                                "the message is larger than the server takes");
    return status_error_new(
        EXG_ERROR_TOO_LARGE, 451, "4.3.5", reply->status,
        "a limit of the server or of a proxy before it is too low for this message");
}

/* ASP.NET sends to its error page what broke while it was worked on; any other redirection came
 * before the work. */
static bool
is_error_page(const char *location)
{
    return location != NULL && (strstr(location, "genericerrorpage") != NULL ||
                                strstr(location, "aspxerrorpath") != NULL);
}

static GError *
server_fault_error(const ExgEwsOperation *operation, const ExgEwsReply *reply)
{
    if (reply->status / 100 == 2) {
        GError *error = NULL;
        exg_ews_answer_senseless(operation, &error, "HTTP %d", reply->status);
        return error;
    }
    if (!operation->once && reply->cas_error != NULL)
        return status_error_new(EXG_ERROR_PROTOCOL, 451, "4.3.0", reply->status,
                                "its front end found no way to the mailbox");
    if (!operation->once)
        return status_error_new(EXG_ERROR_BUSY, 451, "4.3.0", reply->status,
                                "a fault of the server");
    return exg_error_new(EXG_ERROR_AMBIGUOUS,
                         "Exchange answered HTTP %d without saying what became of the message",
                         reply->status);
}

/* "Come back later" is a promise that nothing was done only where http.sys gave it, which never let the request through
 * to Exchange. A load balancer says the same of a backend that it has lost in the middle of its work. */
static GError *
unavailable_error(const ExgEwsOperation *operation, const ExgEwsReply *reply)
{
    bool untouched = reply->server != NULL && g_str_has_prefix(reply->server, "Microsoft-HTTPAPI/");
    bool certain = !operation->once || untouched;
    return status_error_new(certain ? EXG_ERROR_BUSY : EXG_ERROR_AMBIGUOUS, 451, "4.3.2",
                            reply->status, "it asks to come back later");
}

/* The credentials are good, but a switch of the organisation, of the mailbox or of the program's permissions is off.
 * Exchange does not always say which: the sentence then names them all. */
static GError *
forbidden_error(const ExgEwsReply *reply)
{
    static const struct {
        const char *word; /* in what the server says */
        const char *mend;
    } reasons[] = {
        {"AllowedAppIDs", "add the program's id with Set-OrganizationConfig -EwsAllowedAppIDs"},
        {"ApplicationAccessPolicy",
         "let the program in with New-ApplicationAccessPolicy or Set-OrganizationConfig "
         "-EwsApplicationAccessPolicy"},
        {"no permissions", "grant the program full_access_as_app (or EWS.AccessAsUser.All) and the "
                           "administrator's consent"},
        {"license", "give the mailbox a licence with Exchange"},
        {"403.7", "name a client certificate in client_certificate_file, which the server wants"},
        {"403.13", "the server says that the client certificate has been revoked"},
        {"403.16", "let the server trust the issuer of the client certificate"},
        {"403.17", "the server says that the client certificate has expired"},
        {"EwsEnabled", "switch EWS on with Set-OrganizationConfig -EwsEnabled $true"},
    };
    const char *mend =
        "switch EWS on with Set-CASMailbox -EwsEnabled $true (in Exchange Online also "
        "Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs)";
    gsize length = 0;
    const char *data = g_bytes_get_data(reply->body, &length);
    g_autofree char *page = g_strndup(data != NULL ? data : "", MIN(length, MAX_PAGE_BYTES));
    const char *reason = reply->diagnostics != NULL ? reply->diagnostics : "";
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (strcasestr(reason, reasons[i].word) != NULL ||
            strcasestr(page, reasons[i].word) != NULL) {
            mend = reasons[i].mend;
            break;
        }
    g_autofree char *meaning = g_strconcat(
        "EWS is not allowed for this account or this program, though its credentials are good; ",
        mend, NULL);
    return status_error_new(EXG_ERROR_DENIED, 451, "4.7.0", reply->status, meaning);
}

static GError *
moved_error(const ExgEwsReply *reply)
{
    g_autofree char *location = exg_ews_clean_text(reply->location, EXG_EWS_MAX_TEXT_BYTES);
    g_autofree char *meaning = g_strconcat("EWS is not at this URL",
                                           location[0] != '\0' ? ", see " : "", location, NULL);
    return status_error_new(EXG_ERROR_PROTOCOL, 451, "4.3.5", reply->status, meaning);
}

/* An answer without SOAP, by its status alone. */
static GError *
status_error(const ExgEwsOperation *operation, const ExgEwsReply *reply)
{
    int status = reply->status;
    switch (status) {
    case 401:
        return status_error_new(EXG_ERROR_AUTH, 451, "4.7.0", status,
                                "it refuses the service account");
    case 456:
        return status_error_new(EXG_ERROR_AUTH, 451, "4.7.0", status,
                                "the service account is blocked from signing in");
    case 403:
        return forbidden_error(reply);
    case 503:
        return unavailable_error(operation, reply);
    case 408:
    case 425:
    case 429:
        return status_error_new(EXG_ERROR_BUSY, 451, "4.3.2", status, "it asks to come back later");
    case 404:
        if (reply->posted_bytes <= LARGE_POST_BYTES)
            return status_error_new(EXG_ERROR_PROTOCOL, 451, "4.3.5", status,
                                    "there is no EWS at this URL");
        return too_large_error(reply);
    case 413:
        return too_large_error(reply);
    default:
        break;
    }
    if (status / 100 == 3 && !is_error_page(reply->location))
        return moved_error(reply);
    if (status / 100 == 4)
        return status_error_new(EXG_ERROR_PROTOCOL, 451, "4.3.5", status,
                                "it does not take the request");
    return server_fault_error(operation, reply);
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool
read_answer(const ExgEwsOperation *operation, const ExgEwsReply *reply, gpointer context,
            gpointer *ret_result, GError **error)
{
    bool good_status = reply->status == 200;
    g_autoptr(GError) xml_error = NULL;
    g_autoptr(ExgXmlTree) tree = parse(reply->body, &xml_error);
    const ExgXmlNode *root = tree != NULL ? exg_xml_tree_root(tree) : NULL;
    const ExgXmlNode *content = root != NULL ? soap_content(root) : NULL;
    if (content != NULL && reply->ret_info != NULL)
        (void)exg_ews_server_info_read(root, reply->ret_info);
    if (exg_xml_node_is(content, soap, "Fault")) {
        /* A fault without a code says less than the status, but for the one that every fault
         * has. */
        bool says_more = good_status || reply->status == 500 || fault_code(content)[0] != '\0';
        g_propagate_error(error, says_more ? fault_error(operation, content)
                                           : status_error(operation, reply));
        return false;
    }
    if (!good_status && content == NULL) {
        g_propagate_error(error, status_error(operation, reply));
        return false;
    }
    if (!good_status) {
        g_autofree char *name = exg_ews_clean_text(content->name, EXG_EWS_MAX_CODE_BYTES);
        return exg_ews_answer_senseless(operation, error, "HTTP %d with a %s", reply->status, name);
    }
    if (content == NULL)
        return exg_ews_answer_senseless(operation, error, "%s",
                                        xml_error != NULL ? xml_error->message : "it is not SOAP");
    const ExgXmlNode *message = response_messages(operation, content, error);
    return message != NULL && operation->decode(operation, message, context, ret_result, error);
}

/* What a header says goes into the sentence, as it is what a person needs. */
static void
add_detail(GError *error, const char *name, const char *value)
{
    if (value == NULL)
        return;
    g_autofree char *clean = exg_ews_clean_text(value, MAX_DETAIL_BYTES);
    g_autofree char *before = error->message;
    error->message = g_strdup_printf("%s (%s: %s)", before, name, clean);
}

bool
exg_ews_answer_read(const ExgEwsOperation *operation, const ExgEwsReply *reply, gpointer context,
                    gpointer *ret_result, GError **error)
{
    GError *failure = NULL;
    if (read_answer(operation, reply, context, ret_result, &failure))
        return true;
    if (operation->own_mailbox && failure->code == EXG_ERROR_NO_MAILBOX) {
        failure->code = EXG_ERROR_DENIED;
        exg_error_set_reply(failure, 451, "4.7.0");
    }
    add_detail(failure, "X-CasErrorCode", reply->cas_error);
    add_detail(failure, "MS-Diagnostics", reply->diagnostics);
    exg_error_set_http_status(failure, reply->status);
    exg_error_set_stage(failure, "answer");
    if (exg_error_facts(failure)->retry_after_ms < 0)
        exg_error_set_retry_after(failure, reply->retry_after_ms);
    if (reply->request_id != NULL) {
        g_autofree char *request_id = exg_ews_clean_text(reply->request_id, EXG_EWS_MAX_CODE_BYTES);
        exg_error_set_request_id(failure, request_id);
    }
    g_propagate_error(error, failure);
    return false;
}
