#include "common/autodiscover/soap.h"

#include "common/autodiscover/answer-private.h"
#include "common/base/error.h"
#include "common/xml/writer.h"

#include <string.h>

#define VERSION   "Exchange2013" /* of the request: every server from 2010 on takes it */
#define MAX_BUILD 65535

static const char soap[] = "http://schemas.xmlsoap.org/soap/envelope/";
static const char space[] = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
static const char addressing[] = "http://www.w3.org/2005/08/addressing";
static const char action[] =
    "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings";

const char *const exg_autodiscover_usual_settings[] = {
    "AutoDiscoverSMTPAddress", "CasVersion",
    "EwsSupportedSchemas",     "ExternalEwsUrl",
    "GroupingInformation",     "InternalEwsUrl",
    "MailboxVersion",          "UserDN",
    "UserDisplayName",         NULL,
};

/* clang-format off */
const char *const exg_autodiscover_all_settings[] = {
    "ActiveDirectoryServer", "AlternateMailboxes", "AutoDiscoverSMTPAddress", "CasVersion",
    "CertPrincipalName", "CrossOrganizationSharingEnabled", "DocumentSharingLocations",
    "EcpConnectUrlFragment", "EcpDeliveryReportUrlFragment", "EcpEmailSubscriptionsUrlFragment",
    "EcpExtensionInstallationUrlFragment", "EcpPhotoUrlFragment", "EcpPublishingUrlFragment",
    "EcpRetentionPolicyTagsUrlFragment", "EcpTeamMailboxCreatingUrlFragment",
    "EcpTeamMailboxEditingUrlFragment", "EcpTeamMailboxUrlFragment", "EcpTextMessagingUrlFragment",
    "EcpVoicemailUrlFragment", "EwsPartnerUrl", "EwsSupportedSchemas", "ExchangeRpcUrl",
    "ExternalEcpConnectUrl", "ExternalEcpDeliveryReportUrl", "ExternalEcpEmailSubscriptionsUrl",
    "ExternalEcpExtensionInstallationUrl", "ExternalEcpPhotoUrl", "ExternalEcpPublishingUrl",
    "ExternalEcpRetentionPolicyTagsUrl", "ExternalEcpTeamMailboxCreatingUrl",
    "ExternalEcpTeamMailboxEditingUrl", "ExternalEcpTeamMailboxHidingUrl",
    "ExternalEcpTeamMailboxUrl", "ExternalEcpTextMessagingUrl", "ExternalEcpUrl",
    "ExternalEcpVoicemailUrl", "ExternalEmwsUrl", "ExternalEwsUrl", "ExternalEwsVersion",
    "ExternalImap4Connections", "ExternalMailboxServer",
    "ExternalMailboxServerAuthenticationMethods", "ExternalMailboxServerRequiresSSL",
    "ExternalOABUrl", "ExternalOutlookServiceUrl", "ExternalPhotosUrl", "ExternalPop3Connections",
    "ExternalServerExclusiveConnect", "ExternalSmtpConnections", "ExternalUMUrl",
    "ExternalWebClientUrls", "GroupingInformation", "InternalEcpConnectUrl",
    "InternalEcpDeliveryReportUrl", "InternalEcpEmailSubscriptionsUrl",
    "InternalEcpExtensionInstallationUrl", "InternalEcpPhotoUrl", "InternalEcpPublishingUrl",
    "InternalEcpRetentionPolicyTagsUrl", "InternalEcpTeamMailboxCreatingUrl",
    "InternalEcpTeamMailboxEditingUrl", "InternalEcpTeamMailboxHidingUrl",
    "InternalEcpTeamMailboxUrl", "InternalEcpTextMessagingUrl", "InternalEcpUrl",
    "InternalEcpVoicemailUrl", "InternalEmwsUrl", "InternalEwsUrl", "InternalImap4Connections",
    "InternalMailboxServer", "InternalMailboxServerAuthenticationMethods", "InternalMailboxServerDN",
    "InternalOABUrl", "InternalOutlookServiceUrl", "InternalPhotosUrl", "InternalPop3Connections",
    "InternalRpcClientServer", "InternalRpcHttpAuthenticationMethod",
    "InternalRpcHttpConnectivityRequiresSsl", "InternalRpcHttpServer",
    "InternalServerExclusiveConnect", "InternalSmtpConnections", "InternalUMUrl",
    "InternalWebClientUrls", "InteropExternalEwsUrl", "InteropExternalEwsVersion", "MailboxDN",
    "MailboxVersion", "MapiHttpEnabled", "MobileMailboxPolicy", "MobileMailboxPolicyInterop",
    "PublicFolderInformation", "PublicFolderServer", "RedirectUrl", "SPMySiteHostURL",
    "ShowGalAsDefaultView", "SiteMailboxCreationURL", "UserDN", "UserDeploymentId",
    "UserDisplayName", "UserMSOnline", NULL,
};
/* clang-format on */

