#include "tests/exchange-sim/streaming.h"

#include "common/base/clock.h"
#include "tests/exchange-sim/soap.h"

#include <string.h>

struct ExgSimStreaming {
    ExgStream *stream;
    ExgSimSubscriptions *subscriptions;
    const ExgSimProduct *product;
    GPtrArray *ids; /* of strings */
    gint64 end_us, heartbeat_ms;
    ExgTimer timer;
    ExgLater later;
    guint64 n_envelopes; /* written so far, without the first */
    guint64 stall_after, reset_after;
    bool lost;
    ExgSimStreamFunc done;
    gpointer data;
};

void
exg_sim_stream_write_chunk(ExgStream *stream, const char *text, gsize length)
{
    char size[20];
    int digits = g_snprintf(size, sizeof size, "%zx\r\n", length);
    exg_stream_write(stream, size, (gsize)digits);
    exg_stream_write(stream, text, length);
    exg_stream_write(stream, "\r\n", 2);
}

static void
start_envelope(const ExgSimStreaming *streaming, ExgXmlWriter *writer, const char *code)
{
    exg_sim_soap_start(writer, streaming->product);
    exg_xml_start(writer, "m:GetStreamingEventsResponse");
    exg_xml_start(writer, "m:ResponseMessages");
    exg_xml_start(writer, "m:GetStreamingEventsResponseMessage");
    exg_xml_attribute(writer, "ResponseClass", code == NULL ? "Success" : "Error");
    if (code != NULL)
        exg_xml_element(writer, "m:MessageText", exg_sim_code_text(code));
    exg_xml_element(writer, "m:ResponseCode", code != NULL ? code : "NoError");
    if (code != NULL)
        exg_xml_element(writer, "m:DescriptiveLinkKey", "0");
}

/* Whether the scenario lets it go on. */
static bool
write_envelope(ExgSimStreaming *streaming, ExgXmlWriter *writer)
{
    gsize length;
    g_autofree char *text = exg_sim_soap_end(writer, &length);
    if (streaming->n_envelopes >= streaming->reset_after) {
        exg_timer_cancel(&streaming->timer);
        exg_later_cancel(&streaming->later);
        streaming->done(EXG_SIM_STREAM_RESET, streaming->data);
        return false;
    }
    if (streaming->n_envelopes < streaming->stall_after)
        exg_sim_stream_write_chunk(streaming->stream, text, length);
    streaming->n_envelopes++;
    return true;
}

static void
close_stream(ExgSimStreaming *streaming)
{
    ExgXmlWriter writer;
    start_envelope(streaming, &writer,
                   streaming->lost ? "ErrorNewEventStreamConnectionOpened" : NULL);
    exg_xml_element(&writer, "m:ConnectionStatus", "Closed");
    if (!write_envelope(streaming, &writer))
        return;
    if (streaming->n_envelopes > streaming->stall_after)
        return; /* silent for ever */
    exg_timer_cancel(&streaming->timer);
    exg_stream_write(streaming->stream, "0\r\n\r\n", 5);
    streaming->done(EXG_SIM_STREAM_CLOSED, streaming->data);
}

static void
set_timer(ExgSimStreaming *streaming)
{
    exg_timer_set(&streaming->timer,
                  MIN(streaming->end_us, exg_clock_deadline_ms(streaming->heartbeat_ms)));
}

static void
tell(ExgSimStreaming *streaming, bool heartbeat)
{
    ExgXmlWriter writer;
    start_envelope(streaming, &writer, NULL);
    exg_xml_start(&writer, "m:Notifications");
    for (guint i = 0; i < streaming->ids->len; i++) {
        ExgSimSubscription *subscription = exg_sim_subscriptions_find(
            streaming->subscriptions, g_ptr_array_index(streaming->ids, i));
        if (subscription != NULL && (heartbeat || exg_sim_subscription_has_news(subscription)))
            exg_sim_subscription_write(subscription, &writer);
    }
    if (write_envelope(streaming, &writer))
        set_timer(streaming);
}

static void
timer_due(gpointer data)
{
    ExgSimStreaming *streaming = data;
    if (exg_clock_monotonic_us() >= streaming->end_us)
        close_stream(streaming);
    else
        tell(streaming, true);
}

static void
news_due(gpointer data)
{
    ExgSimStreaming *streaming = data;
    if (streaming->lost)
        close_stream(streaming);
    else
        tell(streaming, false);
}

/* At the end of the round, so that what happens together is told together. */
static void
on_news(ExgSimSubscription *subscription, bool lost, gpointer data)
{
    ExgSimStreaming *streaming = data;
    streaming->lost |= lost;
    exg_later_set(&streaming->later);
}

ExgSimStreaming *
exg_sim_streaming_new(ExgEngine *engine, ExgStream *stream, ExgSimDirectory *directory,
                      const GPtrArray *ids, guint minutes, const ExgSimStreamPace *pace,
                      const ExgSimFault *fault, ExgSimStreamFunc done, gpointer data)
{
    ExgSimStreaming *streaming = g_new0(ExgSimStreaming, 1);
    streaming->stream = stream;
    streaming->subscriptions = exg_sim_directory_subscriptions(directory);
    streaming->product = exg_sim_directory_product(directory);
    streaming->ids = g_ptr_array_new_with_free_func(g_free);
    streaming->end_us = exg_clock_deadline_ms(minutes * pace->minute_ms);
    streaming->heartbeat_ms = pace->heartbeat_ms;
    streaming->stall_after = streaming->reset_after = G_MAXUINT64;
    if (fault != NULL && fault->action == EXG_SIM_STREAM_STALL)
        streaming->stall_after = fault->amount;
    if (fault != NULL && fault->action == EXG_SIM_STREAM_DROP)
        streaming->reset_after = fault->amount;
    streaming->done = done;
    streaming->data = data;
    exg_timer_init(&streaming->timer, engine, timer_due, streaming);
    exg_later_init(&streaming->later, engine, news_due, streaming);
    for (guint i = 0; i < ids->len; i++) {
        const char *id = g_ptr_array_index(ids, i);
        ExgSimSubscription *subscription = exg_sim_subscriptions_find(streaming->subscriptions, id);
        g_ptr_array_add(streaming->ids, g_strdup(id));
        exg_sim_subscription_listen(subscription, on_news, streaming);
        if (exg_sim_subscription_has_news(subscription))
            exg_later_set(&streaming->later);
    }
    set_timer(streaming);
    return streaming;
}

void
exg_sim_streaming_free(ExgSimStreaming *streaming)
{
    if (streaming == NULL)
        return;
    for (guint i = 0; i < streaming->ids->len && !streaming->lost; i++) {
        ExgSimSubscription *subscription = exg_sim_subscriptions_find(
            streaming->subscriptions, g_ptr_array_index(streaming->ids, i));
        if (subscription != NULL)
            exg_sim_subscription_listen(subscription, NULL, NULL);
    }
    exg_timer_cancel(&streaming->timer);
    exg_later_cancel(&streaming->later);
    g_ptr_array_unref(streaming->ids);
    g_free(streaming);
}
