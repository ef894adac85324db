#include "tests/exchange-sim/autodiscover.h"

#include "common/xml/tree.h"
#include "tests/exchange-sim/server.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

#define SOAP_SPACE     "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define ENVELOPE_SPACE "http://schemas.xmlsoap.org/soap/envelope/"
#define POX_SPACE      "http://schemas.microsoft.com/exchange/autodiscover/"
#define MAX_NODES      2000
#define MAX_BODY_BYTES (256 * 1024)

typedef enum { NONE, SOAP, POX, JSON } Protocol;
typedef enum { OUTLOOK, MOBILESYNC } Schema;

/* What a request is about, and what it will be told. */
typedef struct {
    Protocol protocol;
    char *address;
    char *endpoint;
    GPtrArray *settings; /* of SOAP: names */
    Schema schema;       /* of POX */
    const char *refusal;
} Question;

static void
question_clear(Question *question)
{
    g_free(question->address);
    g_free(question->endpoint);
    g_ptr_array_unref(question->settings);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Question, question_clear)

static Protocol
protocol_of(const char *target)
{
    static const char *const paths[] = {[SOAP] = "/autodiscover/autodiscover.svc",
                                        [POX] = "/autodiscover/autodiscover.xml",
                                        [JSON] = "/autodiscover/autodiscover.json"};
    for (Protocol protocol = SOAP; protocol <= JSON; protocol++) {
        gsize length = strlen(paths[protocol]);
        char next = g_ascii_strncasecmp(target, paths[protocol], length) == 0 ? target[length]
                                                                              : 'x';
        if (next == '\0' || next == '?' || (next == '/' && protocol == JSON))
            return protocol;
    }
    return NONE;
}

bool
exg_sim_autodiscover_is_path(const char *target)
{
    return protocol_of(target) != NONE;
}

bool
exg_sim_autodiscover_wants_account(const char *target)
{
    Protocol protocol = protocol_of(target);
    return protocol == SOAP || protocol == POX;
}

/* --- questions -------------------------------------------------------------------------------- */

static ExgXmlTree *
parse(const ExgSimHttpRequest *request)
{
    static const ExgXmlLimits limits = {
        .total_bytes = MAX_BODY_BYTES, .depth = 16, .attributes = 64};
    if (request->body == NULL || request->body->len > MAX_BODY_BYTES)
        return NULL;
    return exg_xml_tree_parse((const char *)request->body->data, request->body->len, &limits,
                              MAX_NODES, NULL);
}

static const ExgXmlNode *
child(const ExgXmlNode *node, const char *name)
{
    return exg_xml_node_child(node, SOAP_SPACE, name);
}

/* Users come before RequestedSettings, and the header says which version and action. */
static void
ask_by_soap(Question *question, const ExgXmlNode *root)
{
    const ExgXmlNode *header = exg_xml_node_child(root, ENVELOPE_SPACE, "Header");
    const ExgXmlNode *body = exg_xml_node_child(root, ENVELOPE_SPACE, "Body");
    const ExgXmlNode *request = child(child(body, "GetUserSettingsRequestMessage"), "Request");
    const ExgXmlNode *users = child(request, "Users");
    const ExgXmlNode *mailbox = child(child(users, "User"), "Mailbox");
    const ExgXmlNode *settings = child(request, "RequestedSettings");
    if (child(header, "RequestedServerVersion") == NULL ||
        exg_xml_node_child(header, "http://www.w3.org/2005/08/addressing", "Action") == NULL)
        question->refusal = "The header lacks RequestedServerVersion or Action";
    else if (mailbox == NULL || settings == NULL)
        question->refusal = "The request lacks a mailbox or its settings";
    else if (users->next != settings)
        question->refusal = "RequestedSettings do not follow Users";
    if (question->refusal != NULL)
        return;
    question->address = g_strstrip(g_strdup(mailbox->text));
    for (const ExgXmlNode *at = child(settings, "Setting"); at != NULL;
         at = exg_xml_node_next_same(at))
        g_ptr_array_add(question->settings, g_strstrip(g_strdup(at->text)));
}

