/* post - posts one request again and again over n parallel connections: what libcurl alone does to the same server.
 *
 *     post URL CA-FILE USER:PASSWORD MAILBOX CONNECTIONS REQUESTS MESSAGE-BYTES|REQUEST-FILE
 *
 * The request is a CreateItem with a message of that length, or what is in the file. Each connection is one curl handle that sends
 * the next request when the last is answered. The connections are made before the clock starts, but with 0 REQUESTS there is one
 * request from a cold start. Prints "seconds cpu-seconds peak-KiB", and fails if an answer is not a success. */
#include "tests/bench/usage.h"

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_KEPT_BYTES 4096 /* of an answer, to see how it went */

typedef struct {
    CURL *easy;
    GString *answer;
} Connection;

typedef struct {
    CURLM *multi;
    int left;
    int failed;
} Run;

static char *
build_message(gsize length)
{
    GString *message = g_string_sized_new(length + 256);
    g_string_append(message, "From: a@bench.test\r\nTo: b@bench.test\r\nSubject: bench\r\n\r\n");
    while (message->len < length)
        g_string_append(message,
                        "The quick brown fox jumps over the lazy dog, and again and again.\r\n");
    g_string_truncate(message, MAX(length, 2));
    return g_string_free(message, FALSE);
}

static char *
build_request(const char *mailbox, gsize length)
{
    g_autofree char *message = build_message(length);
    g_autofree char *encoded = g_base64_encode((const guchar *)message, strlen(message));
    return g_strconcat(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" "
        "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>"
        "<t:RequestServerVersion "
        "Version=\"Exchange2013_SP1\"/><t:ExchangeImpersonation><t:ConnectingSID>"
        "<t:SmtpAddress>",
        mailbox,
        "</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header><s:Body>"
        "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId>"
        "<t:DistinguishedFolderId Id=\"inbox\"/></m:SavedItemFolderId><m:Items><t:Message>"
        "<t:MimeContent CharacterSet=\"UTF-8\">",
        encoded,
        "</t:MimeContent><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E07\" "
        "PropertyType=\"Integer\"/><t:Value>0</t:Value></t:ExtendedProperty><t:IsRead>false</"
        "t:IsRead>"
        "</t:Message></m:Items></m:CreateItem></s:Body></s:Envelope>",
        NULL);
}

static size_t
take_answer(char *bytes, size_t size, size_t count, void *data)
{
    GString *answer = data;
    gsize kept = MIN(size * count, ANSWER_KEPT_BYTES - answer->len);
    g_string_append_len(answer, bytes, (gssize)kept);
    return size * count;
}

/* False: none is left to send. */
static bool
start(Run *run, Connection *connection)
{
    if (run->left == 0)
        return false;
    run->left--;
    g_string_truncate(connection->answer, 0);
    curl_multi_add_handle(run->multi, connection->easy);
    return true;
}

/* Goes on to the connection's next request; false as in start(). */
static bool
finish(Run *run, const CURLMsg *message)
{
    Connection *connection;
    long status = 0;
    CURLcode result = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &connection);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(run->multi, connection->easy);
    if (result != CURLE_OK || status != 200 || strstr(connection->answer->str, "NoError") == NULL) {
        if (run->failed++ == 0)
            fprintf(stderr, "post: %s, status %ld: %.300s\n", curl_easy_strerror(result), status,
                    connection->answer->str);
    }
    return start(run, connection);
}

static void
run_all(Run *run, int requests, Connection *connections, int n_connections)
{
    int running;
    run->left = requests;
    for (int i = 0; i < n_connections; i++)
        start(run, &connections[i]);
    do {
        curl_multi_perform(run->multi, &running);
        int waiting;
        const CURLMsg *message;
        while ((message = curl_multi_info_read(run->multi, &waiting)) != NULL)
            running += finish(run, message) ? 1 : 0;
        if (running > 0)
            curl_multi_poll(run->multi, NULL, 0, 1000, NULL);
    } while (running > 0);
}

static int
number(const char *text)
{
    return (int)g_ascii_strtoll(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: post URL CA-FILE USER:PASSWORD MAILBOX CONNECTIONS REQUESTS "
                        "MESSAGE-BYTES|REQUEST-FILE\n");
        return 64;
    }
    int n_connections = number(argv[5]);
    Run run = {0};
    g_autofree char *request = NULL;
    if (!g_ascii_isdigit(argv[7][0]))
        g_file_get_contents(argv[7], &request, NULL, NULL);
    if (request == NULL)
        request = build_request(argv[4], (gsize)number(argv[7]));
    curl_global_init(CURL_GLOBAL_ALL);
    run.multi = curl_multi_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");
    headers = curl_slist_append(headers, "Expect:");

    g_autofree Connection *connections = g_new0(Connection, n_connections);
    for (int i = 0; i < n_connections; i++) {
        Connection *connection = &connections[i];
        connection->easy = curl_easy_init();
        connection->answer = g_string_new(NULL);
        curl_easy_setopt(connection->easy, CURLOPT_PRIVATE, connection);
        curl_easy_setopt(connection->easy, CURLOPT_URL, argv[1]);
        curl_easy_setopt(connection->easy, CURLOPT_CAINFO, argv[2]);
        curl_easy_setopt(connection->easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(connection->easy, CURLOPT_USERPWD, argv[3]);
        curl_easy_setopt(connection->easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(connection->easy, CURLOPT_POSTFIELDS, request);
        curl_easy_setopt(connection->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)strlen(request));
        curl_easy_setopt(connection->easy, CURLOPT_WRITEFUNCTION, take_answer);
        curl_easy_setopt(connection->easy, CURLOPT_WRITEDATA, connection->answer);
        curl_easy_setopt(connection->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    }
    int requests = number(argv[6]);
    BenchUsage usage = {0};
    if (requests > 0) {
        run_all(&run, n_connections, connections, n_connections);
        usage = bench_usage_now();
    }
    run_all(&run, MAX(requests, 1), connections, n_connections);
    bench_usage_print_since(&usage);
    printf("\n");

    for (int i = 0; i < n_connections; i++) {
        curl_easy_cleanup(connections[i].easy);
        g_string_free(connections[i].answer, TRUE);
    }
    curl_multi_cleanup(run.multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return run.failed > 0;
}