char *
exg_autodiscover_soap_request(const char *url, const char *address, const char *const *settings,
                              gsize *ret_length)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "s:Envelope");
    exg_xml_attribute(&writer, "xmlns:s", soap);
    exg_xml_attribute(&writer, "xmlns:a", space);
    exg_xml_attribute(&writer, "xmlns:wsa", addressing);
    exg_xml_start(&writer, "s:Header");
    exg_xml_element(&writer, "a:RequestedServerVersion", VERSION);
    exg_xml_element(&writer, "wsa:Action", action);
    exg_xml_element(&writer, "wsa:To", url);
    exg_xml_end(&writer);
    exg_xml_start(&writer, "s:Body");
    exg_xml_start(&writer, "a:GetUserSettingsRequestMessage");
    exg_xml_start(&writer, "a:Request");
    exg_xml_start(&writer, "a:Users");
    exg_xml_start(&writer, "a:User");
    exg_xml_element(&writer, "a:Mailbox", address);
    exg_xml_end(&writer);
    exg_xml_end(&writer);
    exg_xml_start(&writer, "a:RequestedSettings");
    for (gsize i = 0; settings[i] != NULL; i++)
        exg_xml_element(&writer, "a:Setting", settings[i]);
    return exg_xml_writer_steal(&writer, ret_length);
}

/* --- the answer ------------------------------------------------------------------------------- */

static const char *
text_of(const ExgXmlNode *node, const char *name)
{
    const ExgXmlNode *child = exg_xml_node_child(node, space, name);
    return child != NULL ? child->text : NULL;
}

/* Four numbers, or nothing. */
static void
read_build(ExgAutodiscoverAnswer *answer, const ExgXmlNode *header)
{
    static const char *const parts[] = {"MajorVersion", "MinorVersion", "MajorBuildNumber",
                                        "MinorBuildNumber"};
    const ExgXmlNode *info = exg_xml_node_child(header, space, "ServerVersionInfo");
    g_autoptr(GString) build = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *text = text_of(info, parts[i]);
        guint64 number;
        if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, MAX_BUILD, &number, NULL))
            return;
        g_string_append_printf(build, "%s%" G_GUINT64_FORMAT, i > 0 ? "." : "", number);
    }
    answer->build = g_strdup(build->str);
}

/* What the code of a response or of a user makes of the answer; a redirection without a target leads
 * nowhere. */
static void
read_code(ExgAutodiscoverAnswer *answer, const ExgXmlNode *node)
{
    static const struct {
        const char *code;
        ExgAutodiscoverKind kind;
    } kinds[] = {
        {"NoError", EXG_AUTODISCOVER_SETTINGS},
        {"RedirectAddress", EXG_AUTODISCOVER_REDIRECT_ADDRESS},
        {"RedirectUrl", EXG_AUTODISCOVER_REDIRECT_URL},
        {"InvalidUser", EXG_AUTODISCOVER_NO_USER},
        {"ServerBusy", EXG_AUTODISCOVER_BUSY},
        {"InternalServerError", EXG_AUTODISCOVER_BUSY},
    };
    const char *code = text_of(node, "ErrorCode");
    ExgAutodiscoverKind kind = EXG_AUTODISCOVER_NOT_HERE;
    for (gsize i = 0; code != NULL && i < G_N_ELEMENTS(kinds); i++)
        if (g_str_equal(kinds[i].code, code))
            kind = kinds[i].kind;
    answer->kind = kind;
    if (kind == EXG_AUTODISCOVER_SETTINGS)
        return;
    exg_autodiscover_answer_explain(answer, code, text_of(node, "ErrorMessage"));
    bool redirects = kind == EXG_AUTODISCOVER_REDIRECT_ADDRESS ||
                     kind == EXG_AUTODISCOVER_REDIRECT_URL;
    if (redirects &&
        !exg_autodiscover_answer_redirect(answer, kind, text_of(node, "RedirectTarget")))
        answer->kind = EXG_AUTODISCOVER_NOT_HERE;
}

/* "HOST:PORT ENCRYPTION" of each, joined by commas. (transfer full) */
static char *
connections(const ExgXmlNode *list)
{
    GString *text = g_string_new(NULL);
    for (const ExgXmlNode *node = exg_xml_node_child(list, space, "ProtocolConnection");
         node != NULL; node = exg_xml_node_next_same(node)) {
        const char *host = text_of(node, "Hostname"), *port = text_of(node, "Port");
        const char *encryption = text_of(node, "EncryptionMethod");
        if (host != NULL && port != NULL)
            g_string_append_printf(text, "%s%s:%s %s", text->len > 0 ? ", " : "", host, port,
                                   encryption != NULL ? encryption : "");
    }
    return g_string_free(text, FALSE);
}