static void
ask_by_pox(Question *question, const ExgXmlNode *root)
{
    static const char outlook[] = POX_SPACE "outlook/requestschema/2006";
    static const char phones[] = POX_SPACE "mobilesync/requestschema/2006";
    question->schema = root != NULL && g_str_equal(root->space, phones) ? MOBILESYNC : OUTLOOK;
    const char *space = question->schema == MOBILESYNC ? phones : outlook;
    const ExgXmlNode *request = exg_xml_node_child(root, space, "Request");
    const ExgXmlNode *address = exg_xml_node_child(request, space, "EMailAddress");
    const ExgXmlNode *schema = exg_xml_node_child(request, space, "AcceptableResponseSchema");
    if (!exg_xml_node_is(root, space, "Autodiscover") || address == NULL || schema == NULL)
        question->refusal = "The request is not of Outlook's schema, nor of phones'";
    else
        question->address = g_strstrip(g_strdup(address->text));
}

/* The address is in the path, or the parameter Email. */
static void
ask_by_json(Question *question, const char *target)
{
    const char *parameters = strchr(target, '?');
    g_autoptr(GHashTable) table = parameters != NULL
                                      ? g_uri_parse_params(parameters + 1, -1, "&",
                                                           G_URI_PARAMS_CASE_INSENSITIVE, NULL)
                                      : NULL;
    const char *email = table != NULL ? g_hash_table_lookup(table, "Email") : NULL;
    const char *protocol = table != NULL ? g_hash_table_lookup(table, "Protocol") : NULL;
    g_autofree char *path = g_strndup(target, strcspn(target, "?"));
    const char *last = strrchr(path, '/') + 1;
    if (email == NULL && strchr(last, '@') != NULL)
        question->address = g_uri_unescape_string(last, NULL);
    else
        question->address = g_strdup(email);
    if (question->address == NULL)
        question->refusal = "MandatoryParameterMissing";
    else if (protocol == NULL)
        question->refusal = "MissingProtocol";
    else if (g_ascii_strcasecmp(protocol, "EWS") != 0)
        question->refusal = "InvalidProtocol";
}

