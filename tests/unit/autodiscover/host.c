#include "common/autodiscover/host-private.h"

#include "common/autodiscover/answer-private.h"

/* Where parsers of URLs read different hosts, or another one than a person does, there is none. */
static void
test_https(void)
{
    static const struct {
        const char *url, *host;
    } rows[] = {
        {"https://mail.example.com/EWS/Exchange.asmx", "mail.example.com"},
        {"HTTPS://Mail.Example.COM/EWS", "mail.example.com"},
        {"https://mail.example.com:8443/EWS", "mail.example.com"},
        {"https://mail.example.com", "mail.example.com"},
        {"https://mail.example.com?x#y", "mail.example.com"},
        {"https://ex_1.example.com/", "ex_1.example.com"},
        {"https://xn--bcher-kva.example/", "xn--bcher-kva.example"},
        {"https://mail.example.com./", "mail.example.com."},
        {"http://mail.example.com/", NULL},
        {"https:mail.example.com/", NULL},
        {"https:///EWS", NULL},
        {"mail.example.com", NULL},
        {"", NULL},
        {" https://mail.example.com/", NULL},
        {"https://mail.example.com:99999/", NULL},
        {"https://192.0.2.1/", NULL},
        {"https://[2001:db8::1]/", NULL},
        {"https://[::1%25eth0]/", NULL},
        {"https://ann@mail.example.com/", NULL},
        {"https://ann:pw@mail.example.com/", NULL},
        {"https://@mail.example.com/", NULL},
        {"https://evil.test\\.example.com/", NULL},
        {"https://evil.test\\@mail.example.com/", NULL},
        {"https://evil.test%2f.example.com/", NULL},
        {"https://evil.test%23.example.com/", NULL},
        {"https://mail%2eexample.com/", NULL},
        {"https://evil.test;.example.com/", NULL},
        {"https://evil.test .example.com/", NULL},
        {"https://evil.test\t.example.com/", NULL},
        {"https://evil.test\xef\xbc\x8f.example.com/", NULL}, /* FULLWIDTH SOLIDUS */
        {"https://evil.test\xe3\x80\x82"
         "example.com/",
         NULL}, /* IDEOGRAPHIC FULL STOP */
        {"https://b\xc3\xbc"
         "cher.example/",
         NULL},
        {"https://b\xfc"
         "cher.example/",
         NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *fault;
        g_autofree char *host = exg_autodiscover_https_host(rows[i].url, &fault);
        g_assert_cmpstr(host, ==, rows[i].host);
        g_assert_true((fault == NULL) == (host != NULL));
        g_autoptr(ExgAutodiscoverAnswer)
            answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
        exg_autodiscover_answer_put(answer, "ExternalEwsUrl", rows[i].url);
        if (host == NULL && rows[i].url[0] != ' ')
            g_assert_null(exg_autodiscover_answer_ews_url(answer, false));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/autodiscover/host/C5-https", test_https);
    return g_test_run();
}