/* "URL (METHODS)" of each. (transfer full) */
static char *
web_clients(const ExgXmlNode *list)
{
    GString *text = g_string_new(NULL);
    for (const ExgXmlNode *node = exg_xml_node_child(list, space, "WebClientUrl"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        const char *url = text_of(node, "Url"), *methods = text_of(node, "AuthenticationMethods");
        if (url != NULL)
            g_string_append_printf(text, "%s%s (%s)", text->len > 0 ? ", " : "", url,
                                   methods != NULL ? methods : "");
    }
    return g_string_free(text, FALSE);
}

/* "TYPE ADDRESS" of each. (transfer full) */
static char *
alternates(const ExgXmlNode *list)
{
    GString *text = g_string_new(NULL);
    for (const ExgXmlNode *node = exg_xml_node_child(list, space, "AlternateMailbox"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        const char *type = text_of(node, "Type"), *address = text_of(node, "SmtpAddress");
        const char *name = text_of(node, "DisplayName");
        g_string_append_printf(text, "%s%s %s", text->len > 0 ? ", " : "", type != NULL ? type : "",
                               address != NULL ? address
                               : name != NULL  ? name
                                               : "");
    }
    return g_string_free(text, FALSE);
}

static void
read_setting(ExgAutodiscoverAnswer *answer, const ExgXmlNode *node)
{
    const char *name = text_of(node, "Name");
    if (name == NULL || name[0] == '\0')
        return;
    const ExgXmlNode *list;
    g_autofree char *joined = NULL;
    if ((list = exg_xml_node_child(node, space, "ProtocolConnections")) != NULL)
        joined = connections(list);
    else if ((list = exg_xml_node_child(node, space, "WebClientUrls")) != NULL)
        joined = web_clients(list);
    else if ((list = exg_xml_node_child(node, space, "AlternateMailboxes")) != NULL)
        joined = alternates(list);
    exg_autodiscover_answer_put(answer, name, joined != NULL ? joined : text_of(node, "Value"));
}

/* Errors of single settings do no harm: the setting is not there. */
static void
read_user(ExgAutodiscoverAnswer *answer, const ExgXmlNode *user)
{
    read_code(answer, user);
    const ExgXmlNode *list = exg_xml_node_child(user, space, "UserSettings");
    for (const ExgXmlNode *setting = exg_xml_node_child(list, space, "UserSetting");
         setting != NULL; setting = exg_xml_node_next_same(setting))
        read_setting(answer, setting);
}

static bool
senseless(GError **error, const char *what)
{
    return exg_error_set(error, EXG_ERROR_PROTOCOL, "The answer is not autodiscover's: %s", what);
}

/* A fault speaks for the whole server: it does not do what we ask for. */
static ExgAutodiscoverAnswer *
read_fault(const ExgXmlNode *fault)
{
    const ExgXmlNode *code = exg_xml_node_child(fault, NULL, "faultcode");
    const ExgXmlNode *text = exg_xml_node_child(fault, NULL, "faultstring");
    ExgAutodiscoverAnswer *answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_NOT_HERE);
    exg_autodiscover_answer_explain(answer, code != NULL ? code->text : NULL,
                                    text != NULL ? text->text : NULL);
    return answer;
}

ExgAutodiscoverAnswer *
exg_autodiscover_soap_read(const char *xml, gsize length, GError **error)
{
    g_autoptr(ExgXmlTree) tree = exg_autodiscover_xml_parse(xml, length, error);
    if (tree == NULL)
        return NULL;
    const ExgXmlNode *root = exg_xml_tree_root(tree);
    const ExgXmlNode *body = exg_xml_node_is(root, soap, "Envelope")
                                 ? exg_xml_node_child(root, soap, "Body")
                                 : NULL;
    const ExgXmlNode *fault = exg_xml_node_child(body, soap, "Fault");
    if (fault != NULL)
        return read_fault(fault);
    const ExgXmlNode *message = exg_xml_node_child(body, space, "GetUserSettingsResponseMessage");
    const ExgXmlNode *response = exg_xml_node_child(message, space, "Response");
    if (response == NULL) {
        senseless(error, "it has no Response");
        return NULL;
    }
    g_autoptr(ExgAutodiscoverAnswer)
        answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_NOT_HERE);
    read_build(answer, exg_xml_node_child(root, soap, "Header"));
    read_code(answer, response);
    if (answer->kind != EXG_AUTODISCOVER_SETTINGS)
        return g_steal_pointer(&answer);
    const ExgXmlNode *users = exg_xml_node_child(response, space, "UserResponses");
    const ExgXmlNode *user = exg_xml_node_child(users, space, "UserResponse");
    if (user == NULL) {
        senseless(error, "it has no UserResponse");
        return NULL;
    }
    read_user(answer, user);
    return g_steal_pointer(&answer);
}