static void
question_init(Question *question, const ExgSimHttpRequest *request)
{
    const char *host = exg_sim_http_request_header(request, "Host");
    *question = (Question){.protocol = protocol_of(request->target),
                           .settings = g_ptr_array_new_with_free_func(g_free)};
    question->endpoint = g_strdup_printf("https://%s" EXG_SIM_PATH,
                                         host != NULL ? host : "localhost");
    if (question->protocol == JSON) {
        ask_by_json(question, request->target);
        return;
    }
    g_autoptr(ExgXmlTree) tree = parse(request);
    const ExgXmlNode *root = tree != NULL ? exg_xml_tree_root(tree) : NULL;
    if (root == NULL)
        question->refusal = "The body is not XML";
    else if (question->protocol == SOAP)
        ask_by_soap(question, root);
    else
        ask_by_pox(question, root);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
set_text(ExgSimAnswer *answer, guint status, char *text)
{
    exg_sim_answer_set_xml(answer, status, text, strlen(text));
}

/* `inside`: what follows the user's code. */
static void
answer_soap(ExgSimAnswer *answer, const char *code, const char *inside)
{
    set_text(answer, 200,
             g_strdup_printf(
                 "<s:Envelope xmlns:s=\"" ENVELOPE_SPACE "\" "
                 "xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
                 "<a:Action s:mustUnderstand=\"1\">" SOAP_SPACE
                 "/Autodiscover/GetUserSettingsResponse</a:Action>"
                 "<h:ServerVersionInfo xmlns:h=\"" SOAP_SPACE "\"><h:MajorVersion>15"
                 "</h:MajorVersion><h:MinorVersion>2</h:MinorVersion><h:MajorBuildNumber>2562"
                 "</h:MajorBuildNumber><h:MinorBuildNumber>17</h:MinorBuildNumber>"
                 "<h:Version>Exchange2015</h:Version></h:ServerVersionInfo></s:Header><s:Body>"
                 "<GetUserSettingsResponseMessage xmlns=\"" SOAP_SPACE "\" "
                 "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Response>"
                 "<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse>"
                 "<ErrorCode>%s</ErrorCode><ErrorMessage>%s</ErrorMessage>%s</UserResponse>"
                 "</UserResponses></Response></GetUserSettingsResponseMessage></s:Body>"
                 "</s:Envelope>",
                 code, g_str_equal(code, "NoError") ? "No error." : "See the code.", inside));
}

static void
answer_pox(ExgSimAnswer *answer, Schema schema, const char *inside)
{
    set_text(answer, 200,
             g_strdup_printf("<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                             "<Autodiscover xmlns=\"" POX_SPACE "responseschema/2006\">"
                             "<Response xmlns=\"" POX_SPACE "%s\">%s</Response></Autodiscover>",
                             schema == OUTLOOK ? "outlook/responseschema/2006a"
                                               : "mobilesync/responseschema/2006",
                             inside));
}

/* An error has the payload in the outer namespace. */
static void
answer_pox_error(ExgSimAnswer *answer, const char *code, const char *message)
{
    set_text(answer, 200,
             g_strdup_printf("<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                             "<Autodiscover xmlns=\"" POX_SPACE "responseschema/2006\"><Response>"
                             "<Error Time=\"20:04:05.1234567\" Id=\"1234567890\">"
                             "<ErrorCode>%s</ErrorCode><Message>%s</Message><DebugData/></Error>"
                             "</Response></Autodiscover>",
                             code, message));
}

static void
answer_json(ExgSimAnswer *answer, guint status, char *text)
{
    set_text(answer, status, text);
    answer->content_type = "application/json; charset=utf-8";
}

static void
answer_code(ExgSimAnswer *answer, const Question *question, const char *code)
{
    if (question->protocol == SOAP)
        answer_soap(answer, code, "<RedirectTarget i:nil=\"true\"/>");
    else if (question->protocol == POX)
        answer_pox_error(answer, code, "See the code.");
    else
        answer_json(
            answer, 400,
            g_strdup_printf("{\"ErrorCode\":\"%s\",\"ErrorMessage\":\"See the code.\"}", code));
}

static void
answer_refusal(ExgSimAnswer *answer, const Question *question)
{
    if (question->protocol == JSON)
        answer_code(answer, question, question->refusal);
    else if (question->protocol == POX)
        answer_pox_error(answer, "600", "Invalid Request");
    else
        set_text(answer, 500,
                 g_strdup("<s:Envelope xmlns:s=\"" ENVELOPE_SPACE "\"><s:Body><s:Fault><faultcode>"
                          "s:Client</faultcode><faultstring>The request is not valid.</faultstring>"
                          "</s:Fault></s:Body></s:Envelope>"));
}

/* The value of a setting, or NULL. (transfer full) */
static char *
setting_of(const Question *question, const ExgSimMailbox *mailbox, const char *name)
{
    if (g_str_equal(name, "ExternalEwsUrl") || g_str_equal(name, "InternalEwsUrl"))
        return g_strdup(question->endpoint);
    if (g_str_equal(name, "EwsSupportedSchemas"))
        return g_strdup("Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, "
                        "Exchange2010_SP2, Exchange2013, Exchange2013_SP1, Exchange2015");
    if (g_str_equal(name, "AutoDiscoverSMTPAddress"))
        return g_strdup(mailbox->address);
    if (g_str_equal(name, "UserDisplayName"))
        return g_markup_escape_text(mailbox->display_name, -1);
    if (g_str_equal(name, "UserDN") || g_str_equal(name, "MailboxDN"))
        return g_strdup_printf("/o=Sim/ou=Exchange/cn=Recipients/cn=%s", mailbox->sid);
    if (g_str_equal(name, "CasVersion") || g_str_equal(name, "MailboxVersion"))
        return g_strdup("15.02.2562.017");
    return NULL;
}

static void
tell_settings(ExgSimAnswer *answer, const Question *question, const ExgSimMailbox *mailbox)
{
    g_autoptr(GString) errors = g_string_new(NULL);
    g_autoptr(GString) settings = g_string_new(NULL);
    for (guint i = 0; i < question->settings->len; i++) {
        const char *name = g_ptr_array_index(question->settings, i);
        g_autofree char *value = setting_of(question, mailbox, name);
        g_autofree char *escaped = g_markup_escape_text(name, -1);
        if (value != NULL)
            g_string_append_printf(settings,
                                   "<UserSetting i:type=\"StringSetting\"><Name>%s</Name><Value>%s"
                                   "</Value></UserSetting>",
                                   escaped, value);
        else
            g_string_append_printf(errors,
                                   "<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>"
                                   "<ErrorMessage>The setting is not available.</ErrorMessage>"
                                   "<SettingName>%s</SettingName></UserSettingError>",
                                   escaped);
    }
    g_autofree char *inside = g_strdup_printf(
        "<RedirectTarget i:nil=\"true\"/><UserSettingErrors>%s</UserSettingErrors>"
        "<UserSettings>%s</UserSettings>",
        errors->str, settings->str);
    answer_soap(answer, "NoError", inside);
}

static void
tell_pox(ExgSimAnswer *answer, const Question *question, const ExgSimMailbox *mailbox)
{
    g_autofree char *name = g_markup_escape_text(mailbox->display_name, -1);
    g_autofree char *inside =
        question->schema == OUTLOOK
            ? g_strdup_printf("<User><DisplayName>%s</DisplayName><LegacyDN>/o=Sim/cn=%s</LegacyDN>"
                              "<AutoDiscoverSMTPAddress>%s</AutoDiscoverSMTPAddress></User>"
                              "<Account><AccountType>email</AccountType><Action>settings</Action>"
                              "<Protocol><Type>EXCH</Type><EwsUrl>%s</EwsUrl><ASUrl>%s</ASUrl>"
                              "</Protocol><Protocol><Type>EXPR</Type><EwsUrl>%s</EwsUrl>"
                              "<ASUrl>%s</ASUrl></Protocol></Account>",
                              name, mailbox->sid, mailbox->address, question->endpoint,
                              question->endpoint, question->endpoint, question->endpoint)
            : g_strdup_printf("<Culture>en:us</Culture><User><DisplayName>%s</DisplayName>"
                              "<EMailAddress>%s</EMailAddress></User><Action><Settings><Server>"
                              "<Type>MobileSync</Type><Url>%s</Url><Name>%s</Name></Server>"
                              "</Settings></Action>",
                              name, mailbox->address, question->endpoint, question->endpoint);
    answer_pox(answer, question->schema, inside);
}

const char *
exg_sim_autodiscover_answer(const ExgSimDirectory *directory, const ExgSimHttpRequest *request,
                            ExgSimAnswer *answer)
{
    g_auto(Question) question;
    question_init(&question, request);
    const ExgSimMailbox *mailbox = question.refusal == NULL
                                       ? exg_sim_directory_find(directory, question.address)
                                       : NULL;
    if (question.refusal != NULL)
        answer_refusal(answer, &question);
    else if (mailbox == NULL)
        answer_code(answer, &question,
                    question.protocol == SOAP  ? "InvalidUser"
                    : question.protocol == POX ? "500"
                                               : "UserNotFound");
    else if (question.protocol == SOAP)
        tell_settings(answer, &question, mailbox);
    else if (question.protocol == POX)
        tell_pox(answer, &question, mailbox);
    else
        answer_json(answer, 200,
                    g_strdup_printf("{\"Protocol\":\"EWS\",\"Url\":\"%s\"}", question.endpoint));
    if (question.protocol == JSON && exg_sim_http_request_header(request, "Authorization") != NULL)
        return "The JSON form came with credentials";
    return question.refusal;
}

/* --- redirections ----------------------------------------------------------------------------- */

/* In the words of the protocol; JSON has none but those of HTTP. */
static void
answer_redirect(ExgSimAnswer *answer, const Question *question, const char *target)
{
    bool is_address = strchr(target, '@') != NULL;
    g_autofree char *escaped = g_markup_escape_text(target, -1);
    g_autofree char *inside = NULL;
    if (question->protocol == SOAP) {
        inside = g_strdup_printf("<RedirectTarget>%s</RedirectTarget>", escaped);
        answer_soap(answer, is_address ? "RedirectAddress" : "RedirectUrl", inside);
    } else if (question->protocol == POX) {
        inside = is_address ? g_strdup_printf("<Account><Action>redirectAddr</Action>"
                                              "<RedirectAddr>%s</RedirectAddr></Account>",
                                              escaped)
                            : g_strdup_printf("<Account><Action>redirectUrl</Action>"
                                              "<RedirectUrl>%s</RedirectUrl></Account>",
                                              escaped);
        answer_pox(answer, OUTLOOK, inside);
    } else if (is_address) {
        answer_code(answer, question, "ProtocolNotSupported");
    } else {
        exg_sim_answer_set_status(answer, 302, true);
        exg_sim_answer_add_header(answer, "Location", target);
    }
}

bool
exg_sim_autodiscover_answer_fault(const ExgSimFault *fault, const ExgSimHttpRequest *request,
                                  ExgSimAnswer *answer)
{
    bool is_ours = fault->action == EXG_SIM_CODE || fault->action == EXG_SIM_CAPACITY ||
                   fault->action == EXG_SIM_REDIRECT;
    if (!is_ours || !exg_sim_autodiscover_is_path(request->target))
        return false;
    g_auto(Question) question;
    question_init(&question, request);
    if (fault->action != EXG_SIM_REDIRECT) {
        answer_code(answer, &question, fault->code);
    } else if (fault->by_http) {
        exg_sim_answer_set_status(answer, 302, true);
        exg_sim_answer_add_header(answer, "Location", fault->code);
    } else {
        answer_redirect(answer, &question, fault->code);
    }
    return true;
}
